"""Conversions in this process, or several at a time in isolated ones."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from omz.convert.converter import carry_out
from omz.convert.events import ConversionBegin, ConversionEnd
from omz.convert.plan import ConversionPlan
from omz.errors import EngineError, OmzError, os_reason
from omz.events import Event, Report
from omz.isolated import IsolatedProcess


@dataclass(frozen=True)
class JobOutcome:
    """The outcome of a conversion: events that were not shown yet, and why it failed, if it did."""

    events: tuple[Event, ...] = ()
    problem: str | None = None


def convert_all(plans: list[ConversionPlan], jobs: int, force: bool, show: Report) -> Iterator[JobOutcome]:
    """Convert here, or up to ``jobs`` models at a time in isolated processes, and yield outcomes in order.

    Code of a card always gets a process to itself.
    """
    processes = _Processes(force)
    if jobs == 1 or len(plans) < 2:
        for plan in plans:
            yield processes.convert(plan) if plan.needs_trust else _convert(plan, force, show)
        return
    threads = ThreadPoolExecutor(min(jobs, len(plans)))
    try:
        yield from threads.map(processes.convert, plans)
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
        processes.close()  # the next conversion removes what they leave


class _Processes:
    """Isolated processes for conversions, used again unless they ran code of a card. Threads may share them."""

    def __init__(self, force: bool) -> None:
        self._force = force
        self._idle: list[IsolatedProcess] = []
        self._started: list[IsolatedProcess] = []
        self._closed = False

    def convert(self, plan: ConversionPlan) -> JobOutcome:
        """Convert one model; its events are in the outcome."""
        try:
            process = self._take(plan.needs_trust)
            asked = plan.absolute() if plan.needs_trust else plan  # code of a card may change folders
            outcome = process(_convert, asked, self._force)
        except EngineError as error:
            problem = f"{plan.card.name}: {error}"
            return JobOutcome((ConversionEnd(plan.card.name, False, problem),), problem)
        if plan.needs_trust:
            process.close()
        else:
            self._idle.append(process)
        return outcome

    def close(self) -> None:
        """End all processes, and those that another thread is about to start."""
        self._closed = True
        for process in list(self._started):
            process.close()

    def _take(self, new: bool) -> IsolatedProcess:
        if not new:
            try:
                return self._idle.pop()
            except IndexError:
                pass
        process = IsolatedProcess("the conversion")
        self._started.append(process)
        if self._closed:
            process.close()
        process(os.chdir, os.getcwd())  # paths of cards may be relative
        return process


def _convert(plan: ConversionPlan, force: bool, show: Report | None = None) -> JobOutcome:
    """Convert one model; events go to ``show``, or into the outcome."""
    events: list[Event] = []
    tell: Callable[[Event], None] = show or events.append
    tell(ConversionBegin(plan.card.name, plan.precisions))
    problem = None
    try:
        carry_out(plan, tell, force)
    except OmzError as error:
        problem = str(error) if plan.card.name in str(error) else f"{plan.card.name}: {error}"
    except OSError as error:
        if show:
            raise
        problem = f"{plan.card.name}: {error.filename or 'a file'} cannot be used: {os_reason(error)}"
    except (Exception, SystemExit) as error:  # a defect of ours must not keep the other models from being converted
        told = (str(error).strip() or "no reason told").splitlines()[0]
        problem = f"{plan.card.name}: unexpected {type(error).__name__}: {told}; please report it"
    tell(ConversionEnd(plan.card.name, problem is None, problem))
    return JobOutcome(tuple(events), problem)
