from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from builders import write_card

from omz.errors import CardError
from omz.zoo.card import load_card


def load(folder: Path):
    return load_card(folder, PurePosixPath("public") / folder.name)


def test_a_card_is_read(tmp_path):
    card = load(write_card(tmp_path, "net"))
    assert card.name == "net"
    assert card.files[0].source.url == "https://example.com/net.onnx"
    assert card.file_path(card.files[0], Path("/dl")) == Path("/dl/public/net/net.onnx")


def test_a_bundled_file_lies_in_the_cards_folder(tmp_path):
    file = {"name": "w.safetensors", "size": 1, "checksum": "0" * 96, "source": {"$type": "bundled"}}
    card = load(write_card(tmp_path, "net", files=[file]))
    assert card.file_path(card.files[0], Path("/dl")) == tmp_path / "net" / "w.safetensors"


def test_variables_are_substituted(tmp_path):
    card = load(write_card(tmp_path, "net"))
    arguments = card.substitute(("$dl_dir/a", "$conv_dir/b", "$config_dir/c"), Path("/dl"), Path("/out"))
    assert arguments == ("/dl/public/net/a", "/out/public/net/b", f"{tmp_path}/net/c")
    with pytest.raises(CardError, match="mo_dir"):
        card.substitute(("$mo_dir/extensions",), Path(), Path())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task_type": None}, "task_type: Field required"),
        ({"task_type": "detection"}, "task_type"),
        ({"framework": "caffe"}, "framework"),
        ({"descripton": "a typing error"}, "descripton"),
        ({"files": [{"name": "../net.onnx", "size": 1, "checksum": "0" * 96, "source": "x"}]}, "files.0.name"),
        ({"files": [{"name": "net.onnx", "size": -1, "checksum": "0" * 96, "source": "x"}]}, "files.0.size"),
        ({"files": [{"name": "net.onnx", "size": True, "checksum": "0" * 96, "source": "x"}]}, "files.0.size"),
        ({"files": [{"name": "net.onnx", "size": 1, "checksum": "0" * 95, "source": "x"}]}, "files.0.checksum"),
        ({"files": [{"name": "n", "size": 1, "checksum": "0" * 96, "source": {"$type": "ftp"}}]}, "files.0.source"),
        ({"input_info": [{"name": "src", "shape": [1, 3], "layout": "NCHW"}]}, "input_info.0"),
        ({"framework": "pytorch"}, "conversion_to_onnx_args"),
        ({"conversion_to_onnx_args": ["--weights=x"]}, "conversion_to_onnx_args"),
        ({"name": "net"}, "'name' is taken from the folder"),
    ],
)
def test_a_bad_card_is_one_line_with_file_and_key(tmp_path, changes, message):
    folder = write_card(tmp_path, "net", **changes)
    with pytest.raises(CardError) as caught:
        load(folder)
    assert str(folder / "model.yml") in str(caught.value)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ["", "- a list", "key: [unclosed", "a: b: c", "\x00"])
def test_what_is_no_card_is_one_line(tmp_path, content):
    folder = write_card(tmp_path, "net")
    (folder / "model.yml").write_text(content)
    with pytest.raises(CardError) as caught:
        load(folder)
    assert str(folder / "model.yml") in str(caught.value)
    assert "\n" not in str(caught.value)
