"""Where an IR leaves its source: the first layers whose outputs differ, and by how much.

Both run on the same inputs with their inner tensors exposed; OpenVINO keeps the names that tensors have in the ONNX
file. For every tensor that both have, two figures tell what a layer did. Its ``error`` is how far the IR's tensor is
from the source's; that grows along the network, whoever made it. Its ``own`` error is how far the IR's tensor is from
what the source's layer makes of that which the IR's layer was given; so whatever came from before is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from omz.convert.ir_file import read_model
from omz.convert.locate.difference import Difference, difference
from omz.convert.locate.exposed_ir import ExposedIR
from omz.convert.locate.input_fault import explain_input
from omz.convert.locate.layers import INPUT, Layer, Located
from omz.convert.locate.source_graph import SourceGraph
from omz.convert.samples import Sample, sample_inputs, smaller_shapes
from omz.errors import ConversionError, EngineError
from omz.runtime.engine import Tensor, numpy_type, prepare
from omz.zoo.preprocessing import Preprocessing

_MOST_BYTES = 128 << 20
_LEAST_TOLERANCE = 1e-4
_ROUNDINGS = 8
_ROUNDING = {"f32": 2**-24, "f16": 2**-11, "bf16": 2**-8, "i8": 2**-5}
"""How much of a number is lost where it is stored; for 8 bits, of a layer's results, as experience shows."""


def locate(
    source: Path,
    ir: Path,
    preprocessing: Sequence[Preprocessing] = (),
    inputs: Mapping[str, Tensor] | None = None,
    precision: str = "f32",
    device: str = "CPU",
    tolerance: float | None = None,
    most_bytes: int = _MOST_BYTES,
) -> Located:
    """Compare the tensors of the ONNX file ``source`` with those of the ``.xml`` made of it, on the same inputs.

    ``inputs`` are as the IR takes them, pictures as BGR 0 to 255; without them, a synthetic scene in the smallest
    shapes that the model takes. ``preprocessing`` is what the IR should have inside. ``precision`` is that of
    execution; ``default`` is what the device prefers. ``tolerance`` is what share of a tensor's spread its error may
    be; without it, 8 roundings of the coarsest type that weights or execution have, at least 1e-4. No more than about
    ``most_bytes`` of tensors are looked at together, each in three forms; more need more runs.

    What is exposed is not fused with the layer behind it, so that OpenVINO may round in another place than otherwise;
    in precisions other than f32, tensors are taken out in that precision, for one taken out in f32 would be computed in
    f32, and heal what is looked for. Raises :class:`ConversionError` where the two have no tensor in common, and
    :class:`EngineError` where one does not run.
    """
    graph = SourceGraph(source)
    if inputs is not None:
        return _locate(graph, ir, preprocessing, inputs, precision, device, tolerance, most_bytes)
    *smaller, own = _samples(ir)
    for sample in smaller:
        try:
            return _locate(graph, ir, preprocessing, sample, precision, device, tolerance, most_bytes)
        except (ConversionError, EngineError):  # some networks take their own shapes alone
            continue
    return _locate(graph, ir, preprocessing, own, precision, device, tolerance, most_bytes)


def _samples(ir: Path) -> Iterator[Sample]:
    """Return inputs in small shapes, where the model might take them, and in its own, or the smallest it takes."""
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
    tolerance: float | None,
    most_bytes: int,
) -> Located:
    exposed = ExposedIR(ir, graph.names, inputs, device, precision)
    matched = [name for name in graph.tensors if name in exposed.bytes]
    if not matched:
        raise ConversionError(f"{ir} has no tensor of {graph.path.name}; give the ONNX file of which it was made")
    if tolerance is None:
        coarsest = max(_ROUNDING[exposed.weights], _ROUNDING.get(exposed.precision, 0))
        tolerance = max(_LEAST_TOLERANCE, _ROUNDINGS * coarsest)
    steps = {step.input_name: step for step in preprocessing}
    prepared = {
        name: value.astype(numpy_type(graph.inputs[name]), copy=False)
        for name, value in prepare(inputs, tuple(preprocessing)).items()
        if name in graph.inputs
    }
    layers = _input_layers(exposed, prepared, steps, tolerance)
    types = {name: value.dtype for name, value in prepared.items()}
    boundary = {*matched, *prepared}
    for group in _groups(matched, exposed.bytes, most_bytes):
        layers += _layers(graph, exposed, group, boundary, prepared, types, tolerance)
    leading = graph.leading_to(matched)
    return Located(
        source=graph.path.name,
        inputs={name: value.shape for name, value in inputs.items()},
        precision=exposed.precision,
        weights=exposed.weights,
        tolerance=tolerance,
        layers=tuple(layers),
        outputs=tuple(name for name in matched if name in exposed.outputs),
        tensors=len(leading),
    )


def _input_layers(
    exposed: ExposedIR, prepared: Mapping[str, Tensor], steps: Mapping[str, Preprocessing], tolerance: float
) -> list[Layer]:
    """Compare what the first layers of both get."""
    found = exposed.run([name for name in prepared if name in exposed.bytes])
    layers = []
    for name, value in found.items():
        step = steps.get(name)
        axis = (step.original_layout or step.layout).find("C") if step else -1
        seen = difference(prepared[name], value, tolerance)
        note = explain_input(prepared[name], value, axis, tolerance) if seen.is_off(tolerance) else ""
        layers.append(Layer(name, INPUT, "", value.shape, seen, seen, note=note))
    return layers


def _layers(
    graph: SourceGraph,
    exposed: ExposedIR,
    group: Sequence[str],
    boundary: set[str],
    prepared: Mapping[str, Tensor],
    types: dict[str, np.dtype[np.generic]],
    tolerance: float,
) -> list[Layer]:
    """Compare the tensors of ``group``; ``types`` are those of tensors seen before, and get those of these."""
    segments = {name: graph.segment([name], boundary) for name in group}
    needed = dict.fromkeys((*(name for each in segments.values() for name in each.inputs), *group))
    found = exposed.run([name for name in needed if name in exposed.bytes])
    expected = graph.run(group, prepared)
    types |= {name: value.dtype for name, value in expected.items()}
    given = {**prepared, **{name: value.astype(types[name], copy=False) for name, value in found.items()}}
    local = _run_segments(graph, group, {name: given[name] for name in needed})
    layers = []
    for name in group:
        own = difference(local[name], found[name], tolerance) if name in local else None
        seen = difference(expected[name], found[name], tolerance)
        node, segment = graph.maker(name), segments[name]
        layers.append(
            Layer(name, node.op_type, node.name, found[name].shape, seen, own, segment.inputs, segment.hidden)
        )
    return layers


def _run_segments(graph: SourceGraph, group: Sequence[str], given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return what the source's layers make of what the IR's were given, but for those that refuse it."""
    try:
        return graph.run(group, given)
    except EngineError:
        if len(group) == 1:
            return {}
        middle = len(group) // 2
        return _run_segments(graph, group[:middle], given) | _run_segments(graph, group[middle:], given)


def _groups(names: Sequence[str], sizes: Mapping[str, int], most: int) -> Iterator[list[str]]:
    """Cut ``names`` into runs of neighbours of no more than ``most`` bytes together, if each alone is no larger."""
    group: list[str] = []
    total = 0
    for name in names:
        if group and total + sizes[name] > most:
            yield group
            group, total = [], 0
        group.append(name)
        total += sizes[name]
    if group:
        yield group


__all__ = ["INPUT", "Difference", "Layer", "Located", "locate"]
