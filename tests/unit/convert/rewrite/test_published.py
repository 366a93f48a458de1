"""Recognition of the published refiner: exactly that, and nothing that is nearly like it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from helpers.published_graph import save_published_graph
from helpers.rewritten import pair, published, read, reshaped, run
from onnx import numpy_helper

from omz.convert.rewrite import rewrite, with_graph
from omz.convert.rewrite.ops import integers, ops
from omz.convert.rewrite.published import NotPublished, find_refiner
from omz.networks.background_matting import BackgroundMatting
from omz.networks.refiner import Refiner
from omz.runtime.quiet_openvino import core, ov
from omz.zoo.vocabulary import GRAPHS, REWRITTEN

BLOCKS = 100
SIZE = 64, 96
SHAPE = (1, 3, *SIZE)
SCOPES = "/refiner/", "/decoder/conv4/", "/_network/Constant", "/_network/Slice"
"""Parts of the names of nodes in the refiner, and in what it shares with the rest: the last layer of the decoder."""
SAMPLED = 16

Mutation = tuple[str, int]
"""The output of a node, and the number of its attribute."""


@pytest.fixture(scope="module")
def graph(tmp_path_factory) -> Path:
    return published(tmp_path_factory.mktemp("published") / "net.onnx", 0, BLOCKS)


def test_weights_and_numbers_are_read_as_they_are_in_the_network(graph):
    found = find_refiner(read(graph, SHAPE))
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(graph).graph.initializer}
    assert found.count == BLOCKS
    assert found.refined.get_shape() == [1, 4, *SIZE]
    (last,) = (value for name, value in constants.items() if name.endswith("refiner.conv4.weight"))
    assert np.array_equal(found.conv4.weights, last)


def test_batches_are_recognised_and_open_sizes_are_not(graph):
    assert find_refiner(read(graph, (2, 3, *SIZE))).count == BLOCKS
    for shape in ((-1, 3, *SIZE), (1, 3, -1, -1)):
        with pytest.raises(NotPublished, match="is open"):
            find_refiner(read(graph, shape))


@pytest.mark.parametrize("size", [(66, 96), (64, 98)])
def test_sizes_that_are_no_whole_blocks_are_left_alone(size, graph):
    assert "blocks of 4x4" in rewrite(read(graph, (1, 3, *size)))


def test_another_output_leaves_the_graph_alone(graph):
    model = read(graph, SHAPE)
    (largest,) = (node for node in model.get_ops() if node.get_type_name() == "TopK")
    model.add_outputs([largest.output(0)])
    assert "other outputs" in rewrite(model)


def test_what_is_left_alone_keeps_every_node(graph):
    model = read(graph, (1, 3, 66, 96))
    before = [node.get_friendly_name() for node in model.get_ordered_ops()]
    rewrite(model)
    assert [node.get_friendly_name() for node in model.get_ordered_ops()] == before


@pytest.mark.parametrize("layer", [1, 2, 3])
def test_a_layer_of_another_width_leaves_the_graph_alone(layer, tmp_path):
    network = BackgroundMatting(refine_sample_pixels=16 * BLOCKS).eval()
    refiner: Refiner = network.refiner
    following = getattr(refiner, f"conv{layer + 1}")
    wider = getattr(refiner, f"conv{layer}").out_channels + 8
    kept = getattr(refiner, f"conv{layer}").in_channels
    setattr(refiner, f"conv{layer}", torch.nn.Conv2d(kept, wider, 3, bias=False))
    setattr(refiner, f"bn{layer}", torch.nn.BatchNorm2d(wider).eval())
    inputs = following.in_channels + 8
    setattr(
        refiner, f"conv{layer + 1}", torch.nn.Conv2d(inputs, following.out_channels, 3, bias=following.bias is not None)
    )
    path = save_published_graph(tmp_path / "wider.onnx", network)
    assert "another shape" in rewrite(read(path, SHAPE))


def test_hidden_features_that_something_else_reads_leave_the_graph_alone(graph):
    model = read(graph, SHAPE)
    hidden = find_refiner(model).heads.get_node()
    readers = [target.get_node() for target in hidden.output(0).get_target_inputs()]
    (errors,) = (each for each in readers if each.input_value(1).get_node().data.tolist() == [4])
    for number, channel in ((1, 5), (2, 6)):
        errors.input(number).replace_source_output(integers([channel]).output(0))
    assert "other channels" in rewrite(model)


@pytest.mark.parametrize("kind", ["Slice", "Relu", "Concat", "Interpolate", "Pad", "ROIAlign"])
def test_whatever_else_reads_hidden_features_on_their_way_leaves_the_graph_alone(kind, graph):
    model = read(graph, SHAPE)
    node = hidden_slice(model)
    while node.get_type_name() != kind:
        readers = [target.get_node() for target in node.output(0).get_target_inputs()]
        (node,) = (reader for reader in readers if reader.get_type_name() != "ShapeOf")
    every = list(range(len(node.get_output_partial_shape(0))))
    result = model.get_results()[0]
    changed = ops.add(result.input_value(0), ops.reduce_mean(node.output(0), integers(every), keep_dims=False))
    result.input(0).replace_source_output(changed.output(0))
    own = model.clone()
    assert "something else reads" in rewrite(model)
    assert np.array_equal(run(model, pair(1, *SIZE)), run(own, pair(1, *SIZE)))


def hidden_slice(model: ov.Model) -> ov.Node:
    """Return what takes the hidden features, from channel 5 on, of the decoder's results."""
    heads = find_refiner(model).heads
    readers = [target.get_node() for target in heads.get_target_inputs()]
    (hidden,) = (each for each in readers if each.input_value(1).get_node().data.tolist() == [5])
    return hidden


