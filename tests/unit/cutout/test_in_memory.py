"""Images in memory: the files of the command, byte for byte."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from helpers.builders import save_brightness_model
from helpers.demo_command import BOX, SIZE, block, done, empty, mask, write_pair

from omz.cutout.in_memory import ImageInMemory, ModelInMemory, StoppedError
from omz.cutout.observer import Observer
from omz.cutout.options import make_options
from omz.errors import ImageError, UsageError
from omz.images.files import encode_picture, write_picture
from omz.images.opening import TooManyPixelsError


@pytest.fixture
def pair(tmp_path, monkeypatch):
    monkeypatch.chdir(write_pair(tmp_path))
    return ImageInMemory("photo.png", (tmp_path / "photo.png").read_bytes(), (tmp_path / "plate.png").read_bytes())


@pytest.fixture
def model(pair):
    return ModelInMemory(make_options((), {"model": "model.xml"}))


@pytest.mark.parametrize(
    "flags",
    [
        {"what": "cutout"},
        {"what": "alpha", "alpha_bits": "16"},
        {"target": "#10ff2080", "format": "webp"},
        {"target": "blur:5", "refine": "fast", "shift": -1.5},
        {"what": "cutout", "keep_shadow": True, "feather": 2.0},
    ],
)
def test_it_gives_the_file_of_the_command(model, pair, tmp_path, flags):
    words = []
    for name, value in flags.items():
        words += [f"--{name}"] if value is True else [f"--{name}", value]
    output = f"out.{flags.get('format', 'png')}"
    done("photo.png", "-m", "model.xml", "--plate", "plate.png", "-o", output, *words)
    cut = model.cut(pair, make_options((), flags))
    assert [*cut.contents.values()] == [(tmp_path / output).read_bytes()]


def test_an_image_can_be_the_target(model, pair, tmp_path):
    beach = np.random.default_rng(5).integers(0, 256, (31, 47, 3), np.uint8)
    write_picture(tmp_path / "beach.png", beach)
    done("photo.png", "-m", "model.xml", "--plate", "plate.png", "-o", "out.png", "--target", "beach.png")
    given = ImageInMemory(pair.name, pair.content, pair.plate, encode_picture(tmp_path / "beach.png", beach))
    cut = model.cut(given, make_options((), {"what": "composite"}))
    assert cut.contents["composite"] == (tmp_path / "out.png").read_bytes()


def test_a_file_beside_the_process_is_not_a_target(model, pair, tmp_path):
    (tmp_path / "red").write_bytes(pair.content)
    cut = model.cut(pair, make_options((), {"target": "red", "what": "composite"}))
    assert cut.contents != model.cut(pair, make_options((), {"target": "blue", "what": "composite"})).contents
    with pytest.raises(UsageError, match="no such file or colour"):
        model.cut(pair, make_options((), {"target": "photo.png", "what": "composite"}))


def test_threads_share_a_model(model, pair):
    options = make_options((), {"what": "alpha"})
    with ThreadPoolExecutor(8) as pool:
        cuts = [*pool.map(lambda _: model.cut(pair, options), range(40))]
    for cut in cuts:
        np.testing.assert_array_equal(cut.alpha, mask(SIZE, BOX))
    assert len({cut.contents["alpha"] for cut in cuts}) == 1


def test_it_warns_as_the_command_does(model, pair, tmp_path):
    plain = encode_picture(tmp_path / "empty.png", empty(SIZE))
    noisy = encode_picture(tmp_path / "noise.png", block(SIZE, (0, 0, *SIZE), 9))
    (tmp_path / "noise.png").write_bytes(noisy)
    done("photo.png", "-m", "model.xml", "--plate", "noise.png", "--report", "report.json")
    cut = model.cut(ImageInMemory("photo.png", pair.content, noisy), make_options((), {}))
    assert cut.warnings
    assert json.loads((tmp_path / "report.json").read_text())["warnings"] == [*model.warnings, *cut.warnings]
    with pytest.raises(ImageError, match=r"photo\.png is its own plate"):
        model.cut(ImageInMemory("photo.png", pair.content, pair.content), make_options((), {}))
    assert model.cut(ImageInMemory("photo.png", plain, plain), make_options((), {})).alpha.max() == 0


def test_what_does_not_fit_is_named(model, pair, tmp_path):
    options, few = make_options((), {}), make_options((), {"max_pixels": SIZE[0] * SIZE[1]})
    large = ImageInMemory("photo.png", pair.content, encode_picture(tmp_path / "large.png", empty((60, 60))))
    with pytest.raises(UsageError, match=r"model\.xml needs the plate"):
        model.cut(ImageInMemory("photo.png", pair.content), options)
    with pytest.raises(TooManyPixelsError, match=r"the plate: .* more than 0 million"):
        model.cut(large, few)
    with pytest.raises(ImageError, match=r"the target: .* is not an image"):
        model.cut(ImageInMemory("photo.png", pair.content, pair.plate, b"text"), options)
    save_brightness_model(tmp_path / "one.xml", 24, 32)
    one = ModelInMemory(make_options((), {"model": "one.xml"}))
    with pytest.raises(UsageError, match=r"one\.xml takes no plate"):
        one.cut(pair, options)
    with pytest.raises(UsageError, match=r"one\.xml takes none; leave keep_shadow out"):
        one.cut(ImageInMemory("photo.png", pair.content), make_options((), {"keep_shadow": True}))


def test_an_observer_stops_it_between_stages(model, pair):
    class Impatient(Observer):
        asked = 0

        def should_stop(self) -> bool:
            self.asked += 1
            return self.asked == 2

    observer = Impatient()
    with pytest.raises(StoppedError):
        model.cut(pair, make_options((), {}), observer)
    assert observer.asked == 2
