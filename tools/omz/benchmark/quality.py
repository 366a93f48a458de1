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
from omz.benchmark.planning import Planned
from omz.benchmark.request import SYNTHETIC, BenchmarkObserver, BenchmarkRequest
from omz.benchmark.results import Case, Row
from omz.errors import EngineError, OmzError
from omz.images.sizes import parse_size
from omz.matting.network import STRETCHED, MattingNetwork, View
from omz.matting.resolution import roles_of
from omz.matting.roles import description_of
from omz.runtime.engine import Engine
from omz.runtime.openvino_engine import OpenVINOEngine

_Key: TypeAlias = tuple[str, str, str, str]

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
        self.convention: Convention = find_convention(request.convention or "omz")
        self.dataset: Dataset
        if request.dataset == SYNTHETIC:
            self.dataset = SyntheticScenes(request.num_frames or _SCENES, _SCENE)
        else:
            found = open_dataset(Path(request.dataset or ""), request.layout or "auto")
            self.dataset = replace(found, entries=found.entries[: request.num_frames])

    def add(self, rows: Sequence[Row], planned: Sequence[Planned], observer: BenchmarkObserver) -> list[Row]:
        """Return rows with errors; streams and devices share those of a model, for they compute the same.

        Rows that were not measured have none.
        """
        known: dict[_Key, Errors] = {}
        found = []
        for place, (row, each) in enumerate(zip(rows, planned, strict=True)):
            if row.figures is None or not isinstance(each, Candidate):
                found.append(row)
                continue
            key = _key(each.case)
            if key not in known:
                observer.on_progress(f"errors of {each.case.title}", place / len(rows))
                known[key] = self._errors(each)
            found.append(replace(row, quality=known[key].figures, no_quality=known[key].reason))
        return found

    def _errors(self, candidate: Candidate) -> Errors:
        try:
            summary = self._summary(candidate)
        except OmzError as error:
            return Errors({}, str(error))
        if summary.figures:
            return Errors(summary.figures)
        return Errors({}, next(iter(summary.problems.values()), _NO_TRUTH))

    def _summary(self, candidate: Candidate) -> ModelSummary:
        label = candidate.case.title
        predictors: dict[str, Predictor] = {label: NetworkPredictor(_network(candidate))}
        results: list[FrameResult] = list(compare(predictors, self.dataset, self.convention))
        return summarise(results, label, self.convention)


def _key(case: Case) -> _Key:
    return case.model, case.precision, case.engine, case.size


def _network(candidate: Candidate) -> MattingNetwork:
    """Return the network of a candidate, which sees images at the size that it was timed at."""
    if candidate.case.engine == REMBG:
        raise EngineError("rembg is timed only; its errors are those of the original in ONNX Runtime")
    engine, card = _engine(candidate), candidate.card
    stretches = getattr(engine, "resize_type", None) == STRETCHED
    if card is not None:
        stretches = stretches or card.model_info.resize_type == STRETCHED
    size = parse_size(candidate.case.size) if candidate.case.size else None
    return MattingNetwork(engine, View(stretches, size), roles_of(engine, description_of(card)))


def _engine(candidate: Candidate) -> Engine:
    if candidate.is_converted:
        precision = candidate.case.precision.partition("@")[2] or "auto"
        return OpenVINOEngine(candidate.path, candidate.case.device, precision)
    from omz.benchmark.original_runners import original

    return original(candidate)()
