from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from helpers.builders import published_file, write_card

from omz.download.plan import plan_download
from omz.zoo.card import ModelCard
from omz.zoo.card_reader import load_card

PRECISIONS = {"FP16", "FP16-INT1", "FP16-INT8", "FP32", "FP32-INT1", "FP32-INT8"}
OUT = Path("out")


def card_of(root: Path, *names: str, bundled: tuple[str, ...] = (), **changes: object) -> ModelCard:
    files = [published_file(name, b"1", f"https://example.com/{name}") for name in names]
    files += [published_file(name, b"1", "", source={"$type": "bundled"}) for name in bundled]
    return load_card(write_card(root, "net", files=files, **changes), PurePosixPath("public/net"))


def ir(root: Path, *precisions: str, more: tuple[str, ...] = ()) -> ModelCard:
    names = [f"{precision}/net.{kind}" for precision in precisions for kind in ("xml", "bin")]
    return card_of(root, *names, *more, framework="dldt", model_optimizer_args=None)


def wanted(card: ModelCard, *precisions: str) -> list[str]:
    return [planned.file.name for planned in plan_download(card, OUT, precisions).files]


def test_every_file_goes_below_the_models_folder(tmp_path):
    card = card_of(tmp_path, "net.onnx", "deep/er/net.bin")
    plan = plan_download(card, OUT, PRECISIONS)
    assert (plan.card, plan.folder, plan.skipped, plan.reason) == (card, OUT / "public" / "net", (), None)
    assert [(each.model, each.file, each.target) for each in plan.files] == [
        ("net", card.files[0], OUT / "public" / "net" / "net.onnx"),
        ("net", card.files[1], OUT / "public" / "net" / "deep" / "er" / "net.bin"),
    ]


def test_precisions_choose_among_the_files_of_an_ir(tmp_path):
    card = ir(tmp_path, "FP16", "FP32", "FP16-INT8")
    assert wanted(card, "FP16") == ["FP16/net.xml", "FP16/net.bin"]
    assert wanted(card, "FP16-INT8", "INT4") == ["FP16-INT8/net.xml", "FP16-INT8/net.bin"]
    assert wanted(card, "FP16", "FP32") == ["FP16/net.xml", "FP16/net.bin", "FP32/net.xml", "FP32/net.bin"]
    assert len(wanted(card, *PRECISIONS)) == 6
    assert plan_download(card, OUT, {"FP16", "FP16-INT8"}).skipped == (
        ("FP32/net.xml", "FP32 was not asked for"),
        ("FP32/net.bin", "FP32 was not asked for"),
    )


def test_only_names_of_a_precision_and_a_file_are_chosen_among(tmp_path):
    always = ("FP32", "net.onnx", "fp32/a", "FP32x/a", "FP8/a", "other/a", "other/FP32/a", "FP16-INT8/deep/a")
    card = card_of(tmp_path, *always, "FP16/a", "FP16-INT1/a")
    assert wanted(card, "FP32") == list(always)
    assert wanted(card, "FP16") == [*always, "FP16/a"]
    assert wanted(card, *PRECISIONS) == [*always, "FP16/a", "FP16-INT1/a"]


def test_an_ir_keeps_its_other_files(tmp_path):
    card = ir(tmp_path, "FP16", "FP32", more=("labels.txt", "FP32/deep/a"))
    assert wanted(card, "FP16") == ["FP16/net.xml", "FP16/net.bin", "labels.txt", "FP32/deep/a"]


def test_files_that_ship_with_the_card_are_not_fetched(tmp_path):
    card = card_of(tmp_path, "net.onnx", bundled=("weights.bin", "FP16/a"))
    plan = plan_download(card, OUT, {"FP32"})
    assert [planned.file.name for planned in plan.files] == ["net.onnx"]
    assert plan.skipped == (("weights.bin", "ships with its card"), ("FP16/a", "ships with its card"))
    assert plan.reason is None


def test_a_model_that_ships_with_its_card_has_nothing_to_fetch(tmp_path):
    plan = plan_download(card_of(tmp_path, bundled=("net.onnx",)), OUT, PRECISIONS)
    assert (plan.files, plan.skipped, plan.reason) == ((), (("net.onnx", "ships with its card"),), None)


def test_an_ir_in_none_of_the_precisions_is_skipped(tmp_path):
    plan = plan_download(ir(tmp_path, "FP16", more=("labels.txt",)), OUT, {"FP32", "FP16-INT8"})
    assert (plan.files, plan.skipped) == ((), ())
    assert plan.reason == "the model does not come in FP16-INT8, FP32"
    assert plan.folder == OUT / "public" / "net"


@pytest.mark.parametrize("framework", ["onnx", "tf", "caffe", "mxnet", "paddle"])
def test_a_model_that_is_converted_comes_in_fp16_and_fp32(tmp_path, framework):
    card = card_of(tmp_path, "net.model", framework=framework)
    assert wanted(card, "FP16") == wanted(card, "FP32") == wanted(card, "FP32", "FP16-INT8") == ["net.model"]
    plan = plan_download(card, OUT, {"FP16-INT8"})
    assert (plan.files, plan.reason) == ((), "the model does not come in FP16-INT8")
