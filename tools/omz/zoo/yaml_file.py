"""Safe reading of YAML files: plain data, bounded in size, depth and number of values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeAlias

import yaml
from yaml.constructor import ConstructorError

from omz.errors import OmzError, os_reason, os_remedy
from omz.paths import what_else
from omz.zoo.record import printable, shown

_DEEPEST = 50
_LARGEST = 4 << 20
_MOST_VALUES = 100_000
_TOO_LARGE = 1 << 63
_MERGE = "tag:yaml.org,2002:merge"

_Loader: TypeAlias = type[yaml.SafeLoader]
_FASTEST: _Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class YAMLFile:
    """A file of keys and values; an alias gives the same object again."""

    content: dict[Any, Any]
    repeated: tuple[RepeatedKey, ...]


@dataclass(frozen=True)
class RepeatedKey:
    """A key that a mapping gives twice, with the place of the second one, counted from 1."""

    name: str
    line: int
    column: int


def read_yaml(path: Path, error: type[OmzError], kind: str) -> YAMLFile:
    """Read a file of keys and values.

    Raises ``error``, one line that begins with the path, for a file that cannot be read, is not valid YAML, holds
    anything but plain data, has more than 4 MB, 50 levels or 100,000 values, or is not a mapping. ``kind`` names such a
    file in messages, as in "a card".
    """
    text = read_text(path, error, kind)
    loader = _PlainLoader(text)
    try:
        content = loader.get_single_data()
    except yaml.YAMLError as fault:
        raise error(f"{path} is not valid YAML: {_reason(fault)}") from fault
    if not isinstance(content, dict):
        raise error(f"{path}: found {shown(content)} where keys and values are expected")
    if _count_values(content) > _MOST_VALUES:
        raise error(f"{path} grows beyond {_MOST_VALUES} values, or {_DEEPEST} levels; that is not {kind}")
    return YAMLFile(content, tuple(sorted(loader.repeated, key=attrgetter("line", "column"))))


def read_text(path: Path, error: type[OmzError], kind: str) -> str:
    """Return the text of a YAML file that can be parsed safely; raises ``error`` as :func:`read_yaml` does."""
    if what_else(path):
        raise error(f"{path} is {what_else(path)}; {kind} is a file")
    try:
        if path.stat().st_size > _LARGEST:
            raise error(f"{path} has more than {_LARGEST >> 20} MB; that is not {kind}")
        with path.open(encoding="utf-8", newline="") as file:
            text = file.read()
        _check_depth(text)
    except OSError as fault:
        raise error(f"{path} cannot be read: {os_reason(fault)}; {os_remedy(fault, 'check the path')}") from fault
    except UnicodeDecodeError as fault:
        raise error(f"{path} is not UTF-8 text (byte {fault.start}); save it as UTF-8") from fault
    except yaml.YAMLError as fault:
        raise error(f"{path} is not valid YAML: {_reason(fault)}") from fault
    return text


class _PlainLoader(_FASTEST):  # type: ignore[misc, valid-type]
    """Constructs plain data, and notes repeated keys."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.repeated: list[RepeatedKey] = []

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            value = super().construct_object(node, deep)
        except (ValueError, ArithmeticError, LookupError, AttributeError) as error:  # for 2020-13-45, !!bool x and such
            tag = node.tag.removeprefix("tag:yaml.org,2002:")
            raise ConstructorError(None, None, f"{shown(node.value)} is not a valid {tag}", node.start_mark) from error
        if isinstance(value, int) and abs(value) >= _TOO_LARGE:
            raise ConstructorError(None, None, "the number is too large", node.start_mark)
        return value

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        for key, _ in node.value:
            if key.tag == _MERGE:  # nested ones grow beyond all bounds
                said = "merge keys (<<) are not known here; write the keys out"
                raise ConstructorError(None, None, said, key.start_mark)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        if isinstance(node, yaml.MappingNode):
            self.repeated += _repeated_keys(node)
        return super().construct_mapping(node, deep)


def _repeated_keys(node: yaml.MappingNode) -> Iterator[RepeatedKey]:
    seen: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            continue
        if key.value in seen:
            yield RepeatedKey(printable(key.value), key.start_mark.line + 1, key.start_mark.column + 1)
        seen.add(key.value)


def _check_depth(text: str) -> None:
    """Refuse text that is nested too deeply, whatever the limit of PyYAML.

    libyaml used to overflow the stack at some ten thousand levels; since PyYAML 6.0.4 it stops at 1,000, while it looks
    ahead and before it reports the first 50. The parser written in Python looks less far ahead, so text that the fast
    one refuses is counted again by that.
    """
    try:
        _count_levels(text, _FASTEST)
    except yaml.YAMLError:
        _count_levels(text, yaml.SafeLoader)
        raise


def _count_levels(text: str, loader: _Loader) -> None:
    depth = 0
    for number, event in enumerate(yaml.parse(text, loader)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        line = event.start_mark.line + 1 if event.start_mark else 0
        if depth > _DEEPEST:
            raise yaml.YAMLError(f"line {line}: more than {_DEEPEST} levels within each other")
        if number > 2 * _MOST_VALUES:  # a list is two events
            raise yaml.YAMLError(f"line {line}: more than {_MOST_VALUES} values")


def _count_values(value: Any, depth: int = 0, counted: int = 0) -> int:
    """Return the number of values with aliases expanded, or any number above the limit."""
    counted += 1
    if depth > _DEEPEST:
        return _MOST_VALUES + 1
    for each in _values(value):
        if counted > _MOST_VALUES:
            break
        counted = _count_values(each, depth + 1, counted)
    return counted


def _values(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _reason(error: yaml.YAMLError) -> str:
    return printable(" ".join(str(error).split())).replace('in "<unicode string>", ', "at ")
