"""Findings about what the converter would refuse, next to what it does refuse."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from helpers.builders import small_model, write_card, write_companions, write_composite

from omz.convert.converter import carry_out
from omz.convert.lint import lint
from omz.convert.plan import ConversionSettings, plan_conversion
from omz.convert.store import stored_ir
from omz.errors import CardError, ModelFileError, OmzError
from omz.zoo import Catalog
from omz.zoo.model_file import Checksum

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
        write_companions(card.parent)
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


def copy_of_the_starter(root: Path, *changes: tuple[str, str]) -> Path:
    """Copy the starter, without its IR, change the text of its card, and return its folder."""
    folder = root / STARTER
    shutil.copytree(Catalog()[STARTER].folder, folder, ignore=shutil.ignore_patterns("FP16"))
    card = folder / "model.yml"
    text = card.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    text = text.replace("256", "32")  # quicker to trace
    card.write_text(text)
    return folder


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([("omz.networks.plate_matting", "omz.networks.nonexistent")],
         ["--import-module: omz.networks.nonexistent has no pytorch networks; "]),
        ([("--model-name=PlateMatting", "--model-name=PlateMatting\n  - --model-param=fnie=8")],
         ["--model-param: omz.networks.plate_matting.PlateMatting has no parameter fnie; "]),
        ([("--input-names=src,bgr", "--input-names=src")],
         ["the inputs have 1 names (src) and 2 shapes; ", "there is no input bgr, which the card has; "]),
        ([("[1,3,256,256],[1,3,256,256]", "[1,3,256,256]")],
         ["the inputs have 2 names (src, bgr) and 1 shapes; ",
          "--input-shapes: has 1 shapes, but omz.networks.plate_matting.PlateMatting takes src, bgr"]),
        ([("  - name: bgr", "  - name: plate")],
         ["there is no input plate, which the card has; ", "there is an input bgr, which the card leaves out; "]),
        ([("--output=pha", "--output=nope")], ["there is no output nope, which --output has; "]),
        ([("--output-names=pha", "--output-names=alpha")], ["there is no output pha, which --output has; "]),
        ([("    shape: [1, 3, -1, -1]\n    layout: NCHW\n  - name: bgr",
           "    shape: [1, 3, 1, -1, -1]\n    layout: NCDHW\n  - name: bgr")],
         ["the input src has 4 dimensions, but 5 in input_info"]),
        ([("  - --weights=$config_dir/background-matting-starter.safetensors\n", "")],
         ["--weights is missing; "]),
    ],
)  # fmt: skip
def test_arguments_that_do_not_fit_each_other_are_errors_and_are_not_converted(tmp_path, changes, expected):
    assert_contradictions(tmp_path / "zoo", changes, expected)
    settings = ConversionSettings(check="none")
    with pytest.raises(OmzError):
        carry_out(plan_conversion(Catalog(tmp_path / "zoo")[STARTER], tmp_path, tmp_path, settings))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([("--input-names=src,bgr", "--input-names=src,src")],
         ["src is the name of two inputs or outputs; ", "there is no input bgr, which the card has; "]),
        ([("--input-names=src,bgr", "--input-names=src,")],
         ["an input or output has an empty name; ", "there is no input bgr, which the card has; ",
          "there is an input , which the card leaves out; "]),
        ([("  - name: bgr\n    shape: [1, 3, -1, -1]\n    layout: NCHW\n", "")],
         ["there is an input bgr, which the card leaves out; "]),
    ],
)  # fmt: skip
def test_further_arguments_that_do_not_fit_each_other_are_errors(tmp_path, changes, expected):
    assert_contradictions(tmp_path, changes, expected)


def assert_contradictions(root: Path, changes: list[tuple[str, str]], expected: list[str]) -> None:
    """Assert that a changed copy of the starter has errors that begin as expected, and no warnings."""
    copy_of_the_starter(root, *changes)
    errors, warnings = found(root, STARTER)
    told = [line.removeprefix("conversion_to_onnx_args: ") for line in errors]
    assert [line[: len(each)] for line, each in zip(told, expected, strict=True)] == expected
    assert warnings == []


@pytest.mark.parametrize("output", ["/refiner/Concat_output_0", "123", "Concat_7:0"])
def test_an_inner_output_may_be_there(tmp_path, output):
    copy_of_the_starter(tmp_path, ("--output=pha", f"--output=pha,{output}"))
    assert found(tmp_path, STARTER) == ([], [])


def test_an_input_may_be_cut_off_with_outputs(tmp_path):
    arguments = [GOOD, "--output=pha"]
    inputs = [{"name": "src", "shape": [1, 3, 64, 64], "layout": "NCHW"}]
    write_card(
        tmp_path, "net", framework="pytorch", conversion_to_onnx_args=EXPORT, model_optimizer_args=arguments,
        input_info=inputs,
    )  # fmt: skip
    assert found(tmp_path) == ([], [])


def test_a_checkpoint_of_mindspore_ends_in_ckpt(tmp_path):
    arguments = [
        "--network=omz.networks.semantic_human_matting.SemanticHumanMatting", "--weights=$dl_dir/net.onnx",
        "--input_shape=1,3,32,32", "--input_names=image", "--output_names=trimap,alpha",
        "--output_file=$conv_dir/net.onnx",
    ]  # fmt: skip
    inputs = [{"name": "image", "shape": [1, 3, 32, 32], "layout": "NCHW"}]
    write_card(tmp_path, "net", framework="mindspore", conversion_to_onnx_args=arguments, input_info=inputs)
    expected = "conversion_to_onnx_args: --weights: net.onnx must end in .ckpt, as MindSpore demands"
    assert found(tmp_path) == ([expected], [])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, ""),
        ({"input_info": [{"name": "src"}]}, " needs its input bgr, which --input or input_info leave out"),
        ({"input_info": [{"name": "src"}, {"name": "bgr"}, {"name": "nope"}]}, " has no input 'nope'; it has src, bgr"),
        ({"model_optimizer_args": ["--input_model=$config_dir/net.onnx", "--output=nope"]}, " has no output 'nope'; "),
        (
            {"input_info": [{"name": "src", "shape": [1, 3, 8, 8]}, {"name": "bgr", "shape": [1, 3, 9, 9]}]},
            " does not ",
        ),
    ],
)
def test_an_onnx_file_beside_the_card_that_does_not_become_an_ir_is_an_error(tmp_path, changes, reason):
    content = {"model_optimizer_args": ["--input_model=$config_dir/net.onnx"], **changes}
    folder = bundle(tmp_path / "zoo", **content)
    errors, warnings = found(tmp_path / "zoo")
    assert warnings == []
    plan = plan_conversion(Catalog(tmp_path / "zoo")["net"], tmp_path, tmp_path, ConversionSettings(check="none"))
    if not reason:
        assert errors == []
        carry_out(plan)
        return
    (line,) = errors
    assert line.startswith(f"files: {folder}/net.onnx{reason}")
    with pytest.raises(OmzError):
        carry_out(plan)


def test_a_file_beside_the_card_that_is_not_onnx_is_an_error(tmp_path):
    folder = bundle(tmp_path, content=b"nonsense", model_optimizer_args=["--input_model=$config_dir/net.onnx"])
    (line,), _ = found(tmp_path)
    assert line.startswith(f"files: {folder}/net.onnx cannot be read as ONNX: ")


def bundle(root: Path, content: bytes | None = None, **changes: object) -> Path:
    """Write a card that bundles an ONNX file, a real one if there is no ``content``; return its folder."""
    path = small_model(root.parent / "made.onnx")
    if content is not None:
        path.write_bytes(content)
    file = {"name": "net.onnx", "checksum": Checksum.of(path).value, "source": {"$type": "bundled"}}
    folder = write_card(root, "net", files=[file], **changes)
    shutil.copy(path, folder / "net.onnx")
    return folder


@pytest.mark.parametrize(
    ("names", "unused"),
    [
        (["FP16-INT8/{}.xml", "FP16-INT8/{}.bin"], ["FP16-INT8"]),
        (["INT8/{}.xml", "fp16/{}.xml"], ["INT8", "fp16"]),
        (["FP16/other.xml", "FP16/other.bin"], ["FP16/other.bin", "FP16/other.xml"]),
        (["FP32/deep/{}.xml"], ["FP32/deep/{}.xml"]),
        (["{}.xml", "{}.bin"], ["{}.xml"]),
        (["notes.xml", "pictures/a.bin", "FP16/.hidden"], []),
    ],
)
def test_an_ir_where_no_program_looks_for_it_is_an_error(tmp_path, names, unused):
    folder = copy_of_the_starter(tmp_path)
    for name in names:
        path = folder / name.format(STARTER)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("<net>")
    errors, warnings = found(tmp_path, STARTER)
    used = f"an IR that ships is FP16 or FP32/{STARTER}.xml"
    assert errors == [f"nothing uses {name.format(STARTER)}; {used}; move or remove it" for name in unused]
    assert warnings == []


@pytest.mark.parametrize("suffix", ["bin", "json"])
def test_a_part_of_an_ir_without_the_ir_is_an_error(tmp_path, suffix):
    path = copy_of_the_starter(tmp_path) / "FP32" / f"{STARTER}.{suffix}"
    path.parent.mkdir()
    path.touch()
    expected = f"FP32/{STARTER}.{suffix} has no {STARTER}.xml beside it; restore or remove it"
    assert found(tmp_path, STARTER) == ([expected], [])


def test_a_card_that_is_not_converted_ships_no_ir_but_those_listed(tmp_path):
    write_card(tmp_path, "net", framework="tf")
    (tmp_path / "net" / "FP16").mkdir()
    (tmp_path / "net" / "FP16" / "net.xml").touch()
    errors, _ = found(tmp_path)
    assert errors == ["nothing uses FP16; such a card ships no IR; move or remove it"]


def test_the_ir_that_ships_is_used(tmp_path):
    shutil.copytree(Catalog()[STARTER].folder, tmp_path / STARTER)
    assert found(tmp_path, STARTER) == ([], [])
    assert stored_ir(Catalog(tmp_path)[STARTER], tmp_path).is_relative_to(tmp_path / STARTER)


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
