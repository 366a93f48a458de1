"""Recurrent networks: frames in order are those of a plain loop in ONNX Runtime, and each picture is its own."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from helpers.role_networks import recurrent_loop, save_recurrent, write_recurrent_zoo

import omz
from omz.convert.converter import carry_out
from omz.convert.plan import plan_conversion
from omz.errors import EngineError, ImageError, OmzError
from omz.matting.inference import Inferred, MattingRequests, Memory
from omz.matting.network import MattingNetwork
from omz.matting.resolution import roles_of
from omz.matting.roles import RoleOptions, State
from omz.matting.uint8_graph import uint8_graph
from omz.runtime.openvino_engine import OpenVINOEngine
from omz.runtime.quiet_openvino import core, ov
from omz.zoo import Catalog

SIZE = (64, 96)
COUNT = 30
TOLERANCE = 1e-4  # 2e-6 was seen


def frames(size: tuple[int, int] = SIZE, count: int = COUNT) -> list[np.ndarray]:
    """A picture of noise, blurred, that moves three pixels a frame."""
    noise = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    return [np.roll(noise, 3 * index, 1) for index in range(count)]


@pytest.fixture(scope="module", params=[None, SIZE], ids=["any size", "one size"])
def network(request, tmp_path_factory) -> tuple[Path, Path]:
    """An IR that its card made, and the ONNX file."""
    root = tmp_path_factory.mktemp("zoo")
    models, downloads, source = write_recurrent_zoo(root, request.param)
    conversion = carry_out(plan_conversion(Catalog(models)["net"], downloads, root / "ir"))
    return conversion.irs["FP32"].path, source


def test_a_stream_is_a_plain_loop(network):
    path, source = network
    model = omz.MattingModel(path, precision="f32")
    mattes = list(model.stream(frames()))
    assert len(mattes) == COUNT
    alone = model(frames()[-1])
    for matte, (alpha, foreground) in zip(mattes, recurrent_loop(source, frames()), strict=True):
        np.testing.assert_allclose(matte.alpha, alpha, atol=TOLERANCE)
        np.testing.assert_allclose(matte.foreground, foreground[..., ::-1], atol=0.51 / 255)
    assert np.abs(alone.alpha - alpha).max() > 0.05  # so that it matters


def test_a_picture_depends_on_no_other(network):
    path, source = network
    model = omz.MattingModel(path, precision="f32")
    for frame in frames(count=3):
        ((alpha, _),) = recurrent_loop(source, [frame])
        np.testing.assert_allclose(model(frame).alpha, alpha, atol=TOLERANCE)


def test_each_stream_begins_anew(network):
    path, source = network
    model = omz.MattingModel(path, precision="f32")
    first = model.stream(frames())
    for _ in range(4):
        next(first)
    ((alpha, _),) = recurrent_loop(source, frames(count=1))
    np.testing.assert_allclose(next(model.stream(frames())).alpha, alpha, atol=TOLERANCE)
    first.close()


@pytest.mark.parametrize("requests", [1, 2, 5])
def test_requests_do_not_change_the_order(network, requests):
    """And one that goes on from a memory is one that never stopped, also compiled for the size."""
    path, source = network
    matter = MattingRequests(OpenVINOEngine(path, adapt=partial(uint8_graph, float_alpha=True)), requests=requests)
    memory, alphas = Memory(), []
    for part, model in ((frames()[:11], matter), (frames()[11:], matter.at(SIZE))):
        for _, inferred in model.stream(part, lambda frame: (frame, None), memory):
            alphas.append(model.float_matte(inferred).alpha)
        memory = Memory({name: value.copy() for name, value in memory.states.items()})
    assert len(memory.states) == 4
    for alpha, (wanted, _) in zip(alphas, recurrent_loop(source, frames()), strict=True):
        np.testing.assert_allclose(alpha, wanted, atol=TOLERANCE)


def test_a_frame_that_fails_leaves_no_trace(network):
    path, source = network
    matter = MattingRequests(OpenVINOEngine(path, adapt=partial(uint8_graph, float_alpha=True)))

    def pictures(frame: np.ndarray | None) -> tuple[np.ndarray, None]:
        if frame is None:
            raise ImageError("cannot be read")
        return frame, None

    four = frames(count=4)
    found = [each for _, each in matter.stream([four[0], four[1], None, four[2], four[3]], pictures, Memory())]
    assert isinstance(found.pop(2), OmzError)
    for inferred, (wanted, _) in zip(found, recurrent_loop(source, four), strict=True):
        assert isinstance(inferred, Inferred)
        np.testing.assert_allclose(matter.float_matte(inferred).alpha, wanted, atol=TOLERANCE)


def test_a_large_picture_is_shrunk_to_512_pixels_at_first(tmp_path):
    _, _, source = write_recurrent_zoo(tmp_path)
    path = tmp_path / "net.xml"
    ov.save_model(core().read_model(source), path, compress_to_fp16=False)
    picture = np.random.default_rng(0).integers(0, 256, (208, 640, 3), np.uint8)
    ((alpha, _),) = recurrent_loop(source, [picture])
    network = MattingNetwork(OpenVINOEngine(path))
    given = network.fit(picture)
    assert given.tensors["downsample_ratio"] == np.float32(0.8)
    given.tensors["src"][:] = (picture[..., ::-1] / np.float32(255)).transpose(2, 0, 1)
    outputs = network.engine.infer(given.tensors)
    np.testing.assert_allclose(network.matte(given, outputs).alpha, alpha, atol=TOLERANCE)


@pytest.mark.parametrize("size", [None, SIZE])
def test_roles_of_robust_video_matting_are_known_by_its_names(tmp_path, size):
    engine = OpenVINOEngine(saved(tmp_path, size))
    suffix = "" if size else "i"
    roles = roles_of(engine)
    assert roles.states == tuple(State(f"r{number}{suffix}", f"r{number}o") for number in range(1, 5))
    assert (roles.picture, roles.alpha.name, roles.ratio) == ("src", "pha", "" if size else "downsample_ratio")


def test_states_of_other_names_are_told(tmp_path):
    model = core().read_model(saved(tmp_path, SIZE))
    for number in range(1, 5):
        model.input(f"r{number}").get_tensor().set_names({f"hidden{number}:0"})
        model.output(f"r{number}o").get_tensor().set_names({f"next{number}"})
    ov.save_model(model, tmp_path / "named.xml", compress_to_fp16=False)
    with pytest.raises(EngineError, match=r"^matting takes an image, or an image and its plate: the model takes src"):
        omz.MattingModel(tmp_path / "named.xml")
    states = [f"next{number}=hidden{number}:0" for number in range(1, 5)]
    told = omz.MattingModel(tmp_path / "named.xml", picture="src", state=states)
    untold = omz.MattingModel(tmp_path / "net.xml")
    for one, other in zip(told.stream(frames(count=3)), untold.stream(frames(count=3)), strict=True):
        np.testing.assert_array_equal(one.alpha, other.alpha)


def test_a_state_of_another_shape_is_refused(tmp_path):
    engine = OpenVINOEngine(saved(tmp_path, SIZE))
    states = ("r2o=r1", "r1o=r2", "r3o=r3", "r4o=r4")
    with pytest.raises(EngineError, match=r"^output r2o does not fit the state r1: the model takes src"):
        roles_of(engine, options=RoleOptions(state=states))


def saved(folder: Path, size: tuple[int, int] | None) -> Path:
    path = folder / "net.xml"
    ov.save_model(core().read_model(save_recurrent(folder / "net.onnx", size)), path, compress_to_fp16=False)
    return path
