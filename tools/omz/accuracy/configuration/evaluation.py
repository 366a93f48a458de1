"""One evaluation of a configuration: a launcher on a dataset."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2

from omz.accuracy.configuration.frames import at_its_size, open_frames
from omz.accuracy.configuration.inputs import check_expressions
from omz.accuracy.configuration.metric_schema import SadMetric
from omz.accuracy.configuration.model_file import check_model, find_model
from omz.accuracy.configuration.predictor import ConfiguredPredictor
from omz.accuracy.configuration.schema import DatasetEntry, Launcher
from omz.accuracy.configuration.scores import build_convention, build_references
from omz.accuracy.conventions import Convention
from omz.accuracy.datasets.sample import Dataset
from omz.accuracy.prediction import Predictor
from omz.accuracy.verdict import Reference
from omz.runtime.engine import Engine


@dataclass(frozen=True)
class ConfiguredEvaluation:
    """A model ``name``, what runs it, and on what; ``where`` says in messages where that stands."""

    name: str
    launcher: Launcher
    frames: DatasetEntry
    where: str

    @property
    def framework(self) -> str:
        """What runs the model: openvino, onnx_runtime or pytorch."""
        return self.launcher.runs_in

    @property
    def device(self) -> str | None:
        """The device to run on; None where that is left open."""
        return self.launcher.device

    @property
    def dataset(self) -> str:
        """The name of the dataset."""
        return self.frames.name

    @cached_property
    def convention(self) -> Convention:
        """What is measured, under the names of the configuration."""
        return build_convention(self.frames.metrics, self.launcher.adapter)

    @cached_property
    def references(self) -> tuple[Reference, ...]:
        """What the figures were elsewhere, and how far they may be from that."""
        return build_references(self.frames.metrics)

    def open_dataset(self, source: Path, allow_missing: bool = False, count: int | None = None) -> Dataset:
        """List the frames below ``source``; see :func:`omz.accuracy.configuration.frames.open_frames`."""
        return open_frames(self.frames, source, allow_missing, count)

    def adopt(self, dataset: Dataset) -> Dataset:
        """Return another dataset at the size at which the configuration measures."""
        return at_its_size(self.frames, dataset)

    def check(self, dataset: Dataset) -> None:
        """Raise :class:`omz.errors.UsageError` where no frame has a file for some input; none is read."""
        check_expressions(self.launcher.inputs, dataset, self.where)

    def model_file(self, models: Path | None = None) -> Path:
        """Return the model's file; see :func:`omz.accuracy.configuration.model_file.find_model`."""
        return find_model(self.name, self.launcher, models, self.where)

    def engine(self, model: Path, device: str = "CPU", precision: str = "f32") -> Engine:
        """Load a model's file in the launcher's framework, so that an ONNX file of openvino runs in OpenVINO, too.

        ``device`` and the ``precision`` of execution are OpenVINO's; ONNX Runtime runs on the CPU, in f32.
        Raises :class:`omz.errors.UsageError` for a file that the framework does not run, and
        :class:`omz.errors.EngineError` for one that is damaged, or a device that is not there.
        """
        check_model(model, self.launcher, self.where)
        if self.framework == "onnx_runtime":
            from omz.runtime.onnxruntime_engine import OnnxRuntimeEngine

            return OnnxRuntimeEngine(model)
        from omz.runtime.openvino_engine import OpenVINOEngine

        return OpenVINOEngine(model, device, precision)

    def predictor(self, engine: Engine) -> Predictor:
        """Return a loaded model, fed and read as the configuration says; it takes what ``engine`` takes.

        Raises :class:`omz.errors.UsageError` where the model has not the inputs and outputs that are named.
        """
        cubic = any(isinstance(metric, SadMetric) for metric in self.frames.metrics)  # as the convention shm has it
        interpolation = cv2.INTER_CUBIC if cubic else cv2.INTER_LINEAR
        return ConfiguredPredictor(engine, self.launcher, self.frames, interpolation, self.where)
