"""Softmax over another axis than the last, between two transpositions."""

from __future__ import annotations

from collections.abc import Sequence

import onnx

from omz.convert.onnx_repair.graph import Lookup, attribute

_OPSET, _IR_VERSION = 13, 7
"""Until 13, Softmax took all axes from one on together; so MindSpore, which writes 11, brings its axis to the end."""


def softmax_in_place(model: onnx.ModelProto) -> None:
    """Let Softmax work along its own axis, where the exporter swaps that with the last one before, and back after it.

    The model becomes one of opset 13 then. The transposition before is left for
    :func:`omz.convert.onnx_repair.dead.remove_dead`.
    """
    if not _swapped(model):
        return
    if any(each.domain in ("", "ai.onnx") and each.version < _OPSET for each in model.opset_import):
        model.CopyFrom(onnx.version_converter.convert_version(model, _OPSET))
        model.ir_version = max(model.ir_version, _IR_VERSION)
    for before, softmax, after, axis in _swapped(model):
        softmax.input[0] = before.input[0]
        softmax.output[0] = after.output[0]
        del softmax.attribute[:]
        softmax.attribute.append(onnx.helper.make_attribute("axis", axis))
        model.graph.node.remove(after)


def _swapped(model: onnx.ModelProto) -> list[tuple[onnx.NodeProto, onnx.NodeProto, onnx.NodeProto, int]]:
    """Return each Softmax between two transpositions that undo each other, with these and its real axis."""
    lookup = Lookup(model.graph)
    reads = [name for node in model.graph.node for name in node.input] + [out.name for out in model.graph.output]
    found = []
    for after in model.graph.node:
        softmax = lookup.maker(after.input[0], "Softmax") if after.op_type == "Transpose" else None
        before = lookup.maker(softmax.input[0], "Transpose") if softmax else None
        if softmax is None or before is None or reads.count(softmax.output[0]) != 1:
            continue
        order = attribute(before, "perm", ())
        last = len(order) - 1
        told = attribute(softmax, "axis")
        swaps = sorted(order) == list(range(last + 1)) and _exchanged(order) == 2 and order[last] != last
        if swaps and list(order) == list(attribute(after, "perm", ())) and told in (-1, last):
            found.append((before, softmax, after, int(order[last])))
    return found


def _exchanged(order: Sequence[int]) -> int:
    return sum(place != axis for place, axis in enumerate(order))
