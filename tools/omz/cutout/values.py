"""Values of options, read from text as the command line has it, or taken as Python gives them.

Loading this module loads no image library, as that of the options.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from omz.errors import UsageError

if TYPE_CHECKING:
    from omz.cutout.names import What
    from omz.images.arrays import Size


def read_size(given: str | Size) -> Size:
    """Return (height, width) of ``1280x720``, or of that pair. Raises :class:`UsageError`."""
    from omz.images.sizes import parse_size, size_text

    return parse_size(given if isinstance(given, str) else size_text(*given))


def read_switch(choices: tuple[str, ...], given: str | bool) -> str:
    """Return the choice of that name; of True and False, the first and the last. Raises :class:`UsageError`."""
    if isinstance(given, bool):
        return choices[0] if given else choices[-1]
    if given not in choices:
        raise UsageError(f"{given!r} is none of {', '.join(choices)}")
    return given


def read_results(given: str | Sequence[str]) -> tuple[What, ...]:
    """Return the results that ``alpha,cutout`` or ``all`` names, in the order of files. Raises :class:`UsageError`."""
    from omz.cutout.names import WHATS

    if not given and not isinstance(given, str):
        return ()
    text = given if isinstance(given, str) else ",".join(given)
    asked = [part.strip() for part in text.split(",")]
    for part in asked:
        if part not in (*WHATS, "all"):
            raise UsageError(f"{part!r} is not a result; choose from {', '.join(WHATS)}, or all")
    if "all" in asked:
        return WHATS
    return tuple(what for what in WHATS if what in asked)


def read_shard(given: str | tuple[int, int]) -> tuple[int, int]:
    """Return the number of a shard, from 1, and their count, of ``1/4`` or (1, 4). Raises :class:`UsageError`."""
    text = given
    if not isinstance(text, str):
        part, parts = text
        text = f"{part}/{parts}"
    number, _, count = text.partition("/")
    if not (number.isdecimal() and count.isdecimal()):
        raise UsageError(f"{text!r} is not a shard; write I/N, such as 1/4 for the first of four")
    return int(number), int(count)


def read_suffix(text: str) -> str:
    """Return the suffix of a format: ``.png`` of ``PNG``. Raises :class:`UsageError` for an empty one."""
    if not text.strip(". "):
        raise UsageError(f"{text!r} is not a format; write png, webp, mov or another suffix")
    return f".{text.lower().lstrip('.')}"


def read_streams(given: str | int) -> int | None:
    """Return a number of streams, of 4, ``4`` or ``CPU:4``; None of ``AUTO``. Raises :class:`UsageError`."""
    text = str(given)
    if text in ("", "AUTO"):
        return None
    found = re.fullmatch(r"(?:\w+:)?([1-9]\d*)", text)
    if found is None:
        raise UsageError(f"{text!r} is not a number of streams; write one number, for the device of -d, or AUTO")
    return int(found[1])


def read_range(given: str | Sequence[float]) -> tuple[float, float]:
    """Return the two numbers of ``0,255``, or of that pair. Raises :class:`UsageError`."""
    parts = given.split(",") if isinstance(given, str) else [*given]
    low, high = map(float, parts)
    if low == high or not all(map(math.isfinite, (low, high))):
        raise UsageError("give two different numbers, such as 0,255")
    return low, high
