"""Files by their checksum, in a folder or in a bundle."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Protocol

from omz.atomic import whole_file
from omz.checksum import CHUNK
from omz.errors import DownloadError
from omz.zoo.model_file import Checksum

_FORMAT = "1"


def cache_name(checksum: Checksum) -> str:
    """Return where a file lies in a cache: its checksum, below that of the layout's version."""
    return f"{_FORMAT}/{checksum.value[:2]}/{checksum.value[2:]}"


class Cache(Protocol):
    """Gives files, and may take them."""

    def take(self, checksum: Checksum, target: Path) -> bool:
        """Write the file with ``checksum`` to ``target``; return False where there is none, or a damaged one."""

    def put(self, checksum: Checksum, path: Path) -> None:
        """Keep a copy of ``path``, which has ``checksum``; raises :class:`OSError`."""


class FolderCache:
    """A cache in a folder, with the layout of Open Model Zoo's; processes may share it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, checksum: Checksum) -> Path:
        """Return where the file with ``checksum`` is, or would be."""
        return self.folder / cache_name(checksum)

    def take(self, checksum: Checksum, target: Path) -> bool:
        """Copy, and check on the way."""
        try:
            source = self.path(checksum).open("rb")
        except OSError:
            return False
        with source:
            return _copy_right(source, checksum, target)

    def put(self, checksum: Checksum, path: Path) -> None:
        """Copy, so that the file is in the cache whole or not at all."""
        with whole_file(self.path(checksum)) as temporary:
            shutil.copyfile(path, temporary)


class BundleCache:
    """A cache packed into one file, which is read only."""

    def __init__(self, bundle: Path) -> None:
        self._bundle = bundle
        try:
            with tarfile.open(bundle, "r:") as archive:
                self._members = {member.name: member for member in archive if member.isfile()}
        except (OSError, ValueError, tarfile.TarError) as error:
            raise DownloadError(f"{bundle} is neither a folder nor a bundle of omz_downloader: {error}") from error

    def take(self, checksum: Checksum, target: Path) -> bool:
        """Unpack one file, and check it on the way."""
        member = self._members.get(cache_name(checksum))
        if member is None:
            return False
        with contextlib.suppress(tarfile.TarError), tarfile.open(self._bundle, "r:") as archive:
            source = archive.extractfile(member)
            return source is not None and _copy_right(source, checksum, target)
        return False

    def put(self, checksum: Checksum, path: Path) -> None:
        """Do nothing: a bundle stays as it was packed."""


def open_cache(path: Path) -> Cache:
    """Return the cache in a folder, made when first needed, or in a bundle.

    Raises :class:`DownloadError` for a file that is no bundle.
    """
    try:
        return BundleCache(path) if path.is_file() else FolderCache(path)
    except OSError as error:
        raise DownloadError(f"{path} cannot be read: {error.strerror}") from error


def pack_bundle(cache: FolderCache, checksums: Iterable[Checksum], bundle: Path) -> None:
    """Pack files of ``cache`` into one file; the same files give the same bytes."""
    with whole_file(bundle) as temporary, tarfile.open(temporary, "w:", format=tarfile.PAX_FORMAT) as archive:
        for name in sorted({cache_name(checksum) for checksum in checksums}):
            path = cache.folder / name
            member = tarfile.TarInfo(name)
            member.size = path.stat().st_size
            with path.open("rb") as file:
                archive.addfile(member, file)


def _copy_right(source: IO[bytes], checksum: Checksum, target: Path) -> bool:
    """Copy ``source`` to ``target`` if it has ``checksum``."""
    with contextlib.suppress(_Wrong), whole_file(target) as temporary, temporary.open("wb") as file:
        digest = hashlib.new(checksum.algorithm)
        while chunk := source.read(CHUNK):
            digest.update(chunk)
            file.write(chunk)
        if digest.hexdigest() != checksum.value:
            raise _Wrong
        return True
    return False


class _Wrong(Exception):  # never seen outside
    """The bytes are not those of the file."""
