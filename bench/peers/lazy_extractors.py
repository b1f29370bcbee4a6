"""yt-dlp's generated list of extractors, which nothing checks against the files.

Argument: the directory that holds the package yt_dlp. The rest of yt-dlp is imported before the clock
starts: a host has it anyway.
"""

import sys

from clock import measured

sys.path.insert(0, sys.argv[1])

import yt_dlp  # noqa: E402, F401


def work():
    import yt_dlp.extractor.extractors as extractors

    return len(extractors._CLASS_LOOKUP)


measured(work)
