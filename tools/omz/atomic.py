"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import glob
import os
import secrets
from collections.abc import Iterator
from pathlib import Path


def sweep(target: Path) -> None:
    """Remove the temporary files beside ``target`` that killed processes have left; none must be at work on it."""
    stem, suffix = glob.escape(target.stem), glob.escape(target.suffix)
    for rest in target.parent.glob(f".{stem}.????????.part{suffix}"):
        rest.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """Give a temporary path beside ``target`` to write to; move it there once the block ends well.

    A block that raises leaves ``target`` as it was and nothing else. A killed process can leave the temporary file,
    whose name starts with a dot, and never half a ``target``. The temporary name keeps the suffix, by which encoders
    choose their format.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.stem}.{secrets.token_hex(4)}.part{target.suffix}")
    try:
        yield temporary
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
