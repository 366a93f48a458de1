"""Images in memory, from any number of threads: cut by a model that stays open, as the command cuts their files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from omz.cutout.image_files import encode_images
from omz.cutout.image_work import fit_plate, shrunk_notes
from omz.cutout.names import What
from omz.cutout.observer import Observer
from omz.cutout.options import Options
from omz.cutout.session import NOTHING_DIFFERS, is_empty, plate_warnings
from omz.cutout.summary import Tally
from omz.errors import ImageError, OmzError, UsageError
from omz.images.arrays import Picture, Pixels, Size
from omz.images.copies import PreparedPlates
from omz.images.encoding import Metadata
from omz.images.files import read_image
from omz.images.refining.repairs import Steps
from omz.images.source import SourceImage
from omz.matting.backgrounds import Blur, Target, image_target, named_target
from omz.matting.frames import Frame, MattedFrame
from omz.matting.inference import Depth, MattingRequests
from omz.matting.network import MOST_SEEN, View
from omz.matting.plate_fitting import Plates
from omz.matting.plates import OnePlate, read_plate
from omz.matting.stream import matte_frame
from omz.matting.uint8_graph import uint8_graph
from omz.models.opening import OpenedModel, open_model
from omz.models.shared_requests import SharedRequests
from omz.runtime.engine import EngineInfo

_KINDS = 4  # of requests that are kept: each has memory of its own for what the network computes


class StoppedError(OmzError):
    """The observer has stopped the work on an image."""


@dataclass(frozen=True)
class ImageInMemory:
    """The content of an image file, of its plate and of an image behind its subject; ``name`` is for messages."""

    name: str
    content: bytes
    plate: bytes | None = None
    target: bytes | None = None


@dataclass(frozen=True)
class CutImage:
    """What came of an image: the ``contents`` of files, and its ``alpha`` (H, W) uint8, or uint16 on demand.

    ``warnings``, ``plates`` (how the plate was fitted) and ``repairs`` (of alpha) are lines for the user. ``stages``
    has milliseconds.
    """

    contents: Mapping[What, bytes]
    alpha: Pixels
    warnings: tuple[str, ...]
    plates: tuple[str, ...]
    repairs: tuple[str, ...]
    stages: Mapping[str, float]

    @property
    def size(self) -> Size:
        """The size (height, width) of the image."""
        return self.alpha.shape[0], self.alpha.shape[1]


@dataclass(frozen=True)
class _Kind:
    """What requests of one model depend on."""

    view: View
    refine: Steps | None
    depth: Depth

    def requests(self, opened: OpenedModel, only: Size | None = None) -> MattingRequests:
        return MattingRequests(opened.engine, self.view, self.refine, 1, self.depth, only)


@dataclass(frozen=True)
class _Job:
    """An image to cut, the requests that run its network, and the account of the work."""

    given: ImageInMemory
    options: Options
    shared: SharedRequests
    tally: Tally


class ModelInMemory:
    """A model that stays open, to cut images in memory.

    ``options`` choose the model and the device. A model of the zoo is downloaded and converted on first use, of which
    ``observer`` is told. Raises :class:`omz.errors.OmzError`.

    Example:
        >>> from pathlib import Path
        >>> from omz.cutout.in_memory import ImageInMemory, ModelInMemory
        >>> from omz.cutout.options import make_options
        >>> model = ModelInMemory(make_options((), {"model": "background-matting-starter"}))
        >>> image = ImageInMemory("photo.jpg", Path("photo.jpg").read_bytes(), Path("empty.jpg").read_bytes())
        >>> cut = model.cut(image, make_options((), {"what": "cutout"}))
        >>> cut.size, cut.contents["cutout"][1:4]
        ((96, 160), b'PNG')
    """

    def __init__(self, options: Options, observer: Observer | None = None) -> None:
        observer = observer or Observer()
        self._options, self._path = options, options.model_choice.ir(observer.on_event)
        self._opened = self._open(one_at_a_time=True)
        self._plates = PreparedPlates()
        self._shared = lru_cache(_KINDS)(self._new_requests)
        self._shared(self._kind(options))  # which says what is wrong with the model

    @property
    def takes_plate(self) -> bool:
        """Whether the model takes a plate, and so needs one."""
        return self._shared(self._kind(self._options)).alone.network.takes_plate

    @property
    def info(self) -> EngineInfo:
        """The device and the precision that really run."""
        return self._opened.engine.brief_info

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings about the model, a line each."""
        return self._opened.warnings

    def cut(self, given: ImageInMemory, options: Options, observer: Observer | None = None) -> CutImage:
        """Return the results of an image; ``options`` are those of the command, but for names of files and the model.

        A target is a colour, ``blur`` or ``blur:25``, or content. ``observer`` is asked between the stages whether to
        stop. Raises :class:`StoppedError` then, :class:`UsageError` for a plate that is missing or not needed, and
        :class:`ImageError` for what cannot be read or written.
        """
        tally = Tally(observer or Observer())
        job = _Job(given, options, self._shared(self._kind(options)), tally)
        with tally.watch("decode"):
            image = read_image(Path(given.name), given.content, options.max_pixels)
        matted, notes = self._matted(job, image)
        _go_on(tally)
        warnings = [*image.notes, *notes, *plate_warnings(matted, tally)]
        if is_empty(matted):
            warnings.append(NOTHING_DIFFERS)
        tally.cut(matted)
        suffix = options.format or ".png"
        outputs = {what: Path(f"{what}{suffix}") for what in options.whats}
        metadata = Metadata() if options.strip else image.metadata
        with tally.watch("encode"):
            encoded = encode_images(matted, outputs, options.quality, metadata)
        contents = {what: encoded[path] for what, path in outputs.items()}
        stages = tally.watch.milliseconds
        return CutImage(contents, matted.alpha, tuple(warnings), tally.plates.lines, tally.repairs.lines, stages)

    def _matted(self, job: _Job, image: SourceImage) -> tuple[MattedFrame, tuple[str, ...]]:
        """Return the subject of an image, and notes."""
        given, options, tally = job.given, job.options, job.tally
        alone, target = job.shared.alone, _target(given, options)
        network = alone.network
        notes = shrunk_notes(image.picture, MOST_SEEN if network.sees_own_size else None)
        frame, blur = Frame(0, image.picture), 0
        if isinstance(target, Blur):
            blur = target.pixels
        elif target is not None:
            size = image.picture.shape[0], image.picture.shape[1]
            frame = replace(frame, target=target.at(0, 0.0, size))
        plate = self._plate(given, options)
        if plate is not None:
            with tally.watch("fit plate"):
                plates = Plates(OnePlate(plate), options.plate_options, self._plates, alone.plate_size)
                fitted = fit_plate(given.name, image, plates)
            frame, notes = replace(frame, plate=fitted.plate, fitted=fitted), notes + fitted.notes
        frame = frame.with_opacity(image.opacity)
        _go_on(tally)
        with tally.watch("infer"):
            small = None if frame.fitted is None else frame.fitted.small
            inferred = job.shared.infer(frame.picture, frame.plate, small)
        _go_on(tally)
        matted = matte_frame(alone, frame, inferred, options.matte_options(blur), tally.watch)
        return matted.within_input(), notes

    def _plate(self, given: ImageInMemory, options: Options) -> Picture | None:
        name = self._options.model
        if given.plate is None:
            if self.takes_plate:
                raise UsageError(f"{name} needs the plate, the same scene without the subject; give one")
            if options.keep_shadow:
                raise UsageError(f"a shadow is found by the plate, and {name} takes none; leave keep_shadow out")
            return None
        if not self.takes_plate:
            raise UsageError(f"{name} takes no plate; leave the plate out")
        return read_plate(Path(given.name), options.max_pixels, given.plate)

    def _kind(self, options: Options) -> _Kind:
        depth: Depth = np.uint16 if options.alpha_bits == "16" else np.uint8
        view = self._opened.view(options.input_size, options.stretch)
        return _Kind(view, self._opened.refine(*options.refinement_steps), depth)

    def _new_requests(self, kind: _Kind) -> SharedRequests:
        def many(size: Size) -> MattingRequests:
            return kind.requests(self._open(one_at_a_time=False), size)

        return SharedRequests(kind.requests(self._opened), many)

    def _open(self, one_at_a_time: bool) -> OpenedModel:
        options = self._options
        adapt = partial(uint8_graph, float_alpha=True, options=options.role_options)
        tuning = options.tuning(one_at_a_time)
        return open_model(self._path, options.device, options.execution, tuning, adapt, deferred=not one_at_a_time)


def check_readable(given: ImageInMemory, options: Options) -> None:
    """Read an image, its plate and its target, as they are read to cut them. Raises :class:`OmzError` for a bad one."""
    read_image(Path(given.name), given.content, options.max_pixels)
    if given.plate is not None:
        read_plate(Path(given.name), options.max_pixels, given.plate)
    _target(given, options)


def _target(given: ImageInMemory, options: Options) -> Target | Blur | None:
    if given.target is not None:
        try:
            image = read_image(Path(given.name), given.target, options.max_pixels)
        except ImageError as error:
            raise type(error)(f"the target: {error}") from error
        return image_target(image, options.fit)
    if options.target is None or not {"composite", "comparison"} & {*options.whats}:
        return None
    return named_target(options.target, options.fit)


def _go_on(tally: Tally) -> None:
    """Raise :class:`StoppedError` if the observer wants it."""
    if tally.observer.should_stop():
        raise StoppedError("the work on the image was stopped")
