"""Caches: files by their checksum, in a folder or in a bundle."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, TypeAlias

from omz.atomic import whole_file
from omz.checksum import CHUNK, new_digest, open_file
from omz.download.policy import Policy
from omz.download.unpack import TarStream, check_count
from omz.errors import DownloadError, os_reason
from omz.zoo.model_file import Checksum

_FORMAT = "1"


def cache_name(checksum: Checksum) -> str:
    """Return the path of a file in a cache: its checksum, below the version of the layout."""
    return f"{_FORMAT}/{checksum.value[:2]}/{checksum.value[2:]}"


class FolderCache:
    """A cache in a folder, with the layout of Open Model Zoo's; several processes may share it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, checksum: Checksum) -> Path:
        """Return the path of the file with ``checksum``, which may not exist."""
        return self.folder / cache_name(checksum)

    def take(self, checksum: Checksum, target: Path, size: int | None = None) -> bool:
        """Copy the file to ``target``, and check it on the way; return False if it is missing or damaged."""
        try:
            source = open_file(self.path(checksum))
        except OSError:
            return False
        with source:
            return _copy_right(source, checksum, target, size)

    def put(self, checksum: Checksum, path: Path) -> None:
        """Keep a copy of ``path``, which has ``checksum``; raises :class:`OSError`."""
        with whole_file(self.path(checksum)) as temporary:
            shutil.copyfile(path, temporary)


class BundleCache:
    """A cache packed into one file, read only."""

    def __init__(self, bundle: Path) -> None:
        self._bundle = bundle
        try:
            with _tar(bundle) as archive:
                self._members = dict(_files_of(archive))
        except (OSError, ValueError, tarfile.TarError) as error:
            reason = os_reason(error)
            raise DownloadError(f"{bundle} is neither a folder nor a bundle of omz_downloader: {reason}") from error

    def take(self, checksum: Checksum, target: Path, size: int | None = None) -> bool:
        """Unpack the file to ``target``, and check it on the way; return False if it is missing or damaged."""
        member = self._members.get(cache_name(checksum))
        if member is None:
            return False
        with contextlib.suppress(tarfile.TarError, ValueError), _tar(self._bundle) as archive:
            source = archive.extractfile(member)
            return source is not None and _copy_right(source, checksum, target, size)
        return False

    def put(self, checksum: Checksum, path: Path) -> None:
        """Do nothing: a bundle is read only."""


Cache: TypeAlias = FolderCache | BundleCache


def open_cache(path: Path) -> Cache:
    """Return the cache in a folder, created when first needed, or in a bundle.

    Raises :class:`DownloadError` for a file that is not a bundle.
    """
    try:
        if path.exists() and not path.is_dir():
            return BundleCache(path)
        return FolderCache(path)
    except OSError as error:
        raise DownloadError(f"{path} cannot be read: {os_reason(error)}") from error


def pack_bundle(cache: FolderCache, checksums: Iterable[Checksum], bundle: Path) -> None:
    """Pack files of ``cache`` into one file; the same files give the same bytes."""
    with whole_file(bundle) as temporary, tarfile.open(temporary, "w:", format=tarfile.PAX_FORMAT) as archive:
        for name in sorted(set(map(cache_name, checksums))):
            path = cache.folder / name
            member = tarfile.TarInfo(name)
            member.size = path.stat().st_size
            with path.open("rb") as file:
                archive.addfile(member, file)


@contextlib.contextmanager
def _tar(bundle: Path) -> Iterator[tarfile.TarFile]:
    """Open a bundle; a header in it is bounded, whatever length it claims."""
    with open_file(bundle) as file, tarfile.open(fileobj=TarStream(file, sys.maxsize), mode="r:") as archive:
        yield archive


def _files_of(archive: tarfile.TarFile) -> Iterator[tuple[str, tarfile.TarInfo]]:
    for number, member in enumerate(archive, 1):
        check_count(number)
        if member.isfile() and not member.issparse():  # a sparse one can claim any size
            yield member.name, member


def _copy_right(source: IO[bytes], checksum: Checksum, target: Path, size: int | None) -> bool:
    """Copy ``source`` to ``target`` if it has ``checksum``; stop at the first byte beyond ``size``, if known."""
    most = Policy.most_bytes if size is None else size
    with contextlib.suppress(_Wrong), whole_file(target) as temporary, temporary.open("wb") as written:
        digest, count = new_digest(checksum.algorithm), 0
        while chunk := source.read(CHUNK):
            count += len(chunk)
            if count > most:
                raise _Wrong
            digest.update(chunk)
            written.write(chunk)
        if digest.hexdigest() != checksum.value:
            raise _Wrong
        return True
    return False


class _Wrong(Exception):
    """The bytes are not those of the file; never leaves this module."""
