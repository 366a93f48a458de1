from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from helpers.builders import save_brightness_model, save_difference_model

from omz.accuracy.comparison import compare
from omz.accuracy.conventions import CONVENTIONS, OMZ, ScoredFrame
from omz.accuracy.datasets.sample import Entry, Sample
from omz.accuracy.prediction import NetworkPredictor, Prediction
from omz.accuracy.setup import SyntheticScenes
from omz.errors import DataError, EngineError
from omz.matting.network import MattingNetwork
from omz.runtime.engine import EngineInfo, TensorInfo
from omz.runtime.openvino_engine import OpenVINOEngine


@dataclass
class Clips:
    """Frames of plain grey in clips; alpha is half, and some cannot be read."""

    names: Sequence[tuple[str, int]]
    broken: Sequence[int] = ()
    read_often: list[str] = field(default_factory=list)
    title = "clips"

    @property
    def entries(self) -> Sequence[Entry]:
        return [Entry(f"{clip}/{index}", clip, index, {}) for clip, index in self.names]

    def read(self, entry: Entry) -> Sample:
        self.read_often.append(entry.name)
        if self.entries.index(entry) in self.broken:
            raise DataError(f"{entry.name} cannot be read; mend it")
        grey = np.full((8, 12, 3), 20 * entry.index, np.uint8)
        return Sample(entry, grey, None, np.full((8, 12), 0.5))


