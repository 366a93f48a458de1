"""Cards whose networks are code, and checkpoints that hold more than weights: with --trust_code, and without."""

from __future__ import annotations

import collections
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.builders import convert, published_file, write_card

import omz
from omz.convert.plan import ConversionPlan, ConversionSettings, plan_conversion
from omz.errors import CardError, ConversionError, ModelFileError
from omz.runtime.openvino_engine import OpenVINOEngine
from omz.zoo import Catalog
from omz.zoo.model_file import ModelFile

TRUSTED = ConversionSettings(trust_code=True, precisions=("FP32",))

NETWORK = """
from torch import nn
from helper import FACTOR

class Net(nn.Module):
    def __init__(self, channels, note=""):
        super().__init__()
        self.conv = nn.Conv2d(channels, 2, 1)

    def forward(self, x):
        return self.conv(x) * FACTOR
"""

PRE_CONVERT = """
import argparse, pathlib, sys, torch
parser = argparse.ArgumentParser()
parser.add_argument("input_dir", type=pathlib.Path)
parser.add_argument("output_dir", type=pathlib.Path)
arguments = parser.parse_args()
assert not sys.stdin.read()
state = torch.load(arguments.input_dir / "net.pth", weights_only=True)
torch.save({name: 2 * value for name, value in state.items()}, arguments.output_dir / "made.pth")
"""


