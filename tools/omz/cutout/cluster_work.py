"""Work of a cluster's process: it opens the session of a run, and cuts images, videos and segments."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from omz.atomic import whole_file
from omz.checksum import file_digest
from omz.convert.cache import writable_cache
from omz.cutout.image_files import NoPlaceError
from omz.cutout.image_work import ImageMade, ImageSettings, ImagesMade, ImageUnit, ImageWork
from omz.cutout.images import image_plates, image_settings
from omz.cutout.observer import Observer
from omz.cutout.options import Options
from omz.cutout.segment_units import SegmentUnit
from omz.cutout.session import Session, open_session
from omz.cutout.summary import Tally
from omz.cutout.video_units import VideoWork
from omz.errors import EngineError, OmzError
from omz.work.ray_worker import Blobs
from omz.work.shared_folder import SharedFolder

_MAY_DIFFER = ("version", "openvino", "device")  # with --mixed


@dataclass(frozen=True)
class CutoutJob:
    """A run, as its workers have to know it: options, the IR on the driver's machine, and the facts of the session.

    ``folder`` is that of the results.
    """

    options: Options
    ir: str
    facts: Mapping[str, str]
    folder: SharedFolder

    @contextmanager
    def open(self, blobs: Blobs) -> Iterator[Callable[[Sequence[Any]], Any]]:
        """Open the session, and give the work; see :class:`omz.work.ray_worker.Job`."""
        self.folder.check()
        options = replace(self.options, model=str(self._model(blobs)), precision=self.options.execution)
        with open_session(options, None, Observer()) as session:
            self._check_facts(session.facts)
            yield CutoutWork(session)

    def _model(self, blobs: Blobs) -> Path:
        """Return the IR: the driver's own if it is here, too, else a copy, which all workers of a machine share."""
        ir = Path(self.ir)
        if self._is_ours(ir):
            return ir
        copy = writable_cache() / "cluster" / sha256(self.facts["model"].encode()).hexdigest() / ir.name
        if not self._is_ours(copy):
            for path, content in zip((copy, copy.with_suffix(".bin")), blobs(), strict=True):
                with whole_file(path) as temporary:
                    temporary.write_bytes(content)
        return copy

    def _is_ours(self, ir: Path) -> bool:
        try:
            digests = [file_digest(path, "sha256") for path in (ir, ir.with_suffix(".bin"))]
        except OSError:
            return False
        return " ".join(digests) == self.facts["model"]

    def _check_facts(self, facts: Mapping[str, str]) -> None:
        """Raise :class:`EngineError` where results would not be those of the driver's machine."""
        for name, expected in self.facts.items():
            if facts.get(name) != expected and not (self.options.mixed and name in _MAY_DIFFER):
                raise EngineError(f"its {name} is {facts.get(name)}, not {expected}; make machines alike")


class CutoutWork:
    """Work on batches with the model of a session. Each batch has a tally of its own, which goes with its results."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def __call__(self, units: Sequence[Any]) -> Any:
        """Return what becomes of a batch of images, of a video, or of a segment of one."""
        unit = units[0]
        if isinstance(unit, ImageUnit):
            return self._images(units)
        if isinstance(unit, SegmentUnit):
            return self._videos.segment(self._with_own_tally(), unit)
        return self._videos.whole(self._with_own_tally(), unit)

    @cached_property
    def _videos(self) -> VideoWork:
        return VideoWork(self._session)

    @cached_property
    def _image_settings(self) -> ImageSettings:
        options = self._session.options
        return image_settings(self._session, image_plates(options.plate, options.recursive, options.max_pixels))

    def _images(self, units: Sequence[ImageUnit]) -> ImagesMade:
        session = self._with_own_tally()
        work = ImageWork(session.stream(session.model, follows=False), self._image_settings, session.tally)
        made: list[ImageMade] = []
        problem: OmzError | None = None
        try:
            for each in work.run(units):
                made += each.images
        except NoPlaceError as error:
            problem = error
            for each in work.rest():
                made += each.images
        return ImagesMade(tuple(made), session.tally.account, problem)

    def _with_own_tally(self) -> Session:
        return replace(self._session, tally=Tally(Observer(), self._session.model.requests))
