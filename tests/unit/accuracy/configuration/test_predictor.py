from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from helpers.builders import save_difference_model
from helpers.check_files import clips_conversion, portrait, recurrent, with_plate, write_check, write_clips
from helpers.matting_networks import save_one_picture, save_recurrent, save_two_pictures
from helpers.picture_files import rgba, write
from helpers.role_networks import Presentation, save_presented, true_alpha

from omz.accuracy.comparison import compare
from omz.accuracy.configuration.evaluation import ConfiguredEvaluation
from omz.accuracy.configuration.reading import read_configuration
from omz.accuracy.datasets.folder import open_dataset
from omz.accuracy.datasets.sample import Entry, Sample
from omz.accuracy.prediction import Predictor
from omz.accuracy.setup import SyntheticScenes
from omz.errors import DataError, EngineError, UsageError
from omz.matting.roles import NO_DESCRIPTION, NOTHING_SAID, Description, OutputReading, RoleOptions
from omz.runtime.onnxruntime_engine import OnnxRuntimeEngine
from omz.runtime.openvino_engine import OpenVINOEngine

SIZE = (32, 48)
CARDS = Path(__file__).parents[4] / "models"


def read_one(path: Path, content: dict) -> ConfiguredEvaluation:
    (evaluation,) = read_configuration(write_check(path, content))
    return evaluation


# --- memory -----------------------------------------------------------------------------------------------------------


@pytest.fixture(params=[OnnxRuntimeEngine, OpenVINOEngine], ids=["onnx_runtime", "openvino"])
def remembering(request, tmp_path) -> Predictor:
    """Accuracy checker refuses to run recurrent models but in OpenVINO."""
    evaluation = read_one(tmp_path / "c.yml", recurrent(width=SIZE[1], height=SIZE[0]))
    return evaluation.predictor(request.param(save_recurrent(tmp_path / "net.onnx", *SIZE)))


def frame(number: int) -> Sample:
    return Sample(Entry(f"a/{number}", "a", number, {}), np.zeros((*SIZE, 3), np.uint8))


def test_states_are_fed_back_and_begin_with_zeros(remembering):
    """After n frames state k is n times k, so alpha is n * (1 + 2 + 3 + 4) / 100."""
    assert remembering.remembers
    alphas = [remembering.predict(frame(number), begins=number in (0, 3)).alpha for number in range(6)]
    for alpha, expected in zip(alphas, (0.1, 0.2, 0.3, 0.1, 0.2, 0.3), strict=True):
        assert alpha == pytest.approx(np.full(SIZE, expected), rel=1e-6)


def test_a_model_without_memory_of_a_clip_begins_with_zeros_whatever_it_is_told(remembering):
    assert remembering.predict(frame(4), begins=False).alpha == pytest.approx(0.1)


def test_each_clip_of_a_dataset_begins_anew(tmp_path, remembering):
    evaluation = read_one(tmp_path / "c.yml", recurrent(width=SIZE[1], height=SIZE[0]))
    dataset = evaluation.open_dataset(write_clips(tmp_path / "clips", frames=3))
    results = list(compare({"m": remembering}, dataset, evaluation.convention))
    alphas = [(result.clip, round(result.models["m"].highest, 6)) for result in results]
    assert alphas == [(clip, alpha) for clip in "ab" for alpha in (0.1, 0.2, 0.3)]


# --- what goes in -----------------------------------------------------------------------------------------------------


def test_inputs_take_what_their_expressions_match(tmp_path):
    """``com*`` is "co" and any number of m; a plate that comes first in the model is still the plate."""
    content = with_plate(width=SIZE[1], height=SIZE[0])
    predictor = read_one(tmp_path / "c.yml", content).predictor(
        OpenVINOEngine(save_difference_model(tmp_path / "net.xml", *SIZE))
    )
    sample = Sample(Entry("0", "", 0, {}), np.full((*SIZE, 3), 200, np.uint8), np.full((*SIZE, 3), 10, np.uint8))
    prediction = predictor.predict(sample, begins=True)
    assert (prediction.alpha == 1).all()
    assert prediction.foreground == pytest.approx(np.full((*SIZE, 3), 200 / 255), rel=1e-6)
    assert not predictor.remembers
    assert prediction.milliseconds > 0
    assert predictor.info.framework == "OpenVINO"
    inputs = content["models"][0]["launchers"][0]["inputs"]
    inputs[0]["value"], inputs[1]["value"] = inputs[1]["value"], inputs[0]["value"]
    swapped = read_one(tmp_path / "c.yml", content).predictor(OpenVINOEngine(tmp_path / "net.xml"))
    assert swapped.predict(sample, begins=True).foreground == pytest.approx(np.full((*SIZE, 3), 10 / 255), rel=1e-6)


