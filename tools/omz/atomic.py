"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import filecmp
import glob
import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from omz.paths import hidden_name

_HERE = -100  # AT_FDCWD: relative paths begin in the working directory
_EXCHANGE = 2  # RENAME_EXCHANGE
_LONGEST_SUFFIX = 16  # characters of the suffix of a format
_TOKEN = 8  # characters that tell the temporary files of one target apart
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL  # which follows no link that somebody has put there


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
    start, end = _around_token(target)
    for rest in target.parent.glob(f"{glob.escape(start)}{'?' * _TOKEN}{glob.escape(end)}"):
        rest.unlink(missing_ok=True)


def temporary_prefix(target: Path) -> str:
    """Return what the names of the temporary files of ``target``, and perhaps of others, begin with."""
    return _around_token(target)[0]


def _around_token(target: Path) -> tuple[str, str]:
    """Return what a temporary name has before and after its token; it ends in the suffix, which tells the format."""
    suffix = target.suffix if len(target.suffix) <= _LONGEST_SUFFIX else ""
    end = f".part{suffix}"
    name = hidden_name(target.name.removesuffix(suffix), f".{'0' * _TOKEN}{end}")
    return name[: -_TOKEN - len(end)], end


@dataclass(frozen=True)
class Stamp:
    """Size and time of a file, by which a newer one is told from it, on whatever machine."""

    size: int
    changed_ns: int


def stamp_of(path: Path) -> Stamp | None:
    """Return the stamp of a file, None where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return Stamp(found.st_size, found.st_mtime_ns)


@contextlib.contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """Give a temporary path beside ``target`` to write to; move it there once the block ends well.

    A block that raises leaves ``target`` as it was and nothing else. A killed process can leave the temporary file,
    whose name starts with a dot, and never half a ``target``. The temporary name keeps the suffix, by which encoders
    choose their format. Where ``target`` is a link, the file replaces the link, and what that leads to stays as it is.
    Raises :class:`OSError` for a target that exists but is not a file.
    """
    with _written_beside(target) as temporary:
        yield temporary
        _write_out_file(temporary)
        temporary.replace(target)


@contextlib.contextmanager
def committed_file(target: Path, replaces: Stamp | None) -> Iterator[Path]:
    """Do what :func:`whole_file` does where several processes, on several machines, may write the same ``target``.

    The first gives it its name. Whoever comes later finds the same bytes there, and drops its own. Of what was there
    before, only the file of the stamp ``replaces`` is replaced. Raises :class:`FileExistsError` for other content.
    """
    with _written_beside(target) as temporary:
        yield temporary
        _write_out_file(temporary)
        if _named(temporary, target) or filecmp.cmp(temporary, target, shallow=False):
            return
        if replaces is None or stamp_of(target) != replaces:
            raise FileExistsError(errno.EEXIST, "another run has written it meanwhile, otherwise", str(target))
        temporary.replace(target)


@contextlib.contextmanager
def first_file(target: Path) -> Iterator[Path]:
    """Do what :func:`whole_file` does, where several processes may write the same; the first stays as it is."""
    with _written_beside(target) as temporary:
        yield temporary
        _write_out_file(temporary)
        _named(temporary, target)


def _named(temporary: Path, target: Path) -> bool:
    """Give a file its name; return False where that is taken."""
    try:
        os.link(temporary, target, follow_symlinks=False)
    except FileExistsError:
        return False
    except OSError:  # no hard links here, and so a moment between the look and the step
        if os.path.lexists(target):
            return False
        temporary.replace(target)
    return True


@contextlib.contextmanager
def _written_beside(target: Path) -> Iterator[Path]:
    """Give a temporary path beside ``target``; what is left of it at the end goes."""
    if target.exists() and not target.is_file():
        raise OSError(errno.EINVAL, "it is a folder or a device", str(target))
    target.parent.mkdir(parents=True, exist_ok=True)
    start, end = _around_token(target)
    temporary = target.with_name(f"{start}{secrets.token_hex(_TOKEN // 2)}{end}")
    os.close(os.open(temporary, _NEW, 0o666))
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _write_out_file(path: Path) -> None:
    """Bring a file to the disk before it gets its name."""
    with path.open("rb+") as written:
        os.fsync(written.fileno())