class Computed:
    """An engine that computes alpha of a picture, and counts how often."""

    info = EngineInfo("numpy", "CPU", "f32")
    inputs = (TensorInfo("image", (1, 3, -1, -1)),)
    outputs = ("alpha",)
    output_infos = (TensorInfo("alpha", (1, 1, -1, -1)),)

    def __init__(self, compute: Callable[[np.ndarray], np.ndarray]) -> None:
        self._compute = compute
        self.runs = 0

    def infer(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        self.runs += 1
        return {"alpha": self._compute(inputs["image"][:, :1] / np.float32(255))}


def models(**computed: Callable[[np.ndarray], np.ndarray]) -> dict[str, NetworkPredictor]:
    return {label: NetworkPredictor(MattingNetwork(Computed(compute))) for label, compute in computed.items()}


def test_each_frame_is_read_once_and_shown_to_all():
    clips = Clips([("a", 0), ("a", 1)])
    engines = {"same": Computed(lambda x: x), "half": Computed(lambda x: x / 2)}
    both = {label: NetworkPredictor(MattingNetwork(engine)) for label, engine in engines.items()}
    results = list(compare(both, clips, OMZ, [("same", "half")]))
    assert clips.read_often == ["a/0", "a/1"]
    assert [result.name for result in results] == ["a/0", "a/1"]
    assert results[1].models["same"].figures["MAD"] == pytest.approx(1e3 * (0.5 - 20 / 255))
    assert results[1].models["half"].figures["MAD"] == pytest.approx(1e3 * (0.5 - 10 / 255))
    assert results[1].agreements["same", "half"]["alpha"].largest == pytest.approx(10 / 255)
    assert all(engine.runs == 3 for engine in engines.values())  # one to get ready


def test_alpha_is_not_clipped():
    (result,) = compare(models(far=lambda x: x + 2), Clips([("a", 0)]), OMZ)
    assert (result.models["far"].lowest, result.models["far"].highest) == (2.0, 2.0)
    assert result.models["far"].figures["MAD"] == pytest.approx(1500)


def test_flicker_is_that_from_the_frame_before_of_the_same_clip():
    clips = Clips([("a", 0), ("a", 1), ("a", 3), ("b", 0), ("b", 1)])
    results = list(compare(models(same=lambda x: x), clips, CONVENTIONS["rvm_hr"]))
    flicker = [result.models["same"].figures.get("dtSSD") for result in results]
    assert flicker == [0, pytest.approx(100 * 20 / 255), None, 0, pytest.approx(100 * 20 / 255)]


def test_a_frame_that_cannot_be_read_is_named_and_the_others_count():
    clips = Clips([("a", 0), ("a", 1), ("a", 2)], broken=[1])
    results = list(compare(models(same=lambda x: x), clips, CONVENTIONS["rvm_hr"]))
    assert [bool(result.problem) for result in results] == [False, True, False]
    assert "a/1 cannot be read" in results[1].problem
    assert results[1].models == {}
    assert "dtSSD" not in results[2].models["same"].figures  # nobody knows


def test_what_is_no_number_is_told_and_gives_no_figure():
    def broken(x: np.ndarray) -> np.ndarray:
        x = x.copy()
        x[..., 0, :2] = np.nan
        return x

    (result,) = compare(models(broken=broken), Clips([("a", 0)]), OMZ)
    assert result.models["broken"].problem == "2 pixels of alpha are not finite"
    assert result.models["broken"].figures == {}


def test_without_truth_models_are_compared_all_the_same():
    @dataclass
    class NoTruth(Clips):
        def read(self, entry: Entry) -> Sample:
            return Sample(entry, super().read(entry).picture)

    (result,) = compare(models(a=lambda x: x, b=lambda x: x + 1), NoTruth([("a", 0)]), OMZ, [("a", "b")])
    assert result.models["a"].figures == {}
    assert result.models["a"].problem == ""
    assert result.agreements["a", "b"]["alpha"].mean == pytest.approx(1)


def test_figures_are_those_of_the_convention(tmp_path):
    with_plate = MattingNetwork(OpenVINOEngine(save_difference_model(tmp_path / "d.xml", "height", "width")))
    alone = MattingNetwork(OpenVINOEngine(save_brightness_model(tmp_path / "b.xml", "height", "width")))
    scenes = SyntheticScenes(2, (48, 64))
    predictors = {"with plate": NetworkPredictor(with_plate), "alone": NetworkPredictor(alone)}
    for result in compare(predictors, scenes, OMZ):
        sample = scenes.read(Entry(result.name, "", 0, {}))
        assert sample.foreground is not None
        matte = with_plate(sample.picture, sample.plate)
        expected = OMZ.score(
            ScoredFrame(matte.alpha, sample.alpha, matte.foreground, sample.foreground / np.float32(255))
        )
        assert result.models["with plate"].figures == pytest.approx(expected)
        assert set(result.models["alone"].figures) == {"MAD", "MSE", "GRAD"}


def test_only_some_entries():
    clips = Clips([("a", 0), ("a", 1), ("b", 0)])
    results = list(compare(models(same=lambda x: x), clips, OMZ, entries=clips.entries[2:]))
    assert [result.name for result in results] == ["b/0"]


@dataclass
class Remembering:
    """A predictor of what it has seen: alpha is the mean of the pictures since it began, and some fail."""

    fails: Sequence[str] = ()
    seen: list[float] = field(default_factory=list)
    began: list[str] = field(default_factory=list)
    info = EngineInfo("numpy", "CPU", "f32")
    remembers = True

    def predict(self, sample: Sample, begins: bool) -> Prediction:
        if begins:
            self.seen = []
            self.began.append(sample.entry.name)
        if sample.entry.name in self.fails:
            raise DataError(f"{sample.entry.name} has no matte")
        self.seen.append(float(sample.picture.mean() / 255))
        return Prediction(np.full(sample.picture.shape[:2], np.mean(self.seen), np.float32))


def test_a_model_with_a_memory_begins_anew_with_each_clip_and_after_each_gap():
    clips = Clips([("a", 0), ("a", 1), ("a", 3), ("b", 0), ("b", 1), ("", 0), ("", 0)])
    model = Remembering()
    list(compare({"it": model}, clips, OMZ))
    assert model.began == ["a/0", "a/3", "b/0", "/0", "/0"]


def test_without_truth_a_memory_is_kept_all_the_same():
    @dataclass
    class NoTruth(Clips):
        def read(self, entry: Entry) -> Sample:
            return Sample(entry, super().read(entry).picture)

    model = Remembering()
    list(compare({"it": model}, NoTruth([("a", 0), ("a", 1), ("a", 2)]), OMZ))
    assert model.began == ["a/0"]


def test_a_frame_that_one_model_has_no_prediction_of_counts_for_the_others():
    clips = Clips([("a", 0), ("a", 1), ("a", 2)])
    predictors = {"some": Remembering(fails=["a/1"]), "all": Remembering()}
    results = list(compare(predictors, clips, CONVENTIONS["rvm_hr"], [("all", "some")]))
    assert [result.models["some"].problem for result in results] == ["", "a/1 has no matte", ""]
    assert [bool(result.models["all"].figures) for result in results] == [True, True, True]
    assert predictors["some"].began == ["a/0", "a/2"]
    assert results[1].models["some"].milliseconds is None


@pytest.mark.parametrize("jobs", [2, 5])
@pytest.mark.parametrize("broken", [[], [0, 3], [6]])
def test_more_jobs_give_the_same_results_in_the_same_order(jobs, broken):
    clips = Clips([("a", 0), ("a", 1), ("a", 2), ("a", 3), ("b", 0), ("b", 1), ("b", 2)], broken=broken)

    def results(jobs: int) -> list[object]:
        predictors = {"x": Remembering(fails=["a/2"]), "y": Remembering()}
        return list(compare(predictors, clips, CONVENTIONS["rvm_lr"], [("x", "y")], jobs=jobs))

    assert results(jobs) == results(1)


def test_no_more_frames_are_read_than_are_needed():
    clips = Clips([("a", index) for index in range(50)])
    found = compare(models(same=lambda x: x), clips, OMZ, jobs=2)
    for _ in range(5):
        next(found)
    found.close()
    assert len(clips.read_often) <= 5 + 2 * 2 + 1


def test_an_engine_that_does_not_run_ends_the_run():
    def fail(x: np.ndarray) -> np.ndarray:
        raise EngineError("out of order")

    for jobs in (1, 3):
        with pytest.raises(EngineError, match="out of order"):
            list(compare(models(bad=fail), Clips([("a", 0), ("a", 1)]), OMZ, jobs=jobs))
