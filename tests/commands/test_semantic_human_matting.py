"""The whole line of the human matting model, by its commands: its checkpoint has generated weights."""

from __future__ import annotations

import math
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from click.testing import CliRunner, Result
from helpers.fault_server import FaultServer
from helpers.semantic_human_matting import NAME, generated_network, write_zoo
from skimage import data

from omz.cli import accuracy, converter, downloader
from omz.convert import convert
from omz.images.files import write_picture
from omz.matting.network import MattingNetwork, View
from omz.networks.quiet_mindspore import ms
from omz.runtime.openvino_engine import OpenVINOEngine
from omz.runtime.original import original_engine
from omz.zoo import Catalog
from omz_demo.cli import main as omz_demo

CHECKPOINT = "semantichumanmatting_ascend_v190_mattinghumandatasets_official_cv_acc6.55.ckpt"


def run(command, *arguments: object) -> Result:
    result = CliRunner().invoke(command, [str(argument) for argument in arguments], catch_exceptions=False)
    assert "Traceback" not in result.output
    return result


@pytest.fixture(scope="module")
def zoo(tmp_path_factory) -> tuple[Path, Path]:
    """Return --models_dir and --download_dir."""
    return write_zoo(tmp_path_factory.mktemp("zoo"))


@pytest.fixture(scope="module")
def irs(zoo, tmp_path_factory):
    models, downloads = zoo
    return convert(Catalog(models)[NAME], downloads, tmp_path_factory.mktemp("irs")).irs


@pytest.fixture
def portrait(tmp_path) -> Path:
    """The astronaut of scikit-image."""
    write_picture(tmp_path / "portrait.png", cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR))
    return tmp_path / "portrait.png"


def test_the_card_tells_what_is_published():
    card = Catalog()[NAME]
    (file,) = card.files
    assert (file.name, file.size) == (CHECKPOINT, None)
    assert file.urls == (f"https://download.mindspore.cn/models/r1.9/{CHECKPOINT}",)
    assert file.checksum.algorithm == "sha256"
    assert file.checksum.value == "f7423467525c7b2114782e934117519b52af0923a9ac5cc3a8e31f2c8b8d21f9"
    assert card.framework == "mindspore"


def test_it_is_downloaded_by_name(zoo, tmp_path):
    models, downloads = zoo
    content = next(downloads.rglob("*.ckpt")).read_bytes()
    with FaultServer({f"/{CHECKPOINT}": content}) as server:
        card = yaml.safe_load((models / NAME / "model.yml").read_text())
        card["files"][0]["source"] = server.url(f"/{CHECKPOINT}")
        folder = tmp_path / "models" / NAME
        folder.mkdir(parents=True)
        (folder / "model.yml").write_text(yaml.safe_dump(card))
        result = run(downloader.main, "--name", NAME, "--models_dir", tmp_path / "models", "-o", tmp_path / "zoo")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "zoo" / "public" / NAME / CHECKPOINT).read_bytes() == content


def test_the_conversion_is_compared_with_mindspore(irs):
    for precision, absolute in (("FP32", 1e-4), ("FP16", 1e-2)):
        manifest = irs[precision].manifest
        exact = manifest.parity[0]
        assert (exact.precision, exact.source) == ("f32", f"MindSpore {ms.__version__}")
        assert exact.own_shapes
        trimap, alpha = exact.outputs
        assert alpha.p99_9 < absolute
        assert trimap.largest < absolute * trimap.range
        assert manifest.versions["mindspore"] == ms.__version__


def test_the_ir_takes_a_picture_as_it_is(irs):
    picture = cv2.resize(cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR), (320, 320), interpolation=cv2.INTER_CUBIC)
    by_hand = ((picture - np.array([104, 112, 121])) / 255).astype(np.float32).transpose(2, 0, 1)[None]
    trimap, alpha = (result.asnumpy() for result in generated_network()(ms.Tensor(by_hand)))
    given = picture.astype(np.float32).transpose(2, 0, 1)[None]
    results = OpenVINOEngine(irs["FP32"].path).infer({"image": given})
    np.testing.assert_allclose(results["alpha"], alpha, rtol=0, atol=3e-4)
    np.testing.assert_allclose(results["trimap"], trimap, rtol=0, atol=1e-4 * np.ptp(trimap))


def test_the_original_runs_in_mindspore_on_the_same_arrays(zoo, irs):
    models, downloads = zoo
    original = original_engine(Catalog(models)[NAME], downloads)
    picture = cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)
    assert original.info.framework == "MindSpore"
    ours, theirs = (
        MattingNetwork(engine, View(stretch=True))(picture) for engine in (OpenVINOEngine(irs["FP32"].path), original)
    )
    np.testing.assert_allclose(ours.alpha, theirs.alpha, rtol=0, atol=3e-4)