def test_a_frame_without_the_file_of_an_input_is_named(tmp_path):
    evaluation = read_one(tmp_path / "c.yml", with_plate(width=SIZE[1], height=SIZE[0]))
    predictor = evaluation.predictor(OpenVINOEngine(save_difference_model(tmp_path / "net.xml", *SIZE)))
    message = r"a/0 has no file for the input bgr: bgr\* matches none of com/a/0$"
    with pytest.raises(DataError, match=message):
        predictor.predict(frame(0), begins=True)


def test_an_expression_has_to_match_from_the_beginning(tmp_path):
    content = with_plate(width=SIZE[1], height=SIZE[0])
    content["models"][0]["launchers"][0]["inputs"][0]["value"] = "a/0"
    evaluation = read_one(tmp_path / "c.yml", content)
    predictor = evaluation.predictor(OpenVINOEngine(save_difference_model(tmp_path / "net.xml", *SIZE)))
    with pytest.raises(DataError, match=r"a/0 has no file for the input src: a/0 matches none of com/a/0$"):
        predictor.predict(frame(0), begins=True)


def test_synthetic_scenes_serve_as_well(tmp_path):
    evaluation = read_one(tmp_path / "c.yml", with_plate(width=SIZE[1], height=SIZE[0]))
    predictor = evaluation.predictor(OpenVINOEngine(save_difference_model(tmp_path / "net.xml", *SIZE)))
    (result,) = compare({"m": predictor}, SyntheticScenes(1, (40, 60)), evaluation.convention)
    assert set(result.models["m"].figures) == {"alpha_MAD", "alpha_GRAD", "alpha_MSE", "foreground_MSE"}


def test_colours_come_out_as_they_went_in(tmp_path):
    """The network takes BGR and gives RGB; predictions are BGR."""
    evaluation = read_one(tmp_path / "c.yml", with_plate(width=SIZE[1], height=SIZE[0]))
    predictor = evaluation.predictor(OpenVINOEngine(save_difference_model(tmp_path / "net.xml", *SIZE)))
    picture = np.empty((*SIZE, 3), np.uint8)
    picture[:] = (10, 100, 200)
    prediction = predictor.predict(Sample(Entry("0", "", 0, {}), picture, picture), begins=True)
    assert prediction.foreground[3, 4] == pytest.approx(np.array([10, 100, 200]) / 255, rel=1e-6)


# --- what comes out ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metric", "adapter"),
    [
        ({"type": "mad", "prediction_source": "alpha"}, "background_matting"),
        ({"type": "mad"}, "background_matting"),
        ({"type": "mad"}, {"type": "background_matting", "alpha_out": "alpha"}),
    ],
)
def test_alpha_is_found_beside_other_outputs(tmp_path, metric, adapter):
    content = portrait()
    entry = content["models"][0]["datasets"][0]
    del entry["postprocessing"]
    entry["preprocessing"][0]["size"], entry["metrics"] = 16, [metric]
    content["models"][0]["launchers"][0]["adapter"] = adapter
    engine = OnnxRuntimeEngine(save_one_picture(tmp_path / "net.onnx", 16, 16))
    predictor = read_one(tmp_path / "c.yml", content).predictor(engine)
    picture = np.full((30, 20, 3), 150, np.uint8)
    prediction = predictor.predict(Sample(Entry("0", "", 0, {}), picture), begins=True)
    assert prediction.alpha == pytest.approx(np.full((30, 20), (1.07 * 150 - 10.305) / 255), rel=1e-6)
    assert prediction.foreground is None
    assert set(prediction.outputs) == {"trimap", "alpha"}


def test_alpha_comes_back_by_cubic_interpolation_for_shm_and_by_bilinear_otherwise(tmp_path):
    """An edge overshoots in cubic interpolation, and in bilinear it does not."""
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[:, 32:] = 200
    found = {}
    for metric in ("sad", "mad"):
        content = portrait()
        entry = content["models"][0]["datasets"][0]
        del entry["postprocessing"]
        entry["preprocessing"][0]["size"], entry["metrics"] = 16, [{"type": metric}]
        engine = OnnxRuntimeEngine(save_one_picture(tmp_path / "net.onnx", 16, 16))
        predictor = read_one(tmp_path / f"{metric}.yml", content).predictor(engine)
        found[metric] = predictor.predict(Sample(Entry("0", "", 0, {}), picture), begins=True).alpha
    low, high = (-10.305 / 255, (1.07 * 200 - 10.305) / 255)
    assert (found["mad"].min(), found["mad"].max()) == (pytest.approx(low), pytest.approx(high))
    assert found["sad"].min() < low - 0.01
    assert found["sad"].max() > high + 0.01


