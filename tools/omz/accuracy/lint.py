"""What the author of a card should fix in the accuracy file beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from omz.accuracy.configuration.evaluation import ConfiguredEvaluation
from omz.accuracy.configuration.reading import read_configuration, read_mapping
from omz.errors import CardError, UsageError
from omz.text import printable
from omz.zoo.card import CompositeCard, ModelCard
from omz.zoo.info import ACCURACY_FILE
from omz.zoo.lint import Finding
from omz.zoo.optimizer_arguments import card_arguments

_MATTING = "background_matting"


def lint_accuracy(card: ModelCard | CompositeCard) -> list[Finding]:
    """Return findings about the ``accuracy-check.yml`` of ``card``, and of its stages; none where there is none.

    It is an error if it is not YAML or, for a model that mattes, if ``omz_accuracy`` cannot read it, or if it names
    inputs or outputs that the card does not have. The files of other models serve other programs.

    Example:
        >>> from omz.zoo import Catalog
        >>> lint_accuracy(Catalog()["background-matting-starter"])
        []
    """
    found: list[Finding] = []
    for part in dict.fromkeys((card.folder, *(model.folder for model in card.models))):
        path = part / ACCURACY_FILE
        if path.is_file():
            found += _findings(path, card)
    return found


def _findings(path: Path, card: ModelCard | CompositeCard) -> Iterator[Finding]:
    try:
        if card.task_type != _MATTING:
            read_mapping(path)
            return
        evaluations = read_configuration(path)
    except UsageError as error:
        yield Finding(printable(str(error)))
        return
    for model in card.models:
        if len(card.models) == 1 or model.folder == path.parent:
            yield from _unknown_ports(model, evaluations)


def _unknown_ports(card: ModelCard, evaluations: Iterable[ConfiguredEvaluation]) -> Iterator[Finding]:
    """Yield errors for inputs and outputs that an evaluation names, but the card does not have."""
    try:
        arguments = card_arguments(card, Path(), Path())
    except CardError:
        return  # an error of its own
    told = {info.role for info in card.output_info}
    for evaluation in evaluations:
        launcher, adapter = evaluation.launcher, evaluation.launcher.adapter
        # What the adapter does not name is read by the card's roles, or else has the usual name.
        alpha = adapter.alpha_out or ("" if "alpha" in told else adapter.alpha)
        foreground = adapter.foreground_out or ("" if "foreground" in told else adapter.foreground)
        named = {each.name for each in launcher.inputs}
        fed_back = {each.value for each in launcher.inputs if each.type == "LSTM_INPUT"}
        outputs = {alpha, foreground, *fed_back} - {"", None}
        for kind, names, own in (("input", named, arguments.inputs), ("output", outputs, arguments.outputs)):
            for name in sorted(map(str, names)):
                if own and name not in own:
                    line = f"{evaluation.where}: the model has no {kind} {name}; it has {', '.join(own)}"
                    yield Finding(printable(line))
