from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from builders import save_brightness_model, save_difference_model

from omz.accuracy.comparison import compare
from omz.accuracy.conventions import CONVENTIONS, OMZ, Frame
from omz.accuracy.datasets.sample import Entry, Sample
from omz.accuracy.datasets.synthetic import SyntheticScenes
from omz.errors import DataError
from omz.runtime.engine import EngineInfo, TensorInfo
from omz.runtime.matter import Matter
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

    def __init__(self, compute: Callable[[np.ndarray], np.ndarray]) -> None:
        self._compute = compute
        self.runs = 0

    def infer(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        self.runs += 1
        return {"alpha": self._compute(inputs["image"][:, :1] / np.float32(255))}


def models(**computed: Callable[[np.ndarray], np.ndarray]) -> dict[str, Matter]:
    return {label: Matter(Computed(compute)) for label, compute in computed.items()}


def test_each_frame_is_read_once_and_shown_to_all():
    clips = Clips([("a", 0), ("a", 1)])
    both = models(same=lambda x: x, half=lambda x: x / 2)
    results = list(compare(both, clips, OMZ, [("same", "half")]))
    assert clips.read_often == ["a/0", "a/1"]
    assert [result.name for result in results] == ["a/0", "a/1"]
    assert results[1].models["same"].figures["MAD"] == pytest.approx(1e3 * (0.5 - 20 / 255))
    assert results[1].models["half"].figures["MAD"] == pytest.approx(1e3 * (0.5 - 10 / 255))
    assert results[1].agreements["same", "half"]["alpha"].largest == pytest.approx(10 / 255)
    assert all(matter.engine.runs == 3 for matter in both.values())  # one to get ready


def test_alpha_is_not_clipped():
    (result,) = compare(models(far=lambda x: x + 2), Clips([("a", 0)]), OMZ)
    assert (result.models["far"].lowest, result.models["far"].highest) == (2.0, 2.0)
    assert result.models["far"].figures["MAD"] == pytest.approx(1500)


def test_flicker_is_that_from_the_frame_before_of_the_same_clip():
    clips = Clips([("a", 0), ("a", 1), ("a", 3), ("b", 0), ("b", 1)])
    results = list(compare(models(same=lambda x: x), clips, CONVENTIONS["rvm_hr"]))
    flicker = [result.models["same"].figures["dtSSD"] for result in results]
    assert flicker == pytest.approx([0, 100 * 20 / 255, 0, 0, 100 * 20 / 255])


def test_a_frame_that_cannot_be_read_is_named_and_the_others_count():
    clips = Clips([("a", 0), ("a", 1), ("a", 2)], broken=[1])
    results = list(compare(models(same=lambda x: x), clips, CONVENTIONS["rvm_hr"]))
    assert [bool(result.problem) for result in results] == [False, True, False]
    assert "a/1 cannot be read" in results[1].problem
    assert results[1].models == {}
    assert results[2].models["same"].figures["dtSSD"] == 0


def test_what_is_no_number_is_told_and_gives_no_figure():
    def broken(x: np.ndarray) -> np.ndarray:
        x = x.copy()
        x[..., 0, :2] = np.nan
        return x

    (result,) = compare(models(broken=broken), Clips([("a", 0)]), OMZ)
    assert result.models["broken"].problem == "2 pixels of alpha are no numbers"
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
    with_plate = Matter(OpenVINOEngine(save_difference_model(tmp_path / "d.xml", "height", "width")))
    alone = Matter(OpenVINOEngine(save_brightness_model(tmp_path / "b.xml", "height", "width")))
    scenes = SyntheticScenes(2, (48, 64))
    for result in compare({"with plate": with_plate, "alone": alone}, scenes, OMZ):
        sample = scenes.read(Entry(result.name, "", 0, {}))
        assert sample.foreground is not None
        matte = with_plate(sample.picture, sample.plate)
        expected = OMZ.score(Frame(matte.alpha, sample.alpha, matte.foreground, sample.foreground / np.float32(255)))
        assert result.models["with plate"].figures == pytest.approx(expected)
        assert set(result.models["alone"].figures) == {"MAD", "MSE", "GRAD"}


def test_only_some_entries():
    clips = Clips([("a", 0), ("a", 1), ("b", 0)])
    results = list(compare(models(same=lambda x: x), clips, OMZ, entries=clips.entries[2:]))
    assert [result.name for result in results] == ["b/0"]
