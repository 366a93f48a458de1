"""What is to be done of all that was asked for, settled before a model is loaded."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from omz.errors import UsageError
from omz.images.files import check_suffix
from omz_demo.inputs.discovery import PICTURES, VIDEOS, Input, Inputs, discover, shard
from omz_demo.inputs.standard_input import StdinPicture, StdinVideo, read_standard_input
from omz_demo.jobs.manifest import is_manifest_name
from omz_demo.outputs.collisions import check_apart, check_collisions, name_key
from omz_demo.outputs.names import Outputs, check_places, files_of, is_file_name, name_outputs, without_results
from omz_demo.outputs.video_names import name_videos
from omz_demo.request import Request
from omz_demo.video.formats import CONTAINERS, Format, choose_format

STANDARD_OUTPUT = Path("-")

_LIVE = ("camera", "stream")


@dataclass(frozen=True)
class Plan:
    """Pictures and videos, with the files that come of each; or what is ``live``, or only shown, alone.

    ``numbers`` are the places of the pictures among those of all shards, from 0. ``formats`` has those of the videos'
    files.
    """

    pictures: Mapping[Input, Outputs]
    videos: Mapping[Input, Outputs]
    numbers: Mapping[Input, int] = field(default_factory=dict)
    formats: Mapping[Path, Format] = field(default_factory=dict)
    live: Input | None = None
    stdin: StdinPicture | StdinVideo | None = None


def make_plan(request: Request, standard_input: Callable[[], BinaryIO]) -> Plan:
    """Find the inputs, and name what comes of them; look at ``standard_input`` where that is one.

    Raises :class:`omz.errors.OmzError`.
    """
    output = _named_output(request)
    is_file = output is not None and (is_file_name(output) or _is_video_name(output))
    inputs, also_read = _find(request, None if is_file else output)
    live = _find_live(request, inputs)
    if is_file and len(inputs) * len(request.whats) > 1:
        raise UsageError(f"{len(inputs) * len(request.whats)} results do not go into {request.output}; name a folder")
    piped = any(item.kind == "stdin" for item in inputs)
    stdin = read_standard_input(standard_input(), request.raw) if piped else None
    still = ("picture", "stdin") if isinstance(stdin, StdinPicture) else ("picture",)
    stills = [item for item in inputs if item.kind in still]
    films = [item for item in inputs if item.kind not in still]
    pictures = _name_pictures(stills, request, output, also_read)
    videos = {} if live and output is None else _name_videos(films, request, is_file)
    formats = {
        path: choose_format(path, what == "cutout", lossless=request.lossless)
        for outputs in videos.values()
        for what, path in outputs.items()
    }
    results: dict[Input, Outputs] = {**{item: {} for item in inputs}, **pictures, **videos}
    _check_places(request, None if is_file else output, results, also_read, formats)
    kept = {*(inputs if request.part is None else shard(inputs, *request.part))}
    return Plan(
        {item: outputs for item, outputs in pictures.items() if item in kept},
        {item: outputs for item, outputs in videos.items() if item in kept},
        {item: number for number, item in enumerate(stills)},
        formats,
        live,
        stdin,
    )


def _find(request: Request, folder: Path | None) -> tuple[Inputs, list[Path]]:
    """Return the inputs, without what is in the ``folder`` of results, and all files that are read but them."""
    sources = [Path(text) for text in (request.plate, request.target) if text and os.path.exists(text)]
    left_out = [*sources, *([folder] if folder else [])]
    sift = without_results if request.output is None else tuple
    inputs = discover(request.inputs, request.recursive, left_out, request.limit, sift)
    return inputs, [file for path in sources for file in (path.rglob("*") if path.is_dir() else [path])]


def _find_live(request: Request, inputs: Inputs) -> Input | None:
    """Return what is live, or a video that is only shown; None where there is no such thing."""
    shown = request.show and request.output is None and [item.kind for item in inputs] == ["video"]
    live = next((item for item in inputs if shown or item.kind in _LIVE), None)
    if live and len(inputs) > 1:
        raise UsageError(f"{live.source} is live, and has to be the only input; leave the others out")
    return live


def _named_output(request: Request) -> Path | None:
    """Return the output; standard output as a file that tells the format, and is never made."""
    if request.output != STANDARD_OUTPUT:
        return request.output
    return STANDARD_OUTPUT.with_name(f"{STANDARD_OUTPUT.name}{_still_suffix(request)}")


def _name_pictures(
    stills: Sequence[Input], request: Request, output: Path | None, also_read: Sequence[Path]
) -> Mapping[Input, Outputs]:
    """Name the files of pictures, which have to be able to hold what was asked for."""
    if not stills:
        if request.trimap:
            raise UsageError("--trimap is for one picture; leave it out")
        return {}
    if request.output is not None and _is_video_name(request.output):
        raise UsageError(f"{stills[0].source} is a picture, {request.output} a video; name a picture, such as .png")
    if request.target and Path(request.target).suffix.lower() in VIDEOS and os.path.isfile(request.target):
        raise UsageError("a video behind pictures does not move; name a picture or a folder as --target")
    named = name_outputs(stills, output, request.whats, _still_suffix(request))
    for what, path in next(iter(named.values())).items():
        if request.alpha_bits == "16" and what in ("alpha", "cutout") and path.suffix.lower() != ".png":
            raise UsageError(f"{path.suffix} has no 16 bits for alpha; write PNG, or leave --alpha_bits out")
    read = [*(item.path for item in stills), *also_read]
    return _with_trimap(named, request.trimap, read) if request.trimap else named


def _check_places(
    request: Request,
    folder: Path | None,
    results: Mapping[Input, Outputs],
    also_read: Sequence[Path],
    formats: Mapping[Path, Format],
) -> None:
    """Raise where a file cannot be written, or would replace something; standard output is no file."""
    files = {
        item: [path for path in paths if request.output != STANDARD_OUTPUT or path != _named_output(request)]
        for item, paths in files_of(results).items()
    }
    written = [path for paths in files.values() for path in paths]
    sequences = {path for path, form in formats.items() if form.container is None}
    if folder is not None:
        check_apart(results, folder, written)
    check_collisions(files, also_read, sequences)
    if request.report:
        _check_report(request.report, [*(item.path for item in results), *also_read, *written], sequences)
    check_places([*written, *([request.report] if request.report else [])])


def _check_report(report: Path, taken: Iterable[Path], sequences: Collection[Path]) -> None:
    if is_manifest_name(report.name):
        raise UsageError(f"--report {report} is the name of what jobs go on from; choose another name for it")
    keys = {name_key(path) for path in (*taken, *sequences)}
    is_of_sequence = not {name_key(folder) for folder in sequences}.isdisjoint(map(name_key, report.absolute().parents))
    if report.is_dir() or name_key(report) in keys or is_of_sequence:
        raise UsageError(f"--report {report} is where something else is; choose another name for it")


def _with_trimap(pictures: Mapping[Input, Outputs], trimap: Path, read: Sequence[Path]) -> Mapping[Input, Outputs]:
    if len(pictures) != 1:
        raise UsageError("--trimap is for one picture; leave it out")
    check_suffix(trimap, has_alpha=False)
    ((item, outputs),) = pictures.items()
    taken = {path.resolve() for path in (*read, *outputs.values())}
    if trimap.resolve() in taken or trimap.is_dir():
        raise UsageError(f"{trimap} is where something else is; choose another name for the trimap")
    return {item: {**outputs, "trimap": trimap}}


def _name_videos(films: Sequence[Input], request: Request, is_file: bool) -> Mapping[Input, Outputs]:
    """Name the files of videos: one that is named; a folder of PNG files for one video; else like those of pictures."""
    output, whats = request.output, request.whats
    if not films:
        return {}
    if output == STANDARD_OUTPUT:
        raise UsageError("a picture goes to standard output, and no video; name a file as --output")
    if output is not None and is_file_name(output):
        raise UsageError(
            f"{films[0].source} is a video, {output} a picture; name a .mp4, .mov or .webm, or a folder for its frames"
        )
    alone = is_file or (len(films) == len(whats) == 1 and _is_sequence(request, films[0]))
    if output is not None and alone:
        return {films[0]: dict.fromkeys(whats, output)}
    return name_videos(films, output, whats, request.format)


def _is_sequence(request: Request, film: Input) -> bool:
    """Whether a folder is for the frames of a video, not for videos: one that was named itself, and no format."""
    return request.format in (None, ".png") and request.inputs == (film.source,)


def _is_video_name(path: Path) -> bool:
    return not path.is_dir() and path.suffix.lower() in CONTAINERS


def _still_suffix(request: Request) -> str:
    return request.format if request.format in PICTURES else ".png"
