"""``omz_demo doctor``: examine the machine and print what was found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from omz_demo.findings import CODECS, Device, Findings


def show(findings: Findings, as_json: bool = False) -> None:
    """Print the findings, as tables or as JSON."""
    from omz.cli.printing import say_json
    from omz.cli.tables import Table, say_on, terminal

    if as_json:
        whole = asdict(findings) | {"hints": findings.hints, "exit_code": findings.exit_code}
        say_json(whole, indent=2)
        return
    console = terminal()
    for title, rows in _tables(findings):
        table = Table(title=title, show_header=False)
        for name, value in rows.items():
            table.row(name, value)
        console.print(table)
    for problem in findings.problems:
        say_on(console, f"problem: {problem}")
    for hint in findings.hints:
        say_on(console, f"hint: {hint}")


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
    if findings.graphs:
        yield "measured graphs", dict(each.split(": ", 1) for each in findings.graphs)


def _described(device: Device) -> str:
    return f"{device.full_name}; runs in {device.default or '?'}; supports {', '.join(device.capabilities)}"
