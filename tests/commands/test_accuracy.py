"""``omz_accuracy`` on folders of pictures, and on IRs that are not what they should be."""

from __future__ import annotations

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.accuracy_command import run

from omz.convert import convert
from omz.convert.plan import ConversionSettings
from omz.convert.store import stored_irs
from omz.images.files import write_picture
from omz.synthesis.scene import make_scene
from omz.zoo import Catalog

STARTER = "background-matting-starter"
SIZE = (96, 160)


def write_dataset(folder: Path) -> Path:
    """Write two clips of two frames in Open Model Zoo's layout."""
    for number in range(4):
        scene = make_scene(number, SIZE, "test")
        frame = f"clip{number // 2}/000{number % 2}.png"
        write_picture(folder / "com" / frame, scene.picture)
        write_picture(folder / "bgr" / frame, scene.plate)
        alpha = np.rint(255 * scene.alpha).astype(np.uint8)
        write_picture(folder / "fgr" / frame, np.dstack([scene.foreground, alpha]))
    return folder


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("dataset"))


def test_a_folder_of_frames_gives_the_table_and_a_verdict(dataset):
    result = run("--name", STARTER, "--dataset", dataset, "--threshold", "MAD=5%")
    assert result.exit_code == 0, result.output
    for told in ("original", "FP32", "FP16", "MAD x1e3", "PSNR dB", "inference", "convention omz", "PASSED"):
        assert told in result.output


@pytest.mark.parametrize("extra", ["--reverse_input_channels=False", "--scale=1"])
def test_a_conversion_that_forgets_something_fails(dataset, tmp_path, extra):
    convert(
        Catalog()[STARTER], Path(), tmp_path, ConversionSettings(precisions=("FP32",), extra=(extra,), check="none")
    )
    result = run("--name", STARTER, "--dataset", dataset, "--models", "original,FP32", "--model_dir", tmp_path)
    assert result.exit_code == 1
    assert "FAIL FP32: alpha: 99.9 % within" in result.output
    assert "FAILED: " in result.output


def test_a_precision_that_strays_fails(dataset):
    result = run("--name", STARTER, "--dataset", dataset, "--models", "original,FP32", "--precision", "bf16")
    assert result.exit_code in (0, 1)  # where the processor has no bfloat16, f32 runs
    assert ("bf16" in result.output) == (result.exit_code == 1)


def test_every_step_has_a_row_of_its_own(dataset):
    result = run("--name", STARTER, "--dataset", dataset, "--models", "original,FP32,FP16,FP16@default")
    assert result.exit_code in (0, 1)
    for step in ("original to FP32: conversion", "FP32 to FP16: weights in half", "FP16 to FP16@default: execution"):
        assert step in result.output


def test_a_threshold_that_is_not_held_fails(dataset):
    """Rounded weights may err less by chance; whichever errs more, it fails beside the other."""
    given = ("--name", STARTER, "--dataset", dataset)
    assert run(*given, "--models", "FP32,FP16", "--threshold", "MAD=50%").exit_code == 0
    orders = [run(*given, "--models", models, "--threshold", "MSE=0") for models in ("FP32,FP16", "FP16,FP32")]
    assert sorted(result.exit_code for result in orders) == [0, 1]


