"""``omz_quantizer``: what it writes, what it refuses, and what is left of it when it is killed."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from helpers.builders import write_card
from helpers.onnx_graphs import graph_of, node, tensor
from helpers.ruined_network import RUINED, SIDE, write_ruined_network

from omz.accuracy.request import EvaluationObserver, EvaluationRequest
from omz.accuracy.variants import VariantLoader
from omz.cli.quantizer import main
from omz.convert.manifest import is_intact, read_manifest
from omz.errors import EngineError
from omz.images.files import read_pixels, write_picture
from omz.models.choice import ModelChoice
from omz.runtime.quiet_openvino import core, ov
from omz.synthesis.scene import make_scene
from omz.zoo import ModelCard
from omz_demo.cli import main as demo

pytest.importorskip("nncf", reason="NNCF is an extra")

QUICK = ("--precisions", "FP16-INT8", "--num_images", "4")
PLACE = Path("dl", "public", "net", "FP16-INT8", "net.xml")
_SPREAD = 15  # moments of a run


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(main, list(map(str, arguments)), prog_name="omz_quantizer", catch_exceptions=False)
    assert "Traceback" not in result.output
    return result


def refused(*arguments: object, code: int = 1) -> str:
    """Return the only line on standard error of a command that fails."""
    result = run(*arguments)
    assert result.exit_code == code, result.output
    (line,) = result.stderr.splitlines()
    return line.removeprefix("omz_quantizer: error: ")


def precisions(xml: Path) -> dict[str, str]:
    """Return in what each convolution of a compiled IR really computes, by the name of its layer in the original."""
    compiled = core().compile_model(core().read_model(xml), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = {}
    for operation in compiled.get_runtime_model().get_ops():
        facts = operation.get_rt_info()
        if facts["layerType"].astype(str) == "Convolution":
            name = facts["originalLayersNames"].astype(str).partition(",")[0].partition("/")[0]
            found[name] = facts["runtimePrecision"].astype(str)
    return found


@pytest.mark.slow
def test_a_layer_that_8_bits_ruin_stays_in_float_and_the_others_do_not(tmp_path):
    network = write_ruined_network(tmp_path)
    done = run(*network, *QUICK)
    assert done.exit_code == 0, done.output
    xml = tmp_path / PLACE
    found = precisions(xml)
    assert {name for name, precision in found.items() if precision in ("u8", "i8")} == {"spread", "copy"}, found

    manifest = read_manifest(xml)
    assert is_intact(xml)
    assert [name.partition("/")[0] for name in manifest.kept_in_float] == [RUINED]
    said = manifest.quantisation
    assert (said["images"], said["seed"], said["passed"]) == (4, 0, True)
    before, after = said["figures"]["FP16"]["MAD"], said["figures"]["FP16-INT8"]["MAD"]
    assert 0 < after <= 1.05 * before
    assert f"kept in float because INT8 hurts them: {manifest.kept_in_float[0]}" in done.stdout

    choice = ModelChoice("net", (tmp_path / "zoo",), tmp_path / "dl", quantised="FP16-INT8")
    assert choice.ir() == xml
    check_that_the_demo_runs_it(tmp_path)
    again = run(*network, *QUICK)
    assert f"{xml} is up to date" in again.stdout
    assert [entry.name for entry in xml.parents[1].iterdir() if entry.name.startswith(".quantising")] == []
    (tmp_path / "dl/public/net/net.onnx").unlink()  # another file of the same name would be other weights
    assert choice.ir() == xml


@pytest.mark.slow
def test_the_starter_holds_its_gate_by_default(tmp_path):
    done = run("--name", "background-matting-starter", "--precisions", "FP16-INT8", "-o", tmp_path)
    assert done.exit_code == 0, done.output
    xml = tmp_path / "public/background-matting-starter/FP16-INT8/background-matting-starter.xml"
    said = read_manifest(xml).quantisation
    assert said["passed"]
    assert said["figures"]["FP16-INT8"]["MAD"] <= 1.05 * said["figures"]["FP16"]["MAD"]
    assert is_intact(xml)


def check_that_the_demo_runs_it(root: Path) -> None:
    scene = make_scene(1, (SIDE, SIDE), "test")
    write_picture(root / "photo.png", scene.picture)
    write_picture(root / "plate.png", scene.plate)
    flags = ["-m", "net", "--models_dir", root / "zoo", "--download_dir", root / "dl", "--plate", root / "plate.png"]
    alphas = []
    for precision in ("f32", "FP16-INT8"):
        asked = [root / "photo.png", *flags, "--precision", precision, "--what", "alpha", "-o", root / "alpha.png"]
        done = CliRunner().invoke(demo, list(map(str, asked)), prog_name="omz_demo", catch_exceptions=False)
        assert done.exit_code == 0, done.output
        alphas.append(read_pixels(root / "alpha.png").astype(int))
        (root / "alpha.png").unlink()
    assert 0 < np.abs(alphas[0] - alphas[1]).mean() < 5  # of 255: it is another network, and nearly as good


@pytest.mark.slow
def test_what_fails_its_gate_is_not_written_but_by_force(tmp_path):
    network = write_ruined_network(tmp_path)
    asked = (*network, *QUICK, "--max_drop", "MAD=5%", "--max_drop", "MAD=1e-9")
    line = refused(*asked)
    assert line.startswith("net: FP16-INT8 fails its gate, even with 1 layer in float: MAD ")
    assert line.endswith("; --max_drop allows more, --force writes it all the same")
    assert not (tmp_path / PLACE).parent.exists()

    forced = run(*asked, "--force")
    assert forced.exit_code == 0, forced.output
    assert read_manifest(tmp_path / PLACE).quantisation["passed"] is False
    assert "it fails its gate, and was written by force" in forced.stdout


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_killed_at_any_moment_it_leaves_nothing_half_written(tmp_path):
    network = write_ruined_network(tmp_path)
    place = (tmp_path / PLACE).parent
    for _ in range(2):  # the first run converts the model, too
        shutil.rmtree(place, ignore_errors=True)
        begun = time.monotonic()
        with started(network) as process:
            process.communicate()
        seconds, expected = time.monotonic() - begun, contents(place)

    moments = [("", seconds * (number + 0.5) / _SPREAD) for number in range(_SPREAD)]
    moments += [(step, 0.0) for step in ("to FP16-INT8", "all layers that can be", "looking for")]
    delays = random.Random(1)  # the manifest is written after the last step, and the folder moved to its place
    moments += [("all but 1", delays.uniform(0, 0.05)) for _ in range(6)]
    killed = 0
    for step, delay in moments:
        shutil.rmtree(place, ignore_errors=True)  # a finished IR would be up to date
        killed += is_killed(network, step, delay)
        assert not place.exists() or (is_intact(tmp_path / PLACE) and contents(place) == expected)
    assert killed >= 15
    shutil.rmtree(place, ignore_errors=True)
    assert run(*network, *QUICK).exit_code == 0
    assert is_intact(tmp_path / PLACE)
    assert contents(place) == expected
    assert [path.name for path in place.parent.iterdir() if path.is_dir()] == ["FP16-INT8"]


def contents(folder: Path) -> dict[str, bytes]:
    """Return the IR in a folder, without its manifest, which has the time."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".json"}


