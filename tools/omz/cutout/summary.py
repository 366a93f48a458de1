"""Summary of a run, for people in a line and for programs as JSON, and the counts it is made of."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from omz.cutout.observer import Observer
from omz.cutout.tallies import PlateCounts, PlateTally, RepairCounts, RepairTally, counted
from omz.images.arrays import Size
from omz.images.sizes import size_text
from omz.matting.frames import MattedFrame
from omz.work.stopwatch import Stopwatch

Ending: TypeAlias = Literal["done", "failed", "skipped"]

_SIZES = 3  # that are named
_OUTPUTS = 3  # that are named
_STANDARD = "-"  # input or output


@dataclass(frozen=True)
class Outcome:
    """Counts of inputs that were done, failed or were there already, files there are, and frames that were cut."""

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


@dataclass(frozen=True)
class Ended:
    """How an input ended; ``error`` is one line, and empty unless it failed."""

    status: Ending
    error: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Account:
    """Tally of a process, for another one: warnings, sizes, seconds and frames of stages, plates and repairs."""

    warnings: tuple[str, ...]
    sizes: tuple[Size, ...]
    stages: Mapping[str, tuple[float, int]]
    plates: PlateCounts
    repairs: RepairCounts


class Tally:
    """Running account of a run: warnings, sizes, finished work, and where the time went.

    ``finished`` counts images and frames that stay if the run stops now; it is empty where no later run can use them.
    ``ended`` tells how each input ended, by its source. ``requests`` is how many inferences run at a time.
    ``remedy`` is how to go on after a stop.
    """

    def __init__(self, observer: Observer, requests: int = 1) -> None:
        self.observer, self.requests, self.watch = observer, requests, Stopwatch()
        self.remedy = "add --resume to go on"
        self.warnings: dict[str, None] = {}
        self.sizes: dict[Size, None] = {}
        self.finished: dict[str, int] = {}
        self.ended: dict[str, Ended] = {}
        self.plates, self.repairs = PlateTally(), RepairTally()

    def warn(self, text: str) -> None:
        """Pass a warning on, unless it was given before."""
        if text not in self.warnings:
            self.warnings[text] = None
            self.observer.on_warning(text)

    def finish(self, what: str, count: int) -> None:
        """Count images or frames, named ``what``, that a later run can go on after."""
        self.finished[what] = self.finished.get(what, 0) + count

    def cut(self, matted: MattedFrame) -> None:
        """Count how the plate of an image that was cut was fitted, and what was repaired in its alpha."""
        if matted.frame.fitted is not None:
            self.plates.add(matted.frame.fitted)
        self.repairs.add(matted)

    @property
    def account(self) -> Account:
        """All that another process has to know to go on with this tally."""
        return Account(
            tuple(self.warnings), tuple(self.sizes), self.watch.stages, self.plates.counts, self.repairs.counts
        )

    def include(self, account: Account) -> None:
        """Go on with the tally of another process."""
        for warning in account.warnings:
            self.warn(warning)
        self.sizes.update(dict.fromkeys(account.sizes))
        self.watch.include(account.stages)
        self.plates.include(account.plates)
        self.repairs.include(account.repairs)

    @property
    def hint(self) -> str:
        """How to go on after a run that stops now; empty where no later run can."""
        if not self.finished:
            return ""
        counts = [counted(count, what) for what, count in self.finished.items() if count]
        if not counts:
            return "nothing was saved"
        verb = "is" if sum(self.finished.values()) == 1 else "are"
        return f"{' and '.join(counts)} {verb} finished; {self.remedy}"


@dataclass(frozen=True)
class Summary:
    """Summary of a run.

    ``device`` and ``precision`` are those that really ran, and so is ``graph``, empty for a model that was not
    rewritten. ``sizes`` (height, width) are those of the pictures, ``frames`` all that were cut, in ``seconds`` from
    the first to the last. ``stages`` has milliseconds a frame; stages work side by side. ``done``, ``failed`` and
    ``skipped`` count inputs, ``dropped`` frames that a camera gave too soon. ``plates`` says how plates were changed to
    fit, ``repairs`` what was repaired in alpha.
    """

    model: str
    device: str
    precision: str
    requests: int
    load_ms: float
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    sizes: tuple[Size, ...]
    frames: int
    seconds: float
    stages: Mapping[str, float]
    done: int
    failed: int
    skipped: int
    dropped: int = 0
    warnings: tuple[str, ...] = ()
    plates: tuple[str, ...] = ()
    repairs: tuple[str, ...] = ()
    graph: str = ""

    @property
    def rate(self) -> float:
        """Frames a second."""
        return self.frames / self.seconds if self.seconds else 0.0

    def line(self) -> str:
        """Return it in one line, which begins with the place of the results."""
        source = self.inputs[0] if len(self.inputs) == 1 else f"{len(self.inputs)} inputs"
        if source == _STANDARD:
            source = "standard input"
        if self.sizes:
            more = ", …" if len(self.sizes) > _SIZES else ""
            source = f"{source} ({', '.join(self._sizes()[:_SIZES])}{more})"
        counts = ((self.failed, "failed"), (self.skipped, "there already"), (self.dropped, "frames dropped"))
        ended = "".join(f", {count} {word}" for count, word in counts if count)
        taken = f"in {self.seconds:.2f} s"
        if len(self.inputs) != 1 or self.frames != 1:
            frames = "1 frame" if self.frames == 1 else f"{self.frames} frames"
            taken = f"{frames} {taken} ({self.rate:.1f} a second)"
            ended = f"{ended};"
        made = f"{self._place()}: made from {source}{ended} {taken} on {self.device}, {self.precision}"
        return "; ".join((made, *self.plates))

    def _place(self) -> str:
        """Return where the results are."""
        if not self.outputs:
            return "nothing written"
        if len(self.outputs) == 1:
            return "standard output" if self.outputs[0] == _STANDARD else self.outputs[0]
        if len(self.outputs) <= _OUTPUTS:
            return ", ".join(self.outputs)
        folders = [os.path.dirname(os.path.abspath(output)) for output in self.outputs]
        try:
            folder = os.path.commonpath(folders)
        except ValueError:  # several drives of Windows
            return f"{len(self.outputs)} files"
        if not os.path.isabs(self.outputs[0]):
            folder = os.path.relpath(folder)
        if folder == os.curdir:
            folder = "the current folder"
        return f"{len(self.outputs)} files in {folder}"

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data; sizes are written width x height."""
        return {**asdict(self), "sizes": self._sizes(), "frames_a_second": self.rate}

    def _sizes(self) -> list[str]:
        return [size_text(*size) for size in self.sizes]
