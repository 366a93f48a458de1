"""Evaluations set up: which variants are scored, on which frames, and what must hold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from omz.accuracy import verdict
from omz.accuracy.configuration.evaluation import ConfiguredEvaluation
from omz.accuracy.configuration.reading import read_configuration
from omz.accuracy.conventions import Convention, find_convention
from omz.accuracy.datasets.compositing import fingerprint
from omz.accuracy.datasets.folder import open_dataset
from omz.accuracy.datasets.sample import Dataset, Entry, Remark, Sample
from omz.accuracy.evaluation import Evaluation
from omz.accuracy.labels import tolerance_of
from omz.accuracy.prediction import Predictor
from omz.accuracy.request import EvaluationObserver, EvaluationRequest
from omz.accuracy.variants import Variant, VariantLoader, load_mattes
from omz.accuracy.verdict import Gate, Reference, Threshold
from omz.convert.fetch import fetch_model
from omz.download.first_use import FetchOptions
from omz.errors import UsageError
from omz.extras import require
from omz.images.arrays import Size
from omz.images.sizes import parse_size, size_text
from omz.synthesis.scene import make_scene
from omz.work.ray_cluster import check_cluster
from omz.zoo import Catalog, ModelCard
from omz.zoo.card import Tolerance

OF_THE_CARD = "card"
"""Value of ``--config`` for the accuracy-check.yml beside the model's card."""

_SCENES, _SIZE = 20, "1280x720"


@dataclass(frozen=True)
class ConfiguredPart:
    """One evaluation of the ``accuracy-check.yml`` at ``path``."""

    path: Path
    evaluation: ConfiguredEvaluation


@dataclass(frozen=True)
class EvaluationSetup:
    """Loaded variants by label, the first of which judges the others, and the frames and rules for them.

    ``card`` is None for files, ``configured`` without a configuration. ``place`` is the folder of the report below that
    of all reports, empty for a single one.
    """

    request: EvaluationRequest
    title: str
    variants: Mapping[str, Variant]
    dataset: Dataset
    convention: Convention
    thresholds: Sequence[Threshold]
    card: ModelCard | None = None
    configured: ConfiguredPart | None = None
    place: str = ""

    @property
    def part(self) -> EvaluationPart:
        """All that it was loaded from."""
        return EvaluationPart(self.request, self.dataset, self.card, self.configured, self.place)

    @property
    def predictors(self) -> dict[str, Predictor]:
        """The predictors of the variants by label."""
        return {label: variant.predictor for label, variant in self.variants.items()}

    @property
    def remembers(self) -> bool:
        """Whether a prediction of any variant depends on the frames before it."""
        return any(variant.predictor.remembers for variant in self.variants.values())

    @property
    def references(self) -> Sequence[Reference]:
        """The figures from elsewhere."""
        return self.configured.evaluation.references if self.configured else ()

    def gates(self, evaluation: Evaluation) -> Sequence[Gate]:
        """Return all that must hold; see :func:`omz.accuracy.verdict.judge`."""
        first, *others = self.variants
        tolerance = Tolerance()
        if self.card:
            tolerance = self.card.parity
        agreements, tolerances = {}, {}
        for label in others:
            tolerances[label] = tolerance_of(label, tolerance, self.request.precision)
            # Mattes of other tools and pipelines need not agree with the first; what a conversion makes has to.
            if self.variants[first].is_converted and self.variants[label].is_converted:
                agreements[label] = evaluation.agreements[first, label]
        gates = verdict.judge(first, evaluation.summaries, agreements, tolerances, self.thresholds, evaluation.results)
        for label, summary in evaluation.summaries.items():
            figures = verdict.reference_figures(self.references, label, summary, evaluation.results)
            gates += verdict.reference_gates(label, self.references, figures)
        return gates


@dataclass(frozen=True)
class EvaluationPart:
    """An evaluation that is not loaded yet; unlike a loaded one, it can be pickled.

    Its fields are those of a setup, and the ``threads`` as of :class:`omz.accuracy.variants.VariantLoader`.
    """

    request: EvaluationRequest
    dataset: Dataset
    card: ModelCard | None = None
    configured: ConfiguredPart | None = None
    place: str = ""
    threads: int | None = None

    def load(self, observer: EvaluationObserver, irs: Mapping[str, Path] = MappingProxyType({})) -> EvaluationSetup:
        """Load the variants; ``irs`` are as of :class:`omz.accuracy.variants.VariantLoader`."""
        request, card = self.request, self.card
        configured, convention = None, None
        if self.configured:
            configured = self.configured.evaluation
            convention = configured.convention
        variants = _load(VariantLoader(request, card, configured, observer, irs, self.threads), request, self.dataset)
        convention = convention or _convention(request)
        thresholds = list(map(verdict.parse_threshold, request.thresholds))
        verdict.check_thresholds(thresholds, convention, [*variants])
        if request.update_references and request.update_references not in variants:
            raise UsageError(f"--update_references {request.update_references}: the models are {', '.join(variants)}")
        name = " and ".join(variants)
        if card:
            name = card.name
        return EvaluationSetup(
            request=request,
            title=f"{name} on {self.dataset.title}",
            variants=variants,
            dataset=self.dataset,
            convention=convention,
            thresholds=thresholds,
            card=card,
            configured=self.configured,
            place=self.place,
        )


