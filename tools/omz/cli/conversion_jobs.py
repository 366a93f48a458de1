"""Conversions in this process, or in some of their own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

from omz.convert.converter import carry_out
from omz.convert.events import ConversionBegin, ConversionEnd
from omz.convert.plan import ConversionPlan
from omz.errors import OmzError
from omz.events import Event, Report


@dataclass(frozen=True)
class Outcome:
    """What came of one model: the events that were not shown yet, and why it failed, where it did."""

    events: tuple[Event, ...] = ()
    problem: str | None = None


def convert_all(plans: list[ConversionPlan], jobs: int, force: bool, show: Report) -> Iterator[Outcome]:
    """Convert in this process, or some at a time in processes of their own, and yield outcomes in order.

    Code of a card gets a process to itself, whatever it does to that.
    """
    if jobs == 1 or len(plans) < 2:
        for plan in plans:
            yield _convert_apart(plan, force) if plan.needs_trust else _convert(plan, force, show)
        return
    threads, processes = ThreadPoolExecutor(min(jobs, len(plans))), _processes(min(jobs, len(plans)))

    def convert(plan: ConversionPlan) -> Outcome:
        if plan.needs_trust:
            return _convert_apart(plan, force)
        return _outcome_of(processes.submit(_convert, plan, force), plan)

    try:
        yield from threads.map(convert, plans)
    except KeyboardInterrupt:
        threads.shutdown(wait=False, cancel_futures=True)
        processes.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():
            process.terminate()  # what it leaves is removed by the next
        raise
    processes.shutdown()
    threads.shutdown()


def _convert_apart(plan: ConversionPlan, force: bool) -> Outcome:
    """Convert one model in a process of its own, whose output is no event of ours."""
    with _processes(1) as process:
        return _outcome_of(process.submit(_convert, plan.absolute(), force), plan)


def _processes(count: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), initializer=_prepare_process)


def _outcome_of(future: Future[Outcome], plan: ConversionPlan) -> Outcome:
    try:
        return future.result()
    except BrokenProcessPool:
        problem = f"{plan.card.name}: its conversion was killed, or ended its process; memory may be short, try -j 1"
        return Outcome((ConversionEnd(plan.card.name, False, problem),), problem)


def _prepare_process() -> None:
    """Leave Ctrl-C and standard output to the process that started this one, and end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(2, 1)
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent:
            parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _convert(plan: ConversionPlan, force: bool, show: Report | None = None) -> Outcome:
    """Convert one model; what is done goes to ``show``, or into the outcome."""
    events: list[Event] = []
    tell: Callable[[Event], None] = show or events.append
    tell(ConversionBegin(plan.card.name, plan.precisions))
    problem = None
    try:
        carry_out(plan, tell, force)
    except OmzError as error:
        problem = str(error) if plan.card.name in str(error) else f"{plan.card.name}: {error}"
    except OSError:
        raise
    except (Exception, SystemExit) as error:  # a defect of ours must not keep the other models from being converted
        told = (str(error).strip() or "no reason told").splitlines()[0]
        problem = f"{plan.card.name}: unexpected {type(error).__name__}: {told}; please report it"
    tell(ConversionEnd(plan.card.name, problem is None, problem))
    return Outcome(tuple(events), problem)
