"""Opening of a model: begun before anything else where the only input is an image, while the rest loads.

To load the packages that a run needs and to compile the model take about as long. The model is compiled outside of
Python, so both are done at a time.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from omz.errors import OmzError, UsageError
from omz.images.suffixes import IMAGE_SUFFIXES, is_video
from omz.matting.inference import Depth, MattingRequests
from omz.matting.uint8_graph import uint8_graph
from omz.models import open_model
from omz.runtime.quiet_openvino import ov

if TYPE_CHECKING:
    from omz.cutout.options import Options
    from omz.images.arrays import Size


@dataclass(frozen=True)
class Opened:
    """A model that is ready to matte, its IR, the milliseconds it took to get ready, and warnings of a line each."""

    model: MattingRequests
    path: Path
    milliseconds: float
    warnings: tuple[str, ...]


def open_requests(options: Options, path: Path, live: bool, only: Size | None = None) -> Opened:
    """Open the IR at ``path`` for a run; ``only`` is the size (height, width) of all its images, if that is known.

    Raises :class:`omz.errors.OmzError`.
    """
    started = time.perf_counter()
    tuning, adapt = options.tuning(live or only is not None), partial(_adapted, options)
    opened = open_model(path, options.device, options.precision, tuning, adapt, deferred=only is not None)
    stretch = options.stretch
    if stretch is None:
        stretch = opened.stretches
    dtype: Depth = np.uint8
    if options.alpha_bits == "16":
        dtype = np.uint16
    model = MattingRequests(opened.engine, stretch, options.input_size, options.num_requests or None, dtype, only)
    return Opened(model, path, 1e3 * (time.perf_counter() - started), opened.warnings)


def open_ahead(options: Options) -> Future[Opened] | None:
    """Begin to open the model of a run whose only input is an image; None if that has to wait.

    It waits for other inputs, and for a model that has to be downloaded or converted first.
    """
    only = only_size(options)
    if only is None:
        return None
    path: Path | None = None
    with suppress(OmzError):  # which the run will say
        path = options.model_choice.at_hand()
    if path is None:
        return None
    thread = ThreadPoolExecutor(1)
    opening = thread.submit(open_requests, options, path, False, only)
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
    is_free = all(port.get_partial_shape().is_dynamic for port in model.inputs)
    in_bytes = is_free and not options.input_size and options.alpha_bits == "8"  # resized alpha is rounded afterwards
    return uint8_graph(_laid_out(model, options.layouts), float_alpha=not in_bytes)


def _laid_out(model: ov.Model, layouts: Mapping[str, str]) -> ov.Model:
    """Return a model whose inputs have these layouts, by their names; "" is all others. It changes the one given."""
    names = [port.any_name for port in model.inputs]
    unknown = {*layouts} - {"", *names}
    if unknown:
        raise UsageError(f"--layout {min(unknown)}: the model's inputs are {', '.join(names)}")
    for parameter in model.get_parameters():
        layout = layouts.get(parameter.output(0).any_name, layouts.get(""))
        if layout:
            parameter.set_layout(ov.Layout(layout))
    return model
