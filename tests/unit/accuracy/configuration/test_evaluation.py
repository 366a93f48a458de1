"""The whole way, from an accuracy-check.yml to figures, against straight-line code on numpy, Pillow and SciPy."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers.builders import convert, published_file, write_card
from helpers.check_files import clips_conversion, portrait, with_plate, write_check, write_clips
from helpers.matting_networks import save_one_picture, save_two_pictures
from helpers.picture_files import touch
from mmeval import ConnectivityError, GradientError, MattingMeanSquaredError, SumAbsoluteDifferences
from PIL import Image
from scipy import ndimage

from omz.accuracy.comparison import compare
from omz.accuracy.configuration.evaluation import ConfiguredEvaluation
from omz.accuracy.configuration.reading import read_configuration
from omz.accuracy.conventions import CONVENTIONS, Convention, ScoredFrame
from omz.accuracy.summary import summarise
from omz.accuracy.verdict import reference_figures
from omz.convert.plan import plan_conversion
from omz.errors import EngineError, UsageError
from omz.runtime.engine import Engine
from omz.runtime.onnxruntime_engine import OnnxRuntimeEngine
from omz.runtime.openvino_engine import OpenVINOEngine
from omz.runtime.original import original_engine
from omz.runtime.quiet_openvino import ov
from omz.zoo import Catalog

HEIGHT, WIDTH = 48, 64
FIGURES = ("alpha_MAD", "alpha_GRAD", "alpha_MSE", "foreground_MSE")


# --- the oracle -------------------------------------------------------------------------------------------------------


def enlarged(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bilinear, by pixel centres, the edge repeated, nothing smoothed."""
    for axis, side in enumerate(size):
        old = image.shape[axis]
        place = np.clip((np.arange(side) + 0.5) * old / side - 0.5, 0, old - 1)
        below = np.minimum(place.astype(int), old - 2)
        weight = (place - below).reshape([-1 if each == axis else 1 for each in range(image.ndim)])
        image = np.take(image, below, axis) * (1 - weight) + np.take(image, below + 1, axis) * weight
    return image


def seen(path: Path) -> np.ndarray:
    """RGB, 0 to 1, as Pillow shrinks it."""
    return np.asarray(Image.open(path).convert("RGB").resize((WIDTH, HEIGHT), Image.BILINEAR)) / 255


def gradient(alpha: np.ndarray) -> np.ndarray:
    x = np.arange(-4, 5)
    g = np.exp(-(x**2) / (2 * 1.4**2)) / (1.4 * math.sqrt(2 * math.pi))
    kernel = np.outer(g, -x * g / 1.4**2)
    kernel /= math.sqrt((kernel**2).sum())
    return np.hypot(*(ndimage.convolve(alpha, each, mode="reflect") for each in (kernel, kernel.T)))


