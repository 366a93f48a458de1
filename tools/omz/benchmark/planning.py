"""The plan of a benchmark: each case with the files that it needs, or with the reason why it cannot be measured."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias, get_args

from omz.benchmark.candidate import ONNX_RUNTIME, PYTORCH, REMBG, Candidate, parts
from omz.benchmark.request import BenchmarkObserver, BenchmarkRequest
from omz.benchmark.results import OPENVINO, UNJUDGED, Case, Row
from omz.benchmark.worker import Inspected, inspect
from omz.convert.plan import Precision, plan_conversion
from omz.convert.store import int8_folder, irs_at_hand, quantised_ir, stored_int8, stored_irs
from omz.download.first_use import download_command, folder_of, missing_files
from omz.errors import CardError, OmzError
from omz.isolated import IsolatedProcess
from omz.runtime.original import require_framework
from omz.runtime.quiet_openvino import core
from omz.zoo import Catalog, CompositeCard, ModelCard
from omz.zoo.source import check_source
from omz.zoo.vocabulary import QUANTISED, USUAL_INT8, QuantisedPrecision, base_of

Planned: TypeAlias = "Candidate | Row"

_FRAMEWORKS = {"onnxruntime": ("onnx", ONNX_RUNTIME), "pytorch": ("pytorch", PYTORCH)}
_OF_REMBG = (
    "u2net", "u2netp", "u2net_human_seg", "silueta", "isnet-general-use", "birefnet-general-lite",
)  # fmt: skip
"""Models that rembg has under the same names, with the same weights."""
_ORIGINAL = "original"
_TITLES = {"onnx": "an ONNX file", "pytorch": "a PyTorch network", "mindspore": "a MindSpore network"}


def plan(request: BenchmarkRequest, observer: BenchmarkObserver) -> list[Planned]:
    """Return all cases of a request, in its order, the IRs of a model before its originals.

    IRs of models whose files are at hand are made if they are missing; nothing is downloaded.
    """
    request.check()
    return [*Planner(request, observer).plan()]


class Planner:
    """Finds the files of a request."""

    def __init__(self, request: BenchmarkRequest, observer: BenchmarkObserver) -> None:
        self._request, self._observer = request, observer
        self._devices = request.devices or tuple(core().available_devices)

    def plan(self) -> Iterator[Planned]:
        """Yield all cases."""
        inspector = IsolatedProcess("OpenVINO")
        try:
            catalog = Catalog(*self._request.models_dir)
            for name in self._request.names:
                yield from self._model(catalog, name, inspector)
            for path, name in _names(self._request.models).items():
                yield from self._file(path, name, inspector)
        finally:
            inspector.close()

    def _model(self, catalog: Catalog, name: str, inspector: IsolatedProcess) -> Iterator[Planned]:
        try:
            card = catalog.load(name)
        except CardError as error:
            yield _row(name, str(error))
            return
        if isinstance(card, CompositeCard):
            yield _row(name, f"it is made of several models; name one of them: {', '.join(card.stages_order)}")
            return
        downloads = folder_of(card, self._request.download_dir)
        problem = self._why_not_here(card, downloads)
        if problem:
            yield _row(name, problem)
            return
        sizes: Sequence[str] = self._request.sizes
        for label in self._request.precisions:
            try:
                path, notes = self._ir(card, downloads, label.partition("@")[0])
                model = inspector(inspect, path)
            except OmzError as error:
                yield _row(name, str(error), label)
                continue
            sizes = self._sizes(model)
            case, has_graphs = Case(name, label), model.has_graphs
            yield from self._cases(Candidate(case, path, parts(path), notes=notes, has_graphs=has_graphs), sizes)
        for engine in self._request.compare:
            yield from self._originals(card, downloads, engine, sizes)

    def _why_not_here(self, card: ModelCard, downloads: Path) -> str:
        """Return why neither the weights of a model nor any IR of it can be run; empty where one of them is here."""
        if self._request.model_dir or irs_at_hand(card, get_args(Precision)):
            return ""
        if any(quantised_ir(card, self._int8_folder, each) for each in QUANTISED):
            return ""
        try:
            _check_at_hand(card, downloads)
        except OmzError as error:
            return str(error)
        return ""

    def _file(self, path: Path, name: str, inspector: IsolatedProcess) -> Iterator[Planned]:
        """Yield the cases of a file, which OpenVINO runs, and if it is ONNX, ONNX Runtime too."""
        files = parts(path)
        try:
            if not files:
                raise OmzError(f"{path} is not there; check the path")
            model = inspector(inspect, path)
        except OmzError as error:
            yield _row(name, str(error))
            return
        sizes = self._sizes(model)
        for execution in dict.fromkeys(label.partition("@")[2] for label in self._request.precisions):
            precision = f"file@{execution}" if execution else "file"
            yield from self._cases(Candidate(Case(name, precision), path, files, has_graphs=model.has_graphs), sizes)
        for engine in self._request.compare:
            case = Case(name, _ORIGINAL, _FRAMEWORKS.get(engine, ("", engine))[1])
            if engine == "onnxruntime" and path.suffix == ".onnx":
                for size in sizes:
                    yield self._original(case, size, path, files)
            else:
                yield Row(case, reason=f"{name} has no card, which says what its original is")

    def _ir(self, card: ModelCard, downloads: Path, weights: str) -> tuple[Path, tuple[str, ...]]:
        """Return the IR of a card with these weights, with notes; make it if the files for that are at hand.

        Raises :class:`OmzError` if they are not.
        """
        if self._request.model_dir:
            return _written(card, self._request.model_dir, weights), ()
        for quantised in QUANTISED:
            if weights == quantised:
                return self._int8(card, downloads, quantised)
        return self._float_ir(card, downloads, weights), ()

    @property
    def _int8_folder(self) -> Path:
        return int8_folder(self._request.download_dir)

    def _int8(self, card: ModelCard, downloads: Path, weights: QuantisedPrecision) -> tuple[Path, tuple[str, ...]]:
        """Return the INT8 IR that ``omz_quantizer`` wrote; without one, the usual one in the cache, with a note."""
        folder = self._int8_folder
        written = quantised_ir(card, folder, weights)
        if written is not None:
            return written.absolute(), ()
        if weights != USUAL_INT8:
            command = shlex.join(["omz_quantizer", "--name", card.name, "--precisions", weights, "-o", str(folder)])
            raise OmzError(f"no {weights} IR of these weights is in {folder / card.subdirectory}; {command} makes it")
        float_ir = self._float_ir(card, downloads, base_of(weights))
        return stored_int8(card, downloads, None, self._observer.on_event, float_ir).absolute(), (UNJUDGED,)

    def _float_ir(self, card: ModelCard, downloads: Path, weights: str) -> Path:
        """Return the IR beside a card or in the cache; make it if it is missing."""
        wanted: list[Precision] = [each for each in get_args(Precision) if each == weights]
        found = irs_at_hand(card, wanted)
        if not found:
            _check_at_hand(card, downloads)
            found = stored_irs(card, downloads, wanted, self._observer.on_event, self._request.trust_code)
        return next(iter(found.values())).absolute()

    def _sizes(self, model: Inspected) -> Sequence[str]:
        """Return the sizes to run a model at: its own, or if that is free, those of the request."""
        return self._request.sizes if model.size is None else (model.size,)

    def _cases(self, candidate: Candidate, sizes: Sequence[str]) -> Iterator[Candidate]:
        """Yield a candidate for each size, device and number of streams."""
        for size, device, streams in itertools.product(sizes, self._devices, self._request.streams):
            case = Case(candidate.case.model, candidate.case.precision, OPENVINO, device, size, streams)
            yield replace(candidate, case=case, threads=self._request.num_threads)

    def _originals(self, card: ModelCard, downloads: Path, engine: str, sizes: Sequence[str]) -> Iterator[Planned]:
        """Yield the original of a card in an engine, for each size."""
        framework, name = _FRAMEWORKS.get(engine, ("onnx", REMBG))
        case = Case(card.name, _ORIGINAL, name, "", "", "")
        try:
            if name == REMBG:
                _check_rembg(card.name)
            elif card.framework != framework:
                raise OmzError(
                    f"its original is {_TITLES.get(card.framework, card.framework)}, which {name} does not run"
                )
            _check_at_hand(card, downloads)
            source = plan_conversion(card, downloads, downloads).source
            check_source(card, source, downloads)
            require_framework(card.framework)
        except OmzError as error:
            yield Row(case, reason=str(error))
            return
        if name == REMBG:  # which resizes an image itself
            sizes = self._request.sizes
        for size in sizes:
            yield self._original(case, size, source, parts(source), card, downloads)

    def _original(
        self,
        case: Case,
        size: str,
        path: Path,
        files: tuple[Path, ...],
        card: ModelCard | None = None,
        downloads: Path | None = None,
    ) -> Candidate:
        notes: tuple[str, ...] = ()
        if case.engine == REMBG:
            notes = ("with its preparation of the image and its resizing of the mask",)
        return Candidate(
            Case(case.model, case.precision, case.engine, "CPU", size),
            path.absolute(),
            files,
            card,
            None if downloads is None else downloads.absolute(),
            self._request.num_threads,
            self._request.trust_code,
            notes,
        )


def _row(model: str, reason: str, precision: str = "") -> Row:
    return Row(Case(model, precision, "", "", "", ""), reason=reason)


def _written(card: ModelCard, folder: Path, weights: str) -> Path:
    """Return the IR of a card below a folder, as it is there; raises :class:`OmzError` if it is not."""
    path = (folder / card.subdirectory / weights / f"{card.name}.xml").absolute()
    if not path.is_file():
        raise OmzError(f"{path} is not there; omz_converter or omz_quantizer makes it")
    return path


def _names(paths: Sequence[Path]) -> dict[Path, str]:
    """Return what the files at several paths are called: each by the end of its absolute path that no other has."""
    absolute = [path.absolute() for path in paths]
    names = {}
    for path in absolute:
        for count in range(1, len(path.parts) + 1):
            ends = [Path(*other.parts[-count:]) for other in absolute]
            if ends.count(Path(*path.parts[-count:])) == 1:
                break
        names[path] = str(Path(*path.parts[-count:]))
    return names


def _check_at_hand(card: ModelCard, downloads: Path) -> None:
    """Raise :class:`OmzError` with the command that fetches the files of a card, if any is missing."""
    if missing_files(card, downloads):
        raise OmzError(f"its weights are not here; {download_command(card, downloads)} fetches them")


def _check_rembg(name: str) -> None:
    """Raise :class:`OmzError` unless rembg is installed and has a model of this name."""
    if name not in _OF_REMBG:
        raise OmzError("rembg has no such model")
    if find_spec("rembg") is None:
        raise OmzError("rembg is not installed; install it with pip install 'rembg[cpu]'")
