"""Mattes of many pictures at a time: those of the network alone, in order, whatever the number at work."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from helpers.builders import save_brightness_model, save_difference_model

from omz.convert.store import stored_ir
from omz.errors import EngineError, ImageError, OmzError
from omz.images.compositing import to_uint8
from omz.matting.inference import Inferred, MattingRequests
from omz.matting.network import MattingNetwork, View
from omz.matting.uint8_graph import ops, uint8_graph
from omz.runtime.openvino_engine import OpenVINOEngine, Tuning
from omz.runtime.quiet_openvino import core, ov
from omz.synthesis.scene import Scene, make_scene
from omz.zoo import Catalog

with_float_alpha = partial(uint8_graph, float_alpha=True)


@pytest.fixture(scope="module")
def starter(tmp_path_factory) -> Path:
    return stored_ir(Catalog()["background-matting-starter"], tmp_path_factory.mktemp("downloads"))


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    """Scenes of several sizes, none of which the network takes as it is."""
    return [make_scene(seed, (90 + 7 * (seed % 3), 151), "levels") for seed in range(20, 29)]


def results(matter: MattingRequests, scenes: list[Scene], plate: bool = True) -> list[object]:
    stream = matter.stream(scenes, lambda scene: (scene.picture, scene.plate if plate else None))
    return [(item, matter.matte(found) if isinstance(found, Inferred) else found) for item, found in stream]


@pytest.mark.parametrize("requests", [1, 2, 4, 8, None])
@pytest.mark.parametrize("hint", ["latency", "throughput"])
def test_levels_are_those_of_a_matter_rounded_in_order(starter, scenes, requests, hint):
    alone = MattingNetwork(OpenVINOEngine(starter))
    matter = MattingRequests(OpenVINOEngine(starter, tuning=Tuning(hint), adapt=uint8_graph), requests=requests)
    found = results(matter, scenes)
    assert [item.picture.tobytes() for item, _ in found] == [scene.picture.tobytes() for scene in scenes]
    for scene, (_, levels) in zip(scenes, found, strict=True):
        matte = alone(scene.picture, scene.plate)
        np.testing.assert_array_equal(levels.alpha, to_uint8(matte.alpha))


def test_sixteen_bits_keep_what_the_network_gives(starter, scenes):
    matte = MattingNetwork(OpenVINOEngine(starter))(scenes[0].picture, scenes[0].plate)
    matter = MattingRequests(OpenVINOEngine(starter, adapt=with_float_alpha), dtype=np.uint16)
    ((_, levels),) = results(matter, scenes[:1])
    assert levels.alpha.dtype == np.uint16
    np.testing.assert_allclose(levels.alpha, matte.alpha * 65535.0, atol=0.51)
    assert len(np.unique(levels.alpha)) > 256


def test_a_picture_seen_smaller_keeps_its_detail(starter):
    scene = make_scene(1, (160, 240), "levels")
    matte = MattingNetwork(OpenVINOEngine(starter), View(size=(80, 120)))(scene.picture, scene.plate)
    matter = MattingRequests(OpenVINOEngine(starter, adapt=uint8_graph), View(size=(80, 120)))
    ((_, levels),) = results(matter, [scene])
    np.testing.assert_allclose(levels.alpha, 255 * matte.alpha, atol=2)


def test_one_that_cannot_be_matted_is_told_in_its_place(starter, scenes):
    matter = MattingRequests(OpenVINOEngine(starter, adapt=uint8_graph), requests=3)

    def pictures(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
        if scene is scenes[0]:
            raise ImageError("cannot be read")
        return scene.picture, scenes[1].plate  # which has the size of every third

    found = [each for _, each in matter.stream(scenes, pictures)]
    assert str(found[0]) == "cannot be read"
    assert [isinstance(each, OmzError) for each in found] == [index % 3 != 1 for index in range(len(scenes))]
    assert "differ in size" in str(found[2])


def test_a_stream_that_is_left_can_be_followed_by_another(starter, scenes):
    matter = MattingRequests(OpenVINOEngine(starter, adapt=uint8_graph), requests=4)
    stream = matter.stream(scenes * 3, lambda scene: (scene.picture, scene.plate))
    first = next(stream)
    stream.close()
    again = next(matter.stream(scenes, lambda scene: (scene.picture, scene.plate)))
    np.testing.assert_array_equal(matter.matte(first[1]).alpha, matter.matte(again[1]).alpha)


@pytest.mark.parametrize("shown", [None, (80, 120)])
def test_one_compiled_for_a_size_gives_the_same(starter, scenes, shown):
    matter = fixed = MattingRequests(OpenVINOEngine(starter, adapt=uint8_graph), View(size=shown), requests=2)
    for scene in scenes[:3]:  # each of another size, none of which is a multiple of what the network needs
        fixed = fixed.at(scene.alpha.shape)
        ((_, expected),) = results(matter, [scene])
        ((_, levels),) = results(fixed, [scene])
        np.testing.assert_allclose(levels.alpha.astype(int), expected.alpha, atol=1)  # of what lies between two levels
        np.testing.assert_allclose(levels.foreground.astype(int), expected.foreground, atol=1)
        assert fixed.at(scene.alpha.shape) is fixed
        assert fixed.requests == 2


def test_one_compiled_for_a_size_takes_no_other(starter, scenes):
    matter = MattingRequests(OpenVINOEngine(starter, adapt=uint8_graph)).at((64, 64))
    ((_, error),) = matter.stream(scenes[:1], lambda scene: (scene.picture, scene.plate))
    assert isinstance(error, OmzError)


def test_a_fixed_network_keeps_the_size_of_pictures(tmp_path):
    path = save_difference_model(tmp_path / "difference.xml", 72, 128)
    picture, plate = np.full((361, 639, 3), 100, np.uint8), np.full((361, 639, 3), 100, np.uint8)
    picture[80:240, 200:400] = 180
    matter = MattingRequests(OpenVINOEngine(path, adapt=uint8_graph))
    assert matter.at((361, 639)) is matter
    ((_, found),) = matter.stream([0], lambda item: (picture, plate))
    levels = matter.matte(found)
    assert levels.alpha.shape == (361, 639)
    assert levels.alpha[100:220, 220:380].min() == 255
    assert levels.alpha[:70].max() == 0
    assert levels.alpha[:, 415:].max() == 0
    np.testing.assert_array_equal(levels.foreground, picture)


def test_colours_that_no_network_gives_are_estimated(tmp_path):
    path = save_brightness_model(tmp_path / "brightness.xml", "height", "width")
    ramp = np.clip((np.arange(200) / 200 - 0.4) * 4, 0, 1)
    picture = np.broadcast_to(np.rint(10 + 230 * ramp)[None, :, None], (60, 200, 3)).astype(np.uint8)
    matter = MattingRequests(OpenVINOEngine(path, adapt=uint8_graph))
    ((_, found),) = matter.stream([0], lambda item: (picture, None))
    levels = matter.matte(found)
    np.testing.assert_allclose(levels.alpha, np.broadcast_to(255 * ramp, (60, 200)), atol=2)
    soft = (ramp > 0.1) & (ramp < 0.9)
    np.testing.assert_allclose(levels.foreground[:, soft], 240, atol=12)
    np.testing.assert_allclose(levels.trimap.sum(2), 1, atol=1e-5)


def test_alpha_that_is_resized_is_clipped_and_rounded_afterwards(tmp_path):
    """Cubic interpolation of alpha beyond 0 and 1 gives another edge than that of alpha which was clipped before."""
    path = save_brightness_model(tmp_path / "brightness.xml", 20, 30)
    picture = np.random.default_rng(0).integers(0, 256, (61, 83, 3), np.uint8)
    wanted = MattingNetwork(OpenVINOEngine(path), View(stretch=True))(picture)
    matter = MattingRequests(OpenVINOEngine(path, adapt=with_float_alpha), View(stretch=True))
    ((_, found),) = matter.stream([0], lambda item: (picture, None))
    np.testing.assert_array_equal(matter.matte(found).alpha, to_uint8(wanted.alpha))


@pytest.mark.parametrize("adapt", [uint8_graph, with_float_alpha])
@pytest.mark.parametrize("shape", [(1, 1, 4, 16), (1, 2, 4, 8)])
def test_an_output_of_another_shape_is_refused(tmp_path, shape, adapt):
    network = core().read_model(save_brightness_model(tmp_path / "brightness.xml", 8, 8))
    for port in network.outputs:
        if port.any_name in ("pha", "alpha"):
            names = port.get_names()
            reshaped = ops.reshape(port.get_node().input_value(0), np.array(shape), False)
            reshaped.output(0).get_tensor().set_names(names)
            port.get_node().input(0).replace_source_output(reshaped.output(0))
    network.validate_nodes_and_infer_types()
    ov.save_model(network, tmp_path / "other.xml")
    with pytest.raises(EngineError, match=r"^output alpha cannot be the alpha: it is not one image of 1 channel"):
        OpenVINOEngine(tmp_path / "other.xml", adapt=adapt)


@pytest.mark.parametrize(
    ("size", "side", "expected"),
    [
        ((1080, 1920), 1280, (720, 1280)),
        ((1080, 1920), None, (1080, 1920)),
        ((1080, 1920), 640, (1080, 1920)),  # alpha is refined in a larger copy than the network sees
        ((360, 640), 1280, (360, 640)),
    ],
)
def test_a_plate_is_as_large_as_what_is_seen_of_it(tmp_path, size, side, expected):
    engine = OpenVINOEngine(save_difference_model(tmp_path / "m.xml", "height", "width"), adapt=with_float_alpha)
    assert MattingRequests(engine, View(side=side), requests=1).plate_size(size) == expected
