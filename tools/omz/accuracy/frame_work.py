"""Frames of a dataset as units of work, and the work of a process on them."""

from __future__ import annotations

from collections.abc import Container, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from omz.accuracy.comparison import FrameResult, Pair, compare, follows
from omz.accuracy.datasets.sample import Entry
from omz.accuracy.setup import EvaluationSetup
from omz.work.units import Executor, Lost


@dataclass(frozen=True)
class FrameUnit:
    """Unit of work: the frames of a dataset from ``first`` on, and before ``stop``."""

    first: int
    stop: int


@dataclass(frozen=True)
class FramesMade:
    """Results of frames, by their places in the dataset."""

    results: Mapping[int, FrameResult]


class FrameWork(Executor[FrameUnit, FramesMade]):
    """Runs the models of a setup on frames, in this process; results come a frame at a time."""

    def __init__(self, setup: EvaluationSetup, pairs: Sequence[Pair]) -> None:
        self._setup, self._pairs = setup, pairs
        self._entries = setup.dataset.entries
        self._remembers = setup.remembers
        self._looks_back = setup.convention.flicker is not None

    def run(self, units: Iterable[FrameUnit]) -> Generator[FramesMade | Lost[FrameUnit] | None, None, None]:
        """See :class:`Executor`. Units that follow each other run as one, so that no frame is read twice."""
        for first, stop in _joined(units):
            for place, result in enumerate(self._results(first, stop), start=first):
                yield FramesMade({place: result})

    def rest(self) -> Iterator[FramesMade]:
        """See :class:`Executor`; there are none."""
        return iter(())

    def _results(self, first: int, stop: int) -> Iterator[FrameResult]:
        """Yield the results of frames; those before them that they depend on run, too, and are thrown away."""
        setup, pairs = self._setup, self._pairs
        needed = rest(self._entries[:stop], first, self._remembers, self._looks_back)
        found = compare(setup.predictors, setup.dataset, setup.convention, pairs, needed, setup.request.jobs)
        for place, result in enumerate(found, start=stop - len(needed)):
            if place >= first:
                yield result


def frame_units(entries: Sequence[Entry], done: Container[int], remembers: bool) -> Iterator[FrameUnit]:
    """Yield the units of frames that are not ``done``, by their places.

    A unit is a frame, or for a model that ``remembers``, a clip, from its first such frame on.
    """
    begins = [0] if entries else []
    for place in range(1, len(entries)):
        if not (remembers and follows(entries[place], entries[place - 1])):
            begins.append(place)
    for begin, stop in pairwise([*begins, len(entries)]):
        for first in range(begin, stop):
            if first not in done:
                yield FrameUnit(first, stop)
                break


def rest(entries: Sequence[Entry], done: int, remembers: bool, looks_back: bool) -> Sequence[Entry]:
    """Return the frames to run where the first ``done`` are known: the others, and before these, those they depend on.

    A model that ``remembers`` has to see a clip from its beginning; what ``looks_back`` needs the frame before.
    """
    first = done
    if done < len(entries):
        while first and follows(entries[first], entries[first - 1]) and (remembers or (looks_back and first == done)):
            first -= 1
    return entries[first:]


def _joined(units: Iterable[FrameUnit]) -> list[tuple[int, int]]:
    """Return the stretches of frames that units make up, as the first frame and the one after the last."""
    stretches: list[tuple[int, int]] = []
    for unit in units:
        if stretches and stretches[-1][1] == unit.first:
            stretches[-1] = stretches[-1][0], unit.stop
        else:
            stretches.append((unit.first, unit.stop))
    return stretches
