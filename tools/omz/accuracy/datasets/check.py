"""Problems of frames: errors, which keep a frame from being scored, and remarks, which a score is to be read with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from omz.accuracy.datasets.content import Content, read_content
from omz.accuracy.datasets.sample import Entry, Problem, Role
from omz.errors import DataError
from omz.images.arrays import Picture
from omz.images.sizes import size_text
from omz.metrics.regions import UNKNOWN

_HALF = 0.51  # alpha of less, everywhere, has another depth than its file, or is very faint
_CLEAR, _OPAQUE = 0.05, 0.95  # alpha of pixels that surely show the background, or the subject
_EDGES = 0.9  # of the pixels at the edges are opaque in few mattes
_PIXELS = 0.01  # of all pixels are enough of them to tell
_LEVELS = 4.0  # by which images may differ that show the same
_LOSSY = (".jpg", ".jpeg")


def read_checked(entry: Entry, is_whole: bool = True) -> tuple[dict[Role, Content], list[Problem]]:
    """Read all files of a frame but its background; return their contents, and all errors in them and remarks on them.

    ``is_whole`` tells that no file of the frame is missing.
    """
    contents: dict[Role, Content] = {}
    problems: list[Problem] = []
    for role, path in entry.files.items():
        if role == "background":
            continue
        try:
            contents[role] = read_content(role, path)
        except DataError as error:
            problems.append(Problem("error", path, str(error).removeprefix(f"{path} ")))
    problems += _other_sizes(contents)
    if is_whole:
        problems += _no_alpha(entry, contents)
    for role, content in contents.items():
        problems += remarks(role, content)
    if not any(problem.severity == "error" for problem in problems):
        problems += _inverted(contents)
    return contents, problems


def true_alpha(contents: Mapping[Role, Content]) -> Content | None:
    """Return the content with the alpha of a frame: a file of its own counts before a foreground's fourth channel."""
    roles: tuple[Role, ...] = ("alpha", "cutout", "foreground")
    for role in roles:
        if role in contents:
            return contents[role]
    return None


def remarks(role: Role, content: Content) -> Iterator[Problem]:
    """Yield remarks on a file by itself."""
    for message in _messages(role, content):
        yield Problem("remark", content.path, message)


def depth_remark(path: Path, alpha: NDArray[np.float64]) -> Iterator[Problem]:
    """Yield a remark on alpha, 0 to 1, that is so small that its file may have another depth, such as masks of 0 and 1.

    None on alpha of 0 alone, which is right without a subject.
    """
    most = alpha.max()
    if 0 < most < _HALF:
        message = f"is nowhere above {most:.2g} of the range of its depth; correct its depth, if it is not that faint"
        yield Problem("remark", path, message)


def repeated(frames: Iterable[tuple[Entry, str]]) -> Iterator[Problem]:
    """Yield a remark on each image outside of clips that is in a dataset twice; frames come with their digests."""
    known: dict[str, Path] = {}
    for entry, sha256 in frames:
        path = entry.files.get("picture")
        if path is None or entry.clip or not sha256:
            continue
        first = known.setdefault(sha256, path)
        if first != path:
            message = f"is the same as {first}, and so is its truth; remove one of the two, or the frame counts twice"
            yield Problem("remark", path, message)


def _other_sizes(contents: Mapping[Role, Content]) -> Iterator[Problem]:
    """Yield the files of a frame that are of another size than its first."""
    first = next(iter(contents.values()), None)
    for other in contents.values():
        if first is not None and other.size != first.size:
            message = f"is {size_text(*other.size)}, {first.path} is {size_text(*first.size)}; make them of one size"
            yield Problem("error", other.path, message)


def _no_alpha(entry: Entry, contents: Mapping[Role, Content]) -> Iterator[Problem]:
    """Yield the foreground that should hold the frame's alpha, and does not."""
    foreground = contents.get("foreground")
    if foreground is not None and foreground.alpha is None and not {"alpha", "cutout"} & {*entry.files}:
        message = "has no alpha channel, and there is no file of alpha; save it with alpha, or add that file"
        yield Problem("error", foreground.path, message)


def _messages(role: Role, content: Content) -> Iterator[str]:
    if content.bits > 8 and content.colours is not None:
        yield f"has {content.bits} bits; models see the upper 8"
    if content.is_transparent and role != "foreground":
        yield "is transparent in parts; models see its colours alone, as if it were opaque"
    if content.trimap is not None and not (content.trimap == UNKNOWN).any():
        yield f"has no unknown pixel (grey {UNKNOWN}); metrics of the unknown region are left out"
    if content.alpha is not None:
        yield from _messages_on_alpha(content)


def _messages_on_alpha(content: Content) -> Iterator[str]:
    alpha = content.alpha
    assert alpha is not None
    least, most = alpha.min(), alpha.max()
    for problem in depth_remark(content.path, alpha):
        yield problem.message
    if most == 0:
        yield "is empty: a frame without a subject, whose foreground is not measured"
    elif least == most:
        yield f"is {most:.2g} everywhere: a constant, not a matte; replace it, unless the subject fills the frame"
    elif ((alpha == 0) | (alpha == 1)).all():
        yield "has 0 and 1 alone: a mask, not a matte; check its depth"
    if content.path.suffix.lower() in _LOSSY:
        yield "is a JPEG, whose alpha is not exact; prefer PNG"


def _inverted(contents: Mapping[Role, Content]) -> Iterator[Problem]:
    """Yield the alpha that is 1 where the image shows its plate, 0 where it shows the foreground, or 1 at its edges."""
    truth, colours = true_alpha(contents), {role: content.colours for role, content in contents.items()}
    if truth is None or truth.alpha is None:
        return
    clear, opaque = truth.alpha < _CLEAR, truth.alpha > _OPAQUE
    if min(clear.mean(), opaque.mean()) < _PIXELS:
        return
    message = "looks inverted{}; invert it, if it is 1 outside of the subject"
    picture = colours.get("picture")
    if picture is None or not {"plate", "foreground"} & {*contents}:
        edges = np.concatenate([opaque[0], opaque[:, 0], opaque[:, -1]])  # people reach out of the lower one
        if edges.mean() > _EDGES:
            yield Problem("remark", truth.path, message.format(", for it is 1 at its edges"))
        return
    # The image is its plate where alpha is 0, and its foreground where alpha is 1.
    others: tuple[tuple[Role, NDArray[np.bool_], NDArray[np.bool_]], ...]
    others = (("plate", clear, opaque), ("foreground", opaque, clear))
    for role, same, apart in others:
        other = colours.get(role)
        if other is not None and _distance(picture, other, same) > 2 * _distance(picture, other, apart) + _LEVELS:
            yield Problem("remark", truth.path, message.format(f", beside {contents[role].path}"))
            return


def _distance(picture: Picture, other: Picture, region: NDArray[np.bool_]) -> float:
    """Return the mean absolute difference in a region, in levels."""
    differences = np.abs(np.subtract(picture[region], other[region], dtype=np.int16))
    return float(differences.mean())
