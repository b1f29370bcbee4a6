"""Replacements for the plugin caches of other programs: their names, signatures and files, over plugcache.

Each module stands for one original, and its `install()` puts it where that program looks for the original. Nothing
here is imported by the rest of the package.
"""
