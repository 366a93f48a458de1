from __future__ import annotations

import json
from pathlib import PurePosixPath

from helpers.builders import published_file, write_card, write_composite

from omz.zoo import Catalog
from omz.zoo.card_reader import load_card
from omz.zoo.info import card_info

KEYS = [
    "name", "composite_model_name", "description", "framework", "license_url", "accuracy_config", "model_config",
    "precisions", "subdirectory", "task_type", "input_info", "model_stages",
]  # fmt: skip
DETAILS = [
    "license_kind", "tested_on_real_weights", "working_size", "refine", "rewrite", "files", "postprocessing",
    "conversion_to_onnx_args", "model_optimizer_args", "input_roles", "output_info", "model_info", "preprocessing",
]  # fmt: skip
DIGEST = "0123456789abcdef" * 6


def info(tmp_path, details: bool = False, **changes: object):
    """Return what is told of a card, as a program reads it from JSON."""
    card = load_card(write_card(tmp_path, "net", **changes), PurePosixPath("public/net"))
    return json.loads(json.dumps(card_info(card, details), allow_nan=False))


def test_a_model_has_the_keys_of_open_model_zoo(tmp_path):
    inputs = [{"name": "src", "shape": [1, 3, -1, -1], "layout": "NCHW"}, {"name": "state"}]
    told = info(tmp_path, input_info=inputs)
    assert list(told) == KEYS
    assert told == {
        "name": "net",
        "composite_model_name": None,
        "description": "A card for a test.",
        "framework": "onnx",
        "license_url": "https://example.com/license",
        "accuracy_config": None,
        "model_config": f"{tmp_path}/net/model.yml",
        "precisions": ["FP16", "FP32"],
        "subdirectory": "public/net",
        "task_type": "background_matting",
        "input_info": [
            {"name": "src", "shape": [1, 3, -1, -1], "layout": "NCHW"},
            {"name": "state", "shape": [], "layout": ""},
        ],
        "model_stages": [],
    }


def test_the_accuracy_configuration_is_named_where_there_is_one(tmp_path):
    folder = write_card(tmp_path, "net")
    (folder / "accuracy-check.yml").touch()
    told = card_info(load_card(folder, PurePosixPath("public/net")))
    assert told["accuracy_config"] == f"{tmp_path}/net/accuracy-check.yml"


def test_a_composite_model_has_its_stages(tmp_path):
    write_composite(tmp_path / "intel", "duo", ["duo-b", "duo-a"])
    told = card_info(Catalog(tmp_path).load("duo"))
    assert list(told) == KEYS
    assert (told["name"], told["composite_model_name"], told["subdirectory"]) == ("duo", "duo", "intel/duo")
    assert (told["model_config"], told["input_info"], told["precisions"]) == (None, [], ["FP16", "FP32"])
    assert told["model_stages"] == [card_info(Catalog(tmp_path)[name]) for name in ("duo-b", "duo-a")]
    assert [stage["composite_model_name"] for stage in told["model_stages"]] == ["duo", "duo"]


KEPT = {"original_layout": "", "element_type": ""}


def test_details_are_told_besides(tmp_path):
    file = {
        "name": "a.onnx", "checksum": {"$type": "sha384", "value": DIGEST}, "source": "https://a.example.com/x",
        "original_source": "https://b.example.com/x",
    }  # fmt: skip
    bundled = {"name": "b.bin", "size": 2, "sha256": "0" * 64, "source": {"$type": "bundled"}}
    told = info(
        tmp_path, True,
        files=[file, bundled],
        postprocessing=[{"$type": "unpack_archive", "file": "a.onnx", "format": "zip"}],
        model_optimizer_args=["--input_model=$dl_dir/a.onnx", "--mean_values=src[1,2,3]", "--scale=2", "--reverse_in"],
        model_info={"model_type": "ssd", "labels": ["cat"]},
    )  # fmt: skip
    assert list(told) == KEYS + DETAILS
    assert told["files"] == [
        {
            "name": "a.onnx",
            "size": None,
            "checksum": {"$type": "sha384", "value": DIGEST},
            "urls": ["https://a.example.com/x", "https://b.example.com/x"],
            "sources": [
                {"$type": "http", "url": "https://a.example.com/x"},
                {"$type": "http", "url": "https://b.example.com/x"},
            ],
        },
        {"name": "b.bin", "size": 2, "checksum": {"$type": "sha256", "value": "0" * 64}, "urls": [], "sources": []},
    ]
    assert told["postprocessing"] == [{"$type": "unpack_archive", "file": "a.onnx", "format": "zip"}]
    assert told["conversion_to_onnx_args"] == []
    assert told["model_optimizer_args"][0] == "--input_model=$dl_dir/a.onnx"
    assert told["model_info"] == {"model_type": "ssd", "labels": ["cat"]}
    assert told["preprocessing"] == [
        {"input_name": "src", "layout": "NCHW", "reverse_channels": True, "mean": [1, 2, 3], "scale": [2]} | KEPT,
        {"input_name": "bgr", "layout": "NCHW", "reverse_channels": True, "mean": [], "scale": [2]} | KEPT,
    ]


def test_the_stages_have_the_details_of_a_composite_model(tmp_path):
    write_composite(tmp_path, "duo", ["duo-a"])
    told = card_info(Catalog(tmp_path).load("duo"), details=True)
    assert list(told) == KEYS
    assert list(told["model_stages"][0]) == KEYS + DETAILS


def test_an_ir_has_no_preprocessing_that_its_card_could_tell(tmp_path):
    files = [published_file(f"FP16/net.{part}", b"", "https://example.com/x") for part in ("xml", "bin")]
    told = info(tmp_path, True, framework="dldt", model_optimizer_args=None, files=files)
    assert told["preprocessing"] is None
    assert told["preprocessing_note"] == "the model is an IR; its documentation says what it takes"


def test_preprocessing_that_is_not_understood_is_explained(tmp_path):
    told = info(tmp_path, True, model_optimizer_args=["--input_model=x", "--transformations_config=y.json"])
    assert told["preprocessing"] is None
    assert told["preprocessing_note"] == (
        f"{tmp_path}/net/model.yml: model_optimizer_args: "
        "--transformations_config is not supported: "
        "its TensorFlow transformations were part of Model Optimizer"
    )


def test_roles_are_details(tmp_path):
    inputs = [{"name": "src", "role": "picture"}, {"name": "r1", "role": "state"}, {"name": "size"}]
    outputs = [
        {"name": "out", "role": "alpha", "channel": 1, "activation": "softmax"},
        {"name": "r1o", "role": "state", "input": "r1"},
    ]
    told = info(tmp_path, details=True, input_info=inputs, output_info=outputs)
    assert told["input_info"][0] == {"name": "src", "shape": [], "layout": ""}
    assert told["input_roles"] == {"src": "picture", "r1": "state"}
    usual = {"channel": None, "activation": None, "range": [0.0, 1.0], "layout": "", "input": ""}
    assert told["output_info"] == [{**usual, **each} for each in outputs]
