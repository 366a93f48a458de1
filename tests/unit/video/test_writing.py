from __future__ import annotations

import errno
import os
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
from helpers.alpha_planes import read_alpha
from helpers.clips import SIZE, decoded, make_mattes, make_pictures

from omz.errors import VideoError
from omz.video.formats import choose_format
from omz.video.info import probe
from omz.video.reading import read
from omz.video.writing import VideoWriter

IRREGULAR = [0, 1000, 2500, 3000, 9000, 9001, 12345]
RATE = Fraction(30000, 1001)


def write(path, pictures, times=None, time_base=Fraction(1, 90000), alpha=False, last=None, crf=None, **options):
    times = [3003 * index for index in range(len(pictures))] if times is None else times
    form = choose_format(path, alpha, **options)
    if crf is not None:
        form = replace(form, options={**form.options, "crf": crf})
    writer = VideoWriter(path, form, pictures[0].shape[:2], time_base, RATE)
    with writer:
        for picture, time in zip(pictures, times, strict=True):
            writer.write(picture, time, last)
    return writer


@pytest.mark.parametrize("start", [0, 777, 5_400_000])
@pytest.mark.parametrize("units", [90000, 12800, 1000, 1_000_000])
@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_times_come_back_to_the_unit(tmp_path, suffix, units, start):
    times = [start + time for time in IRREGULAR]
    path = tmp_path / f"a{suffix}"
    write(path, make_pictures(len(times), (32, 48)), times, Fraction(1, units), last=1234)
    frames = list(read(path))
    assert probe(path).time_base == Fraction(1, units)
    assert [frame.time for frame in frames] == times
    with av.open(str(path)) as container:
        assert container.streams.video[0].duration == IRREGULAR[-1] + 1234


def test_units_that_are_no_whole_part_of_a_second(tmp_path):
    write(tmp_path / "a.mp4", make_pictures(4, (32, 48)), [0, 1, 2, 5], Fraction(1001, 30000))
    assert [time for time, _ in decoded(tmp_path / "a.mp4")] == [Fraction(1001 * n, 30000) for n in (0, 1, 2, 5)]


@pytest.mark.parametrize("suffix", [".mkv", ".webm"])
def test_other_containers_have_milliseconds(tmp_path, suffix):
    times = [777 * 90 + 90 * time for time in (0, 10, 21, 400)]
    write(tmp_path / f"a{suffix}", make_pictures(4, (32, 48)), times)
    assert [frame.time for frame in read(tmp_path / f"a{suffix}")] == [777, 787, 798, 1177]


def test_alpha_of_prores_is_what_was_written(tmp_path):
    mattes = make_mattes(6)
    write(tmp_path / "a.mov", [np.dstack(pair) for pair in zip(make_pictures(6), mattes, strict=True)], alpha=True)
    for levels, matte in zip(read_alpha(tmp_path / "a.mov"), mattes, strict=True):
        np.testing.assert_array_equal(np.rint(levels / 257).astype(np.uint8), matte)
    with av.open(str(tmp_path / "a.mov")) as container:
        assert container.streams.video[0].codec_context.codec_tag == "ap4h"


def test_deep_alpha_of_prores_has_ten_bits(tmp_path):
    matte = np.linspace(0, 65535, SIZE[0] * SIZE[1]).reshape(SIZE).astype(np.uint16)
    write(tmp_path / "a.mov", [np.dstack([make_pictures(1)[0].astype(np.uint16) * 257, matte])], alpha=True)
    (levels,) = read_alpha(tmp_path / "a.mov")
    assert np.abs(levels.astype(int) - matte).max() <= 0.5 * 65535 / 1023 + 16  # FFmpeg gives 12 bits of it


@pytest.mark.parametrize(("options", "most", "mean"), [({}, 40, 1.5), ({"lossless": True}, 0, 0)])
def test_alpha_of_vp9_is_within_the_loss_of_the_codec(tmp_path, options, most, mean):
    mattes = make_mattes(6)
    pictures = [np.dstack(pair) for pair in zip(make_pictures(6), mattes, strict=True)]
    write(tmp_path / "a.webm", pictures, alpha=True, **options)
    errors = np.abs(np.stack(list(read_alpha(tmp_path / "a.webm"))).astype(int) - np.stack(mattes))
    assert errors.max() <= most
    assert errors.mean() <= mean


def test_a_video_without_alpha_is_told(tmp_path):
    write(tmp_path / "a.mp4", make_pictures(1))
    with pytest.raises(VideoError, match="has no alpha"):
        next(read_alpha(tmp_path / "a.mp4"))


