from __future__ import annotations

import gc
import os
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from helpers.clips import RATE, make_pictures, write_clip

from omz.errors import VideoError
from omz.video.formats import choose_format
from omz.video.reading import IncompleteError, Playback, read
from omz.video.writing import VideoWriter

OPEN_GROUPS = {"bf": "3", "g": "12", "x264-params": "open-gop=1:scenecut=0"}
IRREGULAR = [300, 812, 900, 2500, 2501, 9000, 12800, 13000, 20000, 99999]


def pictures_of(frames):
    return np.stack([frame.picture for frame in frames])


def test_frames_come_in_order_with_their_times_and_numbers(tmp_path):
    pictures = make_pictures(len(IRREGULAR))
    path = write_clip(
        tmp_path / "a.mp4", pictures, IRREGULAR, options={"crf": "10"}, muxer_options={"movie_timescale": "12800"}
    )
    frames = list(read(path))
    assert [frame.time for frame in frames] == IRREGULAR
    assert [frame.index for frame in frames] == list(range(len(IRREGULAR)))
    for frame, picture in zip(frames, pictures, strict=True):
        assert frame.picture.dtype == np.uint8
        differences = [np.abs(frame.picture.astype(int) - other).mean() for other in pictures]
        assert np.argmin(differences) == next(i for i, other in enumerate(pictures) if other is picture)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.avi", "a.h264"])
@pytest.mark.parametrize("options", [OPEN_GROUPS, {"bf": "2", "g": "9"}, {"bf": "0", "x264-params": "intra-refresh=1"}])
def test_reading_on_gives_what_a_whole_reading_gives(tmp_path, name, options):
    path = write_clip(tmp_path / name, make_pictures(40, (64, 96)), options=options)
    whole = list(read(path))
    assert len(whole) == 40
    for start in range(len(whole)):
        rest = list(read(path, start, whole[start].time))
        assert [(frame.index, frame.time) for frame in rest] == [(frame.index, frame.time) for frame in whole[start:]]
        np.testing.assert_array_equal(pictures_of(rest), pictures_of(whole[start:]))


def test_reading_on_without_a_time_or_with_a_wrong_one(tmp_path):
    path = write_clip(tmp_path / "a.mp4", make_pictures(30), options=OPEN_GROUPS)
    whole = list(read(path))
    for time in (None, whole[20].time + 1, 10**9):
        np.testing.assert_array_equal(pictures_of(read(path, 20, time)), pictures_of(whole[20:]))


def test_reading_on_starts_at_a_keyframe_and_not_at_the_beginning(tmp_path):
    path = write_clip(tmp_path / "a.mp4", make_pictures(40), options={"g": "10", "bf": "0"})
    whole = list(read(path))
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 4
    data[start : start + 200] = bytes(200)  # the first frame is gone
    path.write_bytes(data)
    rest = list(read(path, 25, whole[25].time))
    np.testing.assert_array_equal(pictures_of(rest), pictures_of(whole[25:]))


@pytest.mark.parametrize("name", ["a.h264", "a.avi"])
def test_frames_without_times_get_regular_ones(tmp_path, name):
    path = write_clip(tmp_path / name, make_pictures(20), time_base=Fraction(1, RATE), options={"bf": "3"})
    times = [frame.time for frame in read(path)]
    steps = {later - earlier for earlier, later in pairwise(times)}
    assert len(times) == 20
    assert len(steps) == 1
    assert min(steps) > 0


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi"])
@pytest.mark.parametrize("part", [0.5, 0.7, 0.9])
def test_a_video_that_is_cut_short_gives_its_frames_and_says_so(tmp_path, name, part):
    path = write_clip(
        tmp_path / name, make_pictures(40), options={"bf": "0", "crf": "10"}, muxer_options={"movflags": "faststart"}
    )
    whole = list(read(path))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    frames = []
    with pytest.raises(IncompleteError, match="is cut short after frame") as told:
        keep(read(path), frames)
    assert 0.4 * part * len(whole) < len(frames) < len(whole)
    assert f"after frame {len(frames)};" in str(told.value)
    np.testing.assert_array_equal(pictures_of(frames), pictures_of(whole[: len(frames)]))


