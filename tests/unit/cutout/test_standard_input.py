"""Standard input: what it is, by its first bytes, through real pipes that cannot seek."""

from __future__ import annotations

import contextlib
import io
import os
import threading
from collections.abc import Iterator
from fractions import Fraction
from typing import BinaryIO

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from omz.cutout.inputs import StdinPicture
from omz.cutout.standard_input import StdinVideo, read_standard_input
from omz.errors import ImageError, OmzError, UsageError, VideoError
from omz.video.reading import IncompleteError

SIZE = (48, 64)
TIMES = [0, 40, 80, 200, 240, 1000]  # milliseconds


@contextlib.contextmanager
def piped(data: bytes) -> Iterator[BinaryIO]:
    """Give the reading end of a pipe that ``data`` comes through."""
    reading, writing = os.pipe()

    def write() -> None:
        with contextlib.suppress(BrokenPipeError), os.fdopen(writing, "wb") as pipe:
            pipe.write(data)

    writer = threading.Thread(target=write)
    writer.start()
    with os.fdopen(reading, "rb") as pipe:
        yield pipe
    writer.join()


def picture_bytes(form: str, **options: object) -> bytes:
    ramp = np.tile(np.arange(64, dtype=np.uint8) * 4, (48, 1))
    buffer = io.BytesIO()
    Image.fromarray(np.dstack([ramp, ramp[::-1], 255 - ramp])).save(buffer, form, **options)
    return buffer.getvalue()


def video_bytes(form: str, codec: str, **options: str) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=form, options=options) as container:
        stream = container.add_stream(codec, rate=25, options={"bf": "0"} if codec == "libx264" else {})
        stream.height, stream.width = SIZE
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for index, time in enumerate(TIMES):
            frame = av.VideoFrame.from_ndarray(np.full((*SIZE, 3), 50 + 30 * index, np.uint8), format="bgr24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return buffer.getvalue()


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "GIF", "WEBP", "PPM"])
def test_a_picture_is_what_its_file_would_be(form):
    data = picture_bytes(form, **({"lossless": True} if form == "WEBP" else {}))
    with piped(data) as pipe:
        found = read_standard_input(pipe)
    assert isinstance(found, StdinPicture)
    assert found.data == data
    expected = cv2.cvtColor(np.asarray(Image.open(io.BytesIO(data)).convert("RGB")), cv2.COLOR_RGB2BGR)
    np.testing.assert_array_equal(found.picture, expected)


def test_a_picture_is_turned_upright():
    turned = Image.Exif()
    turned[0x0112] = 6
    with piped(picture_bytes("JPEG", exif=turned)) as pipe:
        found = read_standard_input(pipe)
    assert isinstance(found, StdinPicture)
    assert found.picture.shape == (64, 48, 3)


@pytest.mark.parametrize(
    ("form", "codec", "options"),
    [
        ("matroska", "libx264", {}),
        ("nut", "libx264", {}),
        ("mpegts", "libx264", {}),
        ("mp4", "libx264", {"movflags": "frag_keyframe+empty_moov"}),
        ("avi", "mpeg4", {}),
    ],
)
def test_a_video_is_read_with_the_times_it_has(form, codec, options):
    with piped(video_bytes(form, codec, **options)) as pipe:
        found = read_standard_input(pipe)
        assert isinstance(found, StdinVideo)
        assert found.size == SIZE
        frames = list(found)
    assert [frame.index for frame in frames] == list(range(len(frames)))
    levels = [frame.picture.mean() for frame in frames]
    np.testing.assert_allclose(np.unique(np.round(np.array(levels) / 30)), np.arange(2, 8), atol=1)
    if form != "avi":  # which has no times but a rate
        np.testing.assert_allclose(levels, [50 + 30 * index for index in range(6)], atol=3)
        seconds = [float((frame.time - frames[0].time) * found.time_base) for frame in frames]
        np.testing.assert_allclose(seconds, np.array(TIMES) / 1000, atol=0.001)