def set_up(request: EvaluationRequest, observer: EvaluationObserver) -> Iterator[EvaluationSetup]:
    """Load all that is to be compared, one dataset of a configuration after the other.

    All checks that need no model come first. Raises :class:`omz.errors.OmzError` if something is missing, and
    :class:`UsageError` for options that contradict each other.
    """
    request.check()
    if request.report:
        require("jinja2", "matplotlib")
    if request.cluster:
        check_cluster(request.cluster)
    card = None
    if request.name:
        catalog = Catalog(*request.models_dir)
        card = catalog[request.name]
    parts = _configured_parts(request, card)
    datasets = [_open(request, part) for part in parts]
    if card:
        options = FetchOptions(request.offline, request.accept_license, catalog.roots)
        fetch_model(card, request.downloads(card), options, observer.on_event, request.trust_code)
    for number, (part, dataset) in enumerate(zip(parts, datasets, strict=True), start=1):
        place = ""
        if part and len(parts) > 1:
            place = f"{number}-" + re.sub(r"[^\w-]", "_", part.evaluation.dataset)
        yield EvaluationPart(request, dataset, card, part, place).load(observer)


def _convention(request: EvaluationRequest) -> Convention:
    return find_convention(request.convention or "omz", request.region, request.levels)


def _configured_parts(request: EvaluationRequest, card: ModelCard | None) -> Sequence[ConfiguredPart | None]:
    """Return the evaluations of the configuration; without one, a single None."""
    if request.config is None:
        _convention(request)  # raises for an unknown one before anything is loaded
        return [None]
    path = request.config
    if str(path) == OF_THE_CARD:
        if card is None:
            raise UsageError(f"--config {OF_THE_CARD} is the accuracy-check.yml of a card; give the model's --name")
        path = card.path.with_name("accuracy-check.yml")
    evaluations = read_configuration(path, request.definitions)
    if card:
        # A model by name runs in all its variants, so each dataset counts once, with the first of its launchers.
        firsts = {each.dataset: each for each in reversed(evaluations)}
        evaluations = tuple(sorted(firsts.values(), key=evaluations.index))
    return [ConfiguredPart(path, each) for each in evaluations]


def _open(request: EvaluationRequest, configured: ConfiguredPart | None) -> Dataset:
    dataset: Dataset
    if configured and request.source:
        dataset = configured.evaluation.open_dataset(request.source, request.allow_missing, request.num_frames)
    elif request.dataset is None:
        dataset = SyntheticScenes(request.num_frames or _SCENES, parse_size(request.size or _SIZE))
    else:
        seed, layout = request.seed or 0, request.layout or "auto"
        found = open_dataset(request.dataset, layout, request.backgrounds, seed, request.allow_missing)
        dataset = replace(found, entries=found.entries[: request.num_frames])
    if configured:
        if not request.source:
            dataset = configured.evaluation.adopt(dataset)
        configured.evaluation.check(dataset)
    return dataset


def _load(loader: VariantLoader, request: EvaluationRequest, dataset: Dataset) -> dict[str, Variant]:
    variants = loader.load()
    mattes = load_mattes(request.input_dir, dataset.entries)
    if twice := variants.keys() & mattes.keys():
        raise UsageError(f"--input_dir {min(twice)} is called like one of --models; write ./{min(twice)}")
    variants |= mattes
    if not variants:
        told = "nothing to score; give the --name of a model, --models with files, or --input_dir with mattes"
        raise UsageError(told)
    return variants


@dataclass(frozen=True)
class SyntheticScenes:
    """The first ``count`` synthetic scenes for tests, of ``size`` (height, width); they need no files."""

    count: int
    size: Size
    remarks: Sequence[Remark] = ()

    @property
    def title(self) -> str:
        """Number and size of the scenes."""
        return f"{self.count} synthetic scenes of {size_text(*self.size)}"

    @property
    def entries(self) -> Sequence[Entry]:
        """All scenes; none belongs to a clip."""
        return [Entry(str(number), "", 0, {}) for number in range(self.count)]

    def read(self, entry: Entry) -> Sample:
        """Make a scene; none fails."""
        scene = make_scene(int(entry.name), self.size, "test")
        alpha = scene.alpha.astype(np.float64)
        return Sample(entry, scene.picture, scene.plate, alpha, scene.foreground, sha256=fingerprint(scene.picture))
