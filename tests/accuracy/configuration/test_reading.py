from __future__ import annotations

import copy
import errno
import os
from pathlib import Path
from typing import Any

import pytest
from accuracy.configuration.check_files import portrait, recurrent, with_plate, write_check

from omz.accuracy.configuration.reading import read_configuration
from omz.errors import UsageError
from omz.zoo import Catalog

SHIPPED = {
    "background-matting-mobilenetv2": (with_plate(), "omz", {"alpha_MAD": 4.35, "foreground_MSE": 2.69}),
    "robust-video-matting-mobilenetv3": (recurrent(), "omz", {"alpha_GRAD": 4.47, "alpha_MSE": 15.11}),
    "modnet-photographic-portrait-matting": (portrait(), "omz_modnet", {"MAD": 5.213472, "MSE@std": 1196.277498}),
    "modnet-webcam-portrait-matting": (portrait("webcam"), "omz_modnet", {"MAD@std": 6.205324, "MSE": 762.524743}),
}


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_configurations_import(tmp_path, name):
    content, convention, figures = SHIPPED[name]
    (evaluation,) = read_configuration(write_check(tmp_path / "accuracy-check.yml", content))
    assert (evaluation.name, evaluation.framework, evaluation.device) == (name, "openvino", None)
    assert evaluation.convention.name == convention
    references = {reference.name: reference for reference in evaluation.references}
    assert len(references) == 4
    assert {key: references[key].value for key in figures} == figures
    assert all(reference.tolerance is None for reference in references.values())  # none is shipped


@pytest.mark.parametrize("name", list(Catalog()))
def test_the_zoo_has_configurations_that_import(name):
    (evaluation,) = read_configuration(Catalog()[name].folder / "accuracy-check.yml")
    assert evaluation.name == name
    assert evaluation.convention.measures


def test_every_launcher_runs_on_every_dataset(tmp_path):
    content = with_plate()
    model = content["models"][0]
    model["launchers"].append({**model["launchers"][0], "framework": "onnx_runtime", "device": "GPU"})
    model["launchers"].append({**model["launchers"][0], "framework": "dlsdk"})
    model["datasets"].append({**model["datasets"][0], "name": "other"})
    found = read_configuration(write_check(tmp_path / "c.yml", content))
    assert [(each.framework, each.device, each.dataset) for each in found] == [
        ("openvino", None, "HumanMattingClips120"),
        ("openvino", None, "other"),
        ("onnx_runtime", "GPU", "HumanMattingClips120"),
        ("onnx_runtime", "GPU", "other"),
        ("openvino", None, "HumanMattingClips120"),
        ("openvino", None, "other"),
    ]


def test_the_file_of_a_network_is_that_of_its_launchers(tmp_path):
    content = recurrent()
    module = content["evaluations"][0]["module_config"]
    module["network_info"] = {"background_matting_model": {"model": "rvm.xml", "weights": "rvm.bin"}}
    (evaluation,) = read_configuration(write_check(tmp_path / "c.yml", content))
    (tmp_path / "rvm.xml").touch()
    assert evaluation.model_file(tmp_path) == tmp_path / "rvm.xml"


def _set(*keys: Any, value: Any) -> Any:
    def change(content: dict) -> None:
        node: Any = content
        for key in keys[:-1]:
            node = node[key]
        node[keys[-1]] = value

    return change


MODEL = ("models", 0)
LAUNCHER = (*MODEL, "launchers", 0)
DATASET = (*MODEL, "datasets", 0)
METRIC = (*DATASET, "metrics", 2)
STEP = (*DATASET, "preprocessing", 1)
AT_LAUNCHER, AT_DATASET = "models.0.launchers.0", "models.0.datasets.0"

