"""``omz_demo doctor``: examine the machine and print what was found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

from omz_demo.findings import CODECS, Device, Findings


def show(findings: Findings, as_json: bool = False) -> None:
    """Print the findings, as tables or as JSON."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if as_json:
        whole = asdict(findings) | {"hints": findings.hints, "exit_code": findings.exit_code}
        print(json.dumps(whole, indent=2))
        return
    console = Console(markup=False, emoji=False, highlight=False)
    for title, rows in _tables(findings):
        table = Table(title=title, title_justify="left", show_header=False)
        for name, value in rows.items():
            table.add_row(Text(name), Text(value, overflow="fold"))
        console.print(table)
    for problem in findings.problems:
        console.print(f"problem: {problem}", soft_wrap=True)
    for hint in findings.hints:
        console.print(f"hint: {hint}", soft_wrap=True)


def _tables(findings: Findings) -> Iterator[tuple[str, dict[str, str]]]:
    yield "versions", {name: found or "missing" for name, found in findings.versions.items()}
    yield "devices", {device.name: _described(device) for device in findings.devices}
    yield "models", {model.name: f"{model.state}: {model.detail}" for model in findings.models}
    codecs = {}
    for name, (_, purpose) in CODECS.items():
        codecs[name] = "yes" if findings.codecs[name] else f"no: {purpose}"
    yield "codecs", codecs
    machine = {
        "models folder": f"{findings.home} ({'writable' if findings.home_is_writable else 'not writable'})",
        "compiled models": f"{findings.cache} ({'writable' if findings.cache_is_writable else 'not writable'})",
        "display": "yes" if findings.display else "no",
        "cameras": ", ".join(findings.cameras) or "none found",
    }
    yield "this machine", machine


def _described(device: Device) -> str:
    return f"{device.full_name}; runs in {device.default or '?'}; supports {', '.join(device.capabilities)}"
