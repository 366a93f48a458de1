"""Frames to their subjects, whatever the number at work, and what is done to their alpha."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.builders import save_difference_model

from omz.errors import ImageError
from omz.images.refinement import Refinement, Smoother
from omz.matting.frames import Failure, Frame, MattedFrame
from omz.matting.inference import MattingRequests
from omz.matting.stream import MatteOptions, MattingStream
from omz.matting.uint8_graph import uint8_graph
from omz.runtime.openvino_engine import OpenVINOEngine
from omz.work.stopwatch import Stopwatch

GREY = 60


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_difference_model(tmp_path_factory.mktemp("model") / "difference.xml", "height", "width")


def frame(index: int, left: int = 8, width: int = 12) -> Frame:
    """A noisy block before grey; alpha is 1 on the block."""
    picture = np.full((40, 64, 3), GREY, np.uint8)
    picture[10:30, left : left + width] = np.random.default_rng(index).integers(120, 256, (20, width, 3))
    return Frame(index, picture, np.full_like(picture, GREY), np.full_like(picture, index))


def cut(
    model: Path, items: list[Frame | Failure], finish: MatteOptions | None = None, requests: int = 2, smoother=None
) -> list[MattedFrame | Failure]:
    matter = MattingRequests(OpenVINOEngine(model, adapt=uint8_graph), requests=requests)
    with ThreadPoolExecutor(2) as pool:
        return list(MattingStream(matter, finish or MatteOptions(), pool, Stopwatch(), smoother)(items))


@pytest.mark.parametrize("requests", [1, 2, 4, 8])
def test_each_subject_comes_with_its_own_frame_in_order(model, requests):
    frames = [frame(index, left=index) for index in range(25)]
    for given, found in zip(frames, cut(model, frames, requests=requests), strict=True):
        assert found.frame is given
        expected = np.zeros((40, 64), np.uint8)
        expected[10:30, given.index : given.index + 12] = 255
        np.testing.assert_array_equal(found.alpha, expected)
        np.testing.assert_array_equal(found.foreground, given.picture)
        assert found.frame.target[0, 0, 0] == given.index


def test_what_failed_before_and_what_fails_here_stay_in_their_places(model):
    wrong = Frame(2, np.zeros((8, 8, 3), np.uint8), np.zeros((9, 9, 3), np.uint8))
    items = [frame(0), Failure(1, ImageError("no picture")), wrong, frame(3), Failure(4, ImageError("none either"))]
    found = cut(model, items)
    assert [type(each) for each in found] == [MattedFrame, Failure, Failure, MattedFrame, Failure]
    assert [each.index for each in found if isinstance(each, Failure)] == [1, 2, 4]
    assert "differ in size" in str(found[2].error)


def test_the_edge_is_refined(model):
    (plain,), (shrunk,) = cut(model, [frame(0)]), cut(model, [frame(0)], MatteOptions(Refinement(shift=-2)))
    np.testing.assert_array_equal(shrunk.alpha[12:28, 10:18], 255)
    assert np.count_nonzero(shrunk.alpha) < np.count_nonzero(plain.alpha)


def test_smoothing_follows_the_order_of_the_frames(model):
    shades = [30, 15, 40, 10, 35]

    def varied(index: int) -> Frame:
        picture = np.full((16, 16, 3), GREY, np.uint8)
        picture[4:12, 4:12] += shades[index]
        return Frame(index, picture, np.full_like(picture, GREY))

    frames = [varied(index) for index in range(5)]
    raw = [each.alpha for each in cut(model, frames)]
    alone = Smoother(0.7)
    expected = [alone(alpha) for alpha in raw]
    found = cut(model, frames, MatteOptions(smooth=0.7), requests=4, smoother=Smoother(0.7))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.alpha, other)


def test_blur_shows_the_scene_without_the_subject(model):
    picture = np.full((60, 90, 3), GREY, np.uint8)
    picture[20:40, 30:60] = 250
    ((found),) = cut(model, [Frame(0, picture, np.full_like(picture, GREY))], MatteOptions(blur=9))
    assert np.abs(found.frame.target.astype(int) - GREY).max() <= 1


def test_a_cutter_can_be_left_and_used_again(model):
    matter = MattingRequests(OpenVINOEngine(model, adapt=uint8_graph), requests=3)
    with ThreadPoolExecutor(2) as pool:
        cutter = MattingStream(matter, MatteOptions(), pool, Stopwatch())
        stream = cutter(frame(index) for index in range(50))
        next(stream)
        stream.close()
        assert [each.frame.index for each in cutter(frame(index) for index in range(4))] == [0, 1, 2, 3]


def test_time_is_measured_of_each_stage(model):
    watch = Stopwatch()
    matter = MattingRequests(OpenVINOEngine(model, adapt=uint8_graph))
    with ThreadPoolExecutor(2) as pool:
        list(MattingStream(matter, MatteOptions(blur=3), pool, watch)([frame(index) for index in range(6)]))
    assert set(watch.milliseconds) == {"infer", "matte", "blur"}
    assert all(value > 0 for value in watch.milliseconds.values())


def test_a_target_has_the_size_of_the_frame_and_cv2_agrees(model):
    blurred = cut(model, [Frame(0, frame(0).picture, frame(0).picture)], MatteOptions(blur=9))[0]
    np.testing.assert_array_equal(
        blurred.frame.target, cv2.blur(frame(0).picture, (9, 9), borderType=cv2.BORDER_REFLECT_101)
    )
