"""The user's cache folder, and the versions that decide what an IR in it is."""

from __future__ import annotations

import os
from pathlib import Path

from omz.home import can_write, home_folder, system_folder, writable

REVISION = 7
"""Raise this whenever a change to the code can change an IR: its bytes, its inputs and outputs, or what it computes.

Cached IRs are found by package version and this number. If it stays the same, people who work from a checkout keep the
IRs of the old code.
"""


def cache_folder() -> Path:
    """Return the cache folder: ``OMZ_CACHE_DIR``, or the system's default.

    Where that cannot be written, it is a folder in ``OMZ_HOME``, if that is set.
    """
    asked = os.environ.get("OMZ_CACHE_DIR")
    if asked:
        return Path(asked)
    usual = system_folder("cache")
    if os.environ.get("OMZ_HOME") and not can_write(usual):
        return home_folder() / "cache"
    return usual


def writable_cache() -> Path:
    """Return the cache folder, or a temporary one where it cannot be written, of which one line tells."""
    remedy = "set OMZ_HOME"
    if os.environ.get("OMZ_CACHE_DIR"):
        remedy = "set OMZ_CACHE_DIR, or unset it and set OMZ_HOME,"
    return writable(cache_folder(), remedy)


def cache_place(*parts: str) -> Path:
    """Return a folder of the cache: where it is, or else where it can be made."""
    folder = cache_folder().joinpath(*parts)
    return folder if os.path.isdir(folder) else writable_cache().joinpath(*parts)


def another_place(folder: Path, action: str) -> str:
    """Return how to have results elsewhere than in ``folder``: by ``action``, or the variable of a user's folder."""
    if folder.absolute().is_relative_to(cache_folder().absolute()):
        return "set OMZ_CACHE_DIR to a folder that can be written"
    if folder.absolute().is_relative_to(home_folder().absolute()):
        return f"set OMZ_HOME to a folder that can be written, or {action} another folder"
    return f"{action} another folder"


def maker_versions() -> tuple[str, ...]:
    """Return the versions that decide, with its source, what a cached IR is."""
    from importlib.metadata import version  # takes 20 ms, which those who only look for the folder need not wait

    return version("open-matting-zoo"), str(REVISION), version("openvino")
