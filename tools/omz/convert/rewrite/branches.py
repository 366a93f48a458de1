"""Two graphs for the same values in one model: a constant chooses, and only the chosen one is compiled.

An If of OpenVINO holds them. As its condition is a constant, every device replaces it by the body that is chosen. All
else, such as weights before it, is there once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from omz.convert.rewrite.ops import ops
from omz.runtime.quiet_openvino import ov

Branch: TypeAlias = "Callable[[Sequence[ov.Output]], ov.Output]"  # a text: the oldest OpenVINO has the class elsewhere
"""Makes a value of values."""

_FIRST, _SECOND = 0, 1  # bodies of an If: then, else


def branches(name: str, given: Sequence[ov.Output], first: Branch, second: Branch) -> ov.Output:
    """Return what the ``first`` branch makes of values, until :func:`take` chooses the second one."""
    node = ops.if_op(ops.constant(np.array(True)))
    node.set_friendly_name(name)
    parameters: list[list[ov.Node]] = []
    results: list[ov.Node] = []
    for branch, set_body in ((first, node.set_then_body), (second, node.set_else_body)):
        inner = [ops.parameter(each.get_partial_shape(), each.get_element_type()) for each in given]
        result = ops.result(branch([parameter.output(0) for parameter in inner]))
        set_body(ov.Model([result], inner, f"{name}/{len(results)}"))
        parameters.append(inner)
        results.append(result)
    for value, *inner in zip(given, *parameters, strict=True):
        node.set_input(value, *inner)
    made: ov.Output = node.set_output(*results)
    return made


def has_branches(model: ov.Model, name: str) -> bool:
    """Tell whether a model has two branches of this name."""
    return _found(model, name) is not None


def take(model: ov.Model, name: str, second: bool = False) -> ov.Model:
    """Put the first or the second branch in the place of both, in place; a model without them stays as it is."""
    node = _found(model, name)
    if node is None:
        return model
    number = _SECOND if second else _FIRST
    body = node.get_function(number)
    parameters, results = body.get_parameters(), body.get_results()
    for given in node.get_input_descriptions(number):
        parameters[given.body_parameter_index].output(0).replace(node.input_value(given.input_index))
    for made in node.get_output_descriptions(number):
        node.output(made.output_index).replace(results[made.body_value_index].input_value(0))
    model.validate_nodes_and_infer_types()
    return model


def _found(model: ov.Model, name: str) -> ov.Node | None:
    for node in model.get_ops():
        if node.get_type_name() == "If" and node.get_friendly_name() == name:
            return node
    return None
