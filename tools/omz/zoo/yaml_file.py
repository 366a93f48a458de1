"""Safe reading of YAML files: plain data, bounded in size, depth and number of values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeAlias

import yaml
from yaml.constructor import ConstructorError

from omz.checksum import open_file
from omz.errors import OmzError, os_reason, os_remedy
from omz.paths import what_else
from omz.text import printable
from omz.zoo.record import shown

_DEEPEST = 50
_LARGEST = 1 << 20  # bytes of the file, and letters once its aliases are filled in
_MOST_VALUES = 10_000
_LONGEST_NUMBER = 100
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
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
    anything but plain data, has more than 1 MB, 50 levels or 10,000 values, also once its aliases are filled in, or is
    not a mapping. ``kind`` names such a file in messages, as in "a card".
    """
    text = read_text(path, error, kind)
    loader = _PlainLoader(text)
    try:
        content = loader.get_single_data()
    except yaml.YAMLError as fault:
        raise error(f"{path} is not valid YAML: {_reason(fault)}") from fault
    if not isinstance(content, dict):
        raise error(f"{path}: found {shown(content)} where keys and values are expected")
    if not _is_bounded(content):
        most = f"{_MOST_VALUES} values, {_LARGEST >> 20} MB of text or {_DEEPEST} levels"
        raise error(f"{path} grows beyond {most}; that is not {kind}")
    return YAMLFile(content, tuple(sorted(loader.repeated, key=attrgetter("line", "column"))))


def read_text(path: Path, error: type[OmzError], kind: str) -> str:
    """Return the text of a YAML file that can be parsed safely; raises ``error`` as :func:`read_yaml` does."""
    if what_else(path):
        raise error(f"{path} is {what_else(path)}; {kind} is a file")
    try:
        with open_file(path) as file:
            content = file.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise error(f"{path} has more than {_LARGEST >> 20} MB; that is not {kind}")
        text = content.decode()
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
        if node.tag in _NUMBERS and len(node.value) > _LONGEST_NUMBER:  # PyYAML takes minutes for some
            raise ConstructorError(None, None, "the number is too large", node.start_mark)
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


class _TooMuchError(yaml.YAMLError):
    """A file has more levels or values than a person writes."""


def _check_depth(text: str) -> None:
    """Refuse text that is nested too deeply, whatever the limit of PyYAML.

    libyaml used to overflow the stack at some ten thousand levels; since PyYAML 6.0.4 it stops at 1,000, while it looks
    ahead and before it reports the first 50. The parser written in Python looks less far ahead, so text that the fast
    one refuses is counted again by that.
    """
    try:
        _count_levels(text, _FASTEST)
    except _TooMuchError:
        raise
    except yaml.YAMLError:
        _count_levels(text, yaml.SafeLoader)
        raise


def _count_levels(text: str, loader: _Loader) -> None:
    depth = 0
    for number, event in enumerate(yaml.parse(text, loader)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        line = event.start_mark.line + 1 if event.start_mark else 0
        if depth > _DEEPEST:
            raise _TooMuchError(f"line {line}: more than {_DEEPEST} levels within each other")
        if number > 2 * _MOST_VALUES:  # a list is two events
            raise _TooMuchError(f"line {line}: more than {_MOST_VALUES} values")


def _is_bounded(content: Any) -> bool:
    """Tell whether data stay within the limits with their aliases filled in; keys are values, too."""
    values = letters = 0
    waiting = [(content, 0)]
    while waiting:
        value, depth = waiting.pop()
        values += 1
        letters += len(value) if isinstance(value, (str, bytes)) else 0
        inner = _values(value)
        if depth > _DEEPEST or letters > _LARGEST or values + len(waiting) + len(inner) > _MOST_VALUES:
            return False
        waiting += [(each, depth + 1) for each in inner]
    return True


def _values(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*value, *value.values()]
    return [*value] if isinstance(value, (list, tuple, set)) else []  # YAML has pairs and sets, too


def _reason(error: yaml.YAMLError) -> str:
    return printable(" ".join(str(error).split())).replace('in "<unicode string>", ', "at ")
