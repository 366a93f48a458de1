"""``model.yml`` and ``composite-model.yml`` as frozen records."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path, PurePosixPath
from string import Template
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from omz.errors import CardError
from omz.zoo.model_file import BundledSource, ModelFile
from omz.zoo.postprocessing import Postprocessing
from omz.zoo.record import Record
from omz.zoo.vocabulary import (
    CARD_FILE,
    COMPOSITE_FILE,
    Activation,
    Framework,
    InputRole,
    LicenseKind,
    OutputRole,
    Precision,
    Refining,
    Rewriting,
    TaskType,
)

_THROUGH_ONNX = {"pytorch": True, "mindspore": True, "caffe2": None}
"""Whether a framework's models must become ONNX first; None: they may. Others must not."""


class InputInfo(Record):
    """One input of the converted model.

    ``shape`` has an integer a dimension, -1 for one that may vary; ``layout`` has a letter a dimension. Each is empty
    if the card does not have it, and ``role`` is None.
    """

    name: str
    shape: tuple[Annotated[int, Field(ge=-1, strict=True)], ...] = ()
    layout: str = Field(default="", pattern=r"^[A-Z]*$")
    role: InputRole | None = None

    @model_validator(mode="after")
    def _one_letter_a_dimension(self) -> InputInfo:
        if self.shape and self.layout and len(self.shape) != len(self.layout):
            details = {"layout": self.layout, "letters": len(self.layout), "dimensions": len(self.shape)}
            raise PydanticCustomError(
                "layout", "layout {layout} has {letters} letters for the {dimensions} dimensions of shape", details
            )
        return self


class OutputInfo(Record):
    """One output of the model that matting uses; the same name may come again, in another role.

    ``channel`` is the first that counts, from 0: alpha has one, foreground and trimap have three. ``activation`` leads
    from the output to its values; None is the usual one, a softmax for a trimap, else none. Without activation,
    ``range`` has the values that stand for 0 and 1. ``layout`` has a letter a dimension, such as ``NHWC``, or ``HW``
    without batch and channels, and is empty if the card does not have it. ``input`` is that which a state goes into.
    """

    name: str
    role: OutputRole | None = None
    channel: Annotated[int, Field(ge=0, strict=True)] | None = None
    activation: Activation | None = None
    range: tuple[float, float] = (0.0, 1.0)
    layout: str = Field(default="", pattern=r"^[NCHW]*$")
    input: str = ""

    @model_validator(mode="after")
    def _fits_its_role(self) -> OutputInfo:
        if self.layout and (len({*self.layout}) < len(self.layout) or not {"H", "W"} <= {*self.layout}):
            details = {"layout": self.layout}
            raise PydanticCustomError("layout", "layout {layout} is to have H and W, and each letter once", details)
        if self.range[0] == self.range[1]:
            raise PydanticCustomError("range", "range: its two values are the same")
        if self.range != (0.0, 1.0) and self.activation not in (None, "none"):
            details = {"activation": self.activation}
            raise PydanticCustomError("range", "range is for outputs without activation {activation}", details)
        if (self.role == "state") != bool(self.input):
            raise PydanticCustomError("input", "a state, and nothing else, names the input that it goes into")
        return self


class ModelInfo(Record):
    """Facts for programs that run the IR; None or empty if the card does not have them."""

    model_type: str | None = None
    resize_type: str | None = None
    confidence_threshold: float | None = Field(default=None, ge=0, strict=True)
    iou_threshold: float | None = Field(default=None, ge=0, strict=True)
    anchors: tuple[float, ...] = ()
    masks: tuple[int, ...] = ()
    labels: tuple[str, ...] = ()


