from __future__ import annotations

import copy
import datetime
import json
import math
from pathlib import Path, PurePosixPath

import pytest
import yaml
from helpers.builders import write_card, write_composite
from hypothesis import given
from hypothesis import strategies as st

from omz.convert.lint import lint
from omz.errors import CardError
from omz.zoo.card import CompositeCard, ModelCard
from omz.zoo.card_reader import load_card, load_composite
from omz.zoo.info import card_info

DIGEST = "0123456789abcdef" * 6
GOOD = f"""\
description: A card for a test.
task_type: background_matting
framework: onnx
license: https://example.com/license
files:
  - name: net.onnx
    size: 1
    checksum: {DIGEST}
    source: https://example.com/net.onnx
model_optimizer_args: [--input_model=$dl_dir/net.onnx]
"""


def load(folder: Path) -> ModelCard:
    return load_card(folder, PurePosixPath("public") / folder.name)


def compose(folder: Path) -> CompositeCard:
    return load_composite(folder, PurePosixPath("public") / folder.name)


def write_text(root: Path, text: str | bytes) -> Path:
    folder = root / "net"
    folder.mkdir(parents=True)
    (folder / "model.yml").write_bytes(text.encode() if isinstance(text, str) else text)
    return folder


def complaint(folder: Path, reader=load, file: str = "model.yml") -> str:
    """Return what is said of a bad card after its path, and check that it is one line."""
    with pytest.raises(CardError) as caught:
        reader(folder)
    message, path = str(caught.value), str(folder / file)
    assert message.startswith(path)
    assert message.isprintable()
    return message.removeprefix(path).removeprefix(":").strip()


def test_a_card_is_read(tmp_path):
    card = load(write_text(tmp_path, GOOD))
    assert (card.name, card.folder, card.path) == ("net", tmp_path / "net", tmp_path / "net" / "model.yml")
    assert card.subdirectory == PurePosixPath("public/net")
    assert card.composite_model_name is None
    assert card.description == "A card for a test."
    assert (card.task_type, card.framework, card.license) == (
        "background_matting", "onnx", "https://example.com/license",
    )  # fmt: skip
    assert [(file.name, file.size, file.checksum.value) for file in card.files] == [("net.onnx", 1, DIGEST)]
    assert card.model_optimizer_args == ("--input_model=$dl_dir/net.onnx",)
    assert (card.postprocessing, card.input_info, card.conversion_to_onnx_args, card.remarks) == ((), (), (), ())


@pytest.mark.parametrize("text", [f"\ufeff{GOOD}", GOOD.replace("\n", "\r\n"), f"%YAML 1.1\n---\n{GOOD}...\n"])
def test_a_card_may_have_a_byte_order_mark_windows_lines_and_document_marks(tmp_path, text):
    assert load(write_text(tmp_path, text)) == load(write_text(tmp_path / "as_it_is", GOOD)).model_copy(
        update={"folder": tmp_path / "net"}
    )


def a_file(**changes: object) -> list[dict[str, object]]:
    content = {"name": "net.onnx", "size": 1, "checksum": DIGEST, "source": "https://example.com/x", **changes}
    return [{key: value for key, value in content.items() if value is not None}]


def a_step(**changes: object) -> list[dict[str, object]]:
    content = {"$type": "regex_replace", "file": "net.onnx", "pattern": "a", "replacement": "b", **changes}
    return [{key: value for key, value in content.items() if value is not None}]


URL = "must be a URL that starts with https://, http:// or file:///"
INSIDE = "must be a relative path that stays in the model's folder"
EXPORT = ["--model-name=Net"]

