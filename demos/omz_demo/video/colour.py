"""Colours of videos: Y'CbCr of any matrix, range and depth to uint8 BGR, and BGR to what is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import av
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter

from omz.images.arrays import Picture
from omz_demo.frames import Levels

BT709 = 1  # the number of ITU-T H.273, and that of swscale
LIMITED, FULL = 1, 2  # Y' from 16 to 235, or from 0 to 255: FFmpeg's numbers
_ACCURATE = 0x2 | 0x40000  # bilinear, rounded accurately: without that, swscale's colours are 2 to 4 levels too dark
_HD_LINES = 720

_MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}  # matrix coefficients of H.273 to swscale's tables
_NAMES = {1: "BT.709", 4: "FCC", 5: "BT.601", 7: "SMPTE 240M", 9: "BT.2020"}


@dataclass(frozen=True)
class Colour:
    """How the levels of a frame are to be understood.

    ``matrix`` is swscale's number of the Y'CbCr matrix, 0 for RGB and palettes; ``is_full`` says that Y' uses all
    levels; ``is_tagged`` that the stream names its matrix, which is guessed otherwise.
    """

    matrix: int
    is_full: bool
    is_tagged: bool

    def __str__(self) -> str:
        if not self.matrix:
            return "RGB"
        return f"{_NAMES[self.matrix]} {'full' if self.is_full else 'limited'}{'' if self.is_tagged else ', guessed'}"


def colour_of(frame: av.VideoFrame) -> Colour:
    """Return what a frame is tagged with; untagged it is BT.709 from 720 lines up, else BT.601, and limited.

    Grey and the ``yuvj`` formats are full by definition.
    """
    if frame.format.is_rgb or frame.format.has_palette:
        return Colour(0, True, True)
    tagged = _MATRICES.get(frame.colorspace)
    is_full = frame.color_range == FULL or frame.format.name.startswith(("yuvj", "gray", "ya"))
    return Colour(tagged or _MATRICES[1 if frame.height >= _HD_LINES else 6], is_full, tagged is not None)


def to_bgr(reformatter: VideoReformatter, frame: av.VideoFrame, colour: Colour) -> Picture:
    """Return a frame as uint8 BGR, within a level of the exact conversion.

    ``reformatter`` should be the same for all frames of a video: it keeps its tables. By way of planes, it takes half
    the time that it takes straight to BGR.
    """
    if not colour.matrix:
        return reformatter.reformat(frame, format="bgr24").to_ndarray().astype(np.uint8, copy=False)
    planar = reformatter.reformat(
        frame,
        format="gbrp",
        src_colorspace=colour.matrix,
        src_color_range=FULL if colour.is_full else LIMITED,
        dst_color_range=FULL,
        interpolation=_ACCURATE,
    )
    green, blue, red = (plane_levels(planar, index) for index in range(3))
    return cv2.merge([blue, green, red])


def from_bgr(reformatter: VideoReformatter, picture: Levels, pixel_format: str) -> av.VideoFrame:
    """Return (H, W, 3) BGR or (H, W, 4) BGRA, uint8 or uint16, as a frame of a Y'CbCr format, BT.709 limited.

    Alpha is rounded to the depth of the format, where that has any; swscale alone would miss by a level.
    """
    has_alpha, is_deep = picture.shape[2] == 4, picture.dtype.itemsize == 2
    name = ("bgra64le" if has_alpha else "bgr48le") if is_deep else ("bgra" if has_alpha else "bgr24")
    contiguous: Any = np.ascontiguousarray(picture)
    given = _planar(picture) if name == "bgr24" else av.VideoFrame.from_ndarray(contiguous, format=name)
    frame = reformatter.reformat(
        given,
        format=pixel_format,
        dst_colorspace=BT709,
        dst_color_range=LIMITED,
        interpolation=_ACCURATE,
    )
    alpha = frame.format.components[-1]
    if has_alpha and alpha.is_alpha:
        most = np.iinfo(picture.dtype).max
        scaled = cv2.multiply(
            picture[..., 3], (2**alpha.bits - 1) / most, dtype=cv2.CV_16U if alpha.bits > 8 else cv2.CV_8U
        )
        plane_levels(frame, len(frame.format.components) - 1)[...] = scaled
    return frame


def _planar(picture: Levels) -> av.VideoFrame:
    """Return (H, W, 3) uint8 BGR as planes, of which swscale makes the same levels in two thirds of the time."""
    frame = av.VideoFrame(picture.shape[1], picture.shape[0], "gbrp")
    cv2.split(picture, [plane_levels(frame, plane) for plane in (1, 0, 2)])
    return frame


def plane_levels(frame: av.VideoFrame, index: int) -> Levels:
    """Return a plane of a frame, not subsampled, as (H, W) uint8, or uint16 for deeper ones; it is not copied."""
    plane = frame.planes[index]
    buffer = memoryview(plane)
    levels: Levels = np.frombuffer(buffer, np.uint8)
    if frame.format.components[index].bits > 8:
        levels = np.frombuffer(buffer, np.uint16)
    return levels.reshape(-1, plane.line_size // levels.itemsize)[: frame.height, : frame.width]
