"""One run of ``omz_accuracy``: what is to be scored becomes an evaluation."""

from __future__ import annotations

import contextlib
import hashlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from omz.accuracy.comparison import FrameResult, Pair, compare
from omz.accuracy.configuration.updating import update_references
from omz.accuracy.evaluation import Evaluation, evaluate
from omz.accuracy.journal import Journal, depends_on_files, open_journal, rest
from omz.accuracy.provenance import Provenance, dataset_digest, machine, model_files, package_versions
from omz.accuracy.verdict import reference_figures
from omz.cli.accuracy_labels import causes
from omz.cli.accuracy_request import Request
from omz.cli.accuracy_subjects import Configured, Subject
from omz.errors import UsageError

_JOURNAL = "frames.unfinished.jsonl"
_WORST = 6  # frames in the gallery of a report


def run(request: Request, subject: Subject, console: Console) -> Evaluation:
    """Compare all frames, showing how far it is."""
    models = {label: model_files(form.files) for label, form in subject.forms.items()}
    settings, versions, hardware = request.settings(), package_versions(), machine()
    if subject.configured:
        settings["configuration"] = hashlib.sha256(repr(subject.configured.evaluation).encode()).hexdigest()
    depends_on = {
        **settings,
        "models": json.dumps({label: [file.sha256 for file in files] for label, files in models.items()}),
        "versions": json.dumps(versions),
        "machine": json.dumps(hardware),
        "dataset": depends_on_files(subject.dataset),
    }
    compared = causes([*subject.forms], subject.precision)
    with _journal(request, subject, depends_on) as journal:
        results = list(_results(request, subject, console, [*compared], journal))
    provenance = Provenance(
        command=["omz_accuracy", *(each for each in sys.argv[1:] if each != "--resume")],
        settings=settings,
        models=models,
        dataset={"title": subject.dataset.title, "frames": str(len(results)), "sha256": dataset_digest(results)},
        versions=versions,
        machine=hardware,
    )
    return evaluate(
        title=subject.title,
        convention=subject.convention,
        models={label: form.predictor.info for label, form in subject.forms.items()},
        results=results,
        causes=compared,
        judged=lambda summaries, agreements: subject.gates(summaries, agreements, results),
        provenance=provenance,
        references=subject.references,
    )


def finish(request: Request, evaluation: Evaluation, subject: Subject) -> None:
    """Write what was asked for: the report, after which the journal has done its duty, and references."""
    if request.report:
        from omz.accuracy.report.gallery import look_again
        from omz.accuracy.report.writing import write_report

        folder = request.report / subject.place
        write_report(folder, evaluation, look_again(subject.predictors, subject.dataset, evaluation, _WORST))
        (folder / _JOURNAL).unlink(missing_ok=True)
    if request.update_references and subject.configured:
        _update_references(request.update_references, evaluation, subject.configured, request.definitions)


def _update_references(label: str, evaluation: Evaluation, configured: Configured, definitions: Path | None) -> None:
    summary, part = evaluation.summaries[label], configured.evaluation
    if summary.frames < len(evaluation.results):
        lost = len(evaluation.results) - summary.frames
        raise UsageError(
            f"{configured.path} is left as it was: {lost} frames have no figures, so these are no references"
        )
    figures = summary.figures | reference_figures(part.references, label, summary, evaluation.results)
    update_references(configured.path, figures, part.name, part.dataset, definitions)


@contextlib.contextmanager
def _journal(request: Request, subject: Subject, depends_on: Mapping[str, str]) -> Iterator[Journal | None]:
    if request.report is None:
        yield None
        return
    with open_journal(request.report / subject.place / _JOURNAL, depends_on, request.resume) as journal:
        yield journal


def _results(
    request: Request,
    subject: Subject,
    console: Console,
    pairs: Sequence[Pair],
    journal: Journal | None,
) -> Iterator[FrameResult]:
    """Yield what is known of frames, and then what is found of the others."""
    predictors, entries = subject.predictors, subject.dataset.entries
    done = journal.done[: len(entries)] if journal else ()
    yield from done
    left = rest(
        entries,
        len(done),
        remembers=any(each.remembers for each in predictors.values()),
        looks_back=subject.convention.flicker is not None,
    )
    again = len(left) + len(done) - len(entries)
    columns = (TextColumn("frames"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("frames", total=len(entries), completed=len(done) - again)
        found = compare(predictors, subject.dataset, subject.convention, pairs, left, request.jobs)
        for number, result in enumerate(found):
            progress.advance(task)
            if number >= again:
                if journal:
                    journal.add(result)
                yield result
