"""Opening of a model: begun before anything else where the only input is an image, while the rest loads.

To load the packages that a run needs and to compile the model take about as long. The model is compiled outside of
Python, so both are done at a time.
"""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from omz.errors import OmzError
from omz.images.suffixes import IMAGE_SUFFIXES, is_video
from omz.matting.inference import Depth, MattingRequests
from omz.matting.uint8_graph import normal_roles, uint8_graph
from omz.models.opening import open_model, said_refining, working_side
from omz.runtime.openvino_engine import facts_of, port_info
from omz.runtime.quiet_openvino import ov

if TYPE_CHECKING:
    from omz.cutout.inputs import Input
    from omz.cutout.options import Options
    from omz.images.arrays import Size
    from omz.zoo.vocabulary import Graph


_PICTURE_RANK, _SIDES = 4, 2


@dataclass(frozen=True)
class Opened:
    """A model that is ready to matte, its IR, the milliseconds it took to get ready, and warnings of a line each.

    ``graph`` is that of :class:`omz.models.opening.OpenedModel`.
    """

    model: MattingRequests
    path: Path
    milliseconds: float
    warnings: tuple[str, ...]
    graph: Graph | None = None


def open_requests(options: Options, path: Path, live: Input | None, only: Size | None = None) -> Opened:
    """Open the IR at ``path`` for a run; ``only`` is the size (height, width) of all its images, if that is known.

    ``live`` is an input that is shown or comes as it is taken, None for files that become files.

    Raises :class:`omz.errors.OmzError`.
    """
    started = time.perf_counter()
    tuning, adapt = options.tuning(live is not None or only is not None), partial(_adapted, options)
    opened = open_model(path, options.device, options.execution, tuning, adapt, deferred=True)
    moves = only is None and live is None
    if moves and options.hint is None and normal_roles(opened.engine).states:
        opened.engine.prefer_latency()  # frames of a video wait for each other
    dtype: Depth = np.uint8
    if options.alpha_bits == "16":
        dtype = np.uint16
    view = opened.view(options.input_size, options.stretch)
    if live is not None and live.kind != "video":
        view = replace(view, enlarge=False)  # which costs time that a camera does not leave
    model = MattingRequests(
        opened.engine, view, opened.refine(*options.refinement_steps), options.num_requests or None, dtype, only
    )
    return Opened(model, path, 1e3 * (time.perf_counter() - started), opened.warnings, opened.graph)


def open_ahead(options: Options) -> Future[Opened] | None:
    """Begin to open the model of a run whose only input is an image; None if that has to wait.

    It waits for other inputs, and for a model that has to be downloaded or converted first.
    """
    only = only_size(options)
    if only is None:
        return None
    path: Path | None = None
    with suppress(OmzError):  # which the run will say
        path = options.with_model(live=False).model_choice.at_hand()
    if path is None:
        return None
    thread = ThreadPoolExecutor(1)
    opening = thread.submit(open_requests, options, path, None, only)
    thread.shutdown(wait=False)
    return opening


def only_size(options: Options) -> Size | None:
    """Return the size (height, width) of the only image of a run; None where there is not just one, or no header."""
    from omz.images.files import read_size

    if len(options.inputs) != 1:
        return None
    path = Path(options.inputs[0])
    if path.suffix.lower() not in IMAGE_SUFFIXES or is_video(path):
        return None
    return read_size(path)


def _adapted(options: Options, model: ov.Model) -> ov.Model:
    shapes = [info.shape for info in map(port_info, model.inputs) if len(info.shape) == _PICTURE_RANK]
    is_free = all(shape.count(-1) >= _SIDES for shape in shapes)
    facts = facts_of(model)
    is_resized = not is_free or options.input_size or working_side(facts)
    refine = options.refine or said_refining(facts)
    in_bytes = not is_resized and refine == "off" and options.alpha_bits == "8"  # else it is rounded afterwards
    return uint8_graph(model, not in_bytes, options.role_options)
