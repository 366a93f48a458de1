"""``omz_info_dumper --new``: from a file to a card that is checked, and converted."""

from __future__ import annotations

import hashlib
from pathlib import Path

import click
import numpy as np
import onnx
import pytest
from click.testing import CliRunner, Result
from helpers.builders import heavy_model, small_model, write_card, write_companions, write_composite
from helpers.matting_networks import save_recurrent, save_two_pictures
from helpers.role_networks import Presentation, save_presented, true_alpha

import omz
from omz.cli import converter, downloader, info_dumper
from omz.zoo import Catalog


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.delenv("OMZ_MODELS_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "zoo").mkdir()


def run(command: click.Command, *arguments: object, **others: object) -> Result:
    result = CliRunner().invoke(command, [str(argument) for argument in arguments], catch_exceptions=False, **others)
    assert "Traceback" not in result.output
    return result


def new(*arguments: object, **others: object) -> Result:
    return run(info_dumper.main, "--new", *arguments, **others)


def lint(*arguments: object) -> Result:
    return run(info_dumper.main, "--lint", *arguments)


def everything(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_the_card_of_a_file_is_good_at_once_and_converts(tmp_path):
    small_model(tmp_path / "net.onnx")
    result = new("my-model", "--file", "net.onnx", "--models_dir", "zoo")
    assert result.exit_code == 0
    assert result.stderr.startswith("warning: roles are not clear, so write them into the card: ")
    assert "gives sum (f32 [1,3,?,?])" in result.stderr
    check = "omz_info_dumper --lint --name my-model --models_dir zoo"
    assert result.stdout == f"zoo/my-model/model.yml: written; fill it in, then check it: {check}\n"
    assert everything(tmp_path / "zoo") == ["my-model/model.yml", "my-model/net.onnx"]
    result = lint(*check.split()[2:])
    assert (result.exit_code, result.stdout) == (0, "1 checked, 0 bad, 1 with warnings\n")
    gaps = [line.split(": ")[2] for line in result.stderr.splitlines()]
    assert gaps == [
        "description",
        "license",
        "no README.md and no accuracy-check.yml beside the card; add what is missing",
    ]
    result = run(converter.main, "--name", "my-model", "--models_dir", "zoo", "-o", "out")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "out" / "public" / "my-model" / "FP16" / "my-model.xml").is_file()


def roles(name: str) -> tuple[dict[str, object], list[dict[str, object]]]:
    card = Catalog(Path("zoo"))[name]
    outputs = [info.model_dump(exclude_defaults=True) for info in card.output_info]
    return {info.name: info.role for info in card.input_info}, outputs


def clipped(path: Path) -> None:
    """Clip alpha and foreground of a network to 0 to 1, as real ones end."""
    model = onnx.load(path)
    for name, value in (("least", 0), ("most", 1)):
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.float32(value), name))
    for node in model.graph.node:
        for index, name in enumerate(node.output):
            if name in ("pha", "fgr"):
                node.output[index] = f"raw_{name}"
    for name in ("pha", "fgr"):
        model.graph.node.append(onnx.helper.make_node("Clip", [f"raw_{name}", "least", "most"], [name]))
    onnx.save(model, path)


def test_roles_that_have_one_answer_are_written_and_hold(tmp_path):
    clipped(save_two_pictures(tmp_path / "two.onnx", 32, 48))
    clipped(save_recurrent(tmp_path / "states.onnx", 32, 48))
    save_presented(tmp_path / "one.onnx", Presentation(name="net/out:0", layout="HW", size=(32, 48)))
    for name in ("two", "states", "one"):
        result = new(name, "--file", f"{name}.onnx", "--models_dir", "zoo")
        assert (result.exit_code, result.stderr) == (0, ""), result.output
        assert lint("--name", name, "--models_dir", "zoo").exit_code == 0
    pair = [{"name": "pha", "role": "alpha"}, {"name": "fgr", "role": "foreground"}]
    assert roles("two") == ({"src": "picture", "bgr": "plate"}, pair)
    states = [{"name": f"rr{number}", "role": "state", "input": f"r{number}"} for number in range(1, 5)]
    inputs = {"src": "picture", **{f"r{number}": "state" for number in range(1, 5)}}
    assert roles("states") == (inputs, [*pair, *states])
    assert roles("one") == ({"image": "picture"}, [{"name": "net/out:0", "role": "alpha", "layout": "HW"}])
    result = run(converter.main, "--name", "two,states,one", "--models_dir", "zoo", "-o", "out", "--precisions", "FP32")
    assert result.exit_code == 0, result.output
    picture = np.random.default_rng(0).integers(0, 256, (32, 48, 3), np.uint8)
    alpha = omz.MattingModel(tmp_path / "out/public/one/FP32/one.xml", precision="f32")(picture).alpha
    np.testing.assert_allclose(alpha, true_alpha(picture), atol=1e-4)


