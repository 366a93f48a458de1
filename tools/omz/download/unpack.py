"""Safe unpacking of archives from strangers."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import os
import posixpath
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from omz.checksum import CHUNK
from omz.errors import DownloadError
from omz.text import printable

_MOST_MEMBERS = 50_000
_MOST_GROWTH = 100  # times the archive's size
_LEAST_BOUND = 64 << 20
_TOO_LARGE = f"it unpacks to more than {_MOST_GROWTH} times its size"
_LONGEST_PATH = 4096
_DEEPEST = 100  # folders within each other
_MOST_HOPS = 40  # from link to link, as Linux has it
_TAR_OPENERS: Mapping[str, Callable[..., IO[bytes]]] = {
    "tar": open,
    "gztar": gzip.open,  # type: ignore[dict-item]  # what it returns depends on the mode
    "bztar": bz2.open,
    "xztar": lzma.open,
}
BOUNDED_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Methods of zip; zipfile expands the others without a limit."""

_LARGEST_DIRECTORY = 16 << 20  # bytes of the list of members, which zipfile reads at once


@dataclass(frozen=True)
class _Member:
    """A member of an archive: a file that ``open`` gives, a link to ``link``, or else a folder."""

    name: str
    open: Callable[[], IO[bytes] | None] | None = None
    link: str | None = None


def unpack(archive: Path, form: str) -> list[Path]:
    """Unpack ``archive`` into its folder, all files or none; return the files.

    ``form`` is zip, tar, gztar, bztar or xztar. Existing files are replaced; a link becomes a copy of the file it
    points to. Raises :class:`DownloadError`, and leaves nothing behind, for an archive that is damaged, reaches outside
    the folder by a name or a link, has a member that is neither file, folder nor link, puts a file where a folder or
    the archive is, or is too large: more than 50,000 members, or more than 100 times (and 64 MiB) its own size.
    """
    workplace = archive.with_name(f".{archive.name}.unpacking")
    shutil.rmtree(workplace, ignore_errors=True)
    try:
        workplace.mkdir()
        bound = max(_LEAST_BOUND, _MOST_GROWTH * archive.stat().st_size)
        with _open(archive, form, bound) as members:
            _extract(members, workplace, bound)
        return _move_files(workplace, archive)
    except Exception as error:  # zipfile and tarfile raise nearly anything for a damaged archive
        reason = printable(str(error) or type(error).__name__)
        raise DownloadError(f"{archive} cannot be unpacked: {reason}") from error
    finally:
        shutil.rmtree(workplace, ignore_errors=True)


@contextlib.contextmanager
def _open(archive: Path, form: str, bound: int) -> Iterator[Iterator[_Member]]:
    if form == "zip":
        with open_zip(archive) as file:
            infos = file.infolist()
            check_count(len(infos))
            yield (_zip_member(file, info) for info in infos)
    else:
        with _TAR_OPENERS[form](archive, "rb") as source:
            stream = TarStream(source, bound)
            with tarfile.open(fileobj=stream, mode="r:") as tar:
                yield _tar_members(tar, stream)


class TarStream(io.RawIOBase):
    """Guard for tarfile, which holds any length that a header claims in memory, and takes any end for a good one."""

    def __init__(self, source: IO[bytes], bound: int) -> None:
        self._source = source
        self._bound = bound
        self._last = b""

    def read(self, size: int = -1) -> bytes:
        """Return at most ``size`` bytes; raises :class:`ValueError` for more at once than a header has."""
        if not 0 <= size <= CHUNK:
            raise ValueError("a header in it is too large")
        self._last = self._source.read(size)
        if self._source.tell() > self._bound:
            raise ValueError(_TOO_LARGE)
        return self._last

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place, and return it."""
        return self._source.seek(offset, whence)

    def tell(self) -> int:
        """Return the place."""
        return self._source.tell()

    def check_end(self) -> None:
        """Raise :class:`ValueError` unless the last header was the empty one; read the rest, to check its checksums."""
        if self._last != bytes(tarfile.BLOCKSIZE):
            raise ValueError("it is damaged, or ends too early")
        while self.read(CHUNK):
            pass


class _ZipSource(io.FileIO):
    """Guard for zipfile, which reads a list of members of any size, and makes an object of each."""

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = _LARGEST_DIRECTORY + 1 if size is None or size < 0 else size
        if size is not None and size > _LARGEST_DIRECTORY:
            raise zipfile.BadZipFile("its list of members is too large")
        return super().read(wanted)


@contextlib.contextmanager
def open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a zip archive; raises :class:`zipfile.BadZipFile` for one whose list of members is too large, too."""
    with _ZipSource(path) as source, zipfile.ZipFile(source) as archive:
        yield archive


