"""Pictures as a job takes them: what their files hold, and by what they are known again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from omz.checksum import file_digest
from omz.images.arrays import Picture
from omz.images.encoding import Metadata
from omz.images.files import read_picture_with_metadata
from omz_demo.inputs.discovery import Input

ALGORITHM = "sha256"


@dataclass(frozen=True)
class Fingerprint:
    """By what the content of a file is known again: its size in bytes, and its SHA-256; -1 and none where unread."""

    size: int = -1
    sha256: str = ""


def fingerprint(path: Path) -> Fingerprint:
    """Return the fingerprint of a file; that of nothing where it cannot be read."""
    try:
        return Fingerprint(path.stat().st_size, file_digest(path, ALGORITHM))
    except OSError:
        return Fingerprint()


def fingerprint_of(content: bytes) -> Fingerprint:
    """Return the fingerprint of a file with this content."""
    return Fingerprint(len(content), hashlib.new(ALGORITHM, content).hexdigest())


def read_still(item: Input, content: bytes | None = None) -> tuple[Picture, Metadata]:
    """Read a picture, and what its file says about it; from ``content``, where that came over standard input.

    Raises :class:`omz.errors.ImageError`.
    """
    return read_picture_with_metadata(item.path, content)