def is_killed(network: Sequence[str], step: str, delay: float) -> bool:
    """Start a command, and kill it that many seconds after it has told of a step; return whether it had not ended."""
    with started(network) as process:
        assert process.stdout is not None
        if step:
            assert any(f"net: {step}" in line for line in process.stdout), step
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
        return process.returncode == -signal.SIGKILL


def started(network: Sequence[str]) -> subprocess.Popen[str]:
    """Start a command in a process of its own."""
    command = [sys.executable, "-m", "omz.cli.quantizer", *network, *QUICK]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


@pytest.mark.slow
def test_of_two_commands_at_once_the_second_finds_the_ir_of_the_first(tmp_path):
    network = write_ruined_network(tmp_path)
    processes = [started(network) for _ in range(2)]
    said = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert sorted("is up to date" in each for each in said) == [False, True]
    assert sum("net: to FP16-INT8" in each for each in said) == 1


def test_a_model_that_cannot_run_is_one_line_and_nothing_else(tmp_path):
    """OpenVINO ends with a segmentation fault on this one, in the middle of NNCF's work."""
    weights = {"w": np.ones((3, 1, 1, 1), np.float32)}
    nodes = [node("ConvTranspose", ["src", "w"], ["pha"], strides=[65536, 65536])]
    model = graph_of(nodes, [tensor("src", (1, 3, 1, 1))], [tensor("pha", None)], weights)
    source = tmp_path / "ir/public/crash/FP16/crash.xml"
    source.parent.mkdir(parents=True)
    (tmp_path / "crash.onnx").write_bytes(model.SerializeToString())
    ov.save_model(core().read_model(tmp_path / "crash.onnx"), source)
    info = [{"name": "src", "shape": [1, 3, 1, 1], "layout": "NCHW", "role": "picture"}]
    roles = [{"name": "pha", "role": "alpha", "activation": "none"}]
    write_card(tmp_path / "zoo", "crash", input_info=info, output_info=roles)
    asked = ("--models_dir", tmp_path / "zoo", "--name", "crash", "--model_dir", tmp_path / "ir", *QUICK)
    assert refused(*asked).startswith("crash: NNCF ended its process with SIG")
    assert [path.name for path in source.parents[1].iterdir() if path.is_dir()] == ["FP16"]

    source.write_text("no IR")
    assert f"crash: {source} does not run on CPU" in refused(*asked)
    source.unlink()
    assert f"there is no IR at {source} to quantise" in refused(*asked)


