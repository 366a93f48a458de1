"""What several configurations share: a file of datasets and launchers by name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from omz.accuracy.configuration.problems import Place
from omz.errors import UsageError
from omz.zoo.yaml_file import read_yaml

VARIABLE = "DEFINITIONS_FILE"
"""The variable of the environment that names the file, as for accuracy checker."""

_NAMES: Mapping[str, str] = {"datasets": "name", "launchers": "framework"}


@dataclass(frozen=True)
class Definitions:
    """The content of a file of definitions; empty where there is none."""

    path: Path = Path()
    content: Mapping[str, Any] = field(default_factory=dict)

    def complete(
        self, kind: Literal["datasets", "launchers"], local: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Place]]:
        """Return ``local`` with the keys that only the definition has, and where these stand.

        The definition is the first with the same ``name`` of a dataset, or ``framework`` of a launcher. A key of
        ``local`` replaces the whole value, that of a list, too. What returns is a copy; the definition stays as it is.
        """
        entries = self.content.get(kind) or []
        for index, entry in enumerate(entries if isinstance(entries, list) else []):
            if isinstance(entry, dict) and entry.get(_NAMES[kind]) == local.get(_NAMES[kind]):
                place = Place(self.path, (kind, index))
                return {**entry, **local}, {key: place / key for key in entry if key not in local}
        return dict(local), {}


def read_mapping(path: Path) -> dict[Any, Any]:
    """Read a configuration, or a file of definitions; raises :class:`UsageError`, one line, for anything else."""
    file = read_yaml(path, UsageError, "a configuration")
    for key in file.repeated:  # one of the two would be lost in silence
        raise UsageError(f"{path} is no YAML: {key.name} is given twice at line {key.line}, column {key.column}")
    return file.content


def read_definitions(given: Path | None, named: object, place: Place) -> Definitions:
    """Read the file that a flag names, else ``DEFINITIONS_FILE``, else the configuration, relative to itself.

    ``named`` is what the configuration, at ``place``, says. Raises :class:`omz.errors.UsageError`.
    """
    if named is not None and not isinstance(named, str):
        raise (place / "global_definitions").error("must be the path of a file")
    variable = os.environ.get(VARIABLE)
    path = given or (Path(variable) if variable else None) or (place.path.parent / named if named else None)
    if path is None:
        return Definitions()
    return Definitions(path, read_mapping(path))
