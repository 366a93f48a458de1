"""Session: the model, the target, options and threads that all jobs of a run share."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import numpy as np

from omz.checksum import file_digest
from omz.cutout.flags import STARTER
from omz.cutout.inputs import Input
from omz.cutout.observer import Observer
from omz.cutout.opening import Opened, only_size, open_requests
from omz.cutout.options import Options
from omz.cutout.summary import Tally
from omz.errors import OmzError, UsageError
from omz.images.alignment import ANOTHER_CROP
from omz.images.compositing import cover_both
from omz.images.plate_check import IN_BOTH, NOT_THE_SCENE, check_plate, swapped
from omz.images.refinement import Smoother
from omz.images.sizes import size_text
from omz.images.transparency import before_white
from omz.matting.backgrounds import Blur, Target, load_target, target_file
from omz.matting.frames import MattedFrame
from omz.matting.inference import MattingRequests, Memory
from omz.matting.roles import NOTHING_SAID
from omz.matting.stream import MatteOptions, MattingStream
from omz.runtime.engine import EngineInfo
from omz.zoo.catalog import Catalog

NOTHING_DIFFERS = "nothing differs from the plate, so the matte is empty; take the plate without the subject"

_SEEN = 0.1  # alpha of the least that can be seen of a subject


@dataclass(frozen=True)
class Session:
    """Model, target, options and threads that all jobs of a run share."""

    options: Options
    opened: Opened
    target: Target | None
    matte_options: MatteOptions
    pool: ThreadPoolExecutor
    tally: Tally

    @property
    def model(self) -> MattingRequests:
        """The model."""
        return self.opened.model

    @cached_property
    def info(self) -> EngineInfo:
        """The device and the precision that really run."""
        return self.model.engine.brief_info

    @cached_property
    def facts(self) -> Mapping[str, str]:
        """All that pixels of results depend on but flags, by name."""
        return {**_facts(self.options, self.opened.path, self.info), **_graph(self.opened)}

    @property
    def takes_plate(self) -> bool:
        """Whether the model needs the plate."""
        return self.model.network.takes_plate

    def depends_on(self, video: bool) -> dict[str, str]:
        """Return all that the pixels of pictures, or of a ``video``, depend on but their own files, by name."""
        return {**self.facts, **self.options.resume_key(video)}

    def stream(self, model: MattingRequests, follows: bool) -> MattingStream:
        """Return a stream that mattes frames by ``model``, perhaps for one size; in a video each ``follows`` another.

        One stream of a model at a time.
        """
        self.tally.requests = model.requests
        smoother: Smoother | None = None
        memory: Memory | None = None
        if follows and self.matte_options.smooth:
            smoother = Smoother(self.matte_options.smooth)
        if follows and model.network.remembers:  # a frame waits for the one before it
            memory, self.tally.requests = Memory(), 1
        return MattingStream(model, self.matte_options, self.pool, self.tally.watch, smoother, memory)


def plate_warnings(matted: MattedFrame, tally: Tally) -> tuple[str, ...]:
    """Return warnings about the plate of a frame, given the predicted alpha; note the size of the frame.

    That a plate is of no use at all is one warning.
    """
    tally.sizes[matted.alpha.shape[0], matted.alpha.shape[1]] = None
    plate, target, picture = matted.frame.plate, matted.frame.target, matted.frame.picture
    if plate is None:
        return ()
    with tally.watch("check plate"):
        fitted = matted.frame.fitted
        covered = cover_both(matted.alpha, matted.shadow)  # a shadow that is kept does no harm
        warnings = check_plate(plate, picture, covered)
        if NOT_THE_SCENE in warnings and target is not None and swapped(plate, before_white(target), picture):
            return ("the target looks like the empty scene, and the plate does not; change --target and --plate",)
        if fitted is None or not fitted.problem or IN_BOTH in warnings:
            return warnings
        if ANOTHER_CROP in fitted.problem:
            return (fitted.problem,)
        return warnings if NOT_THE_SCENE in warnings else (fitted.problem, *warnings)


def is_empty(matted: MattedFrame) -> bool:
    """Return whether a frame with a plate has no subject that could be seen."""
    return matted.frame.plate is not None and matted.alpha.max() < _SEEN * np.iinfo(matted.alpha.dtype).max


@contextmanager
def open_session(
    options: Options, live: Input | None, observer: Observer, opening: Future[Opened] | None = None
) -> Iterator[Session]:
    """Load what all jobs need; ``opening`` is the model, if somebody has begun to open it.

    Raises :class:`omz.errors.OmzError`.
    """
    target = load_target(options.target, options.fit, options.max_pixels)
    blur = 0
    if isinstance(target, Blur):
        blur, target = target.pixels, None
    matte_options = options.matte_options(blur)
    if opening is None:
        path = options.model_choice.ir(observer.on_event)
        opened = open_requests(options, path, live, only_size(options))
    else:
        opened = opening.result()
    _check_model(options, opened.model, live is not None)
    tally = Tally(observer, opened.model.requests)
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        for warning in opened.warnings:
            tally.warn(warning)
        yield Session(options, opened, target, matte_options, pool, tally)


def _check_model(options: Options, model: MattingRequests, live: bool) -> None:
    size = model.network.size
    if options.input_size and size != options.input_size:
        text = "their own size" if size is None else size_text(*size)
        raise UsageError(f"the network sees images at {text} and no other size; drop --input_size")
    check_plate_given(options, model.network.takes_plate, live)
    if options.trimap and not model.network.gives_trimap:
        raise UsageError(f"{options.model} gives no trimap; leave --trimap out")


def check_plate_given(options: Options, takes_plate: bool | None, live: bool) -> None:
    """Raise where the model takes a plate and there is none, or the other way round; None: that is not known yet.

    A ``live`` source can show its plate first.
    """
    is_given = options.plate is not None
    if takes_plate is True and not (is_given or live):
        remedy = "; ".join(["add --plate PLATE", *_without_plate(options)])
        raise UsageError(f"{options.model} needs the plate, the same scene without the subject; {remedy}")
    if takes_plate is False and options.keep_shadow:
        raise UsageError(
            f"--keep_shadow needs the plate, and {options.model} takes none; "
            f"give --plate PLATE to a model that takes it, such as {STARTER}"
        )
    if takes_plate is False and is_given:
        raise UsageError(f"{options.model} takes no plate; leave --plate out")


def _without_plate(options: Options) -> Iterator[str]:
    """Yield the use of a model of the zoo that takes no plate, if one is ready."""
    choice = options.model_choice
    with suppress(OmzError):
        for name in Catalog(*options.models_dir):
            other = replace(choice, model=name)
            if other.at_hand() is not None and other.takes_plate() is False:
                yield f"or use -m {name}, which needs none"
                return


def _facts(options: Options, model: Path, info: EngineInfo) -> dict[str, str]:
    from importlib.metadata import version

    return {
        "version": version("open-matting-zoo"),
        "openvino": version("openvino"),
        "model": f"{file_digest(model, 'sha256')} {file_digest(model.with_suffix('.bin'), 'sha256')}",
        "device": f"{info.device} {info.precision}",
        "plate": _content(options.plate),
        "target": _content(options.target),
        **_said(options),
    }


def _graph(opened: Opened) -> dict[str, str]:
    """Return the graph of a rewritten model; the others round differently."""
    return {"graph": opened.graph} if opened.graph else {}


def _said(options: Options) -> dict[str, str]:
    """Return the roles that were said, so that there is no such fact where none were."""
    said = replace(options.role_options, layouts={})  # which have always been among the options
    if said == NOTHING_SAID:
        return {}
    return {"roles": str(said)}


def _content(text: str | None) -> str:
    """Return what tells the content of a file or a folder from another; a text that names none stands for itself."""
    path = target_file(text)
    if path is None:
        return text or ""
    if path.is_file():
        return file_digest(path, "sha256")
    facts = [f"{file.relative_to(path)} {file.stat().st_size} {file.stat().st_mtime_ns}" for file in path.rglob("*")]
    return sha256("\n".join(sorted(facts)).encode(errors="surrogateescape")).hexdigest()
