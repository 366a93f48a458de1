"""What was asked of ``omz_demo``, and whether it makes sense."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from omz.cli.sizes import parse_size
from omz.errors import UsageError
from omz.images.arrays import Size
from omz.images.placing import Placing
from omz.images.refinement import Refinement
from omz.matting import ModelChoice
from omz.runtime.openvino_engine import Tuning
from omz_demo.cutter import Finish
from omz_demo.open_model_zoo_flags import GREEN, TheirFlags, translate
from omz_demo.outputs.names import WHATS, What
from omz_demo.plates import Aligning, Care
from omz_demo.targets import TRANSPARENT

_WITHOUT_ALPHA = (".mp4", ".mkv")  # of what videos are written as
_PIXELS = (
    "align", "match_exposure", "whats", "format", "alpha_bits", "fit", "input_size", "shift", "feather", "low", "high",
    "fill_holes", "drop_specks", "stretch", "layouts",
)  # fmt: skip
_PIXELS_OF_PICTURES = ("quality", "strip")
_PIXELS_OF_VIDEOS = ("lossless", "smooth", "segment_seconds", "resize_changes", "limit")


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line; see the flags of the same names."""

    inputs: tuple[str, ...]
    recursive: bool
    part: tuple[int, int] | None
    limit: int | None
    loop: bool
    raw: str | None
    plate: str | None
    align: Aligning
    match_exposure: bool
    output: Path | None
    whats: tuple[What, ...]
    format: str | None
    alpha_bits: Literal["8", "16"]
    quality: int | None
    lossless: bool
    strip: bool
    trimap: Path | None
    sound: bool
    segment_seconds: float
    resize_changes: bool
    target: str | None
    fit: Placing
    input_size: Size | None
    shift: float
    feather: float
    low: float
    high: float
    fill_holes: float
    drop_specks: float
    smooth: float
    resume: bool
    retry_failed: bool
    model: str
    models_dir: tuple[Path, ...]
    download_dir: Path
    device: str
    precision: str
    num_requests: int | None
    num_streams: int | None
    num_threads: int | None
    hint: Literal["throughput", "latency"] | None
    show: bool | None
    metrics: bool
    show_with_original_frame: bool
    output_resolution: Size | None
    stretch: bool | None
    layouts: Mapping[str, str]
    json: bool
    report: Path | None
    profile: bool

    @property
    def model_choice(self) -> ModelChoice:
        """The model asked for."""
        return ModelChoice(self.model, self.models_dir, self.download_dir)

    @property
    def care(self) -> Care:
        """What is done to plates."""
        return Care(self.align, self.match_exposure)

    def finish(self, blur: int) -> Finish:
        """Return what is done to mattes. Raises :class:`UsageError`."""
        refinement = Refinement(self.fill_holes, self.drop_specks, self.low, self.high, self.shift, self.feather)
        return Finish(refinement, self.smooth, blur)

    def tuning(self, live: bool) -> Tuning:
        """Return what the device is asked to be good at: latency for what is ``live``, else throughput."""
        return Tuning(self.hint or ("latency" if live else "throughput"), self.num_streams, self.num_threads)

    def options(self, video: bool) -> dict[str, str]:
        """Return the flags that the pixels of pictures, or of a ``video``, depend on, as text by name.

        Files are not among them: what is in them counts, not how they are called.
        """
        names = (*_PIXELS, *(_PIXELS_OF_VIDEOS if video else _PIXELS_OF_PICTURES))
        return {name: str(getattr(self, name)) for name in names}


def whats_of(text: str | None, target: str | None) -> tuple[What, ...]:
    """Return what is written of each frame, by ``--what`` and ``--target``. Raises :class:`UsageError`."""
    if text is None:
        return ("cutout",) if target in (None, TRANSPARENT) else ("composite",)
    asked = [part.strip() for part in text.split(",")]
    if unknown := [part for part in asked if part not in (*WHATS, "all")]:
        raise UsageError(f"--what {unknown[0]}: there is no such result; name some of {', '.join(WHATS)}, or all")
    return WHATS if "all" in asked else tuple(what for what in WHATS if what in asked)


def part_of(text: str | None) -> tuple[int, int] | None:
    """Return the number of a shard, from 1, and their count, of ``1/4``. Raises :class:`UsageError`."""
    if text is None:
        return None
    number, _, count = text.partition("/")
    if not (number.isdecimal() and count.isdecimal()):
        raise UsageError(f"--shard {text} is no share; write 1/4 for the first of four")
    return int(number), int(count)


def format_of(text: str | None) -> str | None:
    """Return the suffix that a format asked for has."""
    return None if text is None else f".{text.lower().lstrip('.')}"


def request_of(inputs: tuple[str, ...], flags: Mapping[str, Any], say: Callable[[str], None]) -> Request:
    """Return the request that flags make, Open Model Zoo's among them; ``say`` is told which of these do nothing.

    Raises :class:`UsageError` for flags that make no sense.
    """
    given = dict(flags)
    theirs = translate(TheirFlags(**{each.name: given.pop(each.name) for each in fields(TheirFlags)}))
    for hint in theirs.hints:
        say(hint)
    target = given.pop("target")
    if target is None:
        target = theirs.target
    what, size, output = given.pop("what"), given.pop("input_size"), given["output"]
    if what is None and target is None and output is not None and output.suffix.lower() in _WITHOUT_ALPHA:
        target = GREEN  # as Open Model Zoo does
        say(f"{output.suffix} has no alpha: the subject is placed before {GREEN}; --target chooses, .mov has alpha")
    whats = whats_of(what, target)
    if "composite" in whats and target in (None, TRANSPARENT):
        target = GREEN
    return Request(
        inputs=inputs,
        part=part_of(given.pop("shard")),
        limit=given.pop("limit") or theirs.limit or None,
        loop=theirs.loop,
        whats=whats,
        format=format_of(given.pop("format")),
        target=target,
        input_size=parse_size(size) if size else None,
        num_requests=given.pop("num_requests") or theirs.num_requests,
        num_streams=theirs.num_streams,
        num_threads=theirs.num_threads,
        output_resolution=theirs.output_size,
        stretch=theirs.stretch,
        layouts=theirs.layouts,
        **given,
    )