BAD_VALUES = [
    # required keys
    ({"description": None}, "description: is missing"),
    ({"task_type": None}, "task_type: is missing"),
    ({"framework": None}, "framework: is missing"),
    ({"license": None}, "license: is missing"),
    ({"files": None}, "files: is missing"),
    # text, and words to choose from
    ({"description": 5}, "description: found 5; must be text"),
    ({"license": ["https://example.com"]}, "license: found ['https://example.com']; must be text"),
    ({"framework": "kaffe"}, "framework: found 'kaffe'; did you mean caffe? allowed: caffe, caffe2, dldt, mindspore"),
    ({"framework": ["onnx"]}, "framework: found ['onnx']; "),
    ({"task_type": "segmentation"}, "task_type: found 'segmentation'; did you mean semantic_segmentation? allowed: "),
    ({"quantized": "FP8"}, "quantized: found 'FP8'; allowed: INT8"),
    ({"quantizable": "yes"}, "quantizable: found 'yes'; input should be a valid boolean"),
    # files
    ({"files": "net.onnx"}, "files: found 'net.onnx'; must be a list"),
    ({"files": {"name": "net.onnx"}}, "files: found {'name': 'net.onnx'}; must be a list"),
    ({"files": ["net.onnx"]}, "files.0: found 'net.onnx'; must have keys and values"),
    ({"files": a_file() + [{"name": "b"}]}, "files.1.checksum: is missing; files.1.source: is missing"),
    ({"files": a_file(name=None)}, "files.0.name: is missing"),
    ({"files": a_file(name="")}, f"files.0.name: found ''; {INSIDE}"),
    ({"files": a_file(name=".")}, f"files.0.name: found '.'; {INSIDE}"),
    ({"files": a_file(name="../net.onnx")}, f"files.0.name: found '../net.onnx'; {INSIDE}"),
    ({"files": a_file(name="a/../../b")}, f"files.0.name: found 'a/../../b'; {INSIDE}"),
    ({"files": a_file(name="/etc/passwd")}, f"files.0.name: found '/etc/passwd'; {INSIDE}"),
    ({"files": a_file(name="~/x")}, f"files.0.name: found '~/x'; {INSIDE}"),
    ({"files": a_file(name="..\\x")}, rf"files.0.name: found '..\\x'; {INSIDE}"),
    ({"files": a_file(name="C:x")}, f"files.0.name: found 'C:x'; {INSIDE}"),
    ({"files": a_file() + a_file(name="./net.onnx")}, "files: net.onnx is listed twice"),
    (
        {"files": a_file() + a_file(name="net.onnx/data")},
        "files: net.onnx is both a file and the folder of net.onnx/data",
    ),
    ({"files": a_file(size=-1)}, "files.0.size: found -1; input should be greater than or equal to 0"),
    ({"files": a_file(size=True)}, "files.0.size: found True; input should be a valid integer"),
    ({"files": a_file(size="1")}, "files.0.size: found '1'; input should be a valid integer"),
    ({"files": a_file(size=1.5)}, "files.0.size: found 1.5; input should be a valid integer"),
    # checksums
    ({"files": a_file(checksum=5)}, "files.0.checksum: found 5; "),
    ({"files": a_file(checksum="ab")}, "files.0.checksum: found 'ab'; a sha384 has 96 hexadecimal digits, a sha256 64"),
    ({"files": a_file(checksum=None, sha256="ab")}, "files.0.sha256: found 'ab'; a sha384 has 96 hexadecimal digits"),
    ({"files": a_file(checksum="g" * 96)}, "files.0.checksum: found 'ggg"),
    ({"files": a_file(checksum={"value": DIGEST})}, "files.0.checksum.$type: is missing"),
    ({"files": a_file(checksum={"$type": "sha384"})}, "files.0.checksum.value: is missing"),
    (
        {"files": a_file(checksum={"$type": "sha256", "value": DIGEST})},
        "files.0.checksum: found {'$type': 'sha256', 'value': '0123",
    ),
    ({"files": a_file(sha256="0" * 64)}, "files.0: found {"),
    # sources
    ({"files": a_file(source=None)}, "files.0.source: is missing"),
    ({"files": a_file(source=5)}, "files.0.source: found 5; must have keys and values"),
    ({"files": a_file(source="ftp://example.com/x")}, f"files.0.source: found 'ftp://example.com/x'; {URL}"),
    ({"files": a_file(source="https://")}, f"files.0.source: found 'https://'; {URL}"),
    ({"files": a_file(source="https://example.com/a b")}, f"files.0.source: found 'https://example.com/a b'; {URL}"),
    ({"files": a_file(source="https://example.com:99999/")}, "files.0.source: found 'https://example.com:99999/'; "),
    ({"files": a_file(source="https://[::1")}, f"files.0.source: found 'https://[::1'; {URL}"),
    ({"files": a_file(source={"url": "https://example.com"})}, "files.0.source.$type: is missing"),
    ({"files": a_file(source={"type": "htpt", "url": "https://example.com"})}, "files.0.source.$type: is missing"),
    ({"files": a_file(source={"$type": "http"})}, "files.0.source.url: is missing"),
    ({"files": a_file(source={"$type": ["http"]})}, "files.0.source.$type: found ['http']; "),
    ({"files": a_file(source={"$type": "http", "url": "x"})}, f"files.0.source.url: found 'x'; {URL}"),
    ({"files": a_file(source={"$type": "google_drive"})}, "files.0.source.id: is missing"),
    ({"files": a_file(source={"$type": "google_drive", "id": "a b"})}, "files.0.source.id: found 'a b'; "),
    ({"files": a_file(mirrors="https://example.com/x")}, "files.0.mirrors: found 'https://example.com/x'; must be a "),
    ({"files": a_file(mirrors=["https://example.com/x", "y"])}, f"files.0.mirrors.1: found 'y'; {URL}"),
    ({"files": a_file(mirrors=[{"$type": "bundled"}])}, "files.0.mirrors.0.$type: found 'bundled'; allowed: "),
    ({"files": a_file(original_source={"$type": "bundled"})}, "files.0.original_source.$type: found 'bundled'; "),
    # postprocessing
    ({"postprocessing": ["unpack"]}, "postprocessing.0: found 'unpack'; must have keys and values"),
    ({"postprocessing": a_step(**{"$type": None})}, "postprocessing.0.$type: is missing"),
    ({"postprocessing": a_step(file="../x")}, f"postprocessing.0.file: found '../x'; {INSIDE}"),
    ({"postprocessing": a_step(pattern=None)}, "postprocessing.0.pattern: is missing"),
    (
        {"postprocessing": a_step(pattern="(")},
        "postprocessing.0.pattern: found '('; is not a valid regular expression",
    ),
    (
        {"postprocessing": a_step(pattern="(?\nx)")},
        r"postprocessing.0.pattern: found '(?\nx)'; is not a valid regul",
    ),
    ({"postprocessing": a_step(pattern="(" * 5000 + ")" * 5000)}, "postprocessing.0.pattern: found '((("),
    ({"postprocessing": a_step(pattern="a{99999999999999}")}, "postprocessing.0.pattern: found 'a{99999999999999}'; "),
    ({"postprocessing": a_step(replacement="\\1")}, "postprocessing.0: found {"),
    ({"postprocessing": a_step(replacement="\\g<x>")}, "postprocessing.0: found {"),
    ({"postprocessing": a_step() + a_step(count=-1)}, "postprocessing.1.count: found -1; "),
    ({"postprocessing": a_step(count=True)}, "postprocessing.0.count: found True; "),
    (
        {"postprocessing": [{"$type": "unpack_archive", "file": "x", "format": "rar"}]},
        "postprocessing.0.format: found 'rar'; did you mean tar? allowed: bztar, gztar, tar, xztar, zip",
    ),
    # inputs
    ({"input_info": [{"shape": [1]}]}, "input_info.0.name: is missing"),
    ({"input_info": [{"name": "a"}, {"name": 5}]}, "input_info.1.name: found 5; must be text"),
    ({"input_info": [{"name": "a", "shape": "1,3"}]}, "input_info.0.shape: found '1,3'; must be a list"),
    ({"input_info": [{"name": "a", "shape": [1, "?"]}]}, "input_info.0.shape.1: found '?'; "),
    ({"input_info": [{"name": "a", "shape": [1, True]}]}, "input_info.0.shape.1: found True; "),
    ({"input_info": [{"name": "a", "shape": [-2]}]}, "input_info.0.shape.0: found -2; "),
    ({"input_info": [{"name": "a", "layout": "n[c]"}]}, "input_info.0.layout: found 'n[c]'; "),
    (
        {"input_info": [{"name": "src", "shape": [1, 3], "layout": "NCHW"}]},
        "input_info.0: found {'layout': 'NCHW', 'name': 'src', 'shape': [1, 3]}; "
        "layout NCHW has 4 letters for the 2 dimensions of shape",
    ),
    # arguments
    ({"model_optimizer_args": None}, "framework onnx needs model_optimizer_args"),
    ({"model_optimizer_args": []}, "framework onnx needs model_optimizer_args"),
    ({"model_optimizer_args": "--scale=2"}, "model_optimizer_args: found '--scale=2'; must be a list"),
    ({"model_optimizer_args": ["--scale", 2]}, "model_optimizer_args.1: found 2; must be text"),
    ({"framework": "pytorch"}, "framework pytorch needs conversion_to_onnx_args"),
    ({"framework": "mindspore"}, "framework mindspore needs conversion_to_onnx_args"),
    ({"conversion_to_onnx_args": EXPORT}, "framework onnx takes no conversion_to_onnx_args"),
    ({"framework": "tf", "conversion_to_onnx_args": EXPORT}, "framework tf takes no conversion_to_onnx_args"),
    ({"framework": "dldt", "conversion_to_onnx_args": EXPORT}, "framework dldt takes no conversion_to_onnx_args"),
    # what programs want to know
    ({"model_info": ["ssd"]}, "model_info: found ['ssd']; must have keys and values"),
    ({"model_info": {"model_type": 5}}, "model_info.model_type: found 5; must be text"),
    ({"model_info": {"confidence_threshold": -0.5}}, "model_info.confidence_threshold: found -0.5; "),
    ({"model_info": {"confidence_threshold": "0.5"}}, "model_info.confidence_threshold: found '0.5'; "),
    ({"model_info": {"iou_threshold": True}}, "model_info.iou_threshold: found True; "),
    ({"model_info": {"iou_threshold": math.inf}}, "model_info.iou_threshold: found inf; "),
    ({"model_info": {"iou_threshold": math.nan}}, "model_info.iou_threshold: found nan; "),
    ({"model_info": {"anchors": 5}}, "model_info.anchors: found 5; must be a list"),
    ({"model_info": {"masks": [0, 1.5]}}, "model_info.masks.1: found 1.5; "),
    ({"model_info": {"labels": ["cat", False]}}, "model_info.labels.1: found False; must be text"),
    # what follows from the folder
    ({"name": "net"}, "name: is set by the folder, not by the card; remove it"),
    ({"subdirectory": "public/net"}, "subdirectory: is set by the folder, not by the card; remove it"),
    ({"composite_model_name": "net"}, "composite_model_name: is set by the folder"),
    ({"folder": "/"}, "folder: is set by the folder"),
    ({"remarks": []}, "remarks: is set by the folder"),
]


