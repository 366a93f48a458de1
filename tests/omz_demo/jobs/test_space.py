from __future__ import annotations

import numpy as np
import pytest
from full_disk import small_disk

from omz.errors import UsageError
from omz.images.encoding import Metadata
from omz.images.files import write_picture
from omz.synthesis.scene import make_scene
from omz_demo.frames import Cut, Frame
from omz_demo.jobs.space import check_space, estimate_pixels, least_bytes
from omz_demo.outputs.names import WHATS
from omz_demo.outputs.still_files import encode_stills


@pytest.mark.parametrize(("suffix", "whats"), [(".png", WHATS), (".jpg", ("composite",))])
@pytest.mark.parametrize("deep", [False, True])
def test_it_is_less_than_what_pictures_take_but_not_far_from_it(tmp_path, suffix, whats, deep):
    scene = make_scene(1, (240, 320), "space")
    alpha = np.rint(scene.alpha * (65535 if deep else 255)).astype(np.uint16 if deep else np.uint8)
    cut = Cut(Frame(0, scene.picture, target=scene.plate), alpha, scene.picture)
    encoded = encode_stills(cut, {what: tmp_path / f"{what}{suffix}" for what in whats}, None, Metadata())
    took = sum(map(len, encoded.values()))
    assert 0.1 * took < least_bytes(240 * 320, whats, suffix, deep) < took


def test_pixels_are_counted_from_a_sample(tmp_path):
    for number in range(100):
        write_picture(tmp_path / f"{number}.bmp", np.zeros((10, 20 if number % 2 else 40, 3), np.uint8))
    pictures = [tmp_path / f"{number}.bmp" for number in range(100)]
    assert estimate_pixels(pictures[:30]) == 15 * 10 * (20 + 40)
    assert 100 * 200 <= estimate_pixels(pictures) <= 100 * 400
    (tmp_path / "text.png").write_text("no picture")
    assert estimate_pixels([tmp_path / "text.png", tmp_path / "none.png"]) == 0
    assert estimate_pixels([]) == 0


def test_a_disk_that_is_too_small_is_one_line(tmp_path):
    check_space(tmp_path / "not" / "there", 1)
    check_space(tmp_path, 100, free=100)
    with pytest.raises(UsageError, match="has 2 MB free, and the results need 3 MB at least; free the disk"):
        check_space(tmp_path, 3_000_000, free=2_000_000)
    with small_disk(tmp_path / "disk", 100) as disk, pytest.raises(UsageError, match="0 MB free"):
        check_space(disk / "deep", 200_000)
