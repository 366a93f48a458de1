from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path, PurePosixPath

import onnx
import pytest
from helpers.builders import small_model
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from omz.errors import CardError, ModelFileError, UsageError
from omz.zoo import ModelCard
from omz.zoo.card import InputInfo
from omz.zoo.card_reader import load_card
from omz.zoo.model_file import BundledSource
from omz.zoo.new_card import (
    NewFile,
    NewModel,
    Ports,
    card_text,
    check_name,
    check_url,
    framework_of,
    read_onnx_ports,
    write_card,
)
from omz.zoo.optimizer_arguments import card_arguments

URL = "https://example.com/models/v1/net.onnx"
PRINTABLE = st.characters(exclude_categories=("C", "Z"), exclude_characters="/\\")


def load(folder: Path) -> ModelCard:
    return load_card(folder, PurePosixPath("public") / folder.name)


def new_model(folder: Path, url: str = "") -> NewModel:
    path = small_model(folder / "net.onnx")
    return NewModel("my-net", "onnx", (NewFile("net.onnx", path),), read_onnx_ports(path), url)


@pytest.mark.parametrize(
    "name", ["a", "my-model", "U2.net_p", "4k", "a" * 100, "console", "con-1", "com10", "xml", "a.xml.v2", "a..b"]
)
def test_names_of_letters_digits_and_some_signs_are_good(name):
    check_name(name)


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".hidden", "-x", "a b", "a/b", "a\\b", "/tmp/x", "a\n", "ä", "a:b", "~", "$x",
     "CON", "con", "Nul", "aux.v2", "PRN.onnx", "com1", "LPT9", "a.", "a..", "foo.xml", "foo.XML"],
)  # fmt: skip
def test_other_names_are_wrong_usage(name):
    with pytest.raises(UsageError) as caught:
        check_name(name)
    assert str(caught.value).isprintable()


def test_a_name_that_is_too_long_is_wrong_usage_and_not_repeated():
    with pytest.raises(UsageError, match=r"^--new: the name has 101 letters; a name has at most 100; choose"):
        check_name("a" * 101)


def test_a_framework_follows_from_the_suffix():
    suffixes = [".onnx", ".ONNX", ".pth", ".pt", ".safetensors", ".ckpt"]
    assert [framework_of(Path(f"net{suffix}")) for suffix in suffixes] == [
        "onnx", "onnx", "pytorch", "pytorch", "pytorch", "mindspore",
    ]  # fmt: skip
    with pytest.raises(UsageError, match=r"^net\.xml is not a file that a conversion starts from; such files end in"):
        framework_of(Path("net.xml"))


def test_an_address_must_be_one():
    check_url(URL)
    with pytest.raises(UsageError, match="must be a URL that starts with https://"):
        check_url("example.com/net.onnx")


def save(path: Path, inputs: list[onnx.ValueInfoProto], constants: tuple[onnx.TensorProto, ...] = ()) -> Path:
    nodes = [helper.make_node("Identity", [inputs[0].name], ["out"])]
    outputs = [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)]
    graph = helper.make_graph(nodes, "net", inputs, outputs, constants)
    onnx.save(helper.make_model(graph), path)
    return path


def value(name: str, shape: list[int | str | None] | None) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def test_inputs_and_outputs_of_an_onnx_file(tmp_path):
    inputs = [
        value("picture", [1, 3, 720, "width"]),
        value("frames", [None, "height", 640, 3]),
        value("state", [1, 16, 45, 80]),
        value("token", [1, 0]),
        value("anything", None),
    ]
    assert read_onnx_ports(save(tmp_path / "net.onnx", inputs)) == Ports(
        inputs=(
            InputInfo(name="picture", shape=(1, 3, 720, -1), layout="NCHW"),
            InputInfo(name="frames", shape=(-1, -1, 640, 3), layout="NHWC"),
            InputInfo(name="state", shape=(1, 16, 45, 80)),
            InputInfo(name="token", shape=(1, -1)),
            InputInfo(name="anything"),
        ),
        outputs=("out",),
    )


def test_weights_that_an_old_exporter_lists_as_inputs_are_none(tmp_path):
    weights = helper.make_tensor("w", TensorProto.FLOAT, [1], [2.0])
    path = save(tmp_path / "net.onnx", [value("src", [1, 3, 8, 8]), value("w", [1])], (weights,))
    assert [info.name for info in read_onnx_ports(path).inputs] == ["src"]


@pytest.mark.parametrize("content", [b"", b"no model", b"\x00" * 100])
def test_another_file_is_not_onnx(tmp_path, content):
    (tmp_path / "net.onnx").write_bytes(content)
    with pytest.raises(ModelFileError, match=r"net\.onnx is not an ONNX file"):
        read_onnx_ports(tmp_path / "net.onnx")


