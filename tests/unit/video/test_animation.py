"""Animations against Pillow, which reads and writes them on its own."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from helpers.clips import make_mattes, make_pictures
from PIL import Image

from omz.errors import VideoError
from omz.video.formats import choose_format
from omz.video.info import probe
from omz.video.joining import join
from omz.video.reading import IncompleteError, read
from omz.video.writing import VideoWriter

SIZE = (48, 64)
DURATIONS = [100, 40, 250, 80]


def shots(count: int = 4) -> list[np.ndarray]:
    """(H, W, 4) RGBA of few colours, hard alpha, which every format holds exactly."""
    frames = []
    for index in range(count):
        frame = np.zeros((*SIZE, 4), np.uint8)
        frame[..., :3] = (40 * index, 200, 90)
        frame[10:30, 5 * index : 5 * index + 20, :3] = (250, 30 * index, 7)
        frame[:, 8:, 3] = 255
        frames.append(frame)
    return frames


def save(path: Path, frames: list[np.ndarray], durations: list[int], **options: object) -> Path:
    first, *more = [Image.fromarray(frame) for frame in frames]
    if path.suffix == ".webp":
        options["lossless"] = True
    first.save(path, save_all=True, append_images=more, duration=durations, loop=0, disposal=2, **options)
    return path


@pytest.mark.parametrize("suffix", [".gif", ".png", ".webp"])
def test_frames_come_whole_with_their_times_and_alpha(tmp_path, suffix):
    path = save(tmp_path / f"a{suffix}", shots(), DURATIONS)
    frames = list(read(path))
    assert [frame.time for frame in frames] == [0, 100, 140, 390]
    assert [frame.duration for frame in frames] == DURATIONS
    for frame, shot in zip(frames, shots(), strict=True):
        np.testing.assert_array_equal(frame.opacity, shot[..., 3])
        seen = shot[..., 3] > 0
        np.testing.assert_array_equal(frame.picture[seen], shot[seen][:, 2::-1])
    info = probe(path)
    assert (info.size, info.frames, info.time_base, info.seconds) == (SIZE, 4, Fraction(1, 1000), Fraction(47, 100))
    assert info.rate == Fraction(4000, 470)


@pytest.mark.parametrize("suffix", [".gif", ".png", ".webp"])
def test_reading_on_gives_what_a_whole_reading_gives(tmp_path, suffix):
    path = save(tmp_path / f"a{suffix}", shots(), DURATIONS)
    whole = list(read(path))
    for start in range(5):
        rest = list(read(path, start, whole[start].time if start < 4 else None)) if start < 4 else []
        assert [(frame.index, frame.time) for frame in rest] == [(frame.index, frame.time) for frame in whole[start:]]


def test_a_still_image_for_old_viewers_is_not_a_frame(tmp_path):
    path = save(tmp_path / "a.png", shots(), DURATIONS[:3], default_image=True)
    frames = list(read(path))
    assert len(frames) == 3
    np.testing.assert_array_equal(frames[0].picture[..., ::-1], shots()[1][..., :3])


def test_frames_without_a_duration_last_as_in_browsers(tmp_path):
    path = save(tmp_path / "a.gif", shots(), [0, 0, 0, 0])
    assert [frame.time for frame in read(path)] == [0, 100, 200, 300]


def keep(frames, kept):
    for frame in frames:
        kept.append(frame)  # what comes before an error stays


@pytest.mark.parametrize("suffix", [".gif", ".png", ".webp"])
def test_damaged_ones_are_told(tmp_path, suffix):
    noise = np.random.default_rng(3).integers(0, 256, (4, *SIZE, 3)).astype(np.uint8)
    path = save(tmp_path / f"a{suffix}", list(noise), DURATIONS)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 3 // 5])
    frames = []
    with pytest.raises(VideoError, match=str(path)) as told:
        keep(read(path), frames)
    assert isinstance(told.value, IncompleteError) == bool(frames)
    assert len(frames) < 4


def write(output: Path, pictures: list[np.ndarray], times: list[int], has_alpha: bool, unit: Fraction) -> list[str]:
    form = choose_format(output, has_alpha)
    paths = []
    for number in range(2):
        paths.append(output.with_name(f"segment{number}.mov"))
        half = slice(0, 2) if number == 0 else slice(2, None)
        with VideoWriter(paths[-1], form, pictures[0].shape[:2], unit, Fraction(10)) as writer:
            for picture, time in zip(pictures[half], times[half], strict=True):
                writer.write(picture, time, 8)
    report = join(paths, output)
    assert report.frames == len(pictures)
    return list(report.warnings)


@pytest.mark.parametrize("suffix", [".gif", ".png", ".apng", ".webp"])
@pytest.mark.parametrize("has_alpha", [False, True])
def test_what_is_written_is_what_pillow_reads(tmp_path, suffix, has_alpha):
    frames = [frame[..., [2, 1, 0, 3]] if has_alpha else frame[..., 2::-1] for frame in shots()]
    frames = [np.ascontiguousarray(frame) for frame in frames]
    assert write(tmp_path / f"out{suffix}", frames, [0, 10, 14, 39], has_alpha, Fraction(1, 100)) == []
    durations = []
    with Image.open(tmp_path / f"out{suffix}") as image:
        assert (image.n_frames, image.info["loop"]) == (4, 0)
        for index, shot in enumerate(shots()):
            image.seek(index)
            found = np.asarray(image.convert("RGBA"))
            durations.append(round(image.info["duration"]))
            seen = shot[..., 3] > 0 if has_alpha else np.ones(SIZE, bool)
            np.testing.assert_array_equal(found[..., 3] > 0, seen)
            tolerance = 2 if suffix == ".gif" else 0  # of FFmpeg's palette
            np.testing.assert_allclose(found[seen][:, :3].astype(int), shot[seen][:, :3], atol=tolerance)
    assert durations == [100, 40, 250, 80]


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_frames_that_are_alike_do_not_change_the_end(tmp_path, suffix):
    frame = np.ascontiguousarray(shots()[0][..., 2::-1])
    other = np.ascontiguousarray(shots()[1][..., 2::-1])
    write(tmp_path / f"out{suffix}", [other, frame, frame, frame], [0, 10, 14, 39], False, Fraction(1, 100))
    with Image.open(tmp_path / f"out{suffix}") as image:
        total = 0
        for index in range(image.n_frames):
            image.seek(index)
            image.load()
            total += image.info["duration"]
    assert round(total) == 470


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_soft_alpha_and_all_colours_stay(tmp_path, suffix):
    frames = [np.dstack(pair) for pair in zip(make_pictures(4), make_mattes(4), strict=True)]
    write(tmp_path / f"out{suffix}", frames, [0, 4, 8, 12], True, Fraction(1, 100))
    for frame, given in zip(read(tmp_path / f"out{suffix}"), frames, strict=True):
        np.testing.assert_array_equal(frame.opacity, given[..., 3])
        seen = given[..., 3] > 0
        np.testing.assert_array_equal(frame.picture[seen], given[seen][:, :3])


def test_times_that_the_format_lacks_are_told(tmp_path):
    frames = [np.ascontiguousarray(frame[..., 2::-1]) for frame in shots()]
    (warning,) = write(tmp_path / "out.gif", frames, [0, 1, 2, 12], False, Fraction(1, 1000))
    assert "3 frames come at the time of the one before, for .gif counts 10 ms" in warning
    assert len(list(read(tmp_path / "out.gif"))) == 4


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_odd_sizes(tmp_path, suffix):
    frames = [np.full((33, 47, 3), 60 * index, np.uint8) for index in range(4)]
    write(tmp_path / f"out{suffix}", frames, [0, 4, 8, 12], False, Fraction(1, 100))
    found = [frame.picture for frame in read(tmp_path / f"out{suffix}")]
    np.testing.assert_array_equal(found, frames)
