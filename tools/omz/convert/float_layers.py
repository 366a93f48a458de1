"""The layers of a network that 8 bits serve badly, as its graph tells."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from omz.runtime.quiet_openvino import ov

CONVOLUTIONS = ("Convolution", "GroupConvolution", "ConvolutionBackpropData", "GroupConvolutionBackpropData")

_ARITHMETIC = ("Add", "Divide", "Multiply", "Subtract")
_UNSIGNED = ("Relu", "Sigmoid", "Softmax")
"""Operations whose results are never below 0."""
_MOVERS = ("AvgPool", "Convert", "MaxPool", "Reshape", "Squeeze", "Transpose", "Unsqueeze")
"""Operations whose results are below 0 only where their first input is."""
_JOINERS = ("Concat", "Minimum")
"""Operations whose results are below 0 only where one of their inputs is."""


def always_in_float(model: ov.Model) -> list[str]:
    """Return the layers that are not to be quantised: at both ends, and pooling of signed numbers.

    These are the outermost convolutions, all that follows the last ones, and is visible like them, and the maxima of
    signed numbers, which OpenVINO does not compute in 8 bits on every processor.
    """
    outermost = outermost_convolutions(model)
    return [*outermost, *(_behind_the_last(model) if outermost else ()), *_signed_pools(model)]


def outermost_convolutions(model: ov.Model) -> list[str]:
    """Return the convolutions with none before or none behind them; an empty list if there are no others.

    Later convolutions cannot restore what a first one rounds off, and what a last one rounds off is visible. They are
    few and small.
    """
    operations = model.get_ordered_ops()
    convolutions = _convolutions(operations)
    behind: set[str] = set()
    for operation in operations:
        for value in operation.input_values():
            source = value.get_node().get_friendly_name()
            if source in behind or source in convolutions:
                behind.add(operation.get_friendly_name())
    before = _before(operations, convolutions)
    outermost = [name for name in convolutions if name not in behind or name not in before]
    return outermost if len(outermost) < len(convolutions) else []


def sums_of_layers(model: ov.Model) -> list[str]:
    """Return the arithmetic between results of layers, of which no constant is a part.

    Rounding what is added makes no convolution faster, and the sum of two rounded numbers has the errors of both.
    """
    found = []
    for operation in model.get_ordered_ops():
        is_arithmetic = operation.get_type_name() in _ARITHMETIC
        if is_arithmetic and not any(map(is_constant, _inputs(operation))):
            found.append(operation.get_friendly_name())
    return found


def is_constant(node: ov.Node) -> bool:
    """Tell whether an operation is a constant, or changes the type of one."""
    return bool(_converted(node).get_type_name() == "Constant")


def _convolutions(operations: Sequence[ov.Node]) -> list[str]:
    return [each.get_friendly_name() for each in operations if each.get_type_name() in CONVOLUTIONS]


def _before(operations: Sequence[ov.Node], convolutions: Collection[str]) -> set[str]:
    """Return the operations that a convolution depends on."""
    before: set[str] = set()
    for operation in reversed(operations):
        name = operation.get_friendly_name()
        if name in before or name in convolutions:
            before.update(value.get_node().get_friendly_name() for value in operation.input_values())
    return before


def _behind_the_last(model: ov.Model) -> list[str]:
    """Return the operations that are no convolutions, and that none depends on."""
    operations = model.get_ordered_ops()
    convolutions = _convolutions(operations)
    others = _before(operations, convolutions).union(convolutions)
    found = []
    for operation in operations:
        name, kind = operation.get_friendly_name(), operation.get_type_name()
        if name not in others and kind not in ("Constant", "Parameter", "Result"):
            found.append(name)
    return found


def _signed_pools(model: ov.Model) -> list[str]:
    unsigned: set[str] = set()
    signed = []
    for operation in model.get_ordered_ops():
        name = operation.get_friendly_name()
        if _is_unsigned(operation, unsigned):
            unsigned.add(name)
        elif operation.get_type_name() == "MaxPool":
            signed.append(name)
    return signed


def _is_unsigned(operation: ov.Node, unsigned: set[str]) -> bool:
    """Return whether no result is below 0, where those of the operations named ``unsigned`` are not."""
    kind, inputs = operation.get_type_name(), _inputs(operation)
    known = [each.get_friendly_name() in unsigned for each in inputs]
    if kind == "Constant":
        return bool(operation.data.size == 1 and operation.data.min() >= 0)
    if kind == "Maximum":
        return any(known)
    if kind in _MOVERS:
        return known[0]
    return kind in _UNSIGNED or (kind in _JOINERS and all(known))


def _inputs(operation: ov.Node) -> list[ov.Node]:
    return [value.get_node() for value in operation.input_values()]


def _converted(node: ov.Node) -> ov.Node:
    """Return the operation whose type ``node`` changes, or else ``node``."""
    return node.input_value(0).get_node() if node.get_type_name() == "Convert" else node