WRONG = [
    (_set("model", value=[]), "model: is no key that is known here; did you mean models\\? allowed: "),
    (_set("evaluations", value=[]), "has models and evaluations; write two files"),
    (_set("models", value=[]), "models: must be a list, and not empty"),
    (_set("models", value={"name": "x"}), "models: must be a list, and not empty"),
    (_set("models", 0, value="x"), "models.0: found 'x'; "),
    (_set(*MODEL, "lanchers", value=[]), "models.0.lanchers: is no key that is known here; did you mean launchers?"),
    (_set(*MODEL, "datasets", value=[]), "models.0.datasets: is empty"),
    (_set(*MODEL, "datasets", value="x"), "models.0.datasets: found 'x'; must be a list"),
    (_set(*LAUNCHER, "framework", value="openvin"), f"{AT_LAUNCHER}.framework: found 'openvin'; did you mean openvino"),
    (_set(*LAUNCHER, "adapter", value="segmentation"), f"{AT_LAUNCHER}.adapter.*: found 'segmentation'; allowed: "),
    (_set(*LAUNCHER, "adapter", "alpha", value="p"), f"{AT_LAUNCHER}.adapter.alpha: is no key .* mean alpha_out"),
    (_set(*LAUNCHER, "inputs", 0, "value", value="com("), f"{AT_LAUNCHER}.inputs.0.value: 'com\\(' is no regular exp"),
    (_set(*LAUNCHER, "inputs", 1, "name", value="src"), f"{AT_LAUNCHER}.inputs.1.name: src is the name of two inputs"),
    (_set(*LAUNCHER, "inputs", 1, "type", value="CONST"), f"{AT_LAUNCHER}.inputs.1.type: found 'CONST'; allowed: INPU"),
    (_set(*LAUNCHER, "inputs", 1, "value", value=None), f"{AT_LAUNCHER}.inputs.1.value: is missing"),
    (
        _set(*LAUNCHER, "inputs", 1, value={"name": "r", "type": "LSTM_INPUT"}),
        f"{AT_LAUNCHER}.inputs.1.value: is missing: the output that is fed back",
    ),
    (_set(*DATASET, "reader", value="pil"), f"{AT_DATASET}.reader.*: found 'pil'; .*allowed: opencv_imread, pillow_"),
    (_set(*DATASET, "metrics", value=[]), f"{AT_DATASET}.metrics: found \\[\\]; "),
    (_set(*DATASET, "subset", value=3), f"{AT_DATASET}.subset: is no key that is known here; .*allowed: "),
    (_set(*STEP, "type", value="resise"), f"{AT_DATASET}.preprocessing.1.type: found 'resise'; did you mean resize"),
    (_set(*STEP, "dst_height", value=None), f"{AT_DATASET}.preprocessing.1: .*takes either size, or dst_width and dst"),
    (_set(*STEP, "size", value=3), f"{AT_DATASET}.preprocessing.1: .*takes either size, or dst_width and dst_height"),
    (_set(*STEP, "dst_width", value=-2), f"{AT_DATASET}.preprocessing.1.dst_width: found -2; "),
    (_set(*STEP, "dst_width", value=40_000), f"{AT_DATASET}.preprocessing.1.dst_width: found 40000; .*16384$"),
    (
        _set(*STEP, value={"type": "resize", "size": 1_000_000}),
        f"{AT_DATASET}.preprocessing.1.size: found 1000000; .*16384$",
    ),
    (
        _set(*DATASET, "postprocessing", value=[{"type": "resize", "apply_to": "annotation", "size": 16_385}]),
        f"{AT_DATASET}.postprocessing.0.size: found 16385; .*16384$",
    ),
    (_set(*STEP, "interpolation", value="LINEER"), f"{AT_DATASET}.preprocessing.1.interpolation: found 'LINEER'; did"),
    (
        _set(*DATASET, "preprocessing", 0, value={"type": "normalization", "std": [1, 2]}),
        f"{AT_DATASET}.preprocessing.0.std: has 2 values; give one, or one for each of 3 channels",
    ),
    (
        _set(*DATASET, "preprocessing", 0, value={"type": "normalization", "std": 0}),
        f"{AT_DATASET}.preprocessing.0.std: has a 0",
    ),
    (
        _set(*DATASET, "preprocessing", 0, value={"type": "normalization", "mean": "a"}),
        f"{AT_DATASET}.preprocessing.0.mean: found 'a'; ",
    ),
    (
        _set(*DATASET, "preprocessing", 0, value={"type": "normalization"}),
        f"{AT_DATASET}.preprocessing.1.use_pillow: resizes 8 bits",
    ),
    (
        _set(*DATASET, "postprocessing", value=[{"type": "resize", "apply_to": "annotation", "size": 9}]),
        f"{AT_DATASET}.postprocessing.0: must have the size that preprocessing resizes to",
    ),
    (
        _set(*DATASET, "postprocessing", value=[{"type": "resize", "apply_to": "prediction", "size": 9}]),
        f"{AT_DATASET}.postprocessing.0.apply_to: found 'prediction'; allowed: annotation",
    ),
    (_set(*METRIC, "type", value="mse_with_masks"), f"{AT_DATASET}.metrics.2.type: found 'mse_with_masks'; did you"),
    (_set(*METRIC, "use_maks", value=1), f"{AT_DATASET}.metrics.2.use_maks: is no key .*did you mean use_mask\\?"),
    (_set(*METRIC, "name", value="alpha_MAD"), f"{AT_DATASET}.metrics.2.name: alpha_MAD is the name of two metrics"),
    (_set(*METRIC, "prediction_source", value="pah"), f"{AT_DATASET}.metrics.2.prediction_source: found 'pah'; did"),
    (_set(*METRIC, "process_type", value="image"), f"{AT_DATASET}.metrics.2.process_type: pha is not image, which is"),
    (_set(*METRIC, "pha_tolerance", value=1.5), f"{AT_DATASET}.metrics.2.pha_tolerance: found 1.5; "),
    (_set(*METRIC, "reference", value="good"), f"{AT_DATASET}.metrics.2.reference: found 'good'; "),
    (_set(*METRIC, "reference", value=True), f"{AT_DATASET}.metrics.2.reference: found True; must be a number"),
    (_set(*METRIC, "reference", value={"std": 1}), f"{AT_DATASET}.metrics.2.reference.mean: is missing"),
    (_set(*METRIC, "reference", value=float("nan")), f"{AT_DATASET}.metrics.2.reference: found nan; "),
    (_set(*METRIC, "abs_threshold", value=-1), f"{AT_DATASET}.metrics.2.abs_threshold: found -1; "),
    (_set(*METRIC, value={"type": "mse"}), f"{AT_DATASET}.metrics.2.type: mae and mse see 8 bits"),
    (
        _set(*METRIC, value={"type": "spatial_gradient", "prediction_source": "fgr"}),
        f"{AT_DATASET}.metrics.2.type: spatial_gradient measures alpha alone",
    ),
    (
        _set(*METRIC, value={"type": "mad", "threshold": 1, "abs_threshold": 2}),
        f"{AT_DATASET}.metrics.2: .*has abs_threshold and its old name",
    ),
    (_set(*METRIC, value={"name": "x"}), f"{AT_DATASET}.metrics.2.type: is missing"),
    (
        _set(*DATASET, "annotation_conversion", value={"converter": "background_mating"}),
        f"{AT_DATASET}.annotation_conversion.converter: found 'background_mating'; did you mean background_matting\\?",
    ),
    (
        _set(*DATASET, "annotation_conversion", value={"converter": "background_matting", "images_dir": "i"}),
        f"{AT_DATASET}.annotation_conversion.masks_dir: is missing",
    ),
    (
        _set(
            *DATASET, "annotation_conversion",
            value={"converter": "background_matting_sequential", "images_dir": "i", "masks_dir": "m",
                   "with_background": True},
        ),
        f"{AT_DATASET}.annotation_conversion: .*has with_background, and needs backgrounds_dir",
    ),
    (_set("global_definitions", value=[1]), "global_definitions: must be the path of a file"),
    (_set("global_definitions", value="gone.yml"), f"gone.yml cannot be read: {os.strerror(errno.ENOENT)}"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "told"), WRONG, ids=[told[:60] for _, told in WRONG])
