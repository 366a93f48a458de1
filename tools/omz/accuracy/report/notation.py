"""Numbers as people read them."""

from __future__ import annotations

import math

MISSING = "\N{EN DASH}"
_MINUS = "\N{MINUS SIGN}"


def figure(value: float | None) -> str:
    """Return five significant digits, a dash where there is no number."""
    return _told(value, ".5g")


def score(value: float | None) -> str:
    """Return five significant digits, zeros at the end too, so that figures side by side look alike."""
    return _told(value, "#.5g")


def rough(value: float | None) -> str:
    """Return three significant digits, a dash where there is no number."""
    return _told(value, ".3g")


def signed(value: float) -> str:
    """Return three significant digits with their sign; 0 has none."""
    return _told(value, "+.3g") if value else "0"


def milliseconds(value: float | None) -> str:
    """Return milliseconds."""
    return _told(value, ".1f" if value is None or value >= 10 else ".2f")


def percent(share: float) -> str:
    """Return a share in percent."""
    return f"{_told(100 * share, '.3g')} %"


def power(value: float) -> str:
    """Return one significant digit with its power of ten."""
    return _told(value, ".0e")


def _told(value: float | None, form: str) -> str:
    if value is None or math.isnan(value):
        return MISSING
    # Adding 0 takes the sign from a 0.
    text, mark, exponent = format(value + 0.0, form).partition("e")
    if mark:
        text += f"e{int(exponent)}"
    return text.replace("-", _MINUS).replace("inf", "∞")
