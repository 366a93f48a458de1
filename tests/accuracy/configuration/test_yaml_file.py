from __future__ import annotations

import pytest

from omz.accuracy.configuration.yaml_file import read_mapping
from omz.errors import UsageError


def test_plain_data(tmp_path):
    path = tmp_path / "c.yml"
    path.write_text("a: [1, 2.5, yes]\nb: &all {c: x}\nd: *all\n")
    assert read_mapping(path) == {"a": [1, 2.5, True], "b": {"c": "x"}, "d": {"c": "x"}}


LAUGHS = "a0: &a0 [x]\n" + "".join(
    f"a{number}: &a{number} [{', '.join([f'*a{number - 1}'] * 10)}]\n" for number in range(1, 10)
)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"a: [", "is no YAML: "),
        (b"- a", "has no keys and values"),
        (b"", "has no keys and values"),
        (b"a: 1\nb: 2\na: 3\n", "is no YAML: a is given twice at line 3, column 1"),
        (b"a: &x {b: 1}\nc:\n  <<: *x\n", r"is no YAML: merge keys \(<<\) are not known here"),
        (b"a: 2020-13-45", "is no YAML: "),
        (b"a: !!python/object:os.system x", "is no YAML: could not determine a constructor"),
        (b"a: \xff", r"is not UTF-8 text \(byte 3\)"),
        (b"a: " + b"[" * 60 + b"]" * 60, "more than 50 levels"),
        (b"[" * 100_000, "more than 50 levels"),
        (LAUGHS.encode(), "grows beyond 100000 values"),
        (b"a: &a [*a]", "grows beyond"),
    ],
    ids=range(12),
)
def test_what_is_no_configuration_is_one_line(tmp_path, content, told):
    path = tmp_path / "c.yml"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=told) as caught:
        read_mapping(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(UsageError, match=r"none\.yml cannot be read: No such file"):
        read_mapping(tmp_path / "none.yml")
    large = tmp_path / "large.yml"
    large.write_bytes(b"#" * (5 << 20))
    with pytest.raises(UsageError, match="more than 4 MB"):
        read_mapping(large)
