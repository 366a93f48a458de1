"""``omz_converter`` as a user calls it."""

from __future__ import annotations

import contextlib
import json
import keyword
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from helpers.builders import published_file, small_model, write_card, write_composite

from omz.cli import converter, model_optimizer
from omz.runtime.openvino_engine import OpenVINOEngine
from omz.runtime.quiet_openvino import ov


def run(*arguments: object) -> Result:
    return CliRunner().invoke(converter.main, [str(each) for each in arguments], catch_exceptions=False)


@pytest.fixture
def zoo(tmp_path, monkeypatch) -> Path:
    """A zoo with the models good, fine and gone, whose file is not there, and an IR."""
    root = tmp_path / "zoo"
    for name in ("good", "fine", "gone"):
        source = small_model(tmp_path / "dl" / "public" / name / "net.onnx")
        write_card(root, name, files=[published_file("net.onnx", source.read_bytes(), "https://example.com/x")])
    source.unlink()
    parts = [published_file(f"FP16/ir.{part}", b"", "https://example.com/x") for part in ("xml", "bin")]
    write_card(root, "ir", files=parts, framework="dldt", model_optimizer_args=None)
    monkeypatch.setenv("OMZ_MODELS_DIR", str(root))
    return root


def ir(tmp_path: Path, name: str, precision: str = "FP16") -> Path:
    return tmp_path / "out" / "public" / name / precision / f"{name}.xml"


@pytest.mark.parametrize("jobs", ["1", "2", "auto"])
def test_one_failed_model_does_not_stop_the_others(tmp_path, zoo, jobs):
    result = run("--name", "gone,good,ir,fine", "-d", tmp_path / "dl", "-o", tmp_path / "out", "-j", jobs)
    assert result.exit_code == 1
    (error,) = result.stderr.splitlines()
    assert error.startswith(f"main: error: gone: net.onnx is not in {tmp_path}/dl/public/gone, and offline")
    assert f"run omz_downloader --name gone -o {tmp_path}/dl, or" in error
    assert result.stdout.splitlines()[-2:] == ["FAILED:", "gone"]
    assert "ir: skipped: it is already an IR" in result.stdout.splitlines()
    for name in ("good", "fine"):
        for precision in ("FP16", "FP32"):
            assert ir(tmp_path, name, precision).is_file()
            assert f"{name}: {ir(tmp_path, name, precision)}" in result.stdout.splitlines()


def test_precisions_choose_and_others_are_skipped(tmp_path, zoo):
    arguments = ("--name", "good", "-d", tmp_path / "dl", "-o", tmp_path / "out", "--precisions")
    assert run(*arguments, "FP32,FP16-INT8").exit_code == 0
    assert ir(tmp_path, "good", "FP32").is_file()
    assert not ir(tmp_path, "good", "FP16").exists()
    result = run(*arguments, "FP16-INT8")
    assert result.exit_code == 0
    assert result.stdout == "good: skipped: it cannot be converted to FP16-INT8\n"


@pytest.mark.parametrize("flag", ["--add_mo_arg", "--add-mo-arg", "--add_mo"])
def test_arguments_may_be_added(tmp_path, zoo, flag):
    result = run("--name", "good", "-d", tmp_path / "dl", "-o", tmp_path / "out", f"{flag}=--output=double")
    assert result.exit_code == 0, result.output
    assert 'names="double"' in ir(tmp_path, "good").read_text()
    assert 'names="sum"' not in ir(tmp_path, "good").read_text()
    bad = run("--name", "good", "-d", tmp_path / "dl", flag, "--transformations_config=x")
    assert (bad.exit_code, "--transformations_config is not supported" in bad.stderr) == (2, True)


@pytest.mark.parametrize("flag", ["--dry_run", "--dry-run"])
def test_a_dry_run_touches_nothing_and_needs_no_files(tmp_path, zoo, flag):
    result = run("--name", "gone,good", "-d", tmp_path / "absent", "-o", tmp_path / "out", flag)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert [line for line in lines if "would write" in line] == [
        f"{name}: would write {ir(tmp_path, name, precision)}"
        for name in ("gone", "good") for precision in ("FP16", "FP32")
    ]  # fmt: skip
    assert lines[2] == "  src NCHW: unchanged"
    assert not (tmp_path / "out").exists()


