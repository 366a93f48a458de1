"""Videos that are broken, disks that are full, requests that make no sense: one line each, and nothing is lost."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.clips import sound_packets, write_clip, write_sound
from helpers.films import SIZE, Film, alphas, command, demo, make_film, plate, sequence, shots, times
from helpers.full_disk import small_disk

_USUAL = ("does not say what it takes", "than the plate", "the empty scene", "brightness of the plate")
FFV1 = {"codec": "ffv1", "pixel_format": "bgr0"}


@pytest.fixture
def film(tmp_path: Path) -> Film:
    return make_film(tmp_path / "in", 20, sound="aac")


def lines(film: Film, *arguments: object, code: int = 1, data: bytes | None = None) -> list[str]:
    """Run the command; return its lines without what it says of the model, and of how it likes the plate."""
    result = demo(*arguments, data=data)
    assert result.exit_code == code, result.output
    return [line for line in result.output.splitlines() if not any(each in line for each in _USUAL)]


def cut_short(film: Film) -> bytes:
    """Return three quarters of the film, as it is when a download stops."""
    path = film.path.with_name("front.mp4")
    write_clip(
        path, film.pictures, sound="aac", codec="libx264rgb", pixel_format="bgr24",
        options={"qp": "0", "bf": "0", "preset": "ultrafast"}, muxer_options={"movflags": "faststart"},
    )  # fmt: skip
    data = path.read_bytes()
    path.unlink()
    return data[: len(data) * 3 // 4]


def test_of_a_video_that_is_cut_short_the_frames_that_are_there_are_written(film, tmp_path):
    film.path.write_bytes(cut_short(film))
    (line, summary) = lines(film, *film.flags, "-o", tmp_path / "out.mov")
    assert line.startswith(f"failed: {film.path} is ")
    assert "1 failed" in summary
    found = alphas(tmp_path / "out.mov")
    assert 5 < len(found) < 20
    np.testing.assert_array_equal(found, np.array(film.mattes[: len(found)]).astype(np.uint8) * 255)
    assert sound_packets(tmp_path / "out.mov")[-1][0] <= times(tmp_path / "out.mov")[-1] + 1 / 25


def unknown_codec(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzz9").replace(b"avcC", b"zzzC"))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.write_text("no video"), "cannot be read as a video"),
        (write_sound, "has no video in it"),
        (unknown_codec, "codec is unknown"),
        (lambda path: path.unlink(), "no file at"),
    ],
    ids=["empty", "text", "sound", "codec", "missing"],
)
def test_what_is_no_video_is_one_line_and_leaves_nothing(film, tmp_path, spoil, message):
    spoil(film.path)
    (line,) = lines(film, *film.flags, "-o", tmp_path / "out" / "out.mov")
    assert line.startswith("main: error: ")
    assert message in line
    assert str(film.path) in line
    assert not (tmp_path / "out").exists()


def changing(folder: Path) -> Path:
    parts = [(3, SIZE), (4, (SIZE[0] * 2, SIZE[1] * 2))]
    files = [write_clip(folder / f"{count}.h264", shots(count, size)) for count, size in parts]
    path = folder / "both.ts"
    path.write_bytes(b"".join(file.read_bytes() for file in files))
    return path


def test_a_video_that_changes_its_size(film, tmp_path):
    both = changing(tmp_path)
    line, _ = lines(film, both, *film.flags[1:], "-o", tmp_path / "out", "--what", "alpha")
    assert f"{both}: frame 3 is 128x96, those before are 64x48" in line
    assert len(sequence(tmp_path / "out")) == 3
    lines(film, both, *film.flags[1:], "-o", tmp_path / "all", "--what", "alpha", "--resize_changes", code=0)
    found = sequence(tmp_path / "all")
    assert len(found) == 7
    expected = [matte.astype(float) * 255 for matte in [*film.mattes[:3], *film.mattes[:4]]]
    assert np.abs(np.array(found) - np.array(expected)).mean() < 6


def test_one_bad_video_keeps_no_other_input_from_its_place(film, tmp_path):
    folder = film.path.parent
    (folder / "broken.mp4").write_text("no video")
    cv2.imwrite(str(folder / "still.png"), film.pictures[3])
    (folder / "bad.png").write_text("no picture")
    (folder / "plate.png").rename(tmp_path / "plate.png")
    flags = (folder, "--plate", tmp_path / "plate.png", "-m", film.flags[-1], "-o", tmp_path / "out")
    *_, summary = said = lines(film, *flags)
    failed = [line for line in said if line.startswith("failed: ")]
    assert [str(folder / name) in line for name, line in zip(("bad.png", "broken.mp4"), failed, strict=True)] == [
        True
    ] * 2
    assert "2 failed" in summary
    assert len(alphas(tmp_path / "out" / "clip.mov")) == 20
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "out" / "still.png"), -1)[..., 3] > 0, film.mattes[3])


@pytest.mark.parametrize("ballast", [1.3, 0.3])  # with the second, segments have room, and the result has none
def test_a_disk_that_gets_full_loses_nothing_that_was_finished(tmp_path, ballast):
    noise = np.random.default_rng(0).integers(0, 30, (60, 96, 128, 3), np.uint8)
    noisy = [shot + each for shot, each in zip(shots(60, (96, 128)), noise, strict=True)]
    clip = write_clip(tmp_path / "noisy.mkv", noisy, **FFV1)
    film = make_film(tmp_path / "large", 1, (96, 128))
    more = (clip, *film.flags[1:], "--segment_seconds", "0.2", "--target", "red", "--what", "foreground", "--plain")
    lines(film, *more, "-o", tmp_path / "whole.mp4", code=0)
    size = (tmp_path / "whole.mp4").stat().st_size // 1024
    with small_disk(tmp_path / "disk", size * 2) as disk:
        (disk / "ballast").write_bytes(bytes(int(size * 1024 * ballast)))
        # In a process of its own: PyAV keeps a file open whose header could not be written.
        process = subprocess.run(command(*more, "-o", disk / "out.mp4"), capture_output=True, text=True, check=False)
        assert process.returncode == 1
        *_, warning, line = process.stderr.splitlines()
        assert "frames of" in warning
        assert ("60 frames of" in warning) == (ballast < 0.5)
        assert "finished; add --resume to go on" in warning
        assert os.strerror(errno.ENOSPC) in line
        assert not (disk / "out.mp4").exists()
        (disk / "ballast").unlink()
        subprocess.run(["mount", "-o", f"remount,size={4 * size}k", str(disk)], check=True)
        (summary,) = lines(film, *more, "-o", disk / "out.mp4", "--resume", code=0)
        done = int(warning.split(" frames of")[0].split()[-1])
        assert f"{60 - done} frames in" in summary
        assert times(disk / "out.mp4") == times(tmp_path / "whole.mp4")
        assert [path.name for path in disk.iterdir()] == ["out.mp4"]


def test_a_place_that_cannot_be_written(film, tmp_path):
    (tmp_path / "file").touch()
    (line,) = lines(film, *film.flags, "-o", tmp_path / "file" / "out.mov")
    assert str(tmp_path / "file") in line
    with small_disk(tmp_path / "disk", 64) as disk:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        for name in ("out.mov", "out"):
            (line,) = lines(film, *film.flags, "-o", disk / name)
            assert line.startswith("main: error: ")
            assert str(disk) in line


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--plate", "none.png", "-o", "out.mov"], 1, "none.png"),
        (["--plate", "none.mp4", "-o", "out.mov"], 1, "none.mp4"),
        (["--plate", "empty", "-o", "out.mov"], 2, "the folder has no images"),
        (["-o", "out.mov"], 2, "add --plate PLATE"),
        (["--plate", "plate.png", "--target", "none.png", "-o", "out.mp4"], 1, "there is no such file; check the path"),
        (["--plate", "plate.png", "--target", "empty", "-o", "out.mp4"], 2, "the folder has no images"),
        (["--plate", "plate.png", "--target", "text.mp4", "-o", "out.mp4"], 1, "text.mp4"),
        (["--plate", "plate.png", "-o", "out.mp4", "--what", "cutout"], 2, "has no alpha; use .mov, .webm"),
        (["--plate", "plate.png", "-o", "out.avi"], 2, ".avi is no format of results; use .png"),
        (["--plate", "plate.png", "-o", "out", "--format", "mp4"], 2, "has no alpha"),
        (["--plate", "plate.png", "-o", "out.mov", "--what", "alpha,cutout"], 2, "name a folder"),
        (["--plate", "plate.png", "-o", "clip.mp4", "--target", "red"], 2, "would replace"),
        (["--plate", "plate.png", "-o", "-"], 2, "standard output"),
        (["--plate", "plate.png", "-o", "frame.png"], 2, "is a video, frame.png an image; name a .mp4, .mov"),
    ],
)
def test_requests_that_make_no_sense_say_so(film, monkeypatch, arguments, code, message):
    monkeypatch.chdir(film.path.parent)
    Path("text.mp4").write_text("no video")
    Path("empty").mkdir()
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    (line,) = lines(film, "clip.mp4", "-m", "difference.xml", *arguments, code=code)
    assert line.startswith("main: error: ")
    assert message in line
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before


def test_a_plate_of_another_size_is_resized_and_that_is_said(film, tmp_path):
    cv2.imwrite(str(tmp_path / "small.png"), plate((24, 32)))
    result = demo(film.path, "--plate", tmp_path / "small.png", "-m", film.flags[-1], "-o", tmp_path / "out.mov")
    assert result.exit_code == 0
    assert "the plate is 32x24, resized to the image's 64x48" in result.output
    assert alphas(tmp_path / "out.mov")[0].shape == SIZE


def test_a_plate_that_cannot_be_read_midway_loses_nothing_that_was_finished(film, tmp_path):
    plates = tmp_path / "plates"
    plates.mkdir()
    for index in range(20):
        cv2.imwrite(str(plates / f"{index:02d}.png"), plate())
    (plates / "15.png").write_text("no picture")
    flags = (film.path, "--plate", plates, "-m", film.flags[-1], "-o", tmp_path / "out.mov", "--segment_seconds", "0.2")
    warning, line = lines(film, *flags)
    assert "frames of" in warning
    assert "--resume" in warning
    assert str(plates / "15.png") in line
    assert not (tmp_path / "out.mov").exists()


def test_pictures_of_an_earlier_longer_run_are_pointed_out(film, tmp_path):
    lines(film, *film.flags, "-o", tmp_path / "out", code=0)
    said, _ = lines(film, *film.flags, "-o", tmp_path / "out", "--limit", "5", code=0)
    assert "has images of an earlier run, from 00000005.png on" in said
    assert len((tmp_path / "out" / "times.csv").read_text().splitlines()) == 6


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["--format", "webm"], ["clip.webm"]),
        (["--format", ".mov", "--what", "alpha"], ["clip.mov"]),
        (["--format", "png"], None),
        (["--what", "foreground,composite", "--target", "red"], ["clip_composite.mp4", "clip_foreground.mp4"]),
        ([], None),
    ],
)
def test_what_a_folder_is_filled_with(film, tmp_path, arguments, names):
    lines(film, *film.flags, "-o", tmp_path / "out", *arguments, code=0)
    found = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert found == (names or [*(f"{index:08d}.png" for index in range(20)), "times.csv"])


@pytest.mark.parametrize(
    ("arguments", "data", "code", "message"),
    [
        (["--resume"], True, 2, "standard input cannot be read again"),
        (["--plate", "median"], True, 2, "the median of standard input"),
        ([], b"", 1, "standard input is empty"),
        ([], b"\x1a\x45\xdf\xa3 broken", 1, "standard input"),
        (["--raw", "1x1:bgr24@25"], b"ab", 1, "standard input"),
    ],
)
def test_standard_input_that_cannot_be_used(film, tmp_path, arguments, data, code, message):
    piped = write_clip(tmp_path / "piped.mkv", film.pictures, **FFV1).read_bytes() if data is True else data
    out = tmp_path / "out" / "out.mov"
    (line,) = lines(film, "-", *film.flags[1:], *arguments, "-o", out, code=code, data=piped)
    assert message in line
    assert not out.parent.exists()


def test_standard_input_that_breaks_off_is_written_as_far_as_it_goes(film, tmp_path):
    raw = b"".join(picture.tobytes() for picture in film.pictures[:7])
    more = ("--raw", f"{SIZE[1]}x{SIZE[0]}:bgr24@25", "-o", tmp_path / "out.mov")
    line, summary = lines(film, "-", *film.flags[1:], *more, data=raw[:-100])
    assert "standard input" in line
    assert "1 failed" in summary
    np.testing.assert_array_equal(alphas(tmp_path / "out.mov"), np.array(film.mattes[:6]).astype(np.uint8) * 255)
    assert not list(tmp_path.glob(".*"))
