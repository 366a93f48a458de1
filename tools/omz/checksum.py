"""Files by their content."""

from __future__ import annotations

import hashlib
from pathlib import Path

_CHUNK = 1 << 20


def sha384(path: Path) -> str:
    """Return the SHA-384 of a file as 96 hexadecimal digits."""
    digest = hashlib.sha384()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
