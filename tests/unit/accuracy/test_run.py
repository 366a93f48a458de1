from __future__ import annotations

import doctest
import json
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.builders import save_difference_model

import omz.accuracy
from omz.accuracy import EvaluationObserver, EvaluationRequest, evaluate_model, run
from omz.accuracy.agreement import Agreement
from omz.accuracy.comparison import FrameResult, ModelFrame
from omz.accuracy.frame_work import FrameUnit, FrameWork
from omz.accuracy.run import Journal, open_journal
from omz.accuracy.setup import set_up
from omz.errors import CardError, EngineError, UsageError
from omz.work.units import Lost

SMALL = EvaluationRequest(num_frames=2, size="64x48")


class Counting(EvaluationObserver):
    def __init__(self) -> None:
        self.progress: list[tuple[int, int]] = []

    def on_progress(self, done: int, total: int) -> None:
        self.progress.append((done, total))


def two_models(folder: Path) -> list[str]:
    return [str(save_difference_model(folder / f"{name}.xml", 48, 64)) for name in ("one", "two")]


def test_files_are_evaluated_and_reported(tmp_path):
    models, observer = two_models(tmp_path), Counting()
    evaluation = evaluate_model(None, None, models, tmp_path / "report", SMALL, observer)
    assert evaluation.passed
    assert [*evaluation.summaries] == models
    assert observer.progress == [(0, 2), (1, 2), (2, 2)]
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert report["provenance"]["settings"].items() >= {"models": ",".join(models), "num_frames": "2"}.items()
    assert report["summaries"][models[0]]["figures"] == evaluation.summaries[models[0]].figures


def test_a_configuration_has_no_single_evaluation():
    with pytest.raises(UsageError, match="use omz_accuracy --config"):
        evaluate_model("x", options=EvaluationRequest(config=Path("card")))


def test_one_variant_is_text_or_a_path_and_the_name_may_be_among_the_options(tmp_path):
    one, other = two_models(tmp_path)
    assert [*evaluate_model(None, variants=one, options=SMALL).summaries] == [one]
    assert [*evaluate_model(None, variants=[Path(one), Path(other)], options=SMALL).summaries] == [one, other]
    with pytest.raises(UsageError, match="--locate"):
        evaluate_model(None, variants=[one, other], options=EvaluationRequest(locate=True))
    with pytest.raises(CardError, match="absent"):
        evaluate_model(None, options=EvaluationRequest(name="absent"))


