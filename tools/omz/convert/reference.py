"""The source of a conversion: it runs while the IR is made."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

from omz.convert.exported import Exported
from omz.convert.onnx_file import names_of, outline
from omz.convert.plan import Check
from omz.convert.samples import Sample, input_specs, make_samples
from omz.convert.source_run import Outputs, Port, Reference, SourceTask, prepare, run_onnx, run_source
from omz.errors import ConversionError, EngineError
from omz.isolated import IsolatedProcess
from omz.runtime.quiet_openvino import ov
from omz.zoo.preprocessing import Preprocessing

_FIRST = {"fast": range(1), "full": range(5)}
_MORE = range(1, 4)
"""The sets of inputs that a check begins with, by number, and those that a fast one may add."""

_LARGE = 16 << 20  # bytes


class Source:
    """The source of a conversion: its samples, and its outputs for them, which it begins to compute at once."""

    def __init__(self, task: SourceTask, exported: Exported | None, runner: OnnxRuntime | None, check: Check) -> None:
        self._task, self._exported, self._runner, self._is_fast = task, exported, runner, check == "fast"
        self._reference: Reference | None = None
        self._has_all = not self._is_fast
        self._running: Callable[[], Reference] | None = self._begin(_FIRST[check])

    def more_samples(self) -> list[Sample]:
        """Return those sets of inputs that a fast check may add and has not."""
        numbers = () if self._has_all else _MORE
        return list(make_samples(self._task.specs, numbers, self._is_fast))

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
        """What computed the results, with its version."""
        return self._finished.source

    @property
    def samples(self) -> list[Sample]:
        """The sets of inputs that it ran on."""
        return list(self._finished.samples)

    @property
    def results(self) -> Sequence[Outputs]:
        """Its outputs for each of them."""
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
        runner = self._runner or OnnxRuntime()
        self._runner = None  # it runs once
        return runner.begin(self._task, numbers, self._is_fast).result


def early_runner(onnx_file: Path, exported: Exported | None) -> OnnxRuntime | None:
    """Return a process for a source that needs one, which gets ready until it is known what to run."""
    return OnnxRuntime() if exported is None and _is_large(onnx_file) else None


def _is_large(onnx_file: Path) -> bool:
    """Tell whether a source needs so much memory that a process of its own is worth its start."""
    return onnx_file.stat().st_size > _LARGE


class OnnxRuntime:
    """A process that runs an ONNX file once; it starts, and loads what it needs, while other things are done."""

    def __init__(self) -> None:
        self._process = IsolatedProcess("ONNX Runtime", copied=True)
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
