from __future__ import annotations

import math

import numpy as np
import pytest

from omz.accuracy.runner import Scores, evaluate, mean, score
from omz.runtime.matter import Matte
from omz.synthesis.scene import make_scene


def test_the_truth_scores_zero():
    scene = make_scene(0, (48, 64), "test")
    truth = Matte(scene.alpha, scene.foreground.astype(np.float32) / 255)
    assert score(truth, scene) == Scores(0, 0, 0, 0)


def test_means_leave_out_what_could_not_be_measured():
    frames = [Scores(1, 2, 3, math.nan), Scores(3, 4, 5, 6)]
    assert mean(frames) == Scores(2, 3, 4, 6)
    assert math.isnan(mean([frames[0]]).foreground_mse)


def test_every_model_sees_every_scene_once():
    scenes = [make_scene(index, (32, 32), "test") for index in range(3)]
    seen: list[tuple[str, int]] = []

    def matter(name, wrong):
        def run(picture, plate):
            index = next(i for i, scene in enumerate(scenes) if scene.picture is picture)
            seen.append((name, index))
            return Matte(np.clip(scenes[index].alpha + wrong, 0, 2), scenes[index].foreground.astype(np.float32) / 255)

        return run

    result = evaluate({"right": matter("right", 0), "wrong": matter("wrong", np.float32(0.25))}, iter(scenes))
    assert seen == [(name, index) for index in range(3) for name in ("right", "wrong")]
    assert result["right"].alpha_mad == 0
    assert result["wrong"].alpha_mad == pytest.approx(250)
