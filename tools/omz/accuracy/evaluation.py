"""The outcome of a comparison, as the console and the reports show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from omz.accuracy.agreement import Agreement
from omz.accuracy.comparison import FrameResult, Pair
from omz.accuracy.conventions import Convention
from omz.accuracy.datasets.sample import Remark
from omz.accuracy.provenance import Provenance
from omz.accuracy.summary import Interval, ModelSummary, paired_difference, pooled_agreement, summarise
from omz.accuracy.verdict import Gate, Reference
from omz.errors import DataError
from omz.runtime.engine import EngineInfo


@dataclass(frozen=True)
class Evaluation:
    """Models by label on a dataset; the first judges the others.

    ``results`` are frame by frame, in the order of the dataset. ``summaries`` are by label; ``differences`` by label
    (but the first) and figure, from the first model; ``agreements`` by pair and output, over all frames; ``causes``
    says by pair what a difference comes of. ``provenance`` tells what it was made with. ``references`` are figures from
    elsewhere. ``remarks`` are on the files of the dataset, each once.
    """

    title: str
    convention: Convention
    models: Mapping[str, EngineInfo]
    results: Sequence[FrameResult]
    summaries: Mapping[str, ModelSummary]
    differences: Mapping[str, Mapping[str, Interval]]
    agreements: Mapping[Pair, Mapping[str, Agreement]]
    causes: Mapping[Pair, str]
    gates: Sequence[Gate] = ()
    provenance: Provenance = field(default_factory=Provenance)
    references: Sequence[Reference] = ()
    remarks: Sequence[Remark] = ()

    @property
    def passed(self) -> bool:
        """Whether all gates hold."""
        return not self.failed

    @property
    def failed(self) -> Sequence[Gate]:
        """The gates that do not hold."""
        return [gate for gate in self.gates if not gate.passed]


def sum_up(
    title: str,
    convention: Convention,
    models: Mapping[str, EngineInfo],
    results: Sequence[FrameResult],
    causes: Mapping[Pair, str],
) -> Evaluation:
    """Average the results of all frames; nothing is judged yet. Raises :class:`DataError` if no frame could be read."""
    problems = [result.problem for result in results]
    if all(problems):
        told = problems[0] if problems else "the dataset is empty"
        raise DataError(f"no frame could be read, so nothing can be said; {told}")
    first, *others = models
    summaries = {label: summarise(results, label, convention) for label in models}
    differences: dict[str, dict[str, Interval]] = {}
    for label in others:
        differences[label] = {}
        for name in summaries[label].figures:
            differences[label][name] = paired_difference(results, (first, label), name, convention)
    agreements = {pair: pooled_agreement(results, pair) for pair in causes}
    return Evaluation(title, convention, models, results, summaries, differences, agreements, causes)
