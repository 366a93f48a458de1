from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from builders import write_card

from omz.checksum import sha384
from omz.errors import CardError
from omz.zoo import Catalog
from omz.zoo.card import BundledSource


def test_the_zoo_that_comes_with_the_package():
    assert list(Catalog()) == ["background-matting-mobilenetv2", "background-matting-starter"]
    for name in Catalog():
        card = Catalog()[name]
        assert card.subdirectory == PurePosixPath("public") / name
        for document in ("README.md", "accuracy-check.yml"):
            assert (card.folder / document).is_file()


def test_bundled_files_are_those_of_the_card():
    for name in Catalog():
        card = Catalog()[name]
        for file in card.files:
            if isinstance(file.source, BundledSource):
                path = card.file_path(file, Path())
                assert path.stat().st_size == file.size
                assert path.stat().st_size <= 2_000_000
                assert sha384(path) == file.checksum


def test_the_published_card_says_what_open_model_zoo_says():
    card = Catalog()["background-matting-mobilenetv2"]
    (file,) = card.files
    assert (file.name, file.size) == ("bgm_mobilenetv2.onnx", 20_006_715)
    assert file.checksum == (
        "3fc7bad659149e3e9e0feb4ef531c177ab158e5bbcfdabba9952c3832053f353d23560ff488aeae857245734ef639e6b"
    )
    assert [(info.name, info.shape, info.layout) for info in card.input_info] == [
        ("src", (1, 3, 720, 1280), "NCHW"),
        ("bgr", (1, 3, 720, 1280), "NCHW"),
    ]


def test_a_name_that_is_not_there_gets_a_suggestion():
    with pytest.raises(CardError, match="did you mean background-matting-starter"):
        Catalog()["background-matting-startr"]
    with pytest.raises(CardError, match="there are: background-matting-mobilenetv2"):
        Catalog()["zzz"]


def test_a_bad_card_does_not_hide_the_others(tmp_path):
    write_card(tmp_path, "good")
    write_card(tmp_path, "bad", framework="caffe")
    catalog = Catalog(tmp_path)
    assert list(catalog) == ["bad", "good"]
    assert catalog["good"].name == "good"
    with pytest.raises(CardError, match="bad"):
        catalog["bad"]


def test_the_subdirectory_is_the_folder_below_the_root(tmp_path):
    write_card(tmp_path / "intel", "one")
    write_card(tmp_path, "two")
    assert Catalog(tmp_path)["one"].subdirectory == PurePosixPath("intel/one")
    assert Catalog(tmp_path)["two"].subdirectory == PurePosixPath("public/two")
