"""Which videos of several are finished, so that a run that is resumed does not do them again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from omz.errors import VideoError
from omz_demo.inputs.discovery import Input
from omz_demo.inputs.stills import fingerprint
from omz_demo.jobs.clip import ClipResult
from omz_demo.jobs.manifest import Entry, Manifest, manifest_name, open_manifest
from omz_demo.outputs.names import Outputs
from omz_demo.run.manifest_folder import NOTHING_NOTED, manifest_folder
from omz_demo.video.opening import reason
from omz_demo.video.sequence import TIMES
from omz_demo.workshop import Workshop


class FinishedVideos:
    """The videos that have been gone through to their end; without a ``manifest`` nobody knows of any.

    Of a folder of PNG files, the file with their times stands for all.
    """

    def __init__(self, manifest: Manifest | None, retry_failed: bool) -> None:
        self._manifest, self._retry_failed = manifest, retry_failed

    def before(self, item: Input, outputs: Outputs) -> Entry | None:
        """Return what is known of a video that needs no other try: it is as it was, and so are its results."""
        if self._manifest is None:
            return None
        files = _files(outputs)
        entry = self._manifest.before(files)
        if entry is None or entry.input != str(item.relative) or (entry.status == "failed" and self._retry_failed):
            return None
        is_whole = all(fingerprint(path).sha256 == entry.outputs[self._manifest.name(path)] for path in files.values())
        return entry if is_whole and entry.fingerprint == fingerprint(item.path) else None

    def add(self, item: Input, outputs: Outputs, result: ClipResult, seconds: float) -> None:
        """Note a video. Raises :class:`VideoError` where that cannot be written."""
        if self._manifest is None or item.kind != "video":
            return
        known, video = self._manifest.before(_files(outputs)), fingerprint(item.path)
        entry = Entry(
            input=str(item.relative),
            size=video.size,
            sha256=video.sha256,
            outputs={self._manifest.name(path): fingerprint(path).sha256 for path in _files(outputs).values()},
            status="failed" if result.problem else "done",
            attempts=1 + (known.attempts if known else 0),
            seconds=round(seconds, 3),
            error=result.problem,
        )
        try:
            self._manifest.add(entry)
        except OSError as error:
            raise VideoError(f"the manifest cannot be written: {reason(error)}; free the disk, then resume") from error


@contextmanager
def open_finished_videos(shop: Workshop, videos: Mapping[Input, Outputs], is_alone: bool) -> Iterator[FinishedVideos]:
    """Open the manifest of videos; one that ``is_alone`` has none, for nobody has to know it from others.

    Raises :class:`omz.errors.OmzError`.
    """
    request = shop.request
    if is_alone:
        yield FinishedVideos(None, request.retry_failed)
        return
    folder = manifest_folder(request, videos.values())
    if folder is None:
        if request.resume:
            shop.warn(NOTHING_NOTED)
        yield FinishedVideos(None, request.retry_failed)
        return
    name = manifest_name(request.part).replace("omz_demo", "omz_demo_videos", 1)  # that of pictures may lie beside it
    with open_manifest(
        folder / name, {**shop.depends_on(video=True), "sound": str(request.sound)}, request.resume
    ) as manifest:
        if manifest.warning:
            shop.warn(manifest.warning)
        yield FinishedVideos(manifest, request.retry_failed)


def _files(outputs: Outputs) -> Outputs:
    return {what: path if path.suffix else path / TIMES for what, path in outputs.items()}
