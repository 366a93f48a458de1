"""The forms of a model that ``omz_accuracy`` compares."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from omz.accuracy.datasets.sample import Entry
from omz.accuracy.mattes import StoredMattes
from omz.accuracy.prediction import MatterPredictor, Predictor
from omz.cli.accuracy_irs import Places, find_irs
from omz.cli.accuracy_labels import ORIGINAL, bare, check_labels, execution, stored
from omz.convert.plan import plan_conversion
from omz.errors import UsageError
from omz.images.arrays import Size
from omz.runtime.engine import Engine
from omz.runtime.matter import STRETCHED, Matter
from omz.runtime.openvino_engine import OpenVINOEngine
from omz.runtime.original import original_engine
from omz.zoo import ModelCard

_FILES = (".onnx", ".xml")


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
    check_labels(named, card is not None)
    if len(set(labels)) < len(labels):
        raise UsageError(f"--models {','.join(labels)}: each once")
    irs = find_irs(card, named, places) if card and named else {}
    engines: dict[str, tuple[Engine, tuple[Path, ...]]] = {}
    for label in labels:
        if label == ORIGINAL and card:
            source = plan_conversion(card, places.download_dir, places.download_dir).source
            engines[label] = original_engine(card, places.download_dir, places.trust_code), (source,)
        else:
            path = Path(bare(label)) if label in files else irs[stored(label)]
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
