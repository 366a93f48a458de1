"""Findings about what the converter would refuse, next to what it does refuse."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from helpers.builders import write_card, write_composite

from omz.convert.converter import carry_out
from omz.convert.lint import lint
from omz.convert.plan import plan_conversion
from omz.errors import CardError, ModelFileError, OmzError
from omz.zoo import Catalog

STARTER = "background-matting-starter"
GOOD = "--input_model=$dl_dir/net.onnx"
EXPORT = [
    "--model-name=BackgroundMatting", "--import-module=omz.networks.background_matting", "--weights=$dl_dir/net.onnx",
    "--input-shapes=[1,3,64,64],[1,3,64,64]", "--input-names=src,bgr", "--output-names=pha,fgr",
    "--output-file=$conv_dir/net.onnx",
]  # fmt: skip
UNPACK = {"$type": "unpack_archive", "file": "net.onnx", "format": "zip"}


def found(root: Path, name: str = "net") -> tuple[list[str], list[str]]:
    """Return errors and warnings about a card with all companions."""
    for card in root.rglob("model.yml"):
        for companion in ("README.md", "accuracy-check.yml"):
            (card.parent / companion).touch()
    findings = lint(Catalog(root).load(name))
    path = f"{root}/{name}/model.yml: "
    lines = [[each.line.removeprefix(path) for each in findings if each.is_error is wanted] for wanted in (True, False)]
    return lines[0], lines[1]


@pytest.mark.parametrize("name", list(Catalog()))
def test_nothing_is_found_about_the_cards_of_the_package(name):
    assert all(each.is_note for each in lint(Catalog().load(name)))


@pytest.mark.parametrize(
    "changes",
    [
        {"model_optimizer_args": [GOOD, "--nonsense"]},
        {"model_optimizer_args": ["--scale=255"]},
        {"model_optimizer_args": [GOOD, "--scale=0"]},
        {"model_optimizer_args": [GOOD, "--mean_values=nobody[1,2,3]"]},
        {"model_optimizer_args": [GOOD, "--mean_values=src[1,2]"]},
        {"model_optimizer_args": [GOOD, "--transformations_config=x.json"]},
        {"model_optimizer_args": [GOOD, "$home"]},
        {"model_optimizer_args": [GOOD], "input_info": []},
        {"model_optimizer_args": ["--input_model=$dl_dir/other.onnx"]},
        {"framework": "pytorch", "conversion_to_onnx_args": EXPORT[1:]},
        {"framework": "pytorch", "conversion_to_onnx_args": [*EXPORT, "--nonsense"]},
        {"framework": "pytorch", "conversion_to_onnx_args": [*EXPORT[:-1], "--output-file=/tmp/net.onnx"]},
        {"framework": "pytorch", "conversion_to_onnx_args": [*EXPORT, "--weights=$dl_dir/other.pth"]},
    ],
)
def test_what_the_converter_refuses_is_an_error_with_the_same_reason(tmp_path, changes):
    write_card(tmp_path / "zoo", "net", **changes)
    with pytest.raises(CardError) as refused:
        carry_out(plan_conversion(Catalog(tmp_path / "zoo")["net"], tmp_path, tmp_path), lambda event: None)
    (line,), warnings = found(tmp_path / "zoo")
    assert warnings == []
    reason = str(refused.value).removeprefix(f"{tmp_path}/zoo/net/model.yml: ")
    assert line.split("; ")[0].replace("downloads/", f"{tmp_path}/") == reason.split("; ")[0]


@pytest.mark.parametrize("changes", [{}, {"framework": "pytorch", "conversion_to_onnx_args": EXPORT}])
def test_a_card_whose_file_alone_is_missing_is_good(tmp_path, changes):
    write_card(tmp_path / "zoo", "net", **changes)
    assert found(tmp_path / "zoo") == ([], [])
    with pytest.raises(ModelFileError, match=r"net\.onnx is missing"):
        carry_out(plan_conversion(Catalog(tmp_path / "zoo")["net"], tmp_path, tmp_path), lambda event: None)


def test_code_of_a_card_may_make_the_source(tmp_path):
    folder = write_card(tmp_path, "net", model_optimizer_args=["--input_model=$conv_dir/made.onnx"])
    (folder / "pre-convert.py").touch()
    assert found(tmp_path) == ([], [])


def test_what_is_not_filled_in_is_told_once(tmp_path):
    write_card(tmp_path, "net", model_optimizer_args=["--input_model=FILL_IN", "--nonsense"])
    assert found(tmp_path) == (["model_optimizer_args.0: --input_model=FILL_IN is not filled in; write the value"], [])


@pytest.mark.parametrize("framework", ["tf", "caffe", "mxnet", "paddle"])
def test_a_framework_that_is_not_converted_is_a_warning(tmp_path, framework):
    write_card(tmp_path, "net", framework=framework, model_optimizer_args=["--transformations_config=$mo_dir/x"])
    errors, warnings = found(tmp_path)
    assert errors == []
    assert warnings[0].startswith("$mo_dir is a folder of Model Optimizer")
    assert warnings[1:] == [f"framework: {framework} models cannot be converted here, only downloaded"]


def test_an_ir_needs_no_conversion(tmp_path):
    files = [
        {"name": f"FP16/net.{part}", "size": 1, "checksum": "1" * 96, "source": "https://example.com/x"}
        for part in ("xml", "bin")
    ]
    write_card(tmp_path, "net", framework="dldt", model_optimizer_args=None, files=files)
    assert found(tmp_path) == ([], [])


def test_a_source_from_an_archive_is_a_warning_for_it_is_not_converted(tmp_path):
    arguments = ["--input_model=$dl_dir/inner/net.onnx"]
    write_card(tmp_path / "zoo", "net", model_optimizer_args=arguments, postprocessing=[UNPACK])
    errors, (line,) = found(tmp_path / "zoo")
    assert errors == []
    assert line.startswith("files: net.onnx comes out of an archive")
    with pytest.raises(OmzError, match=r"net\.onnx is used, but not listed"):
        carry_out(plan_conversion(Catalog(tmp_path / "zoo")["net"], tmp_path, tmp_path), lambda event: None)


@pytest.mark.parametrize("change", ["card", "bytes", "size", "no manifest", "nonsense", "none"])
def test_an_ir_beside_the_card_that_is_not_its_own_is_an_error(tmp_path, change):
    folder = tmp_path / STARTER
    shutil.copytree(Catalog()[STARTER].folder, folder)
    card, ir = folder / "model.yml", folder / "FP16" / f"{STARTER}.xml"
    weights = ir.with_suffix(".bin").read_bytes()
    if change == "card":
        card.write_text(card.read_text().replace("--scale=255", "--scale=254"))
    elif change == "bytes":
        ir.with_suffix(".bin").write_bytes(weights[:-1] + bytes([weights[-1] ^ 1]))
    elif change == "size":
        ir.with_suffix(".bin").write_bytes(weights[:-1])
    elif change == "no manifest":
        ir.with_suffix(".json").unlink()
    elif change == "nonsense":
        ir.with_suffix(".json").write_text("[]")
    errors, warnings = found(tmp_path, STARTER)
    problem = f"FP16/{STARTER}.xml is not what the converter made of this card; make it again, or remove it"
    assert (errors, warnings) == ([] if change == "none" else [problem], [])


def test_the_findings_about_stages_come_with_their_composite_model(tmp_path):
    write_composite(tmp_path, "duo", ["duo-b", "duo-a"], note="x")
    for name in ("duo-a", "duo-b"):
        with (tmp_path / "duo" / name / "model.yml").open("a") as file:
            file.write(f"note-{name}: x\n")
    lines = [each.line for each in lint(Catalog(tmp_path).load("duo")) if each.is_error]
    assert [line.split(": is not a known key")[0] for line in lines] == [
        f"{tmp_path}/duo/composite-model.yml: note",
        f"{tmp_path}/duo/duo-b/model.yml: note-duo-b",
        f"{tmp_path}/duo/duo-a/model.yml: note-duo-a",
    ]
