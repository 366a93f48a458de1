"""The forms of a model that ``omz_accuracy`` compares."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from omz.accuracy.comparison import Pair
from omz.accuracy.mattes import StoredMattes
from omz.accuracy.prediction import MatterPredictor, Predictor
from omz.cli.conversion_display import ConversionDisplay
from omz.convert.plan import plan_conversion
from omz.convert.store import stored_irs
from omz.errors import UsageError
from omz.images.arrays import Size
from omz.runtime.engine import Engine
from omz.runtime.matter import STRETCHED, Matter
from omz.runtime.openvino_engine import OpenVINOEngine
from omz.runtime.original import original_engine
from omz.zoo import ModelCard

ORIGINAL = "original"
PRECISIONS = ("f32", "f16", "bf16", "default")
"""Of execution; default is what a device prefers."""

_Stored = Literal["FP32", "FP16"]
_FILES = (".onnx", ".xml")


@dataclass(frozen=True)
class Places:
    """Where models are: what was downloaded, and the IRs, None where these are to be made; and how the IRs run."""

    download_dir: Path
    model_dir: Path | None
    device: str
    precision: str
    trust_code: bool = False


@dataclass(frozen=True)
class Form:
    """One form of a model, and the files that it was loaded from; or a folder of mattes, none of them read yet."""

    predictor: Predictor
    files: tuple[Path, ...] = ()


Wrap = Callable[[Engine], Predictor]
"""How an engine comes to see frames, and its outputs come to be mattes."""


def load_forms(
    card: ModelCard | None, labels: Sequence[str], places: Places, wrap: Wrap | None = None
) -> dict[str, Form]:
    """Load the forms of a model by label: the original in its own framework, an IR in OpenVINO, or the file so named.

    A label such as ``FP16@default`` says in which precision the IR runs, where it is not that of ``places``. Without
    ``wrap`` they are shown pictures as the card says. Raises :class:`UsageError` for a label that there is none of, and
    :class:`omz.errors.OmzError` where one cannot be loaded.
    """
    files = [label for label in labels if _bare(label).endswith(_FILES)]
    named = [label for label in labels if label not in files]
    _check(named, card)
    if len(set(labels)) < len(labels):
        raise UsageError(f"--models {','.join(labels)}: each once")
    irs = _irs(card, named, places) if card and named else {}
    engines: dict[str, tuple[Engine, tuple[Path, ...]]] = {}
    for label in labels:
        if label == ORIGINAL and card:
            source = plan_conversion(card, places.download_dir, places.download_dir).source
            engines[label] = original_engine(card, places.download_dir, places.trust_code), (source,)
        else:
            path = Path(_bare(label)) if label in files else irs[_stored(label)]
            engines[label] = _load_file(path, places.device, execution(label) or places.precision), _parts(path)
    made = wrap or _matting({label: engine for label, (engine, _) in engines.items()}, card)
    return {label: Form(made(engine), paths) for label, (engine, paths) in engines.items()}


def load_mattes(folders: Sequence[Path]) -> dict[str, Form]:
    """Return folders of finished mattes by their paths; raises :class:`omz.errors.DataError` where one has none."""
    return {str(folder): Form(StoredMattes(folder)) for folder in folders}


def causes(labels: Sequence[str]) -> Mapping[Pair, str]:
    """Return whose outputs are compared, and what a difference between them comes of."""
    found = {(labels[0], label): f"{labels[0]} to {label}" for label in labels[1:]}
    if ("original", "FP32") in found:
        found["original", "FP32"] += ": conversion"
    if {"FP32", "FP16"} <= {*labels}:
        found["FP32", "FP16"] = "FP32 to FP16: weights in half precision"
    for label in labels:
        if execution(label) and _bare(label) in labels:
            found[_bare(label), label] = f"{_bare(label)} to {label}: execution"
    return found


def _matting(engines: Mapping[str, Engine], card: ModelCard | None) -> Wrap:
    """Return what lets all engines see the same: those of free size see pictures at the size that others have fixed."""
    stretch = card is not None and card.model_info.resize_type == STRETCHED

    def matter(engine: Engine, size: Size | None = None) -> Matter:
        return Matter(engine, stretch or _stretches(engine), size)

    sizes = {label: size for label, engine in engines.items() if (size := matter(engine).size)}
    if len({*sizes.values()}) > 1:
        told = ", ".join(f"{label} {width}x{height}" for label, (height, width) in sizes.items())
        raise UsageError(f"the models see pictures at different sizes ({told}); compare those of one size")
    common = next(iter(sizes.values()), None)
    return lambda engine: MatterPredictor(matter(engine, common))


def _check(named: Sequence[str], card: ModelCard | None) -> None:
    if card is None and named:
        raise UsageError(f"--models {named[0]} is a form of a card's model; give its --name, or the path of a file")
    stored = [*get_args(_Stored)]
    known = [ORIGINAL, *stored, *(f"{ir}@{precision}" for ir in stored for precision in PRECISIONS)]
    for label in named:
        if label not in known:
            raise UsageError(f"--models {label}: there are {', '.join(known)}, and paths of .onnx and .xml files")


def _load_file(path: Path, device: str, precision: str) -> Engine:
    if path.suffix == ".onnx":
        from omz.runtime.onnxruntime_engine import OnnxRuntimeEngine

        return OnnxRuntimeEngine(path)
    return OpenVINOEngine(path, device, precision)


def _parts(path: Path) -> tuple[Path, ...]:
    weights = path.with_suffix(".bin")
    return (path, weights) if path.suffix == ".xml" and weights.exists() else (path,)


def _stretches(engine: Engine) -> bool:
    return isinstance(engine, OpenVINOEngine) and engine.resize_type == STRETCHED


def _irs(card: ModelCard, labels: Sequence[str], places: Places) -> Mapping[_Stored, Path]:
    """Return where the IRs of the labels are, by precision of their weights."""
    stored = [*dict.fromkeys(_stored(label) for label in labels if label != ORIGINAL)]
    if places.model_dir:
        plan = plan_conversion(card, places.download_dir, places.model_dir)
        return {precision: plan.ir_path(precision) for precision in stored}
    if not stored:
        return {}
    return stored_irs(card, places.download_dir, stored, ConversionDisplay(err=True).show, places.trust_code)


def _bare(label: str) -> str:
    head, _, precision = label.rpartition("@")
    return head if precision in PRECISIONS else label


def execution(label: str) -> str:
    """Return the precision of execution that a label names; empty where it names none."""
    return label[len(_bare(label)) + 1 :]


def _stored(label: str) -> _Stored:
    return "FP32" if label.startswith("FP32") else "FP16"
