"""A minimal card for a new model, with comments that say what to fill in."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args
from urllib.parse import urljoin

import yaml
from pydantic import ValidationError

from omz.atomic import whole_file
from omz.errors import CardError, ModelFileError, UsageError, os_reason
from omz.zoo.card import InputInfo, OutputInfo
from omz.zoo.lint import FILL_IN
from omz.zoo.model_file import Checksum, HttpSource
from omz.zoo.model_name import name_problem
from omz.zoo.vocabulary import CARD_FILE, Activation, Framework, InputRole

FRAMEWORKS: dict[str, Framework] = {
    ".onnx": "onnx",
    ".pth": "pytorch",
    ".pt": "pytorch",
    ".pkl": "pytorch",
    ".safetensors": "pytorch",
    ".ckpt": "mindspore",
}
"""Suffixes of the files that a conversion starts from, and the frameworks they belong to."""

_LONGEST_SHOWN = 60
_CHANNELS = (1, 3, 4)
_PICTURE = InputInfo(name="src", shape=(1, 3, -1, -1), layout="NCHW", role="picture")
_ACTIVATIONS = ", ".join(get_args(Activation))


@dataclass(frozen=True)
class NewFile:
    """A file of a new model: ``path``, and ``name``, that of the card; no path where the file is not at hand."""

    name: str
    path: Path | None = None


@dataclass(frozen=True)
class Ports:
    """Inputs and outputs of a model, as a card lists them; ``roles`` are those of outputs, empty if not known."""

    inputs: tuple[InputInfo, ...] = (_PICTURE,)
    outputs: tuple[str, ...] = ()
    roles: tuple[OutputInfo, ...] = ()

    def with_roles(self, inputs: Mapping[str, InputRole], outputs: tuple[OutputInfo, ...]) -> Ports:
        """Return the ports with roles of inputs, by their names, and outputs that have some."""
        told = [info.model_copy(update={"role": inputs.get(info.name)}) for info in self.inputs]
        return Ports(tuple(told), self.outputs, outputs)


@dataclass(frozen=True)
class NewModel:
    """What is known of a new model.

    ``files`` begin with the one that the conversion starts from. ``url`` is its address, and those of the others lie
    beside it; without one, files at hand ship with the card.
    """

    name: str
    framework: Framework
    files: tuple[NewFile, ...]
    ports: Ports
    url: str = ""

    @property
    def is_bundled(self) -> bool:
        """Whether the files ship with the card."""
        return not self.url and self.files[0].path is not None


def check_name(name: str) -> None:
    """Raise :class:`UsageError` unless ``name`` can be the name of a model, which is that of its folder."""
    problem = name_problem(name)
    if problem:
        shown = repr(name) if len(name) < _LONGEST_SHOWN else "the name"
        raise UsageError(f"--new: {shown} {problem}; choose another name")


def check_url(url: str) -> None:
    """Raise :class:`UsageError` unless ``url`` can be the source of a file."""
    try:
        HttpSource.model_validate({"$type": "http", "url": url})
    except ValidationError as error:
        raise UsageError(f"--url {url}: {error.errors()[0]['msg']}") from None


def framework_of(path: Path) -> Framework:
    """Return the framework of a model's file, by its suffix; raises :class:`UsageError` for another one."""
    framework = FRAMEWORKS.get(path.suffix.lower())
    if framework is None:
        known = ", ".join(FRAMEWORKS)
        raise UsageError(f"{path.name} is not a file that a conversion starts from; such files end in {known}")
    return framework


def read_onnx_ports(path: Path) -> Ports:
    """Return inputs and outputs of an ONNX file; open and unknown sizes are -1.

    Raises :class:`ModelFileError` for a file that is not ONNX.
    """
    import onnx
    from google.protobuf.message import DecodeError

    try:
        graph = onnx.load(str(path), load_external_data=False).graph
    except (DecodeError, UnicodeDecodeError):
        raise ModelFileError(f"{path} is not an ONNX file; --file takes the original of the model") from None
    constants = {tensor.name for tensor in graph.initializer}
    inputs = []
    for value in graph.input:
        if value.name not in constants:
            sides = value.type.tensor_type.shape.dim
            shape = tuple(side.dim_value if side.dim_value > 0 else -1 for side in sides)
            inputs.append(InputInfo(name=value.name, shape=shape, layout=_layout(shape)))
    if not inputs:
        raise ModelFileError(f"{path} is not an ONNX file with inputs; --file takes the original of the model")
    return Ports(tuple(inputs), tuple(value.name for value in graph.output))


