from __future__ import annotations

import pytest

from omz.text import printable
from omz.zoo.record import suggestion


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ("licence", "did you mean license? allowed: files, license, name"),
        ("nome", "did you mean name? allowed: files, license, name"),
        ("zzz", "allowed: files, license, name"),
        (5, "allowed: files, license, name"),
        (None, "allowed: files, license, name"),
    ],
)
def test_the_nearest_word_is_suggested_and_all_are_listed(found, expected):
    assert suggestion(found, ["name", "license", "files"]) == expected


def test_where_nothing_is_allowed_there_is_nothing_to_suggest():
    assert suggestion("x", []) == "allowed: none"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain Käse 図 'quoted' back\\slash", "plain Käse 図 'quoted' back\\slash"),
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\x1b[31m", r"\x1b[31m"),
        ("\u2028\u202e\x85", r"\u2028\u202e\x85"),
    ],
)
def test_what_breaks_a_line_or_steers_a_terminal_is_escaped(text, expected):
    assert printable(text) == expected
