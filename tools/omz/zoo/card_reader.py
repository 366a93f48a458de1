"""Reading of cards: errors that list every problem of a card, and remarks on what its author should fix."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from omz.errors import CardError
from omz.text import printable
from omz.zoo.card import CompositeCard, ModelCard
from omz.zoo.record import UNKNOWN_KEYS, shown, suggestion
from omz.zoo.vocabulary import CARD_FILE, COMPOSITE_FILE
from omz.zoo.yaml_file import read_yaml

_WORDS = {
    "tuple_type": "must be a list",
    "string_type": "must be text",
    "model_type": "must have keys and values",
    "model_attributes_type": "must have keys and values",
}
"""Messages of pydantic, in the terms of YAML."""

_MOST_PROBLEMS = 20  # in a message

Card = TypeVar("Card", ModelCard, CompositeCard)


def load_card(folder: Path, subdirectory: PurePosixPath, composite_model_name: str | None = None) -> ModelCard:
    """Read ``folder/model.yml``; the folder's name is the model's.

    An unknown key becomes one of the card's ``remarks``. Raises :class:`CardError`, one line, with the file and, for
    each problem, its key path, the value found and the values allowed.
    """
    return _load(ModelCard, folder / CARD_FILE, subdirectory, composite_model_name)


def load_composite(folder: Path, subdirectory: PurePosixPath) -> CompositeCard:
    """Read ``folder/composite-model.yml`` and the cards of its stages, which are the folders in it.

    Raises :class:`CardError` as :func:`load_card` does.
    """
    path = folder / COMPOSITE_FILE
    composite = _load(CompositeCard, path, subdirectory, folder.name)
    problems = "; ".join(_first(_problems_of_stages(composite)))
    if problems:
        raise CardError(f"{path}: {printable(problems)}")
    stages = tuple(load_card(folder / name, subdirectory / name, folder.name) for name in composite.stages_order)
    return composite.model_copy(update={"stages": stages})


def _problems_of_stages(composite: CompositeCard) -> Iterator[str]:
    folder, order = composite.folder, composite.stages_order
    found = {card.parent.relative_to(folder).as_posix() for card in folder.rglob(CARD_FILE)}
    stages = []
    for name in sorted(found):
        if name == ".":
            yield f"a composite model has no {CARD_FILE} of its own; remove it"
        elif "/" in name:
            yield f"{name}/{CARD_FILE} lies too deep; move the stage right into the folder of the composite model"
        elif not name.startswith(f"{folder.name}-"):
            yield f"stage {name} must have a name that starts with {folder.name}-"
        else:
            stages.append(name)
            if name not in order:
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
    remarks = _first(f"{key.name}: is given twice (line {key.line}); the last one counts" for key in file.repeated)
    for key in sorted(kind.filled_in & content.keys()):
        raise CardError(f"{path}: {key}: is set by the folder, not by the card; remove it")
    filled_in = {"name": folder.name, "folder": folder, "subdirectory": subdirectory, "composite_model_name": composite}
    while True:  # pydantic stops at a record's unknown keys, so validate again without them
        try:
            return kind.model_validate({**content, **filled_in, "remarks": remarks})
        except ValidationError as error:
            problems = error.errors()
        unknown = [problem for problem in problems if problem["type"] == UNKNOWN_KEYS]
        if not unknown:
            lines = _first(_describe(each, content) for each in problems)
            raise CardError(f"{path}: {'; '.join(lines + remarks)}")
        remarks += _first(chain.from_iterable(_remarks_on_unknown_keys(problem, content) for problem in unknown))
        for problem in unknown:
            _take_out_unknown_keys(problem, content)


def _first(lines: Iterable[str]) -> list[str]:
    """Return as many lines as a person reads; the others are not even made."""
    rest = iter(lines)
    found = [*islice(rest, _MOST_PROBLEMS)]
    if next(rest, None) is not None:
        found.append("and so on")
    return found


def _remarks_on_unknown_keys(error: ErrorDetails, content: dict[Any, Any]) -> Iterator[str]:
    keys, record = _place(error, content)
    for key in filter(record.__contains__, error["ctx"]["unknown"]):
        where, hint = ".".join([*keys, str(key)]), suggestion(key, error["ctx"]["known"])
        yield printable(f"{where}: is not a known key; {hint}")


def _take_out_unknown_keys(error: ErrorDetails, content: dict[Any, Any]) -> None:
    _, record = _place(error, content)
    for key in error["ctx"]["unknown"]:
        record.pop(key, None)


def _describe(error: ErrorDetails, content: dict[Any, Any]) -> str:
    """Return the key path, the value found there and the values allowed."""
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
    """Return the keys that lead to the place of an error in the card, and the value there."""
    keys: list[str] = []
    node: Any = content
    for part in error["loc"]:
        if isinstance(node, str) or (isinstance(node, dict) and part in (node.get("$type"), node.get("type"))):
            continue  # the text a record was expanded from, or the tag of a union
        keys.append(str(part))
        if isinstance(node, dict):
            node = node.get(part)
        elif isinstance(node, list) and isinstance(part, int):
            node = node[part]
    return keys, node
