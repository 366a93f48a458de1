"""Summary of a run, for people in a line and for programs as JSON, and the counts it is made of."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Literal, TypeAlias

import numpy as np

from omz.cutout.observer import Observer
from omz.images.arrays import Size
from omz.images.exposure import SAME, brightness
from omz.images.refining.repairs import Repairs
from omz.images.sizes import size_text
from omz.matting.frames import MattedFrame
from omz.matting.plate_fitting import Fitted
from omz.work.stopwatch import Stopwatch

Ending: TypeAlias = Literal["done", "failed", "skipped"]

_SIZES = 3  # that are named
_OUTPUTS = 3  # that are named
_LEAST = 0.001  # share of an image or a subject that is worth a word
_DARK = 0.05  # alpha of a shadow that can be seen
_NEAR = 10  # pixels, below which tenths count
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
    def hint(self) -> str:
        """How to go on after a run that stops now; empty where no later run can."""
        if not self.finished:
            return ""
        counts = [_counted(count, what) for what, count in self.finished.items() if count]
        if not counts:
            return "nothing was saved"
        verb = "is" if sum(self.finished.values()) == 1 else "are"
        return f"{' and '.join(counts)} {verb} finished; {self.remedy}"


class PlateTally:
    """Account of what was done to the plates of a run, in words."""

    def __init__(self) -> None:
        self._all, self._moved, self._matched = 0, 0, 0
        self._shift, self._gain = 0.0, 1.0
        self._lock = Lock()

    def add(self, fitted: Fitted) -> None:
        """Count the plate of an image; several threads may do so."""
        gain = brightness(fitted.fitting.gains)
        with self._lock:
            self._all += 1
            self._moved += fitted.shift > 0
            self._matched += fitted.fitting.gains != SAME
            self._shift = max(self._shift, fitted.shift)
            self._gain = max(self._gain, gain, key=lambda each: abs(each - 1))

    @property
    def lines(self) -> tuple[str, ...]:
        """What was done, a line each."""
        lines = []
        if self._moved:
            distance = f"{self._shift:.0f} px" if self._shift >= _NEAR else f"{self._shift:.1f} px"
            lines.append(f"the camera moved by {self._most(distance, self._moved)}; corrected")
        if self._matched:
            share = f"{abs(self._gain - 1):.0%}"
            how = f"{share} {'darker' if self._gain > 1 else 'brighter'} than"
            if share == "0%":
                how = "of another white balance than"
            lines.append(f"the plate was {self._most(how, self._matched)} the image; matched")
        return tuple(lines)

    def _most(self, words: str, count: int) -> str:
        if self._all == 1:
            return words
        return f"up to {words}" if count == self._all else f"up to {words} ({count} of {self._all})"


class RepairTally:
    """Account of what was repaired in the alphas of a run, in words."""

    def __init__(self) -> None:
        self._all, self._most = 0, Repairs()
        self._counts: Counter[str] = Counter()
        self._kept = 0.0
        self._lock = Lock()

    def add(self, matted: MattedFrame) -> None:
        """Count the repairs of an image; several threads may do so."""
        repairs, kept = matted.repairs, 0.0
        if matted.shadow is not None:
            kept = float((matted.shadow > _DARK * np.iinfo(matted.shadow.dtype).max).mean())
        seen = {"holes": repairs.holes > 0, "islands": repairs.islands > 0, "shadow": repairs.shadow >= _LEAST}
        with self._lock:
            self._all += 1
            self._counts.update(name for name, is_there in {**seen, "kept": kept >= _LEAST}.items() if is_there)
            self._kept = max(self._kept, kept)
            self._most = Repairs(*map(max, astuple(self._most), astuple(repairs)))

    @property
    def lines(self) -> tuple[str, ...]:
        """What was done, a line each."""
        most, lines = self._most, []
        up_to = "" if self._all == 1 else "up to "
        if most.holes:
            filled = f"filled {up_to}{_counted(most.holes, 'holes')}"
            lines.append(self._line("holes", filled, f"{_percent(most.filled)} of the subject"))
        if most.islands:
            dropped = f"dropped {up_to}{_counted(most.islands, 'islands')}"
            lines.append(self._line("islands", dropped, f"{_percent(most.dropped)} of the subject"))
        if self._counts["shadow"]:
            share = f"{up_to}{_percent(most.shadow)} of the image"
            lines.append(self._line("shadow", "took a shadow out of alpha", share))
        if self._counts["kept"]:
            lines.append(self._line("kept", "kept a shadow", f"{up_to}{_percent(self._kept)} of the image"))
        return tuple(lines)

    def _line(self, name: str, words: str, share: str) -> str:
        if self._all == 1:
            return f"{words} ({share})"
        return f"{words} ({share}; in {self._counts[name]} of {self._all} images)"


def _percent(share: float) -> str:
    return f"{share:.1%}" if share >= _LEAST else "less than 0.1%"


def _counted(count: int, noun: str) -> str:
    """Return a count with its noun, which is given in the plural."""
    return f"1 {noun[:-1]}" if count == 1 else f"{count} {noun}"


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
