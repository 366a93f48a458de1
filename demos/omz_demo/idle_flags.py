"""Flags that do nothing to what was asked for, so that nobody wonders."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Literal, TypeAlias

from omz_demo.request import Request

Kind: TypeAlias = Literal["pictures", "videos", "what is live"]

_FOR: dict[str, tuple[object, tuple[Kind, ...]]] = {
    "align": ("off", ("pictures", "videos")),
    "match_exposure": (False, ("pictures", "videos")),
    "resize_changes": (False, ("videos",)),
    "lossless": (False, ("videos", "what is live")),
    "quality": (None, ("pictures",)),
    "strip": (False, ("pictures",)),
    "smooth": (0, ("videos", "what is live")),
    "metrics": (False, ("videos", "what is live")),
    "loop": (False, ("what is live",)),
    "resume": (False, ("pictures", "videos")),
}
"""The value that a flag has where it is not given, and what it is for."""
_NEEDS = (("retry_failed", "resume"), ("metrics", "show"))


def idle_flags(request: Request, kinds: Collection[Kind]) -> Iterator[str]:
    """Yield a line for each flag that has no effect on inputs of these ``kinds``, or without another one."""
    for name, (left_out, kinds_of_flag) in _FOR.items():
        if getattr(request, name) != left_out and not {*kinds} & {*kinds_of_flag}:
            yield f"--{name} has no effect: it is for {' and '.join(kinds_of_flag)}"
    for name, needed in _NEEDS:
        if getattr(request, name) and not getattr(request, needed) and "what is live" not in kinds:
            yield f"--{name} has no effect without --{needed}"
    if request.raw is not None and "-" not in request.inputs:
        yield "--raw has no effect: it is for standard input (-)"
