"""From what the user calls a model to one that is loaded."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from omz.convert.store import cache_folder, stored_ir
from omz.errors import EngineError
from omz.events import Report
from omz.runtime.engine import Engine
from omz.runtime.matter import PLATE, STRETCHED, Matter
from omz.runtime.openvino_engine import OpenVINOEngine
from omz.zoo import Catalog


@dataclass(frozen=True)
class LoadedMatter:
    """A matter with the engine that runs it; ``load_ms`` is the time to read and compile the model, in milliseconds."""

    matter: Matter
    engine: Engine
    load_ms: float
    warnings: tuple[str, ...]


def card_takes_plate(model: str, models_dir: tuple[Path, ...]) -> bool | None:
    """Return what the card of a model says of the plate, before anything is loaded.

    None where it does not tell its inputs, and for an IR. Raises :class:`omz.errors.CardError`.
    """
    if model.endswith(".xml"):
        return None
    inputs = Catalog(*models_dir)[model].input_info
    return any(info.name == PLATE for info in inputs) if inputs else None


def load_matter(
    model: str,
    models_dir: tuple[Path, ...],
    download_dir: Path,
    device: str,
    precision: str,
    report: Report,
) -> LoadedMatter:
    """Load an IR by its path, or a model of the zoo by its name, converting that one when it is first asked for.

    The zoo is the package's own, with the cards below ``models_dir`` before it.
    Compiled models are kept in the user's cache folder, where it can be written. Raises
    :class:`omz.errors.OmzError`.
    """
    if model.endswith(".xml"):
        path = Path(model)
        if not path.exists():
            raise EngineError(f"no model at {path}; convert one with omz_converter")
    else:
        path = stored_ir(Catalog(*models_dir)[model], download_dir, report=report)
    started = time.perf_counter()
    warnings = []
    compiled = cache_folder() / "compiled"
    try:
        compiled.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        warnings.append(f"compiled models are not kept, for {compiled} cannot be made: {error.strerror or error}")
    engine = OpenVINOEngine(path, device, precision, compiled if compiled.is_dir() else None)
    if not engine.facts:
        warnings.append(f"{path.name} does not say what it takes; it is given BGR, 0 to 255 (omz_converter makes such)")
    matter = Matter(engine, stretch=engine.resize_type == STRETCHED)
    return LoadedMatter(matter, engine, 1e3 * (time.perf_counter() - started), tuple(warnings))