def state(seed: int = 0) -> dict[str, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    return {"conv.weight": torch.rand(2, 3, 1, 1, generator=random), "conv.bias": torch.rand(2, generator=random)}


def plan_of(root: Path, name: str, factor: float = 1.0, weights: str = "$dl_dir/net.pth", settings=TRUSTED, **changes):
    """Write a card with code, its files in place, and plan its conversion."""
    folder = root / "dl" / "public" / name
    folder.mkdir(parents=True)
    (folder / "network.py").write_text(changes.pop("network", NETWORK))
    (folder / "helper.py").write_text(f"FACTOR = {factor}\n")
    torch.save(changes.pop("checkpoint", state()), folder / "net.pth")
    files = [
        published_file(each.name, each.read_bytes(), f"https://example.com/{each.name}")
        for each in sorted(folder.iterdir())
    ]
    content = {
        "framework": "pytorch",
        "files": files,
        "input_info": [{"name": "x", "shape": [1, 3, 8, 12], "layout": "NCHW"}],
        "conversion_to_onnx_args": [
            "--model-path=$dl_dir", "--import-module=network", "--model-name=Net", "--model-param=channels=3",
            "--model-param=note=r'$dl_dir'", f"--weights={weights}", "--input-shape=1,3,8,12", "--input-names=x",
            "--output-names=y", "--output-file=$conv_dir/net.onnx",
        ],
        "model_optimizer_args": ["--input_model=$conv_dir/net.onnx", "--reverse_input_channels", "--scale=255"],
        **changes,
    }  # fmt: skip
    write_card(root / "zoo", name, **content)
    return plan_conversion(Catalog(root / "zoo")[name], root / "dl", root / "out", settings)


def by_hand(x: np.ndarray, weights: dict[str, torch.Tensor], factor: float) -> np.ndarray:
    kernel, bias = weights["conv.weight"][:, :, 0, 0].numpy(), weights["conv.bias"].numpy()
    return factor * (np.einsum("oc,nchw->nohw", kernel, x[:, ::-1] / 255) + bias[:, None, None])


def assert_computes(plan: ConversionPlan, weights: dict[str, torch.Tensor], factor: float) -> None:
    x = np.random.default_rng(0).integers(0, 256, (1, 3, 8, 12)).astype(np.float32)
    found = OpenVINOEngine(convert(plan)["FP32"]).infer({"x": x})["y"]
    np.testing.assert_allclose(found, by_hand(x, weights, factor), atol=1e-5)


def test_networks_of_cards_are_converted_one_after_the_other_though_their_modules_share_names(tmp_path):
    before = set(sys.modules), list(sys.path)
    assert_computes(plan_of(tmp_path, "one", 3.0), state(), 3.0)
    assert_computes(plan_of(tmp_path, "two", 5.0), state(), 5.0)
    assert not {"network", "helper"} & (set(sys.modules) - before[0])
    assert sys.path == before[1]
    assert sorted(each.name for each in (tmp_path / "dl" / "public" / "one").iterdir()) == [
        "helper.py", "net.pth", "network.py",
    ]  # fmt: skip


def test_code_is_refused_unless_it_is_trusted(tmp_path):
    plan = plan_of(tmp_path, "net", settings=ConversionSettings())
    with pytest.raises(ConversionError, match=r"code that comes with the card \(network\); give --trust_code if"):
        convert(plan)
    assert not plan.folder.exists()


@pytest.mark.parametrize("name", ["network.py", "helper.py"])
def test_code_that_is_not_what_the_card_describes_is_not_run(tmp_path, name):
    plan = plan_of(tmp_path, "net")
    (plan.download_dir / "public" / "net" / name).write_text(f"open({str(tmp_path / 'executed')!r}, 'w')")
    with pytest.raises(ModelFileError, match=rf"{name} has \d+ bytes, not \d+ as on the card; run omz_downloader"):
        convert(plan)
    assert not (tmp_path / "executed").exists()


def test_a_script_of_the_card_makes_what_the_conversion_starts_from(tmp_path):
    plan = plan_of(tmp_path, "net", 1.0, "$conv_dir/made.pth")
    (plan.card.folder / "pre-convert.py").write_text(PRE_CONVERT)
    plan = plan_conversion(plan.card, plan.download_dir, tmp_path / "out", plan.settings)
    assert_computes(plan, {name: 2 * value for name, value in state().items()}, 1.0)
    assert (plan.folder / "made.pth").is_file()
    untrusted = plan_conversion(plan.card, plan.download_dir, tmp_path / "out", ConversionSettings())
    with pytest.raises(ConversionError, match=r"pre-convert\.py"):
        convert(untrusted)


@pytest.mark.parametrize(
    ("script", "reason"),
    [("raise SystemExit(7)", "exit code 7"), ("import nothing_of_this_name", "nothing_of_this_name")],
)
def test_a_script_that_fails_is_one_line_and_leaves_nothing(tmp_path, script, reason):
    plan = plan_of(tmp_path, "net", 1.0, "$conv_dir/made.pth")
    (plan.card.folder / "pre-convert.py").write_text(script)
    with pytest.raises(ConversionError) as caught:
        convert(plan_conversion(plan.card, plan.download_dir, tmp_path / "out", plan.settings))
    assert "pre-convert.py failed" in str(caught.value)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [path.name for path in plan.folder.iterdir()] == [".omz_converter.lock"]


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("import a_library_that_is_not_there", "a_library_that_is_not_there'; install what it needs"),
        ("raise SystemExit('no')", "cannot be built: SystemExit: no"),
        ("Net = 1 / 0", "cannot be built: ZeroDivisionError: "),
        ("Other = None", "has no attribute 'Net'"),
        ("def Net(channels, note): return 7", "is not a PyTorch network"),
    ],
)
def test_code_that_fails_is_one_line(tmp_path, module, message):
    plan = plan_of(tmp_path, "net")
    path = plan.download_dir / "public" / "net" / "network.py"
    path.write_text(module)
    files = [
        file if file.name != path.name else file.model_validate(
            published_file(path.name, path.read_bytes(), "https://example.com/x")
        )
        for file in plan.card.files
    ]  # fmt: skip
    card = plan.card.model_copy(update={"files": tuple(files)})
    with pytest.raises(CardError) as caught:
        convert(plan_conversion(card, plan.download_dir, tmp_path / "out", TRUSTED))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


class _Bomb:
    def __reduce__(self):
        return os.mkdir, (os.environ["BOMB"],)


