"""Where it is noted which inputs of a job are done."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from omz_demo.outputs.names import Outputs, is_file_name
from omz_demo.request import Request


def manifest_folder(request: Request, results: Iterable[Outputs]) -> Path | None:
    """Return the folder of results; beside the inputs, the one folder that was given, or that has all results.

    None where there is none of these: what they have in common may be anybody's.
    """
    output = request.output
    if output is not None:
        return output.parent if is_file_name(output) else output
    if len(request.inputs) == 1 and os.path.isdir(request.inputs[0]):
        return Path(request.inputs[0])
    folders = {path.parent.absolute() for outputs in results for what, path in outputs.items() if what != "trimap"}
    return folders.pop() if len(folders) == 1 else None


NOTHING_NOTED = (
    "results lie in several folders, and nothing notes which of them are done: all are done; "
    "with a folder as --output, --resume can go on"
)
"""What is said where there is no such folder, and a job is to be resumed."""
