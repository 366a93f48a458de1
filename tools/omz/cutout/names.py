"""Names of results, settled before work starts."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Literal, TypeAlias

from omz.cutout.collisions import colliding
from omz.cutout.inputs import Input, Inputs
from omz.errors import ImageError, UsageError
from omz.images.animated import is_animated
from omz.images.files import WITHOUT_ALPHA, check_result
from omz.images.suffixes import IMAGE_SUFFIXES
from omz.paths import fitting_name, short_stem, what_else
from omz.video.formats import ANIMATIONS, CONTAINERS

What: TypeAlias = Literal["alpha", "cutout", "foreground", "composite", "trimap", "comparison"]
Outputs: TypeAlias = Mapping[What, Path]

WHATS: tuple[What, ...] = ("alpha", "cutout", "foreground", "composite")
BESIDES: tuple[What, ...] = ("trimap", "comparison")
"""Results that have places of their own, apart from the others."""
_WRITTEN = (*WITHOUT_ALPHA, *CONTAINERS, *ANIMATIONS)

_Named: TypeAlias = dict[Input, dict[What, Path]]


def name_outputs(
    inputs: Sequence[Input],
    output: Path | None,
    whats: Sequence[What],
    suffix: str = ".png",
    is_folder: bool = False,
) -> Mapping[Input, Outputs]:
    """Return the files that come of each input; give it all inputs, shards of them, too, for names depend on all.

    Without ``output``: ``<stem>_<what><suffix>`` beside the input. With a folder: the tree of the inputs below it,
    ``<stem><suffix>``, or ``<stem>_<what><suffix>`` for several ``whats``; with a file, named by the suffix of a
    picture, unless that ``is_folder``: that one. A stem that is too long for a name is shortened. Inputs that would get
    one name keep their suffix in it, all of them: ``a.jpg.png`` and ``a.png.png``; those that still have one are for
    :func:`omz.cutout.collisions.check_collisions`. Raises :class:`UsageError` for a file as ``output`` of several
    results, and for a suffix that cannot hold them.
    """
    if output is not None and is_file_name(output) and not is_folder:
        if len(inputs) * len(whats) != 1:
            raise UsageError(f"{len(inputs) * len(whats)} results do not go into {output}; name a folder")
        suffix = output.suffix
        named: _Named = {inputs[0]: {whats[0]: output}}
    else:
        named = _without_collisions(inputs, lambda item, stem: _places(item, stem, output, whats, suffix))
    for what in whats:
        check_result(suffix, what)
    return named


def name_videos(
    videos: Sequence[Input],
    output: Path | None,
    whats: Sequence[What],
    suffix: str | None,
    is_folder: bool = False,
) -> Mapping[Input, Outputs]:
    """Return the files that come of each video, like those of pictures; ``suffix`` is that of the format asked for.

    A folder of PNG files has no suffix. Raises :class:`UsageError` as :func:`name_outputs` does.
    """
    named = name_outputs(videos, output, whats, is_folder=is_folder)
    return {item: _as_videos(item, outputs, suffix) for item, outputs in named.items()}


def image_suffix(suffix: str | None) -> str:
    """Return the suffix of the results of images in folders; ``suffix`` is that of the format asked for."""
    return suffix if suffix in IMAGE_SUFFIXES else ".png"


def files_of(named: Mapping[Input, Outputs]) -> dict[Input, tuple[Path, ...]]:
    """Return the files of each input, whatever they are."""
    return {item: tuple(places.values()) for item, places in named.items()}


def is_file_name(output: Path) -> bool:
    """Return whether an output is a file: not a folder, with the suffix of a picture."""
    return not output.is_dir() and output.suffix.lower() in IMAGE_SUFFIXES


def check_output(output: Path) -> None:
    """Raise :class:`UsageError` for a name that is neither that of a folder nor of a file in a format that is known.

    A folder is there already, or has no suffix. Callers take a name that ends in a slash as a folder without asking.
    """
    suffix = output.suffix.lower()
    if suffix in IMAGE_SUFFIXES or suffix in _WRITTEN or not suffix or output.is_dir():
        return
    formats = ", ".join(dict.fromkeys(_WRITTEN))
    raise UsageError(f"{output}: {suffix} is no format of results; use {formats}, or {output}{os.sep} for a folder")


def check_places(paths: Iterable[Path]) -> None:
    """Raise :class:`ImageError` where files cannot be made, as far as their folders tell."""
    places = tuple(paths)
    for path in places:
        kind = what_else(path)
        if kind:
            raise ImageError(f"{path} is {kind}, which no file can replace; name another output")
    for folder in dict.fromkeys(path.parent for path in places):
        there = next(place for place in (folder.absolute(), *folder.absolute().parents) if os.path.lexists(place))
        if not there.is_dir():
            raise ImageError(
                f"nothing can be written into {folder}, because {there} is not a folder; choose another place"
            )
        if not os.access(there, os.W_OK | os.X_OK):
            raise ImageError(f"nothing can be written into {folder}; choose another place with -o")


def is_called_as_result(path: Path) -> bool:
    """Return whether a file is called as what is written beside inputs: ``a_cutout.png``, be there an ``a`` or not."""
    _, underscore, what = path.stem.rpartition("_")
    return bool(underscore) and what in WHATS and path.suffix.lower() in _WRITTEN


def name_new(
    item: Input, output: Path | None, whats: Sequence[What], suffix: str | None, is_free: Callable[[Path], bool]
) -> Outputs:
    """Return the files that come of an input, without a change to those of others, which are not free.

    Like :func:`name_outputs` and :func:`name_videos`, it takes the stem of the input, and its name where that is not
    free; ``suffix`` is that of the format asked for. Raises :class:`UsageError` where neither is free.
    """
    for stem in (item.relative.stem, item.relative.name):
        places = _places(item, stem, output, whats, image_suffix(suffix))
        if item.kind == "video":
            places = _as_videos(item, places, suffix)
        if all(map(is_free, places.values())):
            return places
    raise UsageError(f"{item.source}: the results of another file are called {stem}, too; rename it")


def without_results(inputs: Inputs) -> Inputs:
    """Leave out what an earlier run has written beside its inputs: ``a_cutout.png``, where there is an ``a.jpg``.

    That is of what was found; what was named is wanted.
    """
    stems = set()
    for item in inputs:
        for stem in (item.path.stem, item.path.name):
            stems |= {(item.path.parent, stem), (item.path.parent, short_stem(stem))}

    def is_result(item: Input) -> bool:
        stem = item.path.stem.rpartition("_")[0]
        is_like_one = (item.path.parent, stem) in stems and is_called_as_result(item.path)
        return item.is_found and is_like_one

    return tuple(item for item in inputs if not is_result(item))


def _places(item: Input, stem: str, output: Path | None, whats: Sequence[What], suffix: str) -> dict[What, Path]:
    folder = Path()
    if output is not None:
        folder = output / item.relative.parent
    elif item.kind in ("picture", "video"):
        folder = item.path.parent
    if output is not None and len(whats) == 1:
        return {whats[0]: folder / fitting_name(stem, suffix)}
    return {what: folder / fitting_name(stem, f"_{what}{suffix}") for what in whats}


def _without_collisions(inputs: Sequence[Input], places: Callable[[Input, str], dict[What, Path]]) -> _Named:
    """Name the outputs by the stems of the inputs; those that collide, by their names.

    A name that was changed can meet one that was not, which then changes, too; so it goes on until no more can.
    """
    named = {item: places(item, item.relative.stem) for item in inputs}
    changed: set[Input] = set()
    while more := set(chain.from_iterable(colliding(files_of(named)))) - changed:
        for item in more:
            named[item] = places(item, item.relative.name)
        changed |= more
    return named


def _as_videos(item: Input, outputs: Outputs, suffix: str | None) -> dict[What, Path]:
    """Return the files of a video, given those it would have as a picture."""
    return {what: _as_video(path, _video_suffix(item, suffix, what)) for what, path in outputs.items()}


def _video_suffix(item: Input, suffix: str | None, what: What) -> str:
    """Return the suffix of a video's result: ProRes for alpha, else H.264, which is small; none for PNG files.

    Animations stay animations; a GIF with alpha becomes a WebP, for it has no soft edges.
    """
    if suffix != ".png" and item.kind == "video" and is_animated(item.source):
        if suffix in ANIMATIONS or suffix in CONTAINERS:
            return str(suffix)
        own = item.path.suffix.lower()
        return ".webp" if own == ".gif" and what == "cutout" else own
    if suffix and suffix not in IMAGE_SUFFIXES:
        return suffix
    if suffix == ".png":
        return ""
    return ".mov" if what == "cutout" else ".mp4"


def _as_video(path: Path, suffix: str) -> Path:
    """Return the path with another suffix; the name of a folder has no dots, which would begin the suffix of a file."""
    if suffix:
        return path.with_name(fitting_name(path.stem, suffix))
    return path.with_name(path.stem.replace(".", "_"))
