"""One evaluation of a configuration: a launcher on a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import cv2

from omz.accuracy.configuration.frames import at_its_size, open_frames
from omz.accuracy.configuration.predictor import (
    ConfiguredPredictor,
    assigned_inputs,
    check_expressions,
    named_outputs,
)
from omz.accuracy.configuration.schema import DatasetEntry, Launcher, SadMetric
from omz.accuracy.configuration.scores import build_convention, build_references
from omz.accuracy.conventions import Convention
from omz.accuracy.datasets.sample import Dataset
from omz.accuracy.prediction import Predictor
from omz.accuracy.verdict import Reference
from omz.errors import UsageError
from omz.matting.resolution import output_roles_of
from omz.matting.roles import NO_DESCRIPTION, NOTHING_SAID, Description, RoleOptions, Roles
from omz.runtime.engine import Engine
from omz.text import printable

_SUFFIXES = {"openvino": (".xml", ".onnx"), "onnx_runtime": (".onnx",)}
"""Suffixes of the files that each framework runs."""


@dataclass(frozen=True)
class ConfiguredEvaluation:
    """A model ``name``, what runs it, and on what; ``where`` says in messages where that stands."""

    name: str
    launcher: Launcher
    frames: DatasetEntry
    where: str

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
        """The metrics, under the names of the configuration."""
        return build_convention(self.frames.metrics, self.launcher.adapter)

    @cached_property
    def references(self) -> tuple[Reference, ...]:
        """The figures from elsewhere, and the allowed distance from them."""
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
        """Return the file that the launcher names, below the folder ``models``; else ``models``, or the one in it.

        In a folder the model's name with one of the framework's suffixes comes first, else the only file with such a
        suffix counts. Raises :class:`UsageError` where there is none, or more than one, or weights that do not lie
        beside the model, or the framework does not run it.
        """
        suffixes, folder = self._suffixes(), models or Path()
        if self.launcher.model:
            path, weights = folder / self.launcher.model, folder / (self.launcher.weights or self.launcher.model)
            if weights.with_suffix("") != path.with_suffix(""):
                raise self._error(
                    f"the weights {weights} do not lie beside the model {path} under its name; rename them"
                )
        elif models is None:
            raise self._error("no model is named; name its file, or the folder that it is in")
        elif models.is_dir():
            path = _search(models, self.name, suffixes)
        else:
            path = models
        if not path.is_file():
            raise self._error(f"there is no model {path}; name another file or folder")
        self._check_model(path)
        return path

    def engine(self, model: Path, device: str = "CPU", precision: str = "f32", threads: int | None = None) -> Engine:
        """Load a model's file in the launcher's framework, so that an ONNX file of openvino runs in OpenVINO, too.

        ``device`` and the ``precision`` of execution are OpenVINO's; ONNX Runtime runs on the CPU, in f32, by so many
        ``threads``.
        Raises :class:`omz.errors.UsageError` for a file that the framework does not run, and
        :class:`omz.errors.EngineError` for one that is damaged, or a device that is not there.
        """
        self._check_model(model)
        if self.launcher.runs_in == "onnx_runtime":
            from omz.runtime.onnxruntime_engine import OnnxRuntimeEngine

            return OnnxRuntimeEngine(model, threads=threads)
        from omz.runtime.openvino_engine import OpenVINOEngine

        return OpenVINOEngine(model, device, precision)

    def roles(self, engine: Engine, said: Description = NO_DESCRIPTION, options: RoleOptions = NOTHING_SAID) -> Roles:
        """Return the roles in a loaded model.

        They are those of ``options``, of the configuration, of the model's own facts, or of what its card has ``said``;
        otherwise they follow from names and shapes. Raises :class:`omz.errors.UsageError` where the model has not the
        inputs and outputs that are named, and as :func:`omz.matting.resolution.resolve` does.
        """
        pictures, states = assigned_inputs(engine, self.launcher, self.where)
        adapter = self.launcher.adapter
        options = named_outputs(engine, adapter, self.frames, options, self.where)
        found = output_roles_of(engine, said, options, pictures[0].name, states)
        if not adapter.foreground:
            return replace(found, foreground=None)
        if found.foreground is None:
            raise self._error(f"the adapter {adapter.type} reads a foreground, and the model gives none; correct one")
        return found

    def predictor(self, engine: Engine, roles: Roles | None = None) -> Predictor:
        """Return a loaded model, fed and read as the configuration says; it takes what ``engine`` takes.

        ``roles`` are by default those that :meth:`roles` finds. Raises as that does.
        """
        interpolation = cv2.INTER_LINEAR
        if any(isinstance(metric, SadMetric) for metric in self.frames.metrics):
            interpolation = cv2.INTER_CUBIC  # as the convention shm has it
        pictures, _ = assigned_inputs(engine, self.launcher, self.where)
        return ConfiguredPredictor(engine, pictures, roles or self.roles(engine), self.frames, interpolation)

    def _check_model(self, model: Path) -> None:
        """Raise :class:`UsageError` where the framework runs no such file here, or not on the launcher's device."""
        suffixes, launcher = self._suffixes(), self.launcher
        if model.suffix == ".blob":
            raise self._error(
                f"{model} is compiled for one device, which does not run here; name the .xml it was made of"
            )
        if model.suffix not in suffixes:
            hint = " or ".join(suffixes)
            for other, known in _SUFFIXES.items():
                if model.suffix in known:
                    hint += f", or set framework to {other}"
            raise self._error(f"{launcher.framework} does not run {model}; name a file that ends in {hint}")
        if launcher.runs_in == "onnx_runtime" and (launcher.device or "CPU").upper() != "CPU":
            raise self._error(f"onnx_runtime runs on the CPU here, not on {launcher.device}; leave device out")

    def _suffixes(self) -> tuple[str, ...]:
        if self.launcher.runs_in not in _SUFFIXES:
            network = f"which network {self.launcher.framework} has to build"
            raise self._error(f"a file does not say {network}; give a card with --name")
        return _SUFFIXES[self.launcher.runs_in]

    def _error(self, message: str) -> UsageError:
        return UsageError(printable(f"{self.where}: {message}"))


def _search(folder: Path, name: str, suffixes: Sequence[str]) -> Path:
    for suffix in suffixes:
        if (folder / f"{name}{suffix}").is_file():
            return folder / f"{name}{suffix}"
    for suffix in suffixes:
        found = sorted(folder.glob(f"*{suffix}"))
        if len(found) == 1:
            return found[0]
        if found:
            raise UsageError(
                f"{folder} has {len(found)} models, {found[0].name} and {found[1].name} among them; name one of them"
            )
    raise UsageError(f"{folder} has no model ({', '.join(suffixes)}); name its file, or another folder")
