"""``model.yml`` as a frozen record."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from string import Template
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from omz.errors import CardError

CARD_FILE = "model.yml"
Framework = Literal["onnx", "pytorch"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, protected_namespaces=())


class HttpSource(_Record):
    """A file that is downloaded from ``url``."""

    type: Literal["http"] = Field(alias="$type")
    url: str


class BundledSource(_Record):
    """A file that ships in the card's own folder; arguments refer to it as ``$config_dir/NAME``."""

    type: Literal["bundled"] = Field(alias="$type")


def _expand_source(value: Any) -> Any:
    return {"$type": "http", "url": value} if isinstance(value, str) else value


def _inside(name: str) -> str:
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts or "\\" in name or name.startswith("~"):
        raise ValueError("must be a relative path that stays in the model's folder")
    return name


class ModelFile(_Record):
    """One file of a model: ``size`` in bytes, ``checksum`` the SHA-384 as 96 hexadecimal digits."""

    name: Annotated[str, AfterValidator(_inside)]
    size: int = Field(ge=0, strict=True)
    checksum: str = Field(pattern=r"^[0-9a-fA-F]{96}$")
    source: Annotated[HttpSource | BundledSource, Field(discriminator="type"), BeforeValidator(_expand_source)]


class InputInfo(_Record):
    """One input of the converted model; -1 in ``shape`` is a dimension that may vary."""

    name: str
    shape: tuple[int, ...]
    layout: str = Field(pattern=r"^[A-Z]+$")

    @model_validator(mode="after")
    def _one_letter_a_dimension(self) -> InputInfo:
        if len(self.shape) != len(self.layout):
            raise ValueError(f"layout {self.layout} has another number of dimensions than shape {list(self.shape)}")
        return self


class ModelCard(_Record):
    """What a model is, where its files come from, and how it becomes an IR.

    ``folder`` holds the card; ``subdirectory`` is where its files lie below a download or output folder.
    """

    name: str
    folder: Path
    subdirectory: PurePosixPath
    description: str
    task_type: Literal["background_matting"]
    framework: Framework
    license: str
    files: tuple[ModelFile, ...]
    input_info: tuple[InputInfo, ...]
    conversion_to_onnx_args: tuple[str, ...] = ()
    model_optimizer_args: tuple[str, ...]

    @model_validator(mode="after")
    def _onnx_arguments_where_needed(self) -> ModelCard:
        if (self.framework == "pytorch") != bool(self.conversion_to_onnx_args):
            raise ValueError("conversion_to_onnx_args belongs to a card of framework pytorch, and to no other")
        return self

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
        except (KeyError, ValueError) as error:
            raise CardError(
                f"{self.folder / CARD_FILE}: an argument uses a variable that does not exist: {error}"
            ) from None


def load_card(folder: Path, subdirectory: PurePosixPath) -> ModelCard:
    """Read ``folder/model.yml``; the folder's name is the model's. Raises :class:`CardError` naming file and key."""
    path = folder / CARD_FILE
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CardError(f"{path} cannot be read: {' '.join(str(error).split())}") from error
    if not isinstance(content, Mapping):
        raise CardError(f"{path} holds no mapping of keys to values")
    reserved = {"name", "folder", "subdirectory"} & content.keys()
    if reserved:
        raise CardError(f"{path}: key {reserved.pop()!r} is taken from the folder; remove it")
    try:
        return ModelCard.model_validate(
            {**content, "name": folder.name, "folder": folder, "subdirectory": subdirectory}
        )
    except ValidationError as error:
        raise CardError(f"{path}: {_describe(error)}") from None


def _describe(error: ValidationError) -> str:
    first, *others = error.errors()
    where = ".".join(str(part) for part in first["loc"]) or "the card"
    more = f" (and {len(others)} more)" if others else ""
    return f"{where}: {first['msg']}{more}"
