"""Roles: whoever says what an output is gets the right matte, and who does not gets it, too, or one line."""

from __future__ import annotations

import itertools
from functools import partial
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from helpers.builders import save_difference_model, write_card
from helpers.role_networks import Presentation, save_presented, save_unet, true_alpha
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import omz
from omz.convert.converter import carry_out
from omz.convert.plan import plan_conversion
from omz.errors import EngineError, OmzError, UsageError
from omz.images.compositing import to_uint8
from omz.matting.inference import MattingRequests
from omz.matting.network import MattingNetwork
from omz.matting.resolution import roles_of
from omz.matting.roles import Description, OutputReading, RoleOptions, State, described, description_of
from omz.matting.uint8_graph import uint8_graph
from omz.runtime.onnxruntime_engine import OnnxRuntimeEngine
from omz.runtime.openvino_engine import OpenVINOEngine
from omz.runtime.quiet_openvino import core, ov
from omz.zoo import Catalog
from omz.zoo.card import ModelCard
from omz.zoo.model_file import Checksum

PICTURE = np.random.default_rng(0).integers(0, 256, (16, 24, 3), np.uint8)
TOLERANCE = 2e-5  # of logarithms and exponentials in f32; 2e-6 was seen
PRISMA = Path(__file__).parents[4] / "shared" / "samples" / "models" / "prisma_nchw.onnx"  # a real network


def ir_of(source: Path) -> Path:
    path = source.with_suffix(".xml")
    ov.save_model(core().read_model(source), path, compress_to_fp16=False)
    return path


def saved(folder: Path, form: Presentation) -> Path:
    return ir_of(save_presented(folder / "net.onnx", form))


def roles(form: Presentation) -> dict[str, object]:
    """What a user says of it, all of it."""
    given: dict[str, object] = {"alpha": form.name, "picture": form.picture}
    given["layouts"] = {form.name: form.layout, form.picture: "NHWC" if form.nhwc_input else "NCHW"}
    if form.channels > 1:
        given["alpha"] = f"{form.name}:{form.channel}"
    if form.kind == "levels":
        given["alpha_range"] = (0, 255)
    else:
        given["activation"] = {"logit": "sigmoid", "logits": "softmax", "spread": "min_max"}.get(form.kind, "none")
    return given


def wanted(form: Presentation, picture: np.ndarray) -> np.ndarray:
    alpha = true_alpha(picture)
    if form.kind == "spread":
        return (alpha - alpha.min()) / max(alpha.max() - alpha.min(), 1e-12)
    return alpha