def test_images_that_are_of_no_use_are_said_before_a_model_is_touched(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("no image")
    for path, said in (
        ("empty", "empty has no images in it"),
        ("none", "no folder, video or image at"),
        ("notes.txt", "notes.txt is neither a folder, a video nor an image"),
    ):
        assert said in refused("--name", "u2netp", "--dataset_dir", tmp_path / path)
    (tmp_path / "cut.mp4").write_bytes(b"\0" * 100)
    assert "cut.mp4" in refused("--name", "u2netp", "--dataset_dir", tmp_path / "cut.mp4")
    assert "--max_drop SAD" in refused("--name", "u2netp", "--max_drop", "SAD=1%", code=2)
    assert "allows everything" in refused("--name", "u2netp", "--max_drop", "MAD=1e400", code=2)
    assert "give both" in refused("--name", "u2netp", "--plate", "first", code=2)


def test_limits_on_figures_that_there_will_not_be_are_refused_before_any_work(tmp_path):
    limit = ("--max_drop", "foreground MSE=1%")
    asked = run("--name", "background-matting-starter", *limit, *QUICK, "-o", tmp_path / "ir")
    assert asked.exit_code == 1
    assert "--max_drop foreground MSE: the model gives no foreground; limit another figure" in asked.stderr
    assert "to FP16-INT8" not in asked.stdout

    level = np.zeros((4, 6), np.uint8)
    write_picture(tmp_path / "set" / "images" / "1.png", np.dstack([level] * 3))
    write_picture(tmp_path / "set" / "alpha" / "1.png", level)
    line = refused("--name", "background-matting-mobilenetv2", *limit, "--dataset_dir", tmp_path / "set", code=2)
    assert line.startswith("--max_drop foreground MSE: ")
    assert line.endswith(" has no foregrounds; limit another figure")


@pytest.mark.slow
def test_one_broken_image_is_one_line(tmp_path):
    network = write_ruined_network(tmp_path)
    scene = make_scene(0, (SIDE, SIDE), "test")
    for folder, image in (("images", scene.picture), ("images/bgr", scene.plate)):
        write_picture(tmp_path / folder / "1.png", image)
    path = tmp_path / "images" / "1.png"
    path.write_bytes(path.read_bytes()[:200])
    line = refused(*network, *QUICK, "--dataset_dir", path.parent)
    assert line.startswith(f"net: {path} ")
    assert not (tmp_path / PLACE).parent.exists()


def test_a_dry_run_writes_nothing_and_old_flags_are_taken(tmp_path):
    done = run("--name", "u2netp", "--dry_run", "--pot", "pot", "-o", tmp_path / "ir", "--target_device", "cpu")
    assert done.exit_code == 0
    assert done.stderr.startswith("warning: --pot has no effect")
    assert f"u2netp: would write {tmp_path / 'ir/public/u2netp/FP32-INT8/u2netp.xml'}" in done.stdout
    assert not (tmp_path / "ir").exists()
    events = run("--name", "u2netp", "--dry_run", "--progress_format", "json").stdout.splitlines()
    assert [json.loads(event)["$type"] for event in events] == ["model_quantisation_planned"] * 2 + ["summary"]


def test_a_missing_quantised_ir_says_how_to_make_it(tmp_path):
    with pytest.raises(EngineError, match="make it with omz_quantizer --name u2netp --precisions FP16-INT8 -o"):
        ModelChoice("u2netp", download_dir=tmp_path, quantised="FP16-INT8").ir()


def test_the_ir_is_found_where_it_is_written_also_with_weights_in_the_current_folder(tmp_path, monkeypatch):
    write_ruined_network(tmp_path)
    home = tmp_path / "home"
    monkeypatch.setenv("OMZ_HOME", str(home))
    monkeypatch.chdir(tmp_path / "dl")
    zoo = tmp_path / "zoo"
    planned = run("--models_dir", zoo, "--name", "net", *QUICK, "--dry_run", "--progress_format", "json")
    target = Path(json.loads(planned.stdout.splitlines()[0])["writes"])
    choice = ModelChoice("net", (zoo,), quantised="FP16-INT8")
    write_ir(target, choice.card)

    loader = VariantLoader(EvaluationRequest(name="net"), choice.card, None, EvaluationObserver())
    assert target == choice.ir() == loader._quantised(choice.card, "FP16-INT8")


def write_ir(xml: Path, card: ModelCard) -> None:
    """Write what passes for an IR of a card."""
    xml.parent.mkdir(parents=True)
    xml.write_text("an IR")
    (file,) = card.files
    source = {"file": file.name, file.checksum.algorithm: file.checksum.value}
    manifest = {"source": source, "files": {xml.name: {"size": xml.stat().st_size}}}
    xml.with_suffix(".json").write_text(json.dumps(manifest))
