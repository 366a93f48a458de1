"""Events of a run: shown to people, or printed for programs as lines of JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class Event:
    """Base of all events; ``as_json`` gives the members, and the type as ``$type``."""

    TYPE: ClassVar[str]

    def as_json(self) -> dict[str, Any]:
        """Return the event as plain data."""
        return {"$type": self.TYPE, **dataclasses.asdict(self)}


@dataclass(frozen=True)
class Waiting(Event):
    """Another process holds ``directory``; this one continues when that process ends."""

    TYPE = "waiting"
    directory: str


@dataclass(frozen=True)
class ModelSkipped(Event):
    """The model needs no work."""

    TYPE = "model_skipped"
    model: str
    reason: str


Report = Callable[[Event], None]
"""Takes events; where several threads work, only one calls it at a time."""
