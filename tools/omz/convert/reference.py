"""What the source of an IR gives, computed by the framework that it comes from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from omz.convert.exported import Exported
from omz.convert.facts import version_of
from omz.convert.samples import Sample
from omz.errors import ConversionError, first_line
from omz.runtime.engine import Engine, TensorInfo, numpy_type
from omz.runtime.quiet_openvino import ov
from omz.zoo.preprocessing import Preprocessing


@dataclass(frozen=True)
class Reference:
    """The outputs for each of ``samples``, by the names of the IR's outputs, and what computed them."""

    source: str
    samples: tuple[Sample, ...]
    results: tuple[dict[str, NDArray[Any]], ...]


def run_source(
    model: ov.Model,
    samples: Sequence[Sample],
    preprocessing: tuple[Preprocessing, ...],
    onnx_file: Path,
    exported: Exported | None = None,
) -> Reference:
    """Compute what ``model`` should give for ``samples``.

    By the network that was ``exported`` to the ONNX file, or where it gives not all of these outputs, or there is none,
    by ONNX Runtime. Raises :class:`ConversionError` where the source does not run on these inputs.
    """
    engine, names = _engine(model, preprocessing, onnx_file, exported)
    results = []
    for sample in samples:
        try:
            unused = {info.name: _zeros(info, sample) for info in engine.inputs if info.name not in sample}
            given = engine.infer({**sample, **unused})
        except (Exception, SystemExit) as error:  # a network may raise anything
            raise ConversionError(
                f"{onnx_file.name} cannot be compared with its IR, for its source does not run: {first_line(error)}; "
                "--shape gives its inputs other shapes, --check none does not compare"
            ) from error
        for name in (its for its in names.values() if given[its].size and not np.isfinite(given[its]).any()):
            raise ConversionError(
                f"{onnx_file.name} cannot be compared with its IR, for its source gives no number for {name}; "
                "--check none does not compare"
            )
        results.append({mine: given[its] for mine, its in names.items()})
    return Reference(f"{engine.info.framework} {_version(engine)}", tuple(samples), tuple(results))


def _engine(
    model: ov.Model,
    preprocessing: tuple[Preprocessing, ...],
    onnx_file: Path,
    exported: Exported | None,
) -> tuple[Engine, dict[str, str]]:
    """Return the engine, and what it calls the outputs of ``model``."""
    if exported:
        arguments = exported.arguments
        names = _names(model, arguments.output_names)
        if len(names) == len(model.outputs):
            inputs = tuple(
                TensorInfo(name, (-1,) * len(shape), arguments.element_type)
                for name, shape in zip(arguments.input_names, arguments.input_shapes, strict=False)
            )
            return exported.engine(inputs, arguments.output_names, preprocessing), names
    from omz.runtime.onnxruntime_engine import OnnxRuntimeEngine

    graph = onnx.load(str(onnx_file), load_external_data=False).graph
    names = _names(model, [tensor for node in graph.node for tensor in node.output] + [v.name for v in graph.input])
    lost = [port.any_name for port in model.outputs if port.any_name not in names]
    if lost:
        raise ConversionError(
            f"{onnx_file.name} has no tensor for output {lost[0]} of the IR; --check none goes without"
        )
    own = [value.name for value in graph.output]
    asked = tuple(names.values()) if not set(names.values()) <= set(own) else ()
    return OnnxRuntimeEngine(onnx_file, preprocessing, asked, _other_shapes(model, graph, preprocessing)), names


def _names(model: ov.Model, known: Iterable[str]) -> dict[str, str]:
    """Return those of ``known`` that are the outputs of ``model``, by what the model calls them."""
    there = set(known)
    found = {port.any_name: sorted(port.get_names() & there) for port in model.outputs}
    return {mine: its[0] for mine, its in found.items() if its}


def _other_shapes(model: ov.Model, graph: onnx.GraphProto, preprocessing: tuple[Preprocessing, ...]) -> bool:
    """Tell whether the IR takes shapes that the file does not allow."""
    own = {value.name: value.type.tensor_type.shape.dim for value in graph.input}
    steps = {step.input_name: step for step in preprocessing}
    for port in model.inputs:
        name = next(iter(port.get_names() & set(own)), "")
        sides = [dimension.dim_value for dimension in own.get(name, [])]
        shape = port.get_partial_shape()
        taken = [side.get_length() if side.is_static else 0 for side in shape] if shape.rank.is_static else []
        step = steps.get(port.any_name)
        if step and step.original_layout and len(taken) == len(step.layout):
            taken = [taken[step.layout.index(letter)] for letter in step.original_layout]
        if len(sides) != len(taken) or any(mine and mine != its for mine, its in zip(sides, taken, strict=True)):
            return True
    return False


def _zeros(info: TensorInfo, sample: Sample) -> NDArray[Any]:
    """Return something for an input that no output asked for depends on, of the size of the others where it is open."""
    others = (values.shape for values in sample.values() if values.ndim == len(info.shape))
    like = next(others, (1,) * len(info.shape))
    shape = [side if side > 0 else its for side, its in zip(info.shape, like, strict=True)]
    return np.zeros(shape, numpy_type(info.element_type))


def _version(engine: Engine) -> str:
    packages = {"PyTorch": "torch", "MindSpore": "mindspore", "ONNX Runtime": "onnxruntime"}
    return version_of(packages[engine.info.framework])
