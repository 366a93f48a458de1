"""Which picture of a frame an input of a model takes, by the name of its file."""

from __future__ import annotations

import re
from collections.abc import Sequence

from omz.accuracy.configuration.frames import identifiers
from omz.accuracy.configuration.problems import shown
from omz.accuracy.configuration.schema import Input
from omz.accuracy.datasets.sample import Dataset, Entry, Role
from omz.errors import UsageError
from omz.zoo.record import printable

_SHOWN: tuple[Role, ...] = ("picture", "plate")


def find_role(wanted: Input, entry: Entry, roles: Sequence[Role]) -> Role | None:
    """Return the first of ``roles`` with a name that an input's expression matches; without expression the picture.

    None where there is no such name.
    """
    if wanted.value is None:
        return "picture"
    expression = re.compile(wanted.value)
    for known in identifiers(entry):
        for role in roles:
            if role in known and expression.match(known[role]):
                return role
    return None


def told_names(entry: Entry, roles: Sequence[Role]) -> str:
    """Return what the files of a frame are called, for messages."""
    return ", ".join(known[role] for known in identifiers(entry) for role in roles if role in known)


def check_expressions(inputs: Sequence[Input], dataset: Dataset, where: str) -> None:
    """Raise :class:`UsageError` for an input whose expression matches no file of any frame; none is read.

    ``where`` says in the message whose inputs these are.
    """
    entries = dataset.entries
    for each in inputs:
        if each.type != "INPUT" or not entries or any(find_role(each, entry, _roles(entry)) for entry in entries):
            continue
        raise UsageError(
            printable(
                f"{where}: the input {each.name} takes {shown(each.value)}, which matches no file of {dataset.title}; "
                f"its first frame has {told_names(entries[0], _roles(entries[0]))}: correct the expression"
            )
        )


def _roles(entry: Entry) -> Sequence[Role]:
    """Return which pictures a frame will have; one that is made, not read, has a plate, too."""
    return [role for role in _SHOWN if role in entry.files] if "picture" in entry.files else _SHOWN
