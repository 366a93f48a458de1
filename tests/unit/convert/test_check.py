"""IRs that do not give what their source gives, and what is done with them.

The wrong ones are made by a program in the place of Model Optimizer, which makes them from other arguments.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from helpers.builders import convert, published_file, write_card
from onnx import TensorProto, helper, numpy_helper

from omz.convert.check import Checker
from omz.convert.events import ConversionStep, IRReady
from omz.convert.facts import describe_parity, kept_in
from omz.convert.ir_file import save_ir
from omz.convert.manifest import Manifest, conversion_key, current_manifest, manifest_path
from omz.convert.onnx_to_ir import build_ir
from omz.convert.parity import OutputParity, Parity
from omz.convert.plan import CHECKS, ConversionPlan, ConversionSettings, plan_conversion
from omz.convert.sources import check_sources
from omz.convert.workplace import LOCK_FILE
from omz.errors import ConversionError
from omz.events import Event
from omz.runtime.openvino_engine import OpenVINOEngine, default_precision
from omz.runtime.quiet_openvino import ov
from omz.synthesis.scene import make_scene
from omz.zoo import Catalog
from omz.zoo.card import Tolerance
from omz.zoo.preprocessing import Preprocessing

PREFERRED = default_precision("CPU")
needs_lower_precision = pytest.mark.skipif(
    PREFERRED == "f32", reason="this processor prefers f32, so there is no lower precision to run in"
)

COPY = """
import pathlib, shutil, sys
told = dict(argument[2:].split("=", 1) for argument in sys.argv[1:] if "=" in argument)
for part in (".xml", ".bin"):
    target = pathlib.Path(told["output_dir"], told["model_name"] + part)
    shutil.copyfile(pathlib.Path({folder!r}, told["compress_to_fp16"] + part), target)
