"""Detection of videos that are cut short, by the lengths in their headers."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

_EBML = b"\x1a\x45\xdf\xa3"


def is_cut_short(source: str | Path) -> bool:
    """Tell whether a MOV, MP4, Matroska, WebM or AVI file ends before the end that its headers give.

    It is false for other files, for streams, and if the headers leave the end open. FFmpeg does not report the end of
    a file that is cut short.
    """
    path = Path(source)
    if not path.is_file():
        return False
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(12)
        file.seek(0)
        if start[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
            return _end_of_boxes(file, size) > size
        if start[:4] == b"RIFF":
            return _end_of_chunks(file, size) > size
        return start[:4] == _EBML and _end_of_elements(file, size) > size


def _end_of_boxes(file: BinaryIO, size: int) -> int:
    """Follow the boxes of ISO/IEC 14496-12, 4.2."""
    position = 0
    while position < size:
        file.seek(position)
        header = file.read(16).ljust(16, b"\0")
        length = int.from_bytes(header[:4], "big")
        if length == 1:
            length = int.from_bytes(header[8:], "big")
        if length < 8:  # 0: to the end of the file
            return size
        position += length
    return position


def _end_of_chunks(file: BinaryIO, size: int) -> int:
    """Follow the RIFF chunks of an AVI file, of which long ones have several."""
    position = 0
    while position < size:
        file.seek(position)
        header = file.read(8)
        if len(header) < 8 or header[:4] != b"RIFF":
            return size
        (length,) = struct.unpack("<I", header[4:])
        if length == 0:  # its writer never finished
            return size
        position += 8 + length
    return position


def _end_of_elements(file: BinaryIO, size: int) -> int:
    """Follow the EBML header and the segment of a Matroska file (RFC 8794, 4 and 6; RFC 9559)."""
    position = 0
    for _ in range(2):
        file.seek(position + 4)  # both have names of four bytes
        first = file.read(1)
        if not first or not first[0]:
            return size
        width = 9 - first[0].bit_length()
        length = int.from_bytes(first + file.read(width - 1), "big") & ((1 << 7 * width) - 1)
        if length == (1 << 7 * width) - 1:  # unknown when it was written
            return size
        position += 4 + width + length
    return position
