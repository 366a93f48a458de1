"""Parts of a mask: together they are all of it, and no pixel is in two."""

import numpy as np
import pytest

from omz.images.refining.tiles import Part, parts_with


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (64, 128), (65, 129), (200, 333)])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 1.0])
def test_every_pixel_of_a_mask_is_in_one_part(size, share):
    mask = (np.random.default_rng(size[1]).random(size) < share).astype(np.uint8)
    found = np.zeros(size, int)
    for part in parts_with(mask):
        assert mask[part.there].any()
        found[part.there] += 1
    assert found.max() <= 1
    assert (found[mask > 0] == 1).all()


def test_a_margin_ends_at_the_edge_of_the_image():
    image, part = np.arange(70 * 90).reshape(70, 90), Part(64, 70, 10, 20)
    around = part.grown(8, image.shape)
    assert around == Part(56, 70, 2, 28)
    assert np.array_equal(image[around.there][part.within(around)], image[part.there])