def test_what_is_wrong_is_one_line_that_names_the_place(tmp_path, monkeypatch, change, told):
    monkeypatch.delenv("DEFINITIONS_FILE", raising=False)
    content = copy.deepcopy(with_plate())
    change(content)
    path = write_check(tmp_path / "c.yml", content)
    with pytest.raises(UsageError, match=told) as caught:
        read_configuration(path)
    assert str(caught.value).startswith((f"{path}: ", f"{path} ", str(tmp_path / "gone.yml")))
    assert "\n" not in str(caught.value)


def test_the_largest_side_that_is_allowed(tmp_path):
    (evaluation,) = read_configuration(write_check(tmp_path / "c.yml", with_plate(16_384, 1)))
    assert evaluation.frames.preprocessing[1].target == (1, 16_384)


def test_all_that_is_wrong_with_a_part_is_told_at_once(tmp_path):
    content = with_plate()
    content["models"][0]["datasets"][0]["metrics"][0]["refrence"] = 1
    content["models"][0]["datasets"][0]["metrics"][1]["type"] = "grad"
    with pytest.raises(UsageError, match=r"metrics\.0\.refrence: .*; .*metrics\.1\.type: "):
        read_configuration(write_check(tmp_path / "c.yml", content))


@pytest.mark.parametrize(
    ("keys", "value", "told"),
    [
        (("module",), "custom_evaluators.text_to_speech.TextToSpeech", r"evaluations\.0\.module: found .*TextToSpeech"),
        (("module_config", "network"), {}, r"evaluations\.0\.module_config\.network: is no key .*mean network_info\?"),
        (
            ("module_config", "launchers", 0, "inputs", 1, "value"), "",
            r"evaluations\.0\.module_config\.launchers\.0\.inputs\.1\.value: is missing",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_evaluator(tmp_path, keys, value, told):
    content = recurrent()
    _set("evaluations", 0, *keys, value=value)(content)
    with pytest.raises(UsageError, match=told):
        read_configuration(write_check(tmp_path / "c.yml", content))


def test_neither_models_nor_evaluations(tmp_path):
    path: Path = tmp_path / "c.yml"
    path.write_text("global_definitions: d.yml\n")
    with pytest.raises(UsageError, match="has no models, nor evaluations"):
        read_configuration(path)