"""


def save(path: Path, nodes: Sequence[onnx.NodeProto], outputs: Sequence[str], constants: Mapping[str, object]) -> Path:
    """Write an ONNX file whose input src is a picture of any size."""
    graph = helper.make_graph(
        list(nodes),
        "net",
        [helper.make_tensor_value_info("src", TensorProto.FLOAT, [1, 3, "height", "width"])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def blue_and_grey(path: Path) -> Path:
    """Write a network that tells the first channel from the others, and gives the mean of all."""
    first = np.array([0.5, 0.125, 0.125], np.float32).reshape(1, 3, 1, 1)
    nodes = [
        helper.make_node("Conv", ["src", "first"], ["blue"]),
        helper.make_node("ReduceMean", ["src"], ["grey"], axes=[1], keepdims=1),
    ]
    return save(path, nodes, ["grey", "blue"], {"first": first})


def cancelling(path: Path) -> Path:
    """Write a network that subtracts 999.5 times a picture from 1000 times the picture, in convolutions."""
    large = np.zeros((6, 3, 1, 1), np.float32)
    for channel in range(3):
        large[channel, channel], large[channel + 3, channel] = 1000, 999.5
    less = np.zeros((3, 6, 1, 1), np.float32)
    for channel in range(3):
        less[channel, channel], less[channel, channel + 3] = 1, -1
    nodes = [
        helper.make_node("Conv", ["src", "large"], ["both"]),
        helper.make_node("Conv", ["both", "less"], ["half"]),
    ]
    return save(path, nodes, ["half"], {"large": large, "less": less})


def plan_of(root: Path, make=blue_and_grey, parity: object = None, **settings: object) -> ConversionPlan:
    """Return the plan of a card whose network wants RGB, a hundredth of what a file holds."""
    if not (root / "zoo").exists():
        source = make(root / "dl" / "public" / "net" / "net.onnx")
        write_card(
            root / "zoo", "net", parity=parity,
            files=[published_file("net.onnx", source.read_bytes(), "https://example.com/x")],
            input_info=[{"name": "src", "shape": [1, 3, -1, -1], "layout": "NCHW"}],
            model_optimizer_args=["--input_model=$dl_dir/net.onnx", "--reverse_input_channels", "--scale=100"],
        )  # fmt: skip
    return plan_conversion(Catalog(root / "zoo")["net"], root / "dl", root / "out", ConversionSettings(**settings))


def program_that_makes(root: Path, plan: ConversionPlan, **changes: object) -> tuple[str, ...]:
    """Return the command of a Model Optimizer that takes other arguments for those of the card."""
    model, _ = build_ir(plan.onnx_file, dataclasses.replace(plan.optimizer, **changes), "net")
    folder = root / "made"
    for precision, name in (("FP16", "True"), ("FP32", "False")):
        save_ir(model, folder / f"{name}.xml", precision)
    program = root / "mo.py"
    program.write_text(COPY.format(folder=str(folder)))
    return sys.executable, str(program)


def contents(folder: Path) -> dict[str, bytes]:
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {name: content for name, content in found.items() if name != LOCK_FILE}


def manifest_of(plan: ConversionPlan, precision: str) -> dict:
    return json.loads(manifest_path(plan.ir_path(precision)).read_text())


def checker(plan: ConversionPlan, said: list[str] | None = None) -> Checker:
    plan.folder.mkdir(parents=True, exist_ok=True)
    return Checker(plan, None, (said if said is not None else []).append)


def compared(check: Checker, model: ov.Model, preprocessing: tuple[Preprocessing, ...], root: Path) -> Parity:
    """Compare ``model`` with the source of the plan, and return the comparison in f32."""
    check.begin(model, preprocessing)
    save_ir(model, root / "compared.xml", "FP32")
    return check.parities(check.conversion(root / "compared.xml"))[0]


WRONG = [
    pytest.param({"reverse_input_channels": False}, "blue", id="colours not reversed"),
    pytest.param({"scale_all": None}, "grey", id="scale forgotten"),
    pytest.param({"scale_all": 104.0}, "", id="scale of another"),
    pytest.param({"mean": (("", (20.0,)),)}, "", id="mean too many"),
]


@pytest.mark.parametrize(("changes", "output"), WRONG)
def test_an_ir_that_does_something_else_is_refused_by_name(tmp_path, changes, output):
    plan = plan_of(tmp_path)
    model, _ = build_ir(plan.onnx_file, dataclasses.replace(plan.optimizer, **changes), "net")
    with pytest.raises(ConversionError) as caught:
        compared(checker(plan), model, plan.preprocessing, tmp_path)
    said = str(caught.value)
    assert said.startswith("net: the FP32 IR differs from ONNX Runtime ")
    assert f"elements of output {output}" in said
    assert "where 0.001 is allowed" in said
    assert "raise parity in the card to allow it, or skip the comparison with --check none" in said
    assert "\n" not in said


def test_an_ir_that_does_the_same_gets_its_figures(tmp_path):
    plan, said = plan_of(tmp_path, check="full"), []
    model, preprocessing = build_ir(plan.onnx_file, plan.optimizer, "net")
    check = checker(plan, said)
    check.begin(model, preprocessing)
    for precision in ("FP32", "FP16"):
        save_ir(model, tmp_path / f"{precision}.xml", precision)
    full = check.parities(check.conversion(tmp_path / "FP32.xml"))
    found, cost = check.compression(tmp_path / "FP16.xml")
    half = check.parities(found)
    for parity in (full, half):
        assert [each.precision for each in parity] == list(dict.fromkeys(["f32", PREFERRED]))
        assert [output.output for output in parity[0].outputs] == ["grey", "blue"]
    assert full[0].share <= 1e-3
    assert half[0].share <= 1e-2
    assert cost.source == "FP32 IR"
    assert check.parities(check.conversion(tmp_path / "FP32.xml")) == full
    assert said == ["comparing with the original (full)"]  # once: the source has run


def test_weights_in_half_precision_are_compared_as_they_are_stored(tmp_path):
    """A weight of 1 + 2**-11 is no half-precision number; the scale is one."""

    def network(path: Path) -> Path:
        weights = np.full((1, 3, 1, 1), 1 + 2**-11, np.float32)
        return save(path, [helper.make_node("Conv", ["src", "w"], ["out"])], ["out"], {"w": weights})

    convert(plan := plan_of(tmp_path, network, extra=("--scale=128",)))
    for found in (manifest_of(plan, "FP16")["compression"], manifest_of(plan, "FP16")["parity"][0]):
        (half,) = found["outputs"]
        assert half["largest"] / half["range"] == pytest.approx(2**-11, rel=0.01)
        assert half["beyond"] == 0
    (full,) = manifest_of(plan, "FP32")["parity"][0]["outputs"]
    assert full["largest"] / full["range"] < 1e-6
    assert manifest_of(plan, "FP32")["compression"] is None


def test_nothing_is_written_of_an_ir_that_is_refused(tmp_path):
    plan = plan_of(tmp_path)
    program = program_that_makes(tmp_path, plan, reverse_input_channels=False)
    with pytest.raises(ConversionError, match=r"the FP32 IR differs from .* output blue .*where 0\.001 is allowed"):
        convert(plan_of(tmp_path, optimizer_program=program))
    assert contents(plan.folder) == {}
    assert [path.name for path in plan.folder.iterdir() if path.name != LOCK_FILE] == []


def test_an_older_ir_stays_where_the_new_one_is_refused(tmp_path):
    plan = plan_of(tmp_path)
    convert(plan)
    before = contents(plan.folder)
    program = program_that_makes(tmp_path, plan, scale_all=None)
    for precisions in (("FP16", "FP32"), ("FP32",)):
        with pytest.raises(ConversionError, match="net: the FP32 IR differs from"):
            convert(plan_of(tmp_path, optimizer_program=program, precisions=precisions), force=True)
        assert contents(plan.folder) == before


def test_the_same_program_is_believed_where_it_makes_the_same(tmp_path):
    plan = plan_of(tmp_path)
    again = plan_of(tmp_path, optimizer_program=program_that_makes(tmp_path, plan))
    assert sorted(convert(again)) == ["FP16", "FP32"]
    assert manifest_of(again, "FP32")["parity"][0]["outputs"][1]["output"] == "blue"


def test_a_card_may_allow_more_and_the_ir_says_how_far_it_is(tmp_path):
    plan = plan_of(tmp_path, parity={"FP32": 1.0, "FP16": 0.9})
    program = program_that_makes(tmp_path, plan, reverse_input_channels=False)
    xml = convert(plan_of(tmp_path, optimizer_program=program, precisions=("FP32",)))["FP32"]
    blue = manifest_of(plan, "FP32")["parity"][0]["outputs"][1]
    picture = np.full((1, 3, 4, 4), 100, np.float32)
    picture[:, 2] = 200
    assert OpenVINOEngine(xml).infer({"src": picture})["blue"][0, 0, 0, 0] == pytest.approx(0.5 + 0.125 + 0.25)
    assert blue["p99_9"] > 0.01 * blue["range"] > 0


def test_a_card_that_allows_less_refuses_what_others_keep(tmp_path):
    plan = plan_of(tmp_path, parity={"FP32": 0.5})
    model, preprocessing = build_ir(plan.onnx_file, plan.optimizer, "net")
    changed = dataclasses.replace(plan.optimizer, scale_all=101.0)
    slightly, _ = build_ir(plan.onnx_file, changed, "net")
    compared(checker(plan), model, preprocessing, tmp_path)
    assert compared(checker(plan), slightly, preprocessing, tmp_path).share == pytest.approx(1 / 101, rel=0.05)
    card = plan.card.model_copy(update={"parity": Tolerance(FP32=1e-9)})
    with pytest.raises(ConversionError, match="where 1e-09 is allowed"):
        compared(checker(dataclasses.replace(plan, card=card)), slightly, preprocessing, tmp_path)


def test_without_a_check_even_a_wrong_ir_is_written_and_says_that_nothing_is_known(tmp_path):
    plan = plan_of(tmp_path)
    program = program_that_makes(tmp_path, plan, reverse_input_channels=False)
    events: list[Event] = []
    made = convert(plan_of(tmp_path, optimizer_program=program, check="none"), events.append)
    for precision, xml in made.items():
        manifest = manifest_of(plan, precision)
        assert (manifest["check"], manifest["parity"], manifest["keeps_model_in"]) == ("none", [], [])
        facts = OpenVINOEngine(xml).facts
        assert facts["keeps_model_in"] == ""
        assert not [key for key in facts if key.startswith("parity")]
        assert OpenVINOEngine(xml, precision="auto").info.precision == "f32"
    assert [event.parity for event in events if isinstance(event, IRReady)] == [(), ()]
    assert not [event for event in events if isinstance(event, ConversionStep) and "compar" in event.step]


def test_manifest_and_ir_hold_the_figures(tmp_path):
    plan = plan_of(tmp_path)
    events: list[Event] = []
    made = convert(plan, events.append)
    told = {event.precision: event.parity for event in events if isinstance(event, IRReady)}
    for precision, xml in made.items():
        manifest = manifest_of(plan, precision)
        assert manifest["check"] == "fast"
        assert manifest["parity"] == json.loads(json.dumps([dataclasses.asdict(each) for each in told[precision]]))
        facts = OpenVINOEngine(xml).facts
        assert facts["keeps_model_in"].split(",") == manifest["keeps_model_in"]
        for each in manifest["parity"]:
            assert each["samples"] == [{"src": [1, 3, 256, 320]}]
            assert each["device"] == "CPU"
            for output in each["outputs"]:
                prefix = f"parity_{each['precision']}_{output['output']}"
                for figure in ("largest", "mean", "p99_9"):
                    assert float(facts[f"{prefix}_{figure}"]) == pytest.approx(output[figure], rel=1e-3)
                if output["psnr"] is None:
                    assert facts[f"{prefix}_psnr"] == "identical"
                else:
                    assert float(facts[f"{prefix}_psnr"]) == pytest.approx(output["psnr"], abs=0.006)
    assert made["FP16"].read_text() != made["FP32"].read_text()


def test_figures_in_the_manifest_are_those_of_a_second_implementation(tmp_path):
    plan = plan_of(tmp_path, precisions=("FP32",), parity={"FP32": 1.0, "FP16": 1.0})
    program = program_that_makes(tmp_path, plan, reverse_input_channels=False)
    wrong = dataclasses.replace(plan, settings=dataclasses.replace(plan.settings, optimizer_program=program))
    convert(wrong)
    scenes = [make_scene(number, (256, 320), "parity").picture for number in range(4)]  # one is not enough, so far off
    scene = np.stack(scenes).astype(np.float64) / 100
    right, found = (pixels @ np.array([0.5, 0.125, 0.125]) for pixels in (scene[..., ::-1], scene))
    far = np.abs(right - found)
    blue = manifest_of(wrong, "FP32")["parity"][0]["outputs"][1]
    assert blue["output"] == "blue"
    assert blue["largest"] == pytest.approx(far.max(), rel=1e-4)
    assert blue["mean"] == pytest.approx(far.mean(), rel=1e-4)
    assert blue["p99_9"] == pytest.approx(np.quantile(far, 0.999), rel=1e-4)
    assert blue["range"] == pytest.approx(right.max(), rel=1e-4)
    assert blue["psnr"] == pytest.approx(10 * np.log10(right.max() ** 2 / np.mean(far**2)), abs=0.001)


def test_a_full_check_compares_more(tmp_path):
    samples = {}
    for check in ("fast", "full"):
        plan = plan_of(tmp_path, check=check, precisions=("FP32",))
        convert(plan, force=True)
        assert manifest_of(plan, "FP32")["check"] == check
        samples[check] = manifest_of(plan, "FP32")["parity"][0]["samples"]
    assert len(samples["full"]) > len(samples["fast"]) == 1
    assert {"src": [1, 3, 720, 1280]} in samples["full"]


def counting(path: Path) -> Path:
    """Write a network that gives the places where a sum is above a limit: as many as there are."""
    nodes = [
        helper.make_node("ReduceMean", ["src"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Mul", ["mean", "factor"], ["far"]),
        helper.make_node("Greater", ["far", "limit"], ["above"]),
        helper.make_node("NonZero", ["above"], ["found"]),
        helper.make_node("Cast", ["found"], ["places"], to=TensorProto.FLOAT),
    ]
    return save(path, nodes, ["places"], {"factor": np.float32(1.0009), "limit": np.float32(1.0)})


def test_a_precision_in_which_the_ir_fails_is_not_kept_and_no_failure(tmp_path):
    plan = plan_of(tmp_path, counting, precisions=("FP32",), check="full", parity={"FP32": 1.0, "FP16": 1.0})
    convert(plan)
    manifest = manifest_of(plan, "FP32")
    assert manifest["parity"][0]["precision"] == "f32"
    assert "f32" in manifest["keeps_model_in"]


def test_a_source_that_gives_no_number_proves_nothing(tmp_path):
    nodes = [helper.make_node("Mul", ["src", "nan"], ["out"])]
    plan = plan_of(tmp_path, lambda path: save(path, nodes, ["out"], {"nan": np.float32(np.nan)}))
    with pytest.raises(ConversionError, match="output out of its source has no finite number"):
        convert(plan)


def flat(path: Path) -> Path:
    """Write a network that takes pictures of 400x300 and no other, for it counts their pixels."""
    nodes = [
        helper.make_node("Reshape", ["src", "all"], ["pixels"]),
        helper.make_node("Mul", ["pixels", "half"], ["out"]),
    ]
    return save(path, nodes, ["out"], {"all": np.array([3, 120_000]), "half": np.float32(0.5)})


@pytest.mark.parametrize(
    ("make", "check", "compared"),
    [
        (blue_and_grey, "fast", [1, 3, 320, 256]),  # upright, as they are
        (blue_and_grey, "full", [1, 3, 400, 300]),
        (flat, "fast", [1, 3, 400, 300]),
    ],
)
def test_a_fast_check_gives_models_of_one_size_smaller_pictures_where_they_let_it(tmp_path, make, check, compared):
    shapes = {"src": (1, 3, 400, 300)}
    plan = plan_of(tmp_path, make, check=check, precisions=("FP32",), shapes=shapes)
    convert(plan)
    manifest = manifest_of(plan, "FP32")
    assert manifest["inputs"][0]["shape"] == "[1,3,400,300]"
    assert all(sample == {"src": compared} for sample in manifest["parity"][0]["samples"])
    program = program_that_makes(tmp_path, plan, reverse_input_channels=False)
    wrong = dataclasses.replace(plan, settings=dataclasses.replace(plan.settings, optimizer_program=program))
    with pytest.raises(ConversionError, match="IR differs from"):
        convert(wrong)


def states(plan: ConversionPlan) -> dict[str, str]:
    """Convert, and return what was said of each precision."""
    events: list[Event] = []
    convert(plan, events.append)
    return {event.precision: event.state for event in events if isinstance(event, IRReady)}


@pytest.mark.parametrize("first", CHECKS)
@pytest.mark.parametrize("second", CHECKS)
def test_a_stricter_check_converts_again_and_a_weaker_one_keeps(tmp_path, first, second):
    assert states(plan_of(tmp_path, check=first, precisions=("FP32",))) == {"FP32": "converted"}
    plan = plan_of(tmp_path, check=second, precisions=("FP32",))
    stricter = CHECKS.index(second) > CHECKS.index(first)
    key = conversion_key(plan, check_sources(plan))
    assert (current_manifest(plan.ir_path("FP32"), key, second) is None) == stricter
    assert states(plan) == {"FP32": "converted" if stricter else "up to date"}
    assert manifest_of(plan, "FP32")["check"] == (second if stricter else first)


def test_a_manifest_that_is_read_is_what_was_written(tmp_path):
    plan = plan_of(tmp_path, check="full", precisions=("FP32",))
    convert(plan)
    key = conversion_key(plan, check_sources(plan))
    manifest = current_manifest(plan.ir_path("FP32"), key, "none")
    assert isinstance(manifest, Manifest)
    assert json.loads(json.dumps(dataclasses.asdict(manifest))) == manifest_of(plan, "FP32")
    assert isinstance(manifest.parity[0].outputs[0], OutputParity)
    assert current_manifest(plan.ir_path("FP32"), "another", "none") is None


def test_what_a_card_allows_is_part_of_what_an_ir_depends_on(tmp_path):
    plan = plan_of(tmp_path, precisions=("FP32",))
    convert(plan)
    stricter = plan.card.model_copy(update={"parity": Tolerance(FP32=1e-5)})
    assert states(dataclasses.replace(plan, card=stricter)) == {"FP32": "converted"}


def test_a_source_that_does_not_run_on_the_samples_leaves_nothing(tmp_path):
    def eight_by_eight(path: Path) -> Path:
        nodes = [helper.make_node("Reshape", ["src", "row"], ["out"])]
        return save(path, nodes, ["out"], {"row": np.array([1, 3 * 8 * 8])})

    plan = plan_of(tmp_path, eight_by_eight)
    with pytest.raises(ConversionError, match=r"net\.onnx cannot be compared.* --shape .*--check none") as caught:
        convert(plan)
    assert "\n" not in str(caught.value)
    assert contents(plan.folder) == {}
    assert states(plan_of(tmp_path, eight_by_eight, shapes={"src": (1, 3, 8, 8)}, precisions=("FP16",)))
    assert states(plan_of(tmp_path, eight_by_eight, check="none", precisions=("FP32",)))


@pytest.fixture(scope="module")
def hurt(tmp_path_factory) -> ConversionPlan:
    """A model that does not keep its results where numbers have eight bits."""
    plan = plan_of(tmp_path_factory.mktemp("hurt"), cancelling, precisions=("FP32",), check="full")
    convert(plan)
    return plan


@pytest.fixture(scope="module")
def unhurt(tmp_path_factory) -> ConversionPlan:
    plan = plan_of(tmp_path_factory.mktemp("unhurt"), precisions=("FP32",), check="full")
    convert(plan)
    return plan


def halves(engine: OpenVINOEngine) -> tuple[np.ndarray, np.ndarray]:
    """Return what the cancelling network should give, and what it gives."""
    picture = np.random.default_rng(0).integers(0, 256, (1, 3, 32, 48)).astype(np.float32)
    return picture[:, ::-1] / 200, engine.infer({"src": picture})["half"]


@needs_lower_precision
def test_a_model_that_a_lower_precision_hurts_is_kept_from_it(hurt):
    manifest = manifest_of(hurt, "FP32")
    assert [each["precision"] for each in manifest["parity"]] == ["f32", PREFERRED]
    assert manifest["keeps_model_in"] == ["f32"]
    xml = hurt.ir_path("FP32")
    assert OpenVINOEngine(xml).facts["keeps_model_in"] == "f32"
    engine = OpenVINOEngine(xml, precision="auto")
    assert engine.info.precision == "f32"
    expected, found = halves(engine)
    np.testing.assert_allclose(found, expected, atol=1e-3)
    lower = OpenVINOEngine(xml, precision="default")
    assert lower.info.precision == PREFERRED
    expected, found = halves(lower)
    assert np.abs(found - expected).mean() > 0.05


@needs_lower_precision
def test_a_fast_check_of_open_sizes_does_not_try_a_lower_precision_which_would_establish_nothing(tmp_path):
    plan = plan_of(tmp_path, precisions=("FP32",))
    xml = convert(plan)["FP32"]
    assert [each["precision"] for each in manifest_of(plan, "FP32")["parity"]] == ["f32"]
    assert manifest_of(plan, "FP32")["keeps_model_in"] == ["f32"]
    assert OpenVINOEngine(xml, precision="auto").info.precision == "f32"


@needs_lower_precision
def test_a_model_that_a_lower_precision_does_not_hurt_runs_in_it(unhurt):
    assert manifest_of(unhurt, "FP32")["keeps_model_in"] == ["f32", PREFERRED]
    xml = unhurt.ir_path("FP32")
    assert OpenVINOEngine(xml, precision="auto").info.precision == PREFERRED
    assert OpenVINOEngine(xml).info.precision == "f32"


@needs_lower_precision
@pytest.mark.parametrize("device", ["AUTO", "AUTO:CPU", "HETERO:CPU"])
def test_a_device_that_chooses_runs_in_f32_what_was_not_seen_to_keep_its_results(hurt, unhurt, tmp_path, device):
    assert OpenVINOEngine(hurt.ir_path("FP32"), device, "auto").info.precision == "f32"
    unknown = plan_of(tmp_path, precisions=("FP32",), check="none")
    assert OpenVINOEngine(convert(unknown)["FP32"], device, "auto").info.precision == "f32"
    assert OpenVINOEngine(unknown.onnx_file, device, "auto").info.precision == "f32"


def test_a_file_of_others_runs_in_f32_where_the_engine_is_to_choose(unhurt):
    assert OpenVINOEngine(unhurt.onnx_file, precision="auto").info.precision == "f32"


def a_parity(
    precision: str, p99_9: float, largest: float = 0.5, psnr: float | None = 30.0, span: float = 1.0
) -> Parity:
    return Parity("a source", "CPU", precision, (), (OutputParity("out", largest, 0.01, p99_9, psnr, span, 0),))


def test_precisions_keep_a_model_that_are_as_near_as_half_precision_weights():
    parity = (a_parity("f32", 0.0005), a_parity("bf16", 0.01), a_parity("f16", 0.0101))
    assert kept_in(parity, Tolerance()) == ("f32", "bf16")
    assert kept_in(parity, Tolerance(FP16=0.5)) == ("f32", "bf16", "f16")
    assert kept_in((), Tolerance()) == ()


@pytest.mark.parametrize(
    "parity", [a_parity("bf16", 0.5, psnr=None, span=0.0), a_parity("bf16", 0.0, psnr=None, span=0.0)]
)
def test_what_differs_is_not_called_identical(unhurt, parity):
    """A source that gives nothing but zeros has no range, so that nothing can be said in dB."""
    model = ov.Core().read_model(unhurt.onnx_file)
    describe_parity(model, (parity,), Tolerance())
    assert model.get_rt_info(["omz", "parity_bf16_out_largest"]).astype(str) == "0.5"
    assert model.get_rt_info(["omz", "parity_bf16_out_psnr"]).astype(str) != "identical"