@pytest.mark.parametrize(("name", "alpha"), [("a.mp4", False), ("a.mov", True), ("a.webm", False), ("a.webm", True)])
def test_flat_colours_come_back_and_are_tagged(tmp_path, name, alpha):
    colours = [(0, 0, 0), (255, 255, 255), (128, 128, 128), (200, 120, 60), (30, 60, 220), (155, 255, 120), (255, 0, 0)]
    for colour in colours:
        picture = np.full((48, 64, 3), colour, np.uint8)
        write(tmp_path / name, [picture] * 2, alpha=alpha)
        for frame in read(tmp_path / name):
            assert np.abs(frame.picture.astype(int) - picture).max() <= 2
    assert str(probe(tmp_path / name).colour) == "BT.709 limited"


def test_luma_is_that_of_bt_709(tmp_path):
    write(tmp_path / "a.mp4", [np.full((48, 64, 3), (200, 120, 60), np.uint8)], crf="1")
    expected = 16 + 219 * (0.2126 * 60 + 0.7152 * 120 + 0.0722 * 200) / 255
    ((_, levels),) = decoded(tmp_path / "a.mp4")
    assert abs(levels[0] - expected) <= 1


@pytest.mark.parametrize(("name", "padded"), [("a.mp4", (1, 1)), ("a.mkv", (1, 1)), ("a.webm", (0, 0))])
def test_odd_sizes_are_padded_where_the_codec_needs_it(tmp_path, name, padded):
    pictures = make_pictures(3, (181, 321))
    assert write(tmp_path / name, pictures, crf="4").padded == padded
    for frame, picture in zip(read(tmp_path / name), pictures, strict=True):
        assert frame.picture.shape[:2] == (181 + padded[0], 321 + padded[1])
        assert np.abs(frame.picture[:181, :321].astype(int) - picture).mean() < 3
        if any(padded):
            assert np.abs(frame.picture[181].astype(int) - frame.picture[180]).mean() < 3


@pytest.mark.parametrize(("name", "alpha"), [("a.mp4", False), ("a.mov", True), ("a.webm", True)])
def test_the_same_frames_decode_to_the_same_bytes(tmp_path, name, alpha):
    for folder in ("one", "two"):
        write(tmp_path / folder / name, make_pictures(20), alpha=alpha)
    assert decoded(tmp_path / "one" / name) == decoded(tmp_path / "two" / name)


def test_pixels_that_are_not_square(tmp_path):
    path = tmp_path / "a.mp4"
    with VideoWriter(path, choose_format(path, False), SIZE, Fraction(1, 25), Fraction(25), Fraction(16, 15)) as writer:
        writer.write(make_pictures(1)[0], 0)
    assert probe(path).pixel_aspect == Fraction(16, 15)


def write_until_an_error(path, pictures):
    with VideoWriter(path, choose_format(path, False), SIZE, Fraction(1, 25), Fraction(25)) as writer:
        for time, picture in enumerate(pictures):
            writer.write(picture, time)
        if pictures:
            raise VideoError("it is the source")


@pytest.mark.parametrize(("count", "said"), [(1, "it is the source"), (90, "it is the source"), (0, "no frame came")])
def test_an_error_leaves_no_file(tmp_path, count, said):
    with pytest.raises(VideoError, match=said):
        write_until_an_error(tmp_path / "a.mp4", make_pictures(count))
    assert list(tmp_path.iterdir()) == []


def test_times_that_go_back_are_told(tmp_path):
    with pytest.raises(VideoError, match=r"a\.mp4 cannot be written"):
        write(tmp_path / "a.mp4", make_pictures(80), [*range(79), 5])
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told(tmp_path):
    """A limit on the size of files stands for the disk: the system refuses to write on in the same way."""
    script = f"""
import resource, signal, sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
import numpy as np
from omz.errors import VideoError
from omz.video.formats import choose_format
from omz.video.writing import VideoWriter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
path = Path({str(tmp_path / "a.mp4")!r})
noise = np.random.default_rng(0).integers(0, 256, (8, 240, 320, 3)).astype(np.uint8)
try:
    with VideoWriter(path, choose_format(path, False), (240, 320), Fraction(1, 25), Fraction(25)) as writer:
        for time in range(60):
            writer.write(noise[time % 8], time)
except VideoError as error:
    sys.exit(str(error))
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert ran.stderr.strip().splitlines() == [
        f"{tmp_path / 'a.mp4'} cannot be written: {os.strerror(errno.EFBIG)}; choose another place"
    ]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_way_is_told(tmp_path):
    (tmp_path / "a.mp4").mkdir()
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "a.mp4", tmp_path / "file" / "a.mp4"):
        with pytest.raises(VideoError, match="cannot be written"):
            write(path, make_pictures(1))
