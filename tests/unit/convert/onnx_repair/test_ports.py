"""Names and open batches: what a network says of one picture, it says of that picture among others."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from helpers.onnx_graphs import (
    RUNTIMES,
    check_everywhere,
    graph_of,
    healthy,
    in_onnxruntime,
    indices,
    node,
    numbers,
    op_types,
    tensor,
    unchanged,
    with_branches,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from omz.convert.onnx_repair.folding import remove_dead
from omz.convert.onnx_repair.ports import open_batch, rename_ports, slice_what_is_cut
from omz.errors import ConversionError

SHAPE = [2, 3]
A, B = numbers(*SHAPE), numbers(*SHAPE, seed=1)


def four_ports():
    """Computes a - b, which is read inside as MindSpore's trimap is, and 2 (a - b) + b."""
    return graph_of(
        [node("Sub", ["a", "b"], ["y"]), node("Mul", ["y", "c"], ["t"]), node("Add", ["t", "b"], ["z"])],
        [tensor("a", SHAPE), tensor("b", SHAPE)],
        [tensor("y", SHAPE), tensor("z", SHAPE)],
        {"c": np.float32([2])},
    )


WISHES = ("a", "b", "y", "z", "c", "t", "c_inner", "t_inner", "a_inner", "image")


@settings(max_examples=30)  # each is compiled by several runtimes
@given(st.permutations(WISHES))
def test_any_names(wishes):
    model = four_ports()
    rename_ports(model, wishes[:2], wishes[2:4])
    assert [value.name for value in model.graph.input] == wishes[:2]
    assert [value.name for value in model.graph.output] == wishes[2:4]
    check_everywhere(model, dict(zip(wishes, (A, B), strict=False)), A - B, 2 * (A - B) + B)
    assert unchanged(model, lambda each: rename_ports(each, wishes[:2], wishes[2:4]))


def test_what_bodies_read_is_renamed():
    for wish in ("image", "one", "inner", "more", "branch", "doubled"):
        model, x = with_branches(), np.abs(numbers(1, 3))
        rename_ports(model, [wish], ["result"])
        np.testing.assert_allclose(in_onnxruntime(model, {wish: x})[0], x + 3 * (2 * x + 1), rtol=1e-6)


def test_right_names_stay():
    for model in healthy():
        constants = {each.name for each in model.graph.initializer}
        inputs = [value.name for value in model.graph.input if value.name not in constants]
        outputs = [value.name for value in model.graph.output]
        assert unchanged(model, lambda each, i=inputs, o=outputs: rename_ports(each, i, o))


def test_an_initializer_that_is_an_input_is_no_port():
    model = four_ports()
    model.graph.input.append(tensor("c", [1]))
    rename_ports(model, ["c", "d"], ["e", "f"])
    check_everywhere_but_defaults = in_onnxruntime(model, {"c": A, "d": B})
    np.testing.assert_allclose(check_everywhere_but_defaults[1], 2 * (A - B) + B, rtol=1e-6)


def test_one_tensor_twice():
    """MindSpore writes one name twice where a network returns one result twice."""
    model = graph_of([node("Relu", ["x"], ["1"])], [tensor("x", SHAPE)], [tensor("1", SHAPE), tensor("1", SHAPE)])
    rename_ports(model, ["image"], ["first", "second"])
    assert [value.name for value in model.graph.output] == ["first", "second"]
    check_everywhere(model, {"image": A}, A.clip(0), A.clip(0))


def test_an_input_that_is_an_output():
    model = graph_of([node("Relu", ["x"], ["1"])], [tensor("x", SHAPE)], [tensor("x", SHAPE), tensor("1", SHAPE)])
    rename_ports(model, ["image"], ["same", "positive"])
    assert [value.name for value in model.graph.input] == ["image"]
    assert [value.name for value in model.graph.output] == ["same", "positive"]
    check_everywhere(model, {"image": A}, A, A.clip(0))


@pytest.mark.parametrize(
    ("inputs", "outputs", "message"),
    [
        (["a"], ["y", "z"], "the network has 2 inputs, but 1 names are given: a"),
        (["a", "b"], ["x", "y", "z"], "the network has 2 outputs, but 3 names are given: x, y, z"),
        (["a", "b"], ["y", "y"], "need different names, not a, b, y, y"),
        (["a", "b"], ["a", "y"], "need different names, not a, b, a, y"),
    ],
)
def test_wrong_names(inputs, outputs, message):
    with pytest.raises(ConversionError, match=message):
        rename_ports(four_ports(), inputs, outputs)


BATCHED = (1, 2, 3, 5)


def of_x(nodes, constants=None, output=BATCHED, opset=11) -> onnx.ModelProto:
    return graph_of(nodes, [tensor("x", BATCHED)], [tensor("y", output)], constants, opset)


def check_batches(model: onnx.ModelProto, compute) -> None:
    open_batch(model, "pictures")
    for value in (*model.graph.input, *model.graph.output):
        assert value.type.tensor_type.shape.dim[0].dim_param == "pictures"
    for count in (1, 2, 5):
        x = numbers(count, *BATCHED[1:])
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
    ends = (1, *(end if end > 0 else side - 1 for end, side in zip(ends[1:], BATCHED[1:], strict=True)))
    ends = tuple(max(end, start + 1) for start, end in zip(starts, ends, strict=True))
    steps = steps if tells == 4 else (1,) * 4
    told = {"s": starts, "e": ends, "a": [each - 4 * negative for each in range(4)], "t": steps}
    told = {name: indices(*told[name]) for name in list(told)[:tells]}
    cut = (slice(None), *(slice(*each) for each in zip(starts[1:], ends[1:], steps[1:], strict=True)))
    output = np.empty(BATCHED)[cut].shape
    check_batches(of_x([node("Slice", ["x", *told], ["y"])], told, output), lambda x: x[cut])


def test_one_picture_does_not_spread():
    """The slice is the whole of the example; kept, it would add the first picture to all."""
    told = {"s": indices(0, 0, 0, 0), "e": indices(*BATCHED)}
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
    yield of_x([node("Expand", ["c", "s"], ["y"])], {"s": indices(*BATCHED), "c": np.float32([1])})
    yield of_x([node("Add", ["x", "c"], ["y"])], {"c": numbers(2, 1, 1, 1)}, (2, *BATCHED[1:]))
    yield of_x([node("Gather", ["x", "s"], ["t"], axis=0), node("Add", ["x", "t"], ["y"])], {"s": indices(0)})
    # One picture that is a mean of all, spread over all of them again.
    mean = [node("Reshape", ["x", "s"], ["r"]), node("ReduceMean", ["r"], ["m"], axes=[1], keepdims=1)]
    yield of_x([*mean, node("Add", ["x", "m"], ["y"])], {"s": indices(1, -1, 3, 5)})
    sized = node("Resize", ["x", "roi", "", "sizes"], ["y"], mode="nearest")
    yield of_x([sized], {"roi": np.zeros(0, np.float32), "sizes": indices(1, 2, 6, 10)}, (1, 2, 6, 10))
    yield of_x([node("ReduceSum", ["x"], ["y"], keepdims=0)], output=())
    model = of_x([node("Slice", ["x", *first], ["y"])], {}, BATCHED)
    model.graph.input.extend(tensor(name, [1], onnx.TensorProto.INT64) for name in first)
    yield model


@pytest.mark.parametrize("model", list(held()))
def test_a_batch_that_is_held(model):
    with pytest.raises(ConversionError, match="the batch cannot stay open"):
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