class Tolerance(Record):
    """Allowed difference between outputs of the IR in float32 and the original's, as a share of the output's range.

    One element in a thousand may be farther. The range goes from the smallest to the largest value of the original's
    output, 0 among them. ``FP32`` and ``FP16`` tell how the weights of the IR are stored; ``INT8`` is for one that
    computes in 8 bits.
    """

    FP32: float = Field(default=1e-3, gt=0, le=1, strict=True)
    FP16: float = Field(default=1e-2, gt=0, le=1, strict=True)
    INT8: float = Field(default=1e-1, gt=0, le=1, strict=True)


class _Described(Record):
    """Base of the cards of models and composite models.

    ``folder`` holds the card; ``subdirectory`` is where the model's files lie below a download or output folder;
    ``license`` is the address of the licence, and ``license_kind`` what it asks: more than to name the authors, if it
    is not ``permissive``. ``remarks`` are oddities that do not keep the card from being used, a line each.
    """

    filled_in: ClassVar[frozenset[str]] = frozenset(
        ("name", "folder", "subdirectory", "composite_model_name", "remarks")
    )

    name: str
    folder: Path
    subdirectory: PurePosixPath
    composite_model_name: str | None = None
    remarks: tuple[str, ...] = Field(default=(), exclude=True)
    description: str
    task_type: TaskType
    framework: Framework
    license: str
    license_kind: LicenseKind = "permissive"

    @property
    def path(self) -> Path:
        """The file that holds the card."""
        return self.folder / CARD_FILE


