"""What a worker checks before it scores frames, here in this process."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest
from helpers.builders import save_difference_model

from omz.accuracy import EvaluationObserver, EvaluationRequest
from omz.accuracy.cluster import EvaluationJob, job_of
from omz.accuracy.datasets.sample import Entry
from omz.accuracy.frame_work import FrameUnit, FrameWork
from omz.accuracy.setup import set_up
from omz.errors import EngineError

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
    with pytest.raises(EngineError, match="its models are others; all machines must share them"):
        other.open(tuple).__enter__()
    next(iter(job.irs.values())).unlink()
    with pytest.raises(EngineError, match="is not there; all machines must share the models"):
        job.open(tuple).__enter__()


def test_another_dataset_is_refused(job, tmp_path):
    class Files:
        title, remarks = "four files", ()
        entries = (Entry("a", "", 0, {"picture": tmp_path / "a.png"}),)

    other = replace(job, part=replace(job.part, dataset=Files()))
    with pytest.raises(EngineError, match="four files: its files are others; all machines must share the dataset"):
        other.open(tuple).__enter__()