def test_an_output_of_another_shape_is_an_error(tmp_path):
    content = portrait()
    content["models"][0]["launchers"][0]["adapter"] = {"type": "background_matting", "alpha_out": "trimap"}
    content["models"][0]["datasets"][0]["preprocessing"][0]["size"] = 16
    del content["models"][0]["datasets"][0]["postprocessing"]
    engine = OnnxRuntimeEngine(save_one_picture(tmp_path / "net.onnx", 16, 16))
    with pytest.raises(EngineError, match=r"output trimap cannot be the alpha: it is not one image of 1 channel"):
        read_one(tmp_path / "c.yml", content).predictor(engine)


def presented(folder: Path, **form: object) -> tuple[ConfiguredEvaluation, OnnxRuntimeEngine]:
    """Return a configuration that names no output, and a network of ours that presents alpha in some way."""
    content = portrait(size=16)
    del content["models"][0]["datasets"][0]["postprocessing"]
    network = save_presented(folder / "net.onnx", Presentation(size=(16, 16), **form))  # type: ignore[arg-type]
    return read_one(folder / "c.yml", content), OnnxRuntimeEngine(network)


@pytest.mark.parametrize("by", ["card", "options", "card, and a name in the adapter"])
@pytest.mark.parametrize(
    ("form", "reading"),
    [
        ({"kind": "softmax", "channels": 2, "channel": 1}, {"channel": 1}),
        ({"kind": "logits", "channels": 2, "channel": 1}, {"channel": 1, "activation": "softmax"}),
        ({"kind": "logit"}, {"activation": "sigmoid"}),
        ({"kind": "sigmoid", "layout": "NHWC"}, {}),
        ({"kind": "levels", "layout": "HW"}, {"range": (0.0, 255.0)}),
        ({"kind": "plain", "name": "net/out:0", "extra": 2}, {}),
    ],
)
def test_outputs_are_read_by_their_roles_as_everywhere_else(tmp_path, form, reading, by):
    evaluation, engine = presented(tmp_path, **form)
    name = engine.outputs[0]
    said, options = NO_DESCRIPTION, NOTHING_SAID
    if by == "options":
        channel = f":{reading['channel']}" if "channel" in reading else ""
        values = {"activation": reading.get("activation"), "alpha_range": reading.get("range")}
        options = RoleOptions(alpha=name + channel, **values)
    else:
        said = Description(outputs=(("alpha", OutputReading(name, **reading)),))
    if "adapter" in by:
        adapter = evaluation.launcher.adapter.model_copy(update={"alpha_out": name})
        evaluation = replace(evaluation, launcher=evaluation.launcher.model_copy(update={"adapter": adapter}))
    picture = np.random.default_rng(5).integers(0, 256, (16, 16, 3), np.uint8)
    predictor = evaluation.predictor(engine, evaluation.roles(engine, said, options))
    alpha = predictor.predict(Sample(Entry("0", "", 0, {}), picture), begins=True).alpha
    np.testing.assert_allclose(alpha, true_alpha(picture), atol=1e-4)


@pytest.mark.parametrize("form", [{"extra": 1}, {"kind": "softmax", "channels": 2}])
def test_outputs_that_nobody_tells_apart_are_refused(tmp_path, form):
    """Accuracy checker takes the first."""
    evaluation, engine = presented(tmp_path, **form)
    with pytest.raises(EngineError, match=r"say which is which with .*--alpha NAME:CHANNEL"):
        evaluation.predictor(engine)


def test_outputs_are_told_by_what_they_are_of_a_matte(tmp_path, remembering):
    """States, and outputs that the configuration says nothing of, have no part in it."""
    assert remembering.predict(frame(0), begins=True).roles == {"pha": "alpha", "fgr": "foreground"}
    content = portrait(size=16)
    del content["models"][0]["datasets"][0]["postprocessing"]
    engine = OnnxRuntimeEngine(save_one_picture(tmp_path / "one.onnx", 16, 16))
    sample = Sample(Entry("0", "", 0, {}), np.zeros((16, 16, 3), np.uint8))
    prediction = read_one(tmp_path / "c.yml", content).predictor(engine).predict(sample, begins=True)
    assert prediction.roles == {"alpha": "alpha"}
    assert set(prediction.outputs) == {"trimap", "alpha"}


