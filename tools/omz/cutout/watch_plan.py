"""Plan of a watch: its folders and options, checked before a model is loaded."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path, PurePosixPath

from omz.cutout.flag import default_of, flag_of
from omz.cutout.images import is_plate_of_videos
from omz.cutout.inputs import Input
from omz.cutout.manifest import FAILURES, manifest_folder
from omz.cutout.names import Outputs, check_places, name_new
from omz.cutout.options import Options
from omz.cutout.plan import STANDARD_OUTPUT, Plan, check_image_results, is_target_of_videos, video_formats
from omz.errors import ImageError, UsageError
from omz.extras import require
from omz.paths import real_path

_WITH_AN_END = ("trimap", "compare", "review", "report", "json", "profile", "part", "limit")
"""Options for jobs whose inputs are all known."""


def plan_watch(options: Options) -> Plan:
    """Check the folders to watch, and return a plan without inputs, for they are still to come.

    Raises :class:`OmzError`.
    """
    require("watchfiles")
    for text in options.inputs:
        if not os.path.lexists(text):
            raise ImageError(f"no folder at {text}; check the path")
        if not os.path.isdir(text):
            raise UsageError(f"--watch is for folders, and {text} is not one; name its folder")
    for each in fields(options):
        if each.name in _WITH_AN_END and getattr(options, each.name) != default_of(each):
            raise UsageError(f"{flag_of(each).label} is for jobs that have an end; leave it out, or --watch")
    place = results_folder(options)
    for folder in map(Path, options.inputs):
        _check_apart(options, folder)
    outputs = _example(options, Input(str(place / "a.png"), PurePosixPath("a.png"), "picture"))
    if takes_images(options):
        check_image_results(options, outputs)
    # A format that no video can have is told now, and not when the first one arrives.
    video_formats(options, [_example(options, Input(str(place / "a.mp4"), PurePosixPath("a.mp4"), "video"))])
    check_places([*outputs.values(), place / FAILURES])
    return Plan({}, {})


def takes_images(options: Options) -> bool:
    """Return whether images can be cut, too: not with a plate or a target that is for videos alone."""
    return not (is_plate_of_videos(options.plate) or is_target_of_videos(options.target))


def results_folder(options: Options) -> Path:
    """Return the folder of results, which has the manifest, too."""
    output = options.output
    if output is not None and not options.output_is_folder:
        is_file = bool(output.suffix) and not output.is_dir()
        if is_file or output == STANDARD_OUTPUT:
            raise UsageError(f"--watch makes many files, and {output} is not a folder; name one with -o")
    folder = manifest_folder(options, ())
    if folder is None:
        raise UsageError("several folders are watched, and nothing names one for their results; add -o FOLDER")
    return folder


def _example(options: Options, item: Input) -> Outputs:
    """Return the files that would come of an input, so that they can be checked before there is one."""
    return name_new(item, options.output, options.whats, options.format, lambda _: True)


def _check_apart(options: Options, folder: Path) -> None:
    """Raise :class:`UsageError` where results would be taken as inputs; below the folder, they are left out."""
    if options.output is None:
        return
    watched, output = real_path(folder), real_path(options.output)
    if output == watched or (options.recursive and output in watched.parents):
        raise UsageError(f"{folder} is watched, and results there would be inputs, too; name another output")
