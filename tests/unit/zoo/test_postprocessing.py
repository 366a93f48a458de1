from __future__ import annotations

import warnings
from pathlib import PurePosixPath

import pytest
from helpers.builders import write_card

from omz.zoo.card_reader import load_card
from omz.zoo.postprocessing import RegexReplace, UnpackArchive


def read(tmp_path, *steps: dict[str, object]):
    card = load_card(write_card(tmp_path, "net", postprocessing=list(steps)), PurePosixPath("public/net"))
    assert card.remarks == ()
    return card.postprocessing


def replacement(**changes: object) -> dict[str, object]:
    return {"$type": "regex_replace", "file": "a.py", "pattern": "x", "replacement": "y", **changes}


def test_steps_are_read_in_their_order(tmp_path):
    steps = read(
        tmp_path,
        {"$type": "unpack_archive", "file": "a/b.tar.gz", "format": "gztar"},
        replacement(file="./a//c.py", pattern=r"(\w+) = 1", replacement=r"\1 = 2", count=3),
        replacement(),
    )
    first, second, third = steps
    assert isinstance(first, UnpackArchive)
    assert (first.file, first.format) == ("a/b.tar.gz", "gztar")
    assert isinstance(second, RegexReplace)
    assert (second.file, second.pattern, second.replacement, second.count) == (
        "a/c.py", r"(\w+) = 1", r"\1 = 2", 3,
    )  # fmt: skip
    assert isinstance(third, RegexReplace)
    assert third.count == 0


@pytest.mark.parametrize("form", ["zip", "tar", "gztar", "bztar", "xztar"])
def test_every_format_that_python_unpacks(tmp_path, form):
    (step,) = read(tmp_path, {"$type": "unpack_archive", "file": "a", "format": form})
    assert isinstance(step, UnpackArchive)
    assert step.format == form


@pytest.mark.parametrize(
    ("pattern", "replaced"),
    [
        (r"(?P<name>a)b", r"\g<name>c"),
        (r"(a)|(b)", r"\2\1"),
        (r"(?s)a.*b", "a\nb"),
        ("a", "$dl_dir"),
        ("", ""),
        ("a", r"\n"),
    ],
)
def test_patterns_and_what_replaces_them(tmp_path, pattern, replaced):
    (step,) = read(tmp_path, replacement(pattern=pattern, replacement=replaced))
    assert isinstance(step, RegexReplace)
    assert (step.pattern, step.replacement) == (pattern, replaced)


def test_a_pattern_that_python_warns_of_is_read_without_a_warning(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (step,) = read(tmp_path, replacement(pattern="[[a]b"))
    assert isinstance(step, RegexReplace)
    assert step.pattern == "[[a]b"


def test_a_card_without_steps(tmp_path):
    assert read(tmp_path) == ()
