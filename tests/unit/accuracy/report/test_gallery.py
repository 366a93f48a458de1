from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import pytest
from helpers.builders import save_brightness_onnx
from helpers.evaluations import differing, evaluated, frame, sample

from omz.accuracy.agreement import agreement
from omz.accuracy.comparison import FrameResult, compare
from omz.accuracy.conventions import OMZ
from omz.accuracy.datasets.sample import Entry, Sample
from omz.accuracy.prediction import NetworkPredictor, Prediction
from omz.accuracy.report.gallery import LONGEST_SIDE, heat_colours, look_again, make_view, worst
from omz.errors import DataError
from omz.matting.network import MattingNetwork
from omz.runtime.engine import EngineInfo
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
        label: NetworkPredictor(
            MattingNetwork(OnnxRuntimeEngine(save_brightness_onnx(tmp_path / label / "m.onnx", 12, 16)))
        )
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


def test_pictures_are_small_and_of_one_size():
    shown = sample(size=(400, 1000))
    view = make_view(shown, {"a": Prediction(shown.alpha), "b": Prediction(shown.alpha)})
    assert {
        each.shape[:2] for each in (view.picture, view.truth, *view.alphas.values(), view.heat, view.composite)
    } == {(192, LONGEST_SIDE)}
    small = sample(size=(20, 30))
    assert make_view(small, {"a": Prediction(small.alpha)}).picture.shape == (20, 30, 3)


def test_alphas_and_truth_are_what_they_were():
    shown = sample(size=(90, 160))
    levels = np.rint(255 * shown.alpha).astype(np.uint8)
    view = make_view(shown, {"a": Prediction(levels), "b": Prediction(1.5 - shown.alpha)})
    np.testing.assert_array_equal(view.truth, levels)
    np.testing.assert_array_equal(view.alphas["a"], levels)
    np.testing.assert_allclose(view.alphas["b"], 255 * np.clip(1.5 - shown.alpha, 0, 1), atol=0.51)


def test_heat_tells_where_and_how_much_even_of_what_is_thin():
    shown = sample(size=(960, 960))
    changed = shown.alpha.copy()
    changed[101, 301] += 0.11  # one pixel of four that become one
    view = make_view(shown, {"a": Prediction(shown.alpha), "b": Prediction(changed)})
    assert view.top == 0.12
    hottest = heat_colours(np.full((1, 1), 0.11 / 0.12, np.float32))[0, 0]
    hot = (view.heat != heat_colours(np.zeros((1, 1), np.float32))[0, 0]).any(2)
    np.testing.assert_array_equal(view.heat[50, 150], hottest)
    assert hot.sum() <= 4


def test_one_model_is_compared_with_the_truth():
    shown = sample(size=(90, 160))
    assert make_view(shown, {"a": Prediction(shown.alpha - 0.2)}).top == pytest.approx(0.2, rel=0.3)
    assert make_view(shown, {"a": Prediction(shown.alpha)}).top == 0
    without = sample(size=(90, 160), truth=False)
    view = make_view(without, {"a": Prediction(shown.alpha)})
    assert (view.truth, view.top) == (None, 0)


def test_the_composite_is_the_last_models_subject_on_green():
    shown = sample(size=(90, 160))
    colours = np.full((90, 160, 3), 0.5, np.float32)
    matte = np.zeros((90, 160))
    matte[:, 80:] = 1
    view = make_view(shown, {"a": Prediction(1 - matte), "b": Prediction(matte, colours)})
    assert (view.composite[:, 80:] == 128).all()
    blue, green, red = view.composite[10, 10].tolist()
    assert green > 2 * max(blue, red)
    own = make_view(shown, {"b": Prediction(matte)}).composite  # the model gives no colours
    np.testing.assert_allclose(own[:, 82:].astype(int), shown.picture[:, 82:], atol=3)


def test_what_is_no_number_is_far_from_all_that_is_one():
    shown = sample(size=(90, 160))
    broken = shown.alpha.copy()
    broken[10, 20] = np.nan
    view = make_view(shown, {"a": Prediction(shown.alpha), "b": Prediction(broken)})
    assert view.top >= 1
    assert view.alphas["b"][10, 20] == 0


def test_models_take_turns_and_the_worst_comes_first():
    results = [
        replace(frame(n), agreements={("original", "FP32"): differing(one), ("original", "FP16"): differing(other)})
        for n, (one, other) in enumerate(((0.01, 0.1), (0.02, 0.5), (0.03, 0.4)))
    ]
    found = worst(evaluated(results), 4)
    one, other = ("original", "FP32"), ("original", "FP16")
    assert found == [("clip/0001", other), ("clip/0002", one), ("clip/0002", other), ("clip/0001", one)]
    assert len(worst(evaluated(results), 100)) == 6


def test_what_8_bits_cannot_show_comes_last_and_what_is_the_same_never():
    same = {"alpha": agreement(np.zeros(4), np.zeros(4))}
    results = [
        replace(frame(n), agreements={("original", "FP32"): one, ("original", "FP16"): differing(other)})
        for n, (one, other) in enumerate(((differing(1e-6), 0.1), (differing(1e-5), 0.2), (same, 0.0009)))
    ]
    assert [(name[-1], labels[1]) for name, labels in worst(evaluated(results), 9)] == [
        ("1", "FP16"), ("0", "FP16"), ("1", "FP32"), ("0", "FP32"), ("2", "FP16"),
    ]  # fmt: skip


def test_one_model_is_worst_where_its_first_figure_is_highest():
    results = [frame(number, ("a",)) for number in (3, 7, 5)]
    assert worst(evaluated(results, ("a",)), 2) == [("clip/0007", ("a",)), ("clip/0005", ("a",))]


def test_mattes_without_outputs_go_by_their_figures():
    results = [replace(frame(number, ("a", "b")), agreements={("a", "b"): {}}) for number in (3, 7, 5)]
    assert worst(evaluated(results, ("a", "b")), 1) == [("clip/0007", ("a", "b"))]


def test_without_truth_one_model_has_no_worst_frame():
    assert worst(evaluated([frame(0, ("a",), truth=False)], ("a",)), 5) == []
