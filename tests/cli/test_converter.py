"""``omz_converter`` as a user calls it."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders import published_file, small_model, write_card, write_composite
from click.testing import CliRunner, Result

from omz.cli import converter


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
    assert error.startswith(f"error: gone: {tmp_path}/dl/public/gone/net.onnx is missing; run omz_downloader")
    assert result.stdout.splitlines()[-2:] == ["FAILED:", "gone"]
    assert "ir: skipped, for it is an IR already" in result.stdout.splitlines()
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
    assert result.stdout == "good: skipped, for it becomes none of FP16-INT8\n"


@pytest.mark.parametrize("flag", ["--add_mo_arg", "--add-mo-arg", "--add_mo"])
def test_arguments_may_be_added(tmp_path, zoo, flag):
    result = run("--name", "good", "-d", tmp_path / "dl", "-o", tmp_path / "out", f"{flag}=--output=double")
    assert result.exit_code == 0, result.output
    assert 'names="double"' in ir(tmp_path, "good").read_text()
    assert 'names="sum"' not in ir(tmp_path, "good").read_text()
    bad = run("--name", "good", "-d", tmp_path / "dl", flag, "--transformations_config=x")
    assert (bad.exit_code, "--transformations_config cannot be followed" in bad.stderr) == (1, True)


@pytest.mark.parametrize("flag", ["--dry_run", "--dry-run"])
def test_a_dry_run_touches_nothing_and_needs_no_files(tmp_path, zoo, flag):
    result = run("--name", "gone,good", "-d", tmp_path / "absent", "-o", tmp_path / "out", flag)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert [line for line in lines if "would write" in line] == [
        f"{name}: would write {ir(tmp_path, name, precision)}"
        for name in ("gone", "good") for precision in ("FP16", "FP32")
    ]  # fmt: skip
    assert lines[2] == "  src NCHW: as it is"
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


@pytest.mark.parametrize("jobs", ["0", "-1", "many", ""])
def test_a_number_of_jobs_is_positive_or_auto(zoo, jobs):
    result = run("--name", "good", "-j", jobs)
    assert result.exit_code == 2
    assert "must be a positive integer or auto" in result.stderr
