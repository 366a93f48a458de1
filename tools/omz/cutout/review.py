"""Review of a job: a page to look through its images, the worst first. It is one file, and needs nothing else."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import quote

from omz.atomic import whole_file
from omz.cutout.compare import before_checkerboard
from omz.cutout.image_files import NoPlaceError
from omz.cutout.inputs import Input, StdinPicture
from omz.cutout.names import Outputs, What
from omz.cutout.plan import Plan
from omz.cutout.session import Session
from omz.cutout.summary import Ended
from omz.errors import OmzError, os_reason
from omz.images.arrays import Picture
from omz.images.encoding import Metadata, encode
from omz.images.files import read_image
from omz.images.geometry import limit_side, resize
from omz.images.source import SourceImage
from omz.text import printable
from omz.work.pipeline import in_order

MOST_PICTURES = 500
"""Inputs that are shown with pictures; a page of them has some 30 MB. The others are listed."""
LONGEST_SIDE = 480
"""Of the pictures, in pixels."""

_QUALITY = 82
_AT_A_TIME = 2  # inputs that are read: large ones take memory
_RESULTS: tuple[What, ...] = ("composite", "cutout", "foreground", "alpha")  # the first of them is looked at

_STYLE = """
:root { color-scheme: light dark; --paper: #fbfaf8; --ink: #1b1a18; --muted: #5d5a54; --rule: #dcd8d0;
  --bad: #b3261e; --warn: #8a5300; --focus: #1d57c4; }
@media (prefers-color-scheme: dark) { :root { --paper: #141518; --ink: #eceae6; --muted: #aba8a1; --rule: #34363d;
  --bad: #ff9288; --warn: #f0b35e; --focus: #8fb4ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1600px; padding: 24px 20px 64px; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; margin: 0; }
h2 { font-size: 1rem; margin: 8px 0 0; }
p, ul { margin: 4px 0 0; }
.note, .links { color: var(--muted); font-size: 0.875rem; }
a { color: inherit; margin-right: 12px; }
ol { list-style: none; margin: 24px 0 0; padding: 0; display: grid; gap: 32px 20px;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 340px), 1fr)); }
li ul { padding-left: 18px; font-size: 0.875rem; color: var(--warn); }
.error { color: var(--bad); }
.slide { --at: 50%; position: relative; margin: 0; overflow: hidden; border-radius: 4px; }
.slide img { display: block; width: 100%; height: auto; }
.slide img + img { position: absolute; inset: 0; height: 100%; clip-path: inset(0 0 0 var(--at)); }
.slide:has(input)::after { content: ""; position: absolute; inset: 0 auto 0 var(--at); width: 2px; margin-left: -1px;
  background: #fff; box-shadow: 0 0 3px #000; pointer-events: none; }
.slide input { position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; opacity: 0; cursor: ew-resize;
  touch-action: pan-y; }
.slide:focus-within, a:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; }
"""
_SCRIPT = """
addEventListener("input", ({target}) => target.parentElement.style.setProperty("--at", target.value + "%"));
"""
_HEAD = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-$digest'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Review: $counts</title>
<style>$style</style>
</head>
<body>
<main>
<h1>Review</h1>
<p>$counts</p>
<p class="note">$note</p>
<ol>
""")
_TAIL = Template("""</ol>
</main>
<script>$script</script>
</body>
</html>
""")


@dataclass(frozen=True)
class _Row:
    """An input, its results, and how it ended."""

    input: Input
    outputs: Outputs
    ended: Ended

    @property
    def rank(self) -> tuple[bool, int]:
        """What comes first is the worst: what failed, then what has most warnings."""
        return self.ended.status != "failed", -len(self.ended.warnings)