FORMS = {
    "softmax of two channels": Presentation(channels=2, channel=1, kind="softmax"),
    "softmax of four channels": Presentation(channels=4, channel=2, kind="softmax", layout="NHWC"),
    "logits of two channels": Presentation(channels=2, channel=0, kind="logits"),
    "logit": Presentation(kind="logit"),
    "NHWC": Presentation(layout="NHWC", kind="plain"),
    "without batch": Presentation(layout="CHW", kind="plain"),
    "without batch, NHWC": Presentation(layout="HWC", kind="plain", nhwc_input=True),
    "without batch and channels": Presentation(layout="HW", kind="plain"),
    "without channels": Presentation(layout="NHW", kind="logit"),
    "oddly named": Presentation(name="net/out:0", extra=2),
    "oddly named, and one of two channels": Presentation(name="net/out:0", channels=2, channel=1, kind="softmax"),
    "0 to 255": Presentation(kind="levels"),
    "any range": Presentation(kind="spread"),
    "side outputs": Presentation(extra=6),
    "a fixed size": Presentation(size=(16, 24), channels=2, channel=1, kind="plain", layout="HWC"),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_an_output_that_is_told_gives_its_alpha_and_is_refused_untold(tmp_path, form):
    path = saved(tmp_path, form)
    matte = omz.MattingModel(path, **roles(form))(PICTURE)
    np.testing.assert_allclose(matte.alpha, wanted(form, PICTURE), atol=TOLERANCE)
    with pytest.raises(EngineError) as caught:
        omz.MattingModel(path)
    text = str(caught.value)
    assert f"takes {form.picture} (f32 [" in text
    assert f"{form.name} (f32 [" in text
    assert "--alpha NAME:CHANNEL" in text
    assert "\n" not in text


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_one_path_of_pixels_for_command_interface_and_checker(tmp_path, form):
    """Levels of the graph with bytes, of the graph with floats, and of numpy on the network's raw outputs."""
    path = saved(tmp_path, form)
    options = RoleOptions(**roles(form))
    alone = MattingNetwork(OpenVINOEngine(path), roles=roles_of(OpenVINOEngine(path), options=options))(PICTURE)
    original = OnnxRuntimeEngine(path.with_suffix(".onnx"))
    theirs = MattingNetwork(original, roles=roles_of(original, options=options))(PICTURE)
    np.testing.assert_allclose(theirs.alpha, wanted(form, PICTURE), atol=TOLERANCE)
    np.testing.assert_allclose(alone.alpha, theirs.alpha, atol=TOLERANCE)
    requests = MattingRequests(OpenVINOEngine(path, adapt=partial(uint8_graph, options=options)))
    ((_, found),) = requests.stream([PICTURE], lambda picture: (picture, None))
    levels = requests.matte(found).alpha.astype(int)
    assert np.abs(levels - to_uint8(alone.alpha)).max() <= 1  # of values between two levels


@pytest.mark.parametrize("layout", ["NCHW", "NHWC", "CHW", "HWC", "HW"])
def test_the_only_output_that_shows_to_be_a_probability_needs_nothing_said(tmp_path, layout):
    form = Presentation(layout=layout, name="net/out:0")
    np.testing.assert_allclose(omz.MattingModel(saved(tmp_path, form))(PICTURE).alpha, true_alpha(PICTURE), atol=2e-5)


LAYOUTS = ["".join(order) for count in (2, 3, 4) for order in itertools.permutations("NCHW", count)]
FORM = st.builds(
    Presentation,
    layout=st.sampled_from([layout for layout in LAYOUTS if {"H", "W"} <= {*layout}]),
    channels=st.integers(1, 4),
    channel=st.integers(0, 3),
    kind=st.sampled_from(["plain", "sigmoid", "logit", "softmax", "logits", "levels", "spread"]),
    name=st.sampled_from(["out", "pha", "alpha", "fgr", "trimap", "net/out:0", "1959", "out:1", "r1o", "mask.0"]),
    picture=st.sampled_from(["image", "src", "bgr", "input.1", "x:0", "alpha_in", "r1"]),
    nhwc_input=st.booleans(),
    extra=st.integers(0, 2),
    size=st.sampled_from([None, None, (16, 16), (8, 12), (3, 8), (1, 1), (3, 3)]),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(form=FORM, height=st.integers(1, 20), width=st.integers(1, 20))
def test_no_signature_gives_a_wrong_matte(tmp_path, form, height, width):
    """What is told gives the true alpha; what is not told gives it, too, or one line."""
    assume(form.channel < form.channels and ("C" in form.layout) == (form.channels > 1 or "C" in form.layout))
    assume(form.channels > 1 or form.kind not in ("softmax", "logits"))
    assume(form.channels == 1 or form.kind != "spread")
    path = saved(tmp_path, form)
    height, width = form.size or (height, width)
    picture = np.random.default_rng(height * 32 + width).integers(0, 256, (height, width, 3), np.uint8)
    untold = result(path, picture)
    if isinstance(untold, OmzError):
        assert "\n" not in str(untold)
    elif form.layout.index("H") < form.layout.index("W"):  # the other way round no square picture could tell
        np.testing.assert_allclose(untold, true_alpha(picture), atol=TOLERANCE)
    told = result(path, picture, **roles(form))
    if form.name in ("fgr", "trimap") and isinstance(told, OmzError):  # for it has not the channels of these
        return
    np.testing.assert_allclose(told, wanted(form, picture), atol=TOLERANCE)


def result(path: Path, image: np.ndarray, **given: object) -> np.ndarray | OmzError:
    """Return alpha, or why there is none."""
    try:
        return omz.MattingModel(path, **given)(image).alpha
    except OmzError as error:
        return error


def test_an_even_picture_has_no_range_and_becomes_0(tmp_path):
    form = Presentation(kind="spread")
    matte = omz.MattingModel(saved(tmp_path, form), **roles(form))(np.full((8, 8, 3), 90, np.uint8))
    np.testing.assert_array_equal(matte.alpha, 0)


def test_a_name_that_is_there_comes_before_a_channel(tmp_path):
    source = save_presented(tmp_path / "net.onnx", Presentation(name="out:1", channels=2, channel=1, kind="softmax"))
    engine = OpenVINOEngine(ir_of(source))
    assert roles_of(engine, options=RoleOptions(alpha="out:1:1")).alpha.channel == 1
    with pytest.raises(EngineError, match=r"^output out:1 cannot be the alpha: it is not one image of 1 channel"):
        roles_of(engine, options=RoleOptions(alpha="out:1"))
    with pytest.raises(UsageError, match=r"^there is no output out: the model takes image .* and gives out:1 \(f32"):
        roles_of(engine, options=RoleOptions(alpha="out"))


def test_any_name_of_a_tensor_will_do(tmp_path):
    """A tensor can go by many names, of which OpenVINO gives one or another."""
    model = core().read_model(
        save_presented(tmp_path / "net.onnx", Presentation(channels=2, channel=1, kind="softmax"))
    )
    model.output(0).get_tensor().set_names({"out", "a", "b/c", "net/out:0"})
    model.input(0).get_tensor().set_names({"x", "image", "photo:0"})
    ov.save_model(model, tmp_path / "net.xml", compress_to_fp16=False)
    for output in ("out:1", "a:1", "b/c:1", "net/out:0:1"):
        matte = omz.MattingModel(tmp_path / "net.xml", alpha=output, picture="photo:0", layouts={"b/c": "NCHW"})(
            PICTURE
        )
        np.testing.assert_allclose(matte.alpha, true_alpha(PICTURE), atol=TOLERANCE)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"alpha": "out:2"}, "output out cannot be the alpha: it is not one image with a channel 2"),
        ({"picture": "photo"}, "there is no input photo"),
        ({"picture": "image", "plate_input": "image"}, "--picture and --plate_input both name image"),
        ({"state": ("out",)}, "--state out: write OUTPUT=INPUT, such as r1o=r1"),
        ({"state": ("out=hidden",)}, "there is no state out for hidden"),
        ({"alpha": "out:1", "activation": "sigmoid", "alpha_range": (0, 2)}, "--alpha_range is for outputs without"),
        ({"foreground": "out:1"}, "output out cannot be the foreground: it is not one image with a channel 3"),
        ({"channel": 1}, "there is no argument 'channel'; roles are picture, plate_input, alpha"),
        ({"activation": "tanh"}, "activation 'tanh': choose one of none, sigmoid, softmax, min_max"),
    ],
)
def test_what_is_said_wrongly_is_one_line(tmp_path, said, expected):
    path = saved(tmp_path, Presentation(channels=2, channel=1, kind="softmax"))
    with pytest.raises(OmzError) as caught:
        omz.MattingModel(path, **{"alpha": "out:1", **said})
    assert str(caught.value).startswith(expected)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("plate", ["bgr", "background", "plate", "second"])
