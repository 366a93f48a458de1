"""``omz_mo``: Model Optimizer's command line, for scripts that call it."""

from __future__ import annotations

import re
from pathlib import Path

import click

from omz.cli.command import omz_command
from omz.cli.printing import say
from omz.errors import CardError, UsageError


@omz_command(passes_unknown_flags=True)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def main(arguments: tuple[str, ...]) -> None:
    """Convert an ONNX file to OpenVINO IR, with the flags of Model Optimizer.

    \b
    --input_model FILE             ONNX file
    --model_name, --output_dir     name and folder of the IR; default: the file's name, current folder
    --input, --input_shape         names and shapes of inputs
    --output                       tensors or nodes at which to cut the graph
    --layout                       such as src(nchw) or src(nhwc->nchw)
    --reverse_input_channels       make the IR take BGR where the file takes RGB
    --mean_values, --scale_values  such as src[123,117,104]; --scale for all inputs
    --compress_to_fp16             False keeps weights in full precision

    Flags that only Model Optimizer can follow are refused, with the reason. omz_converter does more: it checks the file
    and compares the IR with it.
    """  # noqa: D301  # click reads the \\b
    from omz.convert.onnx_to_ir import optimize
    from omz.zoo.optimizer_arguments import parse_command_line

    if not arguments:
        raise UsageError("there is no model; name an ONNX file with --input_model; see omz_mo --help")
    if not arguments[0].startswith("-"):
        arguments = (f"--input_model={arguments[0]}", *arguments[1:])
    try:
        understood, destination = parse_command_line(arguments, "arguments")
    except CardError as error:
        raise UsageError(f"{str(error).removeprefix('arguments: ')}; see omz_mo --help") from None
    xml = optimize(understood, destination)
    say(f"[ SUCCESS ] Generated IR version {_ir_version(xml)} model.")
    say(f"[ SUCCESS ] XML file: {xml.absolute()}")
    say(f"[ SUCCESS ] BIN file: {xml.absolute().with_suffix('.bin')}")


def _ir_version(xml: Path) -> str:
    with xml.open(encoding="utf-8") as file:
        match = re.search(r'<net [^>]*version="(\d+)"', file.read(4096))
    return match[1] if match else "unknown"


if __name__ == "__main__":
    main()