@pytest.mark.parametrize(("changes", "expected"), BAD_VALUES, ids=[expected for _, expected in BAD_VALUES])
def test_a_bad_value_is_named_with_its_key_path_what_was_found_and_what_is_allowed(tmp_path, changes, expected):
    assert complaint(write_card(tmp_path, "net", **changes)).startswith(expected)


NEAR_MISSES = [
    ("license:", "licence:", "license: is missing; licence: is not a known key; did you mean license? "),
    ("license:", "licens:", "license: is missing; licens: is not a known key; did you mean license? "),
    ("framework:", "framwork:", "framework: is missing; framwork: is not a known key; did you mean framew"),
    ("files:", "file:", "files: is missing; file: is not a known key; did you mean files? allowed: "),
    ("task_type:", "Task_Type:", "task_type: is missing; Task_Type: is not a known key; did you mean task"),
    ("source: ", "sources: ", "files.0.source: is missing; files.0.sources: is not a known key; did you "),
    ("checksum: ", "sha384: ", "files.0.checksum: is missing; files.0.sha384: is not a known key; allowed:"),
    ("background_matting", "background_mating", "task_type: found 'background_mating'; did you mean background_mattin"),
    ("onnx\nlicense", "pytorh\nlicense", "framework: found 'pytorh'; did you mean pytorch? allowed: caffe, caffe2, d"),
    (
        "source: https://example.com/net.onnx",
        "source: {$type: gogle_drive, id: x}",
        "files.0.source.$type: found 'gogle_drive'; did you mean google_drive? allowed: bundled, google_drive, http",
    ),
    (
        "source: https://example.com/net.onnx",
        "source: {$typ: http, url: 'https://example.com'}",
        "files.0.source.$type: is missing",
    ),
    (
        "source: https://example.com/net.onnx",
        "source: {type: http, url: 'https://example.com'}",
        "files.0.source.$type: is missing; files.0.source.type: is not a known key; did you mean $type? ",
    ),
    (
        f"checksum: {DIGEST}",
        f"checksum: {{$type: sha348, value: {DIGEST}}}",
        "files.0.checksum.$type: found 'sha348'; did you mean sha384? allowed: md5, sha256, sha384",
    ),
    (
        f"checksum: {DIGEST}",
        f"checksum: {{algorithm: sha384, value: {DIGEST}}}",
        "files.0.checksum.$type: is missing; files.0.checksum.algorithm: is not a known key; allowed: $",
    ),
    (
        "model_optimizer_args",
        "postprocessing: [{$type: regex_replce, file: a, pattern: b, replacement: c}]\nmodel_optimizer_args",
        "postprocessing.0.$type: found 'regex_replce'; did you mean regex_replace? allowed: regex_replace, unpack_arch",
    ),
]


