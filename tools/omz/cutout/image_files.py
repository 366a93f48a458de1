"""Files of one picture's results: all of them, whole, or none."""

from __future__ import annotations

import errno
import os
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path

from omz.atomic import Stamp, committed_file, sweep, temporary_prefix, whole_file
from omz.cutout.manifest import Fingerprint
from omz.cutout.names import Outputs
from omz.cutout.rendering import render
from omz.errors import ImageError, os_reason
from omz.images.encoding import Metadata
from omz.images.files import WITH_ALPHA, encode_picture
from omz.images.transparency import before_white
from omz.matting.frames import MattedFrame

_NO_PLACE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.EFBIG)

_LATE, _LOOK = 60.0, 0.1  # seconds


class NoPlaceError(ImageError):
    """Nothing more can be written where results go: the disk is full, or a folder cannot be written to."""


def encode_images(matted: MattedFrame, outputs: Outputs, quality: int | None, metadata: Metadata) -> dict[Path, bytes]:
    """Return what goes into the files of an image; what is transparent is white in formats without transparency.

    Raises :class:`ImageError` where a format cannot hold it.
    """
    contents = {}
    for what, path in outputs.items():
        picture = render(matted, what)
        if path.suffix.lower() not in WITH_ALPHA:
            picture = before_white(picture)
        contents[path] = encode_picture(path, picture, quality, metadata)
    return contents


def write_images(contents: Mapping[Path, bytes], replaces: Mapping[Path, Stamp | None] | None = None) -> None:
    """Write files, each whole or not at all; they get their names once all are written.

    Where others may write the same files, ``replaces`` has the stamps of those that may be replaced; see
    :func:`omz.atomic.committed_file`.

    Raises :class:`NoPlaceError` where the next picture would fare no better, and :class:`ImageError` for what is wrong
    with these files alone.
    """
    try:
        with ExitStack() as stack:
            for path, content in contents.items():
                opened = whole_file(path) if replaces is None else committed_file(path, replaces[path])
                stack.enter_context(opened).write_bytes(content)
    except OSError as error:
        kind = NoPlaceError if error.errno in _NO_PLACE else ImageError
        place = ", ".join(map(str, contents))
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        remedy = "free the disk, or choose another place" if is_full else "choose another place"
        raise kind(f"{place} cannot be written: {os_reason(error)}; {remedy}") from error


def check_committed(files: Mapping[Path, Fingerprint]) -> None:
    """Wait until files that another machine has written are seen here, too: network file systems may be late.

    Raises :class:`NoPlaceError` if they do not come.
    """
    end = time.monotonic() + _LATE
    for path, file in files.items():
        while _size(path) != file.size:
            if time.monotonic() > end:
                raise NoPlaceError(
                    f"{path} was written by a worker, and is not there; all machines must share its folder"
                )
            time.sleep(_LOOK)


def _size(path: Path) -> int:
    """Return the size of a file as its server knows it, -1 if there is none."""
    try:
        with path.open("rb") as file:
            return os.fstat(file.fileno()).st_size
    except OSError:
        return -1


def sweep_images(outputs: Iterable[Path]) -> None:
    """Remove what killed processes have left of these files, and of no others.

    Raises :class:`NoPlaceError` where it cannot be removed.
    """
    folders: dict[Path, list[Path]] = defaultdict(list)
    for path in outputs:
        folders[path.parent].append(path)
    for folder, targets in folders.items():
        left = tuple(path.name for path in folder.glob(".*.part*"))  # few, if any
        try:
            for target in targets:
                if any(name.startswith(temporary_prefix(target)) for name in left):
                    sweep(target)
        except OSError as error:
            raise NoPlaceError(f"{folder} cannot be written to: {error.strerror}; choose another place") from error