def write_card(model: NewModel, folder: Path) -> Path:
    """Write ``folder/model.yml``, and copy the files that ship with it into ``folder``; return the path of the card.

    Nothing is ever overwritten. Raises :class:`CardError` if there is a card already, or another file of the name of
    one that is to be copied, or the folder cannot be written.
    """
    card = folder / CARD_FILE
    if os.path.lexists(card):
        raise CardError(f"{card} is there already; edit it, or choose another name")
    if os.path.lexists(folder) and not folder.is_dir():
        raise CardError(f"{folder} is there already, and is not a folder; move it, or choose another name")
    text = card_text(model)
    made: list[Path] = []
    try:
        for file in model.files if model.is_bundled else ():
            made += _copied(file, folder)
        with whole_file(card) as part:
            part.write_text(text, encoding="utf-8")
    except BaseException as error:
        for copy in made:
            copy.unlink(missing_ok=True)
        if isinstance(error, OSError):
            problem = f"{folder} cannot be written: {os_reason(error)}; choose another --models_dir"
            raise CardError(problem) from error
        raise
    return card


def card_text(model: NewModel) -> str:
    """Return the text of the card."""
    lines = [
        f"# The card of {model.name}; omz_info_dumper --lint checks it, and docs/cards.md lists all keys.",
        f"description: {FILL_IN}  # what the model takes and returns, how it works, its paper",
        "task_type: background_matting",
        f"framework: {model.framework}",
        f"license: {FILL_IN}  # the address of the licence of the weights",
        "files:",
    ]
    for file in model.files:
        lines += _file_lines(model, file)
    lines.append("input_info:  # names as in the original; -1 stands for any size")
    for info in model.ports.inputs:
        lines += _input_lines(info)
    lines += _output_lines(model.ports)
    if model.framework != "onnx":
        lines += ["conversion_to_onnx_args:", *_export_lines(model)]
    lines += ["model_optimizer_args:", *_optimizer_lines(model)]
    return "\n".join(lines) + "\n"


def _file_lines(model: NewModel, file: NewFile) -> Iterator[str]:
    yield f"  - name: {_scalar(file.name)}"
    if file.path is None:
        yield "    # size: 1234567  # in bytes"
        yield f"    checksum: {_scalar('0' * 96)}  # SHA-384, as sha384sum prints it"
    else:
        yield f"    size: {file.path.stat().st_size}"
        yield f"    checksum: {_scalar(Checksum.of(file.path).value)}"
    if model.is_bundled:
        yield "    source:  # ships with the card; for a download, write its address here: source: https://..."
        yield "      $type: bundled"
    elif model.url:
        first = model.files[0]
        yield f"    source: {_scalar(model.url if file is first else urljoin(model.url, file.name))}"
    else:
        yield f"    source: https://example.com/{FILL_IN}  # the address of the file"


def _input_lines(info: InputInfo) -> Iterator[str]:
    yield f"  - name: {_scalar(info.name)}"
    if info.shape:
        yield f"    shape: {list(info.shape)}"
    if info.layout:
        yield f"    layout: {info.layout}"
    elif info.shape:
        yield f"    # layout: {'?' * len(info.shape)}  # a letter for each dimension, such as NCHW"
    if info.role:
        yield f"    role: {info.role}"
    else:
        yield "    # role: picture  # picture, plate, state or ratio; docs/cards.md says what these are"


