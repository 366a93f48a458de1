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
from omz.zoo.vocabulary import REWRITTEN, Graph

_STATUS = Path("/proc/self/status")
_PEAK = "VmHWM:"
_KIB = 1024


@dataclass(frozen=True)
class Inspected:
    """What is known of a model before it runs.

    ``size`` is that of the images it takes, see :func:`omz.benchmark.feed.fixed_size`; ``has_graphs`` says that it was
    rewritten, and has two graphs.
    """

    size: str | None
    has_graphs: bool


@dataclass(frozen=True)
class Loaded:
    """How long it took to load a candidate, and to run it once, in milliseconds; and what really runs it."""

    info: EngineInfo
    load_ms: float
    first_ms: float


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
    return Loaded(runner.info, runner.load_ms, runner.first_ms)


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


def inspect(path: Path) -> Inspected:
    """Read the model in a file, and return what is known of it before it runs."""
    from omz.runtime.openvino_engine import OpenVINOEngine

    engine = OpenVINOEngine(path, deferred=True)
    return Inspected(fixed_size(engine), engine.facts.get("graph") == REWRITTEN)


def faster_graph(candidate: Candidate) -> Graph | None:
    """Return the faster graph of a rewritten model; both run if that was not measured before."""
    from omz.models.graph_choice import GraphChoice
    from omz.runtime.openvino_engine import LATENCY, OpenVINOEngine

    device, precision = candidate.case.device, candidate.execution
    choice = GraphChoice(candidate.path, device, precision, LATENCY, lambda model: model)
    OpenVINOEngine(candidate.path, device, precision, LATENCY, choice, deferred=True)
    return choice.graph


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
