"""Cluster: the units of a run on the machines of a Ray cluster, or on workers of this one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from omz.cutout.cluster_work import CutoutJob
from omz.cutout.options import Options
from omz.cutout.plan import STANDARD_OUTPUT, Plan
from omz.cutout.session import Session
from omz.errors import UsageError
from omz.work.dispatcher import WINDOW, Crew, Dispatcher
from omz.work.ray_cluster import check_cluster, read_place
from omz.work.ray_crew import JobForAll, RayCrew, ray_crew
from omz.work.shared_folder import shared_folder
from omz.work.units import Executor

_FEWEST, _MOST = 8, 32  # images of a batch
_ALIKE = "install the same versions, or add --mixed"
_ROUNDS = 2  # windows that each worker gets in a job of few images


class Cluster:
    """Workers with the model of a session."""

    def __init__(self, crew: RayCrew[Any, Any], session: Session) -> None:
        self._size, self._session = crew.size, session
        self._crew: Crew[Any, Any] = crew

    def for_images(self, count: int) -> Executor[Any, Any]:
        """Return an executor of so many images, in batches."""
        rounds = _ROUNDS * WINDOW * max(1, self._size)
        return self._doubling(max(_FEWEST, min(_MOST, count // rounds)))

    def for_segments(self) -> Executor[Any, Any]:
        """Return an executor of segments of a video, one at a time for each worker."""
        return self._doubling(1)

    def for_videos(self) -> Executor[Any, Any]:
        """Return an executor of whole videos, one at a time for each worker; two would write the same segments."""
        return Dispatcher(self._crew, 1, self._session.options.timeout, window=1)

    def _doubling(self, batch: int) -> Executor[Any, Any]:
        return Dispatcher(self._crew, batch, self._session.options.timeout, doubles=True)


def check_for_cluster(options: Options, plan: Plan) -> None:
    """Raise :class:`UsageError` for a run that a cluster cannot do, and :class:`omz.errors.EngineError` without Ray."""
    if plan.live is not None or plan.piped or options.watch:
        raise UsageError("--cluster is for files; leave it out for cameras, standard input and --watch")
    if options.output == STANDARD_OUTPUT:
        raise UsageError("--cluster writes files, and not to standard output; name an --output")
    if options.show:
        raise UsageError("--cluster shows nothing; leave --show out")
    check_cluster(str(options.cluster))


@contextmanager
def open_cluster(session: Session, plan: Plan) -> Iterator[Cluster]:
    """Start the workers that the options ask for, and give them. Raises :class:`omz.errors.OmzError`."""
    options = session.options
    ir = session.opened.path
    places = {**plan.pictures, **plan.videos}
    first = next(iter(next(iter(places.values())).values()))
    with shared_folder(first.parent) as folder:
        job = CutoutJob(options, str(ir), dict(session.facts), folder)
        place, blobs = read_place(str(options.cluster)), tuple[bytes, ...]()
        if not place.local:
            blobs = ir.read_bytes(), ir.with_suffix(".bin").read_bytes()
        given = JobForAll(job, blobs, mixed=options.mixed, alike=_ALIKE, again="add --resume")
        with ray_crew(place, given, session.tally.warn) as crew:
            yield Cluster(crew, session)
