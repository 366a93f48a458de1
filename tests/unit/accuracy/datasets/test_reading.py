from __future__ import annotations

import tempfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.picture_files import SIZE, colours, grey, rgba, write
from hypothesis import given
from hypothesis.extra.numpy import arrays
from PIL import Image

from omz.accuracy.datasets.content import read_content
from omz.accuracy.datasets.reading import read_frame
from omz.accuracy.datasets.sample import Entry, Role, Sample
from omz.errors import DataError


def no_background(path: Path, size: tuple[int, int]) -> np.ndarray:
    raise AssertionError(f"{path} {size}")


def frame(**files: Path) -> Sample:
    return read_frame(Entry("1", "", 0, files), no_background)


def every_level(bits: int) -> np.ndarray:
    side = 1 << bits // 2
    return np.arange(1 << bits, dtype=np.uint8 if bits == 8 else np.uint16).reshape(side, side)


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("form", ["grey", "three channels", "opaque", "foreground", "cutout"])
def test_alpha_is_the_exact_share_of_the_largest_level(tmp_path, bits, form, suffix):
    """Accuracy checker wraps 16 bits: 32768 to 0, 257 to 1."""
    levels = every_level(bits)
    noise = np.random.default_rng(0).integers(0, levels.max(), (*levels.shape, 3), levels.dtype, endpoint=True)
    opaque = np.full_like(levels, levels.max())
    stored = {
        "grey": levels,
        "three channels": np.dstack([levels] * 3),
        "opaque": np.dstack([levels] * 3 + [opaque]),
        "foreground": np.dstack([noise, levels]),
        "cutout": np.dstack([noise, levels]),
    }
    role: Role = {"foreground": "foreground", "cutout": "cutout"}.get(form, "alpha")
    content = read_content(role, write(tmp_path / f"a{suffix}", stored[form]))
    assert content.alpha.dtype == np.float64
    assert (content.bits, content.size) == (bits, levels.shape)
    assert [each.hex() for each in content.alpha.ravel()] == [
        (int(v) / ((1 << bits) - 1)).hex() for v in levels.ravel()
    ]
    if role == "foreground":
        np.testing.assert_array_equal(content.colours, noise if bits == 8 else noise // 256)
    else:
        assert content.colours is None


@given(arrays(np.uint16, (3, 5)))
def test_sixteen_bits_come_back(levels):
    with tempfile.TemporaryDirectory() as folder:
        for stored, role in ((levels, "alpha"), (np.dstack([~levels] * 3 + [levels]), "foreground")):
            alpha = read_content(role, write(Path(folder) / "a.png", stored)).alpha
            np.testing.assert_array_equal(np.rint(alpha * 65535).astype(np.uint16), levels)


@pytest.mark.parametrize(("mode", "level"), [("1", 255), ("L", 77), ("P", 77)])
def test_alpha_of_a_bit_or_a_palette_is_grey_too(tmp_path, mode, level):
    image = Image.new("L", (8, 6), level)
    image.convert(mode).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_content("alpha", tmp_path / "a.png").alpha, np.full(SIZE, level / 255))


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channel", [0, 1, 2])
def test_channels_that_differ_in_one_level_are_refused(tmp_path, channel, dtype, suffix):
    levels = np.full((*SIZE, 3), 100, dtype)
    levels[3, 4, channel] += 1
    path = write(tmp_path / f"a{suffix}", levels)
    with pytest.raises(DataError, match=f"{path} is coloured: its channels differ, .*; save it as grey"):
        read_content("alpha", path)


def test_alpha_in_a_file_of_two_truths_is_refused(tmp_path):
    path = write(tmp_path / "a.png", rgba(5, 100))
    with pytest.raises(DataError, match=r"a\.png has an alpha channel beside its greys; save one"):
        read_content("alpha", path)


def test_a_cutout_needs_its_fourth_channel(tmp_path):
    with pytest.raises(DataError, match=r"a\.png has no alpha channel; save the cut-out with alpha"):
        read_content("cutout", write(tmp_path / "a.png"))


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_depths_whose_range_is_not_known_are_refused(tmp_path, dtype):
    Image.fromarray(np.zeros(SIZE, dtype)).save(tmp_path / "a.tiff")
    with pytest.raises(DataError, match=r"neither 8 nor 16 bits a channel; convert"):
        read_content("alpha", tmp_path / "a.tiff")


