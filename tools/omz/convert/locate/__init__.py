"""The first layers of an IR whose outputs differ from the source's, and by how much.

Both run on the same inputs with their inner tensors exposed; OpenVINO keeps the names that tensors have in the ONNX
file. Two figures tell what a layer did. Its ``error`` is the distance of the IR's tensor from the source's, which grows
along the network, whichever layer is to blame. Its ``own`` error is the distance from what the source's layer makes of
the tensors that the IR's layer was given, so it leaves out all errors from before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omz.convert.ir_file import read_model
from omz.convert.locate.exposed_ir import ExposedIR
from omz.convert.locate.layers import INPUT, Layer, Located
from omz.convert.locate.source_graph import SourceGraph
from omz.convert.samples import Sample, sample_inputs, smaller_shapes
from omz.errors import ConversionError, EngineError
from omz.runtime.differences import deviation
from omz.runtime.engine import Tensor, numpy_type, prepare, shapes_of
from omz.zoo.preprocessing import Preprocessing, by_input

__all__ = ["INPUT", "Layer", "Located", "explain_input", "locate"]

_MOST_BYTES = 128 << 20  # of tensors compared together, each of which is in memory three times
_LEAST_TOLERANCE = 1e-4
_ROUNDINGS = 8
_ROUNDING = {"f32": 2**-24, "f16": 2**-11, "bf16": 2**-8, "i8": 2**-5}
"""The share of a number that storing it loses; for 8 bits, the share of a layer's results, found by experience."""
_LARGEST_SAMPLE = 4096  # elements a channel
_RIGHT = "as it should be"


def locate(
    source: Path,
    ir: Path,
    preprocessing: Sequence[Preprocessing] = (),
    inputs: Mapping[str, Tensor] | None = None,
    precision: str = "f32",
    device: str = "CPU",
) -> Located:
    """Compare the tensors of the ONNX file ``source`` with those of the ``.xml`` made from it, on the same inputs.

    ``inputs`` are as the IR takes them, images as BGR 0 to 255; the default is a synthetic scene in the smallest shapes
    that the model takes. ``preprocessing`` is what the IR should have inside. ``precision`` is that of execution;
    ``default`` leaves it to the device. The error of a tensor may be 8 roundings of the coarsest type of weights or
    execution, at least 1e-4, as a share of its spread.

    OpenVINO does not fuse an exposed layer with the next, and may then round elsewhere than usual. In precisions other
    than f32, tensors are exposed in that precision: one exposed in f32 would be computed in f32, which heals the fault.
    Raises :class:`ConversionError` if the two have no tensor in common, and :class:`EngineError` if one does not run.
    """
    graph = SourceGraph(source)
    if inputs is not None:
        return _locate(graph, ir, preprocessing, inputs, precision, device)
    *smaller, own = _samples(ir)
    for sample in smaller:
        try:
            return _locate(graph, ir, preprocessing, sample, precision, device)
        except (ConversionError, EngineError):  # some networks take their own shapes alone
            continue
    return _locate(graph, ir, preprocessing, own, precision, device)


def _samples(ir: Path) -> Iterator[Sample]:
    """Yield inputs in small shapes, if the model may take them, then in its own shapes, or the smallest it takes."""
    model = read_model(ir)
    smaller = smaller_shapes(model)
    if smaller:
        small = model.clone()
        try:
            small.reshape(smaller)
            yield from sample_inputs(small, 1)
        except RuntimeError:
            pass
    yield from sample_inputs(model, 1)


def _locate(
    graph: SourceGraph,
    ir: Path,
    preprocessing: Sequence[Preprocessing],
    inputs: Mapping[str, Tensor],
    precision: str,
    device: str,
) -> Located:
    exposed = ExposedIR(ir, graph.names, inputs, device, precision)
    matched = [name for name in graph.tensors if name in exposed.bytes]
    if not matched:
        raise ConversionError(f"{ir} has no tensor of {graph.path.name}; give the ONNX file that it was made from")
    prepared = {}
    for name, value in prepare(inputs, tuple(preprocessing)).items():
        if name in graph.inputs:
            prepared[name] = value.astype(numpy_type(graph.inputs[name]), copy=False)
    comparison = _Comparison(graph, exposed, prepared, matched)
    layers = comparison.input_layers(by_input(preprocessing))
    for group in _groups(matched, exposed.bytes):
        layers += comparison.layers(group)
    return Located(
        source=graph.path.name,
        inputs=shapes_of(inputs),
        precision=exposed.precision,
        weights=exposed.weights,
        tolerance=comparison.tolerance,
        layers=tuple(layers),
        outputs=tuple(filter(exposed.outputs.__contains__, matched)),
        tensors=len(graph.leading_to(matched)),
    )


