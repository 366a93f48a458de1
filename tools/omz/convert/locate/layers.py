"""The layers of an IR beside those of its source, which of them are to blame, and that in words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from omz.runtime.differences import Deviation

INPUT = "input"
_MOVERS = frozenset(
    ("Cast", "Concat", "Expand", "Flatten", "Gather", "GatherElements", "GatherND", "Identity", "Pad", "Reshape")
    + ("Slice", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze", "DepthToSpace", "SpaceToDepth")
)
"""Operators that pass values on unchanged: an error cannot grow in them, though its share of the spread may."""


@dataclass(frozen=True)
class Layer:
    """A tensor that source and IR both have, with the layer that makes it.

    ``op_type`` and ``node`` are those of the ONNX node; for an input, ``INPUT`` and empty, and the tensor is what the
    first layer is given. ``seen`` is the deviation from the source's tensor, ``own`` that from what the source's layer
    makes of the IR's tensors, None if it refuses them. ``inputs`` are the nearest tensors before it that both have;
    ``hidden`` are the nodes in between, whose tensors the IR does not have and whose errors count here. ``note`` says
    what looks wrong, if known.
    """

    tensor: str
    op_type: str
    node: str
    shape: tuple[int, ...]
    seen: Deviation
    own: Deviation | None
    inputs: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    note: str = ""

    @property
    def name(self) -> str:
        """The node's name, or if it has none, the tensor's."""
        return self.node or self.tensor


@dataclass(frozen=True)
class Located:
    """The result of a search: ``layers`` in the source's order, its inputs first.

    ``inputs`` are the shapes that were run; ``precision`` is that of execution, ``weights`` that of the IR's weights. A
    layer is *off* if its error is more than ``tolerance``, as a share of its tensor's spread, and if the error reaches
    an output of the IR (``outputs``) or a tensor that nothing follows: equal values in another order that is undone
    later are not a fault, and neither is preprocessing folded into the first layer. ``tensors`` counts the source's
    tensors that lead to a layer found, including those that the IR does not have.
    """

    source: str
    inputs: Mapping[str, tuple[int, ...]]
    precision: str
    weights: str
    tolerance: float
    layers: tuple[Layer, ...]
    outputs: tuple[str, ...]
    tensors: int

    @property
    def matched(self) -> int:
        """The number of ``tensors`` that the IR has."""
        return sum(layer.op_type != INPUT for layer in self.layers)

    @cached_property
    def off(self) -> tuple[Layer, ...]:
        """The layers that are off, in order."""
        off: dict[str, Layer] = {}
        for layer in reversed(self.layers):
            users = self._users.get(layer.tensor, ())
            leads = layer.tensor in self.outputs or not users or not off.keys().isdisjoint(users)
            if leads and layer.seen.is_off(self.tolerance):
                off[layer.tensor] = layer
        return tuple(reversed(off.values()))

    @property
    def faults(self) -> tuple[Layer, ...]:
        """The layers that are off by themselves, in order: their own error is too large, whatever came before them."""
        return tuple(layer for layer in self.off if layer.own is not None and layer.own.is_off(self.tolerance))

    @property
    def jumps(self) -> tuple[Layer, ...]:
        """The layers that are off, or lead there, in which the error grows; the largest growth first.

        They show the fault if every layer rounds a little, as in bf16, and one of them cannot bear it. Such a layer
        makes a large error of one that is small in its inputs, such as a box off by four pixels in two thousand.
        """
        off = set(_names(self.off))
        leading = set(off)
        for layer in reversed(self.layers):
            if layer.tensor in leading:
                leading.update(layer.inputs)
        grown = []
        for layer in self.layers:
            felt = layer.tensor in off or not layer.seen.is_off(self.tolerance)
            if felt and layer.tensor in leading and self.growth(layer) > 0:
                grown.append(layer)
        return tuple(sorted(grown, key=self.growth, reverse=True))

    @property
    def first(self) -> Layer | None:
        """The layer to look at: the first fault, or the largest jump; None if nothing is off."""
        return next(iter((*self.faults, *self.jumps)), None)

    def growth(self, layer: Layer) -> float:
        """Return by how much the error of a layer exceeds the largest of its inputs, all clipped to 1.

        0 for a layer that only passes values on.
        """
        if layer.op_type in _MOVERS and not (layer.own is None or layer.own.is_off(self.tolerance)):
            return 0.0
        return min(layer.seen.error, 1.0) - min(_largest_error(self.before(layer)), 1.0)

    def before(self, layer: Layer) -> tuple[Layer, ...]:
        """Return the layers whose tensors ``layer`` takes."""
        return tuple(filter(None, map(self._by_name.get, layer.inputs)))

    def behind(self, layer: Layer) -> tuple[Layer, ...]:
        """Return all layers that depend on ``layer``, in order."""
        found = {layer.tensor: layer}
        for each in self.layers:
            if not found.keys().isdisjoint(each.inputs):
                found[each.tensor] = each
        return tuple(found.values())[1:]

    def notable(self, count: int = 10) -> tuple[Layer, ...]:
        """Return at most ``count`` layers, in order: faults, or without any, jumps; then the first that are off."""
        chosen = dict.fromkeys(_names((*(self.faults or self.jumps[:3]), *self.off)))
        shown = set(list(chosen)[:count])
        return tuple(layer for layer in self.layers if layer.tensor in shown)

    @cached_property
    def _by_name(self) -> dict[str, Layer]:
        return dict(zip(_names(self.layers), self.layers, strict=True))

    @cached_property
    def _users(self) -> dict[str, list[str]]:
        users: dict[str, list[str]] = {}
        for layer in self.layers:
            for name in layer.inputs:
                users.setdefault(name, []).append(layer.tensor)
        return users


def _names(layers: Iterable[Layer]) -> list[str]:
    return [layer.tensor for layer in layers]


def _largest_error(layers: Iterable[Layer]) -> float:
    return max((layer.seen.error for layer in layers), default=0.0)


def describe(located: Located) -> list[str]:
    """Return lines that say where an IR leaves its source, what that layer was given, and what its error leads to."""
    lines = [
        f"{located.matched} of {located.tensors} tensors of {located.source} are in the IR, run in "
        f"{located.precision} with {located.weights} weights; an error may be {located.tolerance:.2g} of the spread"
    ]
    first = located.first
    if first is None:
        outputs = [layer for layer in located.layers if layer.tensor in located.outputs]
        return [*lines, f"nothing diverges; the largest error of an output is {_largest_error(outputs):.2g}"]
    verb = "first to diverge is"
    if first not in located.faults:
        verb = "no layer diverges by itself; the error grows most in"
    lines.append(f"{verb} {title(first)}: {figures(first)}")
    if first.note:
        lines.append(first.note)
    if first.hidden:
        lines.append(f"its error may be that of {', '.join(first.hidden)}, whose results are not in the IR")
    for layer in located.before(first):
        lines.append(f"given {title(layer)}: {figures(layer)}")
    behind = _names(located.behind(first))
    off = {*behind}.intersection(_names(located.off))
    lines.append(f"{len(off)} of the {len(behind)} tensors behind it are off")
    faults, jumps = located.faults[1:], located.jumps[1:3]
    if faults:
        lines.append(f"{len(faults)} more diverge by themselves, first {title(faults[0])}")
    elif first not in located.faults and jumps:
        lines.append(f"next it grows in {' and '.join(map(title, jumps))}")
    return lines


def title(layer: Layer) -> str:
    """Return the name of a layer for people: its operator and its node's name."""
    if layer.op_type == INPUT:
        return f"input {layer.tensor}"
    return f"{layer.op_type} {layer.name}"


def figures(layer: Layer) -> str:
    """Return how far a layer's tensor is from the source's."""
    seen, shape = layer.seen, list(layer.shape)
    if math.isinf(seen.largest):
        return f"{shape} is not the shape that it has in the source"
    if seen.exact and not seen.share:
        return f"{shape}, all equal"
    if seen.exact:
        return f"{seen.share:.2%} of {shape} not equal"
    own = ""
    if layer.own and layer.inputs:
        own = f", {layer.own.error:.2g} its own"
    return (
        f"error {seen.error:.2g} of the spread{own} (largest {seen.largest:.3g}, mean {seen.mean:.3g}, "
        f"{seen.share:.2%} of {shape} off)"
    )
