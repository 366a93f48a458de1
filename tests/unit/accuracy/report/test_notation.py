from __future__ import annotations

import math

import pytest

from omz.accuracy.report import notation


@pytest.mark.parametrize(
    ("told", "value", "expected"),
    [
        (notation.figure, 1 / 3, "0.33333"),
        (notation.figure, 0.01, "0.01"),
        (notation.figure, math.nan, notation.MISSING),
        (notation.figure, math.inf, "∞"),
        (notation.score, 16.1, "16.100"),
        (notation.score, None, notation.MISSING),
        (notation.rough, 1.2345e-6, "1.23e-6"),
        (notation.rough, -2.0, "-2"),
        (notation.rough, -0.0, "0"),
        (notation.signed, 0.00123, "+0.00123"),
        (notation.signed, -1.5e-7, "-1.5e-7"),
        (notation.signed, 0.0, "0"),
        (notation.milliseconds, 9.876, "9.88"),
        (notation.milliseconds, 98.76, "98.8"),
        (notation.milliseconds, None, notation.MISSING),
        (notation.percent, 0.0123, "1.23 %"),
        (notation.power, 1e-5, "1e-5"),
    ],
)
def test_numbers_are_told_as_people_read_them(told, value, expected):
    assert told(value) == expected.replace("-", "\N{MINUS SIGN}")