@pytest.mark.parametrize(("right", "wrong", "expected"), NEAR_MISSES, ids=[wrong for _, wrong, _ in NEAR_MISSES])
def test_a_typing_error_gets_a_suggestion(tmp_path, right, wrong, expected):
    assert GOOD.count(right) == 1
    assert complaint(write_text(tmp_path, GOOD.replace(right, wrong))).startswith(expected)


def test_what_a_card_may_not_say_is_not_suggested(tmp_path):
    (remark,) = load(write_text(tmp_path, f"{GOOD}folders: x\n")).remarks
    allowed = remark.split("allowed: ")[1].split(", ")
    assert allowed == [
        "conversion_to_onnx_args", "description", "files", "framework", "input_info", "license", "license_kind",
        "model_info", "model_optimizer_args", "output_info", "parity", "postprocessing", "quantizable", "quantized",
        "refine", "rewrite", "task_type", "tested_on_real_weights", "working_size",
    ]  # fmt: skip


def test_all_that_is_wrong_is_told_at_once(tmp_path):
    files = a_file(size=-1) + a_file(name="..", source="x")
    said = complaint(write_card(tmp_path, "net", license=None, task_type="x", files=files, extra=1)).split("; ")
    told = {part.split(":")[0] for part in said}
    assert told >= {"license", "task_type", "files.0.size", "files.1.name", "files.1.source", "extra"}