def test_yuv4mpeg_is_read():
    luma = [16 + 20 * index for index in range(5)]
    planes = (bytes([level]) * (64 * 48) + bytes([128]) * (2 * 32 * 24) for level in luma)
    data = b"YUV4MPEG2 W64 H48 F25:1 Ip A1:1 C420jpeg\n" + b"".join(b"FRAME\n" + plane for plane in planes)
    with piped(data) as pipe:
        found = read_standard_input(pipe)
        assert isinstance(found, StdinVideo)
        assert (found.size, found.rate) == (SIZE, 25)
        levels = [frame.picture.mean() for frame in found]
    assert len(levels) == 5
    assert np.all(np.diff(levels) > 10)


def raw_frames(count: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (count, *SIZE, 3), np.uint8)


def test_raw_frames_come_through_bit_by_bit():
    frames = raw_frames(7)
    with piped(frames.tobytes()) as pipe:
        found = read_standard_input(pipe, raw="64x48:bgr24@30")
        assert isinstance(found, StdinVideo)
        assert (found.size, found.rate) == (SIZE, 30)
        read = list(found)
    np.testing.assert_array_equal([frame.picture for frame in read], frames)
    assert [frame.time * found.time_base * 30 for frame in read] == list(range(7))


def test_the_frames_before_a_broken_end_are_given():
    frames = raw_frames(4)
    with piped(frames.tobytes()[:-100]) as pipe:
        found = read_standard_input(pipe, raw="64x48:bgr24@30")
        read = []
        with pytest.raises(IncompleteError, match=r"standard input breaks off .* 3"):
            read.extend(frame.picture for frame in found)
    np.testing.assert_array_equal(read, frames[:3])


def read_all(stream: BinaryIO) -> None:
    found = read_standard_input(stream)
    if isinstance(found, StdinVideo):
        list(found)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "standard input is empty"),
        (b"hello, world" * 300, "standard input is not an image"),
        (picture_bytes("PNG")[:-60], "standard input cannot be read as an image"),
        (b"\x1a\x45\xdf\xa3" + bytes(2000), "standard input cannot be read as a video"),
        (b"YUV4MPEG2 W64 H48 F25:1\n", "standard input"),
    ],
)
def test_what_cannot_be_read_is_one_line(data, message):
    with piped(data) as pipe, pytest.raises(OmzError, match=f"^{message}") as raised:
        read_all(pipe)
    assert isinstance(raised.value, ImageError | VideoError)
    assert "\n" not in str(raised.value)
    assert "/tmp" not in str(raised.value)


def test_an_image_has_the_most_pixels_that_are_allowed():
    data = picture_bytes("PNG")
    with piped(data) as pipe, pytest.raises(ImageError, match="allow them with --max_pixels 3072"):
        read_standard_input(pipe, max_pixels=3071)
    with piped(data) as pipe:
        assert isinstance(read_standard_input(pipe, max_pixels=3072), StdinPicture)


def test_a_video_with_its_index_at_the_end_is_not_called_damaged():
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.height, stream.width, stream.pix_fmt = *SIZE, "yuvj420p"
        for noise in raw_frames(100):  # more than FFmpeg keeps to look back
            container.mux(stream.encode(av.VideoFrame.from_ndarray(noise, format="bgr24")))
        container.mux(stream.encode())
    with piped(buffer.getvalue()) as pipe, pytest.raises(IncompleteError, match="name a file"):
        read_all(pipe)


@pytest.mark.parametrize("raw", ["64x48", "64x48:nosuch@30", "0x48:bgr24@30", "64x48:bgr24@0", "64x48:bgr24@30/0", ""])
def test_a_layout_that_says_nothing_is_refused_before_anything_is_read(raw):
    stream = io.BytesIO(b"bytes")
    with pytest.raises(UsageError, match="write WIDTHxHEIGHT:PIXELS@RATE"):
        read_standard_input(stream, raw=raw)
    assert stream.tell() == 0


def test_a_terminal_is_no_input():
    master, terminal = os.openpty()
    with os.fdopen(terminal, "rb", buffering=0) as stream, pytest.raises(UsageError, match="is a terminal"):
        read_standard_input(stream)  # type: ignore[arg-type]
    os.close(master)


def test_bytes_without_end_are_given_up(monkeypatch):
    monkeypatch.setattr("omz.cutout.standard_input._LARGEST_PICTURE", 5000)
    with piped(bytes(20000)) as pipe, pytest.raises(ImageError, match="is neither an image nor a video"):
        read_standard_input(pipe)
