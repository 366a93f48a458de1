"""Inputs that a user named: pictures, videos, cameras, streams."""

from __future__ import annotations

import glob
import os
import re
import stat
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path, PurePath, PurePosixPath
from typing import Literal, TypeAlias

from omz.errors import ImageError, UsageError, os_reason, os_remedy
from omz.images.arrays import Picture
from omz.images.suffixes import IMAGE_SUFFIXES, VIDEO_SUFFIXES, is_video, natural
from omz.paths import real_path, what_else
from omz.pipes import is_pipe, open_pipe
from omz.video.sequence import is_sequence

Kind: TypeAlias = Literal["picture", "video", "camera", "stream", "stdin"]

_URL = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)  # two letters at least: C:// is a drive
_LONGEST_LIST = 1 << 26  # bytes
_VIDEO4LINUX = 81  # the number of Linux's driver of cameras
_WILD = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Input:
    """Input to cut: ``source`` is a path, the index of a camera, a URL, or ``-`` for standard input.

    Of the kind ``stdin`` are standard input and other pipes, which are read once.

    ``relative`` is where it lies below its root, which the outputs mirror. ``is_found`` says that a folder or a pattern
    stands for it, and that nobody named it.
    """

    source: str
    relative: PurePosixPath
    kind: Kind
    is_found: bool = False

    @property
    def key(self) -> str:
        """A text that is the same for all ways to name an input."""
        if self.kind in ("picture", "video"):
            return os.path.abspath(self.source)
        return self.source

    @property
    def path(self) -> Path:
        """The file; of a picture or video alone."""
        return Path(self.source)

    @property
    def root(self) -> Path:
        """The folder it was found under, or in which it lies; of a picture or video alone."""
        return self.path.parents[len(self.relative.parts) - 1]


@dataclass(frozen=True)
class StdinPicture:
    """A picture, upright, and the bytes it was decoded from, which have its metadata."""

    picture: Picture
    data: bytes


Inputs: TypeAlias = tuple[Input, ...]


def _all(inputs: Inputs) -> Inputs:
    return inputs


def discover(
    texts: Iterable[str],
    recursive: bool = False,
    exclude: Sequence[Path] = (),
    limit: int | None = None,
    sift: Callable[[Inputs], Inputs] = _all,
) -> Inputs:
    """Return the inputs that ``texts`` name, in their order, and those of each text in natural order; nothing twice.

    A text is a file, a folder (with ``recursive``, all below it), a pattern (``*``, ``?``, ``[...]``; ``**`` for any
    folders), ``@`` and a file that has a path a line, relative to the working directory, the index of a camera, a URL,
    a pipe, or ``-``. Of a folder and a pattern it is the pictures and videos, by suffix, that are neither hidden nor in
    ``exclude``: files, and folders below the root; the frames that this demo wrote into a folder below the root are
    left out, too. ``sift`` is given what all texts stand for, and returns what is to be kept. With ``limit`` it is the
    first so many of the pictures that are kept of a text. A file that is named is taken whatever its suffix. Links to
    folders are not followed. Raises :class:`UsageError` where a text stands for nothing, :class:`ImageError` where it
    is a file that is missing.
    """
    left_out = set(map(real_path, exclude))
    groups = [tuple(_stands_for(text, recursive, left_out)) for text in texts]
    kept = {*sift(tuple(chain.from_iterable(groups)))}
    found: dict[str, Input] = {}
    for group in groups:
        pictures = 0
        for item in filter(kept.__contains__, group):
            pictures += item.kind == "picture"
            if item.kind == "picture" and limit and pictures > limit:
                continue
            found.setdefault(item.key, item)
    return tuple(found.values())


def shard(inputs: Sequence[Input], number: int, count: int) -> Inputs:
    """Return the share of one of ``count`` runs, ``number`` counting from 1: every input is in exactly one.

    Raises :class:`UsageError` for a number that is none of them.
    """
    if not 1 <= number <= count:
        raise UsageError(f"there is no shard {number} of {count}; write 1/{max(count, 1)} for the first")
    return tuple(inputs[number - 1 :: count])


def _stands_for(text: str, recursive: bool, left_out: set[Path]) -> Iterable[Input]:
    """Return what one text stands for; a file or a folder before anything else of that name."""
    path = Path(text)
    if os.path.isdir(text):  # which says no to any text, where Path raises
        return _in_folder(path, recursive, left_out)
    if is_pipe(text):
        return [Input(text, PurePosixPath(path.name), "stdin")]
    if os.path.exists(text):
        return [_device(text) if what_else(path) else input_of(path, path.parent)]
    if text.startswith("@"):
        return _in_list(Path(text[1:]))
    live = _live(text)
    if live is not None:
        return [live]
    if _WILD.search(text):
        return _matches(text, left_out)
    raise ImageError(f"no file at {text or repr(text)}; check the path")


