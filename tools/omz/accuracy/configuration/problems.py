"""Records from what a file says, or one line that says what is wrong with it, and where."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from omz.errors import UsageError
from omz.text import printable
from omz.zoo.record import UNKNOWN_KEYS, Record, suggestion

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
"""Messages of pydantic in terms of YAML."""

Kind = TypeVar("Kind", bound=Record)


@dataclass(frozen=True)
class Place:
    """Place of a value: the file, and the keys down to it."""

    path: Path
    keys: tuple[object, ...] = ()

    def __truediv__(self, key: object) -> Place:
        return Place(self.path, (*self.keys, key))

    def __str__(self) -> str:
        if not self.keys:
            return str(self.path)
        return f"{self.path}: {printable('.'.join(map(str, self.keys)))}"

    def error(self, message: str) -> UsageError:
        """Return the error that says what is wrong here."""
        return UsageError(f"{self}: {printable(message)}")


def validated(kind: type[Kind], value: object, place: Place, elsewhere: Mapping[str, Place] | None = None) -> Kind:
    """Return the record that ``value`` describes; ``elsewhere`` are the places of those keys that stand elsewhere.

    Raises :class:`UsageError`, one line, with the place of everything that is wrong.
    """
    lines: list[str] = []
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        for each in error.errors():
            lines += _describe(each, value, place, elsewhere or {})
    raise UsageError("; ".join(lines))


def _describe(error: ErrorDetails, value: object, place: Place, elsewhere: Mapping[str, Place]) -> Iterator[str]:
    keys, found = _walk(error["loc"], value)
    if keys and str(keys[0]) in elsewhere:
        there = elsewhere[str(keys[0])]
        place = Place(there.path, (*there.keys, *keys[1:]))
    else:
        place = Place(place.path, (*place.keys, *keys))
    kind, context = error["type"], error.get("ctx", {})
    if kind == UNKNOWN_KEYS:
        for key in context["unknown"]:
            where = place / key
            if not keys:
                where = elsewhere.get(str(key), where)
            yield str(where.error(f"is not a known key; {suggestion(key, context['known'])}"))
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
    """Return the keys down to the place of an error as they stand in the file, and the value there."""
    keys: list[object] = []
    node = value
    for part in location:
        if isinstance(node, dict):
            if part not in node and part in map(node.get, _TAGS):
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
    if len(text) > _SHOWN:
        return f"{text[:_SHOWN]}..."
    return text
