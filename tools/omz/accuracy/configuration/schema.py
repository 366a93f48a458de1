"""Schema of an accuracy-check.yml: Open Model Zoo's keys as far as matting needs them, and a few of our own.

The names are those of accuracy_checker 0.10.6 (openvinotoolkit/open_model_zoo). Ours are the metric ``sad``, with its
``convention``, ``two_sided``, and ``interpolation`` in small letters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PositiveInt, model_validator
from pydantic_core import PydanticCustomError

from omz.images.arrays import Size
from omz.zoo.record import Record


def _no_boolean(value: Any) -> Any:
    """Refuse yes and no where a number is expected; Python would take them for 1 and 0."""
    if isinstance(value, bool):
        raise PydanticCustomError("number", "must be a number")
    return value


def _mean(value: Any) -> Any:
    return value if value is None or isinstance(value, Mapping) else {"mean": value}


Number = Annotated[float, BeforeValidator(_no_boolean)]
Share = Annotated[Number, Field(ge=0)]
Text = Annotated[str, Field(min_length=1)]


class Statistics(Record):
    """A figure from elsewhere: its mean over frames, and where known its population standard deviation."""

    mean: Number
    std: Share | None = None


class Metric(Record):
    """A figure, and what it was elsewhere. ``threshold`` is the old name of ``abs_threshold``."""

    type: Literal["mad", "spatial_gradient", "mae", "mse"]
    name: Text | None = None
    prediction_source: Text | None = None
    process_type: Literal["alpha", "image"] | None = None
    presenter: str | None = None
    reference: Annotated[Statistics | None, BeforeValidator(_mean)] = None
    abs_threshold: Share | None = None
    threshold: Share | None = None
    rel_threshold: Share | None = None
    two_sided: bool = False

    @model_validator(mode="after")
    def _one_threshold(self) -> Metric:
        if self.threshold is not None and self.abs_threshold is not None:
            raise PydanticCustomError("threshold", "has abs_threshold and its old name, threshold; remove one")
        return self

    @property
    def title(self) -> str:
        """The name of the figure."""
        return self.name or self.type


class MaskedMetric(Metric):
    """A figure of the pixels where true alpha is above ``pha_tolerance``, or of all."""

    type: Literal["mse_with_mask"]  # type: ignore[assignment]  # another type, the same keys and more
    use_mask: bool = False
    pha_tolerance: Annotated[Number, Field(ge=0, le=1)] = 0.01


class SadMetric(Metric):
    """The sum of absolute differences, in the way of a convention."""

    type: Literal["sad"]  # type: ignore[assignment]  # another type, the same keys and more
    convention: Literal["shm"] = "shm"


AnyMetric = Annotated[Metric | MaskedMetric | SadMetric, Field(discriminator="type")]


def _typed(value: Any) -> Any:
    return {"type": value} if isinstance(value, str) else value


def _channels(value: Any) -> Any:
    """Take one number, a list of them, or accuracy checker's text of them, such as ``(104, 117, 123)``."""
    if isinstance(value, str):
        return tuple(map(str.strip, value.strip(" ()").split(",")))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return (value,)
    return value


Channels = Annotated[tuple[Number, ...], BeforeValidator(_channels)]


class Adapter(Record):
    """Names of the outputs that are alpha and the foreground; empty where nothing tells them."""

    type: Literal["background_matting", "background_matting_with_pha_and_fgr"]
    alpha_out: str = ""
    foreground_out: str = ""

    @property
    def alpha(self) -> str:
        """The name of the output that is alpha; empty where the model has to tell it."""
        if self.foreground:
            return self.alpha_out or "pha"
        return self.alpha_out

    @property
    def foreground(self) -> str:
        """The name of the output that is the foreground; empty without one."""
        if self.type != "background_matting_with_pha_and_fgr":
            return ""
        return self.foreground_out or "fgr"


class Input(Record):
    """Source of one input of a model.

    Of an ``INPUT``, ``value`` is a regular expression that the path of a file begins with; of an ``LSTM_INPUT``, the
    output that is fed back.
    """

    name: Text
    type: Literal["INPUT", "LSTM_INPUT"] = "INPUT"
    value: str | None = None


