"""Variants of a model, loaded: the original, its IRs, files, or folders with mattes of other tools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import get_args

from omz.accuracy.calibration import CalibrationSource
from omz.accuracy.configuration.evaluation import ConfiguredEvaluation
from omz.accuracy.datasets.check import depth_remark
from omz.accuracy.datasets.content import grey, read_levels
from omz.accuracy.datasets.frames import find_frames
from omz.accuracy.datasets.layouts import Layout
from omz.accuracy.datasets.sample import Entry, Role, Sample
from omz.accuracy.labels import ORIGINAL, bare, check_labels, execution, network, pipeline
from omz.accuracy.pipelines import PipelinePredictor
from omz.accuracy.prediction import NetworkPredictor, Prediction, Predictor
from omz.accuracy.request import EvaluationObserver, EvaluationRequest
from omz.convert.plan import Precision, plan_conversion
from omz.convert.store import int8_folder, quantised_ir, stored_int8, stored_irs
from omz.errors import DataError, EngineError, UsageError
from omz.images.arrays import Pixels, Size
from omz.images.sizes import picture_size, size_text
from omz.matting.network import MattingNetwork, View, stretches
from omz.matting.resolution import roles_of
from omz.matting.roles import Roles, description_of
from omz.metrics.differences import unit
from omz.processor import usable_cpus
from omz.runtime.engine import Engine, EngineInfo
from omz.runtime.openvino_engine import OpenVINOEngine
from omz.runtime.original import original_engine
from omz.zoo import ModelCard
from omz.zoo.vocabulary import QUANTISED, QuantisedPrecision, base_of

_FILES = (".onnx", ".xml")
_USUAL = ("original", "FP32", "FP16")
_PATHS: tuple[Mapping[Role, str], ...] = (
    {"alpha": "pha/{clip}/{frame}", "foreground": "fgr/{clip}/{frame}"},
    {"alpha": "{clip}/pha/{frame}", "foreground": "{clip}/fgr/{frame}"},
    {"alpha": "pha/{frame}", "foreground": "fgr/{frame}"},
    {"alpha": "pha/{day}/{clip}/{frame}", "foreground": "fgr/{day}/{clip}/{frame}"},
    {"alpha": "{day}/{clip}/{frame}"},
    {"alpha": "{clip}/{frame}"},
    {"alpha": "{frame}"},
)


@dataclass(frozen=True)
class Variant:
    """A loaded variant of a model and the files it came from; or a folder of mattes, none of them read yet.

    ``is_converted`` tells whether its outputs have to agree with those of the first.
    """

    predictor: Predictor
    files: tuple[Path, ...] = ()
    is_converted: bool = False


class VariantLoader:
    """Loads the variants that a request names, of ``card`` or of files, in the framework of each.

    ``configured`` is the part of a configuration that says how they are fed; without it, the card does. ``irs`` are by
    the labels that they stand for; without any, those of the card are found, or made. ``threads`` are those of ONNX
    Runtime and PyTorch, by default as many as there are processors; the last bits of their results depend on them.
    """

    def __init__(
        self,
        request: EvaluationRequest,
        card: ModelCard | None,
        configured: ConfiguredEvaluation | None,
        observer: EvaluationObserver,
        irs: Mapping[str, Path] = MappingProxyType({}),
        threads: int | None = None,
    ) -> None:
        self._request = request
        self._card = card
        self._configured = configured
        self._observer = observer
        self._irs = irs
        self._threads = threads or len(usable_cpus())
        self._device = request.device
        if configured and configured.device:
            self._device = configured.device
        self._labels = self._named_labels()
        # A configuration without a card runs its own model, unless several files, or mattes alone, are to be scored.
        is_one = len(self._labels) == 1 or (not self._labels and not request.input_dir)
        self._runs_configured = bool(configured) and not card and is_one

    def load(self) -> dict[str, Variant]:
        """Return the variants by label: the original in its framework, IRs in OpenVINO, files by their suffix.

        Raises :class:`UsageError` for an unknown label, and :class:`omz.errors.OmzError` if a variant does not load.
        """
        labels = self._labels
        if self._configured and self._runs_configured:
            labels = [_configured_label(self._configured, *labels)]
        named = [label for label in labels if not bare(label).endswith(_FILES)]
        check_labels(named, self._card is not None)
        if len(set(labels)) < len(labels):
            raise UsageError(f"--models {','.join(labels)}: each once")
        irs = self._find_irs(named)
        engines: dict[str, Engine] = {}
        files: dict[str, tuple[Path, ...]] = {}
        variants: dict[str, Variant] = {}
        for label in labels:
            path = irs.get(bare(label), Path(bare(label)))
            if pipeline(label):
                variants[label] = self._pipeline(label, path)
            else:
                engines[label], files[label] = self._engine(label, path)
        for label, predictor in self._predictors(engines).items():
            variants[label] = Variant(predictor, files[label], is_converted=True)
        return {label: variants[label] for label in labels}

    def _named_labels(self) -> list[str]:
        if self._request.models:
            labels = list(map(str.strip, self._request.models.split(",")))
            if "" in labels:
                raise UsageError(f"--models {self._request.models}: a variant is missing beside a comma")
            return labels
        return [*_USUAL] if self._card else []

    def _find_irs(self, named: Sequence[str]) -> Mapping[str, Path]:
        """Return the IRs of the labels by the precision of their weights; make those that are missing."""
        card, request, report = self._card, self._request, self._observer.on_event
        asked = set(map(bare, named))
        if self._irs:
            return self._irs
        if card is None or asked <= {ORIGINAL}:
            return {}
        quantised = {each: self._quantised(card, each) for each in QUANTISED if each in asked}
        asked |= {base_of(each) for each, path in quantised.items() if path is None}  # which it is made of
        downloads = request.downloads(card)
        converted: list[Precision] = [each for each in get_args(Precision) if each in asked]
        if request.model_dir:
            plan = plan_conversion(card, downloads, request.model_dir)
            made = map(plan.ir_path, converted)
        else:
            stored = stored_irs(card, downloads, converted, report, request.trust_code)
            made = map(stored.__getitem__, converted)
        found: dict[str, Path] = dict(zip(converted, made, strict=True))
        for each, path in quantised.items():
            found[each] = path or self._quantise(card, each, found[base_of(each)])
        return found

    def _quantised(self, card: ModelCard, precision: QuantisedPrecision) -> Path | None:
        """Return the IR that ``omz_quantizer`` has written; None without one, or where a calibration is asked for."""
        request = self._request
        if request.calibration:
            return None
        return quantised_ir(card, int8_folder(request.download_dir, request.model_dir), precision)

    def _quantise(self, card: ModelCard, precision: QuantisedPrecision, ir: Path) -> Path:
        calibration, request = None, self._request
        if request.calibration:
            calibration = CalibrationSource(request.calibration).open()
        return stored_int8(card, request.downloads(card), calibration, self._observer.on_event, ir, precision)

    def _engine(self, label: str, path: Path) -> tuple[Engine, tuple[Path, ...]]:
        if label == ORIGINAL and self._card:
            downloads = self._request.downloads(self._card)
            source = plan_conversion(self._card, downloads, downloads).source
            return original_engine(self._card, downloads, self._request.trust_code, self._threads), (source,)
        precision = execution(label) or self._request.precision
        if self._configured and self._runs_configured:
            return self._configured.engine(path, self._device, precision, self._threads), _parts(path)
        if path.suffix == ".onnx":
            from omz.runtime.onnxruntime_engine import OnnxRuntimeEngine

            return OnnxRuntimeEngine(path, threads=self._threads), _parts(path)
        return OpenVINOEngine(path, self._device, precision), _parts(path)

    def _pipeline(self, label: str, path: Path) -> Variant:
        if self._configured:
            raise UsageError(f"--models {label}: --config feeds networks by themselves; leave +{pipeline(label)} out")
        if path.suffix == ".onnx":
            raise UsageError(f"--models {label}: pipelines are those of IRs; convert {network(label)} first")
        precision = execution(label) or self._request.precision
        predictor = PipelinePredictor(pipeline(label), path, self._device, precision, self._request.roles)
        return Variant(predictor, _parts(path))

    def _predictors(self, engines: Mapping[str, Engine]) -> dict[str, Predictor]:
        """Return what feeds the engines; those of free size see images at the size that the others have fixed."""
        roles = self._roles(engines)
        if self._configured:
            return {label: self._configured.predictor(engine, roles[label]) for label, engine in engines.items()}
        fixed = {}
        for label, engine in engines.items():
            size = self._network(engine, roles[label]).size
            if size:
                fixed[label] = size
        if len({*fixed.values()}) > 1:
            told = ", ".join(f"{label} {size_text(*size)}" for label, size in fixed.items())
            raise UsageError(f"the models see images at different sizes ({told}); compare those of one size")
        common = next(iter(fixed.values()), None)
        predictors: dict[str, Predictor] = {}
        for label, engine in engines.items():
            predictors[label] = NetworkPredictor(self._network(engine, roles[label], common))
        return predictors

    def _roles(self, engines: Mapping[str, Engine]) -> dict[str, Roles]:
        """Return the roles in each engine; what only an IR tells holds for the others, too."""
        said, options = description_of(self._card), self._request.roles
        found, known = dict[str, Roles](), None
        irs_first = sorted(engines, key=lambda label: not isinstance(engines[label], OpenVINOEngine))
        for label in irs_first:
            engine = engines[label]
            try:
                find = self._configured.roles if self._configured else roles_of
                found[label] = find(engine, said, options)
            except EngineError:
                if known is None or not known.names <= {*(info.name for info in engine.inputs), *engine.outputs}:
                    raise
                found[label] = known
            known = known or found[label]
        return found

    def _network(self, engine: Engine, roles: Roles, size: Size | None = None) -> MattingNetwork:
        return MattingNetwork(engine, View(stretches(engine, self._card), size), roles)


def load_mattes(folders: Sequence[Path], entries: Sequence[Entry]) -> dict[str, Variant]:
    """Return folders of finished mattes by their paths; raise :class:`omz.errors.DataError` for one without a matte.

    ``entries`` are the frames to score.
    """
    if len({*folders}) < len(folders):
        raise UsageError(f"--input_dir {', '.join(map(str, folders))}: each once")
    found = {}
    for folder in folders:
        mattes = StoredMattes(folder)
        mattes.check(entries)
        found[str(folder)] = Variant(mattes)
    return found


def _parts(path: Path) -> tuple[Path, ...]:
    weights = path.with_suffix(".bin")
    if path.suffix == ".xml" and weights.exists():
        return path, weights
    return (path,)


def _configured_label(configured: ConfiguredEvaluation, label: str = "") -> str:
    """Return the path of the configured model, or of that in the folder which a label names, with its precision."""
    models = bare(label)
    path = configured.model_file(Path(models) if models else None)
    return f"{path}{label[len(models) :]}"


class StoredMattes:
    """Finished mattes of a folder, as a predictor: by frame as ``pha/CLIP/FRAME`` or one of the like, of any suffix.

    Alpha is grey, or the fourth channel of a cut-out; its levels are taken as they are. Foregrounds lie in ``fgr`` in
    the place of ``pha``. Raises :class:`DataError` for a folder without mattes.
    """

    info = EngineInfo("files", "-", "-")
    remembers = False

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: dict[str, Mapping[Role, Path]] = {}
        for paths in reversed(_PATHS):
            found = find_frames(folder, Layout("mattes", paths, needs=(("alpha",),)))
            if found.ambiguous:
                raise found.ambiguous[0].as_error()
            for entry in (*found.entries, *found.incomplete):
                if "alpha" in entry.files:
                    self._files[entry.name] = entry.files
        if not self._files:
            raise DataError(f"{folder} has no mattes, such as pha/CLIP/FRAME.png or FRAME.png; name their folder")

    def check(self, entries: Sequence[Entry]) -> None:
        """Raise :class:`DataError` where there is a matte of none of the frames."""
        if not any(entry.name in self._files for entry in entries):
            names = "none"
            if entries:
                names = f"{entries[0].name}, not {[*self._files][-1]}"
            raise DataError(f"{self.folder} has a matte of none of the frames, whose names are such as {names}")

    def predict(self, sample: Sample, begins: bool) -> Prediction:
        """Read the matte of a frame; raises :class:`DataError` where there is none, or it is of another size."""
        del begins
        files = self._files.get(sample.entry.name, {})
        if "alpha" not in files:
            raise DataError(f"{self.folder} has no matte of it; its name is to be {sample.entry.name}")
        alpha = _alpha(_read(files["alpha"], sample), files["alpha"])
        foreground = None
        if "foreground" in files:
            colours = _read(files["foreground"], sample)
            if colours.ndim == 3:
                foreground = colours[..., :3]
        share = unit(alpha)
        remarks = tuple(problem.as_remark() for problem in depth_remark(files["alpha"], share))
        return Prediction(alpha, foreground, {"matte": share[None, None]}, remarks=remarks)


def _alpha(levels: Pixels, path: Path) -> Pixels:
    """Return the greys of a matte, or the fourth channel of a cut-out; raises :class:`DataError` for others."""
    if levels.ndim == 2 or not (levels[..., :3] != levels[..., :1]).any():
        return grey(levels, path)
    if levels.shape[2] == 3:
        raise DataError(f"{path} is coloured; a matte is grey, or the fourth channel of a cut-out")
    return levels[..., 3]


def _read(path: Path, sample: Sample) -> Pixels:
    levels = read_levels(path)
    if levels.shape[:2] != sample.picture.shape[:2]:
        sizes = f"is {picture_size(levels)}, the frame {picture_size(sample.picture)}"
        raise DataError(f"{path} {sizes}; mattes are scored at its size")
    return levels
