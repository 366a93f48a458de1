"""From the text of a card to its record, or to an error that says all that is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from omz.errors import CardError
from omz.zoo.card import CARD_FILE, COMPOSITE_FILE, CompositeCard, ModelCard
from omz.zoo.record import UNKNOWN_KEYS, printable, shown, suggestion
from omz.zoo.yaml_file import read_yaml

_WORDS = {
    "tuple_type": "must be a list",
    "string_type": "must be text",
    "model_type": "must have keys and values",
    "model_attributes_type": "must have keys and values",
}
"""What pydantic says in terms of Python, in those of YAML."""

Card = TypeVar("Card", ModelCard, CompositeCard)


def load_card(folder: Path, subdirectory: PurePosixPath, composite_model_name: str | None = None) -> ModelCard:
    """Read ``folder/model.yml``; the folder's name is the model's.

    A key that no card knows becomes one of the card's ``remarks``. Raises :class:`CardError`, one line, with the file
    and, for everything that is wrong, its key path, what was found and what is allowed.
    """
    return _load(ModelCard, folder / CARD_FILE, subdirectory, composite_model_name)


def load_composite(folder: Path, subdirectory: PurePosixPath) -> CompositeCard:
    """Read ``folder/composite-model.yml`` and the cards of its stages, which are the folders in it.

    Raises :class:`CardError` as :func:`load_card` does.
    """
    path = folder / COMPOSITE_FILE
    composite = _load(CompositeCard, path, subdirectory, folder.name)
    problems = [*_problems_of_stages(composite)]
    if problems:
        raise CardError(f"{path}: {printable('; '.join(problems))}")
    stages = tuple(load_card(folder / name, subdirectory / name, folder.name) for name in composite.stages_order)
    return composite.model_copy(update={"stages": stages})


def _problems_of_stages(composite: CompositeCard) -> Iterator[str]:
    folder, order = composite.folder, composite.stages_order
    found = {card.parent.relative_to(folder).as_posix() for card in folder.rglob(CARD_FILE)}
    stages = [name for name in found if name.startswith(f"{folder.name}-") and "/" not in name]
    for name in sorted(found):
        if name == ".":
            yield f"a composite model has no {CARD_FILE} of its own; remove it"
        elif "/" in name:
            yield f"{name}/{CARD_FILE} lies too deep; a stage is a folder right in that of the composite model"
        elif name not in stages:
            yield f"stage {name} must have a name that starts with {folder.name}-"
        elif name not in order:
            yield f"stages_order: {name} is left out; add it"
    if not order:
        yield "stages_order: is empty; list the stages"
    for name in dict.fromkeys(order):
        if name not in found:
            yield f"stages_order: there is no stage {name}; {suggestion(name, stages)}"
        if order.count(name) > 1:
            yield f"stages_order: {name} is listed twice"


def _load(kind: type[Card], path: Path, subdirectory: PurePosixPath, composite: str | None) -> Card:
    folder = path.parent
    if not re.fullmatch(r"[0-9a-zA-Z._-]+", folder.name):
        where = printable(str(path))
        raise CardError(f"{where}: the folder is the model's name, and may have letters, digits and . _ - only")
    file = read_yaml(path, CardError, "a card")
    content = file.content
    remarks = [f"{key.name}: is given twice (line {key.line}); the last one counts" for key in file.repeated]
    for key in sorted(kind.filled_in & content.keys()):
        raise CardError(f"{path}: {key}: is not for cards, but follows from the folder; remove it")
    filled_in = {"name": folder.name, "folder": folder, "subdirectory": subdirectory, "composite_model_name": composite}
    while True:  # a record that has unknown keys is not looked at further; so without them again
        try:
            return kind.model_validate({**content, **filled_in, "remarks": remarks})
        except ValidationError as error:
            problems = error.errors()
        unknown = [each for each in problems if each["type"] == UNKNOWN_KEYS]
        taken_out = [remark for each in unknown for remark in _take_out_unknown_keys(each, content)]
        if not taken_out:
            lines = [_describe(each, content) for each in problems] + remarks
            raise CardError(f"{path}: {'; '.join(lines)}")
        remarks += taken_out


def _take_out_unknown_keys(error: ErrorDetails, content: dict[Any, Any]) -> Iterator[str]:
    """Remove the keys that ``error`` is about from ``content``; return a remark on each."""
    keys, record = _place(error, content)
    for key in filter(record.__contains__, error["ctx"]["unknown"]):
        where, hint = ".".join([*keys, str(key)]), suggestion(key, error["ctx"]["known"])
        yield printable(f"{where}: is no key that is known here; {hint}")
        del record[key]


def _describe(error: ErrorDetails, content: dict[Any, Any]) -> str:
    """Return key path, what was found there and what is allowed."""
    keys, found = _place(error, content)
    where = ".".join(keys)
    kind, context = error["type"], error.get("ctx", {})
    if kind == "missing":
        return f"{where}: is missing"
    if kind == "union_tag_not_found" or (kind == "union_tag_invalid" and "$type" not in found):
        return f"{where}.$type: is missing"
    if kind in ("literal_error", "union_tag_invalid"):
        if kind == "union_tag_invalid":
            where, found = f"{where}.$type", found["$type"]
        allowed = re.findall(r"'([^']*)'", str(context.get("expected", context.get("expected_tags", ""))))
        return f"{where}: found {shown(found)}; {suggestion(found, allowed)}"
    reason = printable(_WORDS.get(kind, error["msg"]))
    if not where:
        return reason
    return f"{where}: found {shown(found)}; {reason[:1].lower()}{reason[1:]}"


def _place(error: ErrorDetails, content: dict[Any, Any]) -> tuple[list[str], Any]:
    """Return the keys down to the place of an error as they stand in the card, and what stands there."""
    keys: list[str] = []
    node: Any = content
    for part in error["loc"]:
        if isinstance(node, str) or (isinstance(node, dict) and part in (node.get("$type"), node.get("type"))):
            continue  # what a record was expanded from, or which of several it is
        keys.append(str(part))
        if isinstance(node, dict):
            node = node.get(part)
        elif isinstance(node, list) and isinstance(part, int):
            node = node[part]
    return keys, node
