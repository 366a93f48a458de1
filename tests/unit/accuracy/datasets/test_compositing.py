from __future__ import annotations

import collections
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from helpers.picture_files import colours, touch, write
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from omz.accuracy.datasets.compositing import Backgrounds, composite, fingerprint
from omz.errors import DataError


@given(
    st.sampled_from([255, 65535]),
    arrays(np.uint16, (2, 3)),
    arrays(np.uint8, (2, 3, 3)),
    arrays(np.uint8, (2, 3, 3)),
)
def test_composites_are_the_nearest_level(most, levels, foreground, background):
    levels = np.minimum(levels, most)
    found = composite(levels / most, foreground, background)
    assert found.dtype == np.uint8
    for place in np.ndindex(found.shape):
        share = Fraction(int(levels[place[:2]]), most)
        exact = share * int(foreground[place]) + (1 - share) * int(background[place])
        assert abs(exact - int(found[place])) < Fraction(1, 2)


def test_all_levels_of_eight_bits_are_exact():
    alpha, foreground = np.meshgrid(np.arange(256), np.arange(256), indexing="ij")
    for background in (0, 1, 128, 255):
        expected = (2 * (alpha * foreground + (255 - alpha) * background) + 255) // 510
        pictures = [
            np.dstack([values] * 3).astype(np.uint8) for values in (foreground, np.full_like(alpha, background))
        ]
        np.testing.assert_array_equal(composite(alpha / 255, *pictures)[..., 1], expected)


FILES = [f"{number}.jpg" for number in range(20)]


@given(st.permutations(FILES), st.integers(0, 19), st.text(max_size=5), st.integers(0, 99))
def test_a_background_depends_on_seed_clip_and_names_alone(order, count, clip, seed):
    folder = Path("somewhere")
    chosen = Backgrounds(folder, seed).choose(clip, [folder / name for name in FILES])
    elsewhere = Path("else/where")
    assert Backgrounds(elsewhere, seed).choose(clip, [elsewhere / name for name in order]).name == chosen.name
    fewer = [*order[:count], chosen.name]
    assert Backgrounds(folder, seed).choose(clip, [folder / name for name in fewer]) == chosen


def test_backgrounds_are_drawn_alike_often_and_differ_by_seed():
    folder = Path("bgr")
    files = [folder / name for name in FILES]
    draws = [[Backgrounds(folder, seed).choose(f"clip{n}", files).name for n in range(2000)] for seed in (0, 1)]
    counts = collections.Counter(draws[0])
    assert set(counts) == set(FILES)
    assert 60 < min(counts.values()) < max(counts.values()) < 150
    assert 0.02 < np.mean(np.array(draws[0]) == np.array(draws[1])) < 0.1


def test_the_choice_is_the_one_of_the_first_release():
    """Python's hash differs from run to run, and reports of one seed must stay comparable for ever."""
    folder = Path("bgr")
    chosen = Backgrounds(folder, 7).choose("clip", [folder / name for name in FILES])
    assert chosen.name == "9.jpg"


def test_backgrounds_are_pictures_at_any_depth_of_the_folder(tmp_path):
    touch(tmp_path, "10.jpg", "9.png", "in/1.webp", "._9.png", ".cache/2.png", "notes.txt")
    names = [path.relative_to(tmp_path).as_posix() for path in Backgrounds(tmp_path).files()]
    assert names == ["9.png", "10.jpg", "in/1.webp"]
    for empty in (tmp_path / ".cache", tmp_path / "none"):
        with pytest.raises(DataError, match="has no backgrounds; name a folder"):
            Backgrounds(empty / "x").files()


def test_a_background_covers_the_frame_and_is_read_once_a_clip(tmp_path):
    wide = np.repeat(np.uint8([[[0] * 3] * 4 + [[200] * 3] * 4 + [[0] * 3] * 4]), 4, 0)  # the middle third is bright
    path = write(tmp_path / "wide.png", wide)
    backgrounds = Backgrounds(tmp_path)
    first = backgrounds.read(path, (4, 4)).colours
    np.testing.assert_array_equal(first, np.full((4, 4, 3), 200, np.uint8))
    first[:] = 1
    path.unlink()
    np.testing.assert_array_equal(backgrounds.read(path, (4, 4)).colours, np.full((4, 4, 3), 200, np.uint8))
    with pytest.raises(DataError, match=r"no image at .*wide\.png"):
        backgrounds.read(path, (4, 5))


def test_fingerprints_tell_size_and_pixels():
    picture = colours(3)
    assert fingerprint(picture) == fingerprint(picture[::-1][::-1])
    changed = picture.copy()
    changed[-1, -1, -1] += 1
    others = {fingerprint(changed), fingerprint(picture.reshape(8, 6, 3)), fingerprint(picture[..., ::-1])}
    assert len(others | {fingerprint(picture)}) == 4
    assert len(fingerprint(picture)) == 64
