"""Flags of Open Model Zoo's demo, translated to options of ours.

Source: ``openvinotoolkit/open_model_zoo``, ``demos/background_subtraction_demo/python``. We share most of its flags;
here are those that are spelt otherwise, mean something else or have no use in matting.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

from omz.cutout.flag import flag_of, option
from omz.cutout.flags import GROUPS
from omz.errors import UsageError

_LONG = {
    "-nireq": "--num_infer_requests",
    "-nstreams": "--num_streams",
    "-nthreads": "--num_threads",
    "-limit": "--output_limit",
}
_LAYOUT = re.compile(r"(?:(?P<name>[^\[\](),]+):)?[\[(]?(?P<letters>[NCHW]{2,4})[\])]?")

_option = partial(option, hidden=True)


@dataclass(frozen=True, kw_only=True)
class TheirFlags:
    """Values of Open Model Zoo's flags, by their long names."""

    adapter: str | None = _option(None, "Where models run.")
    prob_threshold: float | None = _option(None, "Threshold of a mask.", "-t", "--prob_threshold", takes=float)
    labels: str | None = _option(None, "Names of classes.")
    layout: str | None = _option(None, "Layouts of inputs.")
    resize_type: str | None = _option(
        None, "How images are fitted.", choices=("crop", "standard", "fit_to_window", "fit_to_window_letterbox")
    )
    utilization_monitors: str | None = _option(None, "Monitors to show.", "-u", "--utilization_monitors")
    raw_output_message: bool = _option(False, "Print raw results.", "-r", "--raw_output_message")
    output_limit: int = _option(0, "Frames to write.", takes=int, lowest=0)
    num_infer_requests: int | None = _option(None, "Parallel inferences.", takes=int, lowest=0)
    target_bgr: str | None = _option(None, "New background.")
    blur_bgr: int = _option(0, "Blur of the background, in pixels.", takes=int, lowest=0)


def normalise(argv: Sequence[str]) -> list[str]:
    """Return arguments with ``-nireq``, ``-nstreams``, ``-nthreads`` and ``-limit`` spelt as long flags.

    Whatever follows ``--``, or a flag that takes a value, stays as it is.
    """
    valued = _valued()
    normal: list[str] = []
    rest = iter(argv)
    for argument in rest:
        if argument == "--":
            return [*normal, argument, *rest]
        name, equals, value = argument.partition("=")
        flag = _LONG.get(name, name)
        normal.append(f"{flag}{equals}{value}")
        following = next(rest, None) if flag in valued and not equals else None
        if following is not None:
            normal.append(following)
    return normal


def _valued() -> set[str]:
    """Return the spellings of all flags that always take a value."""
    valued: set[str] = set()
    for group in (*GROUPS.values(), TheirFlags):
        for flag in map(flag_of, fields(group)):
            if flag.takes is not bool and not flag.alone:
                valued.update(flag.names)
    return valued


def translate(theirs: TheirFlags) -> dict[str, Any]:
    """Return the values of our options that Open Model Zoo's flags ask for, by name.

    Raises :class:`UsageError` for values out of range.
    """
    for each in fields(theirs):
        flag_of(each).check(getattr(theirs, each.name))
    ours: dict[str, Any] = {}
    if theirs.blur_bgr:
        ours["target"] = f"blur:{theirs.blur_bgr}"
    if theirs.target_bgr:
        ours["target"] = _target(theirs.target_bgr)
    if theirs.output_limit:
        ours["limit"] = theirs.output_limit
    if theirs.num_infer_requests is not None:
        ours["num_requests"] = theirs.num_infer_requests
    if theirs.resize_type is not None:
        ours["stretch"] = theirs.resize_type == "standard"
    if theirs.layout:
        ours["layouts"] = _layouts(theirs.layout)
    return ours


def without_effect(theirs: TheirFlags) -> Iterator[str]:
    """Yield a line per flag that matting has no use for."""
    if theirs.prob_threshold is not None:
        yield "-t has no effect: alpha is not a probability to threshold"
    if theirs.labels is not None:
        yield "--labels has no effect: matting has no classes"
    if theirs.adapter == "ovms":
        yield "--adapter ovms has no effect: models run here; give -m an IR (.xml) or a model name, not a server"
    if theirs.utilization_monitors:
        yield "-u has no effect; --profile shows the time each stage took"
    if theirs.raw_output_message:
        yield "-r has no effect; --json prints a summary for programs"
    if theirs.resize_type == "crop":
        yield "--resize_type crop has no effect: the network sees the whole image, or the sides would have no matte"


def with_theirs(flags: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the values of flags as options of ours, and a line per flag without effect; ours come before theirs.

    Raises :class:`UsageError` for values out of range.
    """
    ours = dict(flags)
    given: dict[str, Any] = {}
    for each in fields(TheirFlags):
        given[each.name] = ours.pop(each.name)
    theirs = TheirFlags(**given)
    for name, value in translate(theirs).items():
        ours[name] = ours.get(name) or value
    return ours, list(without_effect(theirs))


def _target(text: str) -> str:
    """Return three levels, blue first, as a colour; a path as it is."""
    if not re.fullmatch(r"[\d\s,()\[\]]+", text):
        return text
    levels = list(map(int, re.findall(r"\d+", text)))
    if len(levels) != 3:
        return text
    if max(levels) > 255:
        raise UsageError(f"--target_bgr {text}: blue, green and red go from 0 to 255")
    blue, green, red = levels
    return f"#{red:02x}{green:02x}{blue:02x}"


def _layouts(text: str) -> dict[str, str]:
    """Return the layout of each input or output: ``NCHW``, or ``src:NCHW,out:HW``; without a name, of all inputs."""
    layouts = {}
    for part in text.split(","):
        if not part:
            continue
        found = _LAYOUT.fullmatch(part.strip())
        if found is None or not _is_layout(found["letters"], bool(found["name"])):
            raise UsageError(f"--layout {text}: write the letters N, C, H, W for each input, as in src:NCHW,bgr:NCHW")
        layouts[found["name"] or ""] = found["letters"]
    return layouts


def _is_layout(letters: str, may_lack: bool) -> bool:
    """Tell whether each letter comes once; outputs, which have a name, may lack batch and channels."""
    if len({*letters}) < len(letters) or not {"H", "W"} <= {*letters}:
        return False
    return may_lack or len(letters) == len("NCHW")
