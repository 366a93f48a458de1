"""Both forms of the published refiner against the published form in ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.rewritten import Matted, exchanged, original, pair, published, read, reshaped, run

from omz.convert.ir_file import read_model, save_ir
from omz.convert.rewrite import has_graphs, rewrite, with_graph, with_published_selection
from omz.runtime.quiet_openvino import ov
from omz.zoo.vocabulary import GRAPHS, REWRITTEN, Graph

BLOCKS = 5000
FEW = 100
MOST_TIES = 4


def rewritten(path: Path, shape: tuple[int, ...], threshold: float | None = None) -> ov.Model:
    model = read(path, shape)
    assert rewrite(model, threshold) == REWRITTEN
    return model


def both(model: ov.Model, images: tuple[np.ndarray, np.ndarray]) -> dict[Graph, np.ndarray]:
    """Run both graphs of a model."""
    return {graph: run(with_graph(model.clone(), graph), images) for graph in GRAPHS}


def check(path: Path, blocks: int, height: int, width: int, batch: int = 1) -> Matted:
    images = pair(1, height, width, batch)
    expected = original(path, images)
    for found in both(rewritten(path, (batch, 3, height, width)), images).values():
        assert exchanged(found, expected, blocks) <= MOST_TIES
    return expected


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("published")


@pytest.fixture(scope="module")
def graph(folder) -> Path:
    return published(folder / "few.onnx", seed=0, blocks=FEW)


@pytest.mark.parametrize("seed", [1, 2])
def test_they_compute_what_the_published_form_does(seed, folder):
    path = published(folder / f"{seed}.onnx", seed, BLOCKS)
    expected = check(path, BLOCKS, 360, 640)
    assert (expected.errors > 0).sum() > BLOCKS


@pytest.mark.slow
@pytest.mark.parametrize(("height", "width"), [(720, 1280), (1080, 1920)])
@pytest.mark.parametrize("offset", [0.0, -0.3])
def test_they_compute_the_same_at_the_sizes_of_videos(height, width, offset, folder):
    check(published(folder / f"{height}{offset}.onnx", 1, BLOCKS, offset), BLOCKS, height, width)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (76, 140), (140, 76)])
def test_windows_at_every_edge_are_the_same(height, width, graph):
    check(graph, FEW, height, width)


def test_all_blocks_of_an_image_can_be_refined(folder):
    path = published(folder / "all.onnx", 0, blocks=16 * 24)
    expected = check(path, 16 * 24, 64, 96)
    assert (expected.errors > 0).all()


@pytest.mark.parametrize(("offset", "least", "most"), [(-0.36, 1, FEW - 1), (-9, 0, 0)])
def test_blocks_without_an_expected_error_stay_coarse(offset, least, most, folder):
    path = published(folder / f"sparse{offset}.onnx", 0, FEW, offset)
    expected = check(path, FEW, 128, 192)
    assert least <= (expected.errors > 0).sum() <= most


def test_images_of_a_batch_are_refined_apart(graph):
    expected = check(graph, FEW, 96, 160, batch=2)
    assert not np.allclose(*expected.errors)


@pytest.mark.parametrize("blocks", [255, 256, 257, 600])
def test_any_number_of_turns_refines_them_all(blocks, folder):
    expected = check(published(folder / f"{blocks}.onnx", 0, blocks), blocks, 128, 192)
    assert (expected.errors > 0).sum() > blocks


def test_they_can_be_reshaped_after_they_were_written(graph, tmp_path):
    save_ir(rewritten(graph, (1, 3, 96, 160)), tmp_path / "net.xml", "FP32")
    images = pair(3, 128, 64)
    model = reshaped(read_model(tmp_path / "net.xml"), (1, 3, 128, 64))
    expected = original(graph, images)
    for found in both(model, images).values():
        assert exchanged(found, expected, FEW) <= MOST_TIES


def test_a_device_compiles_the_first_graph_alone(graph):
    images = pair(1, 96, 160)
    model = rewritten(graph, (1, 3, 96, 160))
    assert has_graphs(model)
    assert np.array_equal(run(model, images), run(with_graph(model.clone(), GRAPHS[0]), images))
    assert not has_graphs(with_graph(model, GRAPHS[0]))


def test_an_image_with_fewer_blocks_than_are_asked_for_is_refined_everywhere(graph):
    images = pair(5, 32, 36)  # where the published form fails
    model = rewritten(graph, (1, 3, 64, 64))
    sparse, dense = both(reshaped(model, (1, 3, 32, 36)), images).values()
    np.testing.assert_allclose(sparse, dense, rtol=0, atol=1e-5)


def test_above_a_threshold_every_block_is_refined_and_no_other(graph):
    """The published form refines as many blocks as are above the threshold, if that is how many it is asked for."""
    images = pair(1, 96, 160)
    errors = original(graph, images).errors
    threshold = float(np.median(errors[errors > 0]))
    count = int((errors > threshold).sum())
    asked = published(graph.with_name("asked.onnx"), 0, count)
    model = rewritten(graph, (1, 3, 96, 160), threshold)
    for found in both(model, images).values():
        assert exchanged(found, original(asked, images), count) <= MOST_TIES
    for found in both(with_published_selection(model), images).values():
        assert exchanged(found, original(graph, images), FEW) <= MOST_TIES


def test_no_block_is_above_the_largest_threshold(graph):
    images = pair(1, 96, 160)
    sparse, dense = both(rewritten(graph, (1, 3, 96, 160), 1.0), images).values()
    np.testing.assert_allclose(sparse, dense, rtol=0, atol=1e-5)
    assert not np.allclose(sparse, original(graph, images).matte, atol=1e-2)


@pytest.mark.parametrize("form", GRAPHS)
def test_they_have_no_node_that_crops_by_boxes_or_computes_by_places_of_pixels(form, graph):
    model = with_graph(rewritten(graph, (1, 3, 96, 160)), form)
    kinds = {node.get_type_name() for node in model.get_ops()}
    assert not kinds & {"If", "ROIAlign", "ScatterElementsUpdate", "ScatterNDUpdate"}