class Launcher(Record):
    """Framework of a model, with its inputs and outputs."""

    framework: Literal["openvino", "dlsdk", "onnx_runtime", "pytorch"]
    device: Text | None = None
    model: Text | None = None
    weights: Text | None = None
    adapter: Annotated[Adapter, BeforeValidator(_typed)]
    inputs: tuple[Input, ...] = ()

    @property
    def runs_in(self) -> str:
        """The framework under its name of today: openvino, onnx_runtime or pytorch."""
        return "openvino" if self.framework == "dlsdk" else self.framework


Side = Annotated[PositiveInt, Field(le=16384)]
"""Pixels; a picture with more does not fit into memory, and OpenCV fails to make one with many more."""


class Sized(Record):
    """A size: ``size`` for both sides, or each side."""

    size: Side | None = None
    dst_width: Side | None = None
    dst_height: Side | None = None

    @model_validator(mode="after")
    def _one_size(self) -> Sized:
        sides = [self.dst_width, self.dst_height]
        if (self.size is None) == (sides == [None, None]) or sides.count(None) == 1:
            raise PydanticCustomError("size", "takes either size, or dst_width and dst_height")
        return self

    @property
    def target(self) -> Size:
        """The size, height before width."""
        return self.dst_height or self.size or 0, self.dst_width or self.size or 0


class Swap(Record):
    """The order of colours is reversed."""

    type: Literal["rgb_to_bgr", "bgr_to_rgb"]


class Resize(Sized):
    """Pictures are resized, by OpenCV, or by Pillow, which smooths what it shrinks."""

    type: Literal["resize"]
    use_pillow: bool = False
    interpolation: str | None = None


class Normalization(Record):
    """Pictures less the mean, divided by std: a number for each channel, or one for all."""

    type: Literal["normalization"]
    mean: Channels = (0.0,)
    std: Channels = (1.0,)


Step = Annotated[Swap | Resize | Normalization, Field(discriminator="type")]


class TruthResize(Sized):
    """True alpha is resized, too: to its nearest pixels."""

    type: Literal["resize"]
    apply_to: Literal["annotation"]


class Images(Record):
    """Pictures and true alphas in two folders, paired by what stands between a prefix and a postfix."""

    converter: Literal["background_matting"]
    images_dir: Text
    masks_dir: Text
    image_prefix: str = ""
    image_postfix: str = ".png"
    mask_prefix: str = ""
    mask_postfix: str = ".png"
    mask_to_gray: bool = False


class Clips(Images):
    """The same in clips, a folder each, where there may be plates and foregrounds, too."""

    converter: Literal["background_matting_sequential"]  # type: ignore[assignment]  # another converter, the same keys
    backgrounds_dir: Text | None = None
    background_prefix: str = ""
    background_postfix: str = ".png"
    with_background: bool = False
    foregrounds_dir: Text | None = None
    foreground_prefix: str = ""
    foreground_postfix: str = ".png"
    with_foreground: bool = False
    with_alpha: bool = False
    per_clip_location: bool = False

    @model_validator(mode="after")
    def _has_folders(self) -> Clips:
        for kind in ("background", "foreground"):
            if getattr(self, f"with_{kind}") and getattr(self, f"{kind}s_dir") is None:
                raise PydanticCustomError("folder", f"has with_{kind}, and needs {kind}s_dir, too")
        return self


class Reader(Record):
    """Reader of pictures: Pillow as RGB, OpenCV as BGR."""

    type: Literal["pillow_imread", "opencv_imread"]


Conversion = Annotated[Images | Clips, Field(discriminator="converter")]


class DatasetEntry(Record):
    """Frames, their preprocessing, and the metrics.

    ``annotation`` and ``dataset_meta`` name what accuracy checker keeps; here nothing is kept. Nor is anything read
    from ``data_source`` where ``annotation_conversion`` says where files are.
    """

    name: Text
    reader: Annotated[Reader, BeforeValidator(_typed)] = Reader(type="opencv_imread")
    data_source: str | None = None
    additional_data_source: str | None = None
    annotation: str | None = None
    dataset_meta: str | None = None
    annotation_conversion: Conversion | None = None
    subsample_size: PositiveInt | None = None
    preprocessing: tuple[Step, ...] = ()
    postprocessing: Annotated[tuple[TruthResize, ...], Field(max_length=1)] = ()
    metrics: Annotated[tuple[AnyMetric, ...], Field(min_length=1)]