def test_the_plate_is_known_by_its_name_or_told(tmp_path, plate):
    model = core().read_model(save_difference_model(tmp_path / "m.xml", "height", "width"))
    model.input("bgr").get_tensor().set_names({plate})
    ov.save_model(model, tmp_path / "named.xml", compress_to_fp16=False)
    picture, empty = np.full((8, 8, 3), 200, np.uint8), np.full((8, 8, 3), 200, np.uint8)
    picture[2:5, 3:6] = 90
    told = {"picture": "src", "plate_input": "second"} if plate == "second" else {}
    matte = omz.MattingModel(tmp_path / "named.xml", **told)(picture, empty)
    np.testing.assert_array_equal(matte.alpha, (picture != empty)[..., 0])
    if plate == "second":
        with pytest.raises(EngineError, match=r"^matting takes an image, or an image and its plate: the model takes"):
            omz.MattingModel(tmp_path / "named.xml")


def card(folder: Path, source: Path, **keys: object) -> ModelCard:
    """Return the card of an ONNX file in ``folder/dl``, which takes BGR, 0 to 255."""
    file = {
        "name": source.name, "size": source.stat().st_size, "checksum": Checksum.of(source).value,
        "source": "https://example.com/x",
    }  # fmt: skip
    keys.setdefault("model_optimizer_args", [f"--input_model=$dl_dir/{source.name}"])
    write_card(folder / "models", "net", files=[file], **keys)
    return Catalog(folder / "models")["net"]


def converted(folder: Path, source: Path, **keys: object) -> Path:
    plan = plan_conversion(card(folder, source, **keys), folder / "dl", folder / "ir")
    return carry_out(plan).irs["FP32"].path


def test_the_converter_writes_roles_and_leaves_outputs_as_they_are(tmp_path):
    form = Presentation(channels=2, channel=1, kind="logits", name="net/out:0", layout="NHWC")
    source = save_presented(tmp_path / "dl" / "public" / "net" / "net.onnx", form)
    path = converted(
        tmp_path,
        source,
        input_info=[{"name": "image", "shape": [1, 3, -1, -1], "layout": "NCHW", "role": "picture"}],
        output_info=[
            {"name": "net/out:0", "role": "alpha", "channel": 1, "activation": "softmax", "layout": "NHWC"},
        ],
    )
    matte = omz.MattingModel(path)(PICTURE)
    np.testing.assert_allclose(matte.alpha, true_alpha(PICTURE), atol=TOLERANCE)
    image = PICTURE.transpose(2, 0, 1)[None].astype(np.float32)
    (raw,) = OpenVINOEngine(path).infer({"image": image}).values()
    (theirs,) = onnxruntime.InferenceSession(str(source)).run(None, {"image": image})
    np.testing.assert_allclose(raw, theirs, atol=1e-4)


