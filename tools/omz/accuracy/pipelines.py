"""Pipelines: an IR with all that ``omz_demo`` does around it, by the code that it runs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from omz.accuracy.datasets.sample import Sample
from omz.accuracy.prediction import Prediction
from omz.images.arrays import Size
from omz.matting.frames import Failure, Frame, MattedFrame
from omz.matting.inference import MattingRequests, Memory
from omz.matting.plate_fitting import PlateOptions, fit
from omz.matting.roles import RoleOptions
from omz.matting.stream import MatteOptions, MattingStream
from omz.matting.uint8_graph import uint8_graph
from omz.metrics.differences import unit
from omz.models.opening import open_model
from omz.runtime.engine import EngineInfo
from omz.work.stopwatch import Stopwatch
from omz.zoo.vocabulary import Refining


@dataclass(frozen=True)
class Pipeline:
    """How plates are fitted, and alpha is refined, None as the model says."""

    plate: PlateOptions
    refine: Refining | None = None


_FITTED, _AS_IT_IS = PlateOptions(), PlateOptions("off", "off")
_PIPELINES: Mapping[str, Pipeline] = {
    "plain": Pipeline(_AS_IT_IS, "off"),
    "default": Pipeline(_FITTED),
    "off": Pipeline(_FITTED, "off"),
    "fast": Pipeline(_FITTED, "fast"),
    "best": Pipeline(_FITTED, "best"),
}


class PipelinePredictor:
    """An IR run as the command ``omz_demo`` runs it; alpha and foreground are in the levels that it writes.

    ``name`` is one of :data:`omz.accuracy.labels.PIPELINES`. Each frame is an image by itself, but to a recurrent
    network. Milliseconds are those of all from the decoded image and plate to the matte. Raises
    :class:`omz.errors.EngineError` for a model that does not run.
    """

    def __init__(self, name: str, path: Path, device: str, precision: str, roles: RoleOptions) -> None:
        self._pipeline = _PIPELINES[name]
        opened = open_model(path, device, precision, adapt=partial(uint8_graph, float_alpha=True, options=roles))
        self._requests = MattingRequests(opened.engine, opened.view(None), opened.refine(self._pipeline.refine))
        self._pool = ThreadPoolExecutor(1)
        self._memory = Memory()
        self._warm: set[Size] = set()

    @property
    def info(self) -> EngineInfo:
        """The engine that really runs."""
        return self._requests.engine.info

    @property
    def remembers(self) -> bool:
        """Whether the network is recurrent."""
        return self._requests.network.remembers

    def predict(self, sample: Sample, begins: bool) -> Prediction:
        """Run the pipeline on a frame; see :class:`omz.accuracy.prediction.Predictor`."""
        if begins:
            self._memory = Memory()
        size = sample.picture.shape[0], sample.picture.shape[1]
        if size not in self._warm:
            self._run(sample, Memory())
            self._warm.add(size)
        started = time.perf_counter()
        matted = self._run(sample, self._memory)
        milliseconds = 1e3 * (time.perf_counter() - started)
        outputs = {"matte": unit(matted.alpha)[None, None]}
        return Prediction(matted.alpha, matted.foreground, outputs, milliseconds=milliseconds)

    def _run(self, sample: Sample, memory: Memory) -> MattedFrame:
        stream = MattingStream(self._requests, MatteOptions(), self._pool, Stopwatch(), memory=memory)
        [matted] = stream([self._frame(sample)])
        if isinstance(matted, Failure):
            raise matted.error
        return matted

    def _frame(self, sample: Sample) -> Frame:
        if sample.plate is None or not self._requests.network.takes_plate:
            return Frame(0, sample.picture)
        size = self._requests.plate_size((sample.picture.shape[0], sample.picture.shape[1]))
        fitted = fit(sample.plate, sample.picture, self._pipeline.plate, size=size)
        return Frame(0, sample.picture, fitted.plate, fitted=fitted)
