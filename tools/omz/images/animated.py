"""Animated images: GIF, APNG and WebP files of several frames, which are videos."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

ANIMATED_SUFFIXES = frozenset((".apng", ".gif", ".png", ".webp"))
"""Suffixes of files that may be animated."""

_PNG, _GIF, _ANIMATION = b"\x89PNG\r\n\x1a\n", (b"GIF87a", b"GIF89a"), 0x02


def is_animated(path: str | Path) -> bool:
    """Tell whether a file, by its suffix and its content, is an image of several frames.

    Only headers are read; a file that cannot be read, or is damaged there, is not animated.
    """
    if os.path.splitext(path)[1].lower() not in ANIMATED_SUFFIXES:
        return False
    try:
        if not os.path.isfile(path):  # a pipe is read once
            return False
        with open(path, "rb") as file:
            return is_animation(file)
    except (OSError, struct.error, IndexError, ValueError):
        return False


def is_animation(file: BinaryIO) -> bool:
    """Tell whether an open file is an image of several frames. Raises errors of any kind for damaged ones."""
    head = file.read(30)
    if head.startswith(_PNG):
        return _has_animation_control(file)
    if head.startswith(_GIF):
        return _has_second_image(file, head[10])
    return head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X" and bool(head[20] & _ANIMATION)


def _has_animation_control(file: BinaryIO) -> bool:
    """Look for the chunk acTL of several frames before the pixels (PNG, third edition, 11.3.2)."""
    file.seek(len(_PNG))
    while len(header := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", header)
        if kind == b"acTL":
            return int(struct.unpack(">I", file.read(4))[0]) > 1
        if kind == b"IDAT":
            return False
        file.seek(length + 4, os.SEEK_CUR)
    return False


def _has_second_image(file: BinaryIO, flags: int) -> bool:
    """Follow the blocks of a GIF (GIF89a, appendix B) to its second image, if any."""
    file.seek(13 + _table_length(flags))
    images = 0
    while images < 2:
        introducer = file.read(1)
        if introducer == b",":
            images += 1
            descriptor = file.read(9)
            file.seek(_table_length(descriptor[8]) + 1, os.SEEK_CUR)
        elif introducer == b"!":
            file.seek(1, os.SEEK_CUR)
        else:
            return False
        while length := file.read(1)[0]:
            file.seek(length, os.SEEK_CUR)
    return True


def _table_length(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0