NOT_YAML = [
    ("", "found nothing where keys and values are expected"),
    ("# only a comment\n", "found nothing where keys and values are expected"),
    ("just words", "found 'just words' where keys and values are expected"),
    ("5", "found 5 where keys and values are expected"),
    ("- a list", "found ['a list'] where keys and values are expected"),
    (f"{GOOD}---\n{GOOD}", "is not valid YAML: expected a single document"),
    (f"{GOOD}key: [unclosed", "is not valid YAML: while parsing"),
    (f"{GOOD}key: 'unclosed", "is not valid YAML: while scanning"),
    ("a: b: c", "is not valid YAML: mapping values are not allowed"),
    (f"\t{GOOD}", "is not valid YAML: while scanning"),
    ("\x00", "is not valid YAML: unacceptable character #x0000"),
    (f"{GOOD}key: *unknown", "is not valid YAML: found undefined alias"),
    (f"{GOOD}? [a, b]\n: c", "is not valid YAML: while constructing a mapping"),
    (
        f"{GOOD}key: !!python/object/apply:os.system [ls]",
        "is not valid YAML: could not determine a constructor for the tag",
    ),
    (f"{GOOD}key: !unknown x", "is not valid YAML: could not determine a constructor for the tag"),
    (f"{GOOD}key: 2020-13-45", "is not valid YAML: '2020-13-45' is not a valid timestamp at line 11, column 6"),
    (f"{GOOD}key: !!int ''", "is not valid YAML: '' is not a valid int at line 11"),
    (f"{GOOD}key: !!float x", "is not valid YAML: 'x' is not a valid float at line 11"),
    (f"{GOOD}key: !!bool maybe", "is not valid YAML: 'maybe' is not a valid bool at line 11"),
    (f"{GOOD}key: !!timestamp today", "is not valid YAML: 'today' is not a valid timestamp at line 11"),
    (f"{GOOD}key: 1{':0' * 400}.0", "is not valid YAML: the number is too large at line 11"),
    (f"{GOOD}key: !!map [a]", "is not valid YAML: expected a mapping node, but found sequence at line 11"),
    (f"{GOOD}key: !!set [a]", "is not valid YAML: expected a mapping node, but found sequence at line 11"),
    ("!!map [a]", "is not valid YAML: expected a mapping node, but found sequence at line 1"),
    (GOOD.replace("size: 1", f"size: {'9' * 5000}"), "is not valid YAML: "),
    (GOOD.replace("size: 1", f"size: 0x{'f' * 5000}"), "is not valid YAML: the number is too large at line 7"),
    (GOOD.replace("size: 1", "size: 9223372036854775808"), "is not valid YAML: the number is too large at line 7"),
    ("[" * 100_000, "is not valid YAML: line 1: more than 50 levels"),
    ("{a: " * 100_000, "is not valid YAML: line 1: more than 50 levels"),
    ("- " * 100_000, "is not valid YAML: line 1: more than 50 levels"),
    ("? " * 100_000, "is not valid YAML: line 1: more than 50 levels"),
    (f"{GOOD}key: {'[' * 100_000}", "is not valid YAML: line 11: more than 50 levels"),
    (GOOD.encode("utf-16"), "is not UTF-8 text (byte 0)"),
    (GOOD.replace("card", "Käse").encode("latin-1"), f"is not UTF-8 text (byte {GOOD.index('card') + 1})"),
    (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "is not UTF-8 text (byte 0)"),
    (f"#{' ' * (4 << 20)}\n{GOOD}", "has more than 1 MB"),
]


@pytest.mark.parametrize(("text", "expected"), NOT_YAML, ids=[f"{n} {said}" for n, (_, said) in enumerate(NOT_YAML)])
def test_what_is_no_card_is_one_line(tmp_path, text, expected):
    assert complaint(write_text(tmp_path, text)).startswith(expected)


def test_a_card_that_holds_itself_or_much_more_than_it_seems_is_refused_in_a_short_line(tmp_path):
    itself = complaint(write_text(tmp_path / "itself", GOOD.replace("A card for a test.", "&a [*a]")))
    assert itself.startswith("grows beyond 10000 values")
    levels = [f"l{level}: &l{level} [{', '.join([f'*l{level - 1}'] * 9)}]" for level in range(1, 10)]
    laughs = GOOD.replace("A card for a test.", "*l9")
    much_more = complaint(write_text(tmp_path / "laughs", "\n".join(["l0: &l0 [ha]", *levels, laughs])))
    assert much_more.startswith("grows beyond 10000 values")
    assert len(much_more) < 200


def test_a_card_that_cannot_be_read_is_one_line(tmp_path):
    (tmp_path / "net").mkdir()
    assert complaint(tmp_path / "net") == "cannot be read: No such file or directory; check the path"
    (tmp_path / "net" / "model.yml").mkdir()
    assert complaint(tmp_path / "net") == "cannot be read: Is a directory; name a file"


@pytest.mark.parametrize("name", ["a b", "näme", "a+b", "a\nb"])
def test_a_folder_whose_name_cannot_be_that_of_a_model(tmp_path, name):
    folder = write_card(tmp_path, name)
    with pytest.raises(CardError) as caught:
        load(folder)
    assert str(caught.value).endswith(": the folder is the model's name, and may have letters, digits and . _ - only")
    assert str(caught.value).isprintable()


def test_an_unknown_key_is_a_remark_wherever_it_is(tmp_path):
    text = GOOD.replace("size: 1", "size: 1\n    original_sorce: https://example.com/x\n    note: x")
    card = load(write_text(tmp_path, f"{text}modelinfo: {{}}\n7: seven\nnull: x\n"))
    file_keys = "allowed: checksum, mirrors, name, original_source, remark, sha256, size, source"
    assert sorted(remark.split("; ")[0] for remark in card.remarks) == [
        "7: is not a known key",
        "None: is not a known key",
        "files.0.note: is not a known key",
        "files.0.original_sorce: is not a known key",
        "modelinfo: is not a known key",
    ]
    assert any("did you mean model_info?" in remark for remark in card.remarks)
    assert any(f"did you mean original_source? {file_keys}" in remark for remark in card.remarks)
    plain = load(write_text(tmp_path / "plain", GOOD))
    assert card.model_copy(update={"folder": plain.folder}) == plain.model_copy(update={"remarks": card.remarks})


