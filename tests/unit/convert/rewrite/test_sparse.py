"""The sparse form of the published refiner against the published form in ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.rewritten import Matted, exchanged, original, pair, published, read, reshaped, run

from omz.convert.ir_file import read_model, save_ir
from omz.convert.rewrite import SPARSE, rewrite

BLOCKS = 5000
FEW = 100
MOST_TIES = 4


def rewritten(path: Path, shape: tuple[int, ...]):
    model = read(path, shape)
    assert rewrite(model) == SPARSE
    return model


def check(path: Path, blocks: int, height: int, width: int, batch: int = 1) -> Matted:
    images = pair(1, height, width, batch)
    expected = original(path, images)
    found = run(rewritten(path, (batch, 3, height, width)), images)
    assert exchanged(found, expected, blocks) <= MOST_TIES
    return expected


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("published")


@pytest.fixture(scope="module")
def graph(folder) -> Path:
    return published(folder / "few.onnx", seed=0, blocks=FEW)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_computes_what_the_published_form_does(seed, folder):
    path = published(folder / f"{seed}.onnx", seed, BLOCKS)
    expected = check(path, BLOCKS, 360, 640)
    assert (expected.errors > 0).sum() > BLOCKS


@pytest.mark.slow
@pytest.mark.parametrize(("height", "width"), [(720, 1280), (1080, 1920)])
@pytest.mark.parametrize("offset", [0.0, -0.3])
def test_it_computes_the_same_at_the_sizes_of_videos(height, width, offset, folder):
    check(published(folder / f"{height}{offset}.onnx", 4, BLOCKS, offset), BLOCKS, height, width)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (76, 140), (140, 76)])
def test_windows_at_every_edge_are_the_same(height, width, graph):
    check(graph, FEW, height, width)


def test_all_blocks_of_an_image_can_be_refined(folder):
    path = published(folder / "all.onnx", 5, blocks=16 * 24)
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
    expected = check(published(folder / f"{blocks}.onnx", 6, blocks), blocks, 128, 192)
    assert (expected.errors > 0).sum() > blocks


def test_it_can_be_reshaped_after_it_was_written(graph, tmp_path):
    save_ir(rewritten(graph, (1, 3, 96, 160)), tmp_path / "net.xml", "FP32")
    model = reshaped(read_model(tmp_path / "net.xml"), (1, 3, 128, 64))
    images = pair(3, 128, 64)
    assert exchanged(run(model, images), original(graph, images), FEW) <= MOST_TIES


def test_an_image_with_fewer_blocks_than_are_asked_for_is_refined_everywhere(graph):
    images = pair(5, 32, 36)  # where the published form fails
    model = read(graph, (1, 3, 64, 64))
    rewrite(model)
    assert np.isfinite(run(reshaped(model, (1, 3, 32, 36)), images)).all()


def test_it_has_no_node_that_crops_by_boxes_or_computes_by_places_of_pixels(graph):
    kinds = {node.get_type_name() for node in rewritten(graph, (1, 3, 96, 160)).get_ops()}
    assert not kinds & {"ROIAlign", "ScatterElementsUpdate", "ScatterNDUpdate"}
