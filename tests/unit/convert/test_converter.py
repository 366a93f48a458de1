"""One model, three forms: PyTorch, ONNX in ONNX Runtime, IR in OpenVINO, and what stands between a user and them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from helpers.builders import convert, heavy_model, small_model, write_card
from helpers.generated_weights import generated_image

from omz.checksum import file_digest
from omz.convert.plan import ConversionPlan, ConversionSettings, plan_conversion
from omz.convert.pytorch_to_onnx import export_pytorch
from omz.convert.workplace import LOCK_FILE
from omz.errors import CardError, ConversionError, ModelFileError, OmzError
from omz.networks.background_matting import BackgroundMatting
from omz.runtime.engine import Engine, TensorInfo
from omz.runtime.onnxruntime_engine import OnnxRuntimeEngine
from omz.runtime.openvino_engine import OpenVINOEngine
from omz.runtime.original import original_engine
from omz.runtime.pytorch_engine import PyTorchEngine, build_network
from omz.runtime.quiet_openvino import ov
from omz.zoo import Catalog, ModelCard
from omz.zoo.card import Tolerance
from omz.zoo.export_arguments import ExportArguments
from omz.zoo.model_file import Checksum

AGREEMENT = 1e-4


def pictures(height: int, width: int) -> dict[str, np.ndarray]:
    """Return a pair as the IR takes it: BGR, 0 to 255."""
    return {
        name: np.round(255 * generated_image(seed, (1, 3, height, width)))
        for seed, name in enumerate(("src", "bgr"), start=1)
    }


def assert_agree(first: Engine, second: Engine, inputs: dict[str, np.ndarray]) -> None:
    ours, theirs = first.infer(inputs), second.infer(inputs)
    assert ours.keys() == theirs.keys()
    for name, values in ours.items():
        np.testing.assert_allclose(values, theirs[name], rtol=0, atol=AGREEMENT)


@pytest.fixture(scope="module")
def starter(tmp_path_factory) -> ConversionPlan:
    folder = tmp_path_factory.mktemp("starter")
    plan = plan_conversion(Catalog()["background-matting-starter"], folder, folder)
    convert(plan)
    return plan


@pytest.fixture(scope="module")
def published(tmp_path_factory, generated_state) -> tuple[ModelCard, ConversionPlan]:
    """The published card, its file replaced by one of the same network with generated weights."""
    folder = tmp_path_factory.mktemp("published")
    card = Catalog()["background-matting-mobilenetv2"]
    weights = folder / "weights.pth"
    torch.save(generated_state, weights)
    source = folder / card.subdirectory / card.files[0].name
    source.parent.mkdir(parents=True)
    axes = {name: {0: "batch", 2: "height", 3: "width"} for name in ("src", "bgr", "pha", "fgr")}
    shape = (1, 3, 256, 256)
    arguments = ExportArguments(
        "omz.networks.background_matting", "BackgroundMatting", {}, weights, (shape, shape), ("src", "bgr"),
        ("pha", "fgr"), source, 17, {"dynamic_axes": axes},
    )  # fmt: skip
    export_pytorch(build_network(arguments), arguments)
    file = card.files[0].model_copy(update={"size": source.stat().st_size, "checksum": Checksum.of(source)})
    # Generated weights make a network in which the least change of a weight refines other blocks.
    card = card.model_copy(update={"files": (file,), "parity": Tolerance(FP16=1.0)})
    plan = plan_conversion(card, folder, folder)
    convert(plan)
    return card, plan


@pytest.mark.parametrize("size", [(720, 1280), (360, 644), (32, 32)])
def test_the_starter_is_the_same_in_all_three_forms(starter, size):
    network = original_engine(starter.card, Path())
    exported = OnnxRuntimeEngine(starter.export.output_file, starter.preprocessing)
    inputs = pictures(*size)
    assert_agree(network, exported, inputs)
    assert_agree(network, OpenVINOEngine(starter.ir_path("FP32")), inputs)
    exact, halved = (OpenVINOEngine(starter.ir_path(precision)).infer(inputs) for precision in ("FP32", "FP16"))
    assert np.abs(exact["pha"] - halved["pha"]).mean() < 1e-3


def test_the_published_network_is_the_same_in_all_three_forms(published, generated_state):
    card, plan = published
    network = BackgroundMatting()
    network.load_state_dict(generated_state)
    infos = tuple(TensorInfo(info.name, info.shape) for info in card.input_info)
    engine = PyTorchEngine(network, infos, ("pha", "fgr"), plan.preprocessing)
    inputs = pictures(720, 1280)
    assert_agree(engine, OnnxRuntimeEngine(plan.source, plan.preprocessing), inputs)
    assert_agree(engine, OpenVINOEngine(plan.ir_path("FP32")), inputs)


def test_the_ir_takes_bgr_0_to_255_where_the_original_takes_rgb_0_to_1(published):
    _, plan = published
    inputs = pictures(720, 1280)
    by_hand = {name: np.ascontiguousarray(value[:, ::-1]) / np.float32(255) for name, value in inputs.items()}
    original = OnnxRuntimeEngine(plan.source).infer(by_hand)
    converted = OpenVINOEngine(plan.ir_path("FP32")).infer(inputs)
    for name in ("pha", "fgr"):
        np.testing.assert_allclose(original[name], converted[name], rtol=0, atol=AGREEMENT)


def test_the_published_ir_has_the_shapes_of_its_card(published):
    model = ov.Core().read_model(published[1].ir_path("FP16"))
    assert {port.any_name: list(port.shape) for port in model.inputs} == {
        "src": [1, 3, 720, 1280],
        "bgr": [1, 3, 720, 1280],
    }
    assert {port.any_name: list(port.shape) for port in model.outputs} == {
        "pha": [1, 1, 720, 1280],
        "fgr": [1, 3, 720, 1280],
    }


def test_the_onnx_file_is_one_file_of_the_opset_asked_for(starter):
    model = onnx.load(starter.export.output_file, load_external_data=False)
    assert [entry.version for entry in model.opset_import if entry.domain == ""] == [17]
    assert not any(tensor.data_location for tensor in model.graph.initializer)
    assert [value.name for value in model.graph.input] == ["src", "bgr"]
    assert [value.name for value in model.graph.output] == ["pha"]
    assert model.graph.input[0].type.tensor_type.shape.dim[2].dim_param == "height"


def test_the_ir_describes_itself(starter):
    facts = OpenVINOEngine(starter.ir_path("FP16")).facts
    assert facts["name"] == "background-matting-starter"
    assert facts["task_type"] == "background_matting"
    assert facts["input_src_takes"] == "BGR"
    assert facts["input_src_embedded_scale"] == "255.0"
    assert facts["source_sha384"] == starter.card.files[0].checksum.value


def files_in(folder: Path) -> list[str]:
    """Return the files of a folder, but for the lock."""
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    return [name for name in found if name != LOCK_FILE]


def test_nothing_but_the_results_is_left(starter):
    name = starter.card.name
    assert files_in(starter.folder) == [
        *(f"{precision}/{name}.{suffix}" for precision in ("FP16", "FP32") for suffix in ("bin", "json", "xml")),
        f"{name}.onnx",
    ]


def test_half_precision_is_half_the_size(starter):
    sizes = {p: starter.ir_path(p).with_suffix(".bin").stat().st_size for p in ("FP16", "FP32")}
    assert sizes["FP16"] < 0.55 * sizes["FP32"]


def entry(name: str, channels: int) -> dict[str, object]:
    return {"name": name, "shape": [1, channels, 8, 8], "layout": "NCHW"}


def small_plan(tmp_path: Path, *arguments: str, source: bytes | None = None, **changes: object) -> ConversionPlan:
    path = small_model(tmp_path / "dl" / "public" / "net" / "net.onnx")
    if source is not None:
        path.write_bytes(source)
    file = {
        "name": "net.onnx",
        "size": path.stat().st_size,
        "checksum": file_digest(path),
        "source": "https://example.com/x",
    }
    content = {"files": [file], "model_optimizer_args": ["--input_model=$dl_dir/net.onnx", *arguments], **changes}
    write_card(tmp_path / "zoo", "net", **content)
    return plan_conversion(Catalog(tmp_path / "zoo")["net"], tmp_path / "dl", tmp_path / "out")


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("sum,double,inner", ["sum", "double", "inner"]),
        ("inner,double,sum", ["sum", "double", "inner"]),  # all of them: the model's order
        ("double,sum", ["double", "sum"]),  # some of them: the order asked for
        ("sum", ["sum"]),
        ("sum,sum", ["sum"]),
        ("hidden,sum", ["hidden", "sum"]),  # a tensor inside the graph
    ],
)
def test_outputs_are_cut_and_ordered_as_model_optimizer_did(tmp_path, asked, given):
    plan = small_plan(tmp_path, f"--output={asked}")
    model = ov.Core().read_model(convert(plan)["FP32"])
    assert [port.any_name for port in model.outputs] == given


def test_mean_and_scale_of_one_input_leave_the_other_alone(tmp_path):
    plan = small_plan(tmp_path, "--output=sum", "--mean_values=src[1,2,3]", "--scale_values=src[2,4,8]")
    engine = OpenVINOEngine(convert(plan)["FP32"])
    x = np.random.default_rng(0).random((1, 3, 4, 5), np.float32) * 255
    by_hand = (x - np.array([1, 2, 3]).reshape(1, 3, 1, 1)) / np.array([2, 4, 8]).reshape(1, 3, 1, 1) + x
    np.testing.assert_allclose(engine.infer({"src": x, "bgr": x})["sum"], by_hand, rtol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "changes", "message"),
    [
        (["--output=nothing"], {}, "no output 'nothing'; it has sum, double, inner"),
        ([], {"input_info": [{"name": "x", "shape": [1], "layout": "N"}]}, "no input 'x'; it has src, bgr"),
        ([], {"input_info": [entry("src", 3)]}, "needs its input bgr"),
        ([], {"input_info": [entry("src", 4), entry("bgr", 3)]}, "does not take the shapes, mean or scale"),
    ],
)
def test_what_the_model_cannot_do_is_named_and_nothing_is_left(tmp_path, arguments, changes, message):
    plan = small_plan(tmp_path, *arguments, **changes)
    with pytest.raises(ConversionError) as caught:
        convert(plan)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert files_in(plan.folder) == []


@pytest.mark.parametrize("content", [b"", b"no onnx", b"\x08\x08\x12\x00"])
def test_a_file_that_is_no_onnx_is_one_line(tmp_path, content):
    plan = small_plan(tmp_path, source=content)
    with pytest.raises(ConversionError) as caught:
        convert(plan)
    assert "net.onnx" in str(caught.value)
    assert "\n" not in str(caught.value)


def damaged(content: bytes, number: int) -> bytes:
    """Return a file cut short, with some bits turned, or with some bytes replaced."""
    random = np.random.default_rng(number)
    if number % 3 == 0:
        return content[: random.integers(len(content))]
    changed = bytearray(content)
    for place in random.integers(len(content), size=random.integers(1, 4)):
        changed[place] ^= int(2 ** random.integers(8) if number % 3 == 1 else random.integers(1, 256))
    return bytes(changed)


def test_a_damaged_file_is_one_line_or_still_a_network(tmp_path):
    plan = small_plan(tmp_path)
    content = plan.source.read_bytes()
    refused = []
    for number in range(150):
        plan.source.write_bytes(damaged(content, number))
        file = plan.card.files[0].model_copy(
            update={"size": plan.source.stat().st_size, "checksum": Checksum.of(plan.source)}
        )
        card = plan.card.model_copy(update={"files": (file,)})
        folder = tmp_path / str(number)
        try:
            convert(plan_conversion(card, plan.download_dir, folder))
        except OmzError as error:
            refused.append((str(error), files_in(folder / card.subdirectory)))
    assert len(refused) > 100
    for message, left in refused:
        assert "net" in message
        assert "\n" not in message
        assert left == []


def test_a_source_that_is_missing_or_not_the_cards_is_refused(tmp_path):
    plan = small_plan(tmp_path)
    content = plan.source.read_bytes()
    plan.source.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ModelFileError, match="another sha384"):
        convert(plan)
    plan.source.write_bytes(content[:-1])
    with pytest.raises(ModelFileError, match=f"has {len(content) - 1} bytes, not {len(content)}"):
        convert(plan)
    plan.source.unlink()
    with pytest.raises(ModelFileError, match="run omz_downloader --name net -o"):
        convert(plan)


def test_a_source_in_a_subfolder_is_checked_and_one_that_is_not_listed_refused(tmp_path):
    content = small_model(tmp_path / "dl" / "public" / "net" / "deep" / "net.onnx").read_bytes()
    file = {"name": "deep/net.onnx", "size": len(content), "checksum": "0" * 96, "source": "https://example.com/x"}
    arguments = ["--input_model=$dl_dir/deep/net.onnx"]
    with pytest.raises(ModelFileError, match="another sha384"):
        convert(small_plan(tmp_path, files=[file], model_optimizer_args=arguments))
    other = tmp_path / "other"
    with pytest.raises(CardError, match=r"net\.onnx is used, but not listed"):
        convert(small_plan(other, files=[]))


def test_an_original_is_checked_too(tmp_path):
    plan = small_plan(tmp_path)
    assert original_engine(plan.card, tmp_path / "dl").outputs == ("sum", "double", "inner")
    plan.source.write_bytes(plan.source.read_bytes() + b"x")
    with pytest.raises(ModelFileError, match="bytes, not"):
        original_engine(plan.card, tmp_path / "dl")


def test_inputs_that_the_outputs_do_not_need_are_gone(tmp_path):
    plan = small_plan(tmp_path, "--output=double", input_info=[entry("src", 3)])
    model = ov.Core().read_model(convert(plan)["FP32"])
    assert [port.any_name for port in model.inputs] == ["src"]


def test_a_failed_conversion_keeps_the_old_ir(tmp_path):
    plan = small_plan(tmp_path)
    old = convert(plan)["FP32"].read_bytes()
    plan.source.write_bytes(b"broken")
    with pytest.raises(ModelFileError):
        convert(plan)
    assert plan.ir_path("FP32").read_bytes() == old


def test_precisions_that_no_conversion_makes_are_left_out(tmp_path):
    plan = small_plan(tmp_path)
    again = plan_conversion(
        plan.card, plan.download_dir, tmp_path / "out", ConversionSettings({"FP32", "FP16-INT8", "FP16"})
    )
    assert again.precisions == ("FP16", "FP32")


@pytest.mark.parametrize("framework", ["tf", "caffe", "mxnet"])
def test_a_framework_that_is_not_converted_is_named(tmp_path, framework):
    with pytest.raises(CardError, match=f"models of framework {framework} cannot be converted"):
        small_plan(tmp_path, framework=framework)


@pytest.mark.parametrize("limit", [100_000, 3_000_000])
def test_a_disk_that_fills_up_is_one_line_and_leaves_nothing(tmp_path, limit):
    """A limit on the size of files stops the first IR of a network with a million weights, early or late."""
    source = heavy_model(tmp_path / "dl" / "public" / "net" / "net.onnx", weights=1_000_000)
    plan = small_plan(tmp_path, source=source.read_bytes())
    script = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from omz.convert.converter import carry_out\n"
        "from omz.convert.plan import plan_conversion\n"
        "from omz.errors import ConversionError\n"
        "from omz.zoo import Catalog\n"
        "folder = Path(sys.argv[1])\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
        "plan = plan_conversion(Catalog(folder / 'zoo')['net'], folder / 'dl', folder / 'out')\n"
        "try:\n    carry_out(plan)\nexcept ConversionError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("the FP32 IR cannot be written")
    assert done.stdout.count("\n") == 1
    assert files_in(plan.folder) == []


def test_code_that_comes_with_a_card_is_not_run(tmp_path):
    (tmp_path / "zoo" / "net").mkdir(parents=True)
    code = f"open({str(tmp_path / 'executed')!r}, 'w')"
    (tmp_path / "evil.py").write_text(code)
    plan = small_plan(
        tmp_path / "other", framework="pytorch",
        conversion_to_onnx_args=[
            f"--model-path={tmp_path}", "--import-module=evil", "--model-name=Net", "--input-shapes=1,3,8,8",
            "--input-names=src,bgr", "--output-names=pha", "--output-file=$conv_dir/net.onnx",
        ],
    )  # fmt: skip
    with pytest.raises(ConversionError, match=r"code that comes with the card \(evil\)"):
        convert(plan)
    with pytest.raises(CardError, match="give --trust_code if you trust its authors"):
        original_engine(plan.card, tmp_path / "other" / "dl")
    assert not (tmp_path / "executed").exists()
