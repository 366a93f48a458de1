"""Colours against the formula of ITU-T H.273, 8.3, computed here in floating point."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from omz.video.info import probe
from omz.video.reading import read

WEIGHTS = {709: (0.2126, 0.0722), 601: (0.299, 0.114), 2020: (0.2627, 0.0593)}
TAGS = {709: 1, 601: 6, 2020: 9, None: 2}
COLOURS = np.array(
    [
        [0, 0, 0],
        [255, 255, 255],
        [128, 128, 128],
        [255, 0, 0],
        [0, 255, 0],
        [0, 0, 255],
        [200, 120, 60],
        [155, 255, 120],
    ],
    np.uint8,
)
SQUARE = 24


def ycbcr(bgr: np.ndarray, matrix: int, full: bool, bits: int) -> np.ndarray:
    red_weight, blue_weight = WEIGHTS[matrix]
    blue, green, red = np.moveaxis(bgr / 255, -1, 0)
    luma = red_weight * red + (1 - red_weight - blue_weight) * green + blue_weight * blue
    differences = (blue - luma) / (2 - 2 * blue_weight), (red - luma) / (2 - 2 * red_weight)
    most = 2**bits - 1
    if full:
        levels = [most * luma, *(2 ** (bits - 1) + most * difference for difference in differences)]
    else:
        levels = [219 * luma + 16, *(224 * difference + 128 for difference in differences)]
        levels = [level * 2 ** (bits - 8) for level in levels]
    return np.clip(np.rint(levels), 0, most)


def write_levels(path, squares, matrix, full, pixel_format, height=SQUARE, tagged=True):
    """Write a lossless frame of squares of Y'CbCr levels, (3, n)."""
    bits = 10 if "10" in pixel_format else 8
    columns = np.repeat(squares, SQUARE, axis=1)[:, : squares.shape[1] * SQUARE - (height % 2)]
    frame = av.VideoFrame(columns.shape[1], height, pixel_format)
    for plane, row in zip(frame.planes, columns, strict=True):
        step = 1 if plane.width == frame.width else 2
        levels = np.zeros(
            (plane.height, plane.line_size * 8 // (16 if bits > 8 else 8)), np.uint16 if bits > 8 else np.uint8
        )
        levels[:, : plane.width] = row[::step]
        plane.update(levels.tobytes())
    frame.pts, frame.time_base = 0, Fraction(1, 25)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", 25)
        stream.height, stream.width, stream.pix_fmt = height, frame.width, pixel_format
        stream.codec_context.colorspace = frame.colorspace = TAGS[matrix if tagged else None]
        stream.codec_context.color_range = frame.color_range = 2 if full else (1 if tagged else 0)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def assert_colours(path, tolerance=1):
    picture = next(read(path)).picture
    middles = picture[picture.shape[0] // 2, SQUARE // 2 :: SQUARE]
    np.testing.assert_allclose(middles.astype(int), COLOURS.astype(int), atol=tolerance)


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p", "yuv422p10le"])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", [709, 601, 2020])
def test_tagged_colours_are_within_two_levels(tmp_path, matrix, full, pixel_format):
    bits = 10 if "10" in pixel_format else 8
    write_levels(tmp_path / "a.mkv", ycbcr(COLOURS, matrix, full, bits), matrix, full, pixel_format)
    # 8 bits of limited range are coarser than 8 bits of BGR: a level of Y'CbCr is up to two of BGR
    assert_colours(tmp_path / "a.mkv", 1 if bits > 8 else 2)
    colour = probe(tmp_path / "a.mkv").colour
    assert (str(colour), colour.is_tagged) == (f"BT.{matrix} {'full' if full else 'limited'}", True)


@pytest.mark.parametrize(("height", "matrix"), [(576, 601), (720, 709)])
def test_untagged_colours_are_guessed_by_the_lines(tmp_path, height, matrix):
    squares = ycbcr(COLOURS, matrix, False, 8)
    write_levels(tmp_path / "a.mkv", squares, matrix, False, "yuv420p", height, tagged=False)
    assert_colours(tmp_path / "a.mkv", 2)
    assert str(probe(tmp_path / "a.mkv").colour) == f"BT.{matrix} limited, guessed"


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p"])
def test_odd_sizes(tmp_path, pixel_format):
    write_levels(tmp_path / "a.mkv", ycbcr(COLOURS, 709, False, 8), 709, False, pixel_format, height=SQUARE + 1)
    assert_colours(tmp_path / "a.mkv", 2)


@pytest.mark.parametrize("pixel_format", ["bgr0", "gray"])
def test_rgb_and_grey_are_exact(tmp_path, pixel_format):
    picture = np.random.default_rng(5).integers(0, 256, (30, 40, 3)).astype(np.uint8)
    if pixel_format == "gray":
        picture = np.repeat(picture[..., :1], 3, axis=2)
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("ffv1", 25)
        stream.height, stream.width, stream.pix_fmt = 30, 40, pixel_format
        given = picture[..., 0] if pixel_format == "gray" else picture
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(given), "gray" if pixel_format == "gray" else "bgr24")
        container.mux(stream.encode(frame.reformat(format=pixel_format)))
        container.mux(stream.encode(None))
    np.testing.assert_array_equal(next(read(tmp_path / "a.mkv")).picture, picture)
