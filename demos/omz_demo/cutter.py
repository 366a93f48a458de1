"""Frames to their subjects: inference, what is done to its alpha, what the subject is placed before."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace

from omz.errors import OmzError
from omz.images.arrays import Picture
from omz.images.blurring import blur_behind
from omz.images.refinement import Refinement, Smoother, refine
from omz.runtime.level_matter import Inferred, LevelMatter
from omz_demo.frames import Cut, Failure, Frame
from omz_demo.pipeline import ahead, in_order
from omz_demo.stopwatch import Stopwatch

_WAITING = 2  # frames between two stages


@dataclass(frozen=True)
class Finish:
    """What is done to every matte: ``refinement`` of its alpha, smoothing over time, ``blur`` of what is behind.

    ``smooth`` is the strength of smoothing, 0 to 1. ``blur`` is in pixels; 0 leaves the target as it is.
    """

    refinement: Refinement = field(default_factory=Refinement)
    smooth: float = 0.0
    blur: int = 0


class Cutter:
    """Takes the subjects out of frames, several at a time, in order.

    ``smoother`` is for frames that follow each other; None where they do not.
    """

    def __init__(
        self,
        matter: LevelMatter,
        finish: Finish,
        pool: ThreadPoolExecutor,
        watch: Stopwatch,
        smoother: Smoother | None = None,
    ) -> None:
        self._matter, self._finish, self._pool, self._watch = matter, finish, pool, watch
        self.smoother = smoother

    def __call__(self, frames: Iterable[Frame | Failure]) -> Generator[Cut | Failure, None, None]:
        """Yield the subject of each frame, in their order; what failed comes through, and what fails here joins it.

        ``frames`` is read in a thread of its own.
        """
        cuts = in_order(self._pool, self._cut, ahead(self._inferred(frames), _WAITING), _WAITING)
        if self.smoother is None or not self._finish.smooth:
            return cuts
        return self._smoothed(cuts, self.smoother)

    def _inferred(
        self, frames: Iterable[Frame | Failure]
    ) -> Generator[tuple[Frame | Failure, Inferred | OmzError], None, None]:
        with closing(ahead(frames, _WAITING)) as waiting, closing(self._matter.stream(waiting, _pictures)) as stream:
            for item, found in stream:
                if isinstance(found, Inferred):
                    self._watch.add("infer", found.milliseconds / 1e3)
                yield item, found

    def _cut(self, given: tuple[Frame | Failure, Inferred | OmzError]) -> Cut | Failure:
        frame, found = given
        if isinstance(frame, Failure):
            return frame
        if isinstance(found, OmzError):
            return Failure(frame.index, found)
        with self._watch("matte"):
            try:
                matte = self._matter.cut(found)
            except OmzError as error:
                return Failure(frame.index, error)
            cut = Cut(frame, refine(matte.alpha, self._finish.refinement), matte.foreground, matte.trimap)
        return self._blurred(cut)

    def _blurred(self, cut: Cut) -> Cut:
        if not self._finish.blur:
            return cut
        with self._watch("blur"):
            behind = blur_behind(cut.frame.picture, cut.alpha, self._finish.blur)
        return replace(cut, frame=replace(cut.frame, target=behind))

    def _smoothed(
        self, cuts: Generator[Cut | Failure, None, None], smoother: Smoother
    ) -> Generator[Cut | Failure, None, None]:
        with closing(cuts):
            for cut in cuts:
                yield cut.with_alpha(smoother(cut.alpha)) if isinstance(cut, Cut) else cut


def _pictures(item: Frame | Failure) -> tuple[Picture, Picture | None]:
    if isinstance(item, Failure):
        raise item.error
    return item.picture, item.plate
