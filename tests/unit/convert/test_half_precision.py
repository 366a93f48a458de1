"""Weights in half precision: what they cost, which of them stay in full precision, and what is done if that is no help.

The networks are made so that rounding destroys them: two products that are all but equal are subtracted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import pytest
from helpers.builders import convert, published_file, write_card
from onnx import TensorProto, helper, numpy_helper

from omz.convert.errors import CompressionError
from omz.convert.events import ConversionStep, FullPrecisionUsed, IRReady
from omz.convert.half_precision import in_half_precision, suspects, weights_to_keep
from omz.convert.manifest import manifest_path
from omz.convert.plan import ConversionPlan, ConversionSettings, plan_conversion
from omz.convert.store import find_ir, stored_ir
from omz.events import Event
from omz.runtime.openvino_engine import OpenVINOEngine
from omz.runtime.quiet_openvino import core, ov
from omz.zoo import Catalog

SIZE = (40, 50)
SHAPE = (1, 3, *SIZE)


def spoilt(ballast: int, small: bool = False) -> tuple[list[onnx.NodeProto], dict[str, np.ndarray]]:
    """Return a network that half precision destroys, and its constants.

    ``near`` and ``far``, which are 100 and 0.1 less, are what must not be rounded; ``small`` says that they have few
    elements. They come after half of ``ballast`` other constants of the size of a picture.
    """
    random = np.random.default_rng(0)
    shape = (1, 3, 1, 1) if small else SHAPE
    near = (100 + random.random(shape)).astype(np.float32)
    constants = {"near": near, "far": near - np.float32(0.1)}
    difference = [
        helper.make_node("Mul", ["last", "near"], ["one"]),
        helper.make_node("Mul", ["last", "far"], ["other"]),
        helper.make_node("Sub", ["one", "other"], ["difference"]),
    ]
    before, behind, last = [], [], "src"
    for number in range(ballast):
        constants[f"ballast{number}"] = random.uniform(0.9, 1.1, SHAPE).astype(np.float32)
    for number in range(ballast // 2):
        before.append(helper.make_node("Mul", [last, f"ballast{number}"], [f"x{number}"]))
        last = f"x{number}"
    difference[0].input[0] = difference[1].input[0] = last
    last = "difference"
    for number in range(ballast // 2, ballast):
        behind.append(helper.make_node("Mul", [last, f"ballast{number}"], [f"x{number}"]))
        last = f"x{number}"
    nodes = [*before, *difference, *behind]
    nodes[-1].output[0] = "out"
    return nodes, constants


def plan_of(root: Path, network: tuple[list[onnx.NodeProto], Mapping[str, np.ndarray]], **settings) -> ConversionPlan:
    nodes, constants = network
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes, "net", [value("src", TensorProto.FLOAT, SHAPE)], [value("out", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )  # fmt: skip
    path = root / "dl" / "public" / "net" / "net.onnx"
    if not path.exists():
        path.parent.mkdir(parents=True)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
        write_card(
            root / "zoo", "net", files=[published_file("net.onnx", path.read_bytes(), "https://example.com/x")],
            input_info=[{"name": "src", "shape": list(SHAPE), "layout": "NCHW"}],
        )  # fmt: skip
    return plan_conversion(Catalog(root / "zoo")["net"], root / "dl", root / "out", ConversionSettings(**settings))


def manifest_of(plan: ConversionPlan, precision: str) -> dict:
    return json.loads(manifest_path(plan.ir_path(precision)).read_text())


def picture() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, SHAPE).astype(np.float32)


def truth(constants: Mapping[str, np.ndarray], src: np.ndarray) -> np.ndarray:
    """Compute the network in float64."""
    numbers = {name: values.astype(np.float64) for name, values in constants.items()}
    result = src.astype(np.float64) * (numbers.pop("near") - numbers.pop("far"))
    for values in numbers.values():
        result = result * values
    return result


def relative_error(xml: Path, constants: Mapping[str, np.ndarray]) -> float:
    src = picture()
    expected = truth(constants, src)
    return float(np.abs(OpenVINOEngine(xml).infer({"src": src})["out"] - expected).mean() / expected.max())


def test_weights_whose_rounding_hurts_stay_in_full_precision_and_the_manifest_names_them(tmp_path):
    network = spoilt(ballast=24)
    plan = plan_of(tmp_path, network)
    events: list[Event] = []
    irs = convert(plan, events.append)
    kept = manifest_of(plan, "FP16")["kept_in_f32"]
    assert {"near", "far"} <= set(kept)
    assert len(kept) <= 4
    assert relative_error(irs["FP16"], network[1]) < 1e-3
    sizes = {precision: xml.with_suffix(".bin").stat().st_size for precision, xml in irs.items()}
    assert sizes["FP16"] < 0.6 * sizes["FP32"]
    (ready,) = [each for each in events if isinstance(each, IRReady) and each.precision == "FP16"]
    assert ready.kept_in_f32 == tuple(kept)
    assert ready.warning is None
    assert manifest_of(plan, "FP32")["kept_in_f32"] == []


def test_small_weights_are_spared_at_once(tmp_path):
    network = spoilt(ballast=8, small=True)
    plan = plan_of(tmp_path, network, precisions=("FP16",))
    assert relative_error(convert(plan)["FP16"], network[1]) < 1e-3
    assert manifest_of(plan, "FP16")["kept_in_f32"] == ["near", "far"]


def test_what_half_precision_destroys_is_not_written_but_the_rest_is(tmp_path):
    network = spoilt(ballast=0)
    plan = plan_of(tmp_path, network)
    with pytest.raises(CompressionError) as caught:
        convert(plan)
    said = str(caught.value)
    assert said.startswith("net: the FP16 IR is of no use: output ")
    assert "of its range, where 0.02 is the most that is of use" in said
    assert said.endswith("; convert with --precisions FP32")
    assert "\n" not in said
    assert not plan.ir_path("FP16").parent.exists()
    assert relative_error(plan.ir_path("FP32"), network[1]) < 1e-3
    assert manifest_of(plan, "FP32")["check"] == "fast"


def test_an_older_ir_in_half_precision_stays_where_a_new_one_is_refused(tmp_path):
    plan = plan_of(tmp_path, spoilt(ballast=0), check="none")
    convert(plan)
    before = plan.ir_path("FP16").read_bytes()
    with pytest.raises(CompressionError):
        convert(plan_of(tmp_path, spoilt(ballast=0)))
    assert plan.ir_path("FP16").read_bytes() == before


def test_the_store_falls_back_to_full_precision_once_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("OMZ_CACHE_DIR", str(tmp_path / "cache"))
    card = plan_of(tmp_path, spoilt(ballast=0)).card
    events: list[Event] = []
    assert find_ir(card) is None
    xml = stored_ir(card, tmp_path / "dl", events.append)
    assert xml.parent.name == "FP32"
    (told,) = [each.line for each in events if isinstance(each, FullPrecisionUsed)]
    assert told == "net: using weights in full precision (FP32), for those in half precision are of no use"
    assert find_ir(card) == xml
    events.clear()
    assert stored_ir(card, tmp_path / "dl", events.append) == xml
    assert not events


def test_a_difference_above_what_the_card_allows_is_a_warning(tmp_path):
    """A weight of 1 + 2**-11 loses 2**-11 of itself, and so does the output: nothing that anyone sees."""
    weights = {"w": np.full(SHAPE, 1 + 2**-11, np.float32)}
    plan = plan_of(tmp_path, ([helper.make_node("Mul", ["src", "w"], ["out"])], weights))
    card = plan.card.model_copy(update={"parity": plan.card.parity.model_copy(update={"FP16": 2**-13})})
    events: list[Event] = []
    convert(plan_conversion(card, plan.download_dir, plan.output_dir), events.append)
    (ready,) = [each for each in events if isinstance(each, IRReady) and each.precision == "FP16"]
    assert "of its range, where 0.00012207 is allowed" in (ready.warning or "")
    compression = manifest_of(plan, "FP16")["compression"]
    assert compression["source"] == "FP32 IR"
    assert len(compression["samples"]) == 4  # one picture did not suffice
    (out,) = compression["outputs"]
    assert out["largest"] / out["range"] == pytest.approx(2**-11, rel=0.01)
    assert out["beyond"] == 0


def model_of(root: Path, network: tuple[list[onnx.NodeProto], Mapping[str, np.ndarray]]) -> ov.Model:
    return core().read_model(plan_of(root, network).onnx_file)


def types_of(model: ov.Model) -> dict[str, str]:
    """Return the types in which constants are stored, by the names that they had in full precision."""
    constants = [each for each in model.get_ordered_ops() if each.get_type_name() == "Constant"]
    return {
        each.get_friendly_name().removesuffix("_compressed"): each.get_element_type().get_type_name()
        for each in constants
    }


def test_just_the_weights_named_stay_in_full_precision(tmp_path):
    model = model_of(tmp_path, spoilt(ballast=2))
    everything = {"near", "far", "ballast0", "ballast1"}
    for kept in ({"near"}, {"far", "ballast1"}, set(), everything):
        found = types_of(in_half_precision(model, kept))
        assert {name: found[name] for name in everything} == {
            name: "f32" if name in kept else "f16" for name in everything
        }
    assert set(types_of(model).values()) == {"f32"}  # which is as it was


@pytest.mark.parametrize("culprits", [{"ballast3"}, {"ballast17", "ballast18"}, {"near", "ballast39"}])
def test_the_search_finds_what_hurts_whatever_it_is(tmp_path, culprits):
    asked = []

    def harm(kept):
        asked.append(set(kept))
        return 0.0 if culprits <= set(kept) else 1.0

    kept = weights_to_keep(model_of(tmp_path, spoilt(ballast=40)), harm, 0.5)
    assert len(asked) <= 20
    if kept:  # else the two lie so far apart that most of what is between them would stay, too
        assert culprits <= set(kept)
        assert len(kept) <= 11
    else:
        assert len(culprits) > 1


def test_a_search_that_finds_nothing_keeps_nothing(tmp_path):
    assert weights_to_keep(model_of(tmp_path, spoilt(ballast=8)), lambda kept: 1.0, 0.5) == ()


def layers(biases: Mapping[str, float]) -> tuple[list[onnx.NodeProto], dict[str, np.ndarray]]:
    """Return convolutions one after the other, each with a bias, which the last one subtracts again."""
    random, constants, nodes, last = np.random.default_rng(0), {}, [], "src"
    for name, bias in biases.items():
        constants |= {
            f"{name}.w": random.normal(0, 0.02, (64, 64 if nodes else 3, 3, 3)).astype(np.float32),
            f"{name}.b": np.full(64, bias, np.float32),
        }
        nodes.append(helper.make_node("Conv", [last, f"{name}.w", f"{name}.b"], [f"{name}.out"], pads=[1, 1, 1, 1]))
        last = f"{name}.out"
    constants |= {"back": np.full((1, 64, 1, 1), -bias, np.float32), "mix": np.ones((3, 64, 1, 1), np.float32)}
    nodes += [helper.make_node("Add", [last, "back"], ["x"]), helper.make_node("Conv", ["x", "mix"], ["out"])]
    return nodes, constants


def test_a_layer_with_a_bias_that_is_rounded_much_is_spared_without_a_search(tmp_path):
    plan = plan_of(tmp_path, layers({"one": 0.3, "two": 0.3, "three": 0.3, "four": 0.3, "last": 1361.3}))
    events: list[Event] = []
    convert(plan, events.append)
    kept = manifest_of(plan, "FP16")["kept_in_f32"]
    assert "last.w" in kept
    assert not {"one.w", "two.w", "three.w", "four.w"} & set(kept)
    assert not [each for each in events if isinstance(each, ConversionStep) and "looking for" in each.step]
    types = types_of(core().read_model(plan.ir_path("FP16")))
    assert types["last.w"] == "f32"
    assert types["one.w"] == "f16"


def test_biases_that_are_rounded_little_raise_no_suspicion(tmp_path):
    assert suspects(model_of(tmp_path, layers({"one": 0.3, "last": 100.3}))) == ()