def test_unknown_keys_within_a_checksum_a_source_and_a_step_are_remarks(tmp_path):
    card = load(
        write_card(
            tmp_path, "net",
            files=a_file(
                checksum={"$type": "sha384", "value": DIGEST, "salt": 1},
                source={"$type": "http", "url": "https://example.com/x", "proxy": 1},
                mirrors=[{"$type": "google_drive", "id": "x", "size": 2}],
            ),
            postprocessing=a_step(cout=1),
            input_info=[{"name": "a", "shap": [1]}],
            model_info={"label": ["a"]},
        )
    )  # fmt: skip
    assert sorted(remark.split(":")[0] for remark in card.remarks) == [
        "files.0.checksum.salt", "files.0.mirrors.0.size", "files.0.source.proxy", "input_info.0.shap",
        "model_info.label", "postprocessing.0.cout",
    ]  # fmt: skip
    assert card.files[0].checksum.value == DIGEST
    assert card.input_info[0].shape == ()


def test_a_key_that_is_given_twice_is_a_remark_and_the_last_one_counts(tmp_path):
    text = GOOD.replace("size: 1", "size: 1\n    size: 2")
    card = load(write_text(tmp_path, f"{text}description: Another.\n"))
    assert set(card.remarks) == {
        "size: is given twice (line 8); the last one counts",
        "description: is given twice (line 12); the last one counts",
    }
    assert (card.files[0].size, card.description) == (2, "Another.")


def test_keys_cannot_break_the_line_or_steer_the_terminal(tmp_path):
    text = GOOD + "".join(f'"a\\{escape}b": x\n' for escape in ("n", "r", "e", "L", "u202e")) + '"a\\nb": y\n'
    remarks = load(write_text(tmp_path, text)).remarks
    assert len(remarks) == 6
    assert all(remark.isprintable() for remark in remarks)
    names = {remark.split(":")[0] for remark in remarks}
    assert names == {r"a\nb", r"a\rb", r"a\x1bb", r"a\u2028b", r"a\u202eb"}
    files = a_file(name="a\nb")
    assert complaint(write_card(tmp_path, "twice", files=files)) == r"files.0.name: found 'a\nb'; must be printable"


def test_the_remarks_on_a_bad_card_are_part_of_the_error(tmp_path):
    said = complaint(write_text(tmp_path, GOOD.replace("size: 1", "size: -1\n    size: -2") + "lisense: x\n"))
    assert said.startswith("files.0.size: found -2; ")
    assert "size: is given twice (line 8)" in said
    assert "lisense: is not a known key; did you mean license?" in said


def test_a_composite_model_is_read_with_its_stages_in_their_order(tmp_path):
    composite = compose(write_composite(tmp_path, "duo", ["duo-second", "duo-first"]))
    assert (composite.name, composite.composite_model_name) == ("duo", "duo")
    assert composite.path == tmp_path / "duo" / "composite-model.yml"
    assert composite.stages_order == ("duo-second", "duo-first")
    assert [stage.name for stage in composite.stages] == ["duo-second", "duo-first"]
    for stage in composite.stages:
        assert stage.composite_model_name == "duo"
        assert stage.subdirectory == PurePosixPath("public/duo") / stage.name
        assert stage.path == tmp_path / "duo" / stage.name / "model.yml"
    assert composite.remarks == ()


@pytest.mark.parametrize(
    ("order", "present", "expected"),
    [
        (None, ["duo-a"], "stages_order: is missing"),
        ([], [], "stages_order: is empty; list the stages"),
        ([], ["duo-a"], "stages_order: duo-a is left out; add it; stages_order: is empty; list the stages"),
        ("duo-a", ["duo-a"], "stages_order: found 'duo-a'; must be a list"),
        ([5], ["duo-a"], "stages_order.0: found 5; must be text"),
        (["duo-a"], ["duo-a", "duo-b"], "stages_order: duo-b is left out; add it"),
        (["duo-a", "duo-a"], ["duo-a"], "stages_order: duo-a is listed twice"),
        (
            ["duo-a", "duo-bb"],
            ["duo-a", "duo-b"],
            "stages_order: duo-b is left out; add it; "
            "stages_order: there is no stage duo-bb; did you mean duo-b? allowed: duo-a, duo-b",
        ),
        (["zzz\nzzz"], [], r"stages_order: there is no stage zzz\nzzz; allowed: none"),
        (["duo-a", "encoder"], ["duo-a", "encoder"], "stage encoder must have a name that starts with duo-"),
        (["duo-a"], ["duo-a", "duo-a/duo-b"], "duo-a/duo-b/model.yml lies too deep"),
        (["duo-a"], ["duo-a", "deep/duo-b"], "deep/duo-b/model.yml lies too deep"),
        (["duo-a"], ["duo-a", "."], "a composite model has no model.yml of its own; remove it"),
    ],
)
def test_a_bad_order_of_stages_is_named(tmp_path, order, present, expected):
    folder = write_composite(tmp_path, "duo", [], stages_order=order)
    for name in present:
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "model.yml").write_text(GOOD)
    said = complaint(folder, compose, "composite-model.yml")
    assert said.startswith(expected)
    assert "allowed: ." not in said


