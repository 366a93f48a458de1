from __future__ import annotations

import tracemalloc

import pytest
import yaml

from omz.accuracy.configuration.reading import read_mapping
from omz.errors import CardError, UsageError
from omz.zoo.yaml_file import RepeatedKey, read_yaml

LAUGHS = "a0: &a0 [x]\n" + "".join(
    f"a{number}: &a{number} [{', '.join([f'*a{number - 1}'] * 10)}]\n" for number in range(1, 10)
)


def test_plain_data(tmp_path):
    path = tmp_path / "c.yml"
    path.write_text("a: [1, 2.5, yes]\nb: &all {c: x}\nd: *all\n")
    file = read_yaml(path, CardError, "a card")
    assert file.content == {"a": [1, 2.5, True], "b": {"c": "x"}, "d": {"c": "x"}}
    assert file.repeated == ()
    assert read_mapping(path) == file.content


def test_repeated_keys_are_noted_and_a_configuration_refuses_them(tmp_path):
    path = tmp_path / "c.yml"
    path.write_text("a: 1\nb: {c: 1, c: 2}\na: 3\n")
    assert read_yaml(path, CardError, "a card").repeated == (RepeatedKey("c", 2, 11), RepeatedKey("a", 3, 1))
    with pytest.raises(UsageError, match="c is given twice at line 2, column 11"):
        read_mapping(path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"a: [", "is not valid YAML: "),
        (b"- a", r"found \['a'\] where keys and values are expected"),
        (b"", "found nothing where keys and values are expected"),
        (b"a: &x {b: 1}\nc:\n  <<: *x\n", r"is not valid YAML: merge keys \(<<\) are not known here"),
        (b"a: 2020-13-45", "is not valid YAML: '2020-13-45' is not a valid timestamp"),
        (b"a: !!python/object:os.system x", "is not valid YAML: could not determine a constructor"),
        (b"a: \xff", r"is not UTF-8 text \(byte 3\)"),
        (b"a: " + b"[" * 60 + b"]" * 60, "line 1: more than 50 levels"),
        (b"[" * 100_000, "line 1: more than 50 levels"),
        (b"a: 1\nb: " + b"[" * 100_000, "line 2: more than 50 levels"),
        (b"{a: " * 100_000, "line 1: more than 50 levels"),
        (b"- " * 100_000, "line 1: more than 50 levels"),
        (b"a: [" + b"1," * 300_000 + b"]", "more than 10000 values"),
        (LAUGHS.encode(), "grows beyond 10000 values"),
        (b"a: &a [*a]", "grows beyond"),
    ],
    ids=range(15),
)
def test_what_is_not_such_a_file_is_one_line(tmp_path, content, told):
    path = tmp_path / "c.yml"
    path.write_bytes(content)
    with pytest.raises(CardError, match=told) as caught:
        read_yaml(path, CardError, "a card")
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("deepest", [10, 51, 1000])
def test_the_limit_on_levels_is_ours_whatever_limit_the_parser_has(tmp_path, monkeypatch, deepest):
    """PyYAML 6.0.4 stops at 1,000 levels in words of its own; others may stop elsewhere."""

    class Stopping(yaml.SafeLoader):
        def fetch_flow_collection_start(self, kind):
            if self.flow_level >= deepest:
                raise yaml.YAMLError("exceeded maximum nesting depth")
            super().fetch_flow_collection_start(kind)

    monkeypatch.setattr("omz.zoo.yaml_file._FASTEST", Stopping)
    path = tmp_path / "c.yml"
    path.write_text("[" * 2000)
    with pytest.raises(CardError, match="more than 50 levels within each other"):
        read_yaml(path, CardError, "a card")


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(CardError, match=r"none\.yml cannot be read: No such file"):
        read_yaml(tmp_path / "none.yml", CardError, "a card")
    large = tmp_path / "large.yml"
    large.write_bytes(b"#" * (5 << 20))
    with pytest.raises(CardError, match="more than 1 MB; that is not a card"):
        read_yaml(large, CardError, "a card")


def product(depth: int, leaf: str) -> str:
    levels = [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]" for level in range(1, depth)]
    return "\n".join([f"a0: &a0 [{leaf}]", *levels])


@pytest.mark.parametrize(
    "text",
    [
        f"x: &x {'y' * 8000}\n{product(4, '*x')}",  # little text, often
        f"x: &x [{', '.join(['y'] * 4000)}]\nz: [{', '.join(['*x'] * 4000)}]",
        f"x: &x {{{'k' * 900}: 1}}\nz: [{', '.join(['*x'] * 3000)}]",  # as a key
        f"x: !!set {{{', '.join(f'k{number}' for number in range(9000))}}}\nz: 1\n" * 2,
        f"x: &x !!binary {'A' * 500_000}\nz: [*x, *x, *x]",
    ],
    ids=range(5),
)
def test_what_aliases_multiply_is_counted_not_made(tmp_path, text):
    path = tmp_path / "c.yml"
    path.write_text(text)
    tracemalloc.start()
    with pytest.raises(CardError, match="10000 values"):
        read_yaml(path, CardError, "a card")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50e6


@pytest.mark.parametrize("number", ["1" + ":1" * 200_000, "9" * 900_000, "1" + ":1" * 200_000 + ".5"])
def test_a_number_of_any_length_takes_no_time(tmp_path, number):
    path = tmp_path / "c.yml"
    path.write_text(f"a: {number}")
    with pytest.raises(CardError, match="the number is too large at line 1"):
        read_yaml(path, CardError, "a card")
