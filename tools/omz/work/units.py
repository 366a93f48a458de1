"""Units of work, and executors, which run them: in this process, in several, or on the machines of a cluster.

A unit is a pure function of what it names to the bytes that come of it, so that it does not matter where it runs, or
how often. Results come as they end. An executor that may run a unit twice is one whose results are committed without
overwriting; see :func:`omz.atomic.committed_file`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")
Unit = TypeVar("Unit")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Lost(Generic[Unit]):
    """A unit that was set aside, for it ended its workers or took too long; ``problem`` says so, after its name."""

    unit: Unit
    problem: str


class Executor(ABC, Generic[Unit, Result]):
    """Runs units.

    ``may_repeat`` says that a unit may run more than once, and twice at the same time.
    """

    may_repeat = False

    @abstractmethod
    def run(self, units: Iterable[Unit]) -> Generator[Result | Lost[Unit] | None, None, None]:
        """Yield results as they end, of one unit or of several, and units that were set aside.

        Those that wait for others yield None now and then, so that they can be closed. Raises
        :class:`omz.errors.OmzError` if no other unit can run.
        """

    @abstractmethod
    def rest(self) -> Iterator[Result]:
        """Yield results of units that had begun when :meth:`run` was closed, or raised; they are there all the same."""


def in_turn(results: Iterable[Mapping[int, Item]], first: int = 0) -> Iterator[Item]:
    """Yield items in the order of their places, which begin at ``first``, as soon as those before them are there."""
    waiting = dict[int, Item]()
    for result in results:
        waiting.update(result)
        while first in waiting:
            yield waiting.pop(first)
            first += 1