def test_all_that_is_wrong_with_stages_is_told_at_once(tmp_path):
    folder = write_composite(tmp_path, "duo", ["duo-a", "duo-b", "other"])
    order = ["duo-a", "duo-a", "duo-c", "other"]
    content = yaml.safe_load((folder / "composite-model.yml").read_text())
    (folder / "composite-model.yml").write_text(yaml.safe_dump({**content, "stages_order": order}))
    said = complaint(folder, compose, "composite-model.yml")
    assert "duo-b is left out" in said
    assert "duo-a is listed twice" in said
    assert "there is no stage duo-c" in said
    assert "stage other must have a name that starts with duo-" in said


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"description": None}, "description: is missing"),
        ({"framework": "kaffe"}, "framework: found 'kaffe'; did you mean caffe? "),
        ({"task_type": None, "task_typ": "detection"}, "task_type: is missing; task_typ: is not a known key"),
        ({"license": 5}, "license: found 5; must be text"),
        ({"name": "duo"}, "name: is set by the folder, not by the card; remove it"),
        ({"stages": ["duo-a"]}, "stages: is set by the folder, not by the card; remove it"),
    ],
)
def test_a_bad_card_of_a_composite_model_is_named(tmp_path, changes, expected):
    folder = tmp_path / "duo"
    write_composite(tmp_path, "duo", ["duo-a"])
    content = yaml.safe_load((folder / "composite-model.yml").read_text()) | changes
    content = {key: value for key, value in content.items() if value is not None}
    (folder / "composite-model.yml").write_text(yaml.safe_dump(content))
    assert complaint(folder, compose, "composite-model.yml").startswith(expected)


def test_a_key_of_models_is_unknown_to_a_composite_model(tmp_path):
    (remark,) = compose(write_composite(tmp_path, "duo", ["duo-a"], files=[])).remarks
    keys = "description, framework, license, license_kind, stages_order, task_type"
    assert remark == f"files: is not a known key; allowed: {keys}"


def test_a_bad_stage_is_named_by_its_own_file(tmp_path):
    folder = write_composite(tmp_path, "duo", ["duo-a", "duo-b"])
    (folder / "duo-b" / "model.yml").write_text(GOOD.replace("size: 1", "size: -1"))
    assert complaint(folder, compose, "duo-b/model.yml").startswith("files.0.size: found -1; ")


# What follows breaks cards at random. Whatever a card says, it is loaded and can be shown, or refused in one line.

FULL = {
    "description": "A card with everything.",
    "task_type": "background_matting",
    "framework": "pytorch",
    "license": "https://example.com/license",
    "files": [
        {"name": "a.zip", "size": 1, "checksum": DIGEST, "source": "https://example.com/a.zip"},
        {
            "name": "b.pth",
            "size": 2,
            "checksum": {"$type": "sha384", "value": DIGEST},
            "source": {"$type": "http", "url": "https://example.com/b.pth"},
            "mirrors": ["https://example.org/b.pth", {"$type": "google_drive", "id": "x"}],
            "original_source": {"$type": "google_drive", "id": "1a-B_c"},
        },
        {"name": "c.py", "sha256": "0123456789abcdef" * 4, "source": {"$type": "bundled"}},
    ],
    "postprocessing": [
        {"$type": "unpack_archive", "file": "a.zip", "format": "zip"},
        {"$type": "regex_replace", "file": "c.py", "pattern": "(a)", "replacement": r"\1b", "count": 1},
    ],
    "input_info": [{"name": "src", "shape": [1, 3, -1, -1], "layout": "NCHW"}],
    "conversion_to_onnx_args": ["--model-name=Net", "--weights=$dl_dir/b.pth"],
    "model_optimizer_args": ["--input_model=$conv_dir/net.onnx", "--scale=255", "--reverse_input_channels"],
    "model_info": {
        "model_type": "ssd",
        "resize_type": "standard",
        "confidence_threshold": 0.5,
        "iou_threshold": 1,
        "anchors": [1.5, 2],
        "masks": [0, 1],
        "labels": ["cat", "dog"],
    },
    "quantizable": True,
    "quantized": "INT8",
}
OTHER_VALUES = [
    None, True, 0, -1, 5, 10**30, 1.5, math.nan, math.inf, "", "x", "a\nb", "..", "$dl_dir", "$", "https://", "\x1b[31",
    "é" * 100, [], {}, ["x"], [None], {"a": "b"}, {"$type": "http"}, {"$type": None}, {"type": "http"}, [[]], b"\xff",
    datetime.date(2020, 1, 1),
]  # fmt: skip
OTHER_KEYS = ["x", "$type", "type", "name", "files", "size", "", "a\nb", 5, None, True, 1.5, math.nan]
SNIPPETS = [
    "\x00", "\t", "\n", "\r", "\x85", "\u2028", "\ufeff", " ", "- ", "? ", ": ", "{", "}", "[", "]", "'", '"', "|", ">",
    "&a ", "*a", "!!bool ", "!!int ", "!!float ", "!!null ", "!!set ", "!!map ", "!!seq ", "!!omap ", "!!binary ", "#",
    "!!timestamp ", "!!str ", "!x ", "%YAML 9.9\n", "---\n", "...\n", "<<: ", "=", "0x", "1:1", "2020-99-99", "~", "@",
    "`", "\\", "é", "\U0001f600", "[" * 60,
]  # fmt: skip


