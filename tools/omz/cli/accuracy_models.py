"""The forms of a model that ``omz_accuracy`` compares."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from omz.accuracy.comparison import Pair
from omz.accuracy.datasets.folder import open_dataset
from omz.accuracy.datasets.sample import Dataset, Entry
from omz.accuracy.mattes import StoredMattes
from omz.accuracy.prediction import MatterPredictor, Predictor
from omz.checksum import file_digest
from omz.cli.conversion_display import ConversionDisplay
from omz.convert.plan import Precision, plan_conversion
from omz.convert.store import stored_irs
from omz.errors import UsageError
from omz.images.arrays import Picture, Size
from omz.runtime.engine import Engine
from omz.runtime.matter import STRETCHED, Matter
from omz.runtime.openvino_engine import OpenVINOEngine
from omz.runtime.original import original_engine
from omz.zoo import ModelCard
from omz.zoo.card import Tolerance

if TYPE_CHECKING:
    from omz.convert.calibration import Calibration

ORIGINAL = "original"
PRECISIONS = ("f32", "f16", "bf16", "default")
"""Of execution; default is what a device prefers."""

INT8 = "FP16-INT8"
_Stored = Literal["FP32", "FP16", "FP16-INT8"]
_CALIBRATED_ON = 32  # frames
_FILES = (".onnx", ".xml")


@dataclass(frozen=True)
class Places:
    """Where models are: what was downloaded, and the IRs, None where these are to be made; and how the IRs run.

    ``calibration`` is a folder of frames on which the ranges of an IR in 8 bits are measured; None: synthetic scenes.
    """

    download_dir: Path
    model_dir: Path | None
    device: str
    precision: str
    trust_code: bool = False
    calibration: Path | None = None


@dataclass(frozen=True)
class Form:
    """One form of a model, and the files that it was loaded from; or a folder of mattes, none of them read yet."""

    predictor: Predictor
    files: tuple[Path, ...] = ()


Wrap = Callable[[Engine], Predictor]
"""How an engine comes to see frames, and its outputs come to be mattes."""

Load = Callable[[Path, str, str], Engine]
"""How a file comes to be an engine, on a device and in a precision of execution, which are OpenVINO's."""


def load_forms(
    card: ModelCard | None,
    labels: Sequence[str],
    places: Places,
    wrap: Wrap | None = None,
    load: Load | None = None,
) -> dict[str, Form]:
    """Load the forms of a model by label: the original in its own framework, an IR in OpenVINO, or the file so named.

    A label such as ``FP16@default`` says in which precision the IR runs, where it is not that of ``places``. Without
    ``wrap`` they are shown pictures as the card says, without ``load`` a file is run by what its suffix stands for.
    Raises :class:`UsageError` for a label that there is none of, and :class:`omz.errors.OmzError` where one cannot be
    loaded.
    """
    files = [label for label in labels if bare(label).endswith(_FILES)]
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
            path = Path(bare(label)) if label in files else irs[_stored(label)]
            engine = (load or _load_file)(path, places.device, execution(label) or places.precision)
            engines[label] = engine, _parts(path)
    made = wrap or _matting({label: engine for label, (engine, _) in engines.items()}, card)
    return {label: Form(made(engine), paths) for label, (engine, paths) in engines.items()}


def load_mattes(folders: Sequence[Path], entries: Sequence[Entry]) -> dict[str, Form]:
    """Return folders of finished mattes by their paths; raises :class:`omz.errors.DataError` where one has none.

    ``entries`` are the frames that are scored.
    """
    if len({*folders}) < len(folders):
        raise UsageError(f"--input_dir {', '.join(map(str, folders))}: each once")
    found = {folder: StoredMattes(folder) for folder in folders}
    for mattes in found.values():
        mattes.check(entries)
    return {str(folder): Form(mattes) for folder, mattes in found.items()}


def causes(labels: Sequence[str], precision: str = "f32") -> Mapping[Pair, str]:
    """Return whose outputs are compared, and what a difference between them comes of.

    ``precision`` is that of execution where a label names none.
    """
    found = {(labels[0], label): f"{labels[0]} to {label}" for label in labels[1:]}
    if ("original", "FP32") in found:
        found["original", "FP32"] += ": conversion" if precision == "f32" else ": conversion, and execution"
    if {"FP32", "FP16"} <= {*labels}:
        found["FP32", "FP16"] = "FP32 to FP16: weights in half precision"
    if {"FP16", INT8} <= {*labels}:
        found["FP16", INT8] = f"FP16 to {INT8}: quantisation"
    for label in labels:
        if execution(label) not in ("", precision) and bare(label) in labels:
            found[bare(label), label] = f"{bare(label)} to {label}: execution"
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


def tolerance_of(label: str, tolerance: Tolerance, precision: str = "f32") -> float:
    """Return how far the outputs of a form may be from those of the first: that of FP32 is for what is f32 throughout.

    ``precision`` is that of execution where the label names none.
    """
    stored = bare(label)
    if stored == INT8:
        return tolerance.INT8
    return tolerance.FP32 if (stored, execution(label) or precision) == ("FP32", "f32") else tolerance.FP16


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
    """Return where the IRs of the labels are, by precision of their weights; make those that are not there."""
    asked = {_stored(label) for label in labels if label != ORIGINAL}
    made_of: set[_Stored] = {"FP16"} if INT8 in asked else set()
    converted = [each for each in get_args(Precision) if each in asked | made_of]
    show = ConversionDisplay(err=True).show
    if places.model_dir:
        plan = plan_conversion(card, places.download_dir, places.model_dir)
        found: dict[_Stored, Path] = {each: plan.ir_path(each) for each in converted}
    else:
        made = stored_irs(card, places.download_dir, converted, show, places.trust_code) if converted else {}
        found = {precision: made[precision] for precision in converted}
    if INT8 in asked:
        from omz.convert.int8_store import stored_int8

        calibration = _calibration(places.calibration) if places.calibration else None
        found[INT8] = stored_int8(card, places.download_dir, calibration, show, found["FP16"])
    return found


@dataclass(frozen=True)
class _Pictures:
    """Pictures and plates of a dataset, as calibration takes them."""

    dataset: Dataset
    entries: Sequence[Entry]

    def __iter__(self) -> Iterator[tuple[Picture, Picture | None]]:
        for entry in self.entries:
            sample = self.dataset.read(entry)
            yield sample.picture, sample.plate


def _calibration(folder: Path) -> Calibration:
    """Return frames from all over a dataset, for those of a clip are alike."""
    from omz.convert.calibration import Calibration

    dataset = open_dataset(folder.absolute())  # it is read by a process that works elsewhere
    count = min(_CALIBRATED_ON, len(dataset.entries))
    entries = [dataset.entries[number * len(dataset.entries) // count] for number in range(count)]
    files = [path for entry in entries for path in entry.files.values()]
    digest = hashlib.sha256("".join(map(file_digest, files)).encode()).hexdigest()
    return Calibration(_Pictures(dataset, entries), f"{len(entries)} frames of {folder}", digest)


def bare(label: str) -> str:
    """Return a label without the precision of execution that it may name."""
    head, _, precision = label.rpartition("@")
    return head if precision in PRECISIONS else label


def execution(label: str) -> str:
    """Return the precision of execution that a label names; empty where it names none."""
    return label[len(bare(label)) + 1 :]


def _stored(label: str) -> _Stored:
    return next(each for each in get_args(_Stored) if each == bare(label))
