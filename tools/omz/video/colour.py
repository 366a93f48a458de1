"""Colours of videos: Y'CbCr of any matrix, range, depth and transfer to uint8 BGR, and BGR to Y'CbCr."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import av
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter

from omz.images.arrays import Picture, Pixels
from omz.video.planes import plane_levels
from omz.video.tone_mapping import PIXELS, Look, ToneMapping, look_of
from omz.video.turn import Turn, turn_of

BT709 = 1  # the number of ITU-T H.273, and that of swscale
LIMITED, FULL = 1, 2  # Y' from 16 to 235, or from 0 to 255: FFmpeg's numbers
_ACCURATE = 0x2 | 0x40000  # bilinear, rounded accurately: without that, swscale's colours are 2 to 4 levels too dark
_HD_LINES = 720

_MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}  # matrix coefficients of H.273 to swscale's tables
_INPUTS = {(3, 1): "bgr24", (3, 2): "bgr48le", (4, 1): "bgra", (4, 2): "bgra64le"}  # by channels, bytes of each
_SWAPPED = ("rgb555be", "rgb565be", "bgr555be", "bgr565be")  # of which swscale takes the bytes in the wrong order
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


def has_alpha(pixel_format: str) -> bool:
    """Tell whether FFmpeg's pixel format has alpha, or a palette, which may."""
    form = av.VideoFormat(pixel_format)
    return form.has_palette or form.components[-1].is_alpha


def to_bgr(reformatter: VideoReformatter, frame: av.VideoFrame, colour: Colour) -> Picture:
    """Return a frame as uint8 BGR, within a level of the exact conversion.

    ``reformatter`` should be the same for all frames of a video: it keeps its tables. By way of planes, it takes half
    the time of a direct conversion to BGR.
    """
    if frame.format.name in _SWAPPED:
        frame = frame.reformat(format=f"{frame.format.name[:-2]}le")
    if not colour.matrix:
        return reformatter.reformat(frame, format="bgr24").to_ndarray().astype(np.uint8, copy=False)
    return cv2.merge(_blue_green_red(_planes(reformatter, frame, colour, "gbrp")))


class Conversion:
    """Frames of a video to upright uint8 BGR with the SDR colours of BT.709, and to their opacity.

    Make one for each video: it keeps tables. Side data of frames is read only when it may have changed, for PyAV keeps
    a frame whose side data was read in memory until Python collects garbage, which is seldom.
    """

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()
        self._turned: tuple[int, int, int] | None = None
        self._turn = Turn()
        self._tagged: tuple[int, int] | None = None
        self._look: Look | None = None
        self._mapping: ToneMapping | None = None
        self._mapped: tuple[object, ...] = ()

    def picture(self, frame: av.VideoFrame) -> Picture:
        """Return (H, W, 3) uint8 BGR."""
        tags = int(frame.color_trc), int(frame.color_primaries)
        if tags != self._tagged:
            self._tagged, self._look = tags, look_of(frame)
        if self._look is None:
            return self._upright(frame, to_bgr(self._reformatter, frame, colour_of(frame)))
        made_for = self._look, frame.width, frame.height
        if self._mapping is None or made_for != self._mapped:
            self._mapping, self._mapped = ToneMapping(*made_for), made_for
        planar = _planes(self._reformatter, frame, colour_of(frame), PIXELS)
        return self._upright(frame, self._mapping.apply(planar))

    def opacity(self, frame: av.VideoFrame) -> Picture | None:
        """Return the alpha of a frame, (H, W) uint8, 255 for opaque; None where all of it is opaque."""
        alpha = frame.format.components[-1]
        if not has_alpha(frame.format.name):
            return None
        is_plane = alpha.is_alpha and alpha.plane == len(frame.planes) - 1 > 0
        if is_plane and alpha.bits <= 16 and not frame.format.is_big_endian:
            levels = plane_levels(frame, alpha.plane)
            opacity = cv2.convertScaleAbs(levels, alpha=255 / (2**alpha.bits - 1))
        else:
            opacity = self._reformatter.reformat(frame, format="bgra").to_ndarray()[..., 3]
        if opacity.min() == 255:
            return None
        return self._upright(frame, np.array(opacity, np.uint8))

    def _upright(self, frame: av.VideoFrame, picture: Picture) -> Picture:
        looks = frame.width, frame.height, frame.rotation
        if looks != self._turned:
            self._turned, self._turn = looks, turn_of(frame)
        return self._turn.apply(picture)


def from_bgr(reformatter: VideoReformatter, picture: Pixels, pixel_format: str) -> av.VideoFrame:
    """Return (H, W, 3) BGR or (H, W, 4) BGRA, uint8 or uint16, as a frame of RGB, or of Y'CbCr, BT.709 limited.

    Alpha, if the format has any, is rounded to its depth; swscale alone would miss by a level.
    """
    name = _INPUTS[picture.shape[2], picture.dtype.itemsize]
    given = _planar(picture) if name == "bgr24" else _packed(picture, name)
    if av.VideoFormat(pixel_format).is_rgb:
        frame = reformatter.reformat(given, format=pixel_format)
    else:
        frame = reformatter.reformat(
            given, format=pixel_format, dst_colorspace=BT709, dst_color_range=LIMITED, interpolation=_ACCURATE
        )
    alpha = frame.format.components[-1]
    if picture.shape[2] == 4 and alpha.is_alpha:
        depth = cv2.CV_16U if alpha.bits > 8 else cv2.CV_8U
        scale = (2**alpha.bits - 1) / np.iinfo(picture.dtype).max
        plane = plane_levels(frame, len(frame.format.components) - 1)
        plane[...] = cv2.multiply(picture[..., 3], scale, dtype=depth)
    return frame


def _planes(reformatter: VideoReformatter, frame: av.VideoFrame, colour: Colour, pixel_format: str) -> av.VideoFrame:
    """Return a frame as planes of green, blue and red."""
    if not colour.matrix:
        return reformatter.reformat(frame, format=pixel_format)
    return reformatter.reformat(
        frame,
        format=pixel_format,
        src_colorspace=colour.matrix,
        src_color_range=FULL if colour.is_full else LIMITED,
        dst_color_range=FULL,
        interpolation=_ACCURATE,
    )


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
