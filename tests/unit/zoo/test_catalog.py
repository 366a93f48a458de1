from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from helpers.builders import own_names, write_card, write_composite

from omz.errors import CardError
from omz.zoo import Catalog, CompositeCard
from omz.zoo.model_file import BundledSource


def test_the_zoo_that_comes_with_the_package():
    assert list(Catalog()) == OWN
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
                assert file.checksum.matches(path)


def test_the_published_card_says_what_open_model_zoo_says():
    card = Catalog()["background-matting-mobilenetv2"]
    (file,) = card.files
    assert (file.name, file.size) == ("bgm_mobilenetv2.onnx", 20_006_715)
    assert file.checksum.value == (
        "3fc7bad659149e3e9e0feb4ef531c177ab158e5bbcfdabba9952c3832053f353d23560ff488aeae857245734ef639e6b"
    )
    assert [(info.name, info.shape, info.layout) for info in card.input_info] == [
        ("src", (1, 3, 720, 1280), "NCHW"),
        ("bgr", (1, 3, 720, 1280), "NCHW"),
    ]


def test_a_name_that_is_not_there_gets_a_suggestion():
    with pytest.raises(CardError, match="did you mean background-matting-starter"):
        Catalog()["background-matting-startr"]
    with pytest.raises(CardError, match=f"there are: {OWN[0]}"):
        Catalog()["zzz"]


@pytest.mark.parametrize("ask", [Catalog.load, lambda catalog, name: catalog.select([name])])
def test_who_asks_for_a_model_of_open_model_zoo_learns_how_to_add_it(tmp_path, ask):
    with pytest.raises(CardError) as caught:
        ask(Catalog(), "resnet-50-pytorch")
    assert "--models_dir" in str(caught.value)
    assert "\n" not in str(caught.value)

    write_card(tmp_path / "models" / "public", "resnet-50-pytorch")
    ask(Catalog(tmp_path), "resnet-50-pytorch")
    with pytest.raises(CardError) as caught:  # whose checkout it is already knows
        ask(Catalog(tmp_path), "inception-v9")
    assert "--models_dir" not in str(caught.value)


OWN = own_names()


def test_a_bad_card_does_not_hide_the_others(tmp_path):
    write_card(tmp_path, "good")
    write_card(tmp_path, "bad", framework="kaffe")
    catalog = Catalog(tmp_path)
    assert list(catalog) == sorted([*OWN, "bad", "good"])
    assert catalog["good"].name == "good"
    with pytest.raises(CardError, match=r"bad/model\.yml: framework: found 'kaffe'"):
        catalog["bad"]


def test_the_subdirectory_is_the_folder_below_the_root(tmp_path):
    write_card(tmp_path / "intel", "one")
    write_card(tmp_path / "public" / "deep", "two")
    write_card(tmp_path, "three")
    catalog = Catalog(tmp_path)
    assert catalog["one"].subdirectory == PurePosixPath("intel/one")
    assert catalog["two"].subdirectory == PurePosixPath("public/deep/two")
    assert catalog["three"].subdirectory == PurePosixPath("public/three")


def test_a_root_may_be_relative(tmp_path, monkeypatch):
    write_card(tmp_path / "zoo", "net")
    monkeypatch.chdir(tmp_path)
    card = Catalog(Path("zoo"))["net"]
    assert (card.folder, card.subdirectory) == (tmp_path / "zoo" / "net", PurePosixPath("public/net"))


def test_an_earlier_root_hides_later_ones_and_the_packages_own_comes_last(tmp_path):
    write_card(tmp_path / "first", "net", description="first")
    write_card(tmp_path / "second", "net", description="second")
    write_card(tmp_path / "second", "background-matting-starter", description="second")
    catalog = Catalog(tmp_path / "first", tmp_path / "second")
    assert list(catalog) == sorted([*OWN, "net"])
    assert catalog["net"].description == "first"
    assert catalog["background-matting-starter"].description == "second"
    assert catalog["background-matting-mobilenetv2"] == Catalog()["background-matting-mobilenetv2"]
    assert Catalog(tmp_path / "second", tmp_path / "first")["net"].description == "second"


def test_the_same_root_twice_is_as_good_as_once(tmp_path):
    write_card(tmp_path, "net")
    assert Catalog(tmp_path, tmp_path)["net"] == Catalog(tmp_path)["net"]


def test_a_root_may_be_a_checkout_that_keeps_its_cards_in_models(tmp_path):
    write_card(tmp_path / "models" / "public", "net")
    write_card(tmp_path / "models" / "intel", "other")
    write_card(tmp_path / "tests" / "data", "decoy")
    catalog = Catalog(tmp_path)
    assert list(catalog) == sorted([*OWN, "net", "other"])
    assert catalog["net"].subdirectory == PurePosixPath("public/net")
    assert catalog["other"].subdirectory == PurePosixPath("intel/other")
    assert Catalog(tmp_path / "models")["net"] == catalog["net"]


def test_a_model_may_be_called_models(tmp_path):
    write_card(tmp_path, "models")
    write_card(tmp_path, "net")
    assert list(Catalog(tmp_path)) == sorted([*OWN, "models", "net"])


def test_a_root_without_cards_adds_nothing(tmp_path):
    assert list(Catalog(tmp_path)) == OWN


def test_a_root_that_is_no_folder_is_refused(tmp_path):
    (tmp_path / "file").touch()
    for root in (tmp_path / "missing", tmp_path / "file"):
        with pytest.raises(CardError) as caught:
            Catalog(root)
        assert str(caught.value) == (
            f"{root} is not a folder; --models_dir and OMZ_MODELS_DIR take folders with model cards"
        )


