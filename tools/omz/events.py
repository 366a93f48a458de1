"""What happens, as records: shown to people, or printed for programs, a line of JSON each."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class Event:
    """Something that happened; ``as_json`` gives its members, and its type as ``$type``."""

    TYPE: ClassVar[str]

    def as_json(self) -> dict[str, Any]:
        """Return the event as plain data."""
        return {"$type": self.TYPE, **dataclasses.asdict(self)}


@dataclass(frozen=True)
class Waiting(Event):
    """Another process works on ``directory``; this one goes on when that has ended."""

    TYPE = "waiting"
    directory: str


@dataclass(frozen=True)
class ModelSkipped(Event):
    """Nothing is to be done for the model."""

    TYPE = "model_skipped"
    model: str
    reason: str


Report = Callable[[Event], None]
"""Takes events; where several threads work, it is called by one at a time."""
