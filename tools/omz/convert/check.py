"""The comparison of the IRs of a conversion: with their source, which its own framework runs, and with each other."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from numpy.typing import NDArray

from omz.convert.exported import Exported
from omz.convert.facts import EXACT
from omz.convert.half_precision import in_half_precision
from omz.convert.ir_file import read_model
from omz.convert.onnx_file import names_of, outline
from omz.convert.parity import Parity, compare_outputs
from omz.convert.plan import Check, ConversionPlan
from omz.convert.samples import Sample, input_specs, make_samples, smaller_shapes
from omz.convert.source_run import Port, Reference, SourceTask, prepare, run_onnx, run_source
from omz.errors import ConversionError, EngineError
from omz.isolated import IsolatedProcess
from omz.runtime.engine import shapes_of
from omz.runtime.openvino_engine import OpenVINOEngine, default_precision
from omz.runtime.quiet_openvino import ov, reason
from omz.zoo.preprocessing import Preprocessing

_DEVICE = "CPU"
_FULL_PRECISION = "FP32 IR"
_FIRST = {"fast": range(1), "full": range(5)}
_MORE = range(1, 4)
"""The sets of inputs that a check begins with, by number, and those that a fast one may add."""
_NEAR = 0.1
"""The share of what is allowed from which a fast check takes more sets of inputs."""

_LARGE = 16 << 20  # bytes

Outputs: TypeAlias = Mapping[str, NDArray[Any]]


class Checker:
    """Compares the IRs of one plan: that with weights in full precision with the source, the other one with that.

    A fast check gives models of a fixed large size smaller images, if they take them. It looks at one image, and if
    there is more than a tenth of the difference that is allowed, at three more. ``exported`` is the network that
    the ONNX file of the plan was made from, if it was made here; otherwise ONNX Runtime runs the file. A large file
    gets a process of its own, whose memory is free again when the IRs run.
    """

    def __init__(self, plan: ConversionPlan, exported: Exported | None, say: Callable[[str], None]) -> None:
        self._plan = plan
        self._exported = exported
        self.say = say
        self._is_fast = plan.settings.check == "fast"
        self._shapes: dict[str, ov.PartialShape] = {}
        self._preprocessing: tuple[Preprocessing, ...] = ()
        self._source: _Source | None = None
        self._exact: list[Outputs] = []
        self._exact_ir = Path()
        self._worst = 0
        self._runner = _OnnxRuntime() if exported is None and _is_large(plan.onnx_file) else None

    def begin(self, model: ov.Model, preprocessing: tuple[Preprocessing, ...]) -> None:
        """Begin to run the source of ``model``, while the IR is written."""
        self.say(f"comparing with the original ({self._plan.settings.check})")
        self._shapes = smaller_shapes(model) if self._is_fast else {}
        self._preprocessing = preprocessing
        with contextlib.suppress(ConversionError):  # which the comparison meets again
            self._source = self._new_source(model)

    def conversion(self, xml: Path) -> tuple[Parity, ...]:
        """Compare the IR at ``xml``, its weights in full precision, with the source.

        It runs in f32, and then in the precision that the device prefers. Raises :class:`ConversionError` if an output
        in f32 is farther from the source's than the card allows.
        """
        if self._shapes:
            with contextlib.suppress(ConversionError, EngineError):
                return self._converted(xml)
            self._use_own_shapes()  # only a failure in these counts
        return self._converted(xml)

    def compression(self, xml: Path) -> tuple[tuple[Parity, ...], Parity]:
        """Compare the IR at ``xml``, its weights in half precision, with the source, and with the other IR.

        Returns both. Raises :class:`ConversionError` if the outputs have other shapes, and
        :class:`EngineError` if the IR does not run.
        """
        found = _Run(xml, EXACT, self._reshaped, self._samples)
        cost = self._cost(found)
        if cost.share > _NEAR * self._plan.card.parity.FP16 and self._add_samples():
            self._exact += _Run(self._exact_ir, EXACT, self._reshaped, self._samples[len(self._exact) :]).outputs
            found = _Run(xml, EXACT, self._reshaped, self._samples)
            cost = self._cost(found)
        self._worst = max(range(len(self._samples)), key=lambda index: self._cost(found, index).share)
        return (self._parity(found), *self._in_default_precision(xml)), cost

    def harm(self, kept: Collection[str]) -> float:
        """Return how far half precision moves outputs, as a share of their ranges, if it spares the weights ``kept``.

        That is tried with the inputs for which :meth:`compression` has found the largest difference. Infinite if the
        model does not run.
        """

        def adapt(model: ov.Model) -> ov.Model:
            return self._reshaped(in_half_precision(model, kept))

        try:
            found = _Run(self._exact_ir, EXACT, adapt, [self._samples[self._worst]])
            outputs = compare_outputs([self._exact[self._worst]], found.outputs, found.names)
        except (ConversionError, EngineError):
            return math.inf
        return max((output.share for output in outputs), default=0.0)

    def use_own_shapes(self) -> bool:
        """Compare the IR of :meth:`conversion` once more, in the shapes of the model; False if it was in these."""
        if not self._shapes:
            return False
        self._use_own_shapes()
        self._converted(self._exact_ir)
        return True

    def _use_own_shapes(self) -> None:
        self._shapes, self._source, self._exact = {}, None, []

    @property
    def _samples(self) -> list[Sample]:
        assert self._source
        return self._source.samples

    def _converted(self, xml: Path) -> tuple[Parity, ...]:
        if self._source is None:
            self._source = self._new_source(read_model(xml))
        self._source.wait()
        allowed = self._plan.card.parity.FP32
        try:
            exact = _Run(xml, EXACT, self._reshaped, self._samples)
            parity = self._parity(exact)
            if _NEAR * allowed < parity.share <= allowed and self._add_samples():
                exact = _Run(xml, EXACT, self._reshaped, self._samples)
                parity = self._parity(exact)
            problem = parity.problem(allowed)
        except (ConversionError, EngineError) as error:
            problem = str(error)
        if problem:
            raise ConversionError(
                f"{self._plan.card.name}: the FP32 IR differs from {self._source.title}: {problem}; "
                "raise parity in the card to allow it, or skip the comparison with --check none"
            )
        self._exact, self._exact_ir = list(exact.outputs), xml
        return parity, *self._in_default_precision(xml)

    def _new_source(self, model: ov.Model) -> _Source:
        if self._shapes:
            try:
                model = self._reshaped(model.clone())
            except RuntimeError as error:
                raise ConversionError(
                    f"{self._plan.card.name} does not take smaller shapes: {reason(error)}"
                ) from error
        task = source_task(model, self._preprocessing, self._plan.onnx_file)
        runner, self._runner = self._runner, None
        return _Source(task, self._exported, runner, self._plan.settings.check)

    def _add_samples(self) -> bool:
        """Let the source run on more sets of inputs; False if it has."""
        assert self._source
        return self._is_fast and self._source.add()

    def _reshaped(self, model: ov.Model) -> ov.Model:
        if self._shapes:
            model.reshape(self._shapes)
        return model

    def _in_default_precision(self, xml: Path) -> Sequence[Parity]:
        """Return the comparison in the precision that the device prefers, unless that is f32, or it does not run so."""
        if default_precision(_DEVICE) in ("", EXACT):
            return ()
        with contextlib.suppress(ConversionError, EngineError):  # then only f32 keeps the results
            return (self._parity(_Run(xml, "default", self._reshaped, self._samples)),)
        return ()

    def _parity(self, found: _Run) -> Parity:
        """Compare a run with the source."""
        assert self._source
        return self._compared(self._source.title, self._source.results, found)

    def _cost(self, found: _Run, index: int | None = None) -> Parity:
        """Compare a run with that of the IR in full precision, on all sets of inputs or on one."""
        chosen = slice(None) if index is None else slice(index, index + 1)
        return self._compared(_FULL_PRECISION, self._exact[chosen], found, chosen)

    def _compared(self, title: str, expected: Sequence[Outputs], found: _Run, chosen: slice = slice(None)) -> Parity:
        tried = not self._shapes and (not found.open_sides or not self._is_fast)
        shapes = tuple(map(shapes_of, self._samples[chosen]))
        outputs = compare_outputs(expected, found.outputs[chosen], found.names)
        return Parity(title, found.device, found.precision, shapes, outputs, tried)


class _Run:
    """The outputs of an IR for each of ``samples``; the compiled model is gone afterwards."""

    def __init__(
        self, xml: Path, precision: str, adapt: Callable[[ov.Model], ov.Model], samples: Sequence[Sample]
    ) -> None:
        engine = OpenVINOEngine(xml, _DEVICE, precision, adapt=adapt)
        self.names = engine.outputs
        self.open_sides = any(-1 in info.shape for info in engine.inputs)
        self.device, self.precision = engine.info.device, engine.info.precision
        self.outputs: list[Outputs] = list(map(engine.infer, samples))


class _Source:
    """The source of a conversion: its samples, and its outputs for them, which it begins to compute at once."""

    def __init__(self, task: SourceTask, exported: Exported | None, runner: _OnnxRuntime | None, check: Check) -> None:
        self._task, self._exported, self._runner, self._is_fast = task, exported, runner, check == "fast"
        self._reference: Reference | None = None
        self._has_all = not self._is_fast
        self._running: Callable[[], Reference] | None = self._begin(_FIRST[check])

    def wait(self) -> None:
        """Wait for the results; raises :class:`ConversionError` if the source does not run."""
        if self._running is None:
            return
        running, self._running = self._running, None
        made = running()
        if self._reference:
            made = dataclasses.replace(
                made,
                samples=(*self._reference.samples, *made.samples),
                results=(*self._reference.results, *made.results),
            )
        self._reference = made

    def add(self) -> bool:
        """Run on more samples; False if there are no more, or the source does not run on them."""
        if self._has_all:
            return False
        self._has_all = True
        self._running = self._begin(_MORE)
        with contextlib.suppress(ConversionError):
            self.wait()
            return True
        return False

    @property
    def title(self) -> str:
        return self._finished.source

    @property
    def samples(self) -> list[Sample]:
        return list(self._finished.samples)

    @property
    def results(self) -> Sequence[Outputs]:
        return self._finished.results

    @property
    def _finished(self) -> Reference:
        assert self._reference
        return self._reference

    def _begin(self, numbers: Sequence[int]) -> Callable[[], Reference]:
        """Begin a run; return what waits for it."""
        if self._exported:  # it is in this process
            exported = self._exported
            return lambda: run_source(
                self._task, tuple(make_samples(self._task.specs, numbers, self._is_fast)), exported
            )
        if not _is_large(self._task.onnx_file):
            return partial(run_onnx, self._task, numbers, self._is_fast)
        runner = self._runner or _OnnxRuntime()
        self._runner = None  # it runs once
        return runner.begin(self._task, numbers, self._is_fast).result


def _is_large(onnx_file: Path) -> bool:
    """Tell whether a source needs so much memory that a process of its own is worth its start."""
    return onnx_file.stat().st_size > _LARGE


class _OnnxRuntime:
    """A process that runs an ONNX file once; it starts, and loads what it needs, while other things are done."""

    def __init__(self) -> None:
        self._process = IsolatedProcess("ONNX Runtime")
        self._thread = ThreadPoolExecutor(1)
        self._thread.submit(self._process, prepare)

    def begin(self, task: SourceTask, numbers: Sequence[int], all_small: bool) -> Future[Reference]:
        """Begin the run; the process ends with it."""
        future = self._thread.submit(self._run, task, numbers, all_small)
        self._thread.shutdown(wait=False)
        return future

    def _run(self, task: SourceTask, numbers: Sequence[int], all_small: bool) -> Reference:
        try:
            return self._process(run_onnx, task, numbers, all_small)
        except EngineError as error:
            raise ConversionError(
                f"{task.onnx_file.name} cannot be compared with its IR, for its source does not run: {error}; "
                "--check none skips the comparison"
            ) from error
        finally:
            self._process.close()


def source_task(model: ov.Model, preprocessing: tuple[Preprocessing, ...], onnx_file: Path) -> SourceTask:
    """Return what the source of ``model`` is to compute.

    Raises :class:`ConversionError` for inputs that are not numbers.
    """
    graph = outline(onnx_file).graph
    tensors = set(names_of(graph.input))
    for node in graph.node:
        tensors.update(node.output)
    own_inputs = {}
    for value in graph.input:
        own_inputs[value.name] = tuple(side.dim_value for side in value.type.tensor_type.shape.dim)
    return SourceTask(
        inputs=tuple(map(_port, model.inputs)),
        outputs=tuple(map(_port, model.outputs)),
        specs=input_specs(model),
        preprocessing=preprocessing,
        onnx_file=onnx_file.absolute(),
        own_inputs=own_inputs,
        own_outputs=frozenset(names_of(graph.output)),
        tensors=frozenset(tensors),
    )


def _port(port: ov.Output) -> Port:
    shape, sides = port.get_partial_shape(), []
    if shape.rank.is_static:
        sides = [side.get_length() if side.is_static else 0 for side in shape]
    return Port(port.any_name, frozenset(port.get_names()), tuple(sides))
