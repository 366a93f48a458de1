"""Runners: a loaded model that runs again and again, in the framework of its candidate."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from omz.benchmark.candidate import REMBG, Candidate
from omz.benchmark.results import LATENCY
from omz.runtime.engine import EngineInfo


@dataclass(frozen=True)
class Burst:
    """Runs without a pause between them: the latency of each, and the seconds of all, on the clock and of processors.

    Latencies are in milliseconds.
    """

    latencies: tuple[float, ...]
    seconds: float
    cpu_seconds: float


class Runner(Protocol):
    """A loaded model.

    ``load_ms`` is how long that took, without the import of libraries; ``first_ms`` is the latency of its first run.
    """

    load_ms: float
    first_ms: float

    @property
    def info(self) -> EngineInfo:
        """The engine that really runs."""

    def burst(self, seconds: float) -> Burst:
        """Run for so many seconds, once at least."""


def open_runner(candidate: Candidate, cache: Path | None = None) -> Runner:
    """Load a candidate and run it once; OpenVINO keeps compiled models in ``cache``, nowhere by default.

    Raises :class:`omz.errors.OmzError`.
    """
    # Each framework is loaded where it runs, and is in the memory of no other candidate.
    if candidate.is_converted:
        from omz.benchmark.openvino_runners import OneAtATime, SeveralAtATime

        if candidate.case.streams == LATENCY:
            return OneAtATime(candidate, cache)
        return SeveralAtATime(candidate, cache)
    from omz.benchmark.original_runners import OriginalRunner, RembgRunner

    if candidate.case.engine == REMBG:
        return RembgRunner(candidate)
    return OriginalRunner(candidate)


def repeated(run: Callable[[], float], seconds: float) -> Burst:
    """Call ``run``, which returns its latency in milliseconds, for so many seconds, once at least."""
    latencies: list[float] = []
    started, cpu = time.perf_counter(), time.process_time()
    while not latencies or time.perf_counter() - started < seconds:
        latencies.append(run())
    return Burst(tuple(latencies), time.perf_counter() - started, time.process_time() - cpu)
