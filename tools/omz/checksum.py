"""Digests of files."""

from __future__ import annotations

import hashlib
from pathlib import Path

CHUNK = 1 << 20


def new_digest(algorithm: str) -> hashlib._Hash:
    """Return an empty digest; ``algorithm`` is a name known to :mod:`hashlib`, MD5 also where security excludes it."""
    return hashlib.new(algorithm, usedforsecurity=False)


def file_digest(path: Path, algorithm: str = "sha384") -> str:
    """Return the digest of a file in hexadecimal digits; ``algorithm`` is a name known to :mod:`hashlib`."""
    digest = new_digest(algorithm)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
