"""The description of an IR in its own ``rt_info``."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from xml.sax.saxutils import escape

from omz.convert.parity import OutputParity, Parity
from omz.matting.roles import FACT, REFINE, WORKING_SIZE, description_of
from omz.runtime.openvino_engine import default_precision
from omz.runtime.quiet_openvino import ov, port_names
from omz.zoo.card import ModelCard, Tolerance
from omz.zoo.model_file import Checksum
from omz.zoo.preprocessing import Preprocessing

version_of = functools.cache(version)
"""Return the version of a package; looking it up takes a millisecond."""

EXACT = "f32"
"""The precision of execution in which an IR is compared first."""

GRAPH = "graph"
"""The name of the fact that says which graph a model has that is looked for to be rewritten."""

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
    if card and card.working_size:
        facts[WORKING_SIZE] = str(card.working_size)
    if card and card.refine:
        facts[REFINE] = card.refine
    roles = description_of(card).as_text()
    if roles:
        facts[FACT] = roles
    _write(model, facts)
    if card:
        for key, value in card.model_info.model_dump(exclude_unset=True).items():
            model.set_rt_info(list(value) if isinstance(value, tuple) else value, [_MODEL_INFO, key])


def describe_graph(model: ov.Model, graph: str) -> None:
    """Write which graphs a model has: see :func:`omz.convert.rewrite.rewrite`."""
    _write(model, {GRAPH: graph})


def describe_threshold(model: ov.Model, threshold: float) -> None:
    """Write the expected error above which a model refines blocks."""
    _write(model, {"selection_threshold": f"{threshold:g}"})


def describe_parity(model: ov.Model, parity: tuple[Parity, ...], tolerance: Tolerance) -> None:
    """Write how far the IR is from its source, and the precisions of execution in which it keeps its results."""
    _write(model, parity_facts(parity, tolerance))


def parity_facts(parity: tuple[Parity, ...], tolerance: Tolerance, compression: Parity | None = None) -> dict[str, str]:
    """Return what :func:`describe_parity` writes, and what half precision costs: ``compression``."""
    facts = {"keeps_model_in": ",".join(kept_in(parity, tolerance))}
    compared = [(f"parity_{each.precision}", each) for each in parity]
    if compression:
        compared.append(("compression", compression))
    for title, each in compared:
        for output in each.outputs:
            prefix = f"{title}_{output.output}"
            facts[f"{prefix}_largest"] = f"{output.largest:.4g}"
            facts[f"{prefix}_mean"] = f"{output.mean:.4g}"
            facts[f"{prefix}_p99_9"] = f"{output.p99_9:.4g}"
            facts[f"{prefix}_psnr"] = _decibels(output)
    return facts


def parity_promises(outputs: Sequence[str], compared: bool) -> Promises:
    """Return the facts that a model with these outputs will have once it is ``compared`` with its source."""
    zeros = tuple(OutputParity(name, 0.0, 0.0, 0.0, None, 0.0, 0) for name in outputs)
    precisions = dict.fromkeys((EXACT, default_precision("CPU") or EXACT)) if compared else ()
    parity = tuple(Parity("", "", precision, (), zeros) for precision in precisions)
    return Promises(parity_facts(parity, Tolerance(), parity[0] if parity else None))


class Promises:
    """Facts that a model gets before it is written, though they are known after: so no IR is written twice."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._places = {key: f"@omz-later-{number:04}@" for number, key in enumerate(keys)}

    def write(self, model: ov.Model) -> None:
        """Write a mark in the place of each fact."""
        _write(model, self._places)

    def keep(self, xml: Path, facts: Mapping[str, str]) -> None:
        """Replace the marks in the IR at ``xml`` by ``facts``; those that have none disappear."""
        text = xml.read_text(encoding="utf-8")
        for key, place in self._places.items():
            if key in facts:
                text = text.replace(place, escape(facts[key], {'"': "&quot;"}))
            else:
                text = re.sub(rf"\n[^\n]*{place}[^\n]*", "", text)
        xml.write_text(text, encoding="utf-8", newline="")


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


def _write(model: ov.Model, facts: Mapping[str, str]) -> None:
    for key, value in facts.items():
        model.set_rt_info(value, [_SECTION, key])