def _zip_member(file: zipfile.ZipFile, info: zipfile.ZipInfo) -> _Member:
    if info.is_dir():
        return _Member(info.filename)
    if info.compress_type not in BOUNDED_METHODS:
        raise ValueError(f"{info.filename} is not compressed with deflate, the usual method of zip")
    if stat.S_ISLNK(info.external_attr >> 16):
        if info.file_size > _LONGEST_PATH:
            raise ValueError(f"{info.filename}, a link, is too long")
        return _Member(info.filename, link=file.read(info).decode())
    return _Member(info.filename, lambda: file.open(info))


def _tar_members(file: tarfile.TarFile, stream: TarStream) -> Iterator[_Member]:
    for info in file:
        yield _tar_member(file, info)
    stream.check_end()


def _tar_member(file: tarfile.TarFile, info: tarfile.TarInfo) -> _Member:
    if info.isdir():
        return _Member(info.name)
    if info.issym():
        return _Member(info.name, link=info.linkname)
    if info.islnk():  # a hard link names its target from the archive's top
        return _Member(info.name, link=posixpath.relpath(info.linkname, posixpath.dirname(info.name) or "."))
    if info.size < 0:
        raise ValueError(f"{info.name} has a negative size")
    if not info.isfile():
        raise ValueError(f"{info.name} is neither file, folder nor link")
    return _Member(info.name, lambda: file.extractfile(info))


def _extract(members: Iterator[_Member], workplace: Path, bound: int) -> None:
    links: dict[str, str] = {}
    left = bound
    for number, member in enumerate(members, 1):
        check_count(number)
        name = _inside(member.name)
        if member.link is not None:
            links[name] = _inside(posixpath.join(posixpath.dirname(name), member.link), f"{name}, a link,")
        elif member.open is None:
            (workplace / name).mkdir(parents=True, exist_ok=True)
        else:
            with member.open() or contextlib.nullcontext() as source:
                left -= _copy(source, workplace / name, left)
    for name in links:
        target = name
        for _ in range(_MOST_HOPS):
            target = links.get(target, target)
        if not (workplace / target).is_file():
            raise ValueError(f"{name}, a link, does not lead to a file")
        if target != name:  # tar calls a file that it packs a second time a link to itself
            with (workplace / target).open("rb") as source:
                left -= _copy(source, workplace / name, left)


def check_count(members: int) -> None:
    """Raise :class:`ValueError` for more members than an archive of a model has."""
    if members > _MOST_MEMBERS:
        raise ValueError(f"it has more than {_MOST_MEMBERS} members")


def _inside(name: str, what: str = "") -> str:
    """Return ``name`` normalised; raise :class:`ValueError` if it leads out of the folder."""
    normal = posixpath.normpath(name)
    windows = PureWindowsPath(name)
    if (
        PurePosixPath(name).is_absolute()
        or windows.anchor
        or "\\" in name
        or normal.split("/")[0] == ".."
        or (not what and ".." in name.split("/"))
    ):
        raise ValueError(f"{what or name} leads out of the folder")
    if normal.count("/") >= _DEEPEST:
        raise ValueError(f"it has more than {_DEEPEST} folders within each other")
    return normal


def _copy(source: IO[bytes] | None, target: Path, most: int) -> int:
    """Write ``source`` to ``target``; return the number of bytes, or raise :class:`ValueError` for too many."""
    target.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with target.open("wb") as file:
        while source and (chunk := source.read(CHUNK)):
            count += len(chunk)
            if count > most:
                raise ValueError(_TOO_LARGE)
            file.write(chunk)
    return count


def _move_files(workplace: Path, archive: Path) -> list[Path]:
    """Move the unpacked files to their places, if nothing is in the way of any of them."""
    moves: dict[Path, Path] = {}
    for place, _, names in os.walk(workplace):
        folder = archive.parent / Path(place).relative_to(workplace)
        if folder == workplace or (os.path.lexists(folder) and not folder.is_dir()):
            raise FileExistsError(f"{folder} is in the way of a folder")
        for name in names:
            moves[folder / name] = Path(place, name)
    for target in moves:
        if target == archive or target.is_dir():
            raise FileExistsError(f"{target} is in the way of a file")
    for target, source in moves.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        source.replace(target)
    return sorted(moves)