def test_a_composite_model_fails_with_a_stage_of_it(tmp_path, zoo):
    source = small_model(tmp_path / "dl" / "public" / "duo" / "duo-a" / "net.onnx")
    file = published_file("net.onnx", source.read_bytes(), "https://example.com/x")
    write_composite(zoo / "public", "duo", ["duo-a", "duo-b"])
    for name in ("duo-a", "duo-b"):
        (zoo / "public" / "duo" / name / "model.yml").unlink()
        (zoo / "public" / "duo" / name).rmdir()
        write_card(zoo / "public" / "duo", name, files=[file])
    result = run("--name", "duo", "-d", tmp_path / "dl", "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "error: duo-b: " in result.stderr
    assert result.stdout.splitlines()[-2:] == ["FAILED:", "duo"]
    assert (tmp_path / "out" / "public" / "duo" / "duo-a" / "FP16" / "duo-a.xml").is_file()


@pytest.mark.parametrize("jobs", ["0", "-1", "many"])
def test_a_number_of_jobs_is_positive_or_auto(zoo, jobs):
    result = run("--name", "good", "-j", jobs)
    assert result.exit_code == 2
    assert "must be a positive integer or auto" in result.stderr


def test_events_are_lines_of_json(tmp_path, zoo):
    result = run(
        "--name", "gone,good,ir", "-d", tmp_path / "dl", "-o", tmp_path / "out", "--progress_format", "json",
        "--precisions", "FP32",
    )  # fmt: skip
    assert result.exit_code == 1
    events = [json.loads(line, parse_constant=pytest.fail) for line in result.stdout.splitlines()]
    assert [event["$type"] for event in events] == [
        "model_skipped",
        "model_conversion_end",
        "model_conversion_begin", "model_conversion_step", "model_conversion_step", "model_ir_ready",
        "model_conversion_end",
        "summary",
    ]  # fmt: skip
    assert events[1]["successful"] is False
    assert "net.onnx is not in" in events[1]["reason"]
    ready = events[5]
    assert (ready["model"], ready["precision"], ready["state"]) == ("good", "FP32", "converted")
    assert ready["path"] == str(ir(tmp_path, "good", "FP32"))
    assert ready["parity"][0]["precision"] == "f32"
    assert [output["output"] for output in ready["parity"][0]["outputs"]] == ["sum", "double", "inner"]
    assert events[6] == {"$type": "model_conversion_end", "model": "good", "successful": True, "reason": None}
    assert events[7] == {"$type": "summary", "successful": False, "failed": ["gone"]}


def test_figures_are_printed_and_what_is_up_to_date_keeps_them(tmp_path, zoo):
    arguments = ("--name", "good", "-d", tmp_path / "dl", "-o", tmp_path / "out", "--precisions", "FP32")
    first, second = run(*arguments).stdout.splitlines(), run(*arguments).stdout.splitlines()
    assert first[-len(second) + 1 :] == second[1:]
    assert second[0] == f"good: {ir(tmp_path, 'good', 'FP32')} is up to date"
    assert second[1].startswith(
        "good:   f32: 99.9 % within sum 0.0e+00, double 0.0e+00, inner 0.0e+00 of ONNX Runtime "
    )


def test_camera_frames_and_shapes_are_asked_for_by_flags(tmp_path, zoo):
    result = run(
        "--name", "good", "-d", tmp_path / "dl", "-o", tmp_path / "out", "--input_type", "u8", "--input_layout", "NHWC",
        "--shape", "src[1,3,-1,10],bgr[1,3,-1,10]",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    model = ov.Core().read_model(ir(tmp_path, "good"))
    assert [(port.any_name, str(port.partial_shape), port.element_type.to_string()) for port in model.inputs] == [
        ("src", "[1,?,10,3]", "u8"),
        ("bgr", "[1,?,10,3]", "u8"),
    ]
    frame = np.random.default_rng(0).integers(0, 256, (1, 8, 10, 3), np.uint8)
    found = OpenVINOEngine(ir(tmp_path, "good")).infer({"src": frame, "bgr": frame})
    np.testing.assert_array_equal(found["double"], 2 * frame.transpose(0, 3, 1, 2).astype(np.float32))


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--shape", "src[1,3]"), 1, "--shape has 2 dimensions for src, which has 4"),
        (("--shape", "other[1,3,8,8]"), 1, "--shape names 'other', but the inputs are src, bgr"),
        (("--shape", "nonsense"), 2, "has no shape for an input"),
        (("--shape", "src[1,3,a,b]"), 2, "a is not a dimension"),
        (("--check", "some"), 2, "--check"),
        (("--rewrite", "some"), 2, "--rewrite"),
        (("--selection_threshold", 2), 2, "give an error from 0 to 1"),
        (("--selection_threshold", 0.1), 1, "its graph is not rewritten; leave --selection_threshold out"),
        (("--mo", "/absent/mo.py"), 1, "--mo /absent/mo.py is not a file; check the path"),
        (("--mo", keyword.__file__, "--input_type", "u8"), 2, "--input_type and --input_layout do not work with --mo"),
        (("--mo", keyword.__file__), 1, "keyword.py succeeded but did not write good.xml"),
    ],
)
def test_flags_that_make_no_sense_are_one_line(tmp_path, zoo, arguments, code, message):
    result = run("--name", "good", "-d", tmp_path / "dl", "-o", tmp_path / "out", *arguments)
    assert result.exit_code == code, result.output
    assert message in result.stderr
    assert not ir(tmp_path, "good").exists()


