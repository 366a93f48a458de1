"""Errors of the candidates on a dataset, by :mod:`omz.accuracy`, beside which latency means something."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from omz.accuracy.comparison import FrameResult, compare
from omz.accuracy.conventions import Convention, find_convention
from omz.accuracy.datasets.folder import open_dataset
from omz.accuracy.datasets.sample import Dataset
from omz.accuracy.prediction import NetworkPredictor, Predictor
from omz.accuracy.setup import SyntheticScenes
from omz.accuracy.summary import ModelSummary, summarise
from omz.benchmark.candidate import REMBG, Candidate
from omz.benchmark.feed import matting_network
from omz.benchmark.planning import Planned
from omz.benchmark.request import SYNTHETIC, BenchmarkObserver, BenchmarkRequest
from omz.benchmark.results import Figures, Row
from omz.errors import EngineError, OmzError
from omz.images.sizes import parse_size
from omz.isolated import apart
from omz.matting.network import MattingNetwork
from omz.runtime.engine import Engine
from omz.runtime.openvino_engine import OpenVINOEngine

_Key: TypeAlias = tuple[str, str, str, str, str, str]

_SCENES, _SCENE = 20, (720, 1280)
_NO_TRUTH = "the dataset has no true alpha"


@dataclass(frozen=True)
class Errors:
    """Errors by name, or why there are none."""

    figures: dict[str, float]
    reason: str = ""


class Quality:
    """The dataset and the convention of a request; opening them raises :class:`OmzError`, before anything runs."""

    def __init__(self, request: BenchmarkRequest) -> None:
        self._request = request
        if request.dataset != SYNTHETIC:  # an isolated process works elsewhere
            self._request = replace(request, dataset=str(Path(request.dataset or "").absolute()))
        self.convention: Convention = find_convention(request.convention or "omz")
        self.dataset: Dataset
        if request.dataset == SYNTHETIC:
            self.dataset = SyntheticScenes(request.num_frames or _SCENES, _SCENE)
        else:
            found = open_dataset(Path(request.dataset or ""), request.layout or "auto")
            self.dataset = replace(found, entries=found.entries[: request.num_frames])

    def add(self, rows: Sequence[Row], planned: Sequence[Planned], observer: BenchmarkObserver) -> list[Row]:
        """Return rows with errors; those of a file that one device executes in one precision share them.

        Rows that were not measured have none. Each model is scored in an isolated process, which may crash.
        """
        known: dict[_Key, Errors] = {}
        found = []
        for place, (row, each) in enumerate(zip(rows, planned, strict=True)):
            if row.figures is None or not isinstance(each, Candidate):
                found.append(row)
                continue
            key = _key(each, row.figures)
            if key not in known:
                observer.on_progress(f"errors of {each.case.title}", place / len(rows))
                known[key] = _errors(self._request, each)
            found.append(replace(row, quality=known[key].figures, no_quality=known[key].reason))
        return found

    def summary(self, candidate: Candidate) -> ModelSummary:
        """Run a candidate on all frames; raises :class:`OmzError`."""
        label = candidate.case.title
        predictors: dict[str, Predictor] = {label: NetworkPredictor(_network(candidate))}
        results: list[FrameResult] = list(compare(predictors, self.dataset, self.convention))
        return summarise(results, label, self.convention)


def _errors(request: BenchmarkRequest, candidate: Candidate) -> Errors:
    try:
        summary = apart(candidate.case.engine, _score, request, candidate)
    except OmzError as error:
        return Errors({}, str(error))
    if summary.figures:
        return Errors(summary.figures)
    return Errors({}, next(iter(summary.problems.values()), _NO_TRUTH))


def _score(request: BenchmarkRequest, candidate: Candidate) -> ModelSummary:
    """Run a candidate in this process, on a dataset whose path is absolute."""
    return Quality(request).summary(candidate)


def _key(candidate: Candidate, figures: Figures) -> _Key:
    # What "default" or AUTO means differs from device to device.
    case = candidate.case
    return str(candidate.path), case.precision, case.engine, case.size, figures.device, figures.precision


def _network(candidate: Candidate) -> MattingNetwork:
    """Return the network of a candidate, which sees images at the size that it was timed at."""
    if candidate.case.engine == REMBG:
        raise EngineError("rembg is timed only; its errors are those of the original in ONNX Runtime")
    size = parse_size(candidate.case.size) if candidate.case.size else None
    return matting_network(_engine(candidate), candidate.card, size)


def _engine(candidate: Candidate) -> Engine:
    if candidate.is_converted:
        precision = candidate.case.precision.partition("@")[2] or "auto"
        return OpenVINOEngine(candidate.path, candidate.case.device, precision)
    from omz.benchmark.original_runners import original

    return original(candidate)()