def test_a_portrait_is_cut_out_without_a_plate(zoo, portrait, tmp_path):
    models, downloads = zoo
    given = ("-m", NAME, "--models_dir", models, "--download_dir", downloads, "-i", portrait)
    result = run(omz_demo, *given, "-o", tmp_path / "cutout.png", "--trimap", tmp_path / "trimap.png")
    assert result.exit_code == 0, result.output
    assert "portrait.png (512x512)" in result.output
    cutout = cv2.imread(str(tmp_path / "cutout.png"), cv2.IMREAD_UNCHANGED)
    assert cutout.shape == (512, 512, 4)
    picture = cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)
    wanted = MattingNetwork(original_engine(Catalog(models)[NAME], downloads), View(stretch=True))(picture)
    np.testing.assert_allclose(cutout[..., 3] / 255, wanted.alpha, rtol=0, atol=0.02)
    assert cv2.imread(str(tmp_path / "trimap.png")).shape == (512, 512, 3)


def test_without_its_checkpoint_it_says_so(portrait, tmp_path):
    result = run(omz_demo, "-m", NAME, "--download_dir", tmp_path, "-i", portrait, "-o", tmp_path / "cutout.png")
    assert result.exit_code == 1
    assert f"{CHECKPOINT} is not in " in result.output
    assert f"omz_downloader --name {NAME} -o {tmp_path}" in result.output
    assert len(result.output.splitlines()) == 1
    assert not (tmp_path / "cutout.png").exists()


def test_a_checkpoint_that_is_not_the_one_of_the_card(zoo, tmp_path):
    models, downloads = zoo
    content = next(downloads.rglob("*.ckpt")).read_bytes()
    file = tmp_path / "public" / NAME / CHECKPOINT
    file.parent.mkdir(parents=True)
    for bad in (b"", content[:-1], content[:1000] + b"x" + content[1001:]):
        file.write_bytes(bad)
        result = run(converter.main, "--name", NAME, "--models_dir", models, "-d", tmp_path, "-o", tmp_path / "ir")
        assert result.exit_code == 1
        assert "has another sha384 than on the card" in result.output
        assert not (tmp_path / "ir").exists()


def test_the_accuracy_table_has_mindspore_and_openvino_side_by_side(zoo, monkeypatch):
    models, downloads = zoo
    monkeypatch.setenv("COLUMNS", "160")
    given = ("--name", NAME, "--models_dir", models, "-d", downloads, "--num_frames", 2, "--size", "160x96")
    result = run(accuracy.main, *given)
    assert result.exit_code == 0, result.output
    assert "MindSpore" in result.output
    rows = {line.split("│")[1].strip(): line.split("│")[2:5] for line in result.output.splitlines() if "│" in line}
    for metric in ("MAD x1e3", "MSE x1e3", "GRAD /1e3"):
        original, fp32, fp16 = (float(cell) for cell in rows[metric])
        assert math.isclose(original, fp32, rel_tol=1e-3)
        assert math.isclose(original, fp16, rel_tol=2e-2)
    assert "foreground MSE x1e3" not in rows


@pytest.mark.parametrize("delay", [0.5, 2.5])
def test_ctrl_c_at_any_moment_leaves_nothing(zoo, tmp_path, delay):
    models, downloads = zoo
    command = [Path(sys.executable).with_name("omz_converter"), "--name", NAME, "--models_dir", models, "-d", downloads]
    process = subprocess.Popen([*command, "-o", tmp_path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout
    process.stdout.readline()  # it has begun
    time.sleep(delay)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    if process.returncode:  # a fast machine may have been done
        assert process.returncode == 130
        assert said.splitlines()[-1] == "omz_converter: interrupted"
    assert not list(tmp_path.rglob(".converting-*"))


def test_another_size_and_an_open_batch(zoo, tmp_path):
    models, downloads = zoo
    given = ("--name", NAME, "--models_dir", models, "-d", downloads, "-o", tmp_path, "--precisions", "FP32")
    assert run(converter.main, *given, "--shape", "image[-1,3,64,96]").exit_code == 0
    engine = OpenVINOEngine(tmp_path / "public" / NAME / "FP32" / f"{NAME}.xml")
    assert engine.inputs[0].shape == (-1, 3, 64, 96)
    pictures = np.random.default_rng(0).uniform(0, 255, (3, 3, 64, 96)).astype(np.float32)
    together = engine.infer({"image": pictures})["alpha"]
    for index in range(3):
        alone = engine.infer({"image": pictures[index : index + 1]})["alpha"]
        np.testing.assert_allclose(together[index : index + 1], alone, rtol=0, atol=1e-4)
    refused = run(converter.main, *given, "--shape", "image[1,3,-1,-1]", "--force")
    assert refused.exit_code == 1
    assert "fixed sizes" in refused.output
