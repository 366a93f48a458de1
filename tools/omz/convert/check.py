"""The comparison of every converted IR with its source, which its own framework runs."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from omz.convert.exported import Exported
from omz.convert.facts import version_of
from omz.convert.ir_file import save_ir
from omz.convert.onnx_file import names_of
from omz.convert.parity import Parity, compare
from omz.convert.plan import ConversionPlan, Precision
from omz.convert.samples import Sample, sample_inputs, smaller_shapes
from omz.errors import ConversionError, EngineError, first_line
from omz.runtime.engine import Engine, TensorInfo, numpy_type
from omz.runtime.openvino_engine import OpenVINOEngine, default_precision
from omz.runtime.quiet_openvino import ov, reason
from omz.zoo.preprocessing import Preprocessing, by_input

_DEVICE = "CPU"
_EXACT = "f32"
_SAMPLES = {"fast": 1, "full": 5}


class Checker:
    """Compares the IRs of one plan with their source, which runs once.

    A fast check gives models of a fixed large size smaller images, if they take them. ``exported`` is the network that
    the ONNX file of the plan was made from, if it was made here.
    """

    def __init__(self, plan: ConversionPlan, exported: Exported | None, say: Callable[[str], None]) -> None:
        self._plan = plan
        self._exported = exported
        self._say = say
        self._shapes: dict[str, ov.PartialShape] | None = None
        self._reference: Reference | None = None

    def __call__(
        self, model: ov.Model, preprocessing: tuple[Preprocessing, ...], precision: Precision
    ) -> tuple[Parity, ...]:
        """Compare ``model``, its weights stored in ``precision``, in f32 and in the precision that the device prefers.

        Empty if the plan asks for no check. Raises :class:`ConversionError` if an output in f32 is farther from the
        source's than the card allows.
        """
        check = self._plan.settings.check
        if check == "none":
            return ()
        if self._shapes is None:
            self._say(f"comparing with the original ({check})")
            self._shapes = smaller_shapes(model) if check == "fast" else {}
        with tempfile.TemporaryDirectory(dir=self._plan.folder) as folder:
            xml = Path(folder, f"{self._plan.card.name}.xml")
            save_ir(model, xml, precision)
            if self._shapes:
                with contextlib.suppress(ConversionError, EngineError):
                    return self._compare(model, xml, preprocessing, precision)
                self._shapes, self._reference = {}, None  # only a failure in the model's own shapes counts
            return self._compare(model, xml, preprocessing, precision)

    def _compare(
        self, model: ov.Model, xml: Path, preprocessing: tuple[Preprocessing, ...], precision: Precision
    ) -> tuple[Parity, ...]:
        if self._reference is None:
            self._reference = self._run_source(model, preprocessing)
        try:
            exact = self._run(xml, _EXACT)
            problem = exact.problem(getattr(self._plan.card.parity, precision))
        except (ConversionError, EngineError) as error:
            problem = str(error)
        if problem:
            raise ConversionError(
                f"{self._plan.card.name}: the {precision} IR differs from {self._reference.source}: {problem}; "
                "raise parity in the card to allow it, or skip the comparison with --check none"
            )
        if default_precision(_DEVICE) in ("", exact.precision):
            return (exact,)
        with contextlib.suppress(ConversionError, EngineError):  # then only f32 keeps the results
            return exact, self._run(xml, "default")
        return (exact,)

    def _run_source(self, model: ov.Model, preprocessing: tuple[Preprocessing, ...]) -> Reference:
        if self._shapes:
            try:
                model = self._reshaped(model.clone())
            except RuntimeError as error:
                raise ConversionError(
                    f"{self._plan.card.name} does not take smaller shapes: {reason(error)}"
                ) from error
        samples = tuple(sample_inputs(model, _SAMPLES[self._plan.settings.check]))
        return run_source(model, samples, preprocessing, self._plan.onnx_file, self._exported)

    def _reshaped(self, model: ov.Model) -> ov.Model:
        if self._shapes:
            model.reshape(self._shapes)
        return model

    def _run(self, xml: Path, precision: str) -> Parity:
        assert self._reference
        engine = OpenVINOEngine(xml, _DEVICE, precision, adapt=self._reshaped)
        open_sides = any(-1 in info.shape for info in engine.inputs)
        compared = compare(self._reference.results, engine, self._reference.samples, self._reference.source)
        tried = not self._shapes and (not open_sides or self._plan.settings.check == "full")
        return dataclasses.replace(compared, own_shapes=tried)


@dataclass(frozen=True)
class Reference:
    """The outputs for each of ``samples``, by the names of the IR's outputs; ``source`` is what computed them."""

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
    """Compute the outputs that ``model`` should have for ``samples``.

    The network that was ``exported`` to the ONNX file computes them; without one, or if it lacks some of the outputs,
    ONNX Runtime does. Raises :class:`ConversionError` if the source does not run on these inputs.
    """
    engine, names = _engine(model, preprocessing, onnx_file, exported)
    results = []
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