def own_network_plan(root: Path, checkpoint: object, settings: ConversionSettings) -> ConversionPlan:
    """Plan the conversion of a card of our own network, whose checkpoint holds ``checkpoint``."""
    arguments = [
        "--import-module=omz.networks.background_matting", "--model-name=BackgroundMatting", "--model-param=width=0.1",
        "--weights=$dl_dir/net.pth", "--input-shapes=[1,3,64,64],[1,3,64,64]", "--input-names=src,bgr",
        "--output-names=pha,fgr", "--output-file=$conv_dir/net.onnx",
    ]  # fmt: skip
    info = [{"name": name, "shape": [1, 3, 64, 64], "layout": "NCHW"} for name in ("src", "bgr")]
    return plan_of(
        root, "net", settings=settings, checkpoint=checkpoint, conversion_to_onnx_args=arguments, input_info=info
    )


def test_nothing_of_a_checkpoint_is_executed(tmp_path, monkeypatch):
    monkeypatch.setenv("BOMB", str(tmp_path / "executed"))
    plan = own_network_plan(tmp_path, {"a": _Bomb()}, ConversionSettings())
    with pytest.raises(ModelFileError, match=r"net\.pth holds more than weights \(posix\.mkdir\); --trust_code"):
        convert(plan)
    assert not (tmp_path / "executed").exists()


def test_a_trusted_checkpoint_may_hold_more_than_weights(tmp_path):
    from omz.networks.background_matting import BackgroundMatting

    network = BackgroundMatting(width=0.1)
    plan = own_network_plan(tmp_path, collections.UserDict(network.state_dict()), TRUSTED)
    assert convert(plan)["FP32"].is_file()
    refused = plan_conversion(plan.card, plan.download_dir, tmp_path / "other", ConversionSettings())
    with pytest.raises(ModelFileError, match=r"\(collections\.UserDict\)"):
        convert(refused)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("refiner.conv4.bias"), "refiner.conv4.bias is missing"),
        (lambda state: state.update({"surplus": torch.zeros(1)}), "surplus is not part of the network"),
        (lambda state: state.update({"refiner.conv4.bias": torch.zeros(5)}), r"is \[5\] instead of \[4\]"),
    ],
)
def test_weights_that_do_not_fit_leave_nothing(tmp_path, change, message):
    from omz.networks.background_matting import BackgroundMatting

    weights = BackgroundMatting(width=0.1).state_dict()
    change(weights)
    plan = own_network_plan(tmp_path, weights, ConversionSettings())
    with pytest.raises(ModelFileError, match=message):
        convert(plan)
    assert [path.name for path in plan.folder.iterdir()] == [".omz_converter.lock"]


def test_nothing_of_ours_but_networks_is_called_by_a_card(tmp_path, monkeypatch):
    monkeypatch.setenv("BOMB", str(tmp_path / "executed"))
    for module, name in (
        ("omz.networks.weights", "_read_trusted"),
        ("omz.networks.weights", "load_weights"),
        ("omz.networks.weights", "torch"),
        ("omz.networks.background_matting", "MobileNetV2Encoder"),  # imported there, not defined
    ):
        plan = own_network_plan(tmp_path / name, {"a": _Bomb()}, ConversionSettings())
        arguments = [
            f"--import-module={module}", f"--model-name={name}", "--model-param=path='$dl_dir/net.pth'",
            *plan.card.conversion_to_onnx_args[3:],
        ]  # fmt: skip
        card = plan.card.model_copy(update={"conversion_to_onnx_args": tuple(arguments)})
        with pytest.raises(CardError, match=r"is not a PyTorch network|there is no network"):
            convert(plan_conversion(card, plan.download_dir, tmp_path / "out", ConversionSettings()))
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("target", ["{}/victim", "$conv_dir/../../../victim", "$dl_dir/net.pth", "$conv_dir"])
def test_a_card_writes_where_its_results_belong_and_nowhere_else(tmp_path, target):
    plan = own_network_plan(tmp_path, state(), ConversionSettings())
    arguments = [
        *(each for each in plan.card.conversion_to_onnx_args if not each.startswith("--output-file")),
        f"--output-file={target.format(tmp_path)}",
    ]
    card = plan.card.model_copy(update={"conversion_to_onnx_args": tuple(arguments)})
    with pytest.raises(CardError, match=r"is not in \$conv_dir"):
        plan_conversion(card, plan.download_dir, tmp_path / "out", ConversionSettings())


