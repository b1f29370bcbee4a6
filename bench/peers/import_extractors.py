"""yt-dlp's own way: import every extractor. Argument: the directory that holds the package yt_dlp.

The rest of yt-dlp is imported before the clock starts: a host has it anyway.
"""

import os
import sys

from clock import measured

os.environ["YTDLP_NO_LAZY_EXTRACTORS"] = "1"
sys.path.insert(0, sys.argv[1])

import yt_dlp  # noqa: E402, F401


def work():
    import yt_dlp.extractor.extractors as extractors

    return len(extractors._CLASS_LOOKUP)


measured(work)
