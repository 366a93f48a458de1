"""``omz_demo``: cut people out of pictures and videos."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from omz.cli.command import omz_command
from omz.errors import UsageError
from omz_demo.flags import with_flags
from omz_demo.open_model_zoo_flags import normalise

if TYPE_CHECKING:
    from omz_demo.summary import Summary

_DOCTOR = "doctor"


@omz_command(respell=normalise)
@with_flags
def main(positional: tuple[str, ...], named: tuple[str, ...], example: bool, **flags: Any) -> None:
    """Cut the subject out of pictures, folders of them, videos and what a camera sees.

    Give the plate, the same scene without the subject, to models that take one. Results are cut-outs on transparency,
    or with --target composites, beside the input or at --output. Without an input it shows itself on an embedded
    synthetic pair. `omz_demo doctor` tells what this machine can do.

    Exit codes: 0 all is done, 1 something failed, 2 the request makes no sense.
    """
    inputs = (*positional, *named)
    if inputs == (_DOCTOR,) and not Path(_DOCTOR).exists():
        _doctor(**flags)
    elif example and inputs:
        raise UsageError(f"--example takes no input; leave --example or {inputs[0]} out")
    elif not inputs:
        _example(**flags)
    else:
        _run(inputs, flags)


def _run(inputs: tuple[str, ...], flags: dict[str, Any]) -> None:
    from omz.cli.conversion_display import ConversionDisplay
    from omz.heap import keep_freed_memory
    from omz_demo.display import fail, say
    from omz_demo.request import request_of
    from omz_demo.run import run

    keep_freed_memory()  # before there are threads, which would have heaps of their own
    request = request_of(inputs, flags, say)
    summary = run(request, say, fail, ConversionDisplay(err=True).show)
    _show(summary, request.json, request.profile, request.report, to_stderr=str(request.output) == "-")
    if summary.failed:
        raise click.exceptions.Exit(1)


def _show(summary: Summary, as_json: bool, profile: bool, report: Path | None, to_stderr: bool) -> None:
    text = json.dumps(summary.as_json(), indent=2)
    click.echo(text if as_json else summary.line(), err=to_stderr)
    if profile and not as_json:
        from omz_demo.display import show_profile

        show_profile(summary, to_stderr)
    if report:
        from omz.atomic import whole_file

        with whole_file(report) as temporary:
            temporary.write_text(f"{text}\n")


def _example(
    output: Path | None, model: str, models_dir: tuple[Path, ...], download_dir: Path, device: str, precision: str,
    plate: str | None, target: str | None, trimap: Path | None, **_: Any,
) -> None:  # fmt: skip
    if plate or target or trimap:
        raise UsageError("--background, --target and --trimap need a picture; add -i PICTURE")
    from omz.cli.conversion_display import ConversionDisplay
    from omz.matting import ModelChoice, open_model
    from omz_demo.display import say, show_table
    from omz_demo.example import run_example

    ir = ModelChoice(model, models_dir, download_dir).ir(ConversionDisplay(err=True).show)
    opened = open_model(ir, device, precision)
    for warning in opened.warnings:
        say(warning)
    title, rows = run_example(opened, output or Path("out"))
    show_table(title, {"device asked for": device, **rows})


def _doctor(models_dir: tuple[Path, ...], download_dir: Path, json: bool, **_: Any) -> None:
    from omz_demo.doctor import examine, show

    findings = examine(models_dir, download_dir)
    show(findings, json)
    if findings.exit_code:
        raise click.exceptions.Exit(findings.exit_code)


if __name__ == "__main__":
    main()
