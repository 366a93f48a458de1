"""Tallies of a run: what was done to plates, and repaired in alphas, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from threading import Lock

import numpy as np

from omz.images.exposure import SAME, brightness
from omz.images.refining.repairs import Repairs
from omz.matting.frames import MattedFrame
from omz.matting.plate_fitting import Fitted

_LEAST = 0.001  # share of an image or a subject that is worth a word
_DARK = 0.05  # alpha of a shadow that can be seen
_NEAR = 10  # pixels, below which tenths count
_VISIBLE = 0.3  # pixels, below which nobody calls it a movement


@dataclass(frozen=True)
class PlateCounts:
    """Counts of plates: all, those that were moved, and by how much at most, those that were matched, and how far."""

    all: int = 0
    moved: int = 0
    matched: int = 0
    shift: float = 0.0
    gain: float = 1.0

    def __add__(self, other: PlateCounts) -> PlateCounts:
        return PlateCounts(
            self.all + other.all,
            self.moved + other.moved,
            self.matched + other.matched,
            max(self.shift, other.shift),
            max(self.gain, other.gain, key=lambda each: abs(each - 1)),
        )


class PlateTally:
    """Account of what was done to the plates of a run, in words."""

    def __init__(self) -> None:
        self.counts = PlateCounts()
        self._lock = Lock()

    def add(self, fitted: Fitted) -> None:
        """Count the plate of an image; several threads may do so."""
        is_matched = fitted.fitting.gains != SAME
        self.include(PlateCounts(1, fitted.shift > 0, is_matched, fitted.shift, brightness(fitted.fitting.gains)))

    def include(self, counts: PlateCounts) -> None:
        """Add the counts of another tally."""
        with self._lock:
            self.counts += counts

    @property
    def lines(self) -> tuple[str, ...]:
        """What was done, a line each."""
        counts, lines = self.counts, []
        if counts.moved and counts.shift >= _VISIBLE:
            distance = f"{counts.shift:.0f} px" if counts.shift >= _NEAR else f"{counts.shift:.1f} px"
            lines.append(f"the camera moved by {self._most(distance, counts.moved)}; corrected")
        if counts.matched:
            share = f"{abs(counts.gain - 1):.0%}"
            how = f"{share} {'darker' if counts.gain > 1 else 'brighter'} than"
            if share == "0%":
                how = "of another white balance than"
            lines.append(f"the plate was {self._most(how, counts.matched)} the image; matched")
        return tuple(lines)

    def _most(self, words: str, count: int) -> str:
        whole = self.counts.all
        if whole == 1:
            return words
        return f"up to {words}" if count == whole else f"up to {words} ({count} of {whole})"


@dataclass(frozen=True)
class RepairCounts:
    """Counts of images, in all and by what was repaired in them, and the most of each repair, and of a kept shadow."""

    all: int = 0
    most: Repairs = field(default_factory=Repairs)
    by_kind: Mapping[str, int] = field(default_factory=dict)
    kept: float = 0.0

    def __add__(self, other: RepairCounts) -> RepairCounts:
        return RepairCounts(
            self.all + other.all,
            Repairs(*map(max, astuple(self.most), astuple(other.most))),
            Counter(self.by_kind) + Counter(other.by_kind),
            max(self.kept, other.kept),
        )


class RepairTally:
    """Account of what was repaired in the alphas of a run, in words."""

    def __init__(self) -> None:
        self.counts = RepairCounts()
        self._lock = Lock()

    def add(self, matted: MattedFrame) -> None:
        """Count the repairs of an image; several threads may do so."""
        repairs, kept = matted.repairs, 0.0
        if matted.shadow is not None:
            kept = float((matted.shadow > _DARK * np.iinfo(matted.shadow.dtype).max).mean())
        seen = {
            "holes": repairs.holes > 0,
            "islands": repairs.islands > 0,
            "shadow": repairs.shadow >= _LEAST,
            "kept": kept >= _LEAST,
        }
        kinds = Counter(name for name, is_there in seen.items() if is_there)
        self.include(RepairCounts(1, repairs, kinds, kept))

    def include(self, counts: RepairCounts) -> None:
        """Add the counts of another tally."""
        with self._lock:
            self.counts += counts

    @property
    def lines(self) -> tuple[str, ...]:
        """What was done, a line each."""
        counts, lines = self.counts, []
        most = counts.most
        up_to = "" if counts.all == 1 else "up to "
        if most.holes:
            filled = f"filled {up_to}{counted(most.holes, 'holes')}"
            lines.append(self._line("holes", filled, f"{_percent(most.filled)} of the subject"))
        if most.islands:
            dropped = f"dropped {up_to}{counted(most.islands, 'islands')}"
            lines.append(self._line("islands", dropped, f"{_percent(most.dropped)} of the subject"))
        if counts.by_kind.get("shadow"):
            share = f"{up_to}{_percent(most.shadow)} of the image"
            lines.append(self._line("shadow", "took a shadow out of alpha", share))
        if counts.by_kind.get("kept"):
            lines.append(self._line("kept", "kept a shadow", f"{up_to}{_percent(counts.kept)} of the image"))
        return tuple(lines)

    def _line(self, name: str, words: str, share: str) -> str:
        counts = self.counts
        if counts.all == 1:
            return f"{words} ({share})"
        return f"{words} ({share}; in {counts.by_kind[name]} of {counts.all} images)"


def _percent(share: float) -> str:
    return f"{share:.1%}" if share >= _LEAST else "less than 0.1%"


def counted(count: int, noun: str) -> str:
    """Return a count with its noun, which is given in the plural."""
    return f"1 {noun[:-1]}" if count == 1 else f"{count} {noun}"