def test_the_package_offers_what_it_lists():
    assert all(getattr(omz.accuracy, name).__name__ == name for name in omz.accuracy.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = omz.accuracy.nothing


@pytest.mark.slow
def test_the_example_runs():
    assert doctest.testmod(run).failed == 0


KEY = {"convention": "omz", "versions": "1"}


def result(number: int) -> FrameResult:
    """Return a frame with numbers that no decimal of few digits is."""
    agreement = Agreement(
        1 / 3, 1e-17, 1e-300, 0.1 + 0.2, 2 / 7, exact=False, not_finite=number, lowest=-0.1, highest=1 / 3
    )
    frames = {
        "original": ModelFrame({"MAD": number / 7, "a b": 1e22}, 1 / 3, -0.1, 1.1),
        "ünusual, \n": ModelFrame({}, None, None, None, "5 pixels of alpha are no numbers"),
    }
    return FrameResult(f"clip/{number}", "clip", number, frames, {("original", "FP16"): {"pha": agreement}}, "", "ab")


def write(path: Path, results: list[FrameResult], key: dict[str, str] = KEY, resume: bool = False) -> None:
    with open_journal(path, key, resume) as journal:
        journal.add(dict(enumerate(results, start=len(journal.done))))


def done(path: Path, key: dict[str, str] = KEY) -> tuple[FrameResult, ...]:
    with open_journal(path, key, resume=True) as journal:
        assert [*journal.done] == [*range(len(journal.done))]
        return tuple(journal.done.values())


def test_results_come_back_as_they_were(tmp_path):
    results = [result(0), FrameResult("x", "", 0, problem="cannot be read"), result(2)]
    write(tmp_path / "deep" / "journal", results)
    assert done(tmp_path / "deep" / "journal") == tuple(results)
    write(tmp_path / "deep" / "journal", [result(3)], resume=True)
    assert done(tmp_path / "deep" / "journal") == (*results, result(3))


def test_results_are_on_the_disk_at_once(tmp_path):
    with open_journal(tmp_path / "journal", KEY, resume=False) as journal:
        journal.add({0: result(0)})
        assert done(tmp_path / "journal") == (result(0),)


def test_any_part_of_a_journal_can_be_gone_on_with(tmp_path):
    path = tmp_path / "journal"
    write(path, [result(0), result(1)])
    whole = path.read_bytes()
    for end in range(len(whole) + 1):
        path.write_bytes(whole[:end])
        lines = whole[:end].count(b"\n")
        assert done(path) == tuple(result(number) for number in range(max(lines - 1, 0))), end
        write(path, [result(number) for number in range(max(lines - 1, 0), 2)], resume=True)
        assert path.read_bytes() == whole, end


def test_what_is_no_result_counts_as_not_done(tmp_path):
    path = tmp_path / "journal"
    strange_place = '{"place": "x", "name": "x", "clip": "", "index": 0, "models": {}, "agreements": [], "remarks": []}'
    for strange in ("[]", "3", '{"name": "x"}', "null", '{"place": 1, "models": 3, "agreements": []}', strange_place):
        path.unlink(missing_ok=True)
        write(path, [result(0)])
        with path.open("a") as file:
            file.write(f"{strange}\n{json.dumps({})}\n")
        assert done(path) == (result(0),)


def test_results_are_not_thrown_away_unasked(tmp_path):
    write(tmp_path / "journal", [result(0), result(1)])
    with pytest.raises(UsageError, match=r"has 2 frames of a run that has not ended; --resume goes on, or remove"):
        write(tmp_path / "journal", [result(2)])
    assert done(tmp_path / "journal") == (result(0), result(1))
    (tmp_path / "journal").unlink()
    write(tmp_path / "journal", [])
    write(tmp_path / "journal", [result(2)], {"convention": "dim"})  # nothing is lost
    assert done(tmp_path / "journal", {"convention": "dim"}) == (result(2),)


def test_what_differs_is_shown_in_short(tmp_path):
    files = [f"clip/{number}.png" for number in range(2000)]
    write(tmp_path / "journal", [result(0)], {"dataset": " ".join(files)})
    files[1000] = "clip/else.png"
    with pytest.raises(UsageError, match=r"another dataset \(….*1000\.png.*, not ….*else\.png") as raised:
        write(tmp_path / "journal", [], {"dataset": " ".join(files)}, resume=True)
    assert len(str(raised.value)) < 500


@pytest.mark.parametrize("other", [{**KEY, "versions": "2"}, {"convention": "omz"}, {**KEY, "seed": "1"}])
def test_other_settings_are_refused_by_name_and_nothing_is_lost(tmp_path, other):
    write(tmp_path / "journal", [result(0)])
    with pytest.raises(UsageError, match="seed" if "seed" in other else "versions"):
        write(tmp_path / "journal", [], other, resume=True)
    assert done(tmp_path / "journal") == (result(0),)


class Noting(FrameWork):
    """Notes what it was asked for."""

    asked: tuple[FrameUnit, ...] = ()

    def run(self, units):
        self.asked = tuple(units)
        return super().run(self.asked)


class Failing(FrameWork):
    """Sets the second frame aside, and fails after two others."""

    def run(self, units):
        first, second, third, *_ = units
        yield from super().run([third])
        yield Lost(second, "it took longer than 1 s")
        yield from super().run([first])
        raise EngineError("no worker is left")


def test_frames_that_were_set_aside_are_tried_again_by_a_run_that_goes_on(tmp_path, monkeypatch):
    request = replace(SMALL, models=",".join(two_models(tmp_path)), num_frames=4, report=tmp_path / "report")
    [setup] = set_up(request, EvaluationObserver())
    pairs = [tuple(setup.variants)]
    monkeypatch.setattr(run, "_executor", lambda *given: nullcontext(Failing(setup, pairs)))
    with pytest.raises(EngineError, match="no worker is left"):
        run.run(setup, EvaluationObserver())
    again, observer = Noting(setup, pairs), Counting()
    monkeypatch.setattr(run, "_executor", lambda *given: nullcontext(again))
    evaluation = run.run(replace(setup, request=replace(request, resume=True)), observer)
    assert again.asked == (FrameUnit(1, 2), FrameUnit(3, 4))
    assert [result.name for result in evaluation.results] == ["0", "1", "2", "3"]
    assert not any(result.problem for result in evaluation.results)
    assert observer.progress == [(2, 4), (3, 4), (4, 4)]


def test_work_ends_before_the_cluster_where_a_frame_cannot_be_noted(tmp_path, monkeypatch):
    ended = []

    class Noted(FrameWork):
        def run(self, units):
            try:
                yield from super().run(units)
            finally:
                ended.append("work")

    @contextmanager
    def cluster(*given):
        try:
            yield Noted(setup, pairs)
        finally:
            ended.append("cluster")

    def full(journal, results):
        raise OSError("the disk is full")

    request = replace(SMALL, models=",".join(two_models(tmp_path)), report=tmp_path / "report")
    [setup] = set_up(request, EvaluationObserver())
    pairs = [tuple(setup.variants)]
    monkeypatch.setattr(run, "_executor", cluster)
    monkeypatch.setattr(Journal, "add", full)
    with pytest.raises(OSError, match="the disk is full"):
        run.run(setup, EvaluationObserver())
    assert ended == ["work", "cluster"]
