from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pytest
from builders import save_brightness_model

from omz.accuracy.runner import Scores, evaluate, mean, score
from omz.runtime.engine import EngineInfo, TensorInfo
from omz.runtime.matter import Matte, Matter
from omz.runtime.openvino_engine import OpenVINOEngine
from omz.synthesis.scene import Scene, make_scene


def test_the_truth_scores_zero():
    scene = make_scene(0, (48, 64), "test")
    truth = Matte(scene.alpha, scene.foreground.astype(np.float32) / 255)
    assert score(truth, scene) == Scores(0, 0, 0, 0)


def test_means_leave_out_what_could_not_be_measured():
    frames = [Scores(1, 2, 3, math.nan), Scores(3, 4, 5, 6)]
    assert mean(frames) == Scores(2, 3, 4, 6)
    assert math.isnan(mean([frames[0]]).foreground_mse)


def test_without_a_foreground_only_that_has_no_figure():
    scene = make_scene(0, (48, 64), "test")
    scores = score(Matte(scene.alpha), scene)
    assert (scores.alpha_mad, scores.alpha_mse, scores.alpha_grad) == (0, 0, 0)
    assert math.isnan(scores.foreground_mse)


@dataclass
class KnownScenes:
    """An engine that knows some scenes; where alpha goes from 0 to 1, its own goes from ``wrong`` to 1 - ``wrong``."""

    scenes: list[Scene]
    wrong: float = 0
    seen: list[int] = field(default_factory=list)
    info = EngineInfo("numpy", "CPU", "f32")
    inputs = (TensorInfo("src", (1, 3, -1, -1)), TensorInfo("bgr", (1, 3, -1, -1)))
    outputs = ("pha", "fgr")

    def infer(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        picture, plate = (inputs[name][0].transpose(1, 2, 0) for name in ("src", "bgr"))
        index = next(i for i, scene in enumerate(self.scenes) if np.array_equal(scene.picture, picture))
        np.testing.assert_array_equal(plate, self.scenes[index].plate)
        self.seen.append(index)
        rgb = self.scenes[index].foreground[..., ::-1].transpose(2, 0, 1).astype(np.float32) / 255
        alpha = self.scenes[index].alpha * np.float32(1 - 2 * self.wrong) + np.float32(self.wrong)
        return {"pha": alpha[None, None], "fgr": rgb[None]}


def test_every_model_sees_every_scene_once():
    scenes = [make_scene(index, (32, 32), "test") for index in range(3)]
    right, wrong = KnownScenes(scenes), KnownScenes(scenes, 0.25)
    result = evaluate({"right": Matter(right), "wrong": Matter(wrong)}, iter(scenes))
    assert right.seen == wrong.seen == [0, 1, 2]
    assert result["right"].alpha_mad == 0
    assert result["right"].foreground_mse == pytest.approx(0, abs=1e-6)
    expected = np.mean([np.abs(0.25 - 0.5 * scene.alpha.astype(np.float64)).mean() for scene in scenes])
    assert result["wrong"].alpha_mad == pytest.approx(1e3 * expected, rel=1e-5)


def test_a_model_without_a_plate_sees_the_picture_alone(tmp_path):
    scenes = [make_scene(index, (32, 48), "test") for index in range(2)]
    engine = OpenVINOEngine(save_brightness_model(tmp_path / "m.xml", "height", "width"))
    scores = evaluate({"brightness": Matter(engine)}, iter(scenes))["brightness"]
    found = [((scene.picture.astype(np.float64).mean(2) - 10) / 230).clip(0, 1) for scene in scenes]
    expected = np.mean([np.abs(alpha - scene.alpha).mean() for alpha, scene in zip(found, scenes, strict=True)])
    assert scores.alpha_mad == pytest.approx(1e3 * expected, rel=1e-5)
    assert math.isnan(scores.foreground_mse)
