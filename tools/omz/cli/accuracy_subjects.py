"""What ``omz_accuracy`` is to score, and on what."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from omz.accuracy.agreement import Agreement
from omz.accuracy.comparison import FrameResult, Pair
from omz.accuracy.configuration.evaluation import ConfiguredEvaluation
from omz.accuracy.configuration.reading import read_configuration
from omz.accuracy.conventions import Convention, find_convention
from omz.accuracy.datasets.folder import open_dataset
from omz.accuracy.datasets.sample import Dataset
from omz.accuracy.datasets.synthetic import SyntheticScenes
from omz.accuracy.prediction import Predictor
from omz.accuracy.summary import ModelSummary
from omz.accuracy.verdict import (
    Gate,
    Reference,
    Threshold,
    check_thresholds,
    judge,
    parse_threshold,
    reference_figures,
    reference_gates,
)
from omz.cli.accuracy_irs import Places
from omz.cli.accuracy_labels import bare, tolerance_of
from omz.cli.accuracy_models import Form, Wrap, load_forms, load_mattes
from omz.cli.accuracy_request import Request, check_flags
from omz.cli.sizes import parse_size
from omz.errors import UsageError
from omz.zoo import Catalog, ModelCard
from omz.zoo.card import Tolerance

OF_THE_CARD = "card"
"""What --config says for the accuracy-check.yml beside the model's card."""

_FORMS = "original,FP32,FP16"
_SCENES, _SIZE = 20, "1280x720"


@dataclass(frozen=True)
class Configured:
    """A part of an ``accuracy-check.yml``, and that."""

    path: Path
    evaluation: ConfiguredEvaluation


@dataclass(frozen=True)
class Subject:
    """What is scored, on what, by what; ``references`` are figures from elsewhere.

    ``precision`` is that of execution where a form names none; ``card`` is that of a model by name. ``configured`` says
    so, None where the command line does; ``place`` is the folder of its report below that of all, empty where there is
    one only.
    """

    title: str
    forms: Mapping[str, Form]
    dataset: Dataset
    convention: Convention
    thresholds: Sequence[Threshold]
    precision: str
    card: ModelCard | None = None
    configured: Configured | None = None
    place: str = ""

    @property
    def predictors(self) -> dict[str, Predictor]:
        """What is scored, by label."""
        return {label: form.predictor for label, form in self.forms.items()}

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
        tolerance = self.card.parity if self.card else Tolerance()
        tolerances = {label: tolerance_of(label, tolerance, self.precision) for label in others}
        # What other tools make need not agree with the first; what a conversion makes has to.
        found = {label: agreements[first, label] for label in others if self.forms[label].files}
        gates = judge(first, summaries, found, tolerances, self.thresholds, results)
        for label, summary in summaries.items():
            figures = reference_figures(self.references, label, summary, results)
            gates += reference_gates(label, self.references, figures)
        return gates


def subjects(request: Request) -> Iterator[Subject]:
    """Load what is to be compared, one after the other: a configuration can have several datasets.

    All that can be told before anything runs is told first. Raises :class:`omz.errors.OmzError` where something is not
    there, and :class:`UsageError` for flags that have nothing to do with each other.
    """
    check_flags(request)
    card = Catalog(*request.models_dir)[request.name] if request.name else None
    configured = _configured(request, card)
    datasets = [_open(request, each) for each in configured]
    for number, (each, dataset) in enumerate(zip(configured, datasets, strict=True), start=1):
        convention = each.evaluation.convention if each else _convention(request)
        forms = _forms(request, card, dataset, each.evaluation if each else None)
        thresholds = [parse_threshold(text) for text in request.thresholds]
        check_thresholds(thresholds, convention, [*forms])
        if request.update_references and request.update_references not in forms:
            raise UsageError(f"--update_references {request.update_references}: the models are {', '.join(forms)}")
        name = each.evaluation.dataset if each and len(configured) > 1 else ""
        yield Subject(
            title=f"{card.name if card else ' and '.join(forms)} on {dataset.title}",
            forms=forms,
            dataset=dataset,
            convention=convention,
            thresholds=thresholds,
            precision=request.precision,
            card=card,
            configured=each,
            place=f"{number}-" + re.sub(r"[^\w-]", "_", name) if name else "",
        )


def _convention(request: Request) -> Convention:
    return find_convention(request.convention or "omz", request.region, request.levels)


def _configured(request: Request, card: ModelCard | None) -> Sequence[Configured | None]:
    """Return the evaluations of the configuration; one None where there is none."""
    if request.config is None:
        _convention(request)
        return [None]
    path = _config_path(request, card)
    evaluations = read_configuration(path, request.definitions)
    # A model by name runs in all its forms, so that a dataset counts once, whatever launchers there are for it.
    chosen = {each.dataset: each for each in reversed(evaluations)} if card else dict(enumerate(evaluations))
    return [Configured(path, each) for each in sorted(chosen.values(), key=evaluations.index)]


def _config_path(request: Request, card: ModelCard | None) -> Path:
    """Return the configuration that was asked for; raises :class:`UsageError` where there is none."""
    if str(request.config) != OF_THE_CARD:
        return Path(str(request.config))
    if card is None:
        raise UsageError(f"--config {OF_THE_CARD} is the accuracy-check.yml of a card; give the model's --name")
    return card.path.with_name("accuracy-check.yml")


def _open(request: Request, configured: Configured | None) -> Dataset:
    """Open the dataset that was asked for, or make scenes; nothing is read yet."""
    if configured and request.source:
        dataset = configured.evaluation.open_dataset(request.source, request.allow_missing, request.num_frames)
    elif request.dataset is None:
        dataset = SyntheticScenes(request.num_frames or _SCENES, parse_size(request.size or _SIZE))
    else:
        seed, layout = request.seed or 0, request.layout or "auto"
        found = open_dataset(request.dataset, layout, request.backgrounds, seed, request.allow_missing)
        dataset = replace(found, entries=found.entries[: request.num_frames])
    if configured:
        dataset = dataset if request.source else configured.evaluation.adopt(dataset)
        configured.evaluation.check(dataset)
    return dataset


def _forms(
    request: Request, card: ModelCard | None, dataset: Dataset, configured: ConfiguredEvaluation | None
) -> dict[str, Form]:
    device = (configured and configured.device) or request.device
    places = Places(
        request.download_dir, request.model_dir, device, request.precision, request.trust_code, request.calibration
    )
    labels = [label.strip() for label in request.models.split(",")] if request.models else []
    if "" in labels:
        raise UsageError(f"--models {request.models}: a form is missing beside a comma")
    if card:
        labels = labels or _FORMS.split(",")
    alone = configured if not card and len(labels) < 2 and (labels or not request.input_dir) else None
    if alone:  # what the configuration names, or finds in a folder, and runs
        given = labels[0] if labels else ""
        path = alone.model_file(Path(bare(given)) if given else None)
        labels = [f"{path}{given[len(bare(given)) :]}"]
    wrap: Wrap | None = configured.predictor if configured else None
    forms = load_forms(card, labels, places, wrap, alone.engine if alone else None)
    mattes = load_mattes(request.input_dir, dataset.entries)
    if twice := forms.keys() & mattes.keys():
        raise UsageError(f"--input_dir {min(twice)} is called like one of --models; write ./{min(twice)}")
    forms |= mattes
    if not forms:
        raise UsageError(
            "nothing to score; give the --name of a model, --models with files, or --input_dir with mattes"
        )
    return forms
