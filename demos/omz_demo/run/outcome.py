"""What came of jobs, added up."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Outcome:
    """How many inputs were done, failed or were there already; the files there are; the frames that were cut."""

    done: int = 0
    failed: int = 0
    skipped: int = 0
    frames: int = 0
    dropped: int = 0
    outputs: tuple[Path, ...] = ()

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(
            self.done + other.done,
            self.failed + other.failed,
            self.skipped + other.skipped,
            self.frames + other.frames,
            self.dropped + other.dropped,
            self.outputs + other.outputs,
        )
