"""Plan of a run: its inputs and the names of their results, settled before a model is loaded."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from omz.cutout.collisions import check_apart, check_collisions, name_key
from omz.cutout.flags import WITHOUT_ALPHA
from omz.cutout.inputs import Input, Inputs, StdinPicture, discover, shard
from omz.cutout.manifest import is_manifest_name
from omz.cutout.names import (
    Outputs,
    check_output,
    check_places,
    image_suffix,
    is_file_name,
    name_outputs,
    name_videos,
    without_results,
)
from omz.cutout.options import Options
from omz.errors import UsageError
from omz.images.animated import is_animated
from omz.images.files import WITHOUT_ALPHA as IMAGES_WITHOUT_ALPHA
from omz.images.files import check_suffix
from omz.images.suffixes import is_video
from omz.paths import real_path
from omz.pipes import open_pipe
from omz.video.formats import ANIMATIONS, CONTAINERS, Format, choose_format

if TYPE_CHECKING:
    from omz.cutout.standard_input import StdinVideo  # loads FFmpeg

STANDARD_OUTPUT = Path("-")

_LIVE = ("camera", "stream")
_FRAMES = Path("frames")  # the name of a folder, of frames, whatever the folder is called


@dataclass(frozen=True)
class Plan:
    """Pictures and videos, with the files that come of each; or what is ``live``, or only shown, alone.

    ``numbers`` are the places of the pictures among those of all shards, from 0. ``formats`` has those of the videos'
    files. ``piped`` has what comes through standard input and other pipes.
    """

    pictures: Mapping[Input, Outputs]
    videos: Mapping[Input, Outputs]
    numbers: Mapping[Input, int] = field(default_factory=dict)
    formats: Mapping[Path, Format] = field(default_factory=dict)
    live: Input | None = None
    piped: Mapping[Input, StdinPicture | StdinVideo] = field(default_factory=dict)


def make_plan(options: Options) -> Plan:
    """Find the inputs, and name their results; look at standard input where that is one.

    Raises :class:`omz.errors.OmzError`.
    """
    output = _named_output(options)
    is_file = _is_file(options, output)
    folder = None if is_file else output
    inputs, also_read = _find(options, folder)
    _check_plate_is_another(options, inputs)
    live = _find_live(options, inputs)
    count = len(inputs) * len(options.whats)
    if is_file and count > 1:
        raise UsageError(f"{count} results do not go into {options.output}; name a folder")
    if live and (options.compare or options.review):
        raise UsageError(f"{live.source} is live; --compare and --review are for files, so leave them out")
    if options.review and options.output == STANDARD_OUTPUT:
        raise UsageError("--review shows files, and none is written to standard output; name an --output")
    piped = {item: _read_pipe(item, options) for item in inputs if item.kind == "stdin"}
    images, videos = _by_kind(inputs, piped)
    named_images = _name_images(images, options, output, also_read)
    named_videos: Mapping[Input, Outputs] = {}
    if not live or output is not None:
        named_videos = _name_videos(videos, options, is_file)
    formats = video_formats(options, named_videos.values(), folder)
    results: dict[Input, Outputs] = {**{item: {} for item in inputs}, **named_images, **named_videos}
    _check_places(options, folder, results, also_read, formats)
    if options.part is not None:
        inputs = shard(inputs, *options.part)
    numbers = dict(zip(images, range(len(images)), strict=True))
    return Plan(_among(inputs, named_images), _among(inputs, named_videos), numbers, formats, live, piped)


def video_formats(options: Options, results: Collection[Outputs], folder: Path | None = None) -> dict[Path, Format]:
    """Return the formats of the files of videos; ``folder`` is one that the frames of one lie in themselves."""
    formats = {}
    has_alpha = {"cutout": True, "composite": bool(results) and _is_target_transparent(options)}
    for outputs in results:
        for what, path in outputs.items():
            name = _FRAMES if path == folder else path
            alpha = has_alpha.get(what, False) and (what == "cutout" or path.suffix.lower() not in WITHOUT_ALPHA)
            formats[path] = choose_format(name, alpha, lossless=options.lossless)
    return formats


def _is_target_transparent(options: Options) -> bool:
    from omz.matting.backgrounds import is_transparent

    return "composite" in options.whats and is_transparent(options.target, options.max_pixels)


def _among(inputs: Inputs, named: Mapping[Input, Outputs]) -> Mapping[Input, Outputs]:
    kept = set(inputs)
    return {item: outputs for item, outputs in named.items() if item in kept}


def _read_pipe(item: Input, options: Options) -> StdinPicture | StdinVideo:
    from omz.cutout.standard_input import open_standard_input, read_standard_input

    if item.source == str(STANDARD_OUTPUT):  # the same text for both
        return read_standard_input(open_standard_input(), options.raw, max_pixels=options.max_pixels)
    return read_standard_input(open_pipe(item.source), options.raw, item.source, options.max_pixels)


def _by_kind(inputs: Inputs, piped: Mapping[Input, object]) -> tuple[list[Input], list[Input]]:
    """Return the images, and all others."""
    images, others = [], []
    for item in inputs:
        if item.kind == "picture" or isinstance(piped.get(item), StdinPicture):
            images.append(item)
        else:
            others.append(item)
    return images, others


def _find(options: Options, folder: Path | None) -> tuple[Inputs, list[Path]]:
    """Return the inputs, without what is in the ``folder`` of results, and all files that are read but them."""
    left_out = plate_and_target(options)
    also_read = files_in(left_out)
    if folder:
        left_out.append(folder)
    if options.compare and _is_comparison_folder(options.compare):
        left_out.append(Path(options.compare))
    sift = without_results if options.output is None else tuple
    return discover(options.inputs, options.recursive, left_out, options.limit, sift), also_read


def plate_and_target(options: Options) -> list[Path]:
    """Return the files and folders that the plate and the target are read from."""
    return [Path(text) for text in (options.plate, options.target) if text and os.path.exists(text)]


def files_in(places: Iterable[Path]) -> list[Path]:
    """Return the files among ``places``, and all that is in the folders among them."""
    files = list[Path]()
    for place in places:
        files.extend(place.rglob("*") if place.is_dir() else [place])
    return files


def _check_plate_is_another(options: Options, inputs: Inputs) -> None:
    """Raise :class:`UsageError` for the only video as its own plate, from which nothing differs.

    Images are compared with their plates once they are read.
    """
    if options.plate is None or len(inputs) != 1 or inputs[0].kind != "video":
        return
    if os.path.exists(options.plate) and os.path.samefile(options.plate, inputs[0].path):
        raise UsageError(f"the plate is the input, {options.plate}; take a plate without the subject, and name that")


def _find_live(options: Options, inputs: Inputs) -> Input | None:
    """Return what is live, or a video that is only shown; None where there is no such thing."""
    for item in inputs:
        is_shown = item.kind == "video" and len(inputs) == 1 and options.show and options.output is None
        if item.kind in _LIVE and len(inputs) > 1:
            raise UsageError(f"{item.source} is live, and has to be the only input; leave the others out")
        if item.kind in _LIVE or is_shown:
            return item
    return None


def _named_output(options: Options) -> Path | None:
    """Return the output; standard output as a file that tells the format, and is never made."""
    if options.output != STANDARD_OUTPUT:
        return options.output
    return STANDARD_OUTPUT.with_name(f"{STANDARD_OUTPUT.name}{image_suffix(options.format)}")


def _is_file(options: Options, output: Path | None) -> bool:
    """Return whether the output is a file, by its name. Raises :class:`UsageError` for one that tells nothing."""
    if output is None or options.output_is_folder:
        return False
    check_output(output)
    return is_file_name(output) or _is_video_name(output)


def _name_images(
    images: Sequence[Input], options: Options, output: Path | None, also_read: Sequence[Path]
) -> Mapping[Input, Outputs]:
    """Name the files of images, which have to be able to hold what was asked for."""
    if not images:
        if options.trimap:
            raise UsageError("--trimap is for one image; leave it out")
        if options.compare:
            raise UsageError("--compare is for images, and there is none; leave it out")
        return {}
    if options.output is not None and _is_video_name(options.output) and not options.output_is_folder:
        raise UsageError(f"{images[0].source} is an image, {options.output} a video; name an image, such as .png")
    named = name_outputs(images, output, options.whats, image_suffix(options.format), options.output_is_folder)
    check_image_results(options, next(iter(named.values())))
    read = [*(item.path for item in images), *also_read]
    if options.trimap:
        named = _with_trimap(named, options.trimap, read)
    if options.compare:
        named = _with_comparisons(named, options.compare, read)
    return named


def check_image_results(options: Options, outputs: Outputs) -> None:
    """Raise :class:`UsageError` where files of an image, called as ``outputs``, cannot hold what was asked for."""
    if is_target_of_videos(options.target):
        raise UsageError("a video behind images does not move; name an image or a folder as --target")
    for what, path in outputs.items():
        if options.alpha_bits == "16" and what in ("alpha", "cutout") and path.suffix.lower() != ".png":
            raise UsageError(f"{path.suffix} has no 16 bits for alpha; write PNG, or leave --alpha_bits out")


def is_target_of_videos(text: str | None) -> bool:
    """Return whether a target is a video, which moves behind videos alone."""
    return text is not None and os.path.isfile(text) and is_video(Path(text))


def _check_places(
    options: Options,
    folder: Path | None,
    results: Mapping[Input, Outputs],
    also_read: Sequence[Path],
    formats: Mapping[Path, Format],
) -> None:
    """Raise where a file cannot be written, or would replace something; standard output is no file."""
    sent = _named_output(options) if options.output == STANDARD_OUTPUT else None
    files, written = {}, list[Path]()
    for item, outputs in results.items():
        files[item] = [path for path in outputs.values() if path != sent]
        written.extend(files[item])
    sequences = {path for path, form in formats.items() if form.container is None}
    if folder is not None:
        compared = {outputs.get("comparison") for outputs in results.values()}  # which have a folder of their own
        check_apart(results, folder, [path for path in written if path not in compared])
    check_collisions(files, also_read, sequences)
    taken = [*(item.path for item in results), *also_read, *written]
    for flag, path in (("--report", options.report), ("--review", options.review_page)):
        if path is not None:
            _check_report(flag, path, taken, sequences)
            taken.append(path)
            written.append(path)
    check_places(written)


def _check_report(flag: str, report: Path, taken: Iterable[Path], sequences: Collection[Path]) -> None:
    if is_manifest_name(report.name):
        raise UsageError(f"{flag} {report} is the name of what jobs go on from; choose another name for it")
    folders = set(map(name_key, sequences))
    keys = folders.union(map(name_key, taken))
    is_of_sequence = not folders.isdisjoint(map(name_key, report.absolute().parents))
    if report.is_dir() or name_key(report) in keys or is_of_sequence:
        raise UsageError(f"{flag} {report} is where something else is; choose another name for it")


def _with_trimap(pictures: Mapping[Input, Outputs], trimap: Path, read: Sequence[Path]) -> Mapping[Input, Outputs]:
    if len(pictures) != 1:
        raise UsageError("--trimap is for one image; leave it out")
    check_suffix(trimap, has_alpha=False)
    ((item, outputs),) = pictures.items()
    taken = set(map(real_path, (*read, *outputs.values())))
    if real_path(trimap) in taken or trimap.is_dir():
        raise UsageError(f"{trimap} is where something else is; choose another name for the trimap")
    return {item: {**outputs, "trimap": trimap}}


def _with_comparisons(pictures: Mapping[Input, Outputs], compare: str, read: Sequence[Path]) -> Mapping[Input, Outputs]:
    """Add a comparison to the files of each image: one that is named, or one each in a folder."""
    place = Path(compare)
    is_folder = _is_comparison_folder(compare)
    if place.stem == str(STANDARD_OUTPUT):
        raise UsageError("--compare goes into a file; name one, such as compare.jpg")
    if not is_folder and place.suffix.lower() not in IMAGES_WITHOUT_ALPHA:
        formats = ", ".join(IMAGES_WITHOUT_ALPHA)
        raise UsageError(f"--compare {place}: use one of {formats}, or {place}{os.sep} for a folder")
    compared = name_outputs([*pictures], place, ("comparison",), ".jpg", is_folder)
    files = [file for outputs in compared.values() for file in outputs.values()]
    check_apart(pictures, place if is_folder else Path(place.absolute().anchor), files)  # no search leaves out a file
    taken = {name_key(path) for outputs in pictures.values() for path in outputs.values()}.union(map(name_key, read))
    for file in files:
        if file.is_dir() or name_key(file) in taken:
            raise UsageError(f"--compare {file} is where something else is; choose another place")
    return {item: {**outputs, **compared[item]} for item, outputs in pictures.items()}


def _is_comparison_folder(compare: str) -> bool:
    return os.path.isdir(compare) or not (Path(compare).suffix and os.path.basename(compare))


def _name_videos(videos: Sequence[Input], options: Options, is_file: bool) -> Mapping[Input, Outputs]:
    """Name the files of videos: one that is named; a folder of PNG files for one video; else like those of pictures."""
    output, whats = options.output, options.whats
    if not videos:
        return {}
    if output == STANDARD_OUTPUT:
        raise UsageError("an image goes to standard output, and no video; name a file as --output")
    is_image = is_file and output is not None and is_file_name(output)
    if output is not None and is_image and not _is_animation_name(output, videos):
        raise UsageError(
            f"{videos[0].source} is a video, {output} an image; name a .mp4, .mov or .webm, or a folder for its frames"
        )
    alone = is_file or (len(videos) == len(whats) == 1 and _is_sequence(options, videos[0]))
    if output is not None and alone:
        return {videos[0]: dict.fromkeys(whats, output)}
    return name_videos(videos, output, whats, options.format, options.output_is_folder)


def _is_sequence(options: Options, video: Input) -> bool:
    """Whether a folder is for the frames of a video, not for videos: one that was named itself, and no format."""
    return options.format in (None, ".png") and options.inputs == (video.source,)


def _is_animation_name(output: Path, videos: Sequence[Input]) -> bool:
    """Whether a name is that of an animation; that of a PNG only of what is an animation itself."""
    suffix = output.suffix.lower()
    return suffix in ANIMATIONS and (suffix != ".png" or all(is_animated(item.source) for item in videos))


def _is_video_name(path: Path) -> bool:
    return not path.is_dir() and path.suffix.lower() in CONTAINERS
