"""Repair of what MindSpore 2.10 exports to ONNX.

Every defect has a pass of its own: a function that changes a model in place, and leaves a model without the defect
exactly as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import onnx

from omz.convert.onnx_repair.folding import fold_constants, remove_dead
from omz.convert.onnx_repair.operators import (
    gathers_to_resize,
    let_through_what_is_whole,
    softmax_in_place,
    spatial_output_shape,
)
from omz.convert.onnx_repair.ports import open_batch, rename_ports

PASSES: tuple[Callable[[onnx.ModelProto], None], ...] = (
    spatial_output_shape,
    fold_constants,
    let_through_what_is_whole,
    softmax_in_place,
    gathers_to_resize,
    remove_dead,
)
"""In order: a pass may rely on the repairs of those before it."""


def repair(
    model: onnx.ModelProto, input_names: Sequence[str], output_names: Sequence[str], batch: str | None = None
) -> None:
    """Repair what MindSpore has exported, in place, and name its inputs and outputs.

    ``batch`` is the name of an open batch; without it the batch keeps the size that was exported. Raises
    :class:`omz.errors.ConversionError` unless there are as many names as inputs and outputs, all different, and if the
    batch cannot stay open.
    """
    for mend in PASSES:
        mend(model)
    rename_ports(model, input_names, output_names)
    if batch:
        open_batch(model, batch)
        remove_dead(model)