def _engine(
    model: ov.Model, preprocessing: tuple[Preprocessing, ...], onnx_file: Path, exported: Exported | None
) -> tuple[Engine, dict[str, str]]:
    """Return the engine, and its names of the outputs of ``model``."""
    if exported:
        arguments = exported.arguments
        names = _names(model, arguments.output_names)
        if len(names) == len(model.outputs):
            inputs = []
            for name, shape in zip(arguments.input_names, arguments.input_shapes, strict=False):
                inputs.append(TensorInfo(name, (-1,) * len(shape), arguments.element_type))
            return exported.engine(tuple(inputs), arguments.output_names, preprocessing), names
    from omz.runtime.onnxruntime_engine import OnnxRuntimeEngine

    graph = onnx.load(str(onnx_file), load_external_data=False).graph
    made = set(names_of(graph.input))
    for node in graph.node:
        made.update(node.output)
    names = _names(model, made)
    for port in model.outputs:
        if port.any_name not in names:
            raise ConversionError(
                f"{onnx_file.name} has no tensor for output {port.any_name} of the IR; "
                "skip the comparison with --check none"
            )
    asked: tuple[str, ...] = ()
    if not set(names_of(graph.output)).issuperset(names.values()):
        asked = tuple(names.values())
    return OnnxRuntimeEngine(onnx_file, preprocessing, asked, _other_shapes(model, graph, preprocessing)), names


def _names(model: ov.Model, known: Iterable[str]) -> dict[str, str]:
    """Return which of ``known`` are outputs of ``model``, by the model's names of them."""
    there = set(known)
    found: dict[str, str] = {}
    for port in model.outputs:
        same = port.get_names() & there
        if same:
            found[port.any_name] = min(same)
    return found


def _other_shapes(model: ov.Model, graph: onnx.GraphProto, preprocessing: tuple[Preprocessing, ...]) -> bool:
    """Tell whether the IR takes shapes that the file does not allow."""
    own = {value.name: value.type.tensor_type.shape.dim for value in graph.input}
    steps = by_input(preprocessing)
    for port in model.inputs:
        name = next(iter(port.get_names() & set(own)), "")
        sides = own.get(name, [])
        shape, taken = port.get_partial_shape(), []
        if shape.rank.is_static:
            taken = [side.get_length() if side.is_static else 0 for side in shape]
        step = steps.get(port.any_name)
        if step and step.original_layout and len(taken) == len(step.layout):
            letters = dict(zip(step.layout, taken, strict=True))
            taken = list(map(letters.__getitem__, step.original_layout))
        if len(sides) != len(taken):
            return True
        for mine, its in zip(sides, taken, strict=True):
            if mine.dim_value not in (0, its):
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
    return version_of(packages[engine.info.framework])
