"""Conversions in isolated processes, one or several at a time: a model that crashes its own takes no other along."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from omz.convert.events import ConversionBegin, ConversionEnd
from omz.convert.plan import ConversionPlan
from omz.convert.workplace import clear_after_stop
from omz.errors import ConversionError, EngineError, OmzError, os_reason
from omz.events import Event, Report
from omz.isolated import IsolatedProcess, tell
from omz.process_copy import can_copy
from omz.work.units import Executor, Lost, in_turn

if TYPE_CHECKING:
    from omz.convert.converter import Conversion

Result = TypeVar("Result")
_Ended: TypeAlias = "ConversionMade | Lost[ConversionUnit] | None"

_TITLE = "the conversion"
_LEAST = 4 << 30  # bytes
_TIMES = 20
_USUAL, _USUAL_TIMES = 1 << 30, 6
_SECONDS = 3600
_KEPT = 512 << 20  # bytes that a process may hold to be used again


@dataclass(frozen=True)
class Limits:
    """Limits of one conversion: seconds, and bytes of memory, of all its processes together.

    By default, an hour, and 4 GiB and 20 times the size of the model's files. Memory is watched on Linux only.
    """

    seconds: float = _SECONDS
    memory: int | None = None

    def memory_for(self, plan: ConversionPlan) -> int:
        """Return the bytes that the conversion of ``plan`` may take."""
        return self.memory or _LEAST + _TIMES * _size(plan)

    def usual_for(self, plan: ConversionPlan) -> int:
        """Return the bytes that the conversion of ``plan`` usually takes, an estimate by the size of its files."""
        return min(self.memory_for(plan), _USUAL + _USUAL_TIMES * _size(plan))


@dataclass(frozen=True)
class ConversionUnit:
    """Unit of work: a conversion, and its place among others."""

    place: int
    plan: ConversionPlan


@dataclass(frozen=True)
class ConversionMade:
    """A conversion that has ended: events that were not shown yet, and why it failed, if it did."""

    place: int
    events: tuple[Event, ...] = ()
    problem: str | None = None


def convert_apart(plan: ConversionPlan, report: Report = lambda event: None, limits: Limits = Limits()) -> Conversion:
    """Do what :func:`omz.convert.converter.carry_out` does, in an isolated process.

    Raises its errors, and :class:`ConversionError` if the process crashes, or exceeds the limits.
    """
    return _in_process(_start(plan, limits), plan, report, _carry_out, plan)


def make_apart(plan: ConversionPlan, report: Report = lambda event: None) -> None:
    """Do what :func:`convert_apart` does, for those who know where the IRs will be."""
    _in_process(_start(plan, Limits()), plan, report, _make, plan.absolute())


def convert_all(
    plans: Sequence[ConversionPlan], executor: Executor[ConversionUnit, ConversionMade]
) -> Generator[ConversionMade, None, None]:
    """Convert models, and yield what has become of them, in order."""
    units = [ConversionUnit(place, plan) for place, plan in enumerate(plans)]
    with closing(executor.run(units)) as results:
        yield from in_turn({made.place: made} for made in map(_settled, results) if made)


def _settled(result: _Ended) -> ConversionMade | None:
    if isinstance(result, Lost):
        name = result.unit.plan.card.name
        problem = f"{name}: {result.problem}"
        return ConversionMade(result.unit.place, (ConversionEnd(name, False, problem),), problem)
    return result


class LocalConversions(Executor[ConversionUnit, ConversionMade]):
    """Converts up to ``jobs`` models at a time, in isolated processes of this machine.

    Events of one at a time go to ``show`` as they come. Code of a card always gets a process to itself.
    """

    def __init__(self, jobs: int, show: Report, force: bool = False, limits: Limits = Limits()) -> None:
        self._jobs, self._show = jobs, show
        self._processes = ConversionProcesses(force, limits)

    def run(self, units: Iterable[ConversionUnit]) -> Generator[_Ended, None, None]:
        """See :class:`Executor`."""
        units, processes = [*units], self._processes
        processes.start(min(self._jobs, len(units)))  # before there are threads
        threads = ThreadPoolExecutor(min(self._jobs, len(units) or 1))
        try:
            if self._jobs == 1 or len(units) < 2:
                for unit in units:
                    yield ConversionMade(unit.place, problem=processes.convert(unit.plan, self._show))
                return
            for ended in as_completed([threads.submit(processes.made, unit) for unit in units]):
                yield ended.result()
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
            processes.close()

    def rest(self) -> Iterator[ConversionMade]:
        """See :class:`Executor`; there are none."""
        return iter(())


class ConversionProcesses:
    """Isolated processes for conversions, used again unless they ran code of a card. Threads may share them."""

    def __init__(self, force: bool, limits: Limits) -> None:
        self._force, self._limits = force, limits
        self._idle: list[IsolatedProcess] = []
        self._started: list[IsolatedProcess] = []
        self._closed = False

    def start(self, count: int) -> None:
        """Start ``count`` processes as copies of this one, if that is possible: then everything is loaded only once."""
        if not count or not can_copy():
            return
        import omz.convert.converter  # noqa: F401

        for _ in range(count):
            process = IsolatedProcess(_TITLE, copied=True)
            self._started.append(process)
            self._idle.append(process)

    def made(self, unit: ConversionUnit) -> ConversionMade:
        """Convert one model; its events are in the result."""
        events: list[Event] = []
        problem = self.convert(unit.plan, events.append)
        return ConversionMade(unit.place, tuple(events), problem)

    def convert(self, plan: ConversionPlan, show: Report) -> str | None:
        """Convert one model, and return why it failed, if it did."""
        show(ConversionBegin(plan.card.name, plan.precisions))
        problem = None
        try:
            process = self._take(plan)
            asked = plan.absolute() if plan.needs_trust else plan  # code of a card may change folders
            problem = _in_process(process, plan, show, _convert, asked, self._force)
        except OmzError as error:
            problem = str(error)
        else:
            if plan.needs_trust or process.memory > _KEPT:
                process.close()
            else:
                self._idle.append(process)
        show(ConversionEnd(plan.card.name, problem is None, problem))
        return problem

    def close(self) -> None:
        """End all processes, and those that another thread is about to start."""
        self._closed = True
        for process in list(self._started):
            process.close()

    def _take(self, plan: ConversionPlan) -> IsolatedProcess:
        with suppress(IndexError):
            return self._idle.pop().limited(self._limits.seconds, self._limits.memory_for(plan))
        seconds, memory = self._limits.seconds, self._limits.memory_for(plan)
        process = IsolatedProcess(_TITLE, seconds, memory, copied=True)
        self._started.append(process)
        if self._closed:
            process.close()
        return process


def _start(plan: ConversionPlan, limits: Limits) -> IsolatedProcess:
    return IsolatedProcess(_TITLE, limits.seconds, limits.memory_for(plan))


def _in_process(
    process: IsolatedProcess, plan: ConversionPlan, report: Report, function: Callable[..., Result], *arguments: object
) -> Result:
    """Call ``function`` in ``process``, in the folder of this one; errors of the process name the model."""
    try:
        return process.call(report, _there, os.getcwd(), function, *arguments)
    except EngineError as error:
        clear_after_stop(plan.folder)
        raise ConversionError(f"{plan.card.name}: {error}{_advice(str(error))}") from error
    except KeyboardInterrupt:
        clear_after_stop(plan.folder)
        raise


def _size(plan: ConversionPlan) -> int:
    return sum(file.size or 0 for file in plan.card.files)


def _there(folder: str, function: Callable[..., Result], *arguments: object) -> Result:
    os.chdir(folder)  # paths of cards may be relative
    return function(*arguments)


def _advice(problem: str) -> str:
    """Return what to do about a conversion that was stopped, or crashed."""
    if "of memory" in problem:
        return "; omz_converter --max_memory allows more, --check none does not run the model"
    if "was stopped after" in problem:
        return "; omz_converter --timeout allows more, --check none does not run the model"
    if "ended its process" in problem:
        return "; omz_converter --check none does not run the model"
    return ""


def _named(plan: ConversionPlan, error: Exception) -> str:
    told = str(error)
    return told if plan.card.name in told else f"{plan.card.name}: {told}"


def _carry_out(plan: ConversionPlan) -> Conversion:
    from omz.convert.converter import carry_out  # brings OpenVINO

    return carry_out(plan, tell)


def _make(plan: ConversionPlan) -> None:
    _carry_out(plan)


def _convert(plan: ConversionPlan, force: bool) -> str | None:
    """Convert one model; return why it failed, if it did."""
    from omz.convert.converter import carry_out

    try:
        carry_out(plan, tell, force)
    except OmzError as error:
        return _named(plan, error)
    except OSError as error:
        return f"{plan.card.name}: {error.filename or 'a file'} cannot be used: {os_reason(error)}"
    except (Exception, SystemExit) as error:  # a defect of ours must not keep the other models from being converted
        told = (str(error).strip() or "no reason told").splitlines()[0]
        return f"{plan.card.name}: unexpected {type(error).__name__}: {told}; please report it"
    return None
