"""The doctor: what it finds is what is there, quickly, and nothing that is missing makes it fail."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import av
import pytest
from helpers.builders import published_file, small_model, write_card

from omz.convert.cache import cache_folder
from omz.convert.store import stored_ir
from omz.runtime.quiet_openvino import core
from omz.zoo import Catalog
from omz_demo import findings as module
from omz_demo.doctor import show
from omz_demo.findings import Findings, examine
from omz_demo.models_at_hand import Model

STARTER = "background-matting-starter"


@pytest.fixture(scope="module")
def findings() -> Findings:
    return examine()


def test_versions_are_those_of_the_packages(findings):
    for name in ("openvino", "numpy", "torch", "onnx", "pymatting"):
        assert findings.versions[name] == version(name)
    assert findings.versions["python"] == ".".join(map(str, sys.version_info[:3]))
    assert findings.versions["omz"] == version("open-matting-zoo")
    assert findings.versions["opencv"]
    assert findings.versions["ffmpeg"]


def test_devices_are_those_of_openvino(findings):
    assert [device.name for device in findings.devices] == list(core().available_devices)
    cpu = next(device for device in findings.devices if device.name == "CPU")
    assert cpu.full_name == core().get_property("CPU", "FULL_DEVICE_NAME")
    assert "FP32" in cpu.capabilities
    assert cpu.default in ("f32", "bf16", "f16")
    assert findings.exit_code == 0


def test_codecs_are_there_where_they_can_be_opened(findings):
    assert findings.codecs["libx264"] == ("libx264" in av.codecs_available)
    assert set(findings.codecs) == {"libx264", "prores_ks", "libvpx-vp9", "aac", "libopus"}


def model(found: Findings, name: str) -> Model:
    return next(each for each in found.models if each.name == name)


def test_the_states_of_a_model(tmp_path, monkeypatch):
    monkeypatch.setenv("OMZ_CACHE_DIR", str(tmp_path / "cache"))
    zoo, downloads = tmp_path / "zoo", tmp_path / "my downloads"
    content = b"weights"
    file = {"name": "net.onnx", "size": len(content), "checksum": "0" * 96, "source": "https://example.com/a"}
    write_card(zoo, "far", files=[file])
    far = model(examine([zoo], downloads), "far")
    assert far.state == "to download"
    assert far.detail == f"its file is not in {downloads}/public/far"
    assert far.command == f"omz_downloader --name far -o '{downloads}' --models_dir {zoo}"
    path = downloads / "public" / "far" / "net.onnx"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    assert model(examine([zoo], downloads), "far").state == "to convert"
    path.write_bytes(content[:-1])
    assert model(examine([zoo], downloads), "far").state == "to download"
    assert not (tmp_path / "cache").exists()


def test_a_model_is_ready_once_it_is_converted(tmp_path, monkeypatch):
    monkeypatch.setenv("OMZ_CACHE_DIR", str(tmp_path / "cache"))
    content = small_model(tmp_path / "net.onnx").read_bytes()
    file = {**published_file("net.onnx", content, ""), "source": {"$type": "bundled"}}
    arguments = ["--input_model=$config_dir/net.onnx"]
    (write_card(tmp_path / "zoo", "near", files=[file], model_optimizer_args=arguments) / "net.onnx").write_bytes(
        content
    )
    near = model(examine([tmp_path / "zoo"], tmp_path), "near")
    assert (near.state, near.command) == ("to convert", "")
    assert "ships with the package" in near.detail
    stored_ir(Catalog(tmp_path / "zoo")["near"], tmp_path)
    assert model(examine([tmp_path / "zoo"], tmp_path), "near").state == "ready"


def test_a_model_that_ships_as_an_ir_is_ready_at_once(tmp_path, monkeypatch):
    monkeypatch.setenv("OMZ_CACHE_DIR", str(tmp_path / "empty"))
    assert model(examine(download_dir=tmp_path), STARTER).state == "ready"


def test_a_bad_card_and_a_bad_zoo_are_lines_of_the_table(tmp_path):
    write_card(tmp_path / "zoo", "bad", framework="nonsense")
    assert model(examine([tmp_path / "zoo"]), "bad").state == "unusable"
    (nothing,) = examine([tmp_path / "nowhere"]).models
    assert nothing.state == "unusable"
    assert "is not a folder" in nothing.detail


def test_models_to_download_are_one_hint(tmp_path):
    for name in ("a-far", "farther"):
        file = {"name": "net.onnx", "size": 7, "checksum": "0" * 96, "source": "https://example.com/a"}
        write_card(tmp_path / "zoo", name, files=[file])
    (hint,) = (hint for hint in examine([tmp_path / "zoo"], tmp_path).hints if "omz_downloader" in hint)
    command = f"omz_downloader --name a-far -o {tmp_path} --models_dir {tmp_path / 'zoo'}"
    assert hint.startswith(f"models that are downloaded on first use, or now ({command}): a-far, ")
    assert {"farther", "u2netp"} <= {*hint.split(", ")}


def test_a_cache_that_cannot_be_written_is_a_hint(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("OMZ_CACHE_DIR", str(tmp_path / "file"))
    found = examine()
    assert not found.cache_is_writable
    assert any("set OMZ_CACHE_DIR" in hint for hint in found.hints)
    assert found.exit_code == 0
    monkeypatch.setenv("OMZ_CACHE_DIR", str(tmp_path / "to be made"))
    assert examine().cache_is_writable
    assert not cache_folder().exists()


def test_what_is_missing_has_a_command_or_a_way_round(findings, monkeypatch):
    asked = module._version
    monkeypatch.setattr(
        module, "_version", lambda name: None if name in ("nncf", "mindspore", "pillow_heif") else asked(name)
    )
    hints = "\n".join(examine().hints)
    assert "pip install '.[int8]'" in hints
    assert "pip install '.[mindspore]'" in hints
    assert "pillow_heif is missing, which reads HEIC images: pip install '.[heif]'" in hints
    if not any(device.name.startswith("GPU") for device in findings.devices):
        assert "no GPU driver; -d CPU works" in hints
    if not findings.display:
        assert "--no_show" in hints


def run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)


def test_without_openvino_it_still_tells_everything_else():
    done = run(
        "import sys; sys.modules['openvino'] = None\n"
        "from omz_demo.doctor import show; from omz_demo.findings import examine\n"
        "found = examine(); show(found, as_json=True); sys.stderr.write(str(found.exit_code))"
    )
    told = json.loads(done.stdout)
    assert done.stderr == "1"
    assert any("pip install openvino" in problem for problem in told["problems"])
    assert told["codecs"]
    assert told["devices"] == []


def test_it_loads_no_framework_for_it_has_to_be_quick():
    done = run(
        "import sys\n"
        "from omz_demo.doctor import show; from omz_demo.findings import examine\n"
        "show(examine())\n"
        "print({'torch', 'onnxruntime', 'nncf', 'mindspore', 'matplotlib'} & {*sys.modules})\n"
    )
    assert done.stdout.splitlines()[-1] == "set()"
    assert done.stderr == ""


def test_tables_and_json_say_the_same(findings, capsys):
    show(findings, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["exit_code"] == findings.exit_code
    assert [model["name"] for model in told["models"]] == [model.name for model in findings.models]
    show(findings)
    tables = capsys.readouterr().out
    for model in findings.models:
        assert model.name in tables
    for hint in findings.hints:
        assert f"hint: {hint}\n" in tables


def test_paths_that_look_like_markup_are_printed_as_they_are(capsys, tmp_path: Path):
    found = examine(download_dir=tmp_path / "[red]folder")
    show(found)
    assert "[red]folder" in capsys.readouterr().out