@pytest.mark.parametrize("form", [{"extra": 1}, {"kind": "softmax", "channels": 2}, {"kind": "logit"}])
def test_roles_that_are_not_clear_are_for_the_author_to_write(tmp_path, form):
    save_presented(tmp_path / "net.onnx", Presentation(**form))
    result = new("net", "--file", "net.onnx", "--models_dir", "zoo")
    assert (result.exit_code, result.stderr.count("\n")) == (0, 1)
    assert result.stderr.startswith("warning: roles are not clear, so write them into the card: ")
    assert "gives out (f32" in result.stderr
    assert roles("net") == ({"image": None}, [])
    path = tmp_path / "zoo" / "net" / "model.yml"
    filled = path.read_text().replace("    # role: picture", "    role: picture")
    head, _, commented = filled.partition("# output_info:\n")
    block, _, rest = commented.partition("model_optimizer_args")
    block = "".join(block.splitlines(keepends=True)[:4])  # the first output
    block = block.replace("#   - ", "  - ").replace("#     ", "    ")
    path.write_text(f"{head}output_info:\n{block}model_optimizer_args{rest}")
    assert roles("net")[0] == {"image": "picture"}
    assert roles("net")[1][0]["role"] == "alpha"


def test_a_file_with_an_address_is_downloaded_and_converts(tmp_path):
    source = heavy_model(tmp_path / "zoo" / "files" / "net.onnx", 1000)
    onnx.save_model(
        onnx.load(source), source, save_as_external_data=True, location="net.data", size_threshold=0
    )  # the weights go to a file beside it
    result = new("my-model", "--file", source, "--url", source.as_uri(), "--models_dir", "zoo")
    assert result.exit_code == 0, result.output
    assert everything(tmp_path / "zoo" / "my-model") == ["model.yml"]
    assert [file.name for file in Catalog(Path("zoo"))["my-model"].files] == ["net.onnx", "net.data"]
    asked = ("--name", "my-model", "--models_dir", "zoo", "-o", "out")
    assert lint(*asked[:4]).exit_code == 0
    for command in (downloader.main, converter.main):
        result = run(command, *asked, *(() if command is downloader.main else ("-d", "out")))
        assert result.exit_code == 0, result.output


def test_the_weights_beside_an_onnx_file_ship_with_it(tmp_path):
    source = heavy_model(tmp_path / "net.onnx", 1000)
    onnx.save_model(onnx.load(source), source, save_as_external_data=True, location="net.data", size_threshold=0)
    assert new("my-model", "--file", "net.onnx", "--models_dir", "zoo").exit_code == 0
    assert everything(tmp_path / "zoo") == ["my-model/model.yml", "my-model/net.data", "my-model/net.onnx"]
    assert lint("--name", "my-model", "--models_dir", "zoo").exit_code == 0
    (tmp_path / "net.data").unlink()
    result = new("other", "--file", "net.onnx", "--models_dir", "zoo")
    assert result.exit_code == 1
    assert "net.onnx keeps weights in net.data, which is missing" in result.stderr
    assert not (tmp_path / "zoo" / "other").exists()


def test_a_card_without_a_file_has_gaps_that_lint_tells(tmp_path):
    result = new("my-model")
    assert (result.exit_code, result.stderr) == (0, "")
    assert everything(tmp_path) == ["my-model/model.yml"]
    result = lint("--name", "my-model", "--models_dir", ".")
    assert result.exit_code == 1
    path = tmp_path / "my-model" / "model.yml"
    assert result.stdout.splitlines() == [
        f"{path}: files.0.source: is still FILL_IN; write the address of the file",
        f"{path}: files.0.checksum: is all zeros; write the SHA-384 of the file, and its size",
        "1 checked, 1 bad, 1 with warnings",
    ]
    text = path.read_text()
    for gap, value in (
        ("description: FILL_IN", "description: A model."),
        ("license: FILL_IN", "license: https://example.com/license"),
        ("https://example.com/FILL_IN", "https://example.com/net.onnx"),
        ("0" * 96, hashlib.sha384(b"x").hexdigest()),
    ):
        assert gap in text
        text = text.replace(gap, value)
    path.write_text(text)
    write_companions(path.parent)
    result = lint("--name", "my-model", "--models_dir", ".")
    assert (result.exit_code, result.output) == (0, "1 checked, 0 bad\n")


def test_an_address_alone_gives_name_and_source(tmp_path):
    assert new("my-model", "--url", "https://example.com/a/net%20v2.pth?raw=1").exit_code == 0
    card = Catalog(tmp_path)["my-model"]
    assert (card.framework, card.files[0].name) == ("pytorch", "net v2.pth")
    assert card.files[0].urls == ("https://example.com/a/net%20v2.pth?raw=1",)