def test_frames_that_cannot_be_read_are_named_and_fail(tmp_path):
    write_dataset(tmp_path)
    bad = tmp_path / "com" / "clip1" / "0000.png"
    bad.write_bytes(bad.read_bytes()[:100])
    result = run("--name", STARTER, "--dataset", tmp_path, "--models", "FP32,FP16")
    assert result.exit_code == 1
    assert "clip1/0000: " in result.output
    assert "frames that cannot be read" in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "nothing to score; give the --name of a model"),
        (["--name", STARTER, "--resume"], "--resume needs --report, too"),
        (["--models", "FP16"], "is a variant of a card's model; give its --name"),
        (["--models", "nothing.xml"], "nothing.xml"),
        (["--models", "nothing.onnx"], "nothing.onnx"),
        (["--input_dir", "/nowhere"], "/nowhere"),
        (["--name", "nothing"], "no model is called 'nothing'"),
        (["--name", STARTER, "--convention", "x"], "--convention x: there are omz, dim"),
        (["--name", STARTER, "--threshold", "MAD"], "--threshold MAD is not of the form"),
        (["--name", STARTER, "--models", "original,FP8"], "--models FP8: there are original, FP32"),
        (["--name", STARTER, "--models", "FP32,FP32"], "each once"),
        (["--name", STARTER, "--dataset", "/nowhere"], "/nowhere"),
        (["--name", STARTER, "--size", "x"], "write width x height"),
        (["--name", STARTER, "--models", "FP32,,FP16"], "a variant is missing beside a comma"),
        (["--name", STARTER, "--models", "FP32", "--threshold", "MAD=1%"], "give two, or more"),
        (["--name", STARTER, "--threshold", "MADD=1%"], "--threshold MADD: the figures are MAD, MSE"),
        (["--name", STARTER, "--models", "original", "--locate"], "--models has none; add FP32"),
        (["--name", STARTER, "--layout", "flat"], "--layout needs --dataset, too"),
        (["--name", STARTER, "--calibration", "x"], "--calibration is for FP16-INT8"),
        (["--name", STARTER, "--dataset", "x", "--size", "3x3"], "--dataset says what --size would"),
        (["--check_dataset"], "--check_dataset needs --dataset DIR"),
        (["--check_dataset", "--dataset", "/nowhere"], "/nowhere"),
        (["--name", STARTER, "--device", "MARTIAN"], "device MARTIAN is not there"),
    ],
)
def test_what_cannot_be_evaluated_exits_with_2(tmp_path, arguments, said):
    stored_irs(Catalog()[STARTER], tmp_path, ("FP16", "FP32"))  # or the first to need it tells of that, too
    result = run(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert len(result.stderr.splitlines()) <= 1


def test_a_dataset_is_checked_without_a_model(tmp_path):
    write_dataset(tmp_path)
    good = run("--check_dataset", "--dataset", tmp_path)
    assert (good.exit_code, good.output.splitlines()[-1].split(",")[0]) == (0, "0 errors")
    (tmp_path / "bgr" / "clip0" / "0001.png").unlink()
    write_picture(tmp_path / "bgr" / "clip1" / "0001.png", np.zeros((8, 8, 3), np.uint8))
    bad = run("--check_dataset", "--dataset", tmp_path)
    assert bad.exit_code == 1
    for part in ("error: ", "clip0/0001.* is missing", "clip1/0001.png", "8x8", "160x96"):
        assert part in bad.output


def test_all_that_the_check_tells_is_told_in_every_run(tmp_path):
    """Masks of 0 and 1, a file that is missing, and an image that is there twice: none changes the exit code."""
    folder = tmp_path / "set"
    for number in (0, 0, 1, 2):
        name, scene = f"{len([*folder.glob('images/*')])}.png", make_scene(number, SIZE, "test")
        write_picture(folder / "images" / name, scene.picture)
        write_picture(folder / "bgr" / name, scene.plate)
        write_picture(folder / "alpha" / name, (scene.alpha > 0.5).astype(np.uint8))
    (folder / "bgr" / "3.png").unlink()
    check = run("--check_dataset", "--dataset", folder, "--allow_missing")
    remarks = [line for line in check.stdout.splitlines() if line.startswith("remark: ")]
    for part in ("3.* is missing", "0.png is nowhere above 0.0039", "1.png is the same as"):
        assert any(part in line for line in remarks), part
    given = ("--name", STARTER, "--models", "FP32", "--dataset", folder, "--allow_missing")
    result = run(*given, "--report", tmp_path / "report")
    assert result.exit_code == 0, result.output
    written = json.loads((tmp_path / "report" / "report.json").read_text())["remarks"]
    page = (tmp_path / "report" / "report.html").read_text()
    told = {f"remark: {each['path']} {each['message']}" for each in written}
    assert told == {line for line in remarks if "alpha/3.png" not in line}  # of a frame that is left out
    for line in (f"{folder}/alpha/0.png is nowhere above 0.0039", f"{folder}/images/1.png is the same as"):
        assert f"remark: {line}" in result.stdout
        assert line in page
    assert "(2 more such files)" in result.stdout


def test_finished_mattes_of_0_and_1_are_remarked_on(dataset, tmp_path):
    mattes = write_mattes(tmp_path / "mattes")
    path = mattes / "pha" / "clip1" / "0001.png"
    write_picture(path, (cv2.imread(str(path), cv2.IMREAD_UNCHANGED) > 128).astype(np.uint8))
    result = run("--dataset", dataset, "--input_dir", mattes)
    assert f"remark: {path} is nowhere above 0.0039 of the range of its depth" in result.stdout


def write_mattes(folder: Path, offset: int = 0) -> Path:
    """Write mattes of the dataset as some other tool would, ``offset`` levels off the truth."""
    for number in range(4):
        alpha = np.rint(255 * make_scene(number, SIZE, "test").alpha)
        frame = f"clip{number // 2}/000{number % 2}.png"
        write_picture(folder / "pha" / frame, np.clip(alpha - offset, 0, 255).astype(np.uint8))
    return folder


def test_finished_mattes_are_scored_without_any_model(dataset, tmp_path):
    right, off = write_mattes(tmp_path / "right"), write_mattes(tmp_path / "off", 3)
    given = ("--dataset", dataset, "--input_dir", right, "--input_dir", off)
    assert run(*given).exit_code == 0  # what other tools make need not be the same
    assert run(*given, "--threshold", "MAD=100").exit_code == 0
    result = run(*given, "--threshold", "MAD=1")
    assert result.exit_code == 1
    cells = [cell.strip() for cell in result.output.split("MAD x1e3")[1].split("│")]
    assert float(cells[1]) == 0
    assert 1 < float(cells[2]) < 1e3 * 3 / 255
    assert f"FAIL {off}: MAD" in result.output


def test_a_folder_of_mattes_does_not_stand_in_for_a_variant(dataset, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_mattes(tmp_path / "FP32")
    given = ("--name", STARTER, "--models", "FP32,FP16", "--dataset", dataset, "--input_dir")
    taken = run(*given, "FP32")
    assert (taken.exit_code, taken.stderr.count("\n")) == (2, 1)
    assert "--input_dir FP32 is called like one of --models" in taken.stderr
    assert "each once" in run(*given, tmp_path / "FP32", "--input_dir", tmp_path / "FP32").stderr


def test_mattes_of_none_of_the_frames_are_no_failure_of_a_model(dataset, tmp_path):
    write_picture(tmp_path / "pha" / "other" / "1.png", np.zeros(SIZE, np.uint8))
    result = run("--dataset", dataset, "--input_dir", tmp_path)
    assert result.exit_code == 2
    assert "has a matte of none of the frames, whose names are such as clip0/0000, not other/1" in result.stderr


def test_frames_that_a_file_is_missing_for_are_left_out_on_request_and_counted(tmp_path):
    write_dataset(tmp_path)
    (tmp_path / "bgr" / "clip0" / "0001.png").unlink()
    given = ("--name", STARTER, "--models", "FP32", "--dataset", tmp_path)
    assert run(*given).exit_code == 2
    result = run(*given, "--allow_missing")
    assert result.exit_code == 0, result.output
    assert "1 frames left out" in result.output
    assert run("--check_dataset", "--dataset", tmp_path, "--allow_missing").exit_code == 0


def test_file_names_need_not_be_text(tmp_path):
    folder = write_dataset(tmp_path)
    for role in ("com", "bgr", "fgr"):
        path = folder / role / "clip0" / "0000.png"
        os.rename(os.fsencode(path), os.fsencode(path.parent) + b"/\xff.png")
    result = run("--name", STARTER, "--models", "FP32,FP16", "--dataset", folder, "--report", tmp_path / "report")
    assert result.exit_code == 0, result.output


def test_mattes_are_scored_beside_a_model(dataset, tmp_path):
    mattes = write_mattes(tmp_path / "mattes")
    result = run("--name", STARTER, "--models", "FP32", "--dataset", dataset, "--input_dir", mattes)
    assert result.exit_code == 0, result.output
    (mattes / "pha" / "clip1" / "0001.png").unlink()
    result = run("--name", STARTER, "--models", "FP32", "--dataset", dataset, "--input_dir", mattes)
    assert result.exit_code == 1
    assert "clip1/0001: " in result.output
    assert "has no matte of it" in result.output.replace("\n", " ")


def test_more_jobs_tell_the_same(dataset):
    def told(*more: object) -> list[str]:
        result = run("--name", STARTER, "--models", "FP32,FP16", "--dataset", dataset, "--convention", "rvm_lr", *more)
        return [line for line in result.output.splitlines() if "inference" not in line]

    assert told("--jobs", 3) == told()


def test_the_first_frames_alone(dataset):
    few = run("--name", STARTER, "--models", "FP32,FP16", "--dataset", dataset, "--num_frames", 2)
    scenes = run("--name", STARTER, "--models", "FP32,FP16", "--num_frames", 2, "--size", f"{SIZE[1]}x{SIZE[0]}")
    row = "MAD x1e3"
    first, second = (float(result.output.split(row)[1].split()[1]) for result in (few, scenes))
    assert first == pytest.approx(second, abs=0.05)  # in files, the truth has 8 bits
