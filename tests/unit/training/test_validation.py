from __future__ import annotations

import numpy as np
import pytest
import torch

from omz.training.batches import Batch
from omz.training.validation import figures, sheet, stencil, true_alpha


def scene_of(alpha: np.ndarray) -> Batch:
    image = torch.zeros(1, *alpha.shape, 3, dtype=torch.uint8)
    levels = torch.from_numpy(np.round(255 * alpha).astype(np.uint8))[None]
    return Batch(image, image + 7, levels, levels, levels)


@pytest.fixture
def scene() -> Batch:
    alpha = np.zeros((10, 20))
    alpha[:, 10:] = 1
    alpha[:, 8:10] = 0.6
    return scene_of(alpha)


def test_the_truth_has_no_error(scene):
    assert set(figures([scene], true_alpha).values()) == {0.0}


def test_figures_by_hand(scene):
    def predict(batch):
        alpha = true_alpha(batch).copy()
        alpha[:, 12] = 0.5  # a hole: one column of ten of the subject, of 20 in all
        alpha[:, 0] = 0.2  # a ghost: one of eight
        return alpha

    found = figures([scene], predict)
    assert found["inside"] == pytest.approx(1e3 * 0.5 / 20)
    assert found["background"] == pytest.approx(1e3 * 0.2 / 20)
    assert found["mad"] == pytest.approx(1e3 * 0.7 / 20)
    assert found["band"] == 0
    assert found["holes"] == pytest.approx(10)
    assert found["ghosts"] == pytest.approx(12.5)
    assert figures([scene], stencil)["band"] == pytest.approx(400)


def test_a_scene_without_a_subject_has_no_band(scene):
    empty = scene_of(np.zeros((10, 20)))
    found = figures([scene, empty], stencil)
    assert found["band"] == pytest.approx(400)
    assert found["mad"] == pytest.approx(1e3 * 0.4 * 2 / 20 / 2)
    assert "band" not in figures([empty], stencil)


def test_the_sheet_shows_image_plate_truth_and_prediction(scene):
    shown = sheet([scene, scene], [np.full((10, 20), 0.2, np.float32)] * 2)
    assert shown.shape == (20, 80, 3)
    assert shown[0, 0].tolist() == [0, 0, 0]
    assert shown[0, 20].tolist() == [7, 7, 7]
    assert shown[0, 59].tolist() == [255] * 3
    assert shown[-1, -1].tolist() == [51] * 3
