"""Texts of the page: messages, and what happened to a picture, as HTML."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from html import escape

from omz.cutout.in_memory import CutImage
from omz.cutout.summary import Summary
from omz.errors import ImageError, Interrupted, OmzError
from omz.runtime.engine import EngineInfo


def problem(text: str) -> str:
    """Return a message that something is wrong."""
    return f'<p class="notice problem" role="alert">{escape(_sentence(text))}</p>'


def note(text: str) -> str:
    """Return a message."""
    return f'<p class="notice" role="status">{escape(_sentence(text))}</p>'


@contextmanager
def defects_told() -> Iterator[None]:
    """Raise :class:`OmzError` for an error that nobody expected; its traceback goes to the log."""
    try:
        yield
    except MemoryError as error:
        raise ImageError("there is too little memory for this; use a smaller picture") from error
    except (OmzError, Interrupted):
        raise
    except Exception as error:
        logging.getLogger("omz").exception("a defect of the page")
        raise OmzError("a defect has stopped the work; the terminal of the page tells more") from error


def report(cut: CutImage, model: str, info: EngineInfo) -> str:
    """Return what happened to a picture: how long it took, where, and what was seen and done."""
    height, width = cut.size
    title = f"<strong>{sum(cut.stages.values()):.0f} ms</strong> for {width} x {height} pixels"
    by = f"by {escape(model)} on {escape(info.device)}, {escape(info.precision)}"
    return _report(f"{title}, {by}", (*cut.plates, *cut.repairs), cut.warnings, cut.stages)


def video_report(summary: Summary) -> str:
    """Return what happened to a video."""
    frames = "1 frame" if summary.frames == 1 else f"{summary.frames} frames"
    title = f"<strong>{frames} in {summary.seconds:.2f} s</strong> ({summary.rate:.1f} a second)"
    by = f"by {escape(summary.model)} on {escape(summary.device)}, {escape(summary.precision)}"
    return _report(f"{title}, {by}", (*summary.plates, *summary.repairs), summary.warnings, summary.stages)


def _report(title: str, lines: Iterable[str], warnings: Iterable[str], stages: Mapping[str, float]) -> str:
    items = [f"<li>{escape(_sentence(line))}</li>" for line in lines]
    items += [f'<li class="warning">Warning: {escape(line)}</li>' for line in warnings]
    listed = f"<ul>{''.join(items)}</ul>" if items else ""
    rows = "".join(f"<tr><td>{escape(name)}</td><td>{value:.1f} ms</td></tr>" for name, value in stages.items())
    folded = f"<details><summary>Milliseconds of each stage</summary><table>{rows}</table></details>"
    return f'<div class="report" role="status"><p>{title}</p>{listed}{folded}</div>'


def progress(text: str, share: float | None) -> str:
    """Return how far work is; ``share`` is None where nobody knows."""
    value = "" if share is None else f' value="{share:.3f}"'
    label = escape(_sentence(text))
    return f'<p class="notice" role="status">{label}</p><progress aria-label="{label}"{value}></progress>'


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table; the cells are HTML."""
    head = "".join(f"<th>{escape(each)}</th>" for each in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _sentence(text: str) -> str:
    """Begin with a capital, unless a file's name comes first."""
    if "." in text.split(" ", 1)[0]:
        return text
    return text[:1].upper() + text[1:]
