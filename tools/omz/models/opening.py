"""Opening of IRs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from omz.convert.cache import writable_cache
from omz.errors import EngineError, os_reason
from omz.images.arrays import Size
from omz.images.refining.repairs import Steps
from omz.matting.network import View, stretches
from omz.matting.roles import REFINE, WORKING_SIZE
from omz.models.graph_choice import GraphChoice
from omz.runtime.openvino_engine import LATENCY, OpenVINOEngine, Tuning
from omz.zoo.vocabulary import Graph, Refining

if TYPE_CHECKING:
    from omz.runtime.quiet_openvino import ov


@dataclass(frozen=True)
class OpenedModel:
    """A model ready to run, the milliseconds it took to get ready, and warnings of a line each.

    ``graph`` is the one that runs of those of a rewritten model, None for a model that has only one.
    """

    engine: OpenVINOEngine
    milliseconds: float
    warnings: tuple[str, ...]
    graph: Graph | None = None

    @property
    def stretches(self) -> bool:
        """Whether the network sees images stretched to its size."""
        return stretches(self.engine)

    def view(self, size: Size | None, stretch: bool | None = None) -> View:
        """Return how the network sees images: as was asked for, else as the model says."""
        return View(self.stretches if stretch is None else stretch, size, working_side(self.engine.facts))

    def refine(self, asked: Refining | None, holes: bool = True, islands: bool = True) -> Steps | None:
        """Return how alpha is refined: as was ``asked`` for, else as the model says; None: not at all.

        Unless ``holes`` and ``islands``, those stay.
        """
        how = asked or said_refining(self.engine.facts)
        if how == "off":
            return None
        return Steps(how == "best", holes, islands)


def working_side(facts: Mapping[str, str]) -> int | None:
    """Return the pixels of the longer side at which a model does best, by its facts; None if they do not say.

    Raises :class:`EngineError` if they say what is no number of pixels.
    """
    text = facts.get(WORKING_SIZE, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and int(text)):
        raise EngineError(f"the model says {WORKING_SIZE} {text!r}, which is not a number of pixels; convert it again")
    return int(text)


def said_refining(facts: Mapping[str, str]) -> Refining:
    """Return how the alpha of a model is to be refined, by its facts."""
    known = {each: each for each in get_args(Refining)}
    return known.get(facts.get(REFINE, ""), "off")


def open_model(
    path: Path,
    device: str = "CPU",
    precision: str = "auto",
    tuning: Tuning = LATENCY,
    adapt: Callable[[ov.Model], ov.Model] = lambda model: model,
    deferred: bool = False,
) -> OpenedModel:
    """Compile an IR for a device; arguments are those of :class:`OpenVINOEngine`.

    Compiled models stay in the user's cache folder, or for this run in a temporary one. Of a rewritten model, the graph
    runs that ``tuning`` asks for, or the faster one. Raises :class:`EngineError`, and :class:`omz.errors.UsageError` if
    a graph is asked for that the model does not have.
    """
    started = time.perf_counter()
    warnings = []
    try:
        compiled = writable_cache() / "compiled"
        compiled.mkdir(parents=True, exist_ok=True)
        tuning = replace(tuning, cache_dir=compiled)
    except OSError as error:
        warnings.append(f"compiled models are not kept: {os_reason(error)}; set OMZ_HOME to a folder with room")
    choice = GraphChoice(path, device, precision, tuning, adapt)
    engine = OpenVINOEngine(path, device, precision, tuning, choice, deferred)
    if not engine.facts:
        warnings.append(
            f"{path.name} does not say what it takes, and gets BGR, 0 to 255; omz_converter makes IRs that say"
        )
    return OpenedModel(engine, 1e3 * (time.perf_counter() - started), tuple(warnings), choice.graph)
