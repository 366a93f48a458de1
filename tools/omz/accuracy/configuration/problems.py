"""From what a file says to a record, or to one line that says what is wrong with it, and where."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from omz.errors import UsageError
from omz.zoo.record import UNKNOWN_KEYS, Record, printable, suggestion

_SHOWN = 60
_TAGS = ("type", "converter")
_WORDS = {
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "string_type": "must be text",
    "dict_type": "must have keys and values",
    "model_type": "must have keys and values",
    "model_attributes_type": "must have keys and values",
}
"""What pydantic says in terms of Python, in those of YAML."""

Kind = TypeVar("Kind", bound=Record)


@dataclass(frozen=True)
class Place:
    """Where a value stands: the file, and the keys down to it."""

    path: Path
    keys: tuple[object, ...] = ()

    def __truediv__(self, key: object) -> Place:
        return Place(self.path, (*self.keys, key))

    def __str__(self) -> str:
        return f"{self.path}: {printable('.'.join(map(str, self.keys)))}" if self.keys else str(self.path)

    def error(self, message: str) -> UsageError:
        """Return the error that says what is wrong here."""
        return UsageError(f"{self}: {printable(message)}")


def validated(kind: type[Kind], value: object, place: Place, elsewhere: Mapping[str, Place] | None = None) -> Kind:
    """Return the record that ``value`` describes; ``elsewhere`` are the places of those keys that stand elsewhere.

    Raises :class:`UsageError`, one line, with the place of everything that is wrong.
    """
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        lines = [line for each in error.errors() for line in _describe(each, value, place, elsewhere or {})]
    raise UsageError("; ".join(lines))


def _describe(error: ErrorDetails, value: object, place: Place, elsewhere: Mapping[str, Place]) -> Iterator[str]:
    keys, found = _walk(error["loc"], value)
    there = elsewhere.get(str(keys[0])) if keys else None
    place = Place(there.path, (*there.keys, *keys[1:])) if there else Place(place.path, (*place.keys, *keys))
    kind, context = error["type"], error.get("ctx", {})
    if kind == UNKNOWN_KEYS:
        for key in context["unknown"]:
            where = elsewhere.get(str(key), place / key) if not keys else place / key
            yield str(where.error(f"is no key that is known here; {suggestion(key, context['known'])}"))
    elif kind == "missing":
        yield str(place.error("is missing"))
    elif kind == "union_tag_not_found":
        yield str((place / str(context["discriminator"]).strip("'")).error("is missing"))
    elif kind in ("literal_error", "union_tag_invalid"):
        if kind == "union_tag_invalid":
            place, found = place / str(context["discriminator"]).strip("'"), context["tag"]
        allowed = re.findall(r"'([^']*)'", str(context.get("expected", context.get("expected_tags", ""))))
        yield str(place.error(f"found {shown(found)}; {suggestion(found, allowed)}"))
    else:
        reason = _WORDS.get(kind, error["msg"])
        yield str(place.error(f"found {shown(found)}; {reason[:1].lower()}{reason[1:]}"))


def _walk(location: Sequence[int | str], value: object) -> tuple[list[object], object]:
    """Return the keys down to the place of an error as they stand in the file, and what stands there."""
    keys: list[object] = []
    node = value
    for part in location:
        if isinstance(node, dict):
            if part not in node and part in [node.get(tag) for tag in _TAGS]:
                continue  # which of several records it is
            keys.append(part)
            node = node.get(part)
        elif isinstance(node, list) and isinstance(part, int) and part < len(node):
            keys.append(part)
            node = node[part]
    return keys, node


def shown(value: object) -> str:
    """Return a value as it may stand in a message."""
    if value is None:
        return "nothing"
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