def _device(text: str) -> Input:
    """Return a camera; raises :class:`ImageError` for other devices, and for sockets."""
    device = os.stat(text)
    is_camera = stat.S_ISCHR(device.st_mode) and os.major(device.st_rdev) == _VIDEO4LINUX
    if not is_camera and sys.platform == "linux":
        raise ImageError(f"{text} is {what_else(text)}, and no camera; name a file, a pipe or a camera")
    return Input(text, PurePosixPath(Path(text).name), "camera")


def _live(text: str) -> Input | None:
    if text == "-":
        return Input(text, PurePosixPath("stdin"), "stdin")
    if _URL.match(text):
        return Input(text, PurePosixPath("stream"), "stream")
    if re.fullmatch(r"[0-9]+", text):
        return Input(text, PurePosixPath(f"camera{text}"), "camera")
    return None


def _in_folder(folder: Path, recursive: bool, left_out: set[Path]) -> Inputs:
    files = _media(visible_files(folder, recursive, left_out), folder, left_out)
    if not files:
        more = "" if recursive else ", or --recursive for the folders below it"
        raise UsageError(f"{folder} has no images or videos; name another folder{more}")
    return files


def _refuse(error: OSError) -> None:
    raise ImageError(f"{error.filename} cannot be read: {error.strerror}; check its permissions, or leave it out")


def visible_files(
    folder: Path, recursive: bool, left_out: Collection[Path], on_error: Callable[[OSError], None] = _refuse
) -> Iterator[Path]:
    """Yield the files of a folder that are not hidden; ``left_out`` are real paths of folders below it.

    ``on_error`` is told of a folder that cannot be looked into; by default, that raises :class:`ImageError`.
    """
    for place, folders, names in os.walk(folder, onerror=on_error):
        folders[:] = [name for name in folders if recursive and _is_open(Path(place, name), left_out)]
        for name in names:
            if name[0] != ".":
                yield Path(place, name)


def _is_open(folder: Path, left_out: Collection[Path]) -> bool:
    return folder.name[0] != "." and real_path(folder) not in left_out and not is_sequence(folder)


def _matches(pattern: str, left_out: set[Path]) -> Inputs:
    parts = PurePath(pattern).parts
    fixed = next(index for index, part in enumerate(parts) if _WILD.search(part))
    root = Path(*parts[:fixed])
    found = list(map(Path, glob.iglob(pattern, recursive=True)))
    sequences = filter(is_sequence, {path.parent for path in found})
    closed = left_out.union(map(real_path, sequences)) - {real_path(root)}
    files = _media((path for path in found if closed.isdisjoint(real_path(path).parents)), root, left_out)
    if not files:
        raise UsageError(f"no image or video matches {pattern}; check the pattern")
    return files


def _media(paths: Iterable[Path], root: Path, left_out: set[Path]) -> Inputs:
    """Return the pictures and videos among paths below ``root``, in natural order of the paths below it."""
    files, suffixes = [], IMAGE_SUFFIXES | VIDEO_SUFFIXES
    for path in paths:
        if path.suffix.lower() in suffixes and path.is_file() and real_path(path) not in left_out:
            files.append(input_of(path, root, is_found=True))
    return tuple(sorted(files, key=lambda item: tuple(map(natural, item.relative.parts))))


def _in_list(path: Path) -> Inputs:
    """Return the files that a list names, in its order, below the folder that has them all."""
    try:
        with open_pipe(path) if is_pipe(path) else path.open("rb") as listed:
            content = listed.read(_LONGEST_LIST + 1)
    except OSError as error:
        remedy = os_remedy(error, "check the path")
        raise ImageError(f"the list {path} cannot be read: {os_reason(error)}; {remedy}") from error
    if len(content) > _LONGEST_LIST:
        raise UsageError(f"the list {path} has more than {_LONGEST_LIST >> 20} MB; write several")
    lines = content.decode("utf-8", errors="surrogateescape").replace("\r\n", "\n").split("\n")
    files = list(map(Path, filter(str.strip, lines)))
    for file in files:
        if not file.is_file():
            raise ImageError(f"no file at {file}, which is in {path}; check the list")
    if not files:
        raise UsageError(f"the list {path} is empty; write a path a line")
    root = Path(os.path.commonpath([os.path.abspath(file.parent) for file in files]))
    return tuple(input_of(file, root) for file in files)


def input_of(path: Path, root: Path, is_found: bool = False) -> Input:
    """Return the input of a file that was named, or ``is_found`` below ``root``; its head tells whether it moves."""
    below = os.path.relpath(os.path.abspath(path), os.path.abspath(root))
    kind: Kind = "video" if is_video(path) else "picture"
    return Input(str(path), PurePosixPath(Path(below).as_posix()), kind, is_found)
