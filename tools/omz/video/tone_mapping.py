"""Tone mapping: HDR and wide-gamut colours to the SDR of BT.709, by a three-dimensional table."""

from __future__ import annotations

import functools
import io
import struct
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal, TypeAlias

import av
import cv2
import numpy as np
from av.filter import Graph
from av.sidedata.sidedata import SideData
from numpy.typing import NDArray

from omz.images.arrays import Picture
from omz.video.planes import plane_levels

Transfer: TypeAlias = Literal["PQ", "HLG", "SDR"]
Colours: TypeAlias = "NDArray[np.float64]"

WHITE = 203.0
"""Luminance of SDR white in HDR, in cd/m²: the reference white of ITU-R BT.2408."""

_PQ, _HLG, _SDR = 16, 18, (1, 6, 14, 15)  # transfer characteristics of ITU-T H.273
_DEEPEST = 10_000.0  # cd/m², the most that PQ can say
_USUAL_PEAK = 1000.0  # cd/m², of videos that do not tell the display they were made on, and of HLG
_SDR_GAMMA = 2.4  # ITU-R BT.1886
_HLG_GAMMA = 1.2  # ITU-R BT.2100, table 5, for a display of 1000 cd/m²
_POINTS = 49  # of the table a colour: on average a quarter of a level from the formula
PIXELS = "gbrp16le"
"""Pixel format of the frames to be mapped."""