def test_seven_outputs_of_which_the_first_counts(tmp_path):
    names = [f"d{number}" for number in range(7)]
    source = save_unet(tmp_path / "dl" / "public" / "net" / "net.onnx", names, (16, 24))
    path = converted(
        tmp_path,
        source,
        input_info=[{"name": "input.1", "shape": [1, 3, 16, 24], "layout": "NCHW", "role": "picture"}],
        output_info=[{"name": "d0", "role": "alpha", "activation": "min_max"}],
        model_optimizer_args=[
            "--input_model=$dl_dir/net.onnx", "--reverse_input_channels",
            "--mean_values=input.1[123.675,116.28,103.53]", "--scale_values=input.1[58.395,57.12,57.375]",
        ],
    )  # fmt: skip
    mean, scale = np.array([123.675, 116.28, 103.53]), np.array([58.395, 57.12, 57.375])
    image = ((PICTURE[..., ::-1] - mean) / scale).transpose(2, 0, 1)[None].astype(np.float32)
    raw = onnxruntime.InferenceSession(str(source)).run(["d0"], {"input.1": image})[0][0, 0]
    expected = (raw - raw.min()) / (raw.max() - raw.min())
    np.testing.assert_allclose(omz.MattingModel(path, precision="f32")(PICTURE).alpha, expected, atol=1e-4)


def test_a_network_with_one_output_needs_no_roles(tmp_path):
    source = save_unet(tmp_path / "dl" / "public" / "net" / "net.onnx", ["output"])
    path = converted(
        tmp_path,
        source,
        input_info=[{"name": "input.1", "shape": [1, 3, -1, -1], "layout": "NCHW"}],
        model_optimizer_args=[
            "--input_model=$dl_dir/net.onnx", "--reverse_input_channels",
            "--mean_values=input.1[127.5,127.5,127.5]", "--scale_values=input.1[127.5,127.5,127.5]",
        ],
    )  # fmt: skip
    height, width = PICTURE.shape[:2]
    padded = np.pad(PICTURE, ((0, -height % 16), (0, -width % 16), (0, 0)), "edge")
    image = (padded[..., ::-1] / 127.5 - 1).transpose(2, 0, 1)[None].astype(np.float32)
    expected = onnxruntime.InferenceSession(str(source)).run(None, {"input.1": image})[0][0, 0, :height, :width]
    np.testing.assert_allclose(omz.MattingModel(path)(PICTURE).alpha, expected, atol=1e-5)


@pytest.mark.skipif(not PRISMA.is_file(), reason=f"{PRISMA} is not there")
def test_a_real_network_cuts_out_a_portrait(tmp_path):
    data = pytest.importorskip("skimage.data")
    source = tmp_path / "dl" / "public" / "net" / "net.onnx"
    source.parent.mkdir(parents=True)
    source.write_bytes(PRISMA.read_bytes())
    path = converted(
        tmp_path,
        source,
        input_info=[{"name": "input_3", "shape": [1, 3, 256, 256], "layout": "NCHW", "role": "picture"}],
        output_info=[{"name": "permute_1", "role": "alpha"}],
        model_optimizer_args=["--input_model=$dl_dir/net.onnx", "--reverse_input_channels", "--scale=255"],
        model_info={"resize_type": "standard"},
    )
    alpha = omz.MattingModel(path)(data.astronaut()[..., ::-1].copy()).alpha
    assert alpha[110:190, 190:260].mean() > 0.95  # her face
    assert alpha[:60, :60].mean() < 0.05
    assert alpha[20:60, 400:500].mean() < 0.2


def test_a_description_survives_the_ir(tmp_path):
    given = card(
        tmp_path,
        save_presented(tmp_path / "net.onnx", Presentation()),
        input_info=[{"name": "src", "role": "picture"}, {"name": "r1", "role": "state"}],
        output_info=[
            {"name": 'a"<b>:0', "role": "alpha", "channel": 3, "range": [-1, 1]},
            {"name": "r1o", "role": "state", "input": "r1"},
        ],
    )
    said = description_of(given)
    assert said == Description(
        {"src": "picture", "r1": "state"},
        (("alpha", OutputReading('a"<b>:0', 3, None, (-1.0, 1.0))),),
        (State("r1", "r1o"),),
    )
    model = core().read_model(ir_of(save_presented(tmp_path / "x.onnx", Presentation())))
    model.set_rt_info(said.as_text(), ["omz", "roles"])
    ov.save_model(model, tmp_path / "y.xml")
    assert described(OpenVINOEngine(tmp_path / "y.xml").facts) == said
    assert description_of(None).as_text() == ""
    for text in ("", "[]", "{", '{"outputs": 3}', '{"outputs": [["alpha", {}]]}'):
        assert described({"roles": text}) == Description()
