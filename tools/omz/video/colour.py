"""Colours of videos: Y'CbCr of any matrix, range and depth to uint8 BGR, and BGR to Y'CbCr."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import av
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter

from omz.images.arrays import Picture, Pixels

BT709 = 1  # the number of ITU-T H.273, and that of swscale
LIMITED, FULL = 1, 2  # Y' from 16 to 235, or from 0 to 255: FFmpeg's numbers
_ACCURATE = 0x2 | 0x40000  # bilinear, rounded accurately: without that, swscale's colours are 2 to 4 levels too dark
_HD_LINES = 720

_MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}  # matrix coefficients of H.273 to swscale's tables
_INPUTS = {(3, 1): "bgr24", (3, 2): "bgr48le", (4, 1): "bgra", (4, 2): "bgra64le"}  # by channels, bytes of each
_NAMES = {1: "BT.709", 4: "FCC", 5: "BT.601", 7: "SMPTE 240M", 9: "BT.2020"}


@dataclass(frozen=True)
class Colour:
    """Meaning of the levels of a frame.

    ``matrix`` is swscale's number of the Y'CbCr matrix, 0 for RGB and palettes; ``is_full`` says that Y' uses all
    levels; ``is_tagged`` that the stream names its matrix, which is guessed otherwise.
    """

    matrix: int
    is_full: bool
    is_tagged: bool

    def __str__(self) -> str:
        if not self.matrix:
            return "RGB"
        levels = "full" if self.is_full else "limited"
        guessed = "" if self.is_tagged else ", guessed"
        return f"{_NAMES[self.matrix]} {levels}{guessed}"


def colour_of(frame: av.VideoFrame) -> Colour:
    """Return the colours that a frame is tagged with; by default BT.709 from 720 lines up, else BT.601, and limited.

    Grey and the ``yuvj`` formats are full by definition.
    """
    if frame.format.is_rgb or frame.format.has_palette:
        return Colour(0, True, True)
    tagged = _MATRICES.get(frame.colorspace)
    usual = 1 if frame.height >= _HD_LINES else 5
    is_full = frame.color_range == FULL or frame.format.name.startswith(("yuvj", "gray", "ya"))
    return Colour(tagged or usual, is_full, tagged is not None)


def to_bgr(reformatter: VideoReformatter, frame: av.VideoFrame, colour: Colour) -> Picture:
    """Return a frame as uint8 BGR, within a level of the exact conversion.

    ``reformatter`` should be the same for all frames of a video: it keeps its tables. By way of planes, it takes half
    the time of a direct conversion to BGR.
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
    return cv2.merge(_blue_green_red(planar))


def from_bgr(reformatter: VideoReformatter, picture: Pixels, pixel_format: str) -> av.VideoFrame:
    """Return (H, W, 3) BGR or (H, W, 4) BGRA, uint8 or uint16, as a frame of a Y'CbCr format, BT.709 limited.

    Alpha, if the format has any, is rounded to its depth; swscale alone would miss by a level.
    """
    name = _INPUTS[picture.shape[2], picture.dtype.itemsize]
    frame = reformatter.reformat(
        _planar(picture) if name == "bgr24" else _packed(picture, name),
        format=pixel_format,
        dst_colorspace=BT709,
        dst_color_range=LIMITED,
        interpolation=_ACCURATE,
    )
    alpha = frame.format.components[-1]
    if picture.shape[2] == 4 and alpha.is_alpha:
        depth = cv2.CV_16U if alpha.bits > 8 else cv2.CV_8U
        scale = (2**alpha.bits - 1) / np.iinfo(picture.dtype).max
        plane = plane_levels(frame, len(frame.format.components) - 1)
        plane[...] = cv2.multiply(picture[..., 3], scale, dtype=depth)
    return frame


def _packed(picture: Pixels, name: str) -> av.VideoFrame:
    contiguous: Any = np.ascontiguousarray(picture)
    return av.VideoFrame.from_ndarray(contiguous, format=name)


def _planar(picture: Pixels) -> av.VideoFrame:
    """Return (H, W, 3) uint8 BGR as planes, which swscale converts to the same levels in two thirds of the time."""
    frame = av.VideoFrame(picture.shape[1], picture.shape[0], "gbrp")
    cv2.split(picture, _blue_green_red(frame))
    return frame


def _blue_green_red(planar: av.VideoFrame) -> list[Pixels]:
    return [plane_levels(planar, index) for index in (1, 0, 2)]


def plane_levels(frame: av.VideoFrame, index: int) -> Pixels:
    """Return a plane of a frame, not subsampled, as (H, W) uint8, or uint16 for deeper ones; it is not copied."""
    plane = frame.planes[index]
    buffer = memoryview(plane)
    levels: Pixels = np.frombuffer(buffer, np.uint8)
    if frame.format.components[index].bits > 8:
        levels = np.frombuffer(buffer, np.uint16)
    return levels.reshape(-1, plane.line_size // levels.itemsize)[: frame.height, : frame.width]
