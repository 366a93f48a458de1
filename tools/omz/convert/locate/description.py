"""What was located, in words."""

from __future__ import annotations

import math

from omz.convert.locate.layers import INPUT, Layer, Located


def describe(located: Located) -> list[str]:
    """Return lines that say where an IR leaves its source, what the layer was given, and what becomes of it."""
    lines = [
        f"{located.matched} of {located.tensors} tensors of {located.source} are in the IR, run in "
        f"{located.precision} with {located.weights} weights; an error may be {located.tolerance:.2g} of the spread"
    ]
    first = located.first
    if first is None:
        errors = [layer.seen.error for layer in located.layers if layer.tensor in located.outputs]
        return [*lines, f"nothing diverges; the error of an output is {max(errors, default=0.0):.2g} at most"]
    lines.append(f"{_verb(located, first)} {title(first)}: {figures(first)}")
    if first.note:
        lines.append(first.note)
    if first.hidden:
        lines.append(f"its error may be of {', '.join(first.hidden)}, whose results the IR does not have")
    lines += [f"given {title(layer)}: {figures(layer)}" for layer in located.before(first)]
    behind, off = located.behind(first), {layer.tensor for layer in located.off}
    lines.append(f"{sum(layer.tensor in off for layer in behind)} of the {len(behind)} tensors behind it are off")
    faults, jumps = located.faults[1:], located.jumps[1:3]
    if faults:
        lines.append(f"{len(faults)} more diverge by themselves, first {title(faults[0])}")
    elif first not in located.faults and jumps:
        lines.append(f"next it grows in {' and '.join(map(title, jumps))}")
    return lines


def title(layer: Layer) -> str:
    """Return what to call a layer: its operator, and its node's name."""
    return f"input {layer.tensor}" if layer.op_type == INPUT else f"{layer.op_type} {layer.name}"


def figures(layer: Layer) -> str:
    """Return how far a layer's tensor is from the source's."""
    seen = layer.seen
    if math.isinf(seen.largest):
        return f"{list(layer.shape)} is another shape than the source's"
    if seen.exact:
        return f"{seen.share:.2%} of {list(layer.shape)} not equal" if seen.share else f"{list(layer.shape)}, all equal"
    own = f", {layer.own.error:.2g} its own" if layer.own and layer.inputs else ""
    return (
        f"error {seen.error:.2g} of the spread{own} (largest {seen.largest:.3g}, mean {seen.mean:.3g}, "
        f"{seen.share:.2%} of {list(layer.shape)} off)"
    )


def _verb(located: Located, first: Layer) -> str:
    return "first to diverge is" if first in located.faults else "no layer diverges by itself; the error grows most in"
