from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from omz.video.deinterlacing import Deinterlacer
from omz.video.reading import read

SIZE = (96, 128)
INTERLACED = {"flags": "+ildct+ilme", "qp": "0", "preset": "ultrafast", "bf": "0"}


def field_rate_pictures(count: int) -> list[np.ndarray]:
    """A bright box that moves 3 pixels to the right from field to field."""
    pictures = []
    for index in range(count):
        picture = np.full((*SIZE, 3), 40, np.uint8)
        picture[24:72, 10 + 3 * index : 40 + 3 * index] = 220
        pictures.append(picture)
    return pictures


def woven(count: int) -> list[np.ndarray]:
    """Frames of an interlaced camera, lower field first: odd rows are of one moment, even rows of the next."""
    moments = field_rate_pictures(2 * count)
    frames = []
    for index in range(count):
        frame = moments[2 * index].copy()
        frame[0::2] = moments[2 * index + 1][0::2]
        frames.append(frame)
    return frames


def write(path: Path, pictures: list[np.ndarray], times: list[int], gop: int = 250, marked: bool = True) -> Path:
    options = {**INTERLACED, "g": str(gop)} if marked else {"qp": "0", "bf": "0"}
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", 25, options=options)
        stream.height, stream.width = SIZE
        stream.pix_fmt = "yuv444p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 12_800)
        for picture, time in zip(pictures, times, strict=True):
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(format="yuv444p")
            frame.pts, frame.time_base = time, Fraction(1, 12_800)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def combing(picture: np.ndarray) -> float:
    """How much rows differ from both of their neighbours, in levels."""
    rows = picture[..., 1].astype(int)
    return float(np.abs(rows[1:-1] - (rows[:-2] + rows[2:]) / 2).mean())


TIMES = [512 * index + 100 * (index % 3) for index in range(12)]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_interlaced_frames_come_without_combs_at_their_times(tmp_path, suffix):
    pictures = woven(12)
    path = write(tmp_path / f"a{suffix}", pictures, TIMES)
    frames = list(read(path))
    if suffix == ".mp4":
        assert [frame.time for frame in frames] == TIMES
    assert [frame.index for frame in frames] == list(range(12))
    moments = field_rate_pictures(24)
    for frame, picture in zip(frames, pictures, strict=True):
        assert combing(frame.picture) < 0.25 * combing(picture)
        errors = [np.abs(frame.picture.astype(int) - moment).mean() for moment in moments]
        assert np.argmin(errors) == 2 * frame.index  # the moment of the first field


def test_what_is_not_marked_stays(tmp_path):
    pictures = woven(6)
    frames = list(read(write(tmp_path / "a.mkv", pictures, TIMES[:6], marked=False)))
    for frame, picture in zip(frames, pictures, strict=True):
        assert combing(frame.picture) > 0.9 * combing(picture)


@pytest.mark.parametrize("gop", [1, 4, 250])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_reading_on_gives_what_a_whole_reading_gives(tmp_path, gop, suffix):
    path = write(tmp_path / f"a{suffix}", woven(12), TIMES, gop)
    whole = list(read(path))
    for start in range(1, 12):
        rest = list(read(path, start, whole[start].time))
        assert [frame.time for frame in rest] == [frame.time for frame in whole[start:]]
        for frame, expected in zip(rest, whole[start:], strict=True):
            np.testing.assert_array_equal(frame.picture, expected.picture)


def frames_of(marks: list[bool], size: tuple[int, int] = (32, 48)) -> list[av.VideoFrame]:
    frames = []
    for index, is_interlaced in enumerate(marks):
        frame = marked_frame(is_interlaced, size)
        frame.pts, frame.time_base = 7 * index, Fraction(1, 30)
        frames.append(frame)
    return frames


def marked_frame(is_interlaced: bool, size: tuple[int, int]) -> av.VideoFrame:
    """A frame as a decoder gives it, for the mark cannot be set."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.height, encoder.width = size
    encoder.pix_fmt, encoder.time_base = "yuv420p", Fraction(1, 25)
    encoder.options = INTERLACED if is_interlaced else {}
    packets = [*encoder.encode(av.VideoFrame(size[1], size[0], "yuv420p")), *encoder.encode(None)]
    decoder = av.CodecContext.create("h264", "r")
    (frame,) = [frame for packet in [*packets, None] for frame in decoder.decode(packet)]
    assert frame.interlaced_frame == is_interlaced
    return frame


@pytest.mark.parametrize(
    "marks", [[True], [False], [True] * 5, [False, False, True, True, False], [True, False, False], [False, True]]
)
def test_every_frame_comes_once_in_order(marks):
    deinterlacer = Deinterlacer()
    times = []
    for frame in frames_of(marks):
        times += [(each.pts, each.time_base) for each in deinterlacer(frame)]
    times += [(each.pts, each.time_base) for each in deinterlacer.finish()]
    assert times == [(7 * index, Fraction(1, 30)) for index in range(len(marks))]


def test_frames_of_another_size_begin_anew():
    deinterlacer = Deinterlacer()
    found = []
    for frame in [*frames_of([True] * 3), *frames_of([True] * 2, (48, 64)), *frames_of([False])]:
        found += [each.width for each in deinterlacer(frame)]
    found += [each.width for each in deinterlacer.finish()]
    assert found == [48, 48, 48, 64, 64, 48]
