"""The files of a picture: all, whole, or none."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.full_disk import small_disk

from omz.cutout.image_files import NoPlaceError, encode_images, sweep_images, write_images
from omz.cutout.names import WHATS
from omz.cutout.rendering import render
from omz.errors import ImageError
from omz.images.encoding import Metadata
from omz.images.files import read_pixels
from omz.matting.frames import Frame, MattedFrame


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_what_is_written_is_what_was_rendered(tmp_path, dtype):
    random = np.random.default_rng(0)
    picture, foreground, target = random.integers(0, 256, (3, 20, 30, 3), np.uint8)
    matted = MattedFrame(
        Frame(0, picture, target=target), random.integers(0, 65535, (20, 30)).astype(dtype), foreground
    )
    outputs = {what: tmp_path / "deep" / f"{what}.png" for what in WHATS}
    write_images(encode_images(matted, outputs, None, Metadata()))
    for what, path in outputs.items():
        np.testing.assert_array_equal(read_pixels(path), render(matted, what))
        assert cv2.imread(str(path), cv2.IMREAD_UNCHANGED).dtype == (dtype if what in ("alpha", "cutout") else np.uint8)


def test_all_files_of_a_picture_or_none(tmp_path):
    (tmp_path / "b.png").mkdir()
    (tmp_path / "a.png").write_bytes(b"old")
    with pytest.raises(ImageError, match=r"b\.png cannot be written: it is a folder") as raised:
        write_images({tmp_path / "a.png": b"new", tmp_path / "b.png": b"new"})
    assert not isinstance(raised.value, NoPlaceError)  # the next picture may fare better
    (tmp_path / "b.png").rmdir()
    assert content(tmp_path) == {"a.png": b"old"}


def test_a_full_disk_leaves_what_was_there(tmp_path):
    full = os.strerror(errno.ENOSPC)
    with small_disk(tmp_path / "disk", 40) as disk:
        write_images({disk / "a.png": b"a" * 10000})
        with pytest.raises(NoPlaceError, match=rf"a\.png, .*b\.png cannot be written: {full}; free"):
            write_images({disk / "a.png": b"b" * 10000, disk / "b.png": b"b" * 30000})
        assert content(disk) == {"a.png": b"a" * 10000}
        write_images({disk / "a.png": b"b" * 10000})
        assert content(disk) == {"a.png": b"b" * 10000}


def test_a_place_below_a_file_is_none(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ImageError, match="cannot be written"):
        write_images({tmp_path / "file" / "a.png": b""})


def test_what_killed_runs_left_of_these_files_is_removed_and_nothing_else(tmp_path):
    gone = [".a.0123abcd.part.png", ".a_alpha.0123abcd.part.png"]
    kept = [".b.0123abcd.part.png", ".a.0123abcd.part.webp", ".a.notes.part.png", "a.png", ".hidden"]
    for name in gone + kept:
        (tmp_path / name).touch()
    sweep_images([tmp_path / "a.png", tmp_path / "a_alpha.png", tmp_path / "none" / "a.png"])
    assert sorted(content(tmp_path)) == sorted(kept)
