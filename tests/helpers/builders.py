"""Small cards and models for tests."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import yaml
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from omz.convert.converter import carry_out
from omz.convert.plan import ConversionPlan, Precision
from omz.events import Report
from omz.runtime.quiet_openvino import ov
from omz.zoo import Catalog
from omz.zoo.model_file import Checksum

MODELS = Path(__file__).parents[2] / "models"


def own_names() -> list[str]:
    """Return the names of the models of the package: those of the folders with a card."""
    return sorted(card.parent.name for card in MODELS.glob("*/model.yml"))


def write_card(root: Path, folder_name: str, **changes: object) -> Path:
    """Write a small valid card into a zoo below ``root``, with some keys changed (None: left out)."""
    content: dict[str, object] = {
        "description": "A card for a test.",
        "task_type": "background_matting",
        "framework": "onnx",
        "license": "https://example.com/license",
        "files": [{"name": "net.onnx", "size": 1, "checksum": "1" * 96, "source": "https://example.com/net.onnx"}],
        "input_info": [
            {"name": "src", "shape": [1, 3, -1, -1], "layout": "NCHW"},
            {"name": "bgr", "shape": [1, 3, -1, -1], "layout": "NCHW"},
        ],
        "model_optimizer_args": ["--input_model=$dl_dir/net.onnx"],
    }
    content = {key: value for key, value in {**content, **changes}.items() if value is not None}
    folder = root / folder_name
    folder.mkdir(parents=True)
    (folder / "model.yml").write_text(yaml.safe_dump(content))
    return folder


def write_companions(folder: Path) -> None:
    """Write a README and an accuracy file of no particular inputs beside a card."""
    (folder / "README.md").write_text("# A model for a test\n")
    (folder / "accuracy-check.yml").write_text(yaml.safe_dump({"models": [accuracy_model()]}))


def accuracy_model(**launcher: object) -> dict[str, object]:
    """Return a model of an accuracy file, with some keys of its launcher added or changed."""
    return {
        "name": "net",
        "launchers": [{"framework": "openvino", "adapter": "background_matting", **launcher}],
        "datasets": [{"name": "pictures", "metrics": [{"type": "mad"}]}],
    }


def write_published_zoo(
    root: Path, name: str, make: Callable[[Path], object], size: tuple[int, int] | None = None
) -> tuple[Path, Path]:
    """Write the card of a published model for a file of other weights, which ``make`` writes to the path it is given.

    ``size`` (height, width) is that of its inputs, in the place of the published one. Returns --models_dir and
    --download_dir.
    """
    card = Catalog()[name]
    (file,) = card.files
    path = root / "downloads" / card.subdirectory / file.name
    path.parent.mkdir(parents=True)
    make(path)
    content = yaml.safe_load(card.path.read_text())
    for info in content["input_info"] if size else ():
        info["shape"][2:] = size
    (told,) = content["files"]
    told["checksum"] = Checksum.of(path).value
    if "size" in told:
        told["size"] = path.stat().st_size
    folder = root / "models" / name
    folder.mkdir(parents=True)
    (folder / "model.yml").write_text(yaml.safe_dump(content))
    return root / "models", root / "downloads"


def write_composite(root: Path, folder_name: str, stages: list[str], **changes: object) -> Path:
    """Write a composite model of small valid stages, with some keys of its own card changed (None: left out)."""
    content: dict[str, object] = {
        "description": "A composite model for a test.",
        "task_type": "background_matting",
        "framework": "onnx",
        "license": "https://example.com/license",
        "stages_order": stages,
    }
    content = {key: value for key, value in {**content, **changes}.items() if value is not None}
    folder = root / folder_name
    folder.mkdir(parents=True)
    (folder / "composite-model.yml").write_text(yaml.safe_dump(content))
    for stage in stages:
        write_card(folder, stage)
    return folder


def convert(plan: ConversionPlan, report: Report = lambda event: None, force: bool = False) -> dict[Precision, Path]:
    """Carry a plan out and return the IRs."""
    return {precision: ir.path for precision, ir in carry_out(plan, report, force).irs.items()}


def parameters(network: nn.Module) -> np.ndarray:
    """Return everything a network learned as one vector, to compare two trainings."""
    return np.concatenate([value.detach().double().numpy().ravel() for value in network.state_dict().values()])


def save_difference_model(path: Path, height: int | str, width: int | str) -> Path:
    """Write an IR whose alpha is 1 where picture and plate differ by more than 20 levels on average.

    Its foreground is the picture itself, RGB. A side given by a name may vary.
    """
    constants = {"threshold": np.float32(20), "levels": np.float32(255), "rgb": np.array([2, 1, 0])}
    nodes = [
        helper.make_node("Sub", ["src", "bgr"], ["difference"]),
        helper.make_node("Abs", ["difference"], ["distance"]),
        helper.make_node("ReduceMean", ["distance"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Greater", ["mean", "threshold"], ["different"]),
        helper.make_node("Cast", ["different"], ["pha"], to=TensorProto.FLOAT),
        helper.make_node("Gather", ["src", "rgb"], ["reversed"], axis=1),
        helper.make_node("Div", ["reversed", "levels"], ["fgr"]),
    ]
    graph = helper.make_graph(
        nodes,
        "difference",
        [_value(name, 3, height, width) for name in ("src", "bgr")],
        [_value("pha", 1, height, width), _value("fgr", 3, height, width)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    source = path.with_suffix(".onnx")
    _save_onnx(graph, source)
    ov.save_model(ov.Core().read_model(source), path, compress_to_fp16=False)
    return path


def small_model(path: Path) -> Path:
    """Write an ONNX file with inputs src and bgr, outputs sum (of both), double and inner, and a tensor hidden."""
    nodes = [
        helper.make_node("Relu", ["src"], ["inner"]),
        helper.make_node("Neg", ["bgr"], ["hidden"]),
        helper.make_node("Sub", ["src", "hidden"], ["sum"]),
        helper.make_node("Add", ["inner", "inner"], ["double"]),
    ]
    values = {name: _value(name, 3, "height", "width") for name in ("src", "bgr", "sum", "double", "inner")}
    graph = helper.make_graph(
        nodes, "small", [values["src"], values["bgr"]], [values["sum"], values["double"], values["inner"]]
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    _save_onnx(graph, path)
    return path


def heavy_model(path: Path, weights: int) -> Path:
    """Write an ONNX file with inputs src and bgr, whose output needs one of ``weights`` random numbers."""
    values = np.random.default_rng(0).standard_normal(weights).astype(np.float32)
    nodes = [
        helper.make_node("Add", ["src", "bgr"], ["sum"]),
        helper.make_node("ReduceMax", ["src"], ["brightest"], keepdims=0),
        helper.make_node("Cast", ["brightest"], ["index"], to=TensorProto.INT64),
        helper.make_node("Gather", ["w", "index"], ["chosen"]),
        helper.make_node("Mul", ["sum", "chosen"], ["product"]),
    ]
    inputs = [_value(name, 3, "height", "width") for name in ("src", "bgr")]
    outputs = [_value("product", 3, "height", "width")]
    graph = helper.make_graph(nodes, "heavy", inputs, outputs, [numpy_helper.from_array(values, "w")])
    path.parent.mkdir(parents=True, exist_ok=True)
    _save_onnx(graph, path)
    return path


def _value(name: str, channels: int, height: int | str, width: int | str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, height, width])


def _save_onnx(graph: onnx.GraphProto, path: Path) -> None:
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def published_file(name: str, content: bytes, url: str, **changes: object) -> dict[str, object]:
    """Return what a card says of a file at ``url``, with some keys changed."""
    return {
        "name": name,
        "size": len(content),
        "checksum": hashlib.sha384(content).hexdigest(),
        "source": url,
        **changes,
    }


def save_brightness_onnx(path: Path, height: int | str, width: int | str, classes: int = 3) -> Path:
    """Write an ONNX file that takes one picture, ``image``, and no plate.

    Its ``alpha``, not clipped, is 0 where the channels are 10 on average and 1 where they are 240: exact for something
    of grey 240 before grey 10. The logits of its ``trimap`` are the first ``classes`` channels, divided by 32.
    """
    constants = {"dark": np.float32(10), "span": np.float32(230), "share": np.float32(32), "chosen": np.arange(classes)}
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Sub", ["mean", "dark"], ["lifted"]),
        helper.make_node("Div", ["lifted", "span"], ["alpha"]),
        helper.make_node("Gather", ["image", "chosen"], ["channels"], axis=1),
        helper.make_node("Div", ["channels", "share"], ["trimap"]),
    ]
    graph = helper.make_graph(
        nodes,
        "brightness",
        [_value("image", 3, height, width)],
        [_value("trimap", classes, height, width), _value("alpha", 1, height, width)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    _save_onnx(graph, path)
    return path


def save_brightness_model(
    path: Path, height: int | str, width: int | str, resize_type: str | None = None, classes: int = 3
) -> Path:
    """Write :func:`save_brightness_onnx` as an IR that says how pictures come to its size."""
    source = save_brightness_onnx(path.with_suffix(".onnx"), height, width, classes)
    model = ov.Core().read_model(source)
    if resize_type:
        model.set_rt_info(resize_type, ["model_info", "resize_type"])
    ov.save_model(model, path, compress_to_fp16=False)
    return path
