"""What was asked of ``omz_accuracy``, and what is to be scored for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from omz.accuracy.agreement import Agreement
from omz.accuracy.comparison import FrameResult, Pair
from omz.accuracy.configuration.evaluation import ConfiguredEvaluation
from omz.accuracy.configuration.reading import read_configuration
from omz.accuracy.conventions import Convention, Levels, RegionName, find_convention
from omz.accuracy.datasets.folder import open_dataset
from omz.accuracy.datasets.sample import Dataset
from omz.accuracy.datasets.synthetic import SyntheticScenes
from omz.accuracy.summary import ModelSummary
from omz.accuracy.verdict import (
    Gate,
    Reference,
    Threshold,
    judge,
    parse_threshold,
    reference_figures,
    reference_gates,
)
from omz.cli.accuracy_models import Form, Places, Wrap, load_forms, load_mattes, tolerance_of
from omz.cli.sizes import parse_size
from omz.errors import UsageError
from omz.zoo import Catalog, ModelCard
from omz.zoo.card import Tolerance

OF_THE_CARD = "card"
"""What --config says for the accuracy-check.yml beside the model's card."""

_FORMS = "original,FP32,FP16"
_MEANS_NOTHING = ("report", "resume", "jobs", "update_references", "locate")  # of these no figure depends


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line; see the flags of the same names."""

    name: str | None
    models_dir: tuple[Path, ...]
    download_dir: Path
    model_dir: Path | None
    models: str | None
    input_dir: tuple[Path, ...]
    dataset: Path | None
    layout: str
    backgrounds: Path | None
    seed: int
    allow_missing: bool
    num_frames: int | None
    size: str
    convention: str | None
    region: RegionName | None
    levels: Levels | None
    thresholds: tuple[str, ...]
    device: str
    precision: str
    calibration: Path | None
    trust_code: bool
    config: Path | None
    source: Path | None
    definitions: Path | None
    update_references: str | None
    locate: bool
    report: Path | None
    resume: bool
    jobs: int

    def settings(self) -> dict[str, str]:
        """Return what figures depend on, as text by name; nothing that was left open."""
        given = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in _MEANS_NOTHING}
        texts = {
            name: ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
            for name, value in given.items()
            if value is not None
        }
        return {name: text for name, text in texts.items() if text}


@dataclass(frozen=True)
class Configured:
    """A part of an ``accuracy-check.yml``, and that."""

    path: Path
    evaluation: ConfiguredEvaluation


@dataclass(frozen=True)
class Subject:
    """What is scored, on what, by what; ``references`` are figures from elsewhere.

    ``configured`` says so, None where the command line does; ``place`` is the folder of its report below that of all,
    empty where there is one only.
    """

    title: str
    forms: Mapping[str, Form]
    dataset: Dataset
    convention: Convention
    thresholds: Sequence[Threshold]
    tolerance: Tolerance
    configured: Configured | None = None
    place: str = ""

    @property
    def references(self) -> Sequence[Reference]:
        """What figures were elsewhere."""
        return self.configured.evaluation.references if self.configured else ()

    def gates(
        self,
        summaries: Mapping[str, ModelSummary],
        agreements: Mapping[Pair, Mapping[str, Agreement]],
        results: Sequence[FrameResult],
    ) -> Sequence[Gate]:
        """Say what must hold; see :func:`omz.accuracy.verdict.judge`."""
        first, *others = self.forms
        tolerances = {label: tolerance_of(label, self.tolerance) for label in others}
        # What other tools make need not agree with the first; what a conversion makes has to.
        found = {label: agreements[first, label] if self.forms[label].files else {} for label in others}
        gates = judge(first, summaries, found, tolerances, self.thresholds, results)
        for label, summary in summaries.items():
            figures = reference_figures(self.references, label, summary, results)
            gates += reference_gates(label, self.references, figures)
        return gates


def subjects(request: Request) -> Iterator[Subject]:
    """Load what is to be compared, one after the other: a configuration can have several datasets.

    Raises :class:`omz.errors.OmzError` where something is not there.
    """
    card = Catalog(*request.models_dir)[request.name] if request.name else None
    if request.config is None:
        convention = find_convention(request.convention or "omz", request.region, request.levels)
        yield _subject(request, card, _open(request), convention)
        return
    if request.convention or request.region or request.levels:
        raise UsageError("--config says what is measured; leave out --convention, --region and --levels")
    path = _config_path(request, card)
    evaluations = read_configuration(path, request.definitions)
    # A model by name runs in all its forms, so that a dataset counts once, whatever launchers there are for it.
    chosen = {each.dataset: each for each in reversed(evaluations)} if card else dict(enumerate(evaluations))
    for number, each in enumerate(sorted(chosen.values(), key=evaluations.index), start=1):
        place = f"{number}-" + re.sub(r"[^\w-]", "_", each.dataset) if len(chosen) > 1 else ""
        yield _subject(request, card, _open(request, each), each.convention, Configured(path, each), place)


def _config_path(request: Request, card: ModelCard | None) -> Path:
    """Return the configuration that was asked for; raises :class:`UsageError` where there is none."""
    if str(request.config) != OF_THE_CARD:
        return Path(str(request.config))
    if card is None:
        raise UsageError(f"--config {OF_THE_CARD} is the accuracy-check.yml of a card; give the model's --name")
    return card.path.with_name("accuracy-check.yml")


def _open(request: Request, configured: ConfiguredEvaluation | None = None) -> Dataset:
    """Open the dataset that was asked for, or make scenes; nothing is read yet."""
    if configured and request.source:
        return configured.open_dataset(request.source, request.allow_missing)
    if request.source:
        raise UsageError("--source is where the datasets of a --config are; for another, use --dataset")
    if request.dataset is None:
        return SyntheticScenes(request.num_frames or 20, parse_size(request.size))
    return open_dataset(request.dataset, request.layout, request.backgrounds, request.seed, request.allow_missing)


def _subject(
    request: Request,
    card: ModelCard | None,
    dataset: Dataset,
    convention: Convention,
    configured: Configured | None = None,
    place: str = "",
) -> Subject:
    forms = _forms(request, card, configured.evaluation if configured else None)
    return Subject(
        title=f"{card.name if card else ' and '.join(forms)} on {dataset.title}",
        forms=forms,
        dataset=dataset,
        convention=convention,
        thresholds=[parse_threshold(text) for text in request.thresholds],
        tolerance=card.parity if card else Tolerance(),
        configured=configured,
        place=place,
    )


def _forms(request: Request, card: ModelCard | None, configured: ConfiguredEvaluation | None) -> dict[str, Form]:
    device = (configured and configured.device) or request.device
    places = Places(
        request.download_dir, request.model_dir, device, request.precision, request.trust_code, request.calibration
    )
    labels = request.models.split(",") if request.models else []
    if card:
        labels = labels or _FORMS.split(",")
    elif configured and len(labels) < 2:  # that which the configuration names, or finds in a folder
        labels = [str(configured.model_file(Path(labels[0]) if labels else None))]
    wrap: Wrap | None = configured.predictor if configured else None
    forms = {**load_forms(card, labels, places, wrap), **load_mattes(request.input_dir)}
    if not forms:
        raise UsageError(
            "nothing to score; give the --name of a model, --models with files, or --input_dir with mattes"
        )
    return forms
