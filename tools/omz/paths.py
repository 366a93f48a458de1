"""Paths that users name: where they really lead, what they are, and names that every file system takes."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

_LONGEST_NAME = 255  # bytes, on all common file systems
_SHORT_STEM = 180  # bytes; the endings of this package fit behind it
_DIGITS = 8  # of the digest that tells shortened names apart
_KINDS = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}


def real_path(path: Path) -> Path:
    """Return where a path leads through its links; one that leads in a circle, as far as it can be followed."""
    return Path(os.path.realpath(path))


def what_else(path: str | Path) -> str:
    """Return what a path is that is neither a file nor a folder, such as ``a pipe``; nothing for all others."""
    try:
        return _KINDS.get(stat.S_IFMT(os.stat(path).st_mode), "")
    except (OSError, ValueError):
        return ""


def without_links(path: str, flags: int) -> int:
    """Open a file of ours for :func:`open`; it is no link, and what a link led to would be a file of others."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


def fitting_name(stem: str, ending: str) -> str:
    """Return ``stem`` and ``ending`` as the name of a file, with the stem in short where both are too long for one.

    Example:
        >>> from omz.paths import fitting_name
        >>> fitting_name("talk", "_cutout.mov")
        'talk_cutout.mov'
        >>> len(fitting_name("n" * 250, "_cutout.mov"))
        191
    """
    if len(os.fsencode(f"{stem}{ending}")) <= _LONGEST_NAME:
        return f"{stem}{ending}"
    return f"{short_stem(stem)}{ending}"


def short_stem(stem: str) -> str:
    """Return the beginning of a stem with a digest of it all, the same whatever ending follows."""
    digest = hashlib.sha256(os.fsencode(stem)).hexdigest()[:_DIGITS]
    kept = stem
    while len(os.fsencode(kept)) + 1 + _DIGITS > _SHORT_STEM:
        kept = kept[:-1]  # a character, for the half of one is no text
    return f"{kept}~{digest}"


def hidden_name(name: str, ending: str) -> str:
    """Return the name of a hidden file that belongs to a file called ``name``."""
    return fitting_name(f".{name}", ending)
