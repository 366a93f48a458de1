"""What was found of every layer, and which of them are to blame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from omz.convert.locate.difference import Difference

INPUT = "input"
_MOVERS = frozenset(
    ("Cast", "Concat", "Expand", "Flatten", "Gather", "GatherElements", "GatherND", "Identity", "Pad", "Reshape")
    + ("Slice", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze", "DepthToSpace", "SpaceToDepth")
)
"""Operators that hand values on as they are: an error grows in none of them, though its share of the spread may."""


@dataclass(frozen=True)
class Layer:
    """A tensor that source and IR both have, with the layer that makes it.

    ``op_type`` and ``node`` are the ONNX node's; of an input, ``INPUT`` and empty, and the tensor is what the first
    layer gets. ``seen`` is the difference from the source's tensor, ``own`` that from what the source's layer makes of
    what the IR's was given, None where it refuses that. ``inputs`` are the nearest tensors before it that both have;
    ``hidden`` the nodes in between, whose tensors the IR does not have, and whose errors count here. ``note`` says what
    looks wrong, where that can be told.
    """

    tensor: str
    op_type: str
    node: str
    shape: tuple[int, ...]
    seen: Difference
    own: Difference | None
    inputs: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    note: str = ""

    @property
    def name(self) -> str:
        """The node, or where it has no name, its tensor."""
        return self.node or self.tensor


@dataclass(frozen=True)
class Located:
    """What came of a search: ``layers`` in the source's order, its inputs first.

    ``inputs`` are the shapes that were run; ``precision`` is that of execution, ``weights`` that in which the IR keeps
    its weights. A layer is *off* where its error is more than ``tolerance``, as a share of its tensor's spread, and
    what comes of that reaches an output of the IR (``outputs``) or a tensor that nothing follows: an order of equals
    that is turned round and back is no fault, nor is preprocessing that was folded into the first layer. ``tensors`` is
    the number of tensors of the source that lead to a layer found, those that the IR does not have among them.
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
        """How many of ``tensors`` the IR has."""
        return sum(layer.op_type != INPUT for layer in self.layers)

    @cached_property
    def off(self) -> tuple[Layer, ...]:
        """Layers that are off, in order."""
        felt: dict[str, bool] = {}
        for layer in reversed(self.layers):
            users = self._users.get(layer.tensor, ())
            leads = layer.tensor in self.outputs or not users or any(felt[user] for user in users)
            felt[layer.tensor] = layer.seen.is_off(self.tolerance) and leads
        return tuple(layer for layer in self.layers if felt[layer.tensor])

    @property
    def faults(self) -> tuple[Layer, ...]:
        """Layers that are off by themselves, in order: their own error is too large, whatever came before them."""
        return tuple(layer for layer in self.off if layer.own is not None and layer.own.is_off(self.tolerance))

    @property
    def jumps(self) -> tuple[Layer, ...]:
        """Layers that are off, or lead there, in which the error grows; the largest growth first.

        That is what there is to see where every layer rounds a little, as in bf16, and one of them cannot bear it. It
        may make much of what its inputs hide: a box that is off by four pixels in two thousand.
        """
        off = {layer.tensor for layer in self.off}
        leading = set(off)
        for layer in reversed(self.layers):
            if layer.tensor in leading:
                leading.update(layer.inputs)
        felt = (layer for layer in self.layers if layer.tensor in off or not layer.seen.is_off(self.tolerance))
        grown = (layer for layer in felt if layer.tensor in leading and self.growth(layer) > 0)
        return tuple(sorted(grown, key=lambda layer: -self.growth(layer)))

    @property
    def first(self) -> Layer | None:
        """The layer to look at: the first fault; without one, the largest jump; None where nothing is off."""
        return next(iter((*self.faults, *self.jumps)), None)

    def growth(self, layer: Layer) -> float:
        """Return by how much the error of a layer is larger than that of any of its inputs, both no more than 1.

        0 for a layer that only hands values on.
        """
        if layer.op_type in _MOVERS and not (layer.own is None or layer.own.is_off(self.tolerance)):
            return 0.0
        before = (self._by_name[name].seen.error for name in layer.inputs if name in self._by_name)
        return min(layer.seen.error, 1.0) - max((min(error, 1.0) for error in before), default=0.0)

    def before(self, layer: Layer) -> tuple[Layer, ...]:
        """Return the layers of which ``layer`` takes what they make."""
        return tuple(self._by_name[name] for name in layer.inputs if name in self._by_name)

    def behind(self, layer: Layer) -> tuple[Layer, ...]:
        """Return all layers that depend on ``layer``, in order."""
        found = {layer.tensor}
        for each in self.layers:
            if found.intersection(each.inputs):
                found.add(each.tensor)
        return tuple(each for each in self.layers if each.tensor in found and each is not layer)

    def notable(self, count: int = 10) -> tuple[Layer, ...]:
        """Return what to show, in order: faults, or without any, jumps; then the first layers that are off."""
        chosen = dict.fromkeys(layer.tensor for layer in (*(self.faults or self.jumps[:3]), *self.off))
        shown = set(list(chosen)[:count])
        return tuple(layer for layer in self.layers if layer.tensor in shown)

    @cached_property
    def _by_name(self) -> dict[str, Layer]:
        return {layer.tensor: layer for layer in self.layers}

    @cached_property
    def _users(self) -> dict[str, list[str]]:
        users: dict[str, list[str]] = {}
        for layer in self.layers:
            for name in layer.inputs:
                users.setdefault(name, []).append(layer.tensor)
        return users
