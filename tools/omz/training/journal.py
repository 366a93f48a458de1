"""The journal of a training: a JSON object a line for every step, and for every validation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omz.atomic import whole_file

STEPS, VALIDATIONS = "log.jsonl", "validation.jsonl"


class Journal:
    """The journal in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: list[str] = []

    def note_step(self, entry: Mapping[str, Any]) -> None:
        """Note a step; it is written by :meth:`flush`."""
        self._waiting.append(json.dumps(entry) + "\n")

    def note_validation(self, entry: Mapping[str, Any]) -> None:
        """Write down a validation, in the place of an earlier one of the same step."""
        kept = [each for each in self.validations() if each["step"] != entry["step"]]
        self._write(VALIDATIONS, [*kept, entry])

    def flush(self) -> None:
        """Write the steps noted so far."""
        with (self._folder / STEPS).open("a", encoding="utf-8") as log:
            log.writelines(self._waiting)
        self._waiting = []

    def steps(self) -> list[dict[str, Any]]:
        """Return the steps written so far."""
        return self._read(STEPS)

    def validations(self) -> list[dict[str, Any]]:
        """Return the validations so far."""
        return self._read(VALIDATIONS)

    def forget_after(self, step: int) -> None:
        """Drop what a killed run wrote after its last checkpoint, for those steps run again."""
        for name in (STEPS, VALIDATIONS):
            if (self._folder / name).exists():
                self._write(name, [entry for entry in self._read(name) if entry["step"] <= step])

    def _read(self, name: str) -> list[dict[str, Any]]:
        """Return the entries of a file, up to one that a kill cut short."""
        path = self._folder / name
        entries: list[dict[str, Any]] = []
        if not path.exists():
            return entries
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                break
            if not isinstance(entry, dict) or not isinstance(entry.get("step"), int):
                break
            entries.append(entry)
        return entries

    def _write(self, name: str, entries: list[Any]) -> None:
        with whole_file(self._folder / name) as temporary:
            temporary.write_text("".join(json.dumps(entry) + "\n" for entry in entries), encoding="utf-8")
