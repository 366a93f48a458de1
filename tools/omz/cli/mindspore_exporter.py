"""``python -m omz.convert.mindspore_to_onnx``: export a MindSpore checkpoint to ONNX."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import click

from omz.cli.command import omz_command
from omz.cli.printing import say
from omz.errors import CardError, UsageError


@omz_command(passes_unknown_flags=True)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def main(arguments: tuple[str, ...]) -> None:
    """Export a MindSpore network with the weights of a checkpoint to ONNX.

    \b
    --network MODULE.CLASS     such as omz.networks.semantic_human_matting.SemanticHumanMatting
    --weights FILE             checkpoint (.ckpt)
    --input_shape N,C,H,W      -1 keeps the batch dynamic
    --input_names, --output_names
                               names in the ONNX file, in order, separated by commas
    --output_file FILE         ONNX file to write
    """  # noqa: D301  # click reads the \\b
    from omz.zoo.export_arguments import parse_mindspore_arguments

    try:
        understood = parse_mindspore_arguments(list(_joined(arguments)), "arguments")
    except CardError as error:
        raise UsageError(str(error)) from None
    from omz.convert.mindspore_to_onnx import mindspore_to_onnx
    from omz.runtime.mindspore_engine import mindspore_process

    mindspore_process()(mindspore_to_onnx, understood.absolute())
    say(f"{understood.output_file}: written, repaired and checked")


def _joined(arguments: Iterable[str]) -> Iterator[str]:
    """Join ``--flag value`` to ``--flag=value``, since a shape may begin with -1, which looks like a flag."""
    words = iter(arguments)
    for word in words:
        if word.startswith("--") and "=" not in word:
            yield "=".join([word, *itertools.islice(words, 1)])
        else:
            yield word
