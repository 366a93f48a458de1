"""Does an IR give what its source gives? Asked of every conversion."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from collections.abc import Callable
from pathlib import Path

from omz.convert.exported import Exported
from omz.convert.ir_file import save_ir
from omz.convert.parity import Parity, compare
from omz.convert.plan import ConversionPlan, Precision
from omz.convert.reference import Reference, run_source
from omz.convert.samples import sample_inputs, smaller_shapes
from omz.errors import ConversionError, EngineError
from omz.runtime.openvino_engine import OpenVINOEngine, default_precision
from omz.runtime.openvino_errors import reason
from omz.runtime.quiet_openvino import ov
from omz.zoo.preprocessing import Preprocessing

_DEVICE = "CPU"
_EXACT = "f32"
_SAMPLES = {"fast": 1, "full": 5}


class Checker:
    """Compares the IRs of one plan with their source, which runs once.

    A fast check gives models that take large pictures of a fixed size smaller ones, where they let it. ``exported`` is
    the network that the ONNX file of the plan was made of, if it was made here.
    """

    def __init__(
        self,
        plan: ConversionPlan,
        exported: Exported | None,
        say: Callable[[str], None],
    ) -> None:
        self._plan = plan
        self._exported = exported
        self._say = say
        self._shapes: dict[str, ov.PartialShape] | None = None
        self._reference: Reference | None = None

    def __call__(
        self, model: ov.Model, preprocessing: tuple[Preprocessing, ...], precision: Precision
    ) -> tuple[Parity, ...]:
        """Compare ``model``, its weights stored in ``precision``, in f32 and in what the device prefers.

        Empty where the plan asks for no check. Raises :class:`ConversionError` where, in f32, an output is farther from
        the source's than the card allows.
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
                self._shapes, self._reference = {}, None  # a failure counts in the shapes that the model has
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
                f"{self._plan.card.name}: the {precision} IR does not give what {self._reference.source} gives: "
                f"{problem}; parity in the card allows more, --check none does not compare"
            )
        if default_precision(_DEVICE) in ("", exact.precision):
            return (exact,)
        with contextlib.suppress(ConversionError, EngineError):  # then it does not keep what the source gives
            return exact, self._run(xml, "default")
        return (exact,)

    def _run_source(self, model: ov.Model, preprocessing: tuple[Preprocessing, ...]) -> Reference:
        if self._shapes:
            model = model.clone()
            try:
                model.reshape(self._shapes)
            except RuntimeError as error:
                raise ConversionError(f"{self._plan.card.name} takes no other shapes: {reason(error)}") from error
        samples = tuple(sample_inputs(model, _SAMPLES[self._plan.settings.check]))
        return run_source(model, samples, preprocessing, self._plan.onnx_file, self._exported)

    def _run(self, xml: Path, precision: str) -> Parity:
        assert self._reference
        engine = OpenVINOEngine(xml, _DEVICE, precision, shapes=self._shapes)
        open_sides = any(-1 in info.shape for info in engine.inputs)
        compared = compare(self._reference.results, engine, self._reference.samples, self._reference.source)
        tried = not self._shapes and (not open_sides or self._plan.settings.check == "full")
        return dataclasses.replace(compared, own_shapes=tried)