def test_another_model_optimizer_makes_the_irs_where_asked(tmp_path, zoo):
    """Here it is our own; that of openvino-dev 2024.6 is tried where its environment is."""
    arguments = ("--name", "good", "-d", tmp_path / "dl", "-o", tmp_path / "out", "--precisions", "FP16")
    for more in ((), ("--shape", "src[1,3,8,2..9],bgr[1,3,8,2..9]", "--add_mo_arg=--output=sum")):
        result = run(*arguments, "--mo", model_optimizer.__file__, "--python", sys.executable, *more)
        assert result.exit_code == 0, result.output
    manifest = json.loads(ir(tmp_path, "good").with_suffix(".json").read_text())
    assert manifest["arguments"]["model_optimizer_program"] == "model_optimizer.py"
    assert [each["shape"] for each in manifest["inputs"]] == ["[1,3,8,2..9]", "[1,3,8,2..9]"]
    assert [each["name"] for each in manifest["outputs"]] == ["sum"]
    assert manifest["parity"][0]["outputs"][0]["largest"] == 0


def children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task").glob("*/children")
    children: list[int] = []
    for tasks in found:
        with contextlib.suppress(OSError):  # a thread that has ended meanwhile
            children += map(int, tasks.read_text().split())
    return children


def children_are_told() -> bool:
    return any(Path("/proc/self/task").glob("*/children"))


@pytest.mark.skipif(not children_are_told(), reason="only Linux tells children in this way")
def test_nothing_goes_on_when_the_command_is_killed(tmp_path, zoo):
    command = [sys.executable, "-m", "omz.cli.converter", "--name", "good,fine", "-d", tmp_path / "dl", "-o", tmp_path]
    process = subprocess.Popen([*command, "-j", "2"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    workers: set[int] = set()
    while process.poll() is None and len(workers) < 2:
        workers = set(children(process.pid))
    process.kill()
    process.wait()
    assert workers
    until = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in workers):
        assert time.monotonic() < until
        time.sleep(0.1)


def test_ctrl_c_ends_all_models_at_once(tmp_path, zoo):
    for number in range(6):
        source = small_model(tmp_path / "dl" / "public" / f"more{number}" / "net.onnx")
        file = published_file("net.onnx", source.read_bytes(), "https://example.com/x")
        write_card(zoo, f"more{number}", files=[file])
    command = [sys.executable, "-m", "omz.cli.converter", "--name", "more*", "-d", tmp_path / "dl", "-o", tmp_path]
    process = subprocess.Popen([*command, "-j", "2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 130
    assert told == "python -m omz.cli.converter: interrupted\n"
    assert len(list((tmp_path / "public").glob("*/FP32/*.xml"))) < 6


def test_a_plan_is_json_too_and_so_is_what_cannot_be_planned(tmp_path, zoo):
    write_card(zoo, "odd", framework="tf", model_optimizer_args=["--input_model=x"])
    result = run("--name", "good,odd", "-o", tmp_path, "--dry_run", "--progress_format", "json")
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert [event["$type"] for event in events] == ["model_conversion_end", "model_conversion_planned", "summary"]
    assert "framework tf" in events[0]["reason"]
    assert events[1]["inputs"] == {"src NCHW": [], "bgr NCHW": []}


def test_every_stage_of_a_composite_model_says_why_it_failed(tmp_path, zoo):
    write_composite(zoo / "public", "duo", ["duo-a", "duo-b"])
    result = run("--name", "duo", "-d", tmp_path / "dl", "-o", tmp_path / "out")
    assert [line.split(": ")[2] for line in result.stderr.splitlines()] == ["duo-a", "duo-b"]


def test_a_python_may_be_told_by_its_name(tmp_path, zoo):
    arguments = ("--name", "good", "-d", tmp_path / "dl", "-o", tmp_path / "out", "-p")
    assert run(*arguments, "sh").exit_code == 0
    absent = run(*arguments, "no-such-python")
    assert (absent.exit_code, "there is no program no-such-python" in absent.stderr) == (1, True)