@pytest.mark.parametrize("shape", [(9, 7), (9, 7, 3), (9, 7, 4)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_damaged_empty_and_missing_files_are_named(tmp_path, shape, dtype, suffix):
    noise = np.random.default_rng(0).integers(0, 256, shape).astype(dtype)
    path = write(tmp_path / f"a{suffix}", noise)
    whole = path.read_bytes()
    for length in range(0, len(whole) - 20, 7):  # a PNG ends in sums and a mark of 20 bytes
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match=str(path)) as caught:
            read_content("foreground", path)
        assert "\n" not in str(caught.value)
    path.unlink()
    with pytest.raises(DataError, match=rf"no image at {path}; check the path"):
        read_content("foreground", path)


@pytest.mark.parametrize("stored", [np.uint8([[0, 128, 255]]), np.dstack([np.uint8([[0, 128, 255]])] * 3)])
def test_a_trimap_has_three_greys(tmp_path, stored):
    trimap = read_content("trimap", write(tmp_path / "t.png", stored)).trimap
    np.testing.assert_array_equal(trimap, np.uint8([[0, 128, 255]]))
    assert trimap.dtype == np.uint8


@pytest.mark.parametrize(
    ("stored", "told"),
    [
        (np.uint8([[0, 127, 255]]), "127"),
        (np.uint8([[0, 1, 2]]), "1, 2"),
        (np.uint16([[0, 32896, 65535]]), "32896, 65535"),
        (np.arange(9, dtype=np.uint8)[None], "1, 2, 3, 4, 5, …"),
    ],
)
def test_other_greys_are_named(tmp_path, stored, told):
    with pytest.raises(DataError, match=rf"t\.png has the greys {told}; a trimap has 0, 128 \(unknown\) and 255 alone"):
        read_content("trimap", write(tmp_path / "t.png", stored))


def test_a_frame_is_what_its_files_hold(tmp_path):
    trimap = grey(128)
    sample = frame(
        picture=write(tmp_path / "com.png", colours(10)),
        plate=write(tmp_path / "bgr.png", rgba(20, 7)),
        alpha=write(tmp_path / "pha.png", grey(51)),
        foreground=write(tmp_path / "fgr.png", colours(30)),
        trimap=write(tmp_path / "tri.png", trimap),
    )
    np.testing.assert_array_equal(sample.picture, colours(10))
    np.testing.assert_array_equal(sample.plate, colours(20))
    np.testing.assert_array_equal(sample.foreground, colours(30))
    np.testing.assert_array_equal(sample.alpha, np.full(SIZE, 0.2))
    np.testing.assert_array_equal(sample.trimap, trimap)


def test_a_grey_picture_becomes_colours(tmp_path):
    np.testing.assert_array_equal(
        read_content("picture", write(tmp_path / "1.png", grey(7))).colours, 7 * np.ones((*SIZE, 3))
    )
    deep = write(tmp_path / "2.png", np.full(SIZE, 0x07FF, np.uint16))
    np.testing.assert_array_equal(read_content("picture", deep).colours, 7 * np.ones((*SIZE, 3)))


def test_a_file_of_alpha_counts_before_the_foregrounds(tmp_path):
    picture, foreground = write(tmp_path / "com.png"), write(tmp_path / "fgr.png", rgba(1, 51))
    assert (frame(picture=picture, foreground=foreground).alpha == 0.2).all()
    alpha = write(tmp_path / "pha.png", grey(102))
    assert (frame(picture=picture, foreground=foreground, alpha=alpha).alpha == 0.4).all()


def test_what_the_dataset_does_not_tell_is_none(tmp_path):
    sample = frame(picture=write(tmp_path / "1.png"))
    assert (sample.plate, sample.alpha, sample.foreground, sample.trimap) == (None,) * 4
    cutout = frame(picture=write(tmp_path / "1.jpg"), cutout=write(tmp_path / "1c.png", rgba(9, 255)))
    assert cutout.foreground is None
    assert (cutout.alpha == 1).all()


@pytest.mark.parametrize("role", ["plate", "alpha", "foreground", "trimap", "cutout"])
def test_sizes_must_be_equal(tmp_path, role):
    first, other = write(tmp_path / "1.png"), write(tmp_path / "other.png", rgba(0, 255, (6, 7)))
    if role in ("alpha", "trimap"):
        write(other, grey(128, (6, 7)))
    with pytest.raises(DataError, match=f"{other} is 7x6, {first} is 8x6; make them of one size"):
        frame(picture=first, **{role: other})


def test_a_foreground_without_alpha_needs_a_file_of_alpha(tmp_path):
    with pytest.raises(DataError, match=r"fgr\.png has no alpha channel, and there is no file of alpha; save it"):
        frame(picture=write(tmp_path / "com.png"), foreground=write(tmp_path / "fgr.png"))


def test_the_alpha_of_a_cut_out_serves_a_foreground_without(tmp_path):
    cutout, plain = write(tmp_path / "cut.png", rgba(3, 77)), write(tmp_path / "fgr.png", rgba(5, 255)[..., :3])
    sample = frame(picture=write(tmp_path / "com.png"), cutout=cutout, foreground=plain)
    assert (sample.alpha == 77 / 255).all()
    assert sample.foreground is not None


def test_a_jpeg_alpha_is_what_its_decoder_says(tmp_path):
    smooth = np.repeat(np.arange(0, 256, 4, dtype=np.uint8)[None], 16, 0)
    path = write(tmp_path / "a.jpg", smooth)
    alpha = read_content("alpha", path).alpha
    np.testing.assert_array_equal(alpha, cv2.imread(str(path), cv2.IMREAD_UNCHANGED) / 255)
    assert abs(alpha - smooth / 255).max() < 0.05


def test_each_file_is_decoded_once(tmp_path, monkeypatch):
    opened = []
    real = Image.open
    monkeypatch.setattr(Image, "open", lambda path, formats: (opened.append(path), real(path, formats=formats))[1])
    files = {"picture": write(tmp_path / "com.png"), "foreground": write(tmp_path / "fgr.png", rgba(0, 9))}
    frame(**files)
    assert sorted(opened) == sorted(files.values())