class ModelCard(_Described):
    """Card of a model: its files, their sources, and its conversion to an IR.

    ``composite_model_name`` is that of the composite model that this one is a stage of. ``parity`` limits the error of
    a conversion. A network of free size does best on images whose longer side has ``working_size`` pixels, and sees
    others shrunk or enlarged; ``refine`` says how its alpha is refined. ``rewrite`` is the published network whose
    graph the conversion looks for, to write one that runs faster. ``tested_on_real_weights`` tells whether the
    author of the card has run the model on its published weights; None: the card does not say. ``quantizable`` and
    ``quantized`` are keys of older cards.
    """

    files: tuple[ModelFile, ...]
    postprocessing: tuple[Postprocessing, ...] = ()
    input_info: tuple[InputInfo, ...] = ()
    output_info: tuple[OutputInfo, ...] = ()
    conversion_to_onnx_args: tuple[str, ...] = ()
    model_optimizer_args: tuple[str, ...] | None = None
    model_info: ModelInfo = ModelInfo()
    parity: Tolerance = Tolerance()
    working_size: Annotated[int, Field(ge=64, strict=True)] | None = None
    refine: Refining | None = None
    rewrite: Rewriting | None = None
    tested_on_real_weights: bool | None = Field(default=None, strict=True)
    quantizable: bool | None = Field(default=None, strict=True)
    quantized: Literal["INT8"] | None = None

    @model_validator(mode="after")
    def _arguments_fit_the_framework(self) -> ModelCard:
        through_onnx = _THROUGH_ONNX.get(self.framework, False)
        if through_onnx is not None and through_onnx != bool(self.conversion_to_onnx_args):
            details = {"framework": self.framework, "verb": "needs" if through_onnx else "takes no"}
            raise PydanticCustomError("onnx", "framework {framework} {verb} conversion_to_onnx_args", details)
        if self.framework != "dldt" and not self.model_optimizer_args:
            raise PydanticCustomError("mo", "framework {f} needs model_optimizer_args", {"f": self.framework})
        return self

    @model_validator(mode="after")
    def _roles_fit_together(self) -> ModelCard:
        given: list[str | None] = [info.role for info in self.input_info]
        given += [info.role for info in self.output_info]
        for role in ("picture", "plate", "ratio", "alpha", "foreground", "trimap"):
            if given.count(role) > 1:
                raise PydanticCustomError("roles", "{role} is the role of more than one", {"role": role})
        states = sorted(info.name for info in self.input_info if info.role == "state")
        fed = sorted(info.input for info in self.output_info if info.role == "state")
        if states != fed:
            details = {"states": ", ".join(states) or "none", "fed": ", ".join(fed) or "none"}
            text = "the states are the inputs {states}, but outputs go into {fed}; one is to go into each"
            raise PydanticCustomError("roles", text, details)
        return self

    @model_validator(mode="after")
    def _files_do_not_collide(self) -> ModelCard:
        names = Counter(file.name for file in self.files)
        folders = {str(folder): name for name in reversed(names) for folder in PurePosixPath(name).parents}
        for name, times in names.items():
            if name in folders:
                details = {"name": name, "inner": folders[name]}
                raise PydanticCustomError("files", "files: {name} is both a file and the folder of {inner}", details)
            if times > 1:
                raise PydanticCustomError("files", "files: {name} is listed twice", {"name": name})
        return self

    @model_validator(mode="after")
    def _an_ir_is_whole(self) -> ModelCard:
        if self.framework == "dldt":
            names = {file.name for file in self.files}
            if not self.precisions:
                raise PydanticCustomError("ir", "files: PRECISION/NAME.xml and .bin are missing")
            for precision in sorted(self.precisions):
                if precision not in get_args(Precision):
                    details = {"found": precision, "allowed": ", ".join(get_args(Precision))}
                    raise PydanticCustomError("ir", "files: {found} is not a precision; allowed: {allowed}", details)
                for part in (f"{precision}/{self.name}.xml", f"{precision}/{self.name}.bin"):
                    if part not in names:
                        raise PydanticCustomError("ir", "files: {part} is missing", {"part": part})
        return self

    @property
    def models(self) -> tuple[ModelCard, ...]:
        """The model itself, as :attr:`CompositeCard.models` are its stages."""
        return (self,)

    @property
    def precisions(self) -> frozenset[str]:
        """The precisions that the model's IR comes in, or can be converted to."""
        if self.framework != "dldt":
            return frozenset(("FP16", "FP32"))
        found = (re.fullmatch(r"(FP[^/]*)/[^/]+", file.name) for file in self.files)
        return frozenset(match[1] for match in found if match)

    def file_path(self, file: ModelFile, download_dir: Path) -> Path:
        """Return where ``file`` lies: in the card's folder if bundled, else below ``download_dir``."""
        if isinstance(file.source, BundledSource):
            return self.folder / file.name
        return download_dir / self.subdirectory / file.name

    def substitute(self, arguments: tuple[str, ...], download_dir: Path, output_dir: Path) -> tuple[str, ...]:
        """Return ``arguments`` with ``$dl_dir``, ``$conv_dir`` and ``$config_dir`` filled in."""
        values = {
            "dl_dir": str(download_dir / self.subdirectory),
            "conv_dir": str(output_dir / self.subdirectory),
            "config_dir": str(self.folder),
        }
        try:
            return tuple(Template(argument).substitute(values) for argument in arguments)
        except KeyError as error:
            raise CardError(f"{self.path}: {_no_variable(error.args[0])}") from None
        except ValueError as error:
            raise CardError(f"{self.path}: an argument has a $ without the name of a variable: {error}") from None


class CompositeCard(_Described):
    """Card of a composite model: several models, run one after the other as ``stages``.

    ``composite_model_name`` is its own name.
    """

    filled_in: ClassVar[frozenset[str]] = _Described.filled_in | {"stages"}

    stages_order: tuple[str, ...]
    stages: tuple[ModelCard, ...] = ()

    @property
    def path(self) -> Path:
        """The file that holds the card."""
        return self.folder / COMPOSITE_FILE

    @property
    def models(self) -> tuple[ModelCard, ...]:
        """The models of its stages."""
        return self.stages

    @property
    def precisions(self) -> frozenset[str]:
        """The precisions of its first stage."""
        return self.stages[0].precisions


def _no_variable(name: str) -> str:
    if name in ("mo_dir", "mo_ext_dir"):
        return f"${name} is a folder of Model Optimizer, which OpenVINO no longer has; such a model cannot be converted"
    return f"an argument uses ${name}, which does not exist; allowed: $dl_dir, $conv_dir, $config_dir"
