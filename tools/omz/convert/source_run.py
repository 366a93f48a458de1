"""Runs of a conversion's source. Loads neither OpenVINO nor PyTorch, so that a process can do this alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from omz.convert.samples import InputSpec, Sample, make_samples
from omz.errors import ConversionError, first_line
from omz.runtime.engine import Engine, TensorInfo, numpy_type
from omz.zoo.preprocessing import Preprocessing, by_input

if TYPE_CHECKING:
    from omz.convert.exported import Exported

Outputs: TypeAlias = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Port:
    """An input or output of a model: one of its names, all of them, and its sides, 0 for open ones."""

    name: str
    names: frozenset[str]
    sides: tuple[int, ...]


@dataclass(frozen=True)
class SourceTask:
    """What a source is to compute: the outputs of the IR, whose ``inputs`` and ``outputs`` these are.

    ``specs`` tell how to make sets of inputs; ``onnx_file`` is the source, or what was exported from it. It has the
    inputs ``own_inputs``, with their sides, 0 for open ones, the outputs ``own_outputs``, and all ``tensors``.
    """

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    specs: tuple[InputSpec, ...]
    preprocessing: tuple[Preprocessing, ...]
    onnx_file: Path
    own_inputs: Mapping[str, tuple[int, ...]]
    own_outputs: frozenset[str]
    tensors: frozenset[str]


def prepare() -> None:
    """Load what :func:`run_onnx` needs."""
    import omz.runtime.onnxruntime_engine
    import omz.synthesis.scene  # noqa: F401


def run_onnx(task: SourceTask, numbers: Sequence[int], all_small: bool) -> Reference:
    """Make the sets of inputs with these ``numbers``, and compute the outputs of the ONNX file for them."""
    return run_source(task, tuple(make_samples(task.specs, numbers, all_small)))


@dataclass(frozen=True)
class Reference:
    """The outputs for each of ``samples``, by the names of the IR's outputs; ``source`` is what computed them."""

    source: str
    samples: tuple[Sample, ...]
    results: tuple[dict[str, NDArray[Any]], ...]


def run_source(task: SourceTask, samples: Sequence[Sample], exported: Exported | None = None) -> Reference:
    """Compute the outputs that the IR should have for ``samples``.

    The network that was ``exported`` to the ONNX file computes them; without one, or if it lacks some of the outputs,
    ONNX Runtime does. Raises :class:`ConversionError` if the source does not run on these inputs.
    """
    engine, names = _engine(task, exported)
    onnx_file, results = task.onnx_file, []
    for sample in samples:
        inputs = dict(sample)
        try:
            for info in engine.inputs:
                if info.name not in sample:
                    inputs[info.name] = _zeros(info, sample)
            given = engine.infer(inputs)
        except (Exception, SystemExit) as error:  # a network may raise anything
            raise ConversionError(
                f"{onnx_file.name} cannot be compared with its IR, for its source does not run: {first_line(error)}; "
                "--shape gives its inputs other shapes, --check none skips the comparison"
            ) from error
        for its in names.values():
            if given[its].size and not np.isfinite(given[its]).any():
                raise ConversionError(
                    f"{onnx_file.name} cannot be compared with its IR, for output {its} of its source has no finite "
                    "number; skip the comparison with --check none"
                )
        results.append({mine: given[its] for mine, its in names.items()})
    return Reference(f"{engine.info.framework} {_version(engine)}", tuple(samples), tuple(results))


def _engine(task: SourceTask, exported: Exported | None) -> tuple[Engine, dict[str, str]]:
    """Return the engine, and its names of the outputs of the IR."""
    if exported:
        arguments = exported.arguments
        names = _names(task.outputs, arguments.output_names)
        if len(names) == len(task.outputs):
            inputs = []
            for name, shape in zip(arguments.input_names, arguments.input_shapes, strict=False):
                inputs.append(TensorInfo(name, (-1,) * len(shape), arguments.element_type))
            return exported.engine(tuple(inputs), arguments.output_names, task.preprocessing), names
    from omz.runtime.onnxruntime_engine import OnnxRuntimeEngine

    names = _names(task.outputs, task.tensors)
    for port in task.outputs:
        if port.name not in names:
            raise ConversionError(
                f"{task.onnx_file.name} has no tensor for output {port.name} of the IR; "
                "skip the comparison with --check none"
            )
    asked: tuple[str, ...] = ()
    if not task.own_outputs.issuperset(names.values()):
        asked = tuple(names.values())
    return OnnxRuntimeEngine(task.onnx_file, task.preprocessing, asked, _other_shapes(task), once=True), names


def _names(outputs: Sequence[Port], known: Iterable[str]) -> dict[str, str]:
    """Return which of ``known`` are outputs of the IR, by the IR's names of them."""
    there = set(known)
    found: dict[str, str] = {}
    for port in outputs:
        same = port.names & there
        if same:
            found[port.name] = min(same)
    return found


def _other_shapes(task: SourceTask) -> bool:
    """Tell whether the IR takes shapes that the file does not allow."""
    own = task.own_inputs
    steps = by_input(task.preprocessing)
    for port in task.inputs:
        name = next(iter(port.names & set(own)), "")
        sides, taken = own.get(name, ()), list(port.sides)
        step = steps.get(port.name)
        if step and step.original_layout and len(taken) == len(step.layout):
            letters = dict(zip(step.layout, taken, strict=True))
            taken = list(map(letters.__getitem__, step.original_layout))
        if len(sides) != len(taken):
            return True
        for mine, its in zip(sides, taken, strict=True):
            if mine not in (0, its):
                return True
    return False


def _zeros(info: TensorInfo, sample: Sample) -> NDArray[Any]:
    """Return zeros for an input that no output depends on; open sides are as long as those of another input."""
    others = (values.shape for values in sample.values() if values.ndim == len(info.shape))
    like = next(others, (1,) * len(info.shape))
    shape = [side if side > 0 else its for side, its in zip(info.shape, like, strict=True)]
    return np.zeros(shape, numpy_type(info.element_type))


def _version(engine: Engine) -> str:
    packages = {"PyTorch": "torch", "MindSpore": "mindspore", "ONNX Runtime": "onnxruntime"}
    return version(packages[engine.info.framework])
