"""The side of a benchmark in an isolated process, which has one candidate and nothing else in its memory."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from omz.benchmark.candidate import Candidate
from omz.benchmark.feed import fixed_size
from omz.benchmark.runners import Burst, Runner, open_runner
from omz.errors import EngineError
from omz.runtime.engine import EngineInfo
from omz.zoo.vocabulary import Graph

_STATUS = Path("/proc/self/status")
_PEAK = "VmHWM:"
_KIB = 1024


@dataclass(frozen=True)
class Loaded:
    """How long it took to load a candidate, and to run it once, in milliseconds; and what really runs it.

    ``graph`` is that of :class:`omz.benchmark.runners.Runner`.
    """

    info: EngineInfo
    load_ms: float
    first_ms: float
    graph: Graph | None = None


@dataclass(frozen=True)
class Ran:
    """A burst; the most bytes that the process has held, None if the system does not tell; and what really ran it."""

    burst: Burst
    peak_memory: int | None
    info: EngineInfo


_runners: list[Runner] = []
"""The candidate of this process."""


def load(candidate: Candidate) -> Loaded:
    """Load a candidate, and keep it."""
    runner = open_runner(candidate)
    _runners.append(runner)
    return Loaded(runner.info, runner.load_ms, runner.first_ms, runner.graph)


def load_cached(candidate: Candidate, cache: Path) -> float:
    """Load a candidate, where ``cache`` has or gets the compiled model; return the milliseconds."""
    return open_runner(candidate, cache).load_ms


def burst(seconds: float, warm_up: bool) -> Ran:
    """Run for so many seconds.

    With ``warm_up``, one run comes before that: others have had the processor and its caches.
    """
    if not _runners:
        raise EngineError("nothing is loaded")
    if warm_up:
        _runners[0].burst(0)
    return Ran(_runners[0].burst(seconds), peak_memory(), _runners[0].info)


def size_of(path: Path) -> str | None:
    """Return the size of images that the model in a file takes; see :func:`omz.benchmark.feed.fixed_size`."""
    from omz.runtime.openvino_engine import OpenVINOEngine

    return fixed_size(OpenVINOEngine(path, deferred=True))


def peak_memory() -> int | None:
    """Return the most bytes that this process has held; None if the system does not tell."""
    # getrusage tells of the process that this one was forked from, too.
    if sys.platform == "linux":
        for line in _STATUS.read_text(encoding="utf-8").splitlines():
            if line.startswith(_PEAK):
                return int(line.split()[1]) * _KIB
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return None