def mutations(model: onnx.ModelProto) -> list[Mutation]:
    """Return what can be changed: every attribute, the values of constants among them."""
    found = []
    for node in model.graph.node:
        if any(scope in node.name for scope in SCOPES):
            found += [(node.output[0], number) for number in range(len(node.attribute))]
    return found


def mutated(path: Path, mutation: Mutation) -> onnx.ModelProto:
    model = onnx.load(path)
    output, number = mutation
    (node,) = (node for node in model.graph.node if output in node.output)
    attribute = node.attribute[number]
    value = onnx.helper.get_attribute_value(attribute)
    if isinstance(value, onnx.TensorProto):
        array = numpy_helper.to_array(value).copy()
        array.reshape(-1)[:1] += 1
        changed: object = numpy_helper.from_array(array)
    elif isinstance(value, bytes):
        changed = {b"linear": b"nearest", b"nearest": b"linear", b"half_pixel": b"asymmetric"}.get(value, b"edge")
    elif isinstance(value, list):
        changed = [value[0] + 1, *value[1:]]
    else:
        changed = value + 1
    attribute.CopyFrom(onnx.helper.make_attribute(attribute.name, changed))
    return model


def results(model: ov.Model) -> Iterator[np.ndarray]:
    """Yield the results of a model; none if it does not run, or gives alpha of another size than foreground."""
    try:
        yield run(model, pair(1, *SIZE))
    except (RuntimeError, ValueError):
        return


def runs(model: onnx.ModelProto) -> bool:
    """Tell whether ONNX Runtime runs a model; OpenVINO can crash on others."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        session.run(None, dict(zip(("src", "bgr"), pair(1, *SIZE), strict=True)))
    except Exception:  # its own exceptions have no base in common
        return False
    return True


def check(path: Path, mutation: Mutation) -> bool:
    """Tell whether a changed graph is left alone; if it is not, the change must make no difference to it."""
    changed = mutated(path, mutation)
    if not runs(changed):
        return True
    try:
        model = reshaped(core().read_model(changed.SerializeToString()), SHAPE)
    except RuntimeError:
        return True
    own = model.clone()
    if rewrite(model) != REWRITTEN:
        return True
    for expected in results(own):
        for graph in GRAPHS:
            found = run(with_graph(model.clone(), graph), pair(1, *SIZE))
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4, err_msg=f"{mutation} {graph}")
    return False


def test_a_graph_with_one_change_is_left_alone_or_computed_with_it(graph):
    some = random.Random(1).sample(mutations(onnx.load(graph)), SAMPLED)
    assert any(check(graph, mutation) for mutation in some)


@pytest.mark.slow
def test_so_is_a_graph_with_any_one_change(graph):
    every = mutations(onnx.load(graph))
    left = [mutation for mutation in every if check(graph, mutation)]
    assert len(every) > 100 < 2 * len(left)
