from __future__ import annotations

import copy
import errno
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.check_files import clips_conversion, portrait, recurrent, with_plate, write_check, write_clips

from omz.accuracy.configuration.problems import Place
from omz.accuracy.configuration.reading import Definitions, read_configuration
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
    assert (evaluation.name, evaluation.launcher.runs_in, evaluation.device) == (name, "openvino", None)
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
    assert [(each.launcher.runs_in, each.device, each.dataset) for each in found] == [
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
    (_set("model", value=[]), "model: is not a known key; did you mean models\\? allowed: "),
    (_set("evaluations", value=[]), "has models and evaluations; write two files"),
    (_set("models", value=[]), "models: must be a list, and not empty"),
    (_set("models", value={"name": "x"}), "models: must be a list, and not empty"),
    (_set("models", 0, value="x"), "models.0: found 'x'; "),
    (_set(*MODEL, "lanchers", value=[]), "models.0.lanchers: is not a known key; did you mean launchers?"),
    (_set(*MODEL, "datasets", value=[]), "models.0.datasets: is empty"),
    (_set(*MODEL, "datasets", value="x"), "models.0.datasets: found 'x'; must be a list"),
    (_set(*LAUNCHER, "framework", value="openvin"), f"{AT_LAUNCHER}.framework: found 'openvin'; did you mean openvino"),
    (_set(*LAUNCHER, "adapter", value="segmentation"), f"{AT_LAUNCHER}.adapter.*: found 'segmentation'; allowed: "),
    (_set(*LAUNCHER, "adapter", "alpha", value="p"), f"{AT_LAUNCHER}.adapter.alpha: is not a known key.* alpha_out"),
    (_set(*LAUNCHER, "inputs", 0, "value", value="com("), f"{AT_LAUNCHER}.inputs.0.value: 'com\\(' is not a regular"),
    (_set(*LAUNCHER, "inputs", 1, "name", value="src"), f"{AT_LAUNCHER}.inputs.1.name: src is the name of two inputs"),
    (_set(*LAUNCHER, "inputs", 1, "type", value="CONST"), f"{AT_LAUNCHER}.inputs.1.type: found 'CONST'; allowed: INPU"),
    (_set(*LAUNCHER, "inputs", 1, "value", value=None), f"{AT_LAUNCHER}.inputs.1.value: is missing"),
    (
        _set(*LAUNCHER, "inputs", 1, value={"name": "r", "type": "LSTM_INPUT"}),
        f"{AT_LAUNCHER}.inputs.1.value: is missing: the output that is fed back",
    ),
    (_set(*DATASET, "reader", value="pil"), f"{AT_DATASET}.reader.*: found 'pil'; .*allowed: opencv_imread, pillow_"),
    (_set(*DATASET, "metrics", value=[]), f"{AT_DATASET}.metrics: found \\[\\]; "),
    (_set(*DATASET, "subset", value=3), f"{AT_DATASET}.subset: is not a known key; .*allowed: "),
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
    (_set(*METRIC, "use_maks", value=1), f"{AT_DATASET}.metrics.2.use_maks: is not a known key.* mean use_mask\\?"),
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
        (("module_config", "network"), {}, r"evaluations\.0\.module_config\.network: is not a .*mean network_info\?"),
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


def definitions(name: str = "HumanMattingClips120", source: str = "clips") -> dict:
    return {
        "launchers": [{"framework": "openvino", "device": "GPU"}, {"framework": "openvino", "device": "NPU"}],
        "datasets": [
            {"name": "other", "annotation_conversion": {"converter": "of another task", "key": 1}},
            {
                "name": name,
                "data_source": source,
                "annotation": "clips.pickle",
                "dataset_meta": "clips.json",
                "annotation_conversion": clips_conversion(images_dir=source, masks_dir=source, backgrounds_dir=source,
                                                          foregrounds_dir=source),
                "preprocessing": [{"type": "resize", "size": 9}],
            },
        ],
    }  # fmt: skip


def write(path: Path, content: dict) -> Path:
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEFINITIONS_FILE", raising=False)


def test_the_first_with_the_same_name_is_copied_and_local_keys_replace_whole_values():
    entries = [{"name": "a", "x": [1, 2], "y": {"p": 1}}, {"name": "a", "z": 3}, {"name": "b", "w": 4}]
    shared = Definitions(Path("d.yml"), {"datasets": entries})
    before = copy.deepcopy(entries)
    merged, elsewhere = shared.complete("datasets", {"name": "a", "x": [9], "v": 0})
    assert merged == {"name": "a", "x": [9], "v": 0, "y": {"p": 1}}
    assert elsewhere == {"y": Place(Path("d.yml"), ("datasets", 0, "y"))}
    merged["new"] = 1
    assert entries == before
    assert shared.complete("datasets", {"name": "c"}) == ({"name": "c"}, {})


def test_a_configuration_takes_what_it_does_not_say(tmp_path):
    content = {**with_plate(), "global_definitions": "shared/d.yml"}
    (tmp_path / "shared").mkdir()
    write(tmp_path / "shared/d.yml", definitions())
    (evaluation,) = read_configuration(write_check(tmp_path / "c.yml", content))
    assert evaluation.device == "GPU"
    assert evaluation.frames.data_source == "clips"
    assert [step.type for step in evaluation.frames.preprocessing] == ["rgb_to_bgr", "resize"]  # its own, whole
    write_clips(tmp_path / "source/clips")
    dataset = evaluation.open_dataset(tmp_path / "source")
    assert [entry.name for entry in dataset.entries] == ["a/0000", "a/0001", "b/0000", "b/0001"]
    sample = dataset.read(dataset.entries[0])
    assert sample.plate is not None
    assert sample.foreground is not None
    assert sample.alpha is not None


def test_a_flag_comes_before_the_environment_and_that_before_the_file(tmp_path, monkeypatch):
    for name in ("flag", "environment", "own"):
        write(tmp_path / f"{name}.yml", definitions(source=name))
    path = write_check(tmp_path / "c.yml", {**with_plate(), "global_definitions": "own.yml"})

    def source(given: Path | None = None) -> str | None:
        return read_configuration(path, given)[0].frames.data_source

    assert source() == "own"
    monkeypatch.setenv("DEFINITIONS_FILE", str(tmp_path / "environment.yml"))
    assert source() == "environment"
    assert source(tmp_path / "flag.yml") == "flag"


def test_what_is_wrong_in_a_definition_is_told_of_its_file(tmp_path):
    shared = definitions()
    shared["datasets"][1]["annotation_conversion"]["with_alfa"] = True
    write(tmp_path / "d.yml", shared)
    path = write_check(tmp_path / "c.yml", with_plate())
    with pytest.raises(UsageError, match=r"d\.yml: datasets\.1\.annotation_conversion\.with_alfa: .*mean with_alpha\?"):
        read_configuration(path, tmp_path / "d.yml")
    shared = definitions()
    shared["datasets"][1]["data_sorce"] = "x"
    write(tmp_path / "d.yml", shared)
    with pytest.raises(UsageError, match=r"d\.yml: datasets\.1\.data_sorce: .*mean data_source\?"):
        read_configuration(path, tmp_path / "d.yml")


def test_definitions_of_other_tasks_do_no_harm_and_a_missing_file_does(tmp_path):
    path = write_check(tmp_path / "c.yml", with_plate())
    write(tmp_path / "d.yml", definitions(name="elsewhere"))
    (evaluation,) = read_configuration(path, tmp_path / "d.yml")
    assert evaluation.frames.annotation_conversion is None
    with pytest.raises(UsageError, match=r"gone\.yml cannot be read"):
        read_configuration(path, tmp_path / "gone.yml")


@pytest.mark.parametrize("relative", [True, False])
def test_the_source_is_put_before_an_alias_once(tmp_path, monkeypatch, relative):
    """Accuracy checker puts a relative source before each copy of an alias, and all of them are one."""
    write_clips(tmp_path / "source/clips")
    shared = definitions()
    folder = yaml.safe_dump(shared)
    text = folder.replace("data_source: clips", "data_source: &where clips").replace("_dir: clips", "_dir: *where")
    (tmp_path / "d.yml").write_text(_anchor_first(text))
    path = tmp_path / "c.yml"
    content = with_plate()
    model = content["models"][0]
    model["datasets"] *= 2
    model["datasets"][1] = model["datasets"][0]  # yaml.dump writes an alias
    path.write_text(yaml.safe_dump(content))
    assert "*id" in path.read_text()
    monkeypatch.chdir(tmp_path)
    source = Path("source") if relative else tmp_path / "source"
    for evaluation in read_configuration(path, Path("d.yml")):
        for _ in range(2):
            assert len(evaluation.open_dataset(source).entries) == 4


def _anchor_first(text: str) -> str:
    """Let the first of what is named be the anchor: keys are written in the order of the alphabet."""
    text = text.replace("&where clips", "*where")
    return text.replace("backgrounds_dir: *where", "backgrounds_dir: &where clips", 1)
