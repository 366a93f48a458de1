from __future__ import annotations

import errno

import pytest

from omz.errors import first_line, os_reason


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("one\ntwo"), "one"),
        (ValueError("  \n one"), "one"),
        (ValueError(), "ValueError"),
        (KeyError(), "KeyError"),
    ],
)
def test_the_first_line_of_an_error_or_its_type(error, line):
    assert first_line(error) == line


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.ENOSPC, "no space", "/a/file"), "no space"),
        (OSError("of our own"), "of our own"),
        (OSError(), "OSError"),
    ],
)
def test_the_reason_of_an_error_has_neither_number_nor_path(error, reason):
    assert os_reason(error) == reason