def every_path(node: object, path: tuple = ()) -> list[tuple]:
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [found for key, value in items for found in [(*path, key), *every_path(value, (*path, key))]]


def parent(content: dict, path: tuple):
    for key in path[:-1]:
        content = content[key]
    return content


@pytest.fixture(scope="session")
def broken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("broken") / "net"
    folder.mkdir()

    def check(text: str | bytes) -> None:
        (folder / "model.yml").write_bytes(text.encode() if isinstance(text, str) else text)
        try:
            card = load(folder)
        except CardError as error:
            message = str(error)
            assert message.startswith(str(folder / "model.yml"))
            assert message.isprintable()
        else:
            assert all(remark.isprintable() for remark in card.remarks)
            assert all(found.line.startswith(str(folder / "model.yml")) for found in lint(card))
            assert all(found.line.isprintable() for found in lint(card))
            json.dumps(card_info(card, details=True), allow_nan=False)

    return check


def test_the_card_with_everything_is_good(tmp_path):
    card = load(write_text(tmp_path, yaml.safe_dump(FULL)))
    assert card.remarks == ()
    assert len(every_path(FULL)) > 50


@pytest.mark.parametrize("path", every_path(FULL), ids=lambda path: ".".join(map(str, path)))
def test_whatever_key_is_left_out(broken, path):
    content = copy.deepcopy(FULL)
    del parent(content, path)[path[-1]]
    broken(yaml.safe_dump(content))


@pytest.mark.parametrize("key", ["description", "task_type", "framework", "license", "files"])
def test_a_required_key_that_is_left_out_is_told(tmp_path, key):
    content = {name: value for name, value in FULL.items() if name != key}
    assert complaint(write_text(tmp_path, yaml.safe_dump(content))) == f"{key}: is missing"


@given(
    changes=st.lists(
        st.tuples(*map(st.sampled_from, (every_path(FULL), OTHER_VALUES, [*OTHER_KEYS, ...]))), min_size=1, max_size=3
    )
)
def test_whatever_values_and_keys_are_replaced(broken, changes):
    content = copy.deepcopy(FULL)
    for path, value, key in changes:
        try:
            holder = parent(content, path)
            if key is ... or not isinstance(holder, dict):
                holder[path[-1]] = copy.deepcopy(value)
            else:
                holder[key] = copy.deepcopy(value)
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took the place away
    broken(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


@given(
    insertions=st.lists(
        st.tuples(st.integers(0, len(yaml.safe_dump(FULL))), st.sampled_from(SNIPPETS) | st.text(max_size=5)),
        min_size=1,
        max_size=4,
    )
)
def test_whatever_text_is_put_in_between(broken, insertions):
    text = yaml.safe_dump(FULL)
    for position, snippet in insertions:
        text = text[:position] + snippet + text[position:]
    broken(text.encode("utf-8", "replace"))


@given(length=st.integers(0, len(yaml.safe_dump(FULL).encode())), rest=st.binary(max_size=20))
def test_wherever_the_file_is_cut_off_and_whatever_follows(broken, length, rest):
    broken(yaml.safe_dump(FULL).encode()[:length] + rest)


@given(content=st.binary(max_size=300) | st.text(max_size=300))
def test_whatever_the_file_holds(broken, content):
    broken(content if isinstance(content, bytes) else content.encode("utf-8", "replace"))


@pytest.mark.parametrize(
    "text",
    [
        GOOD + "".join(f"k{number}: 1\n" for number in range(4000)),
        GOOD + "k: 1\n" * 4000,
        f"files: [{', '.join(['{}'] * 9000)}]\n",
        f"files: [{', '.join(['{a: 1}'] * 3000)}]\n",
        f"files: !!set {{{', '.join(f'k{number}' for number in range(4000))}}}\n",
    ],
    ids=range(5),
)
def test_a_flat_card_with_thousands_of_faults_is_a_short_line(tmp_path, text):
    path = write_text(tmp_path, text)
    try:
        remarks = "; ".join(load_card(path, PurePosixPath("public") / path.name).remarks)
    except CardError as error:
        remarks = str(error)
    assert len(remarks) < 20_000
    assert "and so on" in remarks
