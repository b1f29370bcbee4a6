"""Where the user's home directory is; a place of its own so that tests can replace it."""

from __future__ import annotations

from pathlib import Path


def get_home_dir() -> str:
    """The user's home directory."""
    return str(Path.home())
