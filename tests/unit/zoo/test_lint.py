from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from helpers.builders import write_card, write_companions, write_composite

from omz.zoo import Catalog
from omz.zoo.lint import lint_card

ARCHIVE = {"name": "a.zip", "size": 1, "checksum": "1" * 96, "source": "https://example.com/a.zip"}
UNPACK = {"$type": "unpack_archive", "file": "a.zip", "format": "zip"}
REPLACE = {"$type": "regex_replace", "file": "inner/b.py", "pattern": "x", "replacement": "y"}
CONTENT = b"weights"
DIGEST = hashlib.sha384(CONTENT).hexdigest()


def found(root: Path, name: str = "net") -> tuple[list[str], list[str]]:
    """Return errors and warnings about a card, without its path, which they must begin with."""
    card = Catalog(root).load(name)
    findings = lint_card(card)
    assert all(each.line.startswith(f"{card.path}: ") and each.line.isprintable() for each in findings)
    errors, warnings = [], []
    for each in findings:
        (errors if each.is_error else warnings).append(each.line.removeprefix(f"{card.path}: "))
    return errors, warnings


def errors(tmp_path: Path, **changes: object) -> list[str]:
    """Return the errors about a card with its companions, which must be all there is."""
    write_companions(write_card(tmp_path, "net", **changes))
    told, warnings = found(tmp_path)
    assert warnings == []
    return told


def bundled(**changes: object) -> dict[str, object]:
    return {"name": "net.bin", "size": len(CONTENT), "checksum": DIGEST, "source": {"$type": "bundled"}, **changes}


@pytest.mark.parametrize("name", list(Catalog()))
def test_nothing_is_found_about_the_cards_of_the_package(name):
    assert all(each.is_note for each in lint_card(Catalog().load(name)))


def test_nothing_is_found_about_a_good_card(tmp_path):
    assert errors(tmp_path, files=[ARCHIVE], postprocessing=[UNPACK, REPLACE]) == []


def test_unknown_keys_are_errors(tmp_path):
    (line,) = errors(tmp_path, input_infos=[])
    assert line.startswith("input_infos: is not a known key; did you mean input_info? ")


def test_repeated_keys_are_errors(tmp_path):
    folder = write_card(tmp_path, "net")
    write_companions(folder)
    with (folder / "model.yml").open("a") as file:
        file.write("license: https://example.com/other\n")
    ((line,), _) = found(tmp_path)
    assert line.startswith("license: is given twice (line ")


def test_a_step_for_a_file_that_is_not_there_is_an_error(tmp_path):
    (line,) = errors(tmp_path, files=[ARCHIVE], postprocessing=[{**REPLACE, "file": "absent"}])
    assert line == "postprocessing.0.file: absent is not one of the files; list it, or remove the step"


@pytest.mark.parametrize("key", ["description", "license"])
def test_a_text_that_is_not_filled_in_is_a_warning(tmp_path, key):
    write_companions(write_card(tmp_path, "net", **{key: "FILL_IN"}))
    assert found(tmp_path) == ([], [f"{key}: is still FILL_IN; write one"])


def test_a_source_and_a_checksum_that_are_not_filled_in_are_errors(tmp_path):
    file = {**ARCHIVE, "checksum": "0" * 96, "source": "https://example.com/FILL_IN"}
    assert errors(tmp_path, files=[ARCHIVE, file | {"name": "b.zip"}]) == [
        "files.1.source: is still FILL_IN; write the address of the file",
        "files.1.checksum: is all zeros; write the SHA-384 of the file, and its size",
    ]


def test_arguments_that_are_not_filled_in_are_errors(tmp_path):
    lists = {"conversion_to_onnx_args": ["--model-name=FILL_IN"], "model_optimizer_args": ["--x", "--output=FILL_IN"]}
    assert errors(tmp_path, framework="pytorch", **lists) == [
        "conversion_to_onnx_args.0: --model-name=FILL_IN is not filled in; write the value",
        "model_optimizer_args.1: --output=FILL_IN is not filled in; write the value",
    ]


