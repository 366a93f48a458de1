"""Tone mapping against the formulas of ITU-R BT.2100, BT.2390 and BT.1886, computed here a pixel at a time."""

from __future__ import annotations

import math
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omz.video.reading import read
from omz.video.tone_mapping import Look, to_sdr

PQ, HLG = 16, 18
TRANSFERS = {PQ: "PQ", HLG: "HLG"}
WHITE = 203.0  # cd/m²: ITU-R BT.2408
TO_709 = np.array(  # ITU-R BT.2087, annex 1
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]
)
WEIGHTS_2020, WEIGHTS_709 = (0.2627, 0.6780, 0.0593), (0.2126, 0.7152, 0.0722)
# Signal of 10 bits, full range, and light in cd/m²: ITU-R BT.2408, table 1, of a display of 1000 cd/m²
PQ_LEVELS, HLG_LEVELS = {0.38: 26, 0.58: 203, 0.75: 983}, {0.38: 26, 0.75: 203, 1.0: 1000}


def pq_to_light(signal: float) -> float:
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
    power = signal ** (1 / m2)
    return 10_000 * (max(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)


def light_to_pq(light: float) -> float:
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
    power = (light / 10_000) ** m1
    return ((c1 + c2 * power) / (1 + c3 * power)) ** m2


def hlg_to_light(signal: tuple[float, ...]) -> list[float]:
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = [x * x / 3 if x <= 0.5 else (math.exp((x - c) / a) + b) / 12 for x in signal]
    luminance = sum(weight * x for weight, x in zip(WEIGHTS_2020, scene, strict=True))
    return [1000 * luminance**0.2 * x if luminance else 0.0 for x in scene]


def compressed(light: float, peak: float) -> float:
    top = light_to_pq(peak)
    e1, most = min(light_to_pq(light) / top, 1), light_to_pq(WHITE) / top
    knee = 1.5 * most - 0.5
    if e1 < knee:
        return light
    t = (e1 - knee) / (1 - knee)
    e2 = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (-2 * t**3 + 3 * t**2) * most
    return pq_to_light(e2 * top)


def reference(signal: tuple[float, ...], transfer: str, peak: float = 1000.0) -> np.ndarray:
    """RGB of BT.709 for a gamma of 2.4, 0 to 1, of one pixel of BT.2020."""
    light = hlg_to_light(signal) if transfer == "HLG" else [min(pq_to_light(x), peak) for x in signal]
    largest = max(light)
    scale = compressed(largest, peak) / largest if largest else 0.0
    linear = TO_709 @ np.minimum(np.array(light) * scale / WHITE, 1)
    grey = min(max(float(np.dot(WEIGHTS_709, linear)), 0.0), 1.0)
    share = 1.0  # of the distance from grey that is left inside of 0 to 1
    for value in linear:
        if value > 1:
            share = min(share, (1 - grey) / (value - grey))
        elif value < 0:
            share = min(share, grey / (grey - value))
    return np.clip(grey + share * (linear - grey), 0, 1) ** (1 / 2.4)


UNIT = st.floats(0, 1)


@given(st.tuples(UNIT, UNIT, UNIT), st.sampled_from(["PQ", "HLG"]), st.sampled_from([1000.0, 4000.0]))
def test_the_formula_is_that_of_the_recommendations(signal, transfer, peak):
    peak = 1000.0 if transfer == "HLG" else peak
    found = to_sdr(np.array(signal), Look(transfer, 9, peak))
    # the matrix of BT.2087 has four decimals, which count most near black, where the gamma is steep
    np.testing.assert_allclose(found**2.4, reference(signal, transfer, peak) ** 2.4, atol=1e-3)


@pytest.mark.parametrize(("transfer", "levels"), [("PQ", PQ_LEVELS), ("HLG", HLG_LEVELS)])
def test_greys_of_the_recommendation(transfer, levels):
    for signal, light in levels.items():
        expected = (compressed(light, 1000) / WHITE) ** (1 / 2.4)
        found = to_sdr(np.full(3, signal), Look(transfer, 9, 1000.0))
        np.testing.assert_allclose(255 * found, 255 * expected, atol=3)  # BT.2408 rounds the signal to a percent


@given(st.sampled_from(["PQ", "HLG"]), st.floats(0, 0.98), st.floats(0.001, 0.02))
def test_brighter_is_never_darker(transfer, signal, more):
    look = Look(transfer, 9, 1000.0)
    assert np.all(to_sdr(np.full(3, signal + more), look) >= to_sdr(np.full(3, signal), look) - 1e-9)


SIGNALS = [
    (0.0, 0.0, 0.0),
    (0.2, 0.2, 0.2),
    (0.38, 0.38, 0.38),
    (0.58, 0.58, 0.58),
    (0.75, 0.75, 0.75),
    (1.0, 1.0, 1.0),
]
SIGNALS += [(0.5, 0.4, 0.35), (0.35, 0.5, 0.4), (0.45, 0.5, 0.6), (0.7, 0.6, 0.5)]
SQUARE = 16


def write_hdr(path, transfer, signals=SIGNALS, codec="ffv1", primaries=9):
    """Write squares of RGB signals as Y'CbCr of BT.2020, 10 bits, limited range."""
    red, green, blue = np.repeat(np.array(signals), SQUARE, axis=0).T
    luma = 0.2627 * red + 0.6780 * green + 0.0593 * blue
    planes = 64 + 876 * luma, 512 + 896 * (blue - luma) / 1.8814, 512 + 896 * (red - luma) / 1.4746
    frame = av.VideoFrame(len(red), SQUARE, "yuv444p10le")
    for plane, row in zip(frame.planes, planes, strict=True):
        levels = np.zeros((plane.height, plane.line_size // 2), np.uint16)
        levels[:, : plane.width] = np.rint(row)
        plane.update(levels.tobytes())
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, 25)
        stream.width, stream.height, stream.pix_fmt = frame.width, SQUARE, "yuv444p10le"
        context = stream.codec_context
        context.colorspace, context.color_primaries, context.color_trc, context.color_range = 9, primaries, transfer, 1
        frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range = 9, primaries, transfer, 1
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_videos_are_mapped(tmp_path, transfer):
    (frame,) = read(write_hdr(tmp_path / "a.mkv", transfer))
    found = frame.picture[SQUARE // 2, SQUARE // 2 :: SQUARE, ::-1]
    expected = [255 * reference(signal, TRANSFERS[transfer]) for signal in SIGNALS]
    np.testing.assert_allclose(found, expected, atol=3)  # a level of 10 bits near black is up to 2 levels of these


MASTERED = "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(40000000,50)"  # at 4000 cd/m²


@pytest.mark.parametrize(
    ("told", "peak"), [("", 1000), (MASTERED, 4000), ("max-cll=1500,400", 1500), (f"{MASTERED}:max-cll=900,400", 4000)]
)
def test_the_peak_is_that_of_the_display_it_was_made_on(tmp_path, told, peak):
    grey = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 190, np.uint8), format="bgr24")
    frame = grey.reformat(format="yuv420p10le")
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("libx265", 25, options={"x265-params": f"log-level=none:lossless=1:{told}"})
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p10le"
        for tagged in (stream.codec_context, frame):
            tagged.colorspace, tagged.color_primaries, tagged.color_trc, tagged.color_range = 9, 9, PQ, 1
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    (shown,) = read(tmp_path / "a.mkv")
    signal = (np.frombuffer(frame.planes[0], np.uint16)[0] - 64) / 876
    np.testing.assert_allclose(shown.picture[32, 32], 255 * reference((signal,) * 3, "PQ", peak), atol=1.5)


def test_wide_colours_of_sdr_are_converted(tmp_path):
    signals = [(0.5, 0.5, 0.5), (0.6, 0.5, 0.4), (0.4, 0.55, 0.5)]
    (frame,) = read(write_hdr(tmp_path / "a.mkv", 14, signals))
    expected = [255 * (TO_709 @ np.array(signal) ** 2.4) ** (1 / 2.4) for signal in signals]
    np.testing.assert_allclose(frame.picture[SQUARE // 2, SQUARE // 2 :: SQUARE, ::-1], expected, atol=2)


def test_other_videos_stay_as_they_are(tmp_path):
    (mapped,) = read(write_hdr(tmp_path / "a.mkv", 1, primaries=1))
    expected = 255 * np.clip(np.array(SIGNALS), 0, 1)
    np.testing.assert_allclose(mapped.picture[SQUARE // 2, SQUARE // 2 :: SQUARE, ::-1], expected, atol=1)