_PRIMARIES = {  # chromaticities x, y of red, green, blue; the white is D65: ITU-T H.273, table 2
    1: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
_D65 = (0.3127, 0.3290)


@dataclass(frozen=True)
class Look:
    """Colours that need a table: their transfer, their primaries by the number of H.273, their peak in cd/m²."""

    transfer: Transfer
    primaries: int
    peak: float = WHITE


def look_of(frame: av.VideoFrame) -> Look | None:
    """Return the colours of a frame that are not those of SDR displays; None for all others.

    The peak is that of the display which PQ was made on; a video that names none gets 1000 cd/m².
    """
    trc, primaries = int(frame.color_trc), int(frame.color_primaries)
    if trc == _PQ:
        return Look("PQ", primaries if primaries in _PRIMARIES else 9, _peak_of(frame))
    if trc == _HLG:
        return Look("HLG", primaries if primaries in _PRIMARIES else 9, _USUAL_PEAK)
    if trc in _SDR and primaries != 1 and primaries in _PRIMARIES:
        return Look("SDR", primaries)
    return None


def _peak_of(frame: av.VideoFrame) -> float:
    """Return the peak of the mastering display (SMPTE ST 2086), else that of the content (CTA-861.3), else 1000."""
    display = frame.side_data.get("MASTERING_DISPLAY_METADATA")
    if isinstance(display, SideData):
        numbers = struct.unpack_from("=22i", bytes(display))  # ten fractions, two flags: AVMasteringDisplayMetadata
        numerator, denominator, is_known = numbers[18], numbers[19], numbers[21]
        if is_known and denominator > 0 and numerator > 0:
            return float(np.clip(numerator / denominator, WHITE, _DEEPEST))
    content = frame.side_data.get("CONTENT_LIGHT_LEVEL")
    if isinstance(content, SideData):
        brightest = struct.unpack_from("=I", bytes(content))[0]
        if brightest:
            return float(np.clip(brightest, WHITE, _DEEPEST))
    return _USUAL_PEAK


def to_sdr(colours: Colours, look: Look) -> Colours:
    """Return (..., 3) RGB, 0 to 1 as coded, as RGB of BT.709 for a display of BT.1886, 0 to 1.

    Highlights are compressed by the curve of ITU-R BT.2390, 5.4.1, from ``look.peak`` to 203 cd/m², applied to the
    largest of the three, so that hues stay. What BT.709 cannot show is brought towards the grey of its luminance.
    """
    light = np.minimum(_light(colours, look), max(look.peak, WHITE))
    largest = light.max(axis=-1, keepdims=True)
    if look.transfer != "SDR":
        light = light * (_compressed(largest, look.peak) / np.maximum(largest, 1e-9))
    linear = np.minimum(light / WHITE, 1) @ _to_bt709(look.primaries).T
    return np.asarray(_in_gamut(linear) ** (1 / _SDR_GAMMA))


def _light(colours: Colours, look: Look) -> Colours:
    """Return the light of a display, in cd/m²."""
    if look.transfer == "PQ":
        return _pq_light(colours)
    if look.transfer == "SDR":
        return np.asarray(WHITE * colours**_SDR_GAMMA)
    a = 0.17883277  # ITU-R BT.2100, table 5: the inverse of the OETF, and the OOTF
    b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
    scene = np.where(colours <= 0.5, colours**2 / 3, (np.exp((colours - c) / a) + b) / 12)
    luminance = scene @ _xyz(look.primaries)[1]
    return np.asarray(_USUAL_PEAK * np.maximum(luminance, 1e-9)[..., None] ** (_HLG_GAMMA - 1) * scene)


_M1, _M2, _C1, _C2, _C3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128  # SMPTE ST 2084


def _pq_light(signal: Colours) -> Colours:
    root = signal ** (1 / _M2)
    return np.asarray(_DEEPEST * (np.maximum(root - _C1, 0) / (_C2 - _C3 * root)) ** (1 / _M1))


def _pq_signal(light: Colours) -> Colours:
    power = (light / _DEEPEST) ** _M1
    return np.asarray(((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2)


def _compressed(light: Colours, peak: float) -> Colours:
    """Return ``light`` on a display of 203 cd/m²: the EETF of ITU-R BT.2390, 5.4.1, for blacks of 0."""
    if peak <= WHITE:
        return np.minimum(light, WHITE)
    top = _pq_signal(np.array(peak))
    most = _pq_signal(np.array(WHITE)) / top
    signal = np.minimum(_pq_signal(light) / top, 1)
    knee = 1.5 * most - 0.5
    t = np.maximum(signal - knee, 0) / (1 - knee)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * most
    return _pq_light(np.where(signal < knee, signal, spline) * top)


def _in_gamut(linear: Colours) -> Colours:
    """Bring colours outside of 0 to 1 towards the grey of their luminance, until they are inside."""
    grey = np.clip(linear @ _xyz(1)[1], 0, 1)[..., None]
    away = linear - grey
    room = np.where(away > 0, 1 - grey, grey)
    share = np.min(room / np.maximum(np.abs(away), 1e-12), axis=-1, keepdims=True)
    return np.asarray(np.clip(grey + np.minimum(share, 1) * away, 0, 1))


@functools.cache
def _xyz(primaries: int) -> Colours:
    """Return the matrix from linear RGB to CIE XYZ: SMPTE RP 177."""
    corners = np.array([(x / y, 1, (1 - x - y) / y) for x, y in _PRIMARIES[primaries]]).T
    white = np.array([_D65[0] / _D65[1], 1, (1 - sum(_D65)) / _D65[1]])
    return np.asarray(corners * np.linalg.solve(corners, white))


@functools.cache
def _to_bt709(primaries: int) -> Colours:
    return np.asarray(np.linalg.inv(_xyz(1)) @ _xyz(primaries))


class ToneMapping:
    """A table for frames of one look and one size."""

    def __init__(self, look: Look, width: int, height: int) -> None:
        self._graph = Graph()
        source = self._graph.add_buffer(
            width=width, height=height, format=av.VideoFormat(PIXELS), time_base=Fraction(1)
        )
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "table.cube")
            path.write_text(_cube(look))
            table = self._graph.add("lut3d", file=str(path), interp="tetrahedral")
            shaped = self._graph.add("format", pix_fmts=PIXELS)
            sink = self._graph.add("buffersink")
            source.link_to(table)
            table.link_to(shaped)
            shaped.link_to(sink)
            self._graph.configure()
        self._source, self._sink, self._scale = source, sink, 1 / _end(look)

    def apply(self, planar: av.VideoFrame) -> Picture:
        """Return a frame of the planes green, blue and red, uint16, as uint8 BGR with SDR colours; it changes them."""
        if self._scale != 1:
            for index in range(3):
                levels = plane_levels(planar, index)
                cv2.multiply(levels, self._scale, dst=levels)
        self._source.push(planar)
        mapped = self._sink.pull()
        assert isinstance(mapped, av.VideoFrame)
        return cv2.merge([cv2.convertScaleAbs(plane_levels(mapped, index), alpha=255 / 65535) for index in (1, 0, 2)])


@functools.lru_cache(4)
def _cube(look: Look) -> str:
    """Return the table in Adobe's format: red changes first."""
    steps = np.linspace(0, _end(look), _POINTS)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    table = to_sdr(np.stack([red, green, blue], axis=-1), look).reshape(-1, 3)
    text = io.StringIO()
    np.savetxt(text, table, "%.6f", header=f"LUT_3D_SIZE {_POINTS}", comments="")
    return text.getvalue()


def _end(look: Look) -> float:
    """Return the signal where the table ends; all above is white."""
    return float(_pq_signal(np.array(look.peak))) if look.transfer == "PQ" else 1.0