class _Comparison:
    """A source and its IR on the same inputs: ``prepared``, as the source takes them. Both have tensors ``matched``."""

    def __init__(
        self, graph: SourceGraph, exposed: ExposedIR, prepared: Mapping[str, Tensor], matched: Sequence[str]
    ) -> None:
        self._graph, self._exposed, self._prepared = graph, exposed, prepared
        self._boundary = {*matched, *prepared}
        self._types = _types(prepared)
        coarsest = max(_ROUNDING[exposed.weights], _ROUNDING.get(exposed.precision, 0))
        self.tolerance = max(_LEAST_TOLERANCE, _ROUNDINGS * coarsest)

    def input_layers(self, steps: Mapping[str, Preprocessing]) -> list[Layer]:
        """Compare what the first layers of both are given."""
        layers = []
        for name, value in self._exposed.run(self._prepared).items():
            wanted, axis, note = self._prepared[name], -1, ""
            if name in steps:
                axis = (steps[name].original_layout or steps[name].layout).find("C")
            seen = deviation(wanted, value, self.tolerance)
            if seen.is_off(self.tolerance):
                note = explain_input(wanted, value, axis, self.tolerance)
            layers.append(Layer(name, INPUT, "", value.shape, seen, seen, note=note))
        return layers

    def layers(self, group: Sequence[str]) -> list[Layer]:
        """Compare the tensors of ``group``."""
        # Each tensor is there three times: as the source makes it of the inputs (expected), as the IR makes it (found),
        # and as the source makes it of the IR's tensors just before it (local). Local tensors show the fault of one
        # layer alone, for source and IR were given the same. The IR's tensors may have other types than the source's,
        # so they are converted; types of earlier groups are kept, for tensors of those are inputs of later ones.
        graph = self._graph
        segments, needed = {}, dict.fromkeys(group)
        for name in group:
            segments[name] = graph.segment([name], self._boundary)
            needed |= dict.fromkeys(segments[name].inputs)
        found = self._exposed.run(needed)
        expected = graph.run(group, self._prepared)
        self._types |= _types(expected)
        given = dict(self._prepared)
        for name, value in found.items():
            given[name] = value.astype(self._types[name], copy=False)
        local = _run_segments(graph, group, given)
        layers = []
        for name in group:
            tensor, node, own = found[name], graph.maker(name), None
            if name in local:
                own = deviation(local[name], tensor, self.tolerance)
            seen = deviation(expected[name], tensor, self.tolerance)
            places = segments[name].inputs, segments[name].hidden
            layers.append(Layer(name, node.op_type, node.name, tensor.shape, seen, own, *places))
        return layers


def _types(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    return {name: value.dtype for name, value in tensors.items()}


def _run_segments(graph: SourceGraph, group: Sequence[str], given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return what the source's layers make of the IR's tensors, without layers that refuse them."""
    try:
        return graph.run(group, given)
    except EngineError:
        if len(group) == 1:
            return {}
        middle = len(group) // 2
        return _run_segments(graph, group[:middle], given) | _run_segments(graph, group[middle:], given)


def _groups(names: Sequence[str], sizes: Mapping[str, int]) -> Iterator[list[str]]:
    """Cut ``names`` into runs of neighbours that take as much memory as may be used, or of one that takes more."""
    group: list[str] = []
    total = 0
    for name in names:
        if group and total + sizes[name] > _MOST_BYTES:
            yield group
            group, total = [], 0
        group.append(name)
        total += sizes[name]
    if group:
        yield group


def explain_input(expected: Tensor, found: Tensor, axis: int, tolerance: float) -> str:
    """Say what the IR does wrong if it makes ``found`` of an input; empty if nothing simple explains it.

    ``axis`` is that of the channels, -1 if there is none. Explanations are another order of the channels, and a factor
    and an offset for each of them.
    """
    if expected.shape != found.shape or expected.dtype.kind != "f":
        return ""
    turns = [("", expected)]
    if axis >= 0:
        turns.append(("colours are reversed", np.flip(expected, axis)))
    for turned, values in turns:
        if not deviation(values, found, tolerance).is_off(tolerance):
            return turned
    for turned, values in turns:
        lines = _fit(values, found, axis, tolerance)
        if lines is not None:
            return "; ".join(filter(None, (turned, _told(lines))))
    return ""


def _fit(expected: Tensor, found: Tensor, axis: int, tolerance: float) -> list[tuple[float, float]] | None:
    """Return factor and offset of each channel, None if a line does not fit."""
    lines = []
    for one, other in zip(_channels(expected, axis), _channels(found, axis), strict=True):
        if not (np.isfinite(one).all() and np.isfinite(other).all()) or one.std() == 0:
            return None
        factor, offset = np.polyfit(one, other, 1)
        if deviation(other, factor * one + offset, tolerance).is_off(tolerance):
            return None
        lines.append((float(factor), float(offset)))
    return lines


def _channels(tensor: Tensor, axis: int) -> list[NDArray[np.float64]]:
    """Return some elements of each channel, always the same."""
    channels = tensor.reshape(1, -1)
    if axis >= 0:
        channels = np.moveaxis(tensor, axis, 0).reshape(tensor.shape[axis], -1)
    step = -(-channels.shape[1] // _LARGEST_SAMPLE)
    return list(channels[:, ::step].astype(np.float64))


def _told(lines: list[tuple[float, float]]) -> str:
    """Say what factors and offsets mean, channels counted from 0 in the order of the original."""
    rounded = {(f"{factor:.3g}", f"{offset:.2f}") for factor, offset in lines}
    if len(rounded) == 1:
        return f"it is {_line(*lines[0])}"
    wrong = []
    for number, line in enumerate(lines):
        if _line(*line) != _RIGHT:
            wrong.append(f"channel {number} is {_line(*line)}")
    return ", ".join(wrong)


def _line(factor: float, offset: float) -> str:
    parts = []
    if abs(factor - 1) > 1e-3:
        parts.append(f"{factor:.4g} times what it should be")
    if abs(offset) > 1e-3 * max(1.0, abs(factor)):
        parts.append(f"{abs(offset):.4g} too {'high' if offset > 0 else 'low'}")
    return " and ".join(parts) or _RIGHT
