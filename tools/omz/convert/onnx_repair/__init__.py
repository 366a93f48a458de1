"""What MindSpore's ONNX exporter gets wrong, put right.

Every defect has a pass of its own: a function that changes a model in place, and leaves one without the defect exactly
as it is. MindSpore 2.10 is meant.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import onnx

from omz.convert.onnx_repair.batch import open_batch
from omz.convert.onnx_repair.conv_transpose import spatial_output_shape
from omz.convert.onnx_repair.dead import remove_dead
from omz.convert.onnx_repair.folding import fold_constants
from omz.convert.onnx_repair.names import rename_ports
from omz.convert.onnx_repair.resize import gathers_to_resize
from omz.convert.onnx_repair.slices import let_through_what_is_whole
from omz.convert.onnx_repair.softmax import softmax_in_place

PASSES: tuple[Callable[[onnx.ModelProto], None], ...] = (
    spatial_output_shape,
    fold_constants,
    let_through_what_is_whole,
    softmax_in_place,
    gathers_to_resize,
    remove_dead,
)
"""In their order: each may lean on what those before it have put right."""


def repair(
    model: onnx.ModelProto, input_names: Sequence[str], output_names: Sequence[str], batch: str | None = None
) -> None:
    """Repair what MindSpore has exported, in place, and call its inputs and outputs what they should be called.

    ``batch`` is the name of an open batch; without it the batch has the size that was exported. Raises
    :class:`omz.errors.ConversionError` where there are not as many names as inputs and outputs, all different, or where
    the batch cannot be left open.
    """
    for mend in PASSES:
        mend(model)
    rename_ports(model, input_names, output_names)
    if batch:
        open_batch(model, batch)
        remove_dead(model)
