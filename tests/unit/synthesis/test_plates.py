from __future__ import annotations

import cv2
import numpy as np
import pytest

from omz.synthesis import plates

KINDS = (plates.dead_leaves, plates.foliage, plates.posters, plates.room, plates.wall, plates.plate)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_every_plate_is_whole_and_of_its_seed(kind, seed):
    first, again = (kind(np.random.default_rng(seed), (90, 160)) for _ in range(2))
    assert first.shape == (90, 160, 3)
    assert first.dtype == np.float32
    assert first.min() >= 0
    assert first.max() <= 1
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, kind(np.random.default_rng(seed + 100), (90, 160)))


def test_dead_leaves_have_edges_at_every_size():
    image = plates.dead_leaves(np.random.default_rng(1), (256, 256)).mean(axis=2)
    for scale in (1, 2, 4, 8):
        small = cv2.resize(image, (256 // scale, 256 // scale), interpolation=cv2.INTER_AREA)
        assert np.abs(np.diff(small, axis=1)).max() > 0.1


def test_a_panorama_is_seen_level(tmp_path):
    """The upper half of the sphere is red, the lower one blue: so is a view, and right and left are alike."""
    sphere = np.zeros((128, 256, 3), np.uint8)
    sphere[:64, :, 2], sphere[64:, :, 0] = 200, 200
    path = tmp_path / "sphere.png"
    cv2.imwrite(str(path), sphere)
    view = plates.view(path, np.random.default_rng(0), (90, 160))
    assert view[5, :, 2].min() > view[5, :, 0].max()
    assert view[-5, :, 0].min() > view[-5, :, 2].max()
    np.testing.assert_allclose(view[:, 10], view[:, -11], atol=0.05)
