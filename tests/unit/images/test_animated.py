from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from omz.images.animated import is_animated


def images(count: int, mode: str = "RGB") -> list[Image.Image]:
    rng = np.random.default_rng(count)
    return [Image.fromarray(rng.integers(0, 256, (20, 30, 3), np.uint8)).convert(mode) for _ in range(count)]


def save(path: Path, count: int, mode: str = "RGB", **options: object) -> Path:
    first, *more = images(count, mode)
    first.save(path, save_all=count > 1, append_images=more, **options)
    return path


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.apng", "a.webp", "A.PNG"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P"])
def test_files_of_several_frames_are_told_from_others(tmp_path, name, count, mode):
    options = {"format": "PNG"} if name == "a.apng" else {}
    path = save(tmp_path / name, count, mode, **options)
    with Image.open(path) as image:
        assert is_animated(path) == (getattr(image, "n_frames", 1) > 1)
    assert is_animated(path) == (count > 1)


def test_an_image_with_comments_and_a_loop_is_still(tmp_path):
    path = save(tmp_path / "a.gif", 1, comment=b"x" * 700, loop=0, transparency=0)
    assert not is_animated(path)
    assert is_animated(save(tmp_path / "b.gif", 2, comment=b"x" * 700, loop=0))


def test_the_suffix_counts(tmp_path):
    (tmp_path / "a.dat").write_bytes(save(tmp_path / "a.gif", 2).read_bytes())
    assert not is_animated(tmp_path / "a.dat")
    assert not is_animated(tmp_path / "none.gif")
    assert not is_animated(tmp_path)


@given(st.binary(max_size=200), st.sampled_from([b"GIF89a", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBPVP8X", b""]))
def test_damaged_files_raise_nothing(tmp_path_factory, data, head):
    path = tmp_path_factory.mktemp("damaged") / "a.gif"
    path.write_bytes(head + data)
    assert is_animated(path) in (True, False)


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.webp"])
def test_files_cut_short_raise_nothing(tmp_path, name):
    data = save(tmp_path / name, 3).read_bytes()
    for length in range(0, min(len(data), 300)):
        (tmp_path / name).write_bytes(data[:length])
        is_animated(tmp_path / name)
