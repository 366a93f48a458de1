"""Digests of files."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from pathlib import Path
from typing import BinaryIO

CHUNK = 1 << 20


def new_digest(algorithm: str) -> hashlib._Hash:
    """Return an empty digest; ``algorithm`` is a name known to :mod:`hashlib`, MD5 also where security excludes it."""
    return hashlib.new(algorithm, usedforsecurity=False)


def open_file(path: Path) -> BinaryIO:
    """Open a file to be read, unbuffered; raises :class:`OSError` for a pipe or a device, which may never end."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        raise OSError(errno.EINVAL, "it is not a file", str(path))
    return os.fdopen(descriptor, "rb", buffering=0)


def file_digest(path: Path, algorithm: str = "sha384") -> str:
    """Return the digest of a file in hexadecimal digits; ``algorithm`` is a name known to :mod:`hashlib`."""
    digest = new_digest(algorithm)
    with open_file(path) as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
