"""All that came of a comparison, as the console and the reports show it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from omz.accuracy.agreement import Agreement
from omz.accuracy.comparison import FrameResult, Pair
from omz.accuracy.conventions import Convention
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
    elsewhere.
    """

    title: str
    convention: Convention
    models: Mapping[str, EngineInfo]
    results: Sequence[FrameResult]
    summaries: Mapping[str, ModelSummary]
    differences: Mapping[str, Mapping[str, Interval]]
    agreements: Mapping[Pair, Mapping[str, Agreement]]
    causes: Mapping[Pair, str]
    gates: Sequence[Gate]
    provenance: Provenance
    references: Sequence[Reference] = ()

    @property
    def passed(self) -> bool:
        """Whether all gates hold."""
        return all(gate.passed for gate in self.gates)


def evaluate(
    title: str,
    convention: Convention,
    models: Mapping[str, EngineInfo],
    results: Sequence[FrameResult],
    causes: Mapping[Pair, str],
    judged: Callable[[Mapping[str, ModelSummary], Mapping[Pair, Mapping[str, Agreement]]], Sequence[Gate]],
    provenance: Provenance,
    references: Sequence[Reference] = (),
) -> Evaluation:
    """Say what the results of all frames say together; ``judged`` gives the gates of what has been averaged.

    Raises :class:`DataError` where no frame could be read.
    """
    if all(result.problem for result in results):
        raise DataError(f"no frame could be read, so nothing can be said; {_first_problem(results)}")
    first, *others = models
    summaries = {label: summarise(results, label, convention) for label in models}
    agreements = {pair: pooled_agreement(results, pair) for pair in causes}
    return Evaluation(
        title=title,
        convention=convention,
        models=models,
        results=results,
        summaries=summaries,
        differences={
            label: {
                name: paired_difference(results, (first, label), name, convention) for name in summaries[label].figures
            }
            for label in others
        },
        agreements=agreements,
        causes=causes,
        gates=judged(summaries, agreements),
        provenance=provenance,
        references=references,
    )


def _first_problem(results: Sequence[FrameResult]) -> str:
    return next((result.problem for result in results), "the dataset is empty")