def test_a_bundled_file_that_agrees_with_its_card_is_good(tmp_path):
    folder = write_card(tmp_path, "net", files=[bundled(name="FP16/net.bin"), bundled(size=None) | {"name": "b"}])
    write_companions(folder)
    (folder / "FP16").mkdir()
    for name in ("FP16/net.bin", "b"):
        (folder / name).write_bytes(CONTENT)
    assert found(tmp_path) == ([], [])


def test_a_bundled_file_that_is_missing_is_an_error(tmp_path):
    (line,) = errors(tmp_path, files=[ARCHIVE, bundled()])
    place = tmp_path / "net"
    assert line == f"files.1: net.bin is missing; put it into {place}, or give the address of a download as its source"


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"more weights", "has 12 bytes, not 7 as on the card"), (b"Weights", "has another sha384 than on the card")],
)
def test_a_bundled_file_of_another_size_or_digest_is_an_error_that_tells_the_true_ones(tmp_path, content, problem):
    folder = write_card(tmp_path, "net", files=[bundled()])
    write_companions(folder)
    (folder / "net.bin").write_bytes(content)
    digest = hashlib.sha384(content).hexdigest()
    repair = f"restore net.bin, or if it is right, write size: {len(content)} and checksum: {digest}"
    assert found(tmp_path) == ([f"files.0: net.bin {problem}; {repair}"], [])


def test_missing_companions_are_a_warning(tmp_path):
    folder = write_card(tmp_path, "net")
    add = "add what is missing"
    assert found(tmp_path) == ([], [f"no README.md and no accuracy-check.yml beside the card; {add}"])
    (folder / "README.md").write_text("# A model")
    assert found(tmp_path) == ([], [f"no accuracy-check.yml beside the card; {add}"])
    write_companions(folder)
    assert found(tmp_path) == ([], [])


def test_a_composite_model_and_its_stages_share_their_companions(tmp_path):
    folder = write_composite(tmp_path, "duo", ["duo-a", "duo-b"])
    assert found(tmp_path, "duo-b") == ([], [])
    missing = "no README.md and no accuracy-check.yml beside the card; add what is missing"
    assert found(tmp_path, "duo") == ([], [missing])
    (folder / "README.md").write_text("# A model")
    (folder / "duo-a" / "accuracy-check.yml").touch()
    assert found(tmp_path, "duo") == ([], [])


@pytest.mark.parametrize("content", ["", " \n\t\n"])
def test_an_empty_readme_is_an_error(tmp_path, content):
    folder = write_card(tmp_path, "net")
    write_companions(folder)
    (folder / "README.md").write_text(content)
    assert found(tmp_path) == (["README.md is empty; write it"], [])


def test_a_name_that_is_a_device_or_a_path_elsewhere_is_a_warning(tmp_path):
    for name, problem in (("net.xml", "ends in .xml, and would be taken for the path of an IR"),
                          ("nul", "is the name of a device on Windows")):  # fmt: skip
        write_companions(write_card(tmp_path, name))
        assert found(tmp_path, name) == ([], [f"the name of the folder {problem}; rename it"])


MD5 = {"$type": "md5", "value": "0123456789abcdef" * 2}


def test_an_md5_needs_a_reason_which_is_then_a_note(tmp_path):
    file = {"name": "net.onnx", "checksum": MD5, "source": "https://example.com/net.onnx"}
    write_companions(write_card(tmp_path, "net", files=[file]))
    assert found(tmp_path) == (
        [], ["files.0.checksum: an MD5 can be forged; write a SHA-384, or in remark why there is none"]
    )  # fmt: skip
    excused = {**file, "remark": "its publisher states\nnothing else"}
    write_companions(write_card(tmp_path, "excused", files=[excused]))
    (note,) = lint_card(Catalog(tmp_path).load("excused"))
    assert note.line.endswith("model.yml: files.0: its publisher states\\nnothing else")
    assert (note.is_error, note.is_note) == (False, True)
