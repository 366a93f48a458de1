"""Packets that are marked as corrupt, and transparency of all pixel formats."""

from __future__ import annotations

import contextlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from helpers.clips import make_mattes, make_pictures, write_clip
from hypothesis import given, settings
from hypothesis import strategies as st

from omz.video.colour import Conversion
from omz.video.reading import IncompleteError, read

SIZE = (48, 64)
PACKET = 188  # bytes of a transport stream


def write_stream(path: Path, count: int = 12) -> Path:
    return write_clip(path, make_pictures(count, SIZE), options={"bf": "0", "g": "4"})


def test_joined_transport_streams_keep_all_frames(tmp_path):
    part = write_stream(tmp_path / "a.ts")
    (tmp_path / "two.ts").write_bytes(2 * part.read_bytes())
    frames, once = list(read(tmp_path / "two.ts")), list(read(part))
    assert len(frames) == 24
    for number, frame in enumerate(frames):
        np.testing.assert_array_equal(frame.picture, once[number % 12].picture)
    times = [frame.time for frame in frames]
    assert times == sorted(set(times))


@given(st.integers(4, 200))
@settings(max_examples=20)
def test_a_lost_packet_costs_no_frame_that_can_be_decoded(tmp_path_factory, number):
    path = write_clip(
        tmp_path_factory.mktemp("lost") / "a.ts",
        make_pictures(12, (96, 128)),
        options={"bf": "0", "crf": "4", "g": "4"},
    )
    data = path.read_bytes()
    start = PACKET * min(number, len(data) // PACKET - 1)
    path.write_bytes(data[:start] + data[start + PACKET :])
    decoded, failed = 0, 0
    with av.open(str(path)) as container:
        for packet in container.demux(video=0):
            try:
                decoded += len(packet.decode())
            except av.FFmpegError:
                failed += 1
    frames = []
    told = pytest.raises(IncompleteError, match=f"{failed} of its packets") if failed else contextlib.nullcontext()
    with told:
        keep(read(path), frames)
    assert len(frames) == decoded


def keep(frames, kept):
    for frame in frames:
        kept.append(frame)  # what comes before an error stays


LEVELS = np.tile(np.arange(256, dtype=np.uint8), (8, 1))


def frame_in(name: str) -> av.VideoFrame | None:
    """Greys of all levels in a pixel format, with the same levels as alpha; None if nothing converts to it."""
    source = av.VideoFrame.from_ndarray(np.dstack([LEVELS] * 4), format="bgra")
    try:
        if av.VideoFormat(name).is_rgb:
            return source.reformat(format=name)
        frame = source.reformat(format=name, dst_colorspace=1, dst_color_range=1)
    except (OSError, ValueError):
        return None
    frame.colorspace, frame.color_range = 1, 2 if name.startswith(("yuvj", "gray", "ya")) else 1
    return frame


NOT_READ = ("rgb4", "bgr4")  # by FFmpeg, which writes them
NAMES = sorted(name for name in av.video.format.names if av.VideoFormat(name).components and name not in NOT_READ)


@pytest.mark.parametrize("name", [name for name in NAMES if frame_in(name) is not None])
def test_pixel_formats_keep_greys_and_alpha(name):
    frame = frame_in(name)
    assert frame is not None
    conversion = Conversion()
    picture, opacity = conversion.picture(frame), conversion.opacity(frame)
    bits = min(component.bits for component in frame.format.components)
    if not name.startswith(("mono", "bayer", "pal8")) and bits >= 5 and "xyz" not in name:
        tolerance = 2 ** (9 - min(bits, 8))  # FFmpeg dithers what has few bits
        np.testing.assert_allclose(picture[4].astype(int), np.dstack([LEVELS] * 3)[4], atol=tolerance)
    if frame.format.components[-1].is_alpha:
        assert opacity is not None
        alpha_bits = min(frame.format.components[-1].bits, 8)
        np.testing.assert_allclose(opacity[4].astype(int), LEVELS[4], atol=256 / 2**alpha_bits)
    else:
        assert opacity is None


@pytest.mark.parametrize(
    ("suffix", "codec", "pixel_format", "tolerance"),
    [
        (".mov", "prores_ks", "yuva444p10le", 1),
        (".mov", "qtrle", "argb", 0),
        (".webm", "libvpx-vp9", "yuva420p", 20),
        (".webm", "libvpx", "yuva420p", 30),
        (".mkv", "ffv1", "yuva420p", 1),
        (".avi", "utvideo", "gbrap", 0),
    ],
)
def test_the_alpha_of_videos_is_read(tmp_path, suffix, codec, pixel_format, tolerance):
    mattes, pictures = make_mattes(5), make_pictures(5)
    path = tmp_path / f"a{suffix}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, 25)
        stream.height, stream.width = mattes[0].shape
        stream.pix_fmt = pixel_format
        if codec == "prores_ks":
            stream.options = {"profile": "4444"}
        if codec.startswith("libvpx"):
            stream.metadata["alpha_mode"] = "1"
            stream.options = {"crf": "10", "b": "2M", "auto-alt-ref": "0"}
        for index, (picture, matte) in enumerate(zip(pictures, mattes, strict=True)):
            frame = av.VideoFrame.from_ndarray(np.dstack([picture, matte]), format="bgra")
            frame = frame.reformat(format=pixel_format)
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    frames = list(read(path))
    assert len(frames) == 5
    for frame, matte in zip(frames, mattes, strict=True):
        assert frame.opacity is not None
        np.testing.assert_allclose(frame.opacity.astype(int), matte, atol=tolerance)


def test_opaque_videos_have_no_opacity(tmp_path):
    path = write_clip(tmp_path / "a.mov", make_pictures(2), codec="qtrle", pixel_format="argb")
    assert [frame.opacity for frame in read(path)] == [None, None]