def test_packages_without_a_file_of_their_own_are_forgotten_too(tmp_path):
    for number, factor in (("1", 3.0), ("2", 5.0)):
        plan = plan_of(tmp_path, f"net{number}", factor)
        package = plan.download_dir / "public" / plan.card.name / "package"
        package.mkdir()
        (package / "inner.py").write_text(f"FACTOR = {factor}\n")
        network = package.with_name("network.py")
        network.write_text(NETWORK.replace("from helper", "from package.inner"))
        names = ("helper.py", "net.pth", "network.py", "package/inner.py")
        files = [published_file(name, (package.parent / name).read_bytes(), "https://example.com/x") for name in names]
        card = plan.card.model_copy(update={"files": tuple(ModelFile.model_validate(file) for file in files)})
        assert_computes(plan_conversion(card, plan.download_dir, tmp_path / "out", TRUSTED), state(), factor)


NASTY = {
    "exits": ("", "import sys; sys.exit(0)"),
    "ends": ("", "import os; os._exit(0)"),
    "raises": ("", "raise KeyError"),
    "moves": ("import os; os.chdir('/')", ""),
    "talks": ("print('not JSON')", "print('not JSON')"),
    "spoils": ("import torch; torch.set_default_dtype(torch.float64); torch.set_default_dtype(torch.float32)", ""),
}


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_code_of_a_card_harms_no_other_model_and_no_output(tmp_path, monkeypatch, jobs):
    """Each of the models is converted or told to have failed, and the last, which does nothing odd, is there."""
    monkeypatch.chdir(tmp_path)
    for name, (at_import, in_forward) in {**NASTY, "works": ("", "pass")}.items():
        forward = f"        {in_forward or 'pass'}\n        return self.conv"
        plan_of(tmp_path, name, network=f"{at_import}\n{NETWORK.replace('        return self.conv', forward)}")
    names = [*NASTY, "works"]
    command = [
        sys.executable, "-m", "omz.cli.converter", "--name", ",".join(names), "--models_dir", "zoo", "-d", "dl",
        "-o", "made", "--trust_code", "--precisions", "FP32", "--progress_format", "json", "-j", jobs,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    ends = {event["model"]: event["successful"] for event in events if event["$type"] == "model_conversion_end"}
    assert ends == {
        "exits": False, "ends": False, "raises": False, "moves": True, "talks": True, "spoils": True, "works": True,
    }  # fmt: skip
    assert done.returncode == 1
    assert events[-1] == {"$type": "summary", "successful": False, "failed": ["exits", "ends", "raises"]}
    for name in ("moves", "talks", "works"):
        assert (tmp_path / "made" / "public" / name / "FP32" / f"{name}.xml").is_file()
    assert "Traceback" not in done.stderr


def test_a_changed_script_converts_again(tmp_path):
    plan = plan_of(tmp_path, "net", 1.0, "$conv_dir/made.pth")
    script = plan.card.folder / "pre-convert.py"
    script.write_text(PRE_CONVERT)
    plan = plan_conversion(plan.card, plan.download_dir, tmp_path / "out", plan.settings)
    assert_computes(plan, {name: 2 * value for name, value in state().items()}, 1.0)
    script.write_text(PRE_CONVERT.replace("2 * value", "4 * value"))
    assert_computes(plan, {name: 4 * value for name, value in state().items()}, 1.0)


def test_convert_model_runs_code_of_a_card_in_an_isolated_process(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    noted = "import os, pathlib; pathlib.Path('process').write_text(str(os.getpid()))"
    plan_of(tmp_path, "net", network=f"{noted}\n{NETWORK}")
    given = {"download_dir": "dl", "models_dir": [Path("zoo")]}
    with pytest.raises(ConversionError, match="trust_code"):
        omz.convert_model("net", **given)
    conversion = omz.convert_model("net", settings=TRUSTED, **given)
    assert conversion.irs["FP32"].path == Path("dl/public/net/FP32/net.xml")  # output is download_dir
    assert conversion.irs["FP32"].path.is_file()
    assert int(Path("process").read_text()) != os.getpid()
