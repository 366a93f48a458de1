"""The flags of Open Model Zoo's demo, as ours.

Source: ``openvinotoolkit/open_model_zoo``, ``demos/background_subtraction_demo/python``. Most of its flags are ours,
too; here are those that are spelt otherwise, mean something else or have no use in matting.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from omz.errors import UsageError

if TYPE_CHECKING:
    from omz.images.arrays import Size  # numpy, which --help can do without

GREEN = "#78ff9b"
"""What Open Model Zoo puts behind the subject where nothing else is asked for: BGR (155, 255, 120)."""

_LONG = {
    "-nireq": "--num_infer_requests",
    "-nstreams": "--num_streams",
    "-nthreads": "--num_threads",
    "-limit": "--output_limit",
}
VALUED = frozenset((
    "-i", "--input", "-m", "--model", "-d", "--device", "-o", "--output", "-t", "--prob_threshold", "--adapter",
    "--resize_type", "--labels", "--target_bgr", "--background", "--blur_bgr", "--layout", "--num_infer_requests",
    "--num_streams", "--num_threads", "--output_limit", "--output_resolution", "-u", "--utilization_monitors",
))  # fmt: skip
"""Flags of Open Model Zoo that take a value."""

_LAYOUT = re.compile(r"(?:(?P<name>[^\[\]():,]+):)?[\[(]?(?P<letters>[NCHW]{4})[\])]?")


@dataclass(frozen=True)
class TheirFlags:
    """Values of Open Model Zoo's flags as they were given, by their long names; the defaults are those not given."""

    adapter: str | None = None
    prob_threshold: float | None = None
    labels: str | None = None
    layout: str | None = None
    resize_type: str | None = None
    utilization_monitors: str | None = None
    raw_output_message: bool = False
    output_limit: int = 0
    num_infer_requests: int | None = None
    num_streams: str | None = None
    num_threads: int | None = None
    target_bgr: str | None = None
    blur_bgr: int = 0
    output_resolution: str | None = None
    loop: bool = False


@dataclass(frozen=True)
class OurFlags:
    """What they are here; None leaves the choice to the demo.

    ``limit`` counts frames (0: all); ``num_requests`` inferences at a time (0: one more than the device's best).
    ``target`` is a colour ``#rrggbb``, a path, or ``blur:`` and pixels; ``output_size`` is (height, width). ``stretch``
    says whether the network sees the picture stretched to its size, or whole with its proportions kept. ``layouts``
    have the letters of each input by its name; the name is empty where they hold for all. ``hints`` are lines for the
    user about what has no effect.
    """

    limit: int = 0
    num_requests: int | None = None
    num_streams: int | None = None
    num_threads: int | None = None
    target: str | None = None
    output_size: Size | None = None
    stretch: bool | None = None
    layouts: dict[str, str] = field(default_factory=dict)
    loop: bool = False
    hints: tuple[str, ...] = ()


def normalise(argv: Sequence[str], valued: Collection[str] = VALUED) -> list[str]:
    """Return arguments with ``-nireq``, ``-nstreams``, ``-nthreads`` and ``-limit`` spelt as long flags.

    What follows a flag that is ``valued``, or ``--``, is a value, and stays as it is.
    """
    normal: list[str] = []
    rest = iter(argv)
    for argument in rest:
        if argument == "--":
            return [*normal, argument, *rest]
        name, equals, value = argument.partition("=")
        flag = _LONG.get(name, name)
        normal.append(f"{flag}{equals}{value}")
        if flag in valued and not equals:
            normal.extend(item for item in [next(rest, None)] if item is not None)
    return normal


def translate(theirs: TheirFlags) -> OurFlags:
    """Return Open Model Zoo's flags as ours; raises :class:`UsageError` for a value that makes no sense."""
    stretch = None if theirs.resize_type is None else theirs.resize_type == "standard"
    if theirs.blur_bgr < 0:
        raise UsageError(f"--blur_bgr {theirs.blur_bgr}: give pixels, 0 for no blur")
    return OurFlags(
        limit=_count("-limit", theirs.output_limit),
        num_requests=None if theirs.num_infer_requests is None else _count("-nireq", theirs.num_infer_requests),
        num_streams=_streams(theirs.num_streams),
        num_threads=_count("-nthreads", theirs.num_threads or 0) or None,
        target=_target(theirs.target_bgr) or (f"blur:{theirs.blur_bgr}" if theirs.blur_bgr else None),
        output_size=_size(theirs.output_resolution),
        stretch=stretch,
        layouts=_layouts(theirs.layout),
        loop=theirs.loop,
        hints=tuple(_hints(theirs)),
    )


def _hints(theirs: TheirFlags) -> Iterable[str]:
    if theirs.prob_threshold is not None:
        yield "-t has no effect on matting: alpha is no probability to cut at"
    if theirs.labels is not None:
        yield "--labels has no effect on matting: there are no classes"
    if theirs.adapter == "ovms":
        yield "--adapter ovms: models run here, not on a server; -m takes an IR (.xml) or a name of the zoo"
    if theirs.utilization_monitors:
        yield "-u has no effect here; --report writes where the time went"
    if theirs.raw_output_message:
        yield "-r has no effect on matting; --json prints what was done for programs"
    if theirs.resize_type == "crop":
        yield "--resize_type crop would leave the sides without a matte; the network sees the whole picture"


def _count(flag: str, number: int) -> int:
    if number < 0:
        raise UsageError(f"{flag} {number}: give a number from 0")
    return number


def _streams(text: str | None) -> int | None:
    if text in (None, "", "AUTO"):
        return None
    found = re.fullmatch(r"(?:\w+:)?([1-9]\d*)", text or "")
    if found is None:
        raise UsageError(f"-nstreams {text}: write one number, or AUTO; it holds for the device of -d")
    return int(found[1])


def _target(text: str | None) -> str | None:
    """Return three levels, blue first, as a colour; a path as it is."""
    numbers = [int(part) for part in re.findall(r"\d+", text)] if text and re.fullmatch(r"[\d\s,()\[\]]+", text) else []
    if len(numbers) != 3:
        return text or None
    if max(numbers) > 255:
        raise UsageError(f"--target_bgr {text}: blue, green and red go from 0 to 255")
    blue, green, red = numbers
    return f"#{red:02x}{green:02x}{blue:02x}"


def _size(text: str | None) -> Size | None:
    if text is None:
        return None
    found = re.fullmatch(r"([1-9]\d*)[xX]([1-9]\d*)", text)
    if found is None:
        raise UsageError(f"--output_resolution {text}: write WIDTHxHEIGHT, such as 1280x720")
    return int(found[2]), int(found[1])


def _layouts(text: str | None) -> dict[str, str]:
    """Return the layout of each input: ``NCHW``, or ``src:NCHW,bgr:NCHW``."""
    layouts = {}
    for part in (text or "").split(","):
        if not part:
            continue
        found = _LAYOUT.fullmatch(part.strip())
        if found is None or sorted(found["letters"]) != sorted("NCHW"):
            raise UsageError(f"--layout {text}: write the letters N, C, H, W for each input: src:NCHW,bgr:NCHW")
        layouts[found["name"] or ""] = found["letters"]
    return layouts