def test_an_adapter_s_own_names_say_which_output_is_which(tmp_path):
    content = with_plate(width=SIZE[1], height=SIZE[0])
    adapter = {"type": "background_matting_with_pha_and_fgr", "alpha_out": "matte", "foreground_out": "colours"}
    content["models"][0]["launchers"][0]["adapter"] = adapter
    content["models"][0]["datasets"][0]["metrics"] = [{"type": "mad"}]
    network = onnx.load(save_two_pictures(tmp_path / "net.onnx", *SIZE))
    for old, new in (("pha", "matte"), ("fgr", "colours")):
        network.graph.node.append(onnx.helper.make_node("Identity", [old], [new]))
        next(output for output in network.graph.output if output.name == old).name = new
    onnx.save(network, tmp_path / "net.onnx")
    predictor = read_one(tmp_path / "c.yml", content).predictor(OnnxRuntimeEngine(tmp_path / "net.onnx"))
    picture = np.zeros((*SIZE, 3), np.uint8)
    prediction = predictor.predict(Sample(Entry("0", "", 0, {}), picture, picture), begins=True)
    assert prediction.roles == {"matte": "alpha", "colours": "foreground"}
    assert prediction.milliseconds > 0


# --- a model that is another ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("launcher", "told"),
    [
        ({"inputs": []}, r"nothing says what the model's input src takes"),
        ({"inputs": [{"name": "src", "value": "com*"}]}, r"nothing says what the model's input bgr takes"),
        ({"inputs": [{"name": "scr", "value": "com*"}]}, r"the model has no input scr; did you mean src\?"),
        (
            {"adapter": {"type": "background_matting_with_pha_and_fgr", "foreground_out": "fgrr"}},
            r"the model has no output fgrr; did you mean fgr\?",
        ),
        (
            {"adapter": {"type": "background_matting", "alpha_out": "ph"}},
            r"the model has no output ph; did you mean pha\?",
        ),
    ],
)
def test_a_model_without_what_is_named_is_refused_before_a_frame_is_read(tmp_path, launcher, told):
    content = with_plate(width=SIZE[1], height=SIZE[0])
    content["models"][0]["launchers"][0].update(launcher)
    content["models"][0]["datasets"][0]["metrics"] = [{"type": "mad"}]
    evaluation = read_one(tmp_path / "c.yml", content)
    engine = OnnxRuntimeEngine(save_two_pictures(tmp_path / "net.onnx", *SIZE))
    with pytest.raises(UsageError, match=rf"c\.yml: models\.0\.launchers\.0: {told}"):
        evaluation.predictor(engine)


def test_a_state_that_no_output_gives_is_refused(tmp_path):
    content = recurrent(width=SIZE[1], height=SIZE[0])
    content["evaluations"][0]["module_config"]["launchers"][0]["inputs"][2]["value"] = "rr9"
    evaluation = read_one(tmp_path / "c.yml", content)
    with pytest.raises(UsageError, match=r"module_config\.launchers\.0: the model has no output rr9; did you mean rr"):
        evaluation.predictor(OnnxRuntimeEngine(save_recurrent(tmp_path / "net.onnx", *SIZE)))


# --- the zoo's own ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "figures"), [("background-matting-mobilenetv2", 4), ("background-matting-starter", 3)]
)
def test_the_zoo_s_models_with_a_plate_run(tmp_path, name, figures):
    (evaluation,) = read_configuration(CARDS / name / "accuracy-check.yml")
    predictor = evaluation.predictor(OpenVINOEngine(save_difference_model(tmp_path / "net.xml", 720, 1280)))
    dataset = evaluation.open_dataset(write_clips(tmp_path / "clips", frames=1))
    results = list(compare({"m": predictor}, dataset, evaluation.convention))
    assert all(len(result.models["m"].figures) == figures for result in results)