def _output_lines(ports: Ports) -> Iterator[str]:
    if ports.roles:
        yield "output_info:  # the outputs that matting uses"
        for info in ports.roles:
            yield f"  - name: {_scalar(info.name)}"
            yield f"    role: {info.role}"
            if info.channel is not None:
                yield f"    channel: {info.channel}"
            if info.activation not in (None, "none"):
                yield f"    activation: {info.activation}"
            if info.layout not in ("", "NCHW"):
                yield f"    layout: {info.layout}"
            if info.input:
                yield f"    input: {_scalar(info.input)}"
        return
    yield "# It is not clear which output is alpha. Uncomment the outputs that are used, and say how they are read:"
    yield "# output_info:"
    for name in ports.outputs or ("pha",):
        yield f"#   - name: {_scalar(name)}"
        yield "#     role: alpha  # alpha, foreground, trimap or state"
        yield "#     channel: 0  # the first that counts, of an output with several"
        yield f"#     activation: none  # the step to alpha: {_ACTIVATIONS}"


def _export_lines(model: NewModel) -> Iterator[str]:
    shapes, names = [], []
    for info in model.ports.inputs:
        shapes.append("[" + ",".join("256" if side < 0 else str(side) for side in info.shape) + "]")
        names.append(info.name)
    output = f"$conv_dir/{model.name}.onnx"
    if model.framework == "mindspore":
        yield f"  - --network=omz.networks.{FILL_IN}  # module.Class"
        yield f"  - {_scalar('--weights=' + _place(model))}"
        yield f"  - {_scalar('--input_shape=' + ','.join(shapes))}"
        yield f"  - {_scalar('--input_names=' + ','.join(names))}"
        yield f"  - --output_names={FILL_IN}  # such as pha,fgr"
        yield f"  - {_scalar('--output_file=' + output)}"
        return
    yield f"  - --model-name={FILL_IN}  # the class of the network"
    yield f"  - --import-module={FILL_IN}  # its module: one of omz.networks, or code of the model, with --model-path"
    yield f"  - {_scalar('--weights=' + _place(model))}"
    yield f"  - {_scalar('--input-shapes=' + ','.join(shapes))}"
    yield f"  - {_scalar('--input-names=' + ','.join(names))}"
    yield f"  - --output-names={FILL_IN}  # such as pha,fgr"
    yield f"  - {_scalar('--output-file=' + output)}"


def _optimizer_lines(model: NewModel) -> Iterator[str]:
    source = _place(model) if model.framework == "onnx" else f"$conv_dir/{model.name}.onnx"
    yield f"  - {_scalar('--input_model=' + source)}"
    if model.ports.outputs:
        yield f"  - {_scalar('--output=' + _literal(','.join(model.ports.outputs)))}"
    yield "  # The converted model takes BGR, 0 to 255. Uncomment the steps from there to the input of the original:"
    yield "  # - --reverse_input_channels  # the original takes RGB"
    yield "  # - --scale=255  # it takes 0 to 1"
    yield "  # - --mean_values=[123.675,116.28,103.53]  # subtracted, a value for each channel of the original"
    yield "  # - --scale_values=[58.395,57.12,57.375]  # then divided by; instead of --scale"


def _place(model: NewModel) -> str:
    """Return the path of the file that the conversion starts from, as an argument."""
    folder = "$config_dir" if model.is_bundled else "$dl_dir"
    return f"{folder}/{_literal(model.files[0].name)}"


def _literal(text: str) -> str:
    """Return a text as an argument in which no variable begins."""
    return text.replace("$", "$$")


def _scalar(text: str) -> str:
    """Return a text as YAML on one line, in quotes where it needs them."""
    written: str = yaml.safe_dump(text, width=float("inf"), allow_unicode=True)
    return written.removesuffix("...\n").strip()


def _layout(shape: Sequence[int]) -> str:
    """Return the layout of a batch of pictures, and "" where it is not clear."""
    if len(shape) != 4:
        return ""
    first, last = shape[1] in _CHANNELS, shape[3] in _CHANNELS
    if first == last:
        return ""
    return "NCHW" if first else "NHWC"


def _copied(file: NewFile, folder: Path) -> Iterator[Path]:
    """Copy a file of the model into the folder of its card, unless it is there, and yield its new path."""
    target = folder / file.name
    if file.path is None:
        return
    if not target.exists():
        with whole_file(target) as part:
            shutil.copyfile(file.path, part)
        yield target
    elif not Checksum.of(file.path).matches(target):
        raise CardError(f"{target} is there already, and differs from {file.path}; remove or rename one")
