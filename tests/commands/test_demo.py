"""The demo on pictures as people have them, and on what is no picture."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from helpers.builders import save_difference_model
from helpers.demo_command import demo

from omz.convert.store import stored_ir
from omz.images.files import read_image, read_picture, write_picture
from omz.synthesis.camera import Drift
from omz.synthesis.scene import Scene, make_scene
from omz.zoo import Catalog
from omz_demo.cli import main
from omz_demo.example import make_example

SCENE = 3


def write_pair(folder: Path, height: int = 96, width: int = 160) -> Scene:
    scene = make_scene(SCENE, (height, width), "demo", drift=Drift())
    write_picture(folder / "photo.png", scene.picture)
    write_picture(folder / "plate.png", scene.plate)
    return scene


def read_rgba(path: Path) -> np.ndarray:
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


@pytest.fixture
def pair(tmp_path) -> Path:
    write_pair(tmp_path)
    return tmp_path


def assert_matte(path: Path, scene: Scene) -> None:
    rgba = read_rgba(path)
    assert rgba.dtype == np.uint8
    assert rgba.shape == (*scene.alpha.shape, 4)
    error = np.abs(rgba[..., 3] / 255 - scene.alpha).mean()
    assert error < min(0.06, scene.alpha.mean() / 2)


@pytest.mark.parametrize(("height", "width"), [(1080, 1920), (359, 641), (96, 160)])
def test_a_cutout_has_the_size_of_the_picture_and_its_alpha(tmp_path, height, width):
    scene = write_pair(tmp_path, height, width)
    result = demo("-i", tmp_path / "photo.png", "--background", tmp_path / "plate.png", "-o", tmp_path / "cut.png")
    assert result.exit_code == 0, result.output
    assert f"photo.png ({width}x{height}) in " in result.output
    assert "CPU, f32" in result.output
    assert_matte(tmp_path / "cut.png", scene)


@pytest.mark.parametrize("form", ["grey", "alpha", "deep", "jpeg"])
def test_pictures_of_every_kind(tmp_path, form):
    scene = write_pair(tmp_path)
    paths = []
    for name in ("photo", "plate"):
        picture = read_picture(tmp_path / f"{name}.png")
        path = tmp_path / f"{name}_{form}.{'jpg' if form == 'jpeg' else 'png'}"
        if form == "grey":
            picture = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        elif form == "alpha":
            picture = np.dstack([picture, np.full(picture.shape[:2], 77, np.uint8)])
        elif form == "deep":
            picture = picture.astype(np.uint16) * 257
        cv2.imwrite(str(path), picture)
        paths.append(path)
    result = demo("-i", paths[0], "--background", paths[1], "-o", tmp_path / "cut.png")
    assert result.exit_code == 0, result.output
    assert read_rgba(tmp_path / "cut.png").shape == (*scene.alpha.shape, 4)
    if form == "alpha":
        assert read_rgba(tmp_path / "cut.png")[..., 3].max() <= 77
        assert "the plate is partly transparent; its own colours are taken" in result.output
    elif form != "grey":
        assert_matte(tmp_path / "cut.png", scene)


def test_a_sixteen_bit_pair_mattes_like_the_eight_bit_pair_it_came_from(tmp_path):
    write_pair(tmp_path)
    for name in ("photo", "plate"):
        cv2.imwrite(str(tmp_path / f"{name}16.png"), read_picture(tmp_path / f"{name}.png").astype(np.uint16) * 257)
    demo("-i", tmp_path / "photo.png", "--background", tmp_path / "plate.png", "-o", tmp_path / "a.png")
    demo("-i", tmp_path / "photo16.png", "--background", tmp_path / "plate16.png", "-o", tmp_path / "b.png")
    np.testing.assert_array_equal(read_rgba(tmp_path / "a.png"), read_rgba(tmp_path / "b.png"))


def test_a_plate_of_another_size_is_resized_with_a_warning(pair):
    small = cv2.resize(read_picture(pair / "plate.png"), (80, 50))
    write_picture(pair / "small.png", small)
    result = demo("-i", pair / "photo.png", "--background", pair / "small.png", "-o", pair / "cut.png")
    assert result.exit_code == 0
    assert "warning: the plate is 80x50, resized to the image's 160x96" in result.output
    assert read_rgba(pair / "cut.png").shape == (96, 160, 4)


@pytest.mark.parametrize(("target", "colour"), [("#ff8000", (0, 128, 255)), ("lime", (0, 255, 0))])
def test_a_colour_as_target(tmp_path, target, colour):
    scene = write_pair(tmp_path)
    result = demo(
        "-i",
        tmp_path / "photo.png",
        "--background",
        tmp_path / "plate.png",
        "--target",
        target,
        "-o",
        tmp_path / "c.png",
    )
    assert result.exit_code == 0, result.output
    placed = read_rgba(tmp_path / "c.png")
    assert placed.shape == (96, 160, 3)
    background = placed[scene.alpha == 0]
    assert (np.abs(background.astype(int) - colour).max(1) <= 8).mean() > 0.5


def test_a_picture_as_target_and_as_jpeg(pair):
    write_picture(pair / "beach.png", np.full((30, 90, 3), 200, np.uint8))
    result = demo(
        "-i",
        pair / "photo.png",
        "--background",
        pair / "plate.png",
        "--target",
        pair / "beach.png",
        "-o",
        pair / "c.jpg",
    )
    assert result.exit_code == 0, result.output
    assert (pair / "c.jpg").read_bytes()[:2] == b"\xff\xd8"
    assert read_picture(pair / "c.jpg").shape == (96, 160, 3)


def broken(folder: Path) -> dict[str, Path]:
    (folder / "empty.png").touch()
    (folder / "cut_off.png").write_bytes((folder / "photo.png").read_bytes()[:2000])
    (folder / "text.png").write_text("not a picture")
    return {name: folder / f"{name}.png" for name in ("missing", "empty", "cut_off", "text")}


@pytest.mark.parametrize("kind", ["missing", "empty", "cut_off", "text"])
@pytest.mark.parametrize("role", ["picture", "plate", "target"])
def test_what_is_no_picture_is_one_line_and_leaves_no_output(pair, kind, role):
    bad = broken(pair)[kind]
    paths = {"picture": pair / "photo.png", "plate": pair / "plate.png", "target": pair / "photo.png", role: bad}
    before = sorted(pair.iterdir())
    result = demo(
        "-i", paths["picture"], "--background", paths["plate"], "--target", paths["target"], "-o", pair / "result.png"
    )
    assert result.exit_code == 1
    assert result.output.count("\n") == 1
    assert str(bad) in result.output
    assert sorted(pair.iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["-i", "photo.png", "-m", "background-matting-starter"], 2, "add --plate PLATE"),
        (["--background", "plate.png"], 2, "add -i IMAGE"),
        (["-i", "", "--background", "plate.png"], 2, "--input is empty; give a value, or leave it out"),
        (["-i", "photo.png", "--background", "plate.png", "--target", "no-such-colour"], 2, "no such file or colour"),
        (["-i", "photo.png", "--background", "plate.png", "--target", ""], 2, "--target is empty"),
        (["-i", "photo.png", "--background", "plate.png", "--target", "rgb(300,0,0)"], 2, "no such file or colour"),
        (["-i", "photo.png", "--background", "plate.png", "--target", "x" * 5000], 2, "no such file or colour"),
        (
            ["-i", "photo.png", "--background", "plate.png", "-o", "cut.jpg"],
            2,
            ".jpg cannot hold a result of cutout; use .png, .webp",
        ),
        (
            ["-i", "photo.png", "--background", "plate.png", "-d", "MARTIAN"],
            1,
            "device MARTIAN is not there; present: CPU",
        ),
        (["-i", "photo.png", "--background", "plate.png", "-m", "no-model"], 1, "no model is called 'no-model'"),
        (["-i", "photo.png", "--background", "plate.png", "-m", "none.xml"], 1, "no model at none.xml"),
        (
            ["-i", "photo.png", "--background", "plate.png", "-m", "background-matting-mobilenetv2"],
            1,
            "run omz_downloader --name background-matting-mobilenetv2, or",
        ),
        (["-i", "photo.png", "--background", "plate.png", "--precision", "f8"], 2, "f8"),
    ],
)
def test_other_errors_say_what_to_do(pair, monkeypatch, arguments, code, message):
    monkeypatch.chdir(pair)
    before = sorted(pair.iterdir())
    result = demo(*arguments)
    assert result.exit_code == code
    assert message in result.output
    assert "Traceback" not in result.output
    assert sorted(pair.iterdir()) == before


def test_the_result_never_replaces_what_was_read(pair):
    write_picture(pair / "beach.png", np.zeros((8, 8, 3), np.uint8))
    before = {path: path.read_bytes() for path in pair.iterdir()}
    given = ("-i", pair / "photo.png", "--plate", pair / "plate.png", "--target", pair / "beach.png", "-d", "MARTIAN")
    for name in ("photo.png", "./photo.png", "plate.png", "beach.png", "PHOTO.PNG"):
        result = demo(*given, "-o", pair / name)
        assert result.exit_code == 2
        assert result.output.count("\n") == 1
        assert "would replace" in result.output
    assert {path: path.read_bytes() for path in pair.iterdir()} == before


def test_a_cache_that_cannot_be_written_is_a_warning(pair, monkeypatch, tmp_path_factory):
    model = stored_ir(Catalog()["background-matting-starter"], pair)
    blocker = tmp_path_factory.mktemp("blocked") / "file"
    blocker.touch()
    monkeypatch.setenv("OMZ_CACHE_DIR", str(blocker))
    monkeypatch.setattr("omz.home._temporary", [])
    result = demo("-i", pair / "photo.png", "--plate", pair / "plate.png", "-o", pair / "cut.png", "-m", model)
    assert result.exit_code == 0
    assert f"warning: {blocker} cannot be written or is full, so a temporary folder has models" in result.output


def test_a_model_that_does_not_say_what_it_takes_is_a_warning(pair):
    model = save_difference_model(pair / "difference.xml", "height", "width")
    result = demo("-i", pair / "photo.png", "--plate", pair / "plate.png", "-o", pair / "cut.png", "-m", model)
    assert result.exit_code == 0
    assert "warning: difference.xml does not say what it takes" in result.output


def test_names_that_look_like_markup_are_names(pair):
    folder = pair / "[bold]x[" / "b]y"
    result = demo("-i", pair / "photo.png", "--plate", pair / "plate.png", "-o", folder / "cut.png")
    assert result.exit_code == 0
    assert str(folder / "cut.png") in result.output
    table = CliRunner().invoke(main, ["-o", str(folder)], env={"COLUMNS": "1000"}, catch_exceptions=False)
    assert str(folder / "alpha.png") in table.output


def test_without_arguments_it_shows_itself(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    result = demo()
    assert result.exit_code == 0, result.output
    rows = {
        line.split("│")[1].strip(): line.split("│")[2].strip() for line in result.output.splitlines() if "│" in line
    }
    assert rows["device asked for"] == rows["device used"] == "CPU"
    assert rows["precision"] == "f32"
    error = float(rows["alpha error (MAD x1e3)"])
    key_error = next(float(value) for name, value in rows.items() if name.startswith("a difference key"))
    assert error < key_error
    for name in ("picture.png", "plate.png", "alpha.png", "cutout.png", "composite.png", "overview.jpg"):
        assert read_image(tmp_path / "out" / name).picture.shape == (720, 1280, 3)
    written = read_rgba(tmp_path / "out" / "alpha.png") / 255
    assert 1e3 * np.abs(written - make_example().alpha).mean() == pytest.approx(error, abs=1)


@pytest.mark.parametrize("output", ["z.png", "z.mp4", "-"])
def test_the_example_writes_a_folder_and_no_file(tmp_path, monkeypatch, output):
    monkeypatch.chdir(tmp_path)
    result = demo("-o", output)
    expected = f"the example writes six files, and {output} is not a folder; name one with -o"
    assert (result.exit_code, result.output) == (2, f"main: error: {expected}\n")
    assert [*tmp_path.iterdir()] == []


def test_a_misspelt_doctor_is_told_from_a_file(pair, monkeypatch):
    monkeypatch.chdir(pair)
    told = "main: error: no file at docter; check the path, or did you mean omz_demo doctor?\n"
    assert (demo("docter").exit_code, demo("docter").output) == (1, told)
    write_picture(pair / "docter.png", read_picture(pair / "photo.png"))
    assert demo("docter.png", "--plate", "plate.png").exit_code == 0


@pytest.mark.parametrize("target", ["beech.jpg", "folder/green", "waves.mp4"])
def test_a_target_that_is_missing_is_a_missing_file(pair, monkeypatch, target):
    monkeypatch.chdir(pair)
    result = demo("photo.png", "--plate", "plate.png", "--target", target)
    assert (result.exit_code, result.output) == (
        1,
        f"main: error: --target {target}: there is no such file; check the path\n",
    )