def test_the_environment_says_where_the_cards_are(tmp_path):
    assert new("my-model", env={"OMZ_MODELS_DIR": str(tmp_path / "zoo")}).exit_code == 0
    assert everything(tmp_path) == ["zoo/my-model/model.yml"]


def test_in_a_checkout_of_a_zoo_the_card_goes_where_it_is_found(tmp_path):
    (tmp_path / "checkout" / "models" / "public").mkdir(parents=True)
    assert new("my-model", "--models_dir", "checkout").exit_code == 0
    assert everything(tmp_path) == ["checkout/models/my-model/model.yml"]
    assert "my-model" in Catalog(tmp_path / "checkout")


def test_a_card_is_never_overwritten(tmp_path):
    assert new("my-model").exit_code == 0
    before = (tmp_path / "my-model" / "model.yml").read_bytes()
    small_model(tmp_path / "net.onnx")
    result = new("my-model", "--file", "net.onnx")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"main: error: a model is called my-model already, in {tmp_path}/my-model; edit its card, or choose another "
        "name\n"
    )
    assert (tmp_path / "my-model" / "model.yml").read_bytes() == before
    assert everything(tmp_path) == ["my-model/model.yml", "net.onnx"]


@pytest.mark.parametrize("folder", ["public/mm", "mm", "intel/deep/mm", "duo/mm"])
def test_a_name_that_a_model_has_in_another_folder_is_refused(tmp_path, folder):
    if folder.startswith("duo/"):
        write_composite(tmp_path, "duo", ["mm"])
    else:
        write_card(tmp_path, folder)
    before = everything(tmp_path)
    result = new("mm", "--models_dir", ".")
    assert (result.exit_code, result.stdout) == (1, "")
    where = f"{tmp_path}/{folder}"
    assert result.stderr == (
        f"main: error: a model is called mm already, in {where}; edit its card, or choose another name\n"
    )
    assert everything(tmp_path) == before


def test_a_name_of_a_model_of_the_package_is_told_to_be_hidden(tmp_path):
    result = new("background-matting-starter", "--models_dir", "zoo")
    assert result.exit_code == 0
    assert result.stdout.startswith("zoo/background-matting-starter/model.yml: written; ")
    expected = "warning: with --models_dir zoo, it hides the model background-matting-starter of the package\n"
    assert result.stderr == expected
    assert Catalog(tmp_path / "zoo").file("background-matting-starter").is_relative_to(tmp_path)
    again = new("background-matting-starter", "--models_dir", "zoo")
    assert (again.exit_code, again.stdout) == (1, "")


def test_a_folder_of_cards_that_is_not_there_is_refused_as_by_every_other_command(tmp_path):
    result, other = (
        new("mm", "--models_dir", "no/such/dir"),
        run(info_dumper.main, "--all", "--models_dir", "no/such/dir"),
    )
    assert (result.exit_code, result.stdout, result.stderr) == (other.exit_code, "", other.stderr)
    assert result.exit_code == 1
    assert "no/such/dir is not a folder" in result.stderr
    assert not (tmp_path / "no").exists()


def test_a_file_in_the_place_of_the_new_folder_is_told_with_a_remedy(tmp_path):
    (tmp_path / "ff").touch()
    result = new("ff")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "main: error: ff is there already, and is not a folder; move it, or choose another name\n"


@pytest.mark.parametrize(
    "arguments",
    [
        [""], ["a b"], ["a/b"], ["../a"], [".."], ["a" * 300], ["-x"], ["foo.xml"], ["CON"], ["a."],
        ["net", "--lint"], ["net", "--all"], ["net", "--name", "net"], ["net", "--details"],
        ["net", "--url", "nonsense"], ["net", "--file", "net.txt"], ["net", "--file", "absent.onnx"],
        ["net", "--file", "."], ["net", "--url", "https://example.com/net.xml"],
        ["net", "--models_dir", "a", "--models_dir", "b"],
    ],
)  # fmt: skip
def test_wrong_usage_has_exit_code_2_and_writes_nothing(tmp_path, arguments):
    (tmp_path / "net.txt").touch()
    result = new(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1].split("rror: ")[1]
    assert everything(tmp_path) == ["net.txt"]


@pytest.mark.parametrize("flags", [["--file", "net.onnx"], ["--url", "https://example.com/x"]])
def test_flags_of_a_new_card_alone_are_wrong_usage(tmp_path, flags):
    small_model(tmp_path / "net.onnx")
    result = run(info_dumper.main, "--all", *flags)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "main: error: --file and --url belong to --new NAME\n"


def test_a_file_that_is_not_onnx_and_a_folder_that_cannot_be_written_are_one_line(tmp_path):
    (tmp_path / "net.onnx").write_text("no model")
    result = new("net", "--file", "net.onnx")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    result = new("net", "--models_dir", "net.onnx")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert everything(tmp_path) == ["net.onnx"]
