"""The demo on whole videos: their frames, times and sound, and what becomes of each pixel."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from helpers.builders import save_brightness_model, save_difference_model
from helpers.clips import RATE, decoded, set_matrix, sound_packets, write_clip
from helpers.films import SIZE, alphas, composites, demo, make_film, matte, plate, sequence, shots, times
from scipy.ndimage import gaussian_filter

RED = np.array([0, 0, 255], np.uint8)


def levels(mattes: list[np.ndarray]) -> np.ndarray:
    return np.array(mattes).astype(np.uint8) * 255


def done(*arguments: object, data: bytes | None = None) -> str:
    result = demo(*arguments, data=data)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_full_hd_clip_keeps_frames_times_and_sound_and_has_the_exact_alpha(tmp_path):
    irregular = [0, 512, 600, 3000]
    film = make_film(tmp_path, 4, (1080, 1920), times=irregular, sound="aac")
    output = tmp_path / "out.mov"
    done(*film.flags, "-o", output, "--segment_seconds", "0.1")
    assert times(output) == times(film.path) == [Fraction(time, 12800) for time in irregular]
    assert sound_packets(output) == sound_packets(film.path)
    np.testing.assert_array_equal(alphas(output), levels(film.mattes))


def test_a_thousand_and_one_frames_are_a_thousand_and_one(tmp_path):
    film = make_film(tmp_path, 1001, (16, 16))
    done(*film.flags, "-o", tmp_path / "out.mp4", "--target", "red", "-limit", "0", "--segment_seconds", "5")
    assert times(tmp_path / "out.mp4") == times(film.path)
    assert len(times(film.path)) == 1001


def test_a_limit_ends_frames_and_sound(tmp_path):
    film = make_film(tmp_path, 50, sound="aac")
    done(*film.flags, "-o", tmp_path / "out.mp4", "--target", "red", "--limit", "10")
    assert len(times(tmp_path / "out.mp4")) == 10
    kept = sound_packets(tmp_path / "out.mp4")
    assert kept == sound_packets(film.path)[: len(kept)]
    assert kept[-1][0] < Fraction(10, RATE) <= sound_packets(film.path)[len(kept)][0]


def test_sound_can_be_left_out_and_is_encoded_anew_where_it_has_to_be(tmp_path):
    film = make_film(tmp_path, 12, sound="aac")
    done(*film.flags, "-o", tmp_path / "out.mov", "--no_sound")
    with av.open(str(tmp_path / "out.mov")) as container:
        assert not container.streams.audio
    assert "its sound was encoded anew, aac -> opus" in done(*film.flags, "-o", tmp_path / "out.webm")


@pytest.mark.parametrize("name", ["out.mov", "out.webm", "sequence"])
def test_soft_alpha_comes_back_from_every_format(tmp_path, name):
    ramp = np.linspace(10, 240, SIZE[1]).round().astype(np.uint8)
    pictures = [np.dstack([np.roll(np.tile(ramp, (SIZE[0], 1)), 5 * index, axis=1)] * 3) for index in range(6)]
    path = write_clip(tmp_path / "clip.mkv", pictures, codec="ffv1", pixel_format="bgr0")
    model = save_brightness_model(tmp_path / "brightness.xml", "height", "width")
    expected = np.array([(picture[..., 0].astype(float) - 10) / 230 * 255 for picture in pictures])
    lossless = ("--lossless",) if name.endswith(".webm") else ()
    done(path, "-m", model, "-o", tmp_path / name, *lossless)
    found = [picture[..., 3] for picture in sequence(tmp_path / name)] or alphas(tmp_path / name)
    most = 0.51 if name == "sequence" else 1.51  # ProRes and limited VP9 may be one level off
    assert np.abs(np.array(found) - expected).max() < most
    if lossless:
        done(path, "-m", model, "-o", tmp_path / "lossy.webm")
        off = np.abs(np.array(alphas(tmp_path / "lossy.webm")) - expected)
        assert off.mean() < 2
        assert off.max() < 25


def test_all_results_of_a_video_fit_each_other(tmp_path):
    film = make_film(tmp_path, 5)
    done(*film.flags, "-o", tmp_path, "--what", "all", "--target", "red", "--format", "png", "--feather", "1.5")
    found = {what: np.array(sequence(tmp_path / f"clip_{what}")) for what in ("alpha", "foreground", "composite")}
    cutouts = np.array(sequence(tmp_path / "clip_cutout"))
    soft = [gaussian_filter(255.0 * matte, 1.5, mode="nearest", truncate=4) for matte in film.mattes]
    assert np.abs(found["alpha"] - np.array(soft)).max() < 3
    np.testing.assert_array_equal(found["foreground"], film.pictures)
    np.testing.assert_array_equal(cutouts, np.concatenate([found["foreground"], found["alpha"][..., None]], axis=3))
    share = found["alpha"][..., None] / 255
    assert np.abs(found["composite"] - (share * found["foreground"] + (1 - share) * RED)).max() <= 1
    lines = (tmp_path / "clip_alpha" / "times.csv").read_text().splitlines()
    assert [Fraction(line.split(",")[1]) / 12800 for line in lines[1:]] == times(film.path)


def test_all_results_of_a_video_are_videos_unless_told_otherwise(tmp_path):
    film = make_film(tmp_path, 5)
    done(*film.flags, "-o", tmp_path / "out", "--what", "all")
    names = ["clip_alpha.mp4", "clip_composite.mp4", "clip_cutout.mov", "clip_foreground.mp4"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    for name in names:
        assert times(tmp_path / "out" / name) == times(film.path)


def test_deep_alpha_of_a_sequence(tmp_path):
    film = make_film(tmp_path, 3)
    done(*film.flags, "-o", tmp_path / "out", "--what", "alpha", "--alpha_bits", "16")
    np.testing.assert_array_equal(sequence(tmp_path / "out"), levels(film.mattes).astype(np.uint16) * 257)


def frames_of(film, tmp_path, *more) -> np.ndarray:
    done(*film.flags, "-o", tmp_path / "out", *more)
    return np.array(sequence(tmp_path / "out"))


@pytest.mark.parametrize("requests", [1, 2, 4, 8])
@pytest.mark.parametrize("kind", ["folder", "video"])
def test_every_frame_has_its_own_target_however_many_are_on_their_way(tmp_path, requests, kind):
    film = make_film(tmp_path, 40)
    greys = [np.full((*SIZE, 3), 6 * index, np.uint8) for index in range(40)]
    target = tmp_path / "behind"
    if kind == "folder":
        target.mkdir()
        for index, grey in enumerate(greys):
            cv2.imwrite(str(target / f"{index}.png"), grey)
    else:
        target = write_clip(tmp_path / "behind.mkv", greys, codec="ffv1", pixel_format="bgr0")
    found = frames_of(film, tmp_path, "--target", target, "-nireq", requests)
    np.testing.assert_array_equal(found, composites(film.pictures, film.mattes, np.array(greys)))


def test_a_target_video_keeps_its_own_pace_and_begins_again(tmp_path):
    film = make_film(tmp_path, 30)  # 25 frames a second; the target has 10, and ends after 0.5 seconds
    greys = [np.full((*SIZE, 3), 50 * index, np.uint8) for index in range(5)]
    at = [1280 * index for index in range(5)]
    target = write_clip(tmp_path / "behind.mkv", greys, times=at, codec="ffv1", pixel_format="bgr0")
    with av.open(str(target)) as container:
        length = Fraction(4, 10) + 1 / container.streams.video[0].average_rate
    shown = [greys[int((Fraction(index, 25) % length) * 10)] for index in range(30)]
    found = frames_of(film, tmp_path, "--target", target)
    assert np.abs(found.astype(int) - composites(film.pictures, film.mattes, np.array(shown))).max() <= 1


def test_each_of_several_videos_has_the_target_video_from_its_beginning(tmp_path):
    films = [make_film(tmp_path, 6, name=name) for name in ("a.mp4", "b.mp4")]
    greys = [np.full((*SIZE, 3), 40 * index, np.uint8) for index in range(6)]
    target = write_clip(tmp_path / "behind.mkv", greys, codec="ffv1", pixel_format="bgr0")
    flags = ("-o", tmp_path / "out", "--target", target, "--format", "png")
    done(films[0].path, *films[1].flags, *flags)
    for name in ("a", "b"):
        expected = composites(films[0].pictures, films[0].mattes, np.array(greys))
        np.testing.assert_array_equal(sequence(tmp_path / "out" / name), expected)


@pytest.mark.parametrize("fit", ["cover", "contain", "stretch", "tile"])
def test_a_target_picture_is_made_to_fit(tmp_path, fit):
    height, width = SIZE
    film = make_film(tmp_path, 3)
    block = np.random.default_rng(1).integers(0, 256, (height // 2, width, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "wide.png"), block)
    found = frames_of(film, tmp_path, "--target", tmp_path / "wide.png", "--fit", fit)
    behind, empty = found[0], ~film.mattes[0]
    if fit == "tile":
        np.testing.assert_array_equal(behind[empty], np.vstack([block, block])[empty])
    elif fit == "contain":  # the whole of it in the middle, bars above and below
        bars = np.ones(height, bool)
        bars[height // 4 : height // 4 + height // 2] = False
        assert not behind[bars][empty[bars]].any()
        inner = slice(height // 4, height // 4 + height // 2)
        np.testing.assert_array_equal(behind[inner][empty[inner]], block[empty[inner]])
    else:  # a mean over what is shown: all of it, or the middle half
        shown = block if fit == "stretch" else block[:, width // 4 : width // 4 + width // 2]
        plain = cv2.resize(shown, (width, height), interpolation=cv2.INTER_LINEAR)
        assert np.abs(behind[empty].astype(float) - plain[empty]).mean() < 12


def test_blur_leaves_no_subject_behind(tmp_path):
    film = make_film(tmp_path, 3)
    found = frames_of(film, tmp_path, "--target", "blur:5")
    for frame, picture, mask in zip(found, film.pictures, film.mattes, strict=True):
        np.testing.assert_array_equal(frame[mask], picture[mask])
        assert frame[~mask].max() <= plate().max()  # the subject is brighter by 100
        assert np.abs(frame[~mask].astype(int) - plate()[~mask]).max() > 5


def test_a_plate_for_every_frame(tmp_path):
    film = make_film(tmp_path, 6)
    plates = tmp_path / "plates"
    plates.mkdir()
    for index in range(6):  # one plate has the subject in it, too
        cv2.imwrite(str(plates / f"{index}.png"), film.pictures[3] if index == 3 else plate())
    video = write_clip(
        tmp_path / "plates.mkv", [film.pictures[3] if index == 3 else plate() for index in range(6)],
        codec="ffv1", pixel_format="bgr0",
    )  # fmt: skip
    expected = levels(film.mattes)
    expected[3] = 0
    for source in (plates, video):
        done(film.path, "--plate", source, "-m", film.flags[-1], "-o", tmp_path / "out", "--what", "alpha")
        np.testing.assert_array_equal(sequence(tmp_path / "out"), expected)


def test_plates_that_end_early_last_on(tmp_path):
    film = make_film(tmp_path, 6)
    video = write_clip(tmp_path / "plates.mkv", [plate()] * 2, codec="ffv1", pixel_format="bgr0")
    done(film.path, "--plate", video, "-m", film.flags[-1], "-o", tmp_path / "out", "--what", "alpha")
    np.testing.assert_array_equal(sequence(tmp_path / "out"), levels(film.mattes))


def test_the_plate_is_the_first_frame_or_the_median(tmp_path):
    make_film(tmp_path, 1)
    moving = [plate(), *shots(24)]
    clip = write_clip(tmp_path / "moving.mkv", moving, codec="ffv1", pixel_format="bgr0")
    how = (clip, "-m", tmp_path / "difference.xml", "--what", "alpha")
    done(*how, "--plate", "first", "-o", tmp_path / "first")
    expected = [np.zeros(SIZE, bool), *(matte(index) for index in range(24))]
    np.testing.assert_array_equal(sequence(tmp_path / "first"), levels(expected))
    done(*how, "--plate", "median", "-o", tmp_path / "median")
    often = np.mean(expected, axis=0) > 0.5  # where the subject is in most frames, it is the median
    found = np.array(sequence(tmp_path / "median"))[:, ~often]
    np.testing.assert_array_equal(found, levels(expected)[:, ~often])


def test_a_turned_video_comes_out_upright(tmp_path):
    film = make_film(tmp_path, 4)
    set_matrix(film.path, 0, 1, -1, 0)
    cv2.imwrite(str(tmp_path / "plate.png"), np.rot90(plate(), -1))
    done(*film.flags, "-o", tmp_path / "out.mov")
    np.testing.assert_array_equal(alphas(tmp_path / "out.mov"), [np.rot90(each, -1) for each in levels(film.mattes)])


def test_an_odd_size_is_padded_for_a_codec_that_needs_it_and_that_is_said(tmp_path):
    film = make_film(tmp_path, 3, (47, 63))
    assert "out.mp4 is 64x48: its codec takes even sizes" in done(
        *film.flags, "-o", tmp_path / "out.mp4", "--target", "red"
    )
    assert "even sizes" not in done(*film.flags, "-o", tmp_path / "out.mov")
    assert alphas(tmp_path / "out.mov")[0].shape == (47, 63)


@pytest.mark.parametrize("size", [(240, 320), (361, 639), (1079, 1919), (1920, 1080)])
@pytest.mark.parametrize("resize_type", ["standard", "fit_to_window_letterbox"])
def test_a_network_of_a_fixed_size_finds_the_box_where_it_is(tmp_path, size, resize_type):
    height, width = size
    top, bottom, left, right = height // 4, height // 2, width // 3, width * 3 // 5
    behind = np.full((*size, 3), 60, np.uint8)
    picture = behind.copy()
    picture[top:bottom, left:right] = 200
    clip = write_clip(tmp_path / "clip.mkv", [picture], codec="ffv1", pixel_format="bgr0")
    cv2.imwrite(str(tmp_path / "plate.png"), behind)
    model = save_difference_model(tmp_path / "fixed.xml", 720, 1280)
    flags = ("--plate", tmp_path / "plate.png", "-m", model, "--what", "alpha", "--resize_type", resize_type)
    done(clip, *flags, "-o", tmp_path / "out")
    found = sequence(tmp_path / "out")[0] > 127
    rows, columns = np.flatnonzero(found.any(axis=1)), np.flatnonzero(found.any(axis=0))
    edges = np.array([rows[0], rows[-1] + 1, columns[0], columns[-1] + 1])
    assert np.abs(edges - [top, bottom, left, right]).max() <= 1


def test_what_is_measured_is_never_in_files(tmp_path):
    film = make_film(tmp_path, 40)
    plain = frames_of(film, tmp_path, "--target", "red")
    measured = frames_of(film, tmp_path, "--target", "red", "--metrics", "--profile")
    np.testing.assert_array_equal(plain, measured)
    np.testing.assert_array_equal(plain, composites(film.pictures, film.mattes, RED))


def test_the_summary_tells_what_was_done(tmp_path):
    film = make_film(tmp_path, 7)
    done(*film.flags, "-o", tmp_path / "out.mov", "--report", tmp_path / "report.json")
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["frames"], report["done"], report["failed"]) == (7, 1, 0)
    assert report["outputs"] == [str(tmp_path / "out.mov")]
    assert {"decode", "infer", "compose", "write", "join"} <= set(report["stages"])


def test_a_folder_of_videos_and_pictures_done_twice_is_the_same(tmp_path):
    film = make_film(tmp_path / "in", 4)
    cv2.imwrite(str(tmp_path / "in" / "still.png"), film.pictures[0])
    (tmp_path / "in" / "plate.png").rename(tmp_path / "plate.png")
    flags = (tmp_path / "in", "--plate", tmp_path / "plate.png", "-m", film.flags[-1])
    done(*flags)
    before = sorted(path.name for path in (tmp_path / "in").iterdir())
    assert {"clip_cutout.mov", "still_cutout.png"} < set(before)
    done(*flags)  # results beside their inputs are no inputs
    assert sorted(path.name for path in (tmp_path / "in").iterdir()) == before


def test_nothing_but_the_result_is_left(tmp_path):
    film = make_film(tmp_path / "in", 30)
    done(*film.flags, "-o", tmp_path / "out" / "result.mov", "--smooth", "0.5", "--segment_seconds", "0.2")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["result.mov"]


def y4m(pictures: list[np.ndarray]) -> bytes:
    grey = [cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).tobytes() for picture in pictures]
    head = f"YUV4MPEG2 W{SIZE[1]} H{SIZE[0]} F25:1 Ip A1:1 Cmono\n".encode()
    return head + b"".join(b"FRAME\n" + plane for plane in grey)


def test_a_video_on_standard_input(tmp_path):
    film = make_film(tmp_path, 12, name="clip.mkv", sound="aac")
    flags = ("-", *film.flags[1:])
    output = done(*flags, "-o", tmp_path / "out.mov", data=film.path.read_bytes())
    assert "the sound of standard input is left out" in output
    np.testing.assert_array_equal(alphas(tmp_path / "out.mov"), levels(film.mattes))
    np.testing.assert_allclose(np.array(times(tmp_path / "out.mov"), float), np.array(times(film.path), float))
    raw = b"".join(picture.tobytes() for picture in film.pictures)
    how = ("--raw", f"{SIZE[1]}x{SIZE[0]}:bgr24@25", "--target", "red", "-o", tmp_path / "out")
    assert "left out" not in done(*flags, *how, data=raw)
    np.testing.assert_array_equal(sequence(tmp_path / "out"), composites(film.pictures, film.mattes, RED))
    done(*flags, "-o", tmp_path / "grey", "--what", "alpha", data=y4m(film.pictures))
    assert len(sequence(tmp_path / "grey")) == 12


def test_the_plate_of_standard_input_can_be_its_first_frame(tmp_path):
    make_film(tmp_path, 1)
    raw = b"".join(picture.tobytes() for picture in [plate(), *shots(5)])
    flags = ("-", "-m", tmp_path / "difference.xml", "--raw", f"{SIZE[1]}x{SIZE[0]}:bgr24@25", "--plate", "first")
    done(*flags, "-o", tmp_path / "out", "--what", "alpha", data=raw)
    expected = [np.zeros(SIZE, bool), *(matte(index) for index in range(5))]
    np.testing.assert_array_equal(sequence(tmp_path / "out"), levels(expected))


def test_frames_are_the_same_whatever_the_segments(tmp_path):
    film = make_film(tmp_path, 20)
    for seconds in ("0.04", "10"):
        done(*film.flags, "-o", tmp_path / f"{seconds}.mov", "--segment_seconds", seconds, "--smooth", "0.7")
    assert decoded(tmp_path / "0.04.mov") == decoded(tmp_path / "10.mov")


def test_the_result_has_its_own_folder_made(tmp_path):
    film = make_film(tmp_path, 2)
    done(*film.flags, "-o", Path(tmp_path, "a", "b", "out.mov"))
    assert len(times(tmp_path / "a" / "b" / "out.mov")) == 2


def test_a_video_without_a_subject_is_a_warning_and_one_whose_first_frames_are_empty_is_none(tmp_path):
    film = make_film(tmp_path, 4)
    empty = "warning: nothing differs from the plate, so the matte is empty; take the plate without the subject\n"
    flags = film.flags[1:]
    alone = write_clip(tmp_path / "alone.mkv", [plate()] * 4, codec="ffv1", pixel_format="bgr0")
    assert empty in done(alone, *flags, "-o", tmp_path / "alone.mov")
    late = write_clip(tmp_path / "late.mkv", [plate()] * 3 + film.pictures[:1], codec="ffv1", pixel_format="bgr0")
    assert empty not in done(late, *flags, "-o", tmp_path / "late.mov")


def test_a_video_is_not_its_own_plate(tmp_path):
    film = make_film(tmp_path, 2)
    result = demo(film.path, "--plate", film.path, *film.flags[3:], "-o", tmp_path / "out.mov")
    assert result.exit_code == 2
    assert f"the plate is the input, {film.path}; take a plate without the subject" in result.output
