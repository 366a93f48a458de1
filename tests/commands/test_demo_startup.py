"""The start of the command: what it loads, what it compiles, and what it says of itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from helpers.demo_command import BOX, SIZE, block, cutout, done, write_blocks, write_pair, write_scene
from PIL import Image

from omz.cli import accuracy, converter, downloader, info_dumper, model_optimizer
from omz.convert.store import stored_ir
from omz.cutout.opening import open_ahead
from omz.cutout.options import Options
from omz.images.files import read_pixels, write_picture
from omz.synthesis.camera import Drift
from omz.zoo import Catalog
from omz_demo.cli import main

STARTER = "background-matting-starter"
FRAMEWORKS = ("torch", "onnx", "onnxruntime", "mindspore", "nncf")
EXTRAS = ("matplotlib", "jinja2", "scipy", "numba", "pymatting", "ruamel", "httpx", "tenacity")
FOR_OTHERS = ("av", "pydantic", "yaml", "rich", "natsort", "filelock", "platformdirs")
_COMMAND = (
    "import sys; from omz_demo.cli import main; main(sys.argv[2:], standalone_mode=False); "
    "print(*({*sys.argv[1].split(',')} & {name.split('.')[0] for name in sys.modules}), file=sys.stderr)"
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return write_pair(tmp_path)


def loaded(modules: tuple[str, ...], *arguments: str) -> list[str]:
    """Run the command in a process of its own, and return which of ``modules`` it loaded."""
    command = [sys.executable, "-c", _COMMAND, ",".join(modules), *arguments]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return run.stderr.splitlines()[-1].split()


def test_an_image_loads_what_it_needs_and_no_more(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_scene(tmp_path, Drift())
    stored_ir(Catalog()[STARTER], tmp_path)
    flags = ("photo.png", "--plate", "plate.png")
    assert loaded((*FRAMEWORKS, *EXTRAS, "av"), *flags) == []  # reads the card, and remembers what it found
    assert loaded((*FRAMEWORKS, *EXTRAS, *FOR_OTHERS), *flags) == []
    assert (tmp_path / "photo_cutout.png").is_file()


def test_many_images_load_neither_frameworks_nor_what_videos_need(folder):
    write_blocks(folder / "in", 2)
    assert loaded((*FRAMEWORKS, *EXTRAS, "av", "rich"), "in", "-m", "model.xml", "--plate", "plate.png") == []


def test_an_image_is_cut_as_it_is_among_others(folder):
    write_blocks(folder / "in", 3, (23, 33))  # sides that no network takes as they are
    write_picture(folder / "plate.png", block((23, 33), (0, 0, 0, 0)))
    done("in", "-m", "model.xml", "--plate", "plate.png", "-o", "together")
    for number in range(3):
        done(f"in/{number}.png", "-m", "model.xml", "--plate", "plate.png", "-o", "alone")
    for path in (folder / "together").glob("*.png"):
        assert (folder / "alone" / path.name).read_bytes() == path.read_bytes()


def test_images_of_many_sizes_compile_no_model_each(folder, monkeypatch):
    monkeypatch.setenv("OMZ_CACHE_DIR", str(folder / "cache"))
    for side in range(20, 30):
        write_picture(folder / "in" / f"{side}.png", block((side, 32), (2, 2, 9, 9)))
    done("in", "-m", "model.xml", "--plate", "plate.png", "-o", "out")
    compiled = list((folder / "cache" / "compiled").rglob("*.blob"))
    assert len(compiled) <= 1


def test_of_models_compiled_for_a_size_a_few_are_kept(folder, monkeypatch):
    monkeypatch.setenv("OMZ_CACHE_DIR", str(folder / "cache"))
    counts = []
    for side in range(16, 336, 16):  # what a network sees is a multiple of 16
        picture = block((side, 32), (2, 2, 9, 9))
        write_picture(folder / "photo.png", picture)
        done("photo.png", "-m", "model.xml", "--plate", "plate.png", "-o", "out.png")
        assert (read_pixels(folder / "out.png") == cutout(picture)).all()
        counts.append(len(list((folder / "cache" / "compiled" / "sizes").iterdir())))
    assert counts[:3] == [1, 2, 3]
    assert counts[-1] == 16


@pytest.mark.parametrize(
    ("inputs", "more"),
    [
        (("in",), {}),
        (("photo.png", "plate.png"), {}),
        (("gone.png",), {}),
        (("0",), {}),
        (("-",), {}),
        (("text.png",), {}),
        (("photo.png",), {"model": "gone.xml"}),
        (("photo.png",), {"model": "no-such-model"}),
        (("photo.png",), {"model": STARTER, "models_dir": (Path("gone"),)}),
    ],
)
def test_only_one_image_and_a_model_at_hand_begin_at_once(folder, inputs, more):
    (folder / "in").mkdir()
    (folder / "text.png").write_text("no picture")
    assert open_ahead(Options(**{"inputs": inputs, "model": "model.xml", **more})) is None
    begun = open_ahead(Options(inputs=("photo.png",), model="model.xml"))
    assert begun is not None
    assert begun.result().model.network.size is None


def test_a_model_that_cannot_be_opened_is_one_line(folder):
    (folder / "model.xml").write_text("<net/>")
    result = CliRunner().invoke(main, ["photo.png", "-m", "model.xml", "--plate", "plate.png"])
    assert result.exit_code == 1
    assert len(result.output.splitlines()) == 1
    assert "model.xml does not run on CPU" in result.output


def test_a_picture_on_its_side_is_cut_upright(folder):
    picture = block(SIZE, BOX)
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = Image.fromarray(picture[..., ::-1]).rotate(90, expand=True)
    lying.save(folder / "photo.png", exif=exif)
    done("photo.png", "-m", "model.xml", "--plate", "plate.png", "-o", "out.png")
    assert (read_pixels(folder / "out.png") == cutout(picture)).all()


@pytest.mark.parametrize(
    "command",
    [main, accuracy.main, converter.main, downloader.main, info_dumper.main, model_optimizer.main],
)
def test_each_command_tells_its_version(command):
    result = CliRunner().invoke(command, ["--version"])
    assert result.exit_code == 0
    assert result.output.split()[-2:-1] == ["version"]


def test_the_demo_is_a_module_too(folder):
    command = [sys.executable, "-m", "omz_demo", "photo.png", "-m", "model.xml", "--plate", "plate.png"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout.startswith("photo_cutout.png: made from photo.png (32x24) in ")
    run = subprocess.run([*command[:3], "--version"], capture_output=True, text=True, check=True)
    assert run.stdout.startswith("omz_demo, version ")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["pho"], ["file,pho"]),
        (["--plate", "pl"], ["file,pl"]),
        (["-m", "mo"], ["file,mo"]),
        (["-o", "x"], ["file,x"]),
        (["--fit", "co"], ["plain,cover", "plain,contain"]),
        (["--device", "C"], []),
    ],
)
def test_shells_complete_names_of_files(words, expected):
    environment = {**os.environ, "_OMZ_DEMO_COMPLETE": "bash_complete"}
    environment |= {"COMP_WORDS": " ".join(["omz_demo", *words]), "COMP_CWORD": str(len(words))}
    command = [sys.executable, "-m", "omz_demo"]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert run.stdout.split() == expected


def _has_new_bash() -> bool:
    if sys.platform == "win32" or shutil.which("bash") is None:
        return False
    version = 'echo "${BASH_VERSINFO[0]} ${BASH_VERSINFO[1]}"'
    told = subprocess.run(["bash", "-c", version], capture_output=True, text=True, check=True).stdout
    return tuple(map(int, told.split())) >= (4, 4)


@pytest.mark.skipif(not _has_new_bash(), reason="needs bash 4.4")
def test_bash_completes_flags_and_files(folder):
    command = shutil.which("omz_demo", path=Path(sys.executable).parent)
    assert command is not None
    script = (
        f'PATH="{Path(command).parent}:$PATH"; eval "$(_OMZ_DEMO_COMPLETE=bash_source omz_demo)"; '
        'COMP_WORDS=(omz_demo --match); COMP_CWORD=1; _omz_demo_completion omz_demo; echo "${COMPREPLY[@]}"; '
        "complete -p omz_demo"
    )
    run = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[0] == "--match_exposure"
    assert "_omz_demo_completion omz_demo" in run.stdout
