"""The graph of a rewritten model that runs: the faster one, as measured once for a model on a device.

See :mod:`omz.convert.rewrite`. A rewritten model has one size, so that the measurement is for that size, too.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path

from omz.checksum import file_digest
from omz.convert.cache import cache_folder, writable_cache
from omz.errors import EngineError, UsageError
from omz.runtime.openvino_engine import LATENCY, OpenVINOEngine, Tuning, facts_of, port_info
from omz.runtime.quiet_openvino import core, ov
from omz.zoo.vocabulary import GRAPHS, REWRITTEN, Graph

_FOLDER, _LOCK = "graphs", ".lock"
_RUNS = 3  # of each graph

Adapt = Callable[[ov.Model], ov.Model]


@dataclass(frozen=True)
class MeasuredGraphs:
    """The times of a model's graphs on a device: ``milliseconds`` of each that runs there; ``inputs`` are shapes."""

    model: str
    device: str
    precision: str
    inputs: tuple[str, ...]
    milliseconds: dict[Graph, float]

    @property
    def graph(self) -> Graph:
        """The faster one."""
        return min(self.milliseconds, key=self.milliseconds.__getitem__, default=GRAPHS[0])


class GraphChoice:
    """Leaves one graph in the IR at ``path`` when it is read, and then has it changed by ``adapt``.

    That is the one that ``tuning`` asks for. If it asks for none, it is the faster one: both run on a synthetic image,
    and what was found is kept in the user's cache folder. Threads, streams and the goal of the tuning are no part of
    it, so that all runs on a device use the same graph. ``graph`` is which, None for a model that has only one.
    """

    def __init__(self, path: Path, device: str, precision: str, tuning: Tuning, adapt: Adapt) -> None:
        self.graph: Graph | None = None
        self._path, self._device, self._precision = path, device, precision
        self._asked, self._adapt = tuning.graph, adapt

    def __call__(self, model: ov.Model) -> ov.Model:
        """Return the model with one graph; raises :class:`UsageError` if one is asked for that it does not have."""
        if facts_of(model).get("graph") == REWRITTEN:
            self.graph = self._faster(model) if self._asked == "auto" else self._asked
            return self._alone(self.graph, model)
        if self._asked != "auto":
            raise UsageError(f"{self._path.name} has only one graph, for it was not rewritten; leave --graph out")
        return self._adapt(model)

    def _alone(self, graph: Graph, model: ov.Model) -> ov.Model:
        from omz.convert.rewrite import with_graph  # takes time that other models need not wait for

        return self._adapt(with_graph(model, graph))

    def _faster(self, model: ov.Model) -> Graph:
        try:
            place = writable_cache() / _FOLDER / f"{self._key()}.json"
            found = _recalled(place) or self._kept(place, model)
        except OSError:  # nothing can be kept
            found = self._measured(model)
        return found.graph

    def _kept(self, place: Path, model: ov.Model) -> MeasuredGraphs:
        from omz.atomic import whole_file
        from omz.locked import locked_folder

        with locked_folder(place.parent, _LOCK):  # others wait, who would disturb the measurement
            found = _recalled(place) or self._measured(model)
            with suppress(OSError), whole_file(place) as temporary:
                temporary.write_text(json.dumps(asdict(found)), encoding="utf-8")
        return found

    def _key(self) -> str:
        facts = (file_digest(self._path), _full_name(self._device), self._precision, ov.get_version())
        return sha256("\n".join(facts).encode()).hexdigest()[:16]

    def _measured(self, model: ov.Model) -> MeasuredGraphs:
        from omz.convert.samples import sample_inputs

        sample = next(sample_inputs(self._alone(GRAPHS[0], model.clone()), 1))
        engines: dict[Graph, OpenVINOEngine] = {}
        for graph in GRAPHS:
            with suppress(EngineError):  # the other one may run
                adapt = partial(self._alone, graph)
                engine = OpenVINOEngine(self._path, self._device, self._precision, LATENCY, adapt)
                engine.infer(sample)  # warms up
                engines[graph] = engine
        taken: dict[Graph, list[float]] = {graph: [] for graph in engines}
        for _ in range(_RUNS):
            for graph, engine in engines.items():  # in turn, for the speed of a machine drifts
                started = time.perf_counter()
                engine.infer(sample)
                taken[graph].append(1e3 * (time.perf_counter() - started))
        inputs = tuple(f"{info.name} {list(info.shape)}" for info in map(port_info, model.inputs))
        best = {graph: round(min(times), 1) for graph, times in taken.items()}
        return MeasuredGraphs(self._path.stem, _full_name(self._device), self._precision, inputs, best)


def measured_graphs() -> Iterator[MeasuredGraphs]:
    """Yield what was measured on this machine."""
    for place in sorted((cache_folder() / _FOLDER).glob("*.json")):
        found = _recalled(place)
        if found is not None:
            yield found


def _recalled(place: Path) -> MeasuredGraphs | None:
    try:
        facts = json.loads(place.read_text(encoding="utf-8"))
        times = {graph: float(facts["milliseconds"][graph]) for graph in GRAPHS if graph in facts["milliseconds"]}
        found = MeasuredGraphs(
            str(facts["model"]), str(facts["device"]), str(facts["precision"]), tuple(facts["inputs"]), times
        )
        return found if times else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _full_name(device: str) -> str:
    """Return the name of a device's kind; of several, such as AUTO, that of the CPU is among them."""
    try:
        return str(core().get_property(device, "FULL_DEVICE_NAME")).strip()
    except RuntimeError:
        return f"{device} {core().get_property('CPU', 'FULL_DEVICE_NAME')}".strip()
