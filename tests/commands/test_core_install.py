"""``pip install .`` in an environment of its own: cutting out and converting ONNX files need no extra."""

from __future__ import annotations

import shutil
import subprocess
import sys

import numpy as np
import pytest
from helpers.builders import published_file, small_model, write_card
from helpers.clips import write_clip
from helpers.core_environment import install_core
from PIL import Image

from omz.images.files import write_picture
from omz.synthesis.scene import make_scene

pytestmark = pytest.mark.slow

STARTER = "background-matting-starter"
MOST_PACKAGES = 34


def _newer_python() -> str | None:
    for name in ("python3.14", "python3.13"):
        found = shutil.which(name)
        if found and subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0:
            return found
    return None


@pytest.fixture(scope="module", params=["this Python", "a newer one"])
def core(request, tmp_path_factory):
    """The core, with the inputs of README's commands in its folder of work."""
    python = sys.executable
    if request.param == "a newer one":
        python = _newer_python()
        if python is None:
            pytest.skip("Python 3.13 and 3.14 are not at hand")
    environment = install_core(tmp_path_factory.mktemp("core"), python)
    scene = make_scene(5, (180, 320), "test")
    write_picture(environment.folder / "photo.jpg", scene.picture)
    write_picture(environment.folder / "empty.jpg", scene.plate)
    write_picture(environment.folder / "beach.jpg", make_scene(6, (180, 320), "test").plate)
    write_clip(environment.folder / "talk.mp4", [scene.plate, *[scene.picture] * 7])
    return environment


def _done(core, command, *arguments):
    result = core.run(command, *arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_it_is_small(core):
    packages = core.packages()
    assert len(packages) <= MOST_PACKAGES, packages
    heavy = {"torch", "safetensors", "matplotlib", "jinja2", "pymatting", "numba", "scipy", "mindspore", "nncf"}
    assert not packages & heavy


@pytest.mark.parametrize(
    ("output", "arguments"),
    [
        ("photo_cutout.png", ["photo.jpg", "--plate", "empty.jpg"]),
        ("beach_and_me.jpg", ["photo.jpg", "--plate", "empty.jpg", "--target", "beach.jpg", "-o", "beach_and_me.jpg"]),
        ("talk_green.mp4", ["talk.mp4", "--plate", "empty.jpg", "--target", "#00ff00", "-o", "talk_green.mp4"]),
        ("talk.mov", ["talk.mp4", "--plate", "first", "-o", "talk.mov"]),
        ("sample", ["-o", "sample"]),
    ],
)
def test_it_cuts_out(core, output, arguments):
    _done(core, "omz_demo", *arguments)
    assert (core.folder / output).exists()


def test_a_cut_out_has_the_subject(core):
    _done(core, "omz_demo", "photo.jpg", "--plate", "empty.jpg", "-o", "again.png")
    alpha = np.asarray(Image.open(core.folder / "again.png"))[..., 3] / 255
    assert np.abs(alpha - make_scene(5, (180, 320), "test").alpha).mean() < 0.1


def test_python_needs_no_extra_either(core):
    code = "import omz; print(omz.MattingModel()('photo.jpg', 'empty.jpg').alpha.shape)"
    assert _done(core, "python", "-c", code).strip() == "(180, 320)"


def test_the_other_commands_run(core):
    assert "hint: torch is missing" in _done(core, "omz_demo", "doctor")
    assert STARTER in _done(core, "omz_info_dumper", "--all", "--format", "table")
    _done(core, "omz_downloader", "--name", STARTER, "-o", "zoo")


def test_it_converts_onnx_and_compares(core):
    source = small_model(core.folder / "dl" / "public" / "small" / "net.onnx")
    write_card(core.folder / "cards", "small", files=[published_file("net.onnx", source.read_bytes(), "https://x.org")])
    folders = ["--models_dir", "cards", "-d", "dl", "-o", "ir"]
    told = _done(core, "omz_converter", "--name", "small", *folders)
    assert "of ONNX Runtime" in told
    assert (core.folder / "ir" / "public" / "small" / "FP16" / "small.xml").is_file()


@pytest.mark.parametrize(
    ("extra", "exit_code", "command", "arguments"),
    [
        ("convert", 1, "omz_converter", ["--name", STARTER, "-o", "converted"]),
        ("convert", 2, "omz_accuracy", ["--name", STARTER]),
        ("convert", 1, "python", ["-m", "omz.cli.train", "-o", "trained"]),
        ("training", 1, "python", ["-m", "omz.cli.render_layers", "-o", "layers"]),
        ("accuracy", 2, "omz_accuracy", ["--name", STARTER, "--models", "FP16", "--report", "report"]),
        ("accuracy", 1, "omz_benchmark", ["--name", STARTER, "-o", "page.html"]),
        ("int8", 2, "omz_accuracy", ["--name", STARTER, "--models", "FP16,FP16-INT8"]),
        ("mindspore", 1, "omz_converter", ["--name", "semantic_human_matting", "-o", "converted"]),
        ("mindspore", 1, "omz_demo", ["-m", "semantic_human_matting", "photo.jpg"]),
    ],
)
def test_a_missing_extra_is_one_line_that_names_it(core, extra, exit_code, command, arguments):
    result = core.run(command, *arguments)
    told = [line for line in result.stderr.splitlines() if "error: " in line]
    assert result.returncode == exit_code
    assert len(told) == 1, result.stderr
    assert f"is not installed; install it with pip install '.[{extra}]'" in told[0]
    assert "Traceback" not in result.stderr