def test_two_models_of_one_name_in_one_root_are_an_error_once_one_is_asked_for(tmp_path):
    write_card(tmp_path / "intel", "net")
    write_card(tmp_path / "public", "net")
    write_card(tmp_path / "public", "other")
    catalog = Catalog(tmp_path)
    assert list(catalog) == sorted([*OWN, "net", "other"])
    assert catalog["other"].name == "other"
    for ask in (catalog.load, catalog.__getitem__):
        with pytest.raises(CardError) as caught:
            ask("net")
        assert str(caught.value) == (
            f"two models are called net, in {tmp_path}/intel/net and {tmp_path}/public/net; rename one"
        )


def test_a_stage_and_a_model_of_one_name_in_one_root_are_an_error(tmp_path):
    write_composite(tmp_path, "duo", ["duo-a"])
    write_card(tmp_path / "public", "duo-a")
    with pytest.raises(CardError, match="two models are called duo-a"):
        Catalog(tmp_path).load("duo-a")


def test_two_models_of_one_name_do_not_matter_where_an_earlier_root_hides_both(tmp_path):
    write_card(tmp_path / "first", "net", description="first")
    write_card(tmp_path / "second" / "intel", "net")
    write_card(tmp_path / "second" / "public", "net")
    assert Catalog(tmp_path / "first", tmp_path / "second")["net"].description == "first"


def test_a_composite_model_is_listed_and_its_stages_are_found_by_name(tmp_path):
    write_composite(tmp_path / "intel", "duo", ["duo-b", "duo-a"])
    catalog = Catalog(tmp_path)
    assert list(catalog) == sorted([*OWN, "duo"])
    composite = catalog.load("duo")
    assert isinstance(composite, CompositeCard)
    assert composite.subdirectory == PurePosixPath("intel/duo")
    assert [stage.name for stage in composite.stages] == ["duo-b", "duo-a"]
    assert catalog["duo-a"].composite_model_name == "duo"
    with pytest.raises(CardError, match="duo is made of several models; name one of them: duo-b, duo-a"):
        catalog["duo"]


@pytest.mark.parametrize("below", [".", "intel", "public/deep"])
def test_a_stage_is_the_same_whether_asked_for_alone_or_with_its_composite_model(tmp_path, below):
    write_composite(tmp_path / below, "duo", ["duo-a", "duo-b"])
    catalog = Catalog(tmp_path)
    composite = catalog.load("duo")
    assert isinstance(composite, CompositeCard)
    assert [catalog[stage.name] for stage in composite.stages] == list(composite.stages)
    for stage in composite.stages:
        assert stage.subdirectory == composite.subdirectory / stage.name


def test_a_bad_composite_model_does_not_hide_its_stages(tmp_path):
    write_composite(tmp_path, "duo", ["duo-a"], framework="kaffe")
    catalog = Catalog(tmp_path)
    assert list(catalog) == sorted([*OWN, "duo"])
    assert catalog.select(["duo-*"]) == ["duo-a"]
    assert catalog["duo-a"].name == "duo-a"
    with pytest.raises(CardError, match=r"duo/composite-model\.yml: framework: found 'kaffe'"):
        catalog.load("duo")


@pytest.fixture
def zoo(tmp_path) -> Catalog:
    write_composite(tmp_path, "duo", ["duo-b", "duo-a"])
    for name in ("net-1", "net-2", "Net-3", "net-10"):
        write_card(tmp_path, name)
    return Catalog(tmp_path)


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (["net-2"], ["net-2"]),
        (["net-2", "net-1"], ["net-2", "net-1"]),
        (["net-?"], ["net-1", "net-2"]),
        (["net-[!1]"], ["net-2"]),
        (["net-2", "net-*"], ["net-2", "net-1", "net-10"]),
        (["net-1", "net-1"], ["net-1"]),
        (["Net*"], ["Net-3"]),
        (["[Nn]et-[23]"], ["Net-3", "net-2"]),
        (["duo"], ["duo"]),
        (["duo-a"], ["duo-a"]),
        (["duo-*"], ["duo-b", "duo-a"]),
        (["duo*"], ["duo"]),
        (["duo-a", "duo*", "duo-*"], ["duo-a", "duo", "duo-b"]),
        (["*-a"], ["duo-a"]),
        (["*"], sorted(["Net-3", *OWN, "duo", "net-1", "net-10", "net-2"])),
        ([], []),
    ],
)
def test_patterns_select_in_their_order_each_model_once(zoo, patterns, expected):
    assert zoo.select(patterns) == expected


@pytest.mark.parametrize("pattern", ["zzz", "NET-1", "net", "duo-a*b", "", "net-1 ", "[", "NET*"])
def test_a_pattern_that_matches_nothing_is_an_error(zoo, pattern):
    with pytest.raises(CardError) as caught:
        zoo.select(["net-1", pattern])
    assert str(caught.value).split(";")[0] == f'No matching models: "{pattern}"'


def test_a_pattern_that_nearly_matches_gets_a_suggestion(zoo):
    with pytest.raises(CardError) as caught:
        zoo.select(["background-matting-startr"])
    assert str(caught.value) == (
        'No matching models: "background-matting-startr"; did you mean background-matting-starter?'
    )


def test_a_card_is_found_unread_or_none(tmp_path):
    folder = write_composite(tmp_path, "duo", ["duo-a"])
    catalog = Catalog(tmp_path)
    assert catalog.find("duo") == folder / "composite-model.yml"
    assert catalog.find("duo-a") == folder / "duo-a" / "model.yml"
    assert catalog.find(OWN[0]) == Catalog().file(OWN[0])
    assert catalog.find("du") is None
