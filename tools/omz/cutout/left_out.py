"""Files of folders that a run does not take, so that nobody misses them without a word."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from omz.cutout.manifest import is_manifest_name
from omz.cutout.options import Options
from omz.images.suffixes import IMAGE_SUFFIXES, VIDEO_SUFFIXES, count_suffixes
from omz.video.sequence import is_sequence


def left_out_lines(options: Options) -> Iterator[str]:
    """Yield a line on each folder of inputs, plates or targets that has files which are not taken."""
    for text in options.inputs:
        yield from _line(text, options, IMAGE_SUFFIXES | VIDEO_SUFFIXES, "images or videos")
    for given in (options.plate, options.target):
        yield from _line(given or "", options, IMAGE_SUFFIXES, "images")


def _line(text: str, options: Options, suffixes: Collection[str], wanted: str) -> Iterator[str]:
    if not os.path.isdir(text):
        return
    others = [path for path in _files(Path(text), options) if path.suffix.lower() not in suffixes]
    if others:
        yield f"{text}: left out {count_suffixes(others)} (no {wanted} that can be read)"


def _files(folder: Path, options: Options) -> Iterator[Path]:
    """Yield the visible files that no run has written."""
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if options.recursive and _is_entered(Path(place, name), options)]
        for name in names:
            if not name.startswith(".") and not is_manifest_name(name):
                yield Path(place, name)


def _is_entered(folder: Path, options: Options) -> bool:
    is_output = options.output is not None and os.path.abspath(folder) == os.path.abspath(options.output)
    return not folder.name.startswith(".") and not is_output and not is_sequence(folder)
