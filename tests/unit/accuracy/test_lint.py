from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import yaml
from helpers.builders import accuracy_model, write_card, write_composite

from omz.accuracy.lint import lint_accuracy
from omz.zoo import Catalog

GARBLED = "models: [}"


def found(root: Path, text: str, **changes: object) -> tuple[list[str], list[str]]:
    """Return errors and warnings about an accuracy file beside a card, without the path that they begin with."""
    path = write_card(root, "net", **changes) / "accuracy-check.yml"
    path.write_text(text)
    findings = lint_accuracy(Catalog(root).load("net"))
    assert all(each.line.startswith(str(path)) and each.line.isprintable() for each in findings)
    lines = [
        [each.line.removeprefix(str(path)) for each in findings if each.is_error is wanted] for wanted in (True, False)
    ]
    return lines[0], lines[1]


def written(**launcher: object) -> str:
    return yaml.safe_dump({"models": [accuracy_model(**launcher)]})


@pytest.mark.parametrize("name", list(Catalog()))
def test_nothing_is_found_about_the_files_of_the_package(name):
    assert lint_accuracy(Catalog().load(name)) == []


def test_nothing_is_found_without_a_file_and_about_a_good_one(tmp_path):
    assert found(tmp_path / "a", written()) == ([], [])
    write_card(tmp_path / "b", "net")
    assert lint_accuracy(Catalog(tmp_path / "b")["net"]) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", ": found nothing where keys and values are expected"),
        ("- a", ": found ['a'] where keys and values are expected"),
        (GARBLED, " is not valid YAML: "),
        ("a: 1\na: 2", " is not valid YAML: a is given twice"),
        ("nonsense: 1", ": nonsense: is not a known key; "),
        ("models: []", ": models: must be a list, and not empty"),
        (written(adapter="classification"), ": models.0.launchers.0.adapter: found 'classification'; "),
    ],
)
def test_a_file_that_omz_accuracy_does_not_read_is_an_error(tmp_path, text, reason):
    (line,), warnings = found(tmp_path, text)
    assert line.startswith(reason)
    assert warnings == []


def test_the_file_of_another_kind_of_model_needs_to_be_yaml_only(tmp_path):
    assert found(tmp_path / "a", written(adapter="classification"), task_type="classification") == ([], [])
    (line,), _ = found(tmp_path / "b", GARBLED, task_type="classification")
    assert line.startswith(" is not valid YAML: ")


def test_inputs_and_outputs_that_the_card_does_not_have_are_errors(tmp_path):
    inputs = [
        {"name": "src", "value": "com*"},
        {"name": "plate", "value": "bgr*"},
        {"name": "r1", "type": "LSTM_INPUT", "value": "rr1"},
    ]
    adapter = {"type": "background_matting_with_pha_and_fgr", "alpha_out": "alfa"}
    arguments = ["--input_model=$dl_dir/net.onnx", "--output=pha,fgr"]
    errors, warnings = found(tmp_path, written(inputs=inputs, adapter=adapter), model_optimizer_args=arguments)
    assert [line.split("launchers.0: ")[1] for line in errors] == [
        "the model has no input plate; it has src, bgr",
        "the model has no input r1; it has src, bgr",
        "the model has no output alfa; it has pha, fgr",
        "the model has no output rr1; it has pha, fgr",
    ]
    assert warnings == []


def test_the_card_s_roles_stand_for_what_an_adapter_does_not_name(tmp_path):
    asked = ["--input_model=$dl_dir/net.onnx", "--output=matte,colours"]
    adapter = {"type": "background_matting_with_pha_and_fgr"}
    (alpha, foreground), _ = found(tmp_path / "a", written(adapter=adapter), model_optimizer_args=asked)
    assert "no output fgr" in alpha + foreground
    assert "no output pha" in alpha + foreground
    roles = [{"name": "matte", "role": "alpha"}, {"name": "colours", "role": "foreground"}]
    given = {"model_optimizer_args": asked, "output_info": roles}
    assert found(tmp_path / "b", written(adapter=adapter), **given) == ([], [])


def test_outputs_are_not_known_where_the_card_asks_for_none(tmp_path):
    assert found(tmp_path, written(adapter={"type": "background_matting", "alpha_out": "any"})) == ([], [])


def test_the_files_of_stages_belong_to_their_composite_model(tmp_path):
    folder = write_composite(tmp_path, "duo", ["duo-a", "duo-b"])
    (folder / "accuracy-check.yml").write_text(written(inputs=[{"name": "any"}]))
    (folder / "duo-b" / "accuracy-check.yml").write_text(GARBLED)
    (finding,) = lint_accuracy(Catalog(tmp_path).load("duo"))
    assert finding.line.startswith(f"{folder}/duo-b/accuracy-check.yml is not valid YAML: ")
    assert lint_accuracy(Catalog(tmp_path).load("duo-b")) == [finding]
    assert lint_accuracy(Catalog(tmp_path).load("duo-a")) == []


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="needs a user who may not read everything")
def test_a_file_that_cannot_be_read_is_an_error(tmp_path):
    path = write_card(tmp_path, "net") / "accuracy-check.yml"
    path.touch(0o000)
    (finding,) = lint_accuracy(Catalog(tmp_path)["net"])
    assert finding.line.startswith(f"{path} cannot be read: ")
