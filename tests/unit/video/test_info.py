from __future__ import annotations

import errno
import os
from fractions import Fraction

import pytest
from helpers.clips import SIZE, make_pictures, write_clip, write_sound

from omz.errors import VideoError
from omz.video.info import probe
from omz.video.reading import read


def test_facts(tmp_path):
    info = probe(write_clip(tmp_path / "clip.mp4", make_pictures(10), sound="aac"))
    assert (info.size, info.rate, info.time_base, info.frames) == (SIZE, 25, Fraction(1, 12800), 10)
    assert info.seconds == Fraction(10, 25)
    assert (info.video_codec, info.audio_codec, info.pixel_format) == ("h264", "aac", "yuv420p")
    assert (info.origin, info.pixel_aspect, info.is_cut_short) == (0, 1, False)


def test_the_clock_of_a_transport_stream_starts_anywhere(tmp_path):
    path = write_clip(
        tmp_path / "clip.ts", make_pictures(10), times=range(900000, 936000, 3600), time_base=Fraction(1, 90000)
    )
    assert probe(path).origin == pytest.approx(next(read(path)).time / 90000, abs=1e-5)


def empty(folder):
    (folder / "a.mp4").write_bytes(b"")
    return folder / "a.mp4"


def text(folder):
    (folder / "a.mp4").write_text("not a video\n" * 100)
    return folder / "a.mp4"


def unknown_codec(folder):
    path = write_clip(folder / "a.mp4", make_pictures(3))
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzz9").replace(b"avcC", b"zzzC"))
    return path


def without_frames(folder):
    """Keep the headers of a clip, and say that it has no samples."""
    path = write_clip(folder / "a.mkv", make_pictures(3), options={"bf": "0"})
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"\x1f\x43\xb6\x75")])  # the first cluster
    return path


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: folder / "none.mp4", "no video at"),
        (lambda folder: folder, os.strerror(errno.EISDIR)),
        (empty, "is empty"),
        (text, "cannot be read as a video: .*; use an undamaged video"),
        (lambda folder: write_sound(folder / "a.m4a"), "has no video in it"),
        (unknown_codec, "codec is unknown"),
        (without_frames, "no frame that can be decoded"),
    ],
)
def test_what_is_no_video_is_told_in_one_line(tmp_path, make, said):
    path = make(tmp_path)
    for use in (probe, lambda path: list(read(path))):
        with pytest.raises(VideoError, match=said) as told:
            use(path)
        assert str(path) in str(told.value)
        assert len(str(told.value).splitlines()) == 1
