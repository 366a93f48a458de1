"""Pictures and folders of them through the command."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.builders import save_difference_model
from helpers.demo_command import (
    BOX,
    SIZE,
    block,
    box_of,
    content,
    cutout,
    demo,
    done,
    empty,
    mask,
    names,
    write_blocks,
    write_pair,
    write_scene,
)
from PIL import Image, ImageCms

import omz
from omz.images.encoding import KEEPS_METADATA
from omz.images.files import read_picture, read_pixels, write_picture
from omz.synthesis.camera import Drift
from omz.synthesis.scene import make_scene

GIVEN = ("-m", "model.xml", "--plate", "plate.png")


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_pair(tmp_path)


def test_the_short_form_writes_beside_the_input(folder):
    (folder / "shots").mkdir()
    (folder / "photo.png").rename(folder / "shots" / "photo.png")
    result = done("shots/photo.png", *GIVEN)
    picture = read_picture(folder / "shots" / "photo.png")
    np.testing.assert_array_equal(read_pixels(folder / "shots" / "photo_cutout.png"), cutout(picture))
    assert names(folder / "shots") == {"photo.png", "photo_cutout.png"}
    (line,) = result.stdout.splitlines()
    assert line.startswith("shots/photo_cutout.png: made from shots/photo.png (32x24) in ")
    assert line.endswith(" s on CPU, f32")


def write_tree(folder: Path) -> dict[str, tuple[int, int]]:
    """Write pictures of mixed sizes and formats below folders; return their sizes by the names of their results."""
    tree = {"a.png": (24, 32), "b.bmp": (33, 21), "deep/a.webp": (12, 60), "deep/er/c.tiff": (41, 41)}
    for name, size in tree.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), block(size, (2, 3, 10, 12)), [cv2.IMWRITE_WEBP_QUALITY, 101])
    return {Path(name).with_suffix(".png").as_posix(): size for name, size in tree.items()}


def test_a_tree_is_mirrored_and_every_picture_keeps_its_size(folder):
    tree = write_tree(folder / "in")
    done("in", *GIVEN, "--recursive", "-o", "out")
    assert names(folder / "out") == tree.keys()
    for name, size in tree.items():
        np.testing.assert_array_equal(read_pixels(folder / "out" / name), cutout(block(size, (2, 3, 10, 12))))


def test_of_a_folder_a_pattern_and_a_list_exactly_those_are_done(folder):
    write_tree(folder / "in")
    (folder / "list.txt").write_text("in/deep/a.webp\nin/b.bmp\n")
    for text, expected in (
        ("in", {"a.png", "b.png"}),
        ("in/*.bmp", {"b.png"}),
        ("in/**/a.*", {"a.png", "deep/a.png"}),
        ("@list.txt", {"b.png", "deep/a.png"}),
    ):
        shutil.rmtree(folder / "out", ignore_errors=True)
        done(text, *GIVEN, "-o", "out")
        assert names(folder / "out") == expected


def test_plates_targets_and_results_in_a_folder_are_not_its_pictures(folder):
    write_blocks(folder / "in", 2)
    for name in ("plates/0", "plates/1", "targets/0", "beach"):
        write_picture(folder / "in" / f"{name}.png", empty(SIZE))
    flags = ("-m", "model.xml", "in", "--recursive", "--plate", "in/plates")
    for target in ("in/targets", "in/beach.png"):
        for _ in range(2):
            done(*flags, "--target", target, "-o", "in/out", "--limit", 2)
        assert names(folder / "in" / "out") == {"0.png", "1.png"}
        shutil.rmtree(folder / "in" / "out")


def test_a_picture_comes_through_standard_input_and_goes_to_standard_output(folder):
    sent = (folder / "photo.png").read_bytes()
    before = names(folder)
    result = done("-", *GIVEN, "-o", "-", sent=sent)
    with Image.open(io.BytesIO(result.stdout_bytes)) as image:
        assert (image.format, image.mode) == ("PNG", "RGBA")
        rgba = np.asarray(image)
    np.testing.assert_array_equal(cv2.cvtColor(rgba, cv2.COLOR_RGBA2BGRA), cutout(read_picture(folder / "photo.png")))
    assert "standard output: made from standard input (32x24) in " in result.stderr
    assert names(folder) == before
    done("-", *GIVEN, sent=sent)
    assert (folder / "stdin_cutout.png").read_bytes() == result.stdout_bytes
    jpeg = done("photo.png", *GIVEN, "-o", "-", "--target", "white", "--format", "jpg", "--profile", "--json")
    assert jpeg.stdout_bytes[:3] == b"\xff\xd8\xff"
    with Image.open(io.BytesIO(jpeg.stdout_bytes)) as image:
        image.load()
    assert jpeg.stdout_bytes.endswith(b"\xff\xd9")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["photo.png", "plate.png", "-o", "-"], 2, "2 results do not go into -; name a folder"),
        (["photo.png", "--what", "all", "--target", "red", "-o", "-"], 2, "4 results do not go into -"),
        (["photo.png", "-o", "-", "--format", "jpg"], 2, ".jpg cannot hold a result of cutout"),
        (["photo.png", "-o", "cut.mp4", "--target", "red"], 2, "photo.png is an image, cut.mp4 a video"),
        (["photo.png", "-o", "cut.gif"], 2, ".gif cannot hold"),
        (["photo.png", "--what", "shadow"], 2, "--what: 'shadow' is not a result; choose from alpha"),
        (["photo.png", "--shard", "0/3"], 2, "no shard 0 of 3"),
        (["photo.png", "--shard", "x"], 2, "--shard: 'x' is not a shard; write I/N"),
        (["photo.png", "--format", "webp", "--alpha_bits", "16"], 2, ".webp has no 16 bits for alpha"),
        (["photo.png", "--report", "plate.png"], 2, "--report plate.png is where something else is"),
        (["photo.png", "--report", "photo_cutout.png"], 2, "is where something else is"),
        (["photo.png", "--report", "photo.png/r.json"], 1, "photo.png is not a folder; choose another place"),
        (["photo.png", "-o", "photo.png/out"], 1, "photo.png is not a folder; choose another place"),
        (["-"], 1, "standard input is empty"),
        (["photo.png", "--target", "clip.mp4"], 2, "a video behind images does not move"),
        (["photo.png", "--low", "0.9", "--high", "0.1"], 2, "the levels 0.9 and 0.1 do not fit"),
        (["photo.png", "--plate", "none.png"], 1, "the plate: no image at none.png"),
        (["photo.png", "--plate", "first"], 2, "--plate first is for videos"),
        (["folder"], 2, "folder has no images or videos"),
        (["photo.png", "--plate", "folder"], 2, "--plate folder: the folder has no images"),
        (["photo.png", "--target", "folder"], 2, "--target folder: the folder has no images"),
    ],
)
def test_what_makes_no_sense_is_one_line_before_a_model_is_loaded(folder, arguments, code, message):
    (folder / "folder").mkdir()
    (folder / "clip.mp4").touch()
    before = content(folder)
    result = demo("-m", "model.xml", "-d", "MARTIAN", "--plate", "plate.png", *arguments)
    assert result.exit_code == code
    (line,) = result.stderr.splitlines()
    assert line.startswith("main: error: ")
    assert message in line
    assert result.stdout == ""
    assert content(folder) == before


def test_one_bad_picture_among_many_is_a_line_and_the_others_are_done(folder):
    write_blocks(folder / "in", 4)
    (folder / "in" / "2.png").write_bytes((folder / "in" / "2.png").read_bytes()[:99])
    result = demo("in", *GIVEN, "-o", "out", "--report", "report.json")
    assert result.exit_code == 1
    (line,) = (line for line in result.stderr.splitlines() if line.startswith("failed: "))
    assert line.startswith("failed: in/2.png cannot be read as an image: ")
    assert result.stdout.startswith(
        "out/0.png, out/1.png, out/3.png: made from 4 inputs (32x24), 1 failed; 3 frames in "
    )
    assert ", 1 failed; " in result.stdout
    assert names(folder / "out") == {"0.png", "1.png", "3.png"}
    told = json.loads((folder / "report.json").read_text())
    assert (told["done"], told["failed"], told["skipped"], told["frames"]) == (3, 1, 0, 3)


def test_all_results(folder):
    done("photo.png", *GIVEN, "-o", "out", "--what", "all", "--target", "blue")
    picture, alpha = read_picture(folder / "photo.png"), mask(SIZE, BOX)
    expected = {
        "alpha": alpha,
        "cutout": cutout(picture),
        "foreground": picture,
        "composite": np.where(alpha[..., None] > 0, picture, np.uint8((255, 0, 0))),
    }
    assert names(folder / "out") == {f"photo_{what}.png" for what in expected}
    for what, levels in expected.items():
        np.testing.assert_array_equal(read_pixels(folder / "out" / f"photo_{what}.png"), levels)
    done("photo.png", *GIVEN, "-o", "two", "--what", "alpha,foreground", "--format", "webp")
    assert names(folder / "two") == {"photo_alpha.webp", "photo_foreground.webp"}
    np.testing.assert_array_equal(read_picture(folder / "two" / "photo_foreground.webp"), picture)


def test_quality_makes_files_smaller_and_colours_differ(folder):
    write_picture(folder / "photo.png", make_scene(3, (96, 160), "demo").picture)
    sizes = []
    for suffix in ("jpg", "webp"):
        for quality in (90, 20):
            flags = ("--target", "green", "--format", suffix, "--quality", quality)
            done("photo.png", *GIVEN, "-o", f"{suffix}{quality}", *flags)
            sizes.append((folder / f"{suffix}{quality}" / f"photo.{suffix}").stat().st_size)
    assert sizes[1] < sizes[0]
    assert sizes[3] < sizes[2]


@pytest.mark.parametrize("bits", [8, 16])
def test_the_command_gives_the_pixels_of_the_python_class(folder, bits):
    write_scene(folder, Drift())
    flags = ("--what", "alpha,foreground,cutout", "--alpha_bits", bits, "-o", "out")
    done("photo.png", "--plate", "plate.png", *flags)
    matte = omz.MattingModel("background-matting-starter")(folder / "photo.png", folder / "plate.png")
    assert matte.foreground is not None
    full = 2**bits - 1
    alpha = read_pixels(folder / "out" / "photo_alpha.png")
    assert alpha.dtype == (np.uint16 if bits == 16 else np.uint8)
    np.testing.assert_array_equal(alpha, np.rint(full * matte.alpha))
    foreground = read_pixels(folder / "out" / "photo_foreground.png")
    np.testing.assert_array_equal(foreground, np.rint(255 * matte.foreground))
    cut = read_pixels(folder / "out" / "photo_cutout.png")
    np.testing.assert_array_equal(cut, np.dstack([foreground.astype(np.uint16) * (full // 255), alpha]))


@pytest.mark.skipif(not KEEPS_METADATA, reason="this OpenCV writes no metadata")
def test_orientation_is_obeyed_once_and_metadata_are_kept(folder):
    picture = Image.fromarray(cv2.cvtColor(read_picture(folder / "photo.png"), cv2.COLOR_BGR2RGB))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Maker", 6  # to be turned right
    picture.rotate(90, expand=True).save(folder / "turned.png", exif=exif, icc_profile=profile)
    for suffix in ("png", "webp"):
        for strip in (False, True):
            done("turned.png", *GIVEN, "-o", f"cut.{suffix}", *(["--strip"] if strip else []))
            with Image.open(folder / f"cut.{suffix}") as image:
                assert image.size == picture.size
                kept = image.info.get("icc_profile"), dict(image.getexif())
                assert kept == ((None, {}) if strip else (profile, {0x010F: "Maker", 0x0112: 1}))
    np.testing.assert_array_equal(read_pixels(folder / "cut.png"), cutout(read_picture(folder / "photo.png")))


def test_edges_are_refined_as_asked(folder):
    picture = block(SIZE, BOX)
    picture[10:12, 14:17] = 100  # a hole of 6 pixels
    picture[1, 1] = picture[1, 2] = 255  # a speck of 2
    write_picture(folder / "photo.png", picture)
    full = mask(SIZE, BOX)
    for flags, expected in (
        (["--fill_holes", "6", "--drop_specks", "2"], full),
        (["--fill_holes", "5", "--drop_specks", "0.0027"], np.where((picture == 100).all(2), 0, 255) & full),
        (["--fill_holes", "6", "--drop_specks", "2", "--shift", "-2"], mask(SIZE, (7, 9, 15, 23))),
    ):
        done("photo.png", *GIVEN, "--what", "alpha", "-o", "a.png", *flags)
        np.testing.assert_array_equal(read_pixels(folder / "a.png"), expected)
    soft = ["--fill_holes", "6", "--drop_specks", "2", "--feather", "1.5"]
    done("photo.png", *GIVEN, "--what", "alpha", "-o", "a.png", *soft)
    row = read_pixels(folder / "a.png")[11]
    assert (np.diff(row[:16].astype(int)) >= 0).all()
    assert ((row > 20) & (row < 235)).sum() >= 4


def test_a_network_that_sees_less_keeps_size_and_detail(folder):
    size, box = (96, 160), (20, 40, 80, 120)
    write_picture(folder / "photo.png", block(size, box))
    done("photo.png", *GIVEN, "--input_size", "80x48", "--what", "alpha,foreground", "-o", "out")
    np.testing.assert_array_equal(read_picture(folder / "out" / "photo_foreground.png"), block(size, box))
    alpha = read_pixels(folder / "out" / "photo_alpha.png")
    assert alpha.shape == size
    assert np.abs(np.subtract(box_of(alpha), box)).max() <= 1
    assert ((alpha > 0) & (alpha < 255)).any()  # it was enlarged
    save_difference_model(folder / "fixed.xml", 48, 80)
    result = demo("photo.png", "-m", "fixed.xml", "--plate", "plate.png", "--input_size", "160x96")
    assert result.exit_code == 2
    assert "the network sees images at 80x48 and no other size; drop --input_size" in result.stderr


def test_shards_share_the_work_and_change_no_result(folder):
    write_blocks(folder / "in", 7)
    write_picture(folder / "in" / "3.bmp", block(SIZE, BOX))  # two of one name
    for number, level in enumerate((0, 60, 120, 180)):
        write_picture(folder / "targets" / f"{number}.png", np.full((4, 4, 3), level, np.uint8))
    flags = ("in", *GIVEN, "--target", "targets")
    done(*flags, "-o", "whole")
    assert {"3.bmp.png", "3.png.png"} < names(folder / "whole")
    shares = []
    for number in range(1, 4):
        before = names(folder / "out")
        done(*flags, "-o", "out", "--shard", f"{number}/3")
        shares.append(names(folder / "out") - before)
    assert sorted(map(len, shares)) == [2, 3, 3]
    assert content(folder / "out") == content(folder / "whole")
    result = done(*flags, "-o", "none", "--shard", "9/9")
    assert result.stdout.startswith("nothing written: made from 0 inputs")


def test_the_summary_for_programs(folder):
    write_blocks(folder / "in", 3)
    write_picture(folder / "in" / "4.png", block((12, 60), (2, 3, 10, 12)))
    result = done("in", *GIVEN, "-o", "out", "--json", "--report", "reports/r.json", "-nireq", "2", "--profile")
    told = json.loads(result.stdout)
    assert told == json.loads((folder / "reports" / "r.json").read_text())
    assert {name: told[name] for name in ("model", "device", "precision", "requests", "frames", "done", "failed")} == {
        "model": "model.xml", "device": "CPU", "precision": "f32", "requests": 2, "frames": 4, "done": 4, "failed": 0,
    }  # fmt: skip
    assert set(told["sizes"]) == {"32x24", "60x12"}
    assert set(told["inputs"]) == {f"in/{number}.png" for number in (0, 1, 2, 4)}
    assert set(told["outputs"]) == {f"out/{number}.png" for number in (0, 1, 2, 4)}
    assert {"decode", "infer", "matte", "compose", "write"} <= told["stages"].keys()
    assert all(0 <= milliseconds < 1e3 * told["seconds"] * 4 for milliseconds in told["stages"].values())
    assert told["frames_a_second"] == pytest.approx(4 / told["seconds"])
    assert any(
        line.startswith("in/4.png: the plate is 32x24, resized to the image's 60x12") for line in told["warnings"]
    )


def test_where_the_time_went(folder):
    result = done("photo.png", *GIVEN, "-o", "cut.png", "--profile")
    table = {line.split("│")[1].strip(): line.split("│")[2] for line in result.stdout.splitlines() if "│" in line}
    assert next(iter(table)) == "decode"
    assert list(table)[-1] == "all together"
    assert all("ms a frame" in row for row in table.values())


def test_what_is_for_videos_is_told(folder):
    result = done("photo.png", *GIVEN, "-o", "cut.png", "--show_with_original_frame")
    assert "warning: images are written, and not shown" in result.stderr
