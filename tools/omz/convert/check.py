"""The comparison of the IRs of a conversion: with their source, which its own framework runs, and with each other."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path

from omz.convert.exported import Exported
from omz.convert.facts import EXACT
from omz.convert.half_precision import in_half_precision
from omz.convert.ir_file import read_model
from omz.convert.parity import Parity, compare_outputs
from omz.convert.plan import ConversionPlan
from omz.convert.reference import Source, early_runner, source_task
from omz.convert.rewrite import has_graphs, has_threshold, with_graph, with_published_selection
from omz.convert.samples import Sample, smaller_shapes
from omz.convert.source_run import Outputs
from omz.errors import ConversionError, EngineError
from omz.runtime.engine import shapes_of
from omz.runtime.openvino_engine import OpenVINOEngine, default_precision
from omz.runtime.quiet_openvino import ov, reason
from omz.zoo.preprocessing import Preprocessing
from omz.zoo.vocabulary import GRAPHS, Graph

_DEVICE = "CPU"
_FULL_PRECISION = "FP32 IR"
_NEAR = 0.1
"""The share of what is allowed from which a fast check takes more sets of inputs."""


class Checker:
    """Compares the IRs of one plan: that with weights in full precision with the source, the other one with that.

    A fast check gives models of a fixed large size smaller images, if they take them. It looks at one image, and if
    there is more than a tenth of the difference that is allowed, at three more. ``exported`` is the network that
    the ONNX file of the plan was made from, if it was made here; otherwise ONNX Runtime runs the file. A large file
    gets a process of its own, whose memory is free again when the IRs run.

    Each graph of a rewritten model is compared, and the worse one counts. One that selects blocks by a threshold is
    compared as if it selected those of its source.
    """

    def __init__(self, plan: ConversionPlan, exported: Exported | None, say: Callable[[str], None]) -> None:
        self._plan = plan
        self._exported = exported
        self.say = say
        self._is_fast = plan.settings.check == "fast"
        self._shapes: dict[str, ov.PartialShape] = {}
        self._preprocessing: tuple[Preprocessing, ...] = ()
        self._source: Source | None = None
        self._exact: list[Outputs] = []
        self._more: list[Sample] = []  # that the source does not run on
        self._exact_ir = Path()
        self._graphs: tuple[Graph, ...] = GRAPHS[:1]
        self._has_threshold = False
        self._worst = 0
        self._runner = early_runner(plan.onnx_file, exported)

    def begin(self, model: ov.Model, preprocessing: tuple[Preprocessing, ...]) -> None:
        """Begin to run the source of ``model``, while the IR is written."""
        self.say(f"comparing with the original ({self._plan.settings.check})")
        self._graphs = GRAPHS if has_graphs(model) else GRAPHS[:1]
        self._has_threshold = has_threshold(model)
        self._shapes = smaller_shapes(model) if self._is_fast else {}
        self._preprocessing = preprocessing
        with contextlib.suppress(ConversionError):  # which the comparison meets again
            self._source = self._new_source(model)

    def conversion(self, xml: Path) -> Run:
        """Compare the IR at ``xml``, its weights in full precision, with the source; return its run in f32.

        Raises :class:`ConversionError` if an output is farther from the source's than the card allows.
        """
        if self._shapes:
            with contextlib.suppress(ConversionError, EngineError):
                return self._converted(xml)
            self._use_own_shapes()  # only a failure in these counts
        return self._converted(xml)

    def compression(self, xml: Path) -> tuple[Run, Parity]:
        """Compare the IR at ``xml``, its weights in half precision, with the other IR; return its run in f32, too.

        Raises :class:`ConversionError` if the outputs have other shapes, and :class:`EngineError` if the IR does not
        run.
        """
        found = self._run(xml, self._samples)
        cost = self._cost(found)
        more = self._more_samples() if cost.share > _NEAR * self._plan.card.parity.FP16 else []
        if more:
            self._more = more
            self._exact += self._run(self._exact_ir, more).first
            found.outputs += self._run(xml, more).outputs
            cost = self._cost(found)
        self._worst = max(range(len(self._samples)), key=lambda index: self._cost(found, index).share)
        return found, cost

    def parities(self, found: Run) -> tuple[Parity, ...]:
        """Compare a run in f32 with the source, and one in the precision that the device prefers.

        That one is left out where it would not count, or the IR does not run so: then only f32 keeps the results.
        """
        assert self._source
        if self._has_threshold:
            found = self._run(found.xml, self._source.samples, published=True)
        parity = self._parity(found)
        if not parity.own_shapes or default_precision(_DEVICE) in ("", EXACT):
            return (parity,)
        with contextlib.suppress(ConversionError, EngineError):
            return parity, self._parity(self._run(found.xml, self._source.samples, "default", published=True))
        return (parity,)

    def selection(self, xml: Path) -> Parity | None:
        """Compare the IR at ``xml``, as it selects blocks by a threshold, with the source; None if it does not so."""
        if not self._has_threshold:
            return None
        assert self._source
        return self._parity(self._run(xml, self._source.samples))

    def harm(self, kept: Collection[str]) -> float:
        """Return how far half precision moves outputs, as a share of their ranges, if it spares the weights ``kept``.

        That is tried with the inputs for which :meth:`compression` has found the largest difference. Infinite if the
        model does not run.
        """

        def adapt(model: ov.Model) -> ov.Model:
            return self._reshaped(in_half_precision(model, kept))

        try:
            found = Run(self._exact_ir, EXACT, [adapt])
            found.add([self._samples[self._worst]])
            outputs = compare_outputs([self._exact[self._worst]], found.first, found.names)
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
        self._shapes, self._source, self._exact, self._more = {}, None, [], []

    @property
    def _samples(self) -> list[Sample]:
        assert self._source
        return [*self._source.samples, *self._more]

    def _more_samples(self) -> list[Sample]:
        """Return the sets of inputs that a fast check may add and has not; the source need not run on them."""
        assert self._source
        return [] if self._more else self._source.more_samples()

    def _run(self, xml: Path, samples: Sequence[Sample], precision: str = EXACT, published: bool = False) -> Run:
        run = Run(xml, precision, self._graphs_of(published))
        run.add(samples)
        return run

    def _graphs_of(self, published: bool) -> list[Callable[[ov.Model], ov.Model]]:
        """Return what leaves each graph alone in a model, with the ``published`` selection of blocks or its own."""

        def adapt(graph: Graph, model: ov.Model) -> ov.Model:
            if published:
                model = with_published_selection(model)
            return self._reshaped(with_graph(model, graph))

        return [partial(adapt, graph) for graph in self._graphs]

    def _converted(self, xml: Path) -> Run:
        if self._source is None:
            self._source = self._new_source(read_model(xml))
        allowed = self._plan.card.parity.FP32
        try:
            exact = Run(xml, EXACT, self._graphs_of(published=True))  # while the source runs
        except EngineError as error:
            self._source.wait()
            raise self._differs(str(error)) from error
        self._source.wait()
        try:
            exact.add(self._samples)
            parity = self._parity(exact)
            if self._is_fast and _NEAR * allowed < parity.share <= allowed and self._source.add():
                exact = self._run(xml, self._samples, published=True)
                parity = self._parity(exact)
            problem = parity.problem(allowed)
        except (ConversionError, EngineError) as error:
            problem = str(error)
        if problem:
            raise self._differs(problem)
        own = self._run(xml, self._samples) if self._has_threshold else exact
        self._exact, self._exact_ir = own.first, xml
        return exact

    def _differs(self, problem: str) -> ConversionError:
        assert self._source
        return ConversionError(
            f"{self._plan.card.name}: the FP32 IR differs from {self._source.title}: {problem}; "
            "raise parity in the card to allow it, or skip the comparison with --check none"
        )

    def _new_source(self, model: ov.Model) -> Source:
        if self._shapes:
            try:
                model = self._reshaped(model.clone())
            except RuntimeError as error:
                raise ConversionError(
                    f"{self._plan.card.name} does not take smaller shapes: {reason(error)}"
                ) from error
        task = source_task(model, self._preprocessing, self._plan.onnx_file)
        runner, self._runner = self._runner, None
        return Source(task, self._exported, runner, self._plan.settings.check)

    def _reshaped(self, model: ov.Model) -> ov.Model:
        if self._shapes:
            model.reshape(self._shapes)
        return model

    def _parity(self, found: Run) -> Parity:
        """Compare a run with the source."""
        assert self._source
        results = self._source.results
        return self._compared(self._source.title, results, found, slice(len(results)))

    def _cost(self, found: Run, index: int | None = None) -> Parity:
        """Compare a run with that of the IR in full precision, on all sets of inputs or on one."""
        chosen = slice(len(found.outputs)) if index is None else slice(index, index + 1)
        return self._compared(_FULL_PRECISION, self._exact[chosen], found, chosen)

    def _compared(self, title: str, expected: Sequence[Outputs], found: Run, chosen: slice) -> Parity:
        tried = not self._shapes and (not found.open_sides or not self._is_fast)
        shapes = tuple(map(shapes_of, self._samples[chosen]))
        ways = zip(*found.outputs[chosen], strict=True)
        compared = [compare_outputs(expected, outputs, found.names) for outputs in ways]
        worst = [max(several, key=lambda output: output.share) for several in zip(*compared, strict=True)]
        return Parity(title, found.device, found.precision, shapes, tuple(worst), tried)


class Run:
    """A run of the IR at ``xml``, which is compiled now, as ``adapted`` in each way.

    ``outputs`` has a result of each way for each set of inputs.
    """

    def __init__(self, xml: Path, precision: str, adapted: Sequence[Callable[[ov.Model], ov.Model]]) -> None:
        engines = [OpenVINOEngine(xml, _DEVICE, precision, adapt=adapt) for adapt in adapted]
        engine = engines[0]
        self.xml, self.names = xml, engine.outputs
        self.open_sides = any(-1 in info.shape for info in engine.inputs)
        self.device, self.precision = engine.info.device, engine.info.precision
        self.outputs: list[tuple[Outputs, ...]] = []
        self._engines = engines

    @property
    def first(self) -> list[Outputs]:
        """The results of the first way."""
        return [several[0] for several in self.outputs]

    def add(self, samples: Sequence[Sample]) -> None:
        """Run on ``samples``, once; the compiled models are gone afterwards."""
        assert self._engines
        for sample in samples:
            self.outputs.append(tuple(engine.infer(sample) for engine in self._engines))
        self._engines = []
