"""Frames that a quantised network is judged on: others than those of its calibration."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np

from omz.accuracy.calibration import CalibrationSource
from omz.accuracy.setup import SyntheticScenes
from omz.accuracy.verdict import Gate, Threshold, parse_threshold
from omz.images.files import write_picture
from omz.quantize.judging import Verdict, frames_digest, frames_to_score


def write_dataset(folder: Path, count: int, truth: bool = True) -> None:
    level = np.zeros((4, 6), np.uint8)
    for number in range(count):
        write_picture(folder / "images" / f"{number}.png", np.dstack([level] * 3))
        if truth:
            write_picture(folder / "alpha" / f"{number}.png", level)


def test_frames_with_truth_are_held_out(tmp_path):
    write_dataset(tmp_path, 50)
    source = CalibrationSource(tmp_path, count=30, seed=3)
    dataset = frames_to_score(source)
    calibrated = {path.name for entry in source.open().pictures.entries for path in entry.files.values()}
    scored = {entry.files["picture"].name for entry in dataset.entries}
    assert len(scored) == 20
    assert scored.isdisjoint(calibrated)
    everything = CalibrationSource(tmp_path, count=99)
    assert len(frames_to_score(everything).entries) == 20


def test_frames_without_a_plate_get_that_of_the_settings(tmp_path):
    write_dataset(tmp_path, 3)
    plate = np.full((4, 6, 3), 7, np.uint8)
    write_picture(tmp_path / "empty.png", plate)
    dataset = frames_to_score(CalibrationSource(tmp_path, plate=str(tmp_path / "empty.png")))
    samples = [dataset.read(entry) for entry in dataset.entries]
    assert len(samples) == 3
    assert all(np.array_equal(sample.plate, plate) and sample.alpha is not None for sample in samples)


def test_the_digest_changes_with_the_truth_of_what_is_scored(tmp_path):
    write_dataset(tmp_path, 3)
    source = CalibrationSource(tmp_path)
    before = frames_digest(source)
    assert frames_digest(source) == before
    write_picture(tmp_path / "alpha/1.png", np.full((4, 6), 9, np.uint8))
    assert frames_digest(source) != before
    assert frames_digest(None) == frames_digest(None) != before


def test_the_excess_is_that_of_the_worst_gate():
    def excess(*values: float) -> float:
        return Verdict("", {}, tuple(Gate("FP16-INT8", "MAD", value, 4.0) for value in values)).excess

    assert (excess(), excess(4, 1), excess(5, 6, 1), excess(math.nan)) == (0, 0, 0.5, math.inf)


def test_without_truth_synthetic_scenes_judge(tmp_path):
    for number in range(3):
        write_picture(tmp_path / f"{number}.png", np.zeros((4, 6, 3), np.uint8))
    assert isinstance(frames_to_score(CalibrationSource(tmp_path)), SyntheticScenes)


def test_limits_are_written_as_they_are_read():
    for text in ("MAD=5%", "GRAD=0.1", "MSE=1e-09"):
        assert str(parse_threshold(text)) == text
    assert str(Threshold("MAD", 0.05, relative=True)) == "MAD=5%"


def test_numbers_that_are_not_finite_can_be_written():
    gates = (Gate("FP16-INT8", "MAD", math.nan, 4.0), Gate("FP16-INT8", "MSE", 1.0, math.inf))
    found = json.loads(json.dumps(Verdict("frames", {"FP16-INT8": {"MAD": math.nan}}, gates).facts(), allow_nan=False))
    assert [(gate["value"], gate["limit"]) for gate in found["gates"]] == [(None, 4.0), (1.0, None)]
    assert found["figures"] == {"FP16-INT8": {"MAD": None}}
    assert found["passed"] is False
