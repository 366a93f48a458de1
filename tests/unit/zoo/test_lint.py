from __future__ import annotations

import pytest
from helpers.builders import write_card, write_composite

from omz.zoo import Catalog
from omz.zoo.card_reader import lint

ARCHIVE = {"name": "a.zip", "size": 1, "checksum": "0" * 96, "source": "https://example.com/a.zip"}
UNPACK = {"$type": "unpack_archive", "file": "a.zip", "format": "zip"}
REPLACE = {"$type": "regex_replace", "file": "inner/b.py", "pattern": "x", "replacement": "y"}


def complaints(tmp_path, **changes: object) -> list[str]:
    """Return what is odd about a card, without the file's path, which must be there."""
    write_card(tmp_path, "net", **changes)
    lines = lint(Catalog(tmp_path).load("net"))
    path = f"{tmp_path}/net/model.yml: "
    assert all(line.startswith(path) and line.isprintable() for line in lines)
    return [line.removeprefix(path) for line in lines]


@pytest.mark.parametrize("name", ["background-matting-mobilenetv2", "background-matting-starter"])
def test_the_cards_of_the_package_are_good(name):
    assert lint(Catalog().load(name)) == []


def test_a_good_card_has_no_complaints(tmp_path):
    assert complaints(tmp_path, files=[ARCHIVE], postprocessing=[UNPACK, REPLACE]) == []


def test_unknown_keys_are_told(tmp_path):
    (line,) = complaints(tmp_path, input_infos=[])
    assert line.startswith("input_infos: is not a known key; did you mean input_info? ")


def test_repeated_keys_are_told(tmp_path):
    folder = write_card(tmp_path, "net")
    with (folder / "model.yml").open("a") as file:
        file.write("license: https://example.com/other\n")
    (line,) = lint(Catalog(tmp_path).load("net"))
    assert line.startswith(f"{tmp_path}/net/model.yml: license: is given twice (line ")


@pytest.mark.parametrize("key", ["model_optimizer_args", "conversion_to_onnx_args"])
def test_variables_that_do_not_exist_are_told(tmp_path, key):
    framework = "pytorch" if key == "conversion_to_onnx_args" else "tf"
    (line,) = complaints(tmp_path, framework=framework, **{key: ["--input_model=$dl_dir/x", "--config=$mo_dir/y"]})
    assert line.startswith("$mo_dir is a folder of Model Optimizer")


def test_a_step_for_a_file_that_is_not_there_is_told(tmp_path):
    (line,) = complaints(tmp_path, files=[ARCHIVE], postprocessing=[{**REPLACE, "file": "absent"}])
    assert line == "postprocessing.0.file: absent is not one of the files"


def test_everything_odd_is_told(tmp_path):
    lines = complaints(
        tmp_path, note="x", model_optimizer_args=["$home"], files=[ARCHIVE], postprocessing=[{**UNPACK}, REPLACE]
    )
    assert [line.split()[0] for line in lines] == ["note:", "an"]


def test_the_complaints_of_stages_are_told_with_their_composite_model(tmp_path):
    write_composite(tmp_path, "duo", ["duo-b", "duo-a"], note="x")
    for name in ("duo-a", "duo-b"):
        with (tmp_path / "duo" / name / "model.yml").open("a") as file:
            file.write(f"note-{name}: x\n")
    lines = lint(Catalog(tmp_path).load("duo"))
    assert [line.split(": is not a known key")[0] for line in lines] == [
        f"{tmp_path}/duo/composite-model.yml: note",
        f"{tmp_path}/duo/duo-b/model.yml: note-duo-b",
        f"{tmp_path}/duo/duo-a/model.yml: note-duo-a",
    ]
