"""YAML files of Open Model Zoo's accuracy checker, as plain data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from omz.errors import UsageError
from omz.zoo.record import printable

_DEEPEST = 50  # libyaml overflows the stack at some ten thousand levels
_LARGEST = 4 << 20
_MOST = 100_000
_MERGE = "tag:yaml.org,2002:merge"


def read_mapping(path: Path) -> dict[Any, Any]:
    """Read a file of keys and values; what it names twice by an alias is one object, twice.

    Raises :class:`UsageError`, one line, for what is no such file.
    """
    loader = _Loader(read_text(path))
    try:
        content = loader.get_single_data()
    except (yaml.YAMLError, ValueError) as error:  # ValueError: 2020-13-45 is no date
        raise UsageError(f"{path} is no YAML: {_reason(error)}") from error
    if not isinstance(content, dict):
        raise UsageError(f"{path} has no keys and values; an accuracy-check.yml begins with models or evaluations")
    if _count(content, 0, 0) > _MOST:
        raise UsageError(f"{path} grows beyond {_MOST} values, or {_DEEPEST} levels; that is no configuration")
    return content


def read_text(path: Path) -> str:
    """Read YAML that is neither too large nor too deep to be parsed; raises :class:`UsageError`."""
    try:
        if path.stat().st_size > _LARGEST:
            raise UsageError(f"{path} has more than {_LARGEST >> 20} MB; that is no configuration")
        with path.open(encoding="utf-8", newline="") as file:
            text = file.read()
        _check_depth(text)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}; name another file") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except yaml.YAMLError as error:
        raise UsageError(f"{path} is no YAML: {_reason(error)}") from error
    return text


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # as fast as there is
    """Reads plain data; a key that is given twice is an error, for one of the two would be lost in silence."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag == _MERGE:  # nested ones grow beyond all bounds
                raise yaml.constructor.ConstructorError(
                    None, None, "merge keys (<<) are not known here; write the keys out", key.start_mark
                )
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value} is given twice", key.start_mark)
            seen.add(str(key.value))
        super().flatten_mapping(node)


def _check_depth(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, _Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise yaml.YAMLError(f"more than {_DEEPEST} levels within each other")


def _count(value: Any, depth: int, counted: int) -> int:
    """Return how many values there are where aliases are written out, or any number above the most allowed."""
    counted += 1
    if depth > _DEEPEST:
        return _MOST + 1
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        if counted > _MOST:
            break
        counted = _count(each, depth + 1, counted)
    return counted


def _reason(error: Exception) -> str:
    return printable(" ".join(str(error).split())).replace('in "<unicode string>", ', "at ")
