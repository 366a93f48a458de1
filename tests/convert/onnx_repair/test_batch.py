"""An open batch: what a network says of one picture, it says of that picture among others."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from convert.onnx_repair.onnx_graphs import (
    RUNTIMES,
    check_everywhere,
    graph_of,
    healthy,
    indices,
    node,
    numbers,
    op_types,
    tensor,
    unchanged,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from omz.convert.onnx_repair.batch import open_batch, slice_what_is_cut
from omz.convert.onnx_repair.dead import remove_dead
from omz.errors import ConversionError

SHAPE = (1, 2, 3, 5)


def of_x(nodes, constants=None, output=SHAPE, opset=11) -> onnx.ModelProto:
    return graph_of(nodes, [tensor("x", SHAPE)], [tensor("y", output)], constants, opset)


def check_batches(model: onnx.ModelProto, compute) -> None:
    open_batch(model, "pictures")
    for value in (*model.graph.input, *model.graph.output):
        assert value.type.tensor_type.shape.dim[0].dim_param == "pictures"
    for count in (1, 2, 5):
        x = numbers(count, *SHAPE[1:])
        check_everywhere(model, {"x": x}, compute(x))
    assert unchanged(model, lambda each: open_batch(each, "pictures"))


@settings(max_examples=30)  # each is compiled for three batches, by three runtimes
@given(
    ends=st.tuples(*[st.integers(-1, 9) | st.just(2**63 - 1)] * 4),
    starts=st.tuples(st.just(0), *[st.integers(0, 1)] * 3),
    steps=st.tuples(st.just(1), *[st.integers(1, 2)] * 3),
    tells=st.sampled_from([2, 3, 4]),
    negative=st.booleans(),
)
def test_slices(ends, starts, steps, tells, negative):
    ends = (1, *(end if end > 0 else side - 1 for end, side in zip(ends[1:], SHAPE[1:], strict=True)))
    ends = tuple(max(end, start + 1) for start, end in zip(starts, ends, strict=True))
    steps = steps if tells == 4 else (1,) * 4
    told = {"s": starts, "e": ends, "a": [each - 4 * negative for each in range(4)], "t": steps}
    told = {name: indices(*told[name]) for name in list(told)[:tells]}
    cut = (slice(None), *(slice(*each) for each in zip(starts[1:], ends[1:], steps[1:], strict=True)))
    output = np.empty(SHAPE)[cut].shape
    check_batches(of_x([node("Slice", ["x", *told], ["y"])], told, output), lambda x: x[cut])


def test_one_picture_does_not_spread():
    """The slice is the whole of the example; kept, it would add the first picture to all."""
    told = {"s": indices(0, 0, 0, 0), "e": indices(*SHAPE)}
    check_batches(of_x([node("Slice", ["x", *told], ["t"]), node("Add", ["x", "t"], ["y"])], told), lambda x: 2 * x)


def test_shapes_that_tell_no_batch():
    told = {"s": indices(-1, 30)}
    check_batches(of_x([node("Reshape", ["x", "s"], ["y"])], told, (1, 30)), lambda x: x.reshape(-1, 30))
    computed = [
        node("Shape", ["x"], ["shape"]),
        node("Gather", ["shape", "first"], ["batch"]),
        node("Concat", ["batch", "rest"], ["flat"], axis=0),
        node("Reshape", ["x", "flat"], ["y"]),
    ]
    told = {"first": indices(0), "rest": indices(30)}
    check_batches(of_x(computed, told, (1, 30), opset=18), lambda x: x.reshape(-1, 30))


def test_a_batch_somewhere_in_the_middle():
    nodes = [node("Transpose", ["x"], ["t"], perm=[1, 0, 2, 3]), node("Relu", ["t"], ["r"])]
    nodes.append(node("Transpose", ["r"], ["y"], perm=[1, 0, 2, 3]))
    check_batches(of_x(nodes), lambda x: x.clip(0))


def held():
    yield of_x([node("Reshape", ["x", "s"], ["y"])], {"s": indices(1, 30)}, (1, 30))
    yield of_x([node("Reshape", ["x", "s"], ["y"])], {"s": indices(1, -1)}, (1, 30))
    first = {"s": indices(0), "e": indices(1), "a": indices(0)}
    yield of_x([node("Expand", ["c", "s"], ["y"])], {"s": indices(*SHAPE), "c": np.float32([1])})
    yield of_x([node("Add", ["x", "c"], ["y"])], {"c": numbers(2, 1, 1, 1)}, (2, *SHAPE[1:]))
    yield of_x([node("Gather", ["x", "s"], ["t"], axis=0), node("Add", ["x", "t"], ["y"])], {"s": indices(0)})
    # One picture that is a mean of all, spread over all of them again.
    mean = [node("Reshape", ["x", "s"], ["r"]), node("ReduceMean", ["r"], ["m"], axes=[1], keepdims=1)]
    yield of_x([*mean, node("Add", ["x", "m"], ["y"])], {"s": indices(1, -1, 3, 5)})
    sized = node("Resize", ["x", "roi", "", "sizes"], ["y"], mode="nearest")
    yield of_x([sized], {"roi": np.zeros(0, np.float32), "sizes": indices(1, 2, 6, 10)}, (1, 2, 6, 10))
    yield of_x([node("ReduceSum", ["x"], ["y"], keepdims=0)], output=())
    model = of_x([node("Slice", ["x", *first], ["y"])], {}, SHAPE)
    model.graph.input.extend(tensor(name, [1], onnx.TensorProto.INT64) for name in first)
    yield model


@pytest.mark.parametrize("model", list(held()))
def test_a_batch_that_is_held(model):
    with pytest.raises(ConversionError, match="the batch cannot be left open"):
        open_batch(model, "n")


def test_slices_stay():
    for model in healthy():
        model.graph.ClearField("value_info")
        if "Slice" in op_types(model):
            x = numbers(1, 3, 5, 6)
            wanted = [run(model, {"x": x}) for run in RUNTIMES]
            slice_what_is_cut(model)
            remove_dead(model)
            check_everywhere(model, {"x": x}, *wanted[0], within=1e-4)
        else:
            assert unchanged(model, slice_what_is_cut)
    for start, end, step in ((0, 1, 1), (1, 9, 1), (-1, -9, -1), (0, 9, 2)):
        told = {"s": indices(start), "e": indices(end), "a": indices(-1), "t": indices(step)}
        assert unchanged(of_x([node("Slice", ["x", *told], ["y"])], told), slice_what_is_cut)
    open_width = of_x([node("Slice", ["x", "s", "e"], ["y"])], {"s": indices(1, 0, 0, 0), "e": indices(9, 1, 2, 2)})
    open_width.graph.input[0].type.tensor_type.shape.dim[3].dim_param = "w"
    open_width.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "c"
    assert unchanged(open_width, slice_what_is_cut)
    unknown = of_x([node("Slice", ["x", "s", "e"], ["y"])], {"s": indices(0, 0), "e": indices(9, 9)})
    unknown.graph.input[0].type.tensor_type.ClearField("shape")
    assert unchanged(unknown, slice_what_is_cut)
