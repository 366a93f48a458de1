"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import glob
import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

_HERE = -100  # AT_FDCWD: relative paths begin in the working directory
_EXCHANGE = 2  # RENAME_EXCHANGE


def replace_folder(new: Path, target: Path) -> None:
    """Put the folder ``new`` in the place of ``target``, and keep the entries that only ``target`` had.

    On Linux the two change places in one step: ``target`` is the old folder or the new one even if the power fails.
    Elsewhere there is a moment without it. The rest of the old folder lies where ``new`` was.
    """
    if not target.exists():
        _write_out(new)
        new.rename(target)
        return
    for entry in target.iterdir():
        if not os.path.lexists(new / entry.name):
            _link(entry, new / entry.name)
    _write_out(new)
    if not _exchange(new, target):
        aside = new.with_name(f"{new.name}.old")
        target.rename(aside)
        new.rename(target)


def _write_out(folder: Path) -> None:
    """Bring the files of a folder to the disk before it gets its name: a machine can stop at any moment."""
    for path in (*folder.rglob("*"), folder):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            continue
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _link(source: Path, target: Path) -> None:
    """Make a second name for a file, or for all files of a folder; copy where the file system has no hard links."""

    def link_or_copy(file: str | Path, name: str | Path) -> None:
        try:
            os.link(file, name, follow_symlinks=False)
        except OSError:
            shutil.copy2(file, name, follow_symlinks=False)

    if source.is_dir() and not source.is_symlink():
        shutil.copytree(source, target, symlinks=True, copy_function=link_or_copy)
    else:
        link_or_copy(source, target)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two paths in one step; return False where the system cannot."""
    if sys.platform != "linux":
        return False
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError:
        return False
    return renameat2(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0


def sweep(target: Path) -> None:
    """Remove the temporary files beside ``target`` that killed processes left; none may still be writing it."""
    stem, suffix = glob.escape(target.stem), glob.escape(target.suffix)
    for rest in target.parent.glob(f".{stem}.????????.part{suffix}"):
        rest.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """Give a temporary path beside ``target`` to write to; move it there once the block ends well.

    A block that raises leaves ``target`` as it was and nothing else. A killed process can leave the temporary file,
    whose name starts with a dot, and never half a ``target``. The temporary name keeps the suffix, by which encoders
    choose their format. Raises :class:`OSError` for a target that exists but is not a file.
    """
    if target.exists() and not target.is_file():
        raise OSError(errno.EINVAL, "it is a folder or a device", str(target))
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.stem}.{secrets.token_hex(4)}.part{target.suffix}")
    try:
        yield temporary
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
