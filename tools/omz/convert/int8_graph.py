"""The graph of a network that is to compute in 8 bits."""

from __future__ import annotations

import re

from omz.runtime.quiet_openvino import ov

_CONVOLUTIONS = ("Convolution", "GroupConvolution", "ConvolutionBackpropData", "GroupConvolutionBackpropData")


def outermost_convolutions(model: ov.Model) -> list[str]:
    """Return the convolutions with none before them, and those with none behind them; none where there are no others.

    What a first one rounds off no later one can bring back, and what a last one rounds off is what one sees. They are
    few, and small.
    """
    operations = model.get_ordered_ops()
    convolutions = [each.get_friendly_name() for each in operations if each.get_type_name() in _CONVOLUTIONS]
    behind: set[str] = set()
    for operation in operations:
        sources = {port.get_source_output().get_node().get_friendly_name() for port in operation.inputs()}
        if sources & (behind | {*convolutions}):
            behind.add(operation.get_friendly_name())
    before: set[str] = set()
    for operation in reversed(operations):
        users = {
            user.get_node().get_friendly_name() for port in operation.outputs() for user in port.get_target_inputs()
        }
        if users & (before | {*convolutions}):
            before.add(operation.get_friendly_name())
    outermost = [name for name in convolutions if name not in behind or name not in before]
    return outermost if len(outermost) < len(convolutions) else []


def rename_new(model: ov.Model, names: set[str]) -> None:
    """Give operations that are not among ``names`` numbers that do not depend on what the process has made before."""
    for number, operation in enumerate(model.get_ordered_ops()):
        name, kind = operation.get_friendly_name(), operation.get_type_name()
        if name not in names and re.fullmatch(rf"{kind}_\d+", name):
            operation.set_friendly_name(f"{kind}_int8_{number}")
