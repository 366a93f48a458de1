"""Parts of a mask: together they are all of it, and no pixel is in two."""

import numpy as np
import pytest

from omz.images.refining.tiles import Part, part_around, parts_with


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


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (64, 128), (203, 333)])
@pytest.mark.parametrize("margin", [0, 5, 1000])
def test_a_part_around_a_mask_holds_it_with_its_margin(size, margin):
    mask = np.zeros(size, np.uint8)
    mask[size[0] // 2, size[1] // 3] = mask[size[0] // 3, size[1] // 2] = 1
    part = part_around(mask, margin)
    assert part is not None
    rows, columns = np.nonzero(mask)
    assert part.top <= max(0, rows.min() - margin) < min(size[0], rows.max() + margin + 1) <= part.bottom
    assert part.left <= max(0, columns.min() - margin) < min(size[1], columns.max() + margin + 1) <= part.right
    assert part.top % 24 == part.left % 24 == 0
    assert part.bottom in (size[0], part.bottom // 24 * 24)
    assert part.right in (size[1], part.right // 24 * 24)


def test_there_is_no_part_around_nothing():
    assert part_around(np.zeros((40, 50), np.uint8), 3) is None


@pytest.mark.parametrize(("old", "new"), [((40, 60), (80, 120)), ((360, 640), (719, 1281)), ((7, 5), (3, 2))])
def test_parts_of_a_copy_are_neighbours_as_those_of_the_image_are(old, new):
    middle, across = old[0] // 3, old[1] // 2
    parts = [
        Part(top, bottom, left, right).scaled(old, new)
        for top, bottom in ((0, middle), (middle, old[0]))
        for left, right in ((0, across), (across, old[1]))
    ]
    found = np.zeros(new, int)
    for part in parts:
        found[part.there] += 1
    assert (found == 1).all()
