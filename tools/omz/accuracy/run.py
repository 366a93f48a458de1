"""A whole evaluation: set up, run frame by frame, judged, and written down.

A journal keeps the result of each frame on the disk at once, so that a run that was killed can go on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import asdict, replace
from itertools import chain
from pathlib import Path
from typing import Any

from omz.accuracy.agreement import Agreement
from omz.accuracy.comparison import FrameResult, ModelFrame, Pair
from omz.accuracy.configuration.reading import update_references
from omz.accuracy.datasets.check import repeated
from omz.accuracy.datasets.sample import Dataset, Entry, Remark
from omz.accuracy.evaluation import Evaluation, sum_up
from omz.accuracy.frame_work import FramesMade, FrameUnit, FrameWork, frame_units
from omz.accuracy.labels import causes
from omz.accuracy.provenance import (
    Provenance,
    dataset_digest,
    depends_on_files,
    machine,
    model_files,
    origin_in_words,
    package_versions,
)
from omz.accuracy.request import EvaluationObserver, EvaluationRequest
from omz.accuracy.setup import EvaluationSetup, set_up
from omz.accuracy.verdict import reference_figures
from omz.errors import UsageError
from omz.journal_file import open_journal_file, read_journal_file, what_differs
from omz.work.units import Executor, Lost, in_turn

_JOURNAL = "frames.unfinished.jsonl"
_WORST = 6  # frames in the gallery of a report


def evaluate_model(
    name: str | None,
    dataset: Path | str | None = None,
    variants: str | Sequence[str | Path] | None = None,
    report: Path | str | None = None,
    options: EvaluationRequest | None = None,
    observer: EvaluationObserver | None = None,
) -> Evaluation:
    """Score variants of a model on the same frames, and judge whether they do what the first one does.

    Args:
        name: A model of the zoo; None where ``variants`` are files alone.
        dataset: A folder of frames with their truth; None for synthetic scenes.
        variants: One or several of ``original``, ``FP32``, ``FP16``, ``FP16-INT8``, and paths of ``.onnx`` and ``.xml``
            files; ``@`` and a precision of execution may follow, as in ``FP16@bf16``, and ``+`` and a pipeline, as in
            ``FP16+best``, which runs an IR as ``omz_demo`` does. The first judges the others. None for the original,
            FP32 and FP16. Missing IRs are made, and kept in the user's cache folder.
        report: A folder to write ``report.html``, ``report.json``, ``frames.csv`` and ``junit.xml`` to.
        options: Everything else, such as ``EvaluationRequest(convention="rvm_hr", num_frames=100)``; ``config`` and
            ``locate`` are for ``omz_accuracy`` alone.
        observer: Listener to the progress.

    Returns:
        The figures by variant, their differences and agreements, and the gates; ``passed`` tells whether all hold.

    Raises:
        omz.errors.UsageError: If options contradict each other.
        omz.errors.OmzError: If the model, the dataset or an engine is missing, or no frame can be read.

    Example:
        >>> from omz.accuracy import EvaluationRequest, evaluate_model
        >>> small = EvaluationRequest(num_frames=2, size="192x128")
        >>> evaluation = evaluate_model("background-matting-starter", variants=["FP32", "FP16"], options=small)
        >>> evaluation.passed
        True

    """
    changes: dict[str, Any] = {"dataset": dataset and Path(dataset), "report": report and Path(report)}
    named = [variants] if isinstance(variants, str) else variants or ()
    changes.update(name=name, models=",".join(map(str, named)))
    given = {key: value for key, value in changes.items() if value}
    request = replace(options or EvaluationRequest(), command=("omz.evaluate", name or ""), **given)
    if request.config:
        raise UsageError("options.config may have several datasets; use omz_accuracy --config")
    if request.locate:
        raise UsageError("options.locate prints; use omz_accuracy --locate")
    [setup] = set_up(request, observer or EvaluationObserver())
    evaluation = run(setup, observer or EvaluationObserver())
    finish(setup, evaluation)
    return evaluation


def run(setup: EvaluationSetup, observer: EvaluationObserver) -> Evaluation:
    """Compare the variants on all frames, and judge them."""
    provenance = Provenance(
        command=setup.request.command,
        settings=setup.request.settings(),
        models={label: model_files(variant.files) for label, variant in setup.variants.items()},
        origins=_origins(setup),
        versions=package_versions(),
        machine=machine(),
    )
    if setup.configured:
        digest = hashlib.sha256(repr(setup.configured.evaluation).encode()).hexdigest()
        provenance = replace(provenance, settings={**provenance.settings, "configuration": digest})
    compared = causes([*setup.variants], setup.request.precision)
    with _journal(setup, provenance) as journal:
        results = list(_results(setup, [*compared], journal, observer))
    dataset = {"title": setup.dataset.title, "frames": str(len(results)), "sha256": dataset_digest(results)}
    infos = {label: predictor.info for label, predictor in setup.predictors.items()}
    evaluation = sum_up(setup.title, setup.convention, infos, results, compared)
    return replace(
        evaluation,
        gates=setup.gates(evaluation),
        provenance=replace(provenance, dataset=dataset),
        references=setup.references,
        remarks=_remarks(setup.dataset, results),
    )


def _origins(setup: EvaluationSetup) -> dict[str, str]:
    """Return what the IRs in 8 bits were made of, by their labels."""
    told = {label: origin_in_words(variant.files) for label, variant in setup.variants.items()}
    return {label: words for label, words in told.items() if words}


def _remarks(dataset: Dataset, results: Sequence[FrameResult]) -> Sequence[Remark]:
    """Return all remarks on the frames of a run, each once."""
    found = [*dataset.remarks]
    for result in results:
        found += result.remarks
    digests = [result.sha256 for result in results]
    found += [problem.as_remark() for problem in repeated(zip(dataset.entries, digests, strict=True))]
    return [*dict.fromkeys(found)]


def finish(setup: EvaluationSetup, evaluation: Evaluation) -> None:
    """Write the report, after which the journal has served, and the references that are to be updated."""
    request = setup.request
    if request.report:
        from omz.accuracy.report.gallery import look_again
        from omz.accuracy.report.writing import write_report

        folder = request.report / setup.place
        write_report(folder, evaluation, look_again(setup.predictors, setup.dataset, evaluation, _WORST))
        (folder / _JOURNAL).unlink(missing_ok=True)
    if request.update_references and setup.configured:
        path, part = setup.configured.path, setup.configured.evaluation
        summary = evaluation.summaries[request.update_references]
        lost = len(evaluation.results) - summary.frames
        if lost:
            raise UsageError(f"{path} is left as it was: {lost} frames have no figures, so these cannot be references")
        found = reference_figures(part.references, request.update_references, summary, evaluation.results)
        update_references(path, summary.figures | found, part.name, part.dataset, request.definitions)


def _journal(setup: EvaluationSetup, provenance: Provenance) -> AbstractContextManager[Journal | None]:
    if setup.request.report is None:
        return nullcontext()
    digests = {}
    for label, files in provenance.models.items():
        digests[label] = [file.sha256 for file in files]
    depends_on = {
        **provenance.settings,
        "models": json.dumps(digests),
        "versions": json.dumps(provenance.versions),
        "machine": json.dumps(provenance.machine),
        "dataset": depends_on_files(setup.dataset.entries),
    }
    return open_journal(setup.request.report / setup.place / _JOURNAL, depends_on, setup.request.resume)


def _results(
    setup: EvaluationSetup, pairs: Sequence[Pair], journal: Journal | None, observer: EvaluationObserver
) -> Iterator[FrameResult]:
    """Yield the results of all frames in their order: those in the journal, and what becomes of the others."""
    entries = setup.dataset.entries
    done = journal.done if journal else {}
    number = len(done)
    observer.on_progress(number, len(entries))
    units = list(frame_units(entries, done, setup.remembers))
    if not units:
        yield from in_turn([done])
        return
    with _executor(setup, pairs, len(units), observer) as executor, closing(executor.run(units)) as results:
        for place, result in enumerate(in_turn(chain([done], _made(results, entries, journal)))):
            if place not in done:
                number += 1
                observer.on_progress(number, len(entries))
            yield result


def _executor(
    setup: EvaluationSetup, pairs: Sequence[Pair], count: int, observer: EvaluationObserver
) -> AbstractContextManager[Executor[FrameUnit, FramesMade]]:
    if setup.request.cluster is None:
        return nullcontext(FrameWork(setup, pairs))
    from omz.accuracy.cluster import open_cluster

    return open_cluster(setup, pairs, count, observer)


def _made(
    results: Iterable[FramesMade | Lost[FrameUnit] | None], entries: Sequence[Entry], journal: Journal | None
) -> Iterator[Mapping[int, FrameResult]]:
    """Yield results by their places, and note them.

    A frame that was set aside has a problem, as one that cannot be read, but is not noted: it may do another time.
    """
    for each in results:
        if isinstance(each, Lost):
            lost = {}
            for place in range(each.unit.first, each.unit.stop):
                entry = entries[place]
                lost[place] = FrameResult(entry.name, entry.clip, entry.index, problem=each.problem)
            yield lost
        elif each is not None:
            if journal:
                journal.add(each.results)
            yield each.results


class Journal:
    """Finished frames by their places in the dataset; a line each, after one that says what they depend on."""

    def __init__(self, add: Callable[[Mapping[str, Any]], None], done: Mapping[int, FrameResult]) -> None:
        self._add = add
        self.done = done

    def add(self, results: Mapping[int, FrameResult]) -> None:
        """Note frames; they are kept whatever becomes of this process."""
        for place, result in results.items():
            self._add({"place": place, **_as_json(result)})


@contextmanager
def open_journal(path: Path, depends_on: Mapping[str, str], resume: bool) -> Iterator[Journal]:
    """Open the journal at ``path``: a new one, or to ``resume``, the one that is there, if there is one.

    ``depends_on`` is all that figures depend on, by name. Raises :class:`UsageError` where it differs from that of the
    journal that is there, or where a journal with results is there and is not to be resumed; and :class:`OSError` where
    it cannot be written.
    """
    there = read_journal_file(path, _from_json)
    if there.entries and not resume:
        raise UsageError(
            f"{path} has {len(there.entries)} frames of a run that has not ended; --resume goes on, or remove the file"
        )
    if resume and there.header and there.header != depends_on:
        raise UsageError(
            f"{path} was begun with another {what_differs(there.header, depends_on)}; remove it to begin anew"
        )
    with open_journal_file(path, depends_on, going_on=there.size if resume else 0) as add:
        yield Journal(add, dict(there.entries))


def _as_json(result: FrameResult) -> dict[str, Any]:
    """Return a frame for JSON, which has no pairs as keys."""
    value = asdict(result)
    found = value["agreements"].items()
    value["agreements"] = [{"pair": pair, "outputs": outputs} for pair, outputs in found]
    return value


def _from_json(line: Mapping[str, Any]) -> tuple[int, FrameResult]:
    value = dict(line)
    place = int(value.pop("place"))
    models = {label: ModelFrame(**frame) for label, frame in value["models"].items()}
    agreements = {}
    for each in value["agreements"]:
        agreements[tuple(each["pair"])] = {name: Agreement(**found) for name, found in each["outputs"].items()}
    remarks = tuple(Remark(**each) for each in value["remarks"])
    return place, FrameResult(**{**value, "models": models, "agreements": agreements, "remarks": remarks})
