"""``omz_demo doctor``: look at the machine, and tell."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from omz_demo.examination import CODECS, Findings, examine

__all__ = ["as_json", "examine", "show"]


def as_json(findings: Findings) -> str:
    """Return the findings as JSON."""
    import json

    return json.dumps(asdict(findings) | {"exit_code": findings.exit_code}, indent=2)


def show(findings: Findings, json: bool = False) -> None:
    """Print the findings, as tables or as JSON."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if json:
        print(as_json(findings))
        return
    console = Console(markup=False, emoji=False, highlight=False)
    for title, rows in _sections(findings):
        table = Table(title=title, title_justify="left", show_header=False)
        for name, value in rows:
            table.add_row(Text(name), Text(value, overflow="fold"))
        console.print(table)
    for problem in findings.problems:
        console.print(f"problem: {problem}", soft_wrap=True)
    for hint in findings.hints:
        console.print(f"hint: {hint}", soft_wrap=True)


def _sections(findings: Findings) -> Iterable[tuple[str, list[tuple[str, str]]]]:
    yield "versions", [(name, found or "missing") for name, found in findings.versions.items()]
    yield (
        "devices",
        [
            (device.name, f"{device.full_name}; runs in {device.default or '?'}; can {', '.join(device.capabilities)}")
            for device in findings.devices
        ],
    )
    yield "models", [(model.name, f"{model.state}: {model.detail}") for model in findings.models]
    yield (
        "codecs",
        [(name, "yes" if there else f"no: {CODECS[name][1]}") for name, there in findings.codecs.items()],
    )
    writable = "can" if findings.cache_is_writable else "cannot"
    yield (
        "this machine",
        [
            ("compiled models", f"{findings.cache} ({writable} be written)"),
            ("display", "yes" if findings.display else "no"),
            ("cameras", ", ".join(findings.cameras) or "none found"),
        ],
    )
