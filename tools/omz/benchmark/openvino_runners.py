"""Models in OpenVINO, run as ``benchmark_app`` runs them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from omz.benchmark.candidate import Candidate
from omz.benchmark.feed import Feed
from omz.benchmark.results import LATENCY, THROUGHPUT
from omz.benchmark.runners import Burst, repeated
from omz.convert.rewrite import with_graph
from omz.errors import EngineError
from omz.runtime.engine import EngineInfo, Tensor
from omz.runtime.openvino_engine import OpenVINOEngine, Tuning
from omz.runtime.quiet_openvino import ov, reason
from omz.zoo.vocabulary import Graph


class _OpenVINORunner:
    """A model in OpenVINO, at the size of the candidate, with the properties that ``benchmark_app`` sets."""

    def __init__(self, candidate: Candidate, cache: Path | None) -> None:
        case = candidate.case
        tuning, adapt = _tuning(case.streams, candidate.threads, cache), partial(_leave, candidate.graph)
        started = time.perf_counter()
        engine = OpenVINOEngine(candidate.path, case.device, candidate.execution, tuning, adapt, deferred=True)
        read = time.perf_counter() - started
        self._feed = Feed(engine, case.size)
        started = time.perf_counter()
        if any(info.shape != self._feed.shapes.get(info.name, info.shape) for info in engine.inputs):
            engine = engine.at(self._feed.shapes)
        self._compiled = engine.compiled
        self.load_ms = 1e3 * (read + time.perf_counter() - started)
        self._engine = engine

    @property
    def info(self) -> EngineInfo:
        """The engine that really runs."""
        return self._engine.brief_info

    def _first(self, request: Any) -> tuple[float, dict[str, Tensor]]:
        """Run for the first time; return the latency, and what goes in from then on."""
        self._fill(request, self._feed.tensors)
        try:
            request.infer()
        except RuntimeError as error:
            raise EngineError(f"the model does not run: {reason(error)}") from error
        outputs = {}
        for index, name in enumerate(self._engine.outputs):
            outputs[name] = np.array(request.get_output_tensor(index).data)
        return float(request.latency), self._feed.later(outputs)

    def _fill(self, request: Any, tensors: Mapping[str, Tensor]) -> None:
        for index, info in enumerate(self._engine.inputs):
            tensor, value = request.get_input_tensor(index), tensors[info.name]
            if list(tensor.shape) != list(value.shape):
                tensor.shape = value.shape
            tensor.data[...] = value


class OneAtATime(_OpenVINORunner):
    """One image at a time, in the thread that waits for it: ``benchmark_app -hint latency``."""

    def __init__(self, candidate: Candidate, cache: Path | None = None) -> None:
        super().__init__(candidate, cache)
        self._request = self._compiled.create_infer_request()
        self.first_ms, tensors = self._first(self._request)
        self._fill(self._request, tensors)

    def burst(self, seconds: float) -> Burst:
        """Run for so many seconds, once at least."""

        def run() -> float:
            self._request.infer()
            return float(self._request.latency)

        return repeated(run, seconds)


class SeveralAtATime(_OpenVINORunner):
    """As many images at a time as suit the device: ``benchmark_app -hint throughput``, or with a number of streams."""

    def __init__(self, candidate: Candidate, cache: Path | None = None) -> None:
        super().__init__(candidate, cache)
        self._queue = ov.AsyncInferQueue(self._compiled)
        self.first_ms, tensors = self._first(self._queue[0])
        for request in self._queue:
            self._fill(request, tensors)

    def burst(self, seconds: float) -> Burst:
        """Run for so many seconds, once at least."""
        latencies, busy = [], set[int]()
        started, cpu = time.perf_counter(), time.process_time()
        while not busy or time.perf_counter() - started < seconds:
            idle = self._queue.get_idle_request_id()
            if idle in busy:
                latencies.append(float(self._queue[idle].latency))
            busy.add(idle)
            self._queue.start_async()
        self._queue.wait_all()
        taken, used = time.perf_counter() - started, time.process_time() - cpu
        latencies += [float(self._queue[each].latency) for each in busy]
        return Burst(tuple(latencies), taken, used)


def _leave(graph: Graph | None, model: ov.Model) -> ov.Model:
    """Leave only one ``graph`` in a rewritten model; others have none to name."""
    return model if graph is None else with_graph(model, graph)


def _tuning(streams: str, threads: int | None, cache: Path | None) -> Tuning:
    if streams == LATENCY:
        return Tuning("latency", threads=threads, cache_dir=cache)
    return Tuning("throughput", None if streams == THROUGHPUT else int(streams), threads, cache)
