"""The description of an IR in its own ``rt_info``."""

from __future__ import annotations

import functools
from importlib.metadata import version

from omz.convert.parity import OutputParity, Parity
from omz.matting.roles import FACT, description_of
from omz.runtime.quiet_openvino import ov, port_names
from omz.zoo.card import ModelCard, Tolerance
from omz.zoo.model_file import Checksum
from omz.zoo.preprocessing import Preprocessing

version_of = functools.cache(version)
"""Return the version of a package; looking it up takes a millisecond."""

_SECTION = "omz"
_MODEL_INFO = "model_info"


def describe(
    model: ov.Model, preprocessing: tuple[Preprocessing, ...], source: str, checksum: Checksum, card: ModelCard | None
) -> None:
    """Write name, task, inputs with their colour order, mean and scale, outputs, roles, source hash and tool versions.

    They go into the section ``omz``; the card's ``model_info`` goes into a section of that name, where programs that
    run models look for it. ``card`` is None for a file without a card.
    """
    facts = {"name": model.get_friendly_name()}
    if card:
        facts["task_type"] = card.task_type
    facts |= {
        "source_file": source,
        f"source_{checksum.algorithm}": checksum.value,
        "inputs": ",".join(port_names(model.inputs)),
        "outputs": ",".join(port_names(model.outputs)),
        "open_matting_zoo": version_of("open-matting-zoo"),
        "openvino": ov.get_version(),
    }
    for step in preprocessing:
        prefix = f"input_{step.input_name}"
        facts[f"{prefix}_layout"] = step.layout
        facts[f"{prefix}_type"] = step.element_type or "as the original"
        facts[f"{prefix}_takes"] = "BGR" if step.reverse_channels else "as the original"
        facts[f"{prefix}_embedded_mean"] = ",".join(map(repr, step.mean)) or "0"
        facts[f"{prefix}_embedded_scale"] = ",".join(map(repr, step.scale)) or "1"
    roles = description_of(card).as_text()
    if roles:
        facts[FACT] = roles
    _write(model, facts)
    if card:
        for key, value in card.model_info.model_dump(exclude_unset=True).items():
            model.set_rt_info(list(value) if isinstance(value, tuple) else value, [_MODEL_INFO, key])


def describe_parity(model: ov.Model, parity: tuple[Parity, ...], tolerance: Tolerance) -> None:
    """Write how far the IR is from its source, and the precisions of execution in which it keeps its results."""
    facts = {"keeps_model_in": ",".join(kept_in(parity, tolerance))}
    for each in parity:
        for output in each.outputs:
            prefix = f"parity_{each.precision}_{output.output}"
            facts[f"{prefix}_largest"] = f"{output.largest:.4g}"
            facts[f"{prefix}_mean"] = f"{output.mean:.4g}"
            facts[f"{prefix}_p99_9"] = f"{output.p99_9:.4g}"
            facts[f"{prefix}_psnr"] = _decibels(output)
    _write(model, facts)


def _decibels(output: OutputParity) -> str:
    if output.psnr is not None:
        return f"{output.psnr:.2f}"
    return "-inf" if output.largest or output.not_finite else "identical"


def kept_in(parity: tuple[Parity, ...], tolerance: Tolerance) -> tuple[str, ...]:
    """Return the precisions of execution whose outputs are as near the source's as weights in half precision are.

    Precisions other than f32 must have been tried on the shapes that the IR takes, for errors can grow with the size
    of an image.
    """
    kept = []
    for each in parity:
        if each.problem(tolerance.FP16) is None and (each.own_shapes or each.precision == "f32"):
            kept.append(each.precision)
    return tuple(kept)


def _write(model: ov.Model, facts: dict[str, str]) -> None:
    for key, value in facts.items():
        model.set_rt_info(value, [_SECTION, key])
