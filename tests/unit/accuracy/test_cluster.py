"""What a worker checks before it scores frames, here in this process."""

from __future__ import annotations

import pickle
from contextlib import nullcontext
from dataclasses import replace

import pytest
from helpers.builders import save_difference_model

from omz.accuracy import EvaluationObserver, EvaluationRequest, cluster
from omz.accuracy.cluster import EvaluationJob, job_of
from omz.accuracy.datasets.sample import Entry
from omz.accuracy.frame_work import FramesMade, FrameUnit, FrameWork
from omz.accuracy.setup import EvaluationSetup, set_up
from omz.errors import EngineError
from omz.work.dispatcher import Answer, Crew, Worker

FRAMES = 4


@pytest.fixture
def job(tmp_path, monkeypatch) -> EvaluationJob:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # which a job sets
    models = ",".join(str(save_difference_model(tmp_path / f"{name}.xml", 48, 64)) for name in ("one", "two"))
    [setup] = set_up(EvaluationRequest(models=models, num_frames=FRAMES, size="64x48"), EvaluationObserver())
    return pickle.loads(pickle.dumps(job_of(setup, [(*setup.variants,)])))


def test_batches_give_the_results_of_a_whole_run(job):
    setup = job.part.load(EvaluationObserver())
    whole = {}
    for made in FrameWork(setup, job.pairs).run([FrameUnit(0, FRAMES)]):
        whole.update(made.results)
    found = {}
    with job.open(tuple) as work:
        for units in ([FrameUnit(2, 3), FrameUnit(3, 4), FrameUnit(0, 1)], [FrameUnit(1, 2)]):
            found.update(work(units).results)
    assert [*whole] == [*range(FRAMES)] == sorted(found)
    for place, expected in whole.items():
        assert found[place].sha256 == expected.sha256
        assert found[place].agreements == expected.agreements
        for label, frame in expected.models.items():
            assert replace(found[place].models[label], milliseconds=None) == replace(frame, milliseconds=None)


def test_models_that_are_missing_or_others_are_refused(job):
    other = replace(job, models={label: ["0" * 64] for label in job.models})
    with pytest.raises(EngineError, match="its models differ from those of the driver; all machines must share them"):
        other.open(tuple).__enter__()
    next(iter(job.irs.values())).unlink()
    with pytest.raises(EngineError, match="is not there; all machines must share the models"):
        job.open(tuple).__enter__()


def test_another_dataset_is_refused(job, tmp_path):
    class Files:
        title, remarks = "four files", ()
        entries = (Entry("a", "", 0, {"picture": tmp_path / "a.png"}),)

    other = replace(job, part=replace(job.part, dataset=Files()))
    with pytest.raises(
        EngineError, match="four files: its files differ from those of the driver; all machines must share them"
    ):
        other.open(tuple).__enter__()


class AtOnce(Crew[FrameUnit, FramesMade]):
    """Four workers that do nothing, at once; notes how many units it was sent together."""

    size, workers = 4, ()

    def __init__(self) -> None:
        self.workers = tuple(Worker(f"worker {number}") for number in range(self.size))
        self.sent: list[int] = []
        self._answers: list[Answer[FrameUnit, FramesMade]] = []

    def send(self, worker, units):
        self.sent.append(len(units))
        self._answers.append(Answer(worker, FramesMade({})))

    def wait(self, seconds):
        answers, self._answers = self._answers, []
        return answers

    def end(self, worker):
        raise AssertionError(worker)


@pytest.mark.parametrize(
    ("remembers", "count", "expected"),
    [(True, 100, [1] * 100), (False, 10, [1] * 10), (False, 40, [2] * 20), (False, 1000, [16] * 62 + [8])],
)
def test_clips_are_sent_by_themselves_and_frames_in_batches(job, monkeypatch, remembers, count, expected):
    crew = AtOnce()
    monkeypatch.setattr(cluster, "ray_crew", lambda *given: nullcontext(crew))
    monkeypatch.setattr(EvaluationSetup, "remembers", remembers)
    setup = job.part.load(EvaluationObserver())
    setup = replace(setup, request=replace(setup.request, cluster="local[4]"))
    units = [FrameUnit(100 * number, 100 * number + 100) for number in range(count)]
    with cluster.open_cluster(setup, job.pairs, count, EvaluationObserver()) as executor:
        assert len(list(executor.run(units))) == len(expected)
    assert crew.sent == expected
