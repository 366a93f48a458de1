from __future__ import annotations

import errno

import pytest

from omz.errors import first_line, os_reason, os_remedy


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


def test_the_remedy_is_what_the_system_tells():
    for number in (errno.EACCES, errno.EPERM):
        assert os_remedy(OSError(number, "no"), "check the path") == "check its permissions"
    assert os_remedy(OSError(errno.EISDIR, "no"), "check the path") == "name a file"
    assert os_remedy(OSError(errno.ELOOP, "no"), "check the path") == "mend the link"
    assert os_remedy(OSError(errno.ENOENT, "no"), "check the path") == "check the path"
    assert os_remedy(ValueError("no"), "check the path") == "check the path"
