"""One model, many threads: every call gets the matte of its own image."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from helpers.builders import save_brightness_model, save_difference_model
from helpers.role_networks import recurrent_loop, write_recurrent_zoo

import omz
from omz.convert.converter import carry_out
from omz.convert.plan import plan_conversion
from omz.errors import ImageError
from omz.runtime.openvino_engine import OpenVINOEngine, Request
from omz.synthesis import textures
from omz.zoo import Catalog

THREADS = 8


def pictures(count: int, *sizes: tuple[int, int]) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (*sizes[index % len(sizes)], 3), np.uint8) for index in range(count)]


@pytest.mark.parametrize("sizes", [[(48, 64)], [(48, 64), (33, 41)]], ids=["one size", "sizes in turn"])
def test_every_call_gets_the_matte_of_its_image(tmp_path, sizes):
    model = omz.MattingModel(save_difference_model(tmp_path / "difference.xml", "height", "width"))
    images = pictures(8, *sizes)
    plates = [np.full_like(image, 9 * index) for index, image in enumerate(images)]
    wanted = [model(*pair) for pair in zip(images, plates, strict=True)]
    found: Counter[str] = Counter()

    def work(number: int) -> None:
        for step in range(100):
            index = (number + step) % len(images)
            matte, right = model(images[index], plates[index]), wanted[index]
            same = np.array_equal(matte.alpha, right.alpha) and np.array_equal(matte.foreground, right.foreground)
            found["right" if same else "wrong"] += 1

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))
    assert found == {"right": 100 * THREADS}


def test_a_matte_depends_on_image_and_plate_alone(tmp_path):
    """Plates are moved and darker; calls share what is known of them, in any order. The truth comes of a model each."""
    path = save_difference_model(tmp_path / "difference.xml", "height", "width")
    rng = np.random.default_rng(3)
    scene = np.clip(255 * textures.room(rng, (260, 420), textures.palette(rng, 4)), 0, 255).astype(np.uint8)
    plates = [(0.9 * scene[20:200, 20 + 7 * step : 340 + 7 * step]).astype(np.uint8) for step in range(6)]
    images = [scene[20 + step : 200 + step, 30:350].copy() for step in range(4)]
    for step, image in enumerate(images):
        image[60:, 40 + 50 * step : 120 + 50 * step] //= 3
    pairs = [(image, plate) for image in images for plate in plates]
    wanted = [omz.MattingModel(path)(*pair).alpha for pair in pairs]
    assert all(each.max() > 0.3 for each in wanted)
    model = omz.MattingModel(path)
    order = rng.permutation(np.arange(len(pairs)).repeat(3))
    with ThreadPoolExecutor(THREADS) as pool:
        assert all(pool.map(lambda index: np.array_equal(model(*pairs[index]).alpha, wanted[index]), order))


def test_a_plate_that_changes_in_its_array_is_another(tmp_path):
    model = omz.MattingModel(save_difference_model(tmp_path / "difference.xml", "height", "width"))
    image, plate = pictures(2, (48, 64))
    model(image, plate)
    plate[:] = image
    assert model(image, plate).alpha.max() == 0


def test_calls_that_overlap_get_a_model_for_their_size(tmp_path, monkeypatch):
    compiled = []
    at = OpenVINOEngine.at
    monkeypatch.setattr(OpenVINOEngine, "at", lambda self, shapes: compiled.append(shapes) or at(self, shapes))
    path = save_difference_model(tmp_path / "difference.xml", "height", "width")
    model = omz.MattingModel(path, align="off", match_exposure="off")  # so that calls are inference, and overlap
    image, plate = pictures(2, (120, 160))
    wanted = model(image, plate).alpha
    for _ in range(20):
        model(image, plate)
    assert not compiled
    with ThreadPoolExecutor(THREADS) as pool:
        assert all(pool.map(lambda _: np.array_equal(model(image, plate).alpha, wanted), range(200)))
    assert [shapes["picture"] for shapes in compiled] == [(1, 128, 160, 3)]  # rows padded to a multiple of 16


def test_a_call_that_fails_disturbs_no_other(tmp_path):
    model = omz.MattingModel(save_brightness_model(tmp_path / "brightness.xml", "height", "width"))
    good, bad = pictures(1, (16, 24))[0], np.zeros((8, 8, 5), np.uint8)
    wanted = model(good).alpha

    def work(number: int) -> bool:
        if number % 3:
            return np.array_equal(model(good).alpha, wanted)
        with pytest.raises(ImageError):
            model(bad)
        return True

    with ThreadPoolExecutor(THREADS) as pool:
        assert all(pool.map(work, range(90)))


def test_streams_and_calls_go_on_side_by_side(tmp_path):
    model = omz.MattingModel(save_brightness_model(tmp_path / "brightness.xml", "height", "width"))
    images = pictures(6, (20, 28))
    wanted = [model(image).alpha for image in images]

    def work(number: int) -> bool:
        if number % 2:
            return all(np.array_equal(model(image).alpha, alpha) for image, alpha in zip(images, wanted, strict=True))
        mattes = model.stream(images)
        return all(np.array_equal(matte.alpha, alpha) for matte, alpha in zip(mattes, wanted, strict=True))

    with ThreadPoolExecutor(THREADS) as pool:
        assert all(pool.map(work, range(40)))


def test_a_recurrent_model_mixes_no_states(tmp_path):
    models, downloads, source = write_recurrent_zoo(tmp_path, (64, 96))
    conversion = carry_out(plan_conversion(Catalog(models)["net"], downloads, tmp_path / "ir"))
    model = omz.MattingModel(conversion.irs["FP32"].path, precision="f32")
    images = pictures(5, (64, 96))
    wanted = [alpha for alpha, _ in recurrent_loop(source, images)]
    alone = [model(image).alpha for image in images]

    def work(number: int) -> None:
        if number % 2:
            for matte, alpha in zip(model.stream(images), wanted, strict=True):
                np.testing.assert_allclose(matte.alpha, alpha, atol=1e-4)
        else:
            for image, alpha in zip(images, alone, strict=True):
                np.testing.assert_array_equal(model(image).alpha, alpha)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(24)))


def test_a_stream_reads_an_array_before_it_is_written_again(tmp_path):
    model = omz.MattingModel(save_brightness_model(tmp_path / "brightness.xml", "height", "width"))
    levels = [0, 40, 90, 140, 190, 240]
    wanted = [model(np.full((32, 32, 3), level, np.uint8)).alpha for level in levels]
    buffer = np.empty((32, 32, 3), np.uint8)

    def frames():
        for level in levels:
            buffer[:] = level
            yield buffer

    for matte, alpha in zip(model.stream(frames()), wanted, strict=True):
        np.testing.assert_array_equal(matte.alpha, alpha)


def interrupt(request: Request) -> None:
    raise KeyboardInterrupt


def test_a_run_that_is_interrupted_leaves_the_model_whole(tmp_path, monkeypatch):
    model = omz.MattingModel(save_brightness_model(tmp_path / "brightness.xml", "height", "width"))
    image = pictures(1, (64, 64))[0]
    wanted = model(image).alpha
    for _ in range(5):  # more than there are requests
        with monkeypatch.context() as patch:
            patch.setattr(Request, "outputs", interrupt)
            with pytest.raises(KeyboardInterrupt):
                model(image)
    done = []
    thread = threading.Thread(target=lambda: done.append(model(image).alpha), daemon=True)
    thread.start()
    thread.join(30)
    np.testing.assert_array_equal(done[0], wanted)