def test_a_card_without_an_address_ships_with_its_file(tmp_path):
    path = write_card(new_model(tmp_path), tmp_path / "zoo" / "my-net")
    assert path == tmp_path / "zoo" / "my-net" / "model.yml"
    card = load(path.parent)
    (file,) = card.files
    content = (tmp_path / "net.onnx").read_bytes()
    assert (file.name, file.size, file.source) == ("net.onnx", len(content), BundledSource(**{"$type": "bundled"}))
    assert file.checksum.value == hashlib.sha384(content).hexdigest()
    assert (path.parent / "net.onnx").read_bytes() == content
    assert sorted(each.name for each in path.parent.iterdir()) == ["model.yml", "net.onnx"]
    assert [(info.name, info.shape, info.layout) for info in card.input_info] == [
        ("src", (1, 3, -1, -1), "NCHW"), ("bgr", (1, 3, -1, -1), "NCHW"),
    ]  # fmt: skip
    arguments = card_arguments(card, Path("dl"), Path("out"))
    assert arguments.input_model == path.parent / "net.onnx"
    assert arguments.outputs == ("sum", "double", "inner")


def test_a_card_with_an_address_leaves_its_files_where_they_are(tmp_path):
    model = new_model(tmp_path, URL)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "net.data").write_bytes(b"weights")
    files = (*model.files, NewFile("deep/net.data", tmp_path / "deep" / "net.data"))
    path = write_card(NewModel("my-net", "onnx", files, model.ports, URL), tmp_path / "my-net")
    assert [each.name for each in path.parent.iterdir()] == ["model.yml"]
    card = load(path.parent)
    assert [file.urls for file in card.files] == [(URL,), ("https://example.com/models/v1/deep/net.data",)]
    assert card_arguments(card, Path("dl"), Path("out")).input_model == Path("dl/public/my-net/net.onnx")


@pytest.mark.parametrize(("framework", "suffix"), [("onnx", "onnx"), ("pytorch", "pth"), ("mindspore", "ckpt")])
def test_a_card_of_a_file_that_is_not_at_hand_loads_and_has_gaps(tmp_path, framework, suffix):
    model = NewModel("my-net", framework, (NewFile(f"my-net.{suffix}"),), Ports())
    card = load(write_card(model, tmp_path / "my-net").parent)
    (file,) = card.files
    assert (file.size, file.checksum.value) == (None, "0" * 96)
    assert file.urls == ("https://example.com/FILL_IN",)
    assert bool(card.conversion_to_onnx_args) == (framework != "onnx")


def test_a_card_is_never_overwritten(tmp_path):
    folder = tmp_path / "my-net"
    folder.mkdir()
    (folder / "model.yml").write_text("mine")
    with pytest.raises(CardError, match="is there already; edit it, or choose another name"):
        write_card(new_model(tmp_path), folder)
    assert [(each.name, each.read_text()) for each in folder.iterdir()] == [("model.yml", "mine")]


@pytest.mark.parametrize("is_link", [False, True])
def test_a_file_in_the_place_of_the_folder_is_told(tmp_path, is_link):
    folder = tmp_path / "my-net"
    if is_link:
        folder.symlink_to(tmp_path / "nowhere")
    else:
        folder.write_text("mine")
    with pytest.raises(CardError, match=r"my-net is there already, and is not a folder; move it, or choose another"):
        write_card(new_model(tmp_path), folder)
    assert is_link or folder.read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_one_line_with_a_remedy(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CardError, match=r"cannot be written: .+; choose another --models_dir$"):
        write_card(new_model(tmp_path), tmp_path / "file" / "my-net")


def test_a_file_beside_the_card_is_never_overwritten(tmp_path):
    folder = tmp_path / "my-net"
    folder.mkdir()
    (folder / "net.onnx").write_text("mine")
    with pytest.raises(CardError, match=r"net\.onnx is there already, and differs"):
        write_card(new_model(tmp_path), folder)
    assert [(each.name, each.read_text()) for each in folder.iterdir()] == [("net.onnx", "mine")]


def test_a_file_may_lie_beside_the_card_beforehand(tmp_path):
    folder = tmp_path / "my-net"
    write_card(new_model(folder), folder)
    assert sorted(each.name for each in folder.iterdir()) == ["model.yml", "net.onnx"]


def test_of_what_fails_halfway_nothing_is_left(tmp_path):
    model = new_model(tmp_path)
    small_model(tmp_path / "second.onnx")
    folder = tmp_path / "my-net"
    (folder / "second.onnx").mkdir(parents=True)  # in the way
    files = (*model.files, NewFile("second.onnx", tmp_path / "second.onnx"))
    with pytest.raises((CardError, OSError)):
        write_card(NewModel("my-net", "onnx", files, model.ports), folder)
    assert [each.name for each in folder.iterdir()] == ["second.onnx"]


@given(
    file=st.text(PRINTABLE, min_size=1, max_size=20).filter(lambda text: text.strip(".") and not text.startswith("~")),
    names=st.lists(st.text(PRINTABLE, min_size=1, max_size=20), min_size=1, max_size=3, unique=True),
)
def test_names_of_files_and_inputs_come_back_as_they_were(file, names):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net"
        path.mkdir()
        inputs = tuple(InputInfo(name=name, shape=(1, 3, -1, -1), layout="NCHW") for name in names)
        ports = Ports(inputs, tuple(names))
        (path / "model.yml").write_text(card_text(NewModel("net", "onnx", (NewFile(file),), ports)), encoding="utf-8")
        card = load(path)
        assert card.remarks == ()
        assert [each.name for each in card.files] == [file]
        assert [info.name for info in card.input_info] == names
        first, output = card.substitute(card.model_optimizer_args or (), Path("dl"), Path("out"))
        assert (first, output) == (f"--input_model=dl/public/net/{file}", f"--output={','.join(names)}")
