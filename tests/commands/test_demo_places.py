"""Odd places: pipes, devices, links, folders that cannot be written, and names as long as they can be."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
from helpers.clips import write_clip
from helpers.demo_command import demo
from helpers.films import make_film
from PIL import Image

COMMAND = [sys.executable, "-m", "omz_demo"]


def run(*arguments: object, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], env={**os.environ, **(environment or {})}, capture_output=True, text=True,
        check=False, timeout=300,
    )  # fmt: skip


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """A folder with a photograph and its plate."""
    folder = tmp_path / "scene"
    folder.mkdir()
    Image.effect_noise((64, 48), 20).convert("RGB").save(folder / "plate.png")
    photo = Image.open(folder / "plate.png").copy()
    photo.paste((250, 40, 40), (20, 10, 40, 40))
    photo.save(folder / "photo.png")
    return folder


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_pipes_are_read_as_files(scene):
    plain = run(
        scene / "photo.png", "--plate", scene / "plate.png", "--target", scene / "plate.png", "-o", scene / "a.png"
    )
    assert plain.returncode == 0, plain.stderr
    line = (
        f"{sys.executable} -m omz_demo <(cat {scene}/photo.png) --plate <(cat {scene}/plate.png) "
        f"--target <(cat {scene}/plate.png) -o {scene}/b.png"
    )
    piped = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False, timeout=300)
    assert piped.returncode == 0, piped.stderr
    assert (scene / "a.png").read_bytes() == (scene / "b.png").read_bytes()


@pytest.mark.parametrize("flag", ["--plate", "--target", "-i"])
def test_a_pipe_that_nobody_writes_into_is_refused(scene, monkeypatch, flag):
    monkeypatch.setattr("omz.pipes.WAIT", 0.1)
    os.mkfifo(scene / "pipe.png")
    given = {"-i": scene / "photo.png", "--plate": scene / "plate.png", flag: scene / "pipe.png"}
    arguments = [part for pair in given.items() for part in pair]
    result = demo(*arguments, "-o", scene / "out.png")
    assert result.exit_code == 2
    assert result.output.count("\n") == 1
    assert "nothing has come through" in result.output
    assert not (scene / "out.png").exists()


@pytest.mark.parametrize("flag", ["--plate", "--target", "-i"])
def test_devices_are_refused(scene, flag):
    given = {"-i": scene / "photo.png", "--plate": scene / "plate.png", flag: "/dev/zero"}
    arguments = [part for pair in given.items() for part in pair]
    result = demo(*arguments, "-o", scene / "out.png")
    assert result.exit_code == 1
    assert result.output.count("\n") == 1
    assert "/dev/zero is a device" in result.output


@pytest.mark.parametrize("output", ["pipe.png", "/dev/null", "/dev/full", "/dev/stdout"])
def test_no_pipe_and_no_device_is_replaced(scene, output):
    os.mkfifo(scene / "pipe.png")
    before = os.stat(scene / output).st_mode
    result = demo("-i", scene / "photo.png", "--plate", scene / "plate.png", "-o", scene / output)
    assert result.exit_code == 1
    assert result.output.count("\n") == 1
    assert os.stat(scene / output).st_mode == before


def test_folders_with_dots_in_their_names(scene, monkeypatch):
    monkeypatch.chdir(scene)
    pair = ("-i", "photo.png", "--plate", "plate.png")
    refused = demo(*pair, "-o", "v1.2")
    assert (refused.exit_code, refused.output.count("\n")) == (2, 1)
    assert "v1.2/ for a folder" in refused.output
    assert demo(*pair, "-o", "v1.2/").exit_code == 0
    assert demo(*pair, "-o", "v1.2", "--what", "alpha").exit_code == 0  # which is there now
    assert demo(*pair, "-o", "x.png/").exit_code == 0
    assert [path.name for path in (scene / "x.png").iterdir()] == ["photo.png"]
    frames = [cv2.imread("photo.png")] * 2
    write_clip(scene / "clip.mp4", frames)
    assert demo("-i", "clip.mp4", "--plate", "plate.png", "-o", "frames.mp4/").exit_code == 0
    assert sorted(path.name for path in (scene / "frames.mp4").iterdir()) == [
        "00000000.png",
        "00000001.png",
        "times.csv",
    ]


@pytest.mark.parametrize("stem", ["n" * 246, "é" * 123, os.fsdecode(b"\xff\xfe" + b"x" * 244)])
def test_names_as_long_as_they_can_be(scene, stem):
    film = make_film(scene / "film", 3)
    for number in (1, 2):
        shutil.copy(scene / "photo.png", scene / f"{stem[:-1]}{number}.png")
        shutil.copy(film.path, scene / f"{stem[:-1]}{number}.mp4")
        for place in (["-o", scene / f"out{number}"], []):
            arguments = ["--plate", scene / "plate.png", *place]
            picture = demo("-i", scene / f"{stem[:-1]}{number}.png", *arguments)
            assert picture.exit_code == 0, picture.output
        video = demo("-i", scene / f"{stem[:-1]}{number}.mp4", *film.flags[1:], "--resume")
        assert video.exit_code == 0, video.output
    names = [path.name for path in scene.iterdir() if "_cutout" in path.name]
    assert len(names) == 4
    assert all(name.endswith((".png", ".mov")) and name[0] != "." for name in names)


@pytest.mark.parametrize("place", ["none", "file", "closed"])
def test_a_home_that_cannot_be_written(scene, place):
    (scene / "file").touch()
    (scene / "temporary").mkdir()
    homes = {"none": "/proc/none", "file": str(scene / "file"), "closed": "/proc/1"}
    environment = {"HOME": homes[place], "TMPDIR": str(scene / "temporary")}
    environment |= dict.fromkeys(("OMZ_HOME", "OMZ_CACHE_DIR", "XDG_CACHE_HOME", "XDG_DATA_HOME"), "")
    result = run(scene / "photo.png", "--plate", scene / "plate.png", "-o", scene / "out.png", environment=environment)
    assert result.returncode == 0, result.stderr
    told = [line for line in result.stderr.splitlines() if line.startswith("warning:") and "OMZ_HOME" in line]
    assert len(told) == 1
    assert (scene / "out.png").is_file()
    assert list((scene / "temporary").iterdir()) == []
    assert run("doctor", environment=environment).returncode == 0


def test_links_are_replaced_or_refused_and_never_written_through(scene):
    (scene / "other.png").write_bytes(b"kept")
    (scene / "link.png").symlink_to("other.png")
    (scene / "loop.png").symlink_to("loop.png")
    (scene / "input.png").symlink_to("photo.png")
    os.link(scene / "photo.png", scene / "hard.png")
    photo = (scene / "photo.png").read_bytes()
    pair = ("-i", scene / "photo.png", "--plate", scene / "plate.png")
    for name, code in (("link.png", 0), ("loop.png", 0), ("hard.png", 0), ("input.png", 2)):
        result = demo(*pair, "-o", scene / name)
        assert result.exit_code == code, result.output
        assert (scene / "photo.png").read_bytes() == photo
    assert (scene / "other.png").read_bytes() == b"kept"
    assert not (scene / "link.png").is_symlink()
    for arguments in (
        ("-i", scene / "ring", *pair[2:]),
        (*pair[:3], scene / "ring"),
        (*pair, "--target", scene / "ring"),
    ):
        (scene / "ring").unlink(missing_ok=True)
        (scene / "ring").symlink_to("ring")
        result = demo(*arguments, "-o", scene / "out.png")
        assert result.exit_code in (1, 2)
        assert result.output.count("\n") == 1


def test_pipes_are_no_models_and_no_cards(scene):
    from omz.zoo.catalog import Catalog

    shutil.copy(
        Catalog()["background-matting-starter"].folder / "FP16" / "background-matting-starter.xml", scene / "m.xml"
    )
    (scene / "cards" / "x").mkdir(parents=True)
    for name in ("m.bin", "pipe.xml", "cards/x/model.yml"):
        os.mkfifo(scene / name)
    pair = ("-i", scene / "photo.png", "--plate", scene / "plate.png", "-o", scene / "out.png")
    for model in ((scene / "m.xml",), (scene / "pipe.xml",), ("x", "--models_dir", scene / "cards")):
        result = demo(*pair, "-m", *model)
        assert result.exit_code == 1
        assert result.output.count("\n") == 1