def keep(frames, kept):
    for frame in frames:
        kept.append(frame)  # what comes before an error stays


def test_a_damaged_video_gives_what_can_be_decoded_and_says_so(tmp_path):
    path = write_clip(tmp_path / "a.mp4", make_pictures(40), codec="mpeg4", options={"g": "5", "b": "2000000"})
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 4
    end = data.index(b"moov") - 4
    data[start + (end - start) // 2 : start + (end - start) * 3 // 4] = bytes(
        (end - start) * 3 // 4 - (end - start) // 2
    )
    path.write_bytes(data)
    frames = []
    with pytest.raises(IncompleteError, match="of its packets could not be decoded"):
        keep(read(path), frames)
    assert 10 < len(frames) < 40
    assert [frame.time for frame in frames] == sorted({frame.time for frame in frames})


def test_a_video_that_changes_size(tmp_path):
    small = write_clip(tmp_path / "small.h264", make_pictures(3, (64, 96)))
    large = write_clip(tmp_path / "large.h264", make_pictures(4, (96, 128)))
    path = tmp_path / "both.h264"
    path.write_bytes(small.read_bytes() + large.read_bytes())
    frames = []
    with pytest.raises(VideoError, match=r"frame 3 is 128x96, those before are 96x64"):
        keep(read(path), frames)
    assert len(frames) == 3
    assert pictures_of(read(path, resize_changes=True)).shape == (7, 64, 96, 3)
    assert pictures_of(read(path, 4, resize_changes=True, size=(64, 96))).shape == (3, 64, 96, 3)


def test_closing_early_closes_the_file(tmp_path):
    frames = read(write_clip(tmp_path / "a.mp4", make_pictures(30)))
    next(frames)
    frames.close()
    assert list(frames) == []


def test_frames_go_without_being_collected_as_garbage(tmp_path):
    write_clip(tmp_path / "a.mp4", make_pictures(30))
    gc.collect()
    gc.disable()
    try:
        assert len(list(read(tmp_path / "a.mp4"))) == 30
        assert gc.collect() < 30  # objects that hold each other, and so the memory of their frame
    finally:
        gc.enable()


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "v.mp4"
    with VideoWriter(path, choose_format(path, False), (16, 32), Fraction(1, 100), Fraction(25)) as writer:
        for index in range(3):
            writer.write(np.full((16, 32, 3), 80 * index, np.uint8), 4 * index, 4)
    return path


def test_it_ends_with_its_last_frame(video):
    source = Playback(video)
    assert (source.size, source.rate, source.dropped) == ((16, 32), 25, 0)
    frames = list(source)
    assert [round(frame.picture.mean()) for frame in frames] == [pytest.approx(80 * index, abs=2) for index in range(3)]
    assert source.now() == frames[-1].time


def test_time_goes_on_when_it_is_played_again(video):
    playback = Playback(video)
    frames = [*playback, *playback, next(playback)]
    assert [frame.index for frame in frames] == list(range(7))
    assert [frame.time * Playback(video).time_base for frame in frames] == [
        Fraction(4 * index, 100) for index in range(7)
    ]
    assert [round(frame.picture.mean() / 80) for frame in frames] == [0, 1, 2, 0, 1, 2, 0]


def test_what_is_no_video_says_so(tmp_path):
    (tmp_path / "x.mp4").touch()
    with pytest.raises(VideoError, match=r"x\.mp4"):
        Playback(tmp_path / "x.mp4")


def test_a_video_that_is_closed_to_the_user_is_not_called_damaged(tmp_path):
    path = write_clip(tmp_path / "closed.mkv", make_pictures(2))
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(VideoError, match=r"closed.mkv cannot be read as a video: .*; check its permissions$"):
        list(read(path))
