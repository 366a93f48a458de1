"""Layers where the IRs of an evaluation leave their source."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from omz.accuracy.evaluation import Evaluation
from omz.accuracy.labels import execution
from omz.accuracy.prediction import NetworkPredictor
from omz.accuracy.setup import EvaluationSetup
from omz.accuracy.summary import worst_frames
from omz.convert.locate import Located, locate
from omz.convert.plan import plan_conversion
from omz.convert.sources import source_onnx
from omz.errors import UsageError
from omz.runtime.engine import Tensor
from omz.zoo.preprocessing import Preprocessing


def check_locatable(setup: EvaluationSetup) -> None:
    """Raise :class:`UsageError` if no variant is an IR, or the source of the IRs is unknown."""
    if not _files(setup, ".xml"):
        raise UsageError("--locate looks into IRs, and --models has none; add FP32 or an .xml file")
    if not setup.card and not _files(setup, ".onnx"):
        raise UsageError("--locate needs the ONNX file that an IR was made of; add it to --models, or give a --name")


def locate_all(setup: EvaluationSetup, evaluation: Evaluation) -> Iterator[tuple[str, Located]]:
    """Yield the label of each IR, and where it leaves its source, on the frame where it strays most."""
    for label, ir in _files(setup, ".xml").items():
        precision = execution(label) or setup.request.precision
        with tempfile.TemporaryDirectory() as folder:
            source, preprocessing = _source(setup, ir, Path(folder))
            inputs = _inputs(setup, evaluation, label)
            located = locate(source, ir, preprocessing, inputs, precision, setup.request.device)
        yield label, located


def _files(setup: EvaluationSetup, suffix: str) -> dict[str, Path]:
    """Return the files of the variants that have such a suffix, by label."""
    found = {}
    for label, variant in setup.variants.items():
        if variant.is_converted and variant.files[0].suffix == suffix:
            found[label] = variant.files[0]
    return found


def _source(setup: EvaluationSetup, ir: Path, folder: Path) -> tuple[Path, Sequence[Preprocessing]]:
    """Return the ONNX file that an IR was made of, written to ``folder`` if need be, and what the IR has inside."""
    if setup.card:
        downloads = setup.request.downloads(setup.card)
        preprocessing = plan_conversion(setup.card, downloads, folder).preprocessing
        return source_onnx(setup.card, downloads, ir, folder), preprocessing
    return next(iter(_files(setup, ".onnx").values())), ()


def _inputs(setup: EvaluationSetup, evaluation: Evaluation, label: str) -> Mapping[str, Tensor] | None:
    """Return the model's inputs of the frame on which it is farthest from the first; None without such a frame."""
    predictor = setup.variants[label].predictor
    worst = worst_frames(evaluation.results, (next(iter(setup.variants)), label), 1)
    if not worst or not isinstance(predictor, NetworkPredictor):
        return None
    entry = next(entry for entry in setup.dataset.entries if entry.name == worst[0].name)
    return predictor.fit(setup.dataset.read(entry)).tensors
