"""Programs that a conversion starts: scripts of cards, and another Model Optimizer."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from omz.convert.plan import ConversionPlan, Precision
from omz.errors import ConversionError
from omz.zoo.optimizer_arguments import argument_list, shape_text

_LONGEST = 3600  # seconds
_LONGEST_REASON = 300


def run_script(plan: ConversionPlan) -> None:
    """Run the card's script, as Open Model Zoo's converter did: with the model's folders of downloads and of results.

    Raises :class:`ConversionError` where it fails.
    """
    if plan.script:
        downloads = plan.download_dir / plan.card.subdirectory
        python = plan.settings.python or sys.executable
        _run([python, "--", str(plan.script), "--", str(downloads), str(plan.folder)], plan.script.name, plan)


def run_model_optimizer(plan: ConversionPlan, precision: Precision, output_dir: Path) -> Path:
    """Let the Model Optimizer of the settings make an IR in ``output_dir``; return its ``.xml``.

    Raises :class:`ConversionError` where it fails.
    """
    extra = [*plan.settings.extra, *_shapes(plan)]
    arguments = [
        "--framework=onnx",
        f"--output_dir={output_dir}",
        f"--model_name={plan.card.name}",
        *argument_list(plan.card, plan.download_dir, plan.output_dir, extra),
        f"--compress_to_fp16={precision == 'FP16'}",
    ]
    _run([*plan.settings.optimizer_program, *arguments], "Model Optimizer", plan)
    xml = output_dir / f"{plan.card.name}.xml"
    if not xml.is_file():
        raise ConversionError(
            f"{plan.card.name}: {plan.settings.optimizer_program[-1]} ended well, but wrote no {xml.name}"
        )
    return xml


def _shapes(plan: ConversionPlan) -> list[str]:
    """Return the argument that gives a Model Optimizer the shapes that were asked for."""
    if not plan.settings.shapes:
        return []
    unknown = [name for name in plan.optimizer.inputs if name not in plan.optimizer.shapes]
    if unknown:
        raise ConversionError(f"{plan.card.name}: --shape must tell that of {unknown[0]}, too, for Model Optimizer")
    return [f"--input_shape={','.join(shape_text(plan.optimizer.shapes[name]) for name in plan.optimizer.inputs)}"]


def _why(output: str) -> str:
    """Return the line of a program's output that says most about why it failed."""
    errors = re.findall(r"^\[ ERROR \]\s+(.*[a-z].*)", output, re.MULTILINE)  # as Model Optimizer marks them
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return (errors or lines[-1:] or ["it said nothing"])[0][:_LONGEST_REASON]


def _run(command: Sequence[str], what: str, plan: ConversionPlan) -> None:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
            timeout=_LONGEST, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise ConversionError(f"{plan.card.name}: {what} was stopped after {_LONGEST} s") from error
    except OSError as error:
        raise ConversionError(f"{plan.card.name}: {command[0]} cannot be run: {error.strerror}") from error
    if done.returncode:
        why = _why(f"{done.stdout}\n{done.stderr}")
        raise ConversionError(f"{plan.card.name}: {what} failed with exit code {done.returncode}: {why}")
