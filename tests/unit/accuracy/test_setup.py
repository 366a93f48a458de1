from __future__ import annotations

import numpy as np

from omz.accuracy.setup import SyntheticScenes
from omz.synthesis.scene import make_scene


def test_scenes_are_those_for_tests(tmp_path):
    scenes = SyntheticScenes(3, (36, 64))
    assert scenes.title == "3 synthetic scenes of 64x36"
    assert [(entry.name, entry.clip, entry.index) for entry in scenes.entries] == [(n, "", 0) for n in "012"]
    sample, scene = scenes.read(scenes.entries[2]), make_scene(2, (36, 64), "test")
    assert sample.entry == scenes.entries[2]
    assert sample.alpha.dtype == np.float64
    for name in ("picture", "plate", "alpha", "foreground"):
        np.testing.assert_array_equal(getattr(sample, name), getattr(scene, name))
