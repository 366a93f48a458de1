from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pytest
from accuracy.report.evaluations import differing, evaluated, frame, sample
from builders import save_brightness_onnx

from omz.accuracy.comparison import FrameResult, compare
from omz.accuracy.conventions import OMZ
from omz.accuracy.datasets.sample import Entry, Sample
from omz.accuracy.prediction import MatterPredictor, Prediction
from omz.accuracy.report.gallery import look_again
from omz.errors import DataError
from omz.runtime.engine import EngineInfo
from omz.runtime.matter import Matter
from omz.runtime.onnxruntime_engine import OnnxRuntimeEngine

PAIR = ("original", "judged")


@dataclass
class Clips:
    """Clips of grey frames; ``lost`` frames cannot be read."""

    entries: list[Entry]
    lost: set[str] = field(default_factory=set)
    title: str = "clips"
    read_names: list[str] = field(default_factory=list)

    def read(self, entry: Entry) -> Sample:
        self.read_names.append(entry.name)
        if entry.name in self.lost:
            raise DataError(f"{entry.name} is gone")
        grey = np.full((12, 16, 3), 10 + 20 * entry.index, np.uint8)
        return Sample(entry, grey, alpha=np.full((12, 16), entry.index / 10))


@dataclass
class Counting:
    """Says how many frames of the clip it has seen, by steps."""

    info: ClassVar = EngineInfo("test", "CPU", "f32")
    step: float
    remembers: bool = True
    seen: int = 0
    asked: list[str] = field(default_factory=list)

    def predict(self, sample: Sample, begins: bool) -> Prediction:
        self.seen = 1 if begins else self.seen + 1
        self.asked.append(sample.entry.name)
        alpha = np.full((12, 16), self.step * self.seen)
        return Prediction(alpha, None, {"alpha": alpha})


def clips(*lengths: int) -> Clips:
    return Clips([Entry(f"{c}/{i}", str(c), i, {}) for c, length in enumerate(lengths) for i in range(length)])


def results(dataset: Clips, wanted: list[str]) -> list[FrameResult]:
    """Return results in which only the ``wanted`` frames differ, the first most."""
    return [
        FrameResult(
            entry.name, entry.clip, entry.index, frame(0, PAIR).models,
            {PAIR: differing(0.5 / (1 + wanted.index(entry.name)))} if entry.name in wanted else {},
        )
        for entry in dataset.entries
    ]  # fmt: skip


def test_the_frames_are_those_of_the_comparison(tmp_path):
    predictors = {
        label: MatterPredictor(Matter(OnnxRuntimeEngine(save_brightness_onnx(tmp_path / label / "m.onnx", 12, 16))))
        for label in ("one",)
    }
    dataset = clips(3)
    done = list(compare(predictors, dataset, OMZ))
    views = look_again(predictors, dataset, evaluated(done, ("one",)), 2)
    errors = {result.name: result.models["one"].figures["MAD"] for result in done}
    assert [view.name for view in views] == sorted(errors, key=errors.get, reverse=True)[:2]
    for view in views:
        level = 10 + 20 * int(view.name[-1])
        assert (view.picture == level).all()
        np.testing.assert_allclose(view.alphas["one"], 255 * (level - 10) / 230, atol=0.6)


def test_a_model_that_remembers_is_shown_the_clip_from_its_beginning():
    dataset = clips(4, 6)
    predictors = {"original": Counting(0.1), "judged": Counting(0.15, remembers=False)}
    views = look_again(predictors, dataset, evaluated(results(dataset, ["1/4", "1/2"]), PAIR), 5)
    assert [view.name for view in views] == ["1/4", "1/2"]
    assert predictors["original"].asked == dataset.read_names == ["1/0", "1/1", "1/2", "1/3", "1/4"]
    assert predictors["judged"].asked == ["1/2", "1/4"]
    assert [np.unique(view.alphas["original"]).tolist() for view in views] == [[128], [76]]  # 0.5 and 0.3


def test_models_without_memory_see_only_the_frames_that_are_shown():
    dataset = clips(5)
    predictors = {label: Counting(0.1, remembers=False) for label in PAIR}
    look_again(predictors, dataset, evaluated(results(dataset, ["0/3"]), PAIR), 5)
    assert dataset.read_names == ["0/3"]


def test_memory_begins_anew_after_a_frame_that_was_not_evaluated_or_not_read():
    dataset = clips(6)
    evaluation = evaluated(results(dataset, ["0/5"])[2:], PAIR)
    dataset.lost = {"0/3"}
    predictors = {label: Counting(0.1) for label in PAIR}
    view = look_again(predictors, dataset, evaluation, 1)[0]
    assert predictors["judged"].asked == ["0/2", "0/4", "0/5"]
    assert np.unique(view.alphas["judged"]).tolist() == [51]  # two frames since


def test_a_frame_that_can_no_longer_be_read_is_left_out():
    dataset = clips(3)
    evaluation = evaluated(results(dataset, ["0/2", "0/1"]), PAIR)
    dataset.lost = {"0/2"}
    predictors = {label: Counting(0.1, remembers=False) for label in PAIR}
    assert [view.name for view in look_again(predictors, dataset, evaluation, 5)] == ["0/1"]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_no_more_than_asked_for_are_looked_at(count):
    dataset = clips(3)
    predictors = {label: Counting(0.1) for label in PAIR}
    assert len(look_again(predictors, dataset, evaluated(results(dataset, ["0/0", "0/1"]), PAIR), count)) == count


def test_views_keep_what_they_show_small():
    big = sample(size=(720, 1280))
    entry = big.entry

    class One:
        title, entries = "one", [entry]

        def read(self, entry: Entry) -> Sample:
            return big

    class Truth:
        remembers, info = False, EngineInfo("test", "CPU", "f32")

        def predict(self, sample: Sample, begins: bool) -> Prediction:
            return Prediction(sample.alpha, sample.foreground, {})

    done = list(compare({"a": Truth()}, One(), OMZ))
    view = look_again({"a": Truth()}, One(), evaluated(done, ("a",)), 1)[0]
    assert view.picture.base is None or view.picture.base.nbytes < 10**6
    assert view.picture.shape == (270, 480, 3)
