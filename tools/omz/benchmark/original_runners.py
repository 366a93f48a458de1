"""Originals in the framework of each, beside which the IRs run."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from omz.benchmark.candidate import ONNX_RUNTIME, PYTORCH, Candidate
from omz.benchmark.feed import Feed
from omz.benchmark.runners import Burst, repeated
from omz.errors import EngineError, first_line
from omz.runtime.engine import Engine, EngineInfo, Tensor


class OriginalRunner:
    """An original in ONNX Runtime or PyTorch, with the preparation of images that an IR has inside."""

    def __init__(self, candidate: Candidate) -> None:
        load = original(candidate)
        started = time.perf_counter()
        self._engine = load()
        self.load_ms = 1e3 * (time.perf_counter() - started)
        feed = Feed(self._engine, candidate.case.size, candidate.card)
        outputs, self.first_ms = self._run(feed.tensors)
        self._tensors = feed.later(outputs)

    @property
    def info(self) -> EngineInfo:
        """The engine that really runs."""
        return self._engine.info

    def burst(self, seconds: float) -> Burst:
        """Run for so many seconds, once at least."""
        return repeated(lambda: self._run(self._tensors)[1], seconds)

    def _run(self, tensors: Mapping[str, Tensor]) -> tuple[Mapping[str, Tensor], float]:
        started = time.perf_counter()
        outputs = self._engine.infer(tensors)
        return outputs, 1e3 * (time.perf_counter() - started)


class RembgRunner:
    """The session of rembg for a model, on a scene: it prepares the image, runs the network, and resizes the mask."""

    info = EngineInfo("rembg", "CPU", "f32")

    def __init__(self, candidate: Candidate) -> None:
        from PIL import Image

        from omz.images.sizes import parse_size
        from omz.synthesis.scene import make_scene

        folder = Path.cwd()  # the temporary one of this process
        model = candidate.case.model
        for place in (folder, folder / "models" / model):
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{model}.onnx").symlink_to(candidate.path)
        # So it finds the file, whichever release of it the card has, and downloads nothing: REMBG_HOME is that of newer
        # releases of rembg, U2NET_HOME that of older ones.
        os.environ.update(REMBG_HOME=str(folder), U2NET_HOME=str(folder), MODEL_CHECKSUM_DISABLED="1")
        if candidate.threads:
            os.environ["OMP_NUM_THREADS"] = str(candidate.threads)  # by which rembg sets those of ONNX Runtime
        try:
            from rembg import new_session

            started = time.perf_counter()
            self._session = new_session(model)
        except (Exception, SystemExit) as error:
            raise EngineError(f"rembg does not load {model}: {first_line(error)}") from error
        self.load_ms = 1e3 * (time.perf_counter() - started)
        scene = make_scene(0, parse_size(candidate.case.size), "test")
        self._picture = Image.fromarray(np.ascontiguousarray(scene.picture[..., ::-1]))
        self.first_ms = self._run()

    def burst(self, seconds: float) -> Burst:
        """Run for so many seconds, once at least."""
        return repeated(self._run, seconds)

    def _run(self) -> float:
        started = time.perf_counter()
        self._session.predict(self._picture)
        return 1e3 * (time.perf_counter() - started)


def original(candidate: Candidate) -> Callable[[], Engine]:
    """Return what loads an original; its framework is imported already, which does not count."""
    if candidate.case.engine == ONNX_RUNTIME:
        import onnxruntime  # noqa: F401

        from omz.runtime.onnxruntime_engine import OnnxRuntimeEngine

        if candidate.card is None:
            return lambda: OnnxRuntimeEngine(candidate.path, threads=candidate.threads)
    if candidate.case.engine == PYTORCH:
        from omz.extras import import_extra

        torch = import_extra("torch")
        if candidate.threads:
            torch.set_num_threads(candidate.threads)
    card, downloads = candidate.card, candidate.downloads
    if card is None or downloads is None:
        raise EngineError(f"{candidate.path} has no card, which says how its original runs")
    from omz.runtime.original import original_engine

    return lambda: original_engine(card, downloads, candidate.trust_code, candidate.threads)
