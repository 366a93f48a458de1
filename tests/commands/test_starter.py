"""The starter model against the matte that needs no network, on scenes and pictures it was not trained on."""

from __future__ import annotations

from pathlib import Path

import pytest
from starter_quality import compare, lemur_frames, synthetic_frames

from omz.convert.store import stored_ir
from omz.matting.network import MattingNetwork
from omz.runtime.openvino_engine import OpenVINOEngine
from omz.training.recipe import STARTER
from omz.zoo import Catalog

LEMUR = Path(__file__).parents[3] / "shared" / "samples" / "lemur"


@pytest.fixture(scope="module")
def matter() -> MattingNetwork:
    return MattingNetwork(OpenVINOEngine(stored_ir(Catalog()["background-matting-starter"], Path())))


def test_held_out_scenes(matter):
    ours, key, _ = compare(matter, synthetic_frames(16, (720, 1280)))
    assert ours <= key / 2


@pytest.mark.skipif(not LEMUR.is_dir(), reason="the sample pictures are not at hand")
def test_a_real_subject_before_real_backgrounds(matter):
    ours, key, _ = compare(matter, lemur_frames(LEMUR))
    assert ours <= key / 2


def test_the_recipe_makes_the_network_of_the_card():
    card = Catalog()["background-matting-starter"]
    assert f"--model-param=width={STARTER.width}" in card.conversion_to_onnx_args