def write_review(page: Path, session: Session, plan: Plan) -> None:
    """Write a page about all inputs of a plan that have ended, whole or not at all.

    Images and results are read again, for a run that goes on has not seen those of the run before. Raises
    :class:`NoPlaceError` if the page cannot be written, and :class:`KeyboardInterrupt` where the observer stops it.
    """
    tally = session.tally
    named = {**plan.pictures, **plan.videos}
    rows = [_Row(item, named[item], tally.ended[item.source]) for item in named if item.source in tally.ended]
    rows.sort(key=lambda row: row.rank)
    looked_at, listed = rows[:MOST_PICTURES], rows[MOST_PICTURES:]

    def card(row: _Row) -> str:
        return _card(row, page.parent, _pictures(row, plan, session.options.max_pixels))

    try:
        with (
            whole_file(page) as temporary,
            temporary.open("w", encoding="utf-8", newline="") as file,
            closing(in_order(session.pool, card, looked_at, _AT_A_TIME)) as cards,
        ):
            file.write(_head(rows, session))
            for number, text in enumerate(cards, 1):
                file.write(text)
                tally.observer.on_progress("review", number, len(looked_at))
                if tally.observer.should_stop():
                    raise KeyboardInterrupt
            file.writelines(_card(row, page.parent, {}) for row in listed)
            file.write(_TAIL.substitute(script=_SCRIPT))
    except OSError as error:
        raise NoPlaceError(f"{page} cannot be written: {os_reason(error)}; choose another place") from error
    tally.observer.on_note(f"{page} shows the results, worst first")


def _head(rows: list[_Row], session: Session) -> str:
    failed = sum(row.ended.status == "failed" for row in rows)
    warned = sum(bool(row.ended.warnings) for row in rows)
    counts = f"{len(rows)} input{'s' * (len(rows) != 1)}, {failed} failed, {warned} with warnings"
    info = session.info
    digest = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
    note = _text(f"Worst first. Model {session.options.model}, {info.device}, {info.precision}.")
    return _HEAD.substitute(digest=digest, style=_STYLE, counts=counts, note=note)


def _card(row: _Row, folder: Path, pictures: Mapping[str, Picture]) -> str:
    """Return an input as an item of a list; ``pictures`` are by what they show, at most two of one size."""
    name = _text(str(row.input.relative))
    lines = ["<li>", *_slide(name, pictures), f"<h2><bdi>{name}</bdi></h2>"]
    if row.ended.error:
        lines.append(f'<p class="error">Failed: {_text(row.ended.error)}</p>')
    if row.ended.warnings:
        warnings = "".join(f"<li>{_text(warning)}</li>" for warning in row.ended.warnings)
        lines.append(f"<ul>{warnings}</ul>")
    links: list[tuple[str, Path]] = []
    if row.input.kind != "stdin":
        links.append(("input", row.input.path))
    if row.ended.status != "failed":
        links.extend(row.outputs.items())
    shown = "".join(f'<a href="{_address(path, folder)}">{what}</a>' for what, path in links)
    return "\n".join([*lines, f'<p class="links">{shown}</p>', "</li>\n"])


def _slide(name: str, pictures: Mapping[str, Picture]) -> Iterator[str]:
    if not pictures:
        return
    height, width = next(iter(pictures.values())).shape[:2]
    yield f'<div class="slide" style="max-width: {round(LONGEST_SIDE * width / max(height, width))}px">'
    for what, picture in pictures.items():
        content = encode(".jpg", picture, _QUALITY, Metadata()) or b""
        source = f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"
        size = f'width="{picture.shape[1]}" height="{picture.shape[0]}"'
        yield f'<img src="{source}" alt="{what} of {name}" {size} loading="lazy">'
    if len(pictures) > 1:
        yield f'<input type="range" value="50" aria-label="Where the result of {name} begins, in percent">'
    yield "</div>"


def _pictures(row: _Row, plan: Plan, max_pixels: int | None) -> dict[str, Picture]:
    """Return an image and its result, as far as they can be read; nothing of a video."""
    if row.input not in plan.pictures:
        return {}
    shown: dict[str, Picture] = {}
    try:
        piped = plan.piped.get(row.input)
        content = piped.data if isinstance(piped, StdinPicture) else None
        shown["image"] = _small(read_image(row.input.path, content, max_pixels))
        if row.ended.status != "failed":
            what = next(what for what in _RESULTS if what in row.outputs)
            shown[what] = _small(read_image(row.outputs[what], None, max_pixels))
    except OmzError:
        pass  # its error is on the page, or it has gone since
    return shown


def _small(image: SourceImage) -> Picture:
    picture = before_checkerboard(image.picture, image.opacity)
    return resize(picture, limit_side(picture.shape, LONGEST_SIDE))


def _text(text: str) -> str:
    """Return text of others as HTML, in which nothing is hidden."""
    return escape(printable(text))


def _address(path: Path, folder: Path) -> str:
    """Return the address of a file, as a page in the folder sees it."""
    try:
        return quote(os.fsencode(Path(os.path.relpath(path, folder)).as_posix()))
    except ValueError:  # another drive
        return path.absolute().as_uri()