def test_the_zoo_s_model_without_a_plate_runs(tmp_path):
    (evaluation,) = read_configuration(CARDS / "semantic_human_matting/accuracy-check.yml")
    predictor = evaluation.predictor(OnnxRuntimeEngine(save_one_picture(tmp_path / "net.onnx", 320, 320)))
    clips = write_clips(tmp_path / "clips", frames=1)
    for kind, new in (("com", "clip_img/18/clip_00"), ("fgr", "matting/18/matting_00")):
        (tmp_path / "human" / new).parent.mkdir(parents=True)
        (clips / kind / "a").rename(tmp_path / "human" / new)
    (result,) = compare({"m": predictor}, evaluation.open_dataset(tmp_path / "human"), evaluation.convention)
    assert set(result.models["m"].figures) == {"alpha_SAD", "alpha_MAD", "alpha_MSE"}
    pixels = 60 * 80
    assert result.models["m"].figures["alpha_SAD"] == pytest.approx(
        result.models["m"].figures["alpha_MAD"] * pixels / 1e6
    )


SCENES = SyntheticScenes(2, (40, 60))


def evaluation(folder: Path, source: str = "com*", plate: str = "bgr*", **changes: object) -> ConfiguredEvaluation:
    content = with_plate()
    inputs = content["models"][0]["launchers"][0]["inputs"]
    inputs[0]["value"], inputs[1]["value"] = source, plate
    content["models"][0]["datasets"][0].update(changes)
    (found,) = read_configuration(write_check(folder / "c.yml", content))
    return found


@pytest.fixture
def clips(tmp_path) -> Path:
    for name in ("x/1.png", "x/2.png"):
        write(tmp_path / "clips/com" / name)
        write(tmp_path / "clips/bgr" / name)
        write(tmp_path / "clips/fgr" / name, rgba(1, 1))
    return tmp_path / "clips"


@pytest.mark.parametrize("conversion", [None, clips_conversion()], ids=["layout found out", "layout told"])
def test_an_expression_that_no_file_matches_is_told_with_what_there_is(tmp_path, clips, conversion):
    wrong = evaluation(tmp_path, plate="zzz", annotation_conversion=conversion)
    with pytest.raises(UsageError) as caught:
        wrong.check(wrong.open_dataset(clips))
    message = str(caught.value)
    assert message.startswith(
        f"{tmp_path}/c.yml: models.0.launchers.0: the input bgr takes 'zzz', which matches no file"
    )
    assert "com/x/1.png, bgr/x/1.png: correct the expression" in message
    assert "\n" not in message
    right = evaluation(tmp_path, annotation_conversion=conversion)
    right.check(right.open_dataset(clips))


def test_one_frame_that_matches_is_enough_and_the_others_stay_problems_of_theirs(tmp_path, clips):
    few = evaluation(tmp_path, source=r"com/x/2\.", annotation_conversion=clips_conversion())
    few.check(few.open_dataset(clips))


def test_a_dataset_without_plates_has_none_for_an_input(tmp_path, clips):
    for path in sorted((clips / "bgr").rglob("*.png")):
        path.unlink()
    found = evaluation(tmp_path)
    with pytest.raises(UsageError, match=r"the input bgr takes 'bgr\*', which .* its first frame has com/x/1, com/x/1"):
        found.check(found.open_dataset(clips))


@pytest.mark.parametrize("name", ["omz_clips", "compositing", "pictures"])
def test_datasets_of_any_layout_have_what_accuracy_checker_calls_com_and_bgr(tmp_path, name):
    """Pictures that are made have what they are placed before as their plate."""
    files = {
        "omz_clips": ["com/x/1.png", "bgr/x/1.png", "fgr/x/1.png"],
        "compositing": ["fgr/1.png", "bgr/1.png"],
        "pictures": ["1.png", "bgr/1.png"],
    }
    for file in files[name]:
        write(tmp_path / "set" / file, rgba(1, 1))
    dataset = open_dataset(tmp_path / "set", name)
    evaluation(tmp_path).check(dataset)
    with pytest.raises(UsageError, match="the input src takes 'zzz'"):
        evaluation(tmp_path, source="zzz").check(dataset)


def test_synthetic_scenes(tmp_path):
    evaluation(tmp_path).check(SCENES)
    told = r"which matches no file of 2 synthetic scenes of 60x40; its first frame has com/0, bgr/0: correct"
    with pytest.raises(UsageError, match=told):
        evaluation(tmp_path, source="zzz").check(SCENES)


def test_inputs_without_expression_and_those_that_are_fed_back_need_no_file(tmp_path):
    for content in (recurrent(), portrait()):
        (found,) = read_configuration(write_check(tmp_path / "c.yml", content))
        found.check(SCENES)


def test_an_expression_that_breaks_the_line_is_told_in_one(tmp_path):
    with pytest.raises(UsageError, match=r"the input src takes 'a\\nb'") as caught:
        evaluation(tmp_path, source="a\nb").check(SCENES)
    assert "\n" not in str(caught.value)