def mattes(folder: Path) -> Iterator[tuple[str, np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Predicted and true alpha, predicted and true foreground (RGB) of each frame."""
    for path in sorted((folder / "com").glob("*/*.png")):
        name = path.relative_to(folder / "com")
        source, plate = seen(path), seen(folder / "bgr" / name)
        rgba = np.asarray(Image.open(folder / "fgr" / name)) / 255
        distance = abs(source - plate)
        alpha = 1.7 * distance[..., 0] + 0.5 * distance[..., 2] - 0.05
        size = rgba.shape[:2]
        yield (
            str(name.with_suffix("")),
            enlarged(alpha, size),
            rgba[..., 3],
            enlarged(0.9 * source + 0.03, size),
            rgba[..., :3],
        )


def expected(folder: Path) -> dict[str, dict[str, float]]:
    """The four figures of each frame."""
    figures = {}
    for name, alpha, truth, foreground, colours in mattes(folder):
        there = truth > 0.01
        figures[name] = {
            "alpha_MAD": 1e3 * abs(alpha - truth).mean(),
            "alpha_GRAD": ((gradient(alpha) - gradient(truth)) ** 2).sum() / 1e3,
            "alpha_MSE": 1e3 * ((alpha - truth) ** 2).mean(),
            "foreground_MSE": 1e3 * ((foreground - colours)[there] ** 2).mean(),
        }
    return figures


# --- the zoo ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Engine]:
    """An original that takes RGB, 0 to 1, and what the converter makes of it."""
    folder = tmp_path_factory.mktemp("zoo")
    network = save_two_pictures(folder / "downloads/public/net/net.onnx", HEIGHT, WIDTH)
    shape = [1, 3, HEIGHT, WIDTH]
    write_card(
        folder / "models",
        "net",
        files=[published_file("net.onnx", network.read_bytes(), "https://example.com/net.onnx")],
        input_info=[{"name": name, "shape": shape, "layout": "NCHW"} for name in ("src", "bgr")],
        model_optimizer_args=[
            "--input_model=$dl_dir/net.onnx", "--output=pha,fgr", "--reverse_input_channels", "--scale=255",
        ],
    )  # fmt: skip
    card = Catalog(folder / "models")["net"]
    irs = convert(plan_conversion(card, folder / "downloads", folder / "irs"))
    return {
        "original": original_engine(card, folder / "downloads"),
        "FP32": OpenVINOEngine(irs["FP32"]),
    }


def read_one(path: Path, content: dict) -> ConfiguredEvaluation:
    (evaluation,) = read_configuration(write_check(path, content))
    return evaluation


def scores(evaluation: ConfiguredEvaluation, engine: Engine, source: Path) -> dict[str, dict[str, float]]:
    results = compare({"m": evaluation.predictor(engine)}, evaluation.open_dataset(source), evaluation.convention)
    return {result.name: result.models["m"].figures for result in results}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clips(tmp_path_factory.mktemp("clips"))


@pytest.mark.parametrize("conversion", [None, clips_conversion()], ids=["layout found out", "layout told"])
@pytest.mark.parametrize("form", ["original", "FP32"])
def test_the_shipped_configuration_serves_the_original_and_the_ir_alike(tmp_path, engines, clips, form, conversion):
    content = with_plate(WIDTH, HEIGHT)
    if conversion:
        content["models"][0]["datasets"][0]["annotation_conversion"] = conversion
    found = scores(read_one(tmp_path / "check.yml", content), engines[form], clips)
    oracle = expected(clips)
    assert list(found) == ["a/0000", "a/0001", "b/0000", "b/0001"]
    for name, figures in found.items():
        assert set(figures) == set(FIGURES)
        assert figures == pytest.approx(oracle[name], rel=1e-6)


def test_the_mean_over_frames_is_that_of_the_oracle(tmp_path, engines, clips):
    evaluation = read_one(tmp_path / "check.yml", with_plate(WIDTH, HEIGHT))
    predictor = evaluation.predictor(engines["original"])
    results = list(compare({"m": predictor}, evaluation.open_dataset(clips), evaluation.convention))
    summary = summarise(results, "m", evaluation.convention)
    means = {name: np.mean([each[name] for each in expected(clips).values()]) for name in FIGURES}
    assert reference_figures(evaluation.references, "m", summary, results) == pytest.approx(means, rel=1e-6)
    assert [reference.value for reference in evaluation.references] == [4.35, 2.49, 1.0, 2.69]


def test_figures_of_predictions_agree_with_mmeval(tmp_path, engines, clips):
    """The same predictions, at the size of their truth, under the conventions that mmeval measures by.

    mmeval's SAD and MSE sum the whole picture, so nothing may differ outside the unknown region: it is the whole.
    """
    evaluation = read_one(tmp_path / "check.yml", with_plate(WIDTH, HEIGHT))
    dataset, predictor = evaluation.open_dataset(clips), evaluation.predictor(engines["FP32"])
    for entry in dataset.entries:
        sample = dataset.read(entry)
        prediction = predictor.predict(sample, begins=True)
        height, width = (side // 4 * 4 for side in sample.alpha.shape)
        alpha = (np.floor(np.clip(prediction.alpha, 0, 1) * 255) / 255).astype(np.float64)[:height, :width]
        truth, trimap = sample.alpha[:height, :width], np.full((height, width), 128, np.uint8)
        single = [alpha.astype(np.float32)], [truth.astype(np.float32)]
        theirs = {
            "SAD": SumAbsoluteDifferences()([alpha], [truth])["sad"],
            "MSE": MattingMeanSquaredError()([alpha], [truth], [trimap])["matting_mse"],
            "GRAD": 1e3 * GradientError()([alpha], [truth], [trimap])["gradient_error"],
            "CONN": 1e3 * ConnectivityError()(*single, [trimap])["connectivity_error"],
        }
        figures = CONVENTIONS["dim"].score(ScoredFrame(alpha, truth, trimap=trimap))
        assert figures == pytest.approx(theirs, rel=1e-6)
        configured = evaluation.convention.score(ScoredFrame(alpha, truth))
        assert configured["alpha_MSE"] == pytest.approx(1e3 * theirs["MSE"], rel=1e-6)
        shm = convention(tmp_path, {"type": "sad", "name": "SAD", "convention": "shm"})
        assert shm.score(ScoredFrame(alpha, truth))["SAD"] == pytest.approx(theirs["SAD"], rel=1e-6)


def convention(folder: Path, *metrics: dict) -> Convention:
    content = portrait()
    del content["models"][0]["datasets"][0]["postprocessing"]
    content["models"][0]["datasets"][0]["metrics"] = list(metrics)
    return read_one(folder / "one.yml", content).convention


def test_portraits_are_compared_in_8_bits_at_the_size_of_the_network(tmp_path):
    """As for MODNet: pictures at the network's size, alpha cut off, truth to its nearest pixels; mean and std."""
    rng = np.random.default_rng(0)
    size, errors = 16, []
    for number in range(3):
        small = rng.integers(0, 256, (size, size, 3)).astype(np.uint8)
        truth = rng.integers(0, 256, (2 * size, 3 * size)).astype(np.uint8)
        Image.fromarray(small.repeat(2, 0).repeat(3, 1)).save(tmp_path / f"{number}.png")
        (tmp_path / "masks").mkdir(exist_ok=True)
        Image.fromarray(truth).save(tmp_path / f"masks/{number}.png")
        predicted = np.floor(np.clip(1.07 * small[..., 1] - 10.305, 0, 255))
        errors.append(predicted - truth[::2, ::3])
    content = portrait(size=size)
    content["models"][0]["datasets"][0]["annotation_conversion"] = {
        "converter": "background_matting", "images_dir": ".", "masks_dir": "masks",
    }  # fmt: skip
    evaluation = read_one(tmp_path / "check.yml", content)
    engine = OnnxRuntimeEngine(save_one_picture(tmp_path / "net.onnx", size, size))
    predictor, dataset = evaluation.predictor(engine), evaluation.open_dataset(tmp_path)
    results = list(compare({"m": predictor}, dataset, evaluation.convention))
    found = reference_figures(evaluation.references, "m", summarise(results, "m", evaluation.convention), results)
    mads, mses = [abs(each).mean() for each in errors], [(each**2).mean() for each in errors]
    assert found == pytest.approx(
        {"MAD": np.mean(mads), "MAD@std": np.std(mads), "MSE": np.mean(mses), "MSE@std": np.std(mses)}, rel=1e-9
    )
    assert (evaluation.convention.name, evaluation.convention.levels) == ("omz_modnet", "truncate")


def test_swapped_sides_are_an_error_and_no_figure(tmp_path, engines, clips):
    evaluation = read_one(tmp_path / "check.yml", with_plate(width=HEIGHT, height=WIDTH))
    with pytest.raises(EngineError, match=r"input src takes the shape \[1, 3, 48, 64\], not \[1, 3, 64, 48\]"):
        scores(evaluation, engines["FP32"], clips)


def test_without_resize_a_model_of_free_size_sees_pictures_at_their_own(tmp_path, clips):
    content = with_plate()
    content["models"][0]["datasets"][0]["preprocessing"] = [{"type": "rgb_to_bgr"}]
    content["models"][0]["launchers"][0]["adapter"] = "background_matting"
    content["models"][0]["launchers"][0]["inputs"] = [{"name": "image", "type": "INPUT", "value": "com*"}]
    content["models"][0]["datasets"][0]["metrics"] = [{"type": "mad"}]
    evaluation = read_one(tmp_path / "check.yml", content)
    engine = OnnxRuntimeEngine(save_one_picture(tmp_path / "net.onnx", "height", "width"))
    found = scores(evaluation, engine, clips)
    for name, figures in found.items():
        green = np.asarray(Image.open(clips / f"com/{name}.png"))[..., 1] / 255
        truth = np.asarray(Image.open(clips / f"fgr/{name}.png"))[..., 3] / 255
        assert figures == {"mad": pytest.approx(1e3 * abs(1.07 * green - 10.305 / 255 - truth).mean(), rel=1e-6)}


def test_a_process_type_that_is_left_out_follows_from_the_output(tmp_path, engines, clips):
    content = with_plate(WIDTH, HEIGHT)
    for metric in content["models"][0]["datasets"][0]["metrics"]:
        del metric["process_type"]
    found = scores(read_one(tmp_path / "check.yml", content), engines["original"], clips)
    for name, figures in expected(clips).items():
        assert found[name] == pytest.approx(figures, rel=1e-6)


@pytest.mark.parametrize(
    ("framework", "file", "told"),
    [
        ("openvino", "net.xml", "OpenVINO"),
        ("openvino", "net.onnx", "OpenVINO"),
        ("dlsdk", "net.onnx", "OpenVINO"),
        ("onnx_runtime", "net.onnx", "ONNX Runtime"),
    ],
)
def test_the_framework_of_the_launcher_runs_the_model(tmp_path, clips, framework, file, told):
    """The network takes RGB, 0 to 1; made to see it, either framework gives the figures of the oracle."""
    content = with_plate(WIDTH, HEIGHT)
    content["models"][0]["launchers"][0].update(framework=framework, model=file)
    content["models"][0]["datasets"][0]["preprocessing"] = [
        {**content["models"][0]["datasets"][0]["preprocessing"][1]},
        {"type": "normalization", "std": 255},
    ]
    evaluation = read_one(tmp_path / "check.yml", content)
    network = save_two_pictures(tmp_path / "net.onnx", HEIGHT, WIDTH)
    ov.save_model(ov.convert_model(network), tmp_path / "net.xml", compress_to_fp16=False)
    engine = evaluation.engine(evaluation.model_file(tmp_path), "CPU", "f32")
    assert (engine.info.framework, engine.info.precision) == (told, "f32")
    oracle = expected(clips)
    for name, figures in scores(evaluation, engine, clips).items():
        assert figures["alpha_MAD"] == pytest.approx(oracle[name]["alpha_MAD"], rel=1e-5)


def test_an_engine_of_a_damaged_file_or_a_device_that_is_not_there(tmp_path):
    evaluation = read_one(tmp_path / "check.yml", with_plate())
    (tmp_path / "net.onnx").write_bytes(b"no network")
    with pytest.raises(EngineError, match=r"net\.onnx does not run on CPU"):
        evaluation.engine(tmp_path / "net.onnx")
    with pytest.raises(EngineError, match="device XPU is not there"):
        evaluation.engine(tmp_path / "net.onnx", "XPU")


NAME = "background-matting-mobilenetv2"


@pytest.fixture
def evaluation(tmp_path):
    def read(**launcher: object) -> ConfiguredEvaluation:
        content = with_plate()
        content["models"][0]["launchers"][0].update(launcher)
        return read_configuration(write_check(tmp_path / "c.yml", content))[0]

    return read


def test_a_model_that_is_named_lies_below_the_folder(evaluation, tmp_path):
    touch(tmp_path, "irs/a.xml", "irs/b.xml")
    assert evaluation(model="irs/a.xml", weights="irs/a.bin").model_file(tmp_path) == tmp_path / "irs/a.xml"
    absolute = str(tmp_path / "irs/b.xml")
    assert evaluation(model=absolute).model_file() == tmp_path / "irs/b.xml"
    with pytest.raises(UsageError, match=r"models\.0\.launchers\.0: there is no model .*c\.xml"):
        evaluation(model="c.xml").model_file(tmp_path)
    with pytest.raises(UsageError, match=r"weights .*b\.bin do not lie beside the model"):
        evaluation(model="irs/a.xml", weights="irs/b.bin").model_file(tmp_path)


def test_a_file_is_the_model(evaluation, tmp_path):
    touch(tmp_path, "any.onnx")
    assert evaluation().model_file(tmp_path / "any.onnx") == tmp_path / "any.onnx"
    with pytest.raises(UsageError, match="no model is named"):
        evaluation().model_file()


def test_in_a_folder_the_name_comes_first_and_then_the_only_one(evaluation, tmp_path):
    touch(tmp_path, "a/x.xml", "a/x.bin", f"a/{NAME}.onnx", "b/x.xml", "b/y.onnx", "c/x.xml", "c/y.xml", "d/x.pth")
    assert evaluation().model_file(tmp_path / "a").name == f"{NAME}.onnx"
    assert evaluation().model_file(tmp_path / "b").name == "x.xml"
    with pytest.raises(UsageError, match=r"c has 2 models, x\.xml and y\.xml among them"):
        evaluation().model_file(tmp_path / "c")
    with pytest.raises(UsageError, match=r"d has no model \(\.xml, \.onnx\)"):
        evaluation().model_file(tmp_path / "d")
    assert evaluation(framework="onnx_runtime").model_file(tmp_path / "b").name == "y.onnx"


NO_NETWORK = "a file does not say which network pytorch has to build; give a card with --name"
COMPILED = "is compiled for one device, which does not run here; name the .xml it was made of"


@pytest.mark.parametrize(
    ("framework", "file", "told"),
    [
        ("openvino", "a.blob", f"{{path}} {COMPILED}"),
        ("onnx_runtime", "a.blob", f"{{path}} {COMPILED}"),
        ("openvino", "a.pth", "openvino does not run {path}; name a file that ends in .xml or .onnx"),
        ("dlsdk", "a", "dlsdk does not run {path}; name a file that ends in .xml or .onnx"),
        (
            "onnx_runtime", "a.xml",
            "onnx_runtime does not run {path}; name a file that ends in .onnx, or set framework to openvino",
        ),
        ("pytorch", "a.pth", NO_NETWORK),
        ("pytorch", "a.onnx", NO_NETWORK),
    ],
)  # fmt: skip
@pytest.mark.parametrize("named_by", ["launcher", "command", "engine"])
def test_a_file_that_the_framework_does_not_run_is_refused(evaluation, tmp_path, framework, file, told, named_by):
    touch(tmp_path, file)
    path = tmp_path / file
    configured = evaluation(framework=framework, model=file if named_by == "launcher" else None)
    take = configured.engine if named_by == "engine" else configured.model_file
    with pytest.raises(UsageError) as caught:
        take(tmp_path if named_by == "launcher" else path)
    assert str(caught.value) == f"{tmp_path}/c.yml: models.0.launchers.0: {told.format(path=path)}"


def test_pytorch_is_told_what_it_needs_whatever_is_there(evaluation, tmp_path):
    for models in (None, tmp_path, tmp_path / "gone"):
        with pytest.raises(UsageError, match=f"models.0.launchers.0: {NO_NETWORK}$"):
            evaluation(framework="pytorch").model_file(models)


def test_onnx_runtime_runs_on_the_cpu_alone(evaluation, tmp_path):
    touch(tmp_path, "a.onnx")
    assert evaluation(framework="onnx_runtime", device="cpu").model_file(tmp_path) == tmp_path / "a.onnx"
    with pytest.raises(UsageError, match="onnx_runtime runs on the CPU here, not on GPU; leave device out"):
        evaluation(framework="onnx_runtime", device="GPU").model_file(tmp_path)
    assert evaluation(framework="openvino", device="GPU").model_file(tmp_path) == tmp_path / "a.onnx"


def test_a_name_that_breaks_the_line_is_told_in_one(evaluation, tmp_path):
    with pytest.raises(UsageError, match=r"there is no model .*a\\nb\.xml; name another") as caught:
        evaluation(model="a\nb.xml").model_file(tmp_path)
    assert "\n" not in str(caught.value)
