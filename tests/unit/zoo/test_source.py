from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from helpers.builders import write_card

from omz.errors import CardError, ModelFileError
from omz.zoo import Catalog, ModelCard
from omz.zoo.source import check_source

CONTENT = b"weights"
STARTER = "background-matting-starter"


def card_with(root: Path, source: object) -> ModelCard:
    file = {"name": "net.onnx", "size": 7, "checksum": hashlib.sha384(CONTENT).hexdigest(), "source": source}
    write_card(root, "net", files=[file])
    return Catalog(root)["net"]


def test_a_file_that_is_as_on_the_card_has_its_checksum(tmp_path):
    card = card_with(tmp_path, {"$type": "bundled"})
    path = card.folder / "net.onnx"
    path.write_bytes(CONTENT)
    assert check_source(card, path, tmp_path).value == hashlib.sha384(CONTENT).hexdigest()


def test_a_file_that_is_not_on_the_card_is_refused(tmp_path):
    card = card_with(tmp_path, {"$type": "bundled"})
    with pytest.raises(CardError, match=r"files: other\.onnx is used, but not listed"):
        check_source(card, card.folder / "other.onnx", tmp_path)


def test_a_file_of_a_download_is_downloaded_again(tmp_path):
    card = card_with(tmp_path, "https://example.com/net.onnx")
    path = tmp_path / "public" / "net" / "net.onnx"
    with pytest.raises(ModelFileError) as caught:
        check_source(card, path, tmp_path)
    assert str(caught.value) == f"net: {path} is missing; run omz_downloader --name net -o {tmp_path} first"


@pytest.mark.parametrize("content", [None, b"", b"Weights"])
def test_a_file_that_ships_with_a_card_is_restored(tmp_path, content):
    card = card_with(tmp_path, {"$type": "bundled"})
    path = card.folder / "net.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelFileError) as caught:
        check_source(card, path, tmp_path)
    assert str(caught.value).startswith(f"net: {path} ")
    assert str(caught.value).endswith(f"; it ships with its card; restore it in {card.folder}")


def test_a_file_that_ships_with_the_package_comes_back_with_it():
    card = Catalog()[STARTER]
    larger = card.model_copy(update={"files": (card.files[0].model_copy(update={"size": 1}),)})
    with pytest.raises(ModelFileError) as caught:
        check_source(larger, card.folder / f"{STARTER}.safetensors", Path())
    assert str(caught.value).endswith(
        "; it ships with the package; install open-matting-zoo again, or restore the file"
    )
