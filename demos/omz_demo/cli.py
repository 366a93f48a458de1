"""``omz_demo``: cut subjects out of images and videos."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from omz.cli.command import below, omz_command
from omz.cli.printing import say, say_json
from omz.cutout.options import Options, make_options
from omz.errors import ImageError, UsageError
from omz_demo.flags import FILE_OR_TEXT, with_flags
from omz_demo.open_model_zoo_flags import normalise, with_theirs

if TYPE_CHECKING:
    from omz.cutout.summary import Summary

_DOCTOR = "doctor"
_COMMANDS = {"serve": "omz_demo.serve.command:serve", "web": "omz_demo.web.command:web"}
"""Commands with flags of their own, by the first word, and where each lies: a path such as ./serve is an input."""


@omz_command(respell=normalise, commands=_COMMANDS)
@click.argument("positional", nargs=-1, metavar="[INPUT]...", type=FILE_OR_TEXT)
@with_flags
@below("Summary")("--example", is_flag=True, help="Run on a built-in synthetic image, as without any input.")
def main(positional: tuple[str, ...], inputs: tuple[str, ...], example: bool, **flags: Any) -> None:
    """Cut subjects out of images, folders, videos and camera streams.

    Models that take a plate need one: the same scene without the subject. Without plate and model, one is taken that
    needs none. A model is downloaded and converted on first use. Results are cutouts on transparency, or
    composites with --target, saved beside the input or at --output. Without an input, the demo runs on a built-in
    synthetic image. `omz_demo doctor` checks this machine, `omz_demo web` shows a page on which you drop
    pictures, and `omz_demo serve` answers requests over HTTP.

    Exit codes: 0 done, 1 something failed or is missing, 2 wrong usage, 130 Ctrl-C.
    """
    inputs = (*positional, *inputs)
    if inputs == (_DOCTOR,) and not Path(_DOCTOR).exists():
        _doctor(flags)
    elif example and inputs:
        raise UsageError(f"--example takes no input; omit --example or {inputs[0]}")
    elif not inputs:
        _example(flags)
    else:
        _run(inputs, flags)


def _check_not_doctor(inputs: tuple[str, ...]) -> None:
    """Raise :class:`UsageError` for ``doctor`` with an input, and :class:`ImageError` for a misspelt one."""
    if os.path.exists(inputs[0]):
        return
    if inputs[0] == _DOCTOR:
        raise UsageError(f"omz_demo {_DOCTOR} checks this machine and takes no input; leave {inputs[1]} out")
    if len(inputs) != 1:
        return
    from difflib import get_close_matches

    if get_close_matches(inputs[0], [_DOCTOR]):
        raise ImageError(f"no file at {inputs[0]}; check the path, or did you mean omz_demo {_DOCTOR}?")


def _run(inputs: tuple[str, ...], flags: dict[str, Any]) -> None:
    _check_not_doctor(inputs)
    # OpenBLAS, which NumPy loads, starts threads that spin for a while, and nothing here multiplies matrices.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from omz.malloc import keep_freed_memory, without_collection
    from omz_demo.display import TerminalObserver

    keep_freed_memory()  # before there are threads, which would have heaps of their own
    values, hints = with_theirs(flags)
    with TerminalObserver(flags["show"], flags["metrics"]) as observer:
        for hint in hints:
            observer.on_warning(hint)
        options = make_options(inputs, values)
        with without_collection():
            _ask_for_license(options)
            from omz.cutout.opening import open_ahead

            opening = open_ahead(options)  # before the rest is loaded
            from omz.cutout.run import run
        summary = run(options, observer, opening)
    _show(summary, options)
    if summary.failed:
        raise click.exceptions.Exit(1)


def _ask_for_license(options: Options) -> None:
    """Ask for the licence of a model that is about to be downloaded, unless the flags accept it."""
    card = options.with_model(live=False).model_choice.to_accept()
    if card is not None and card.name not in options.accept_license:
        from omz.cli.licenses import ask_for_license

        ask_for_license(card)


def _show(summary: Summary, options: Options) -> None:
    to_stderr = str(options.output) == "-"
    if options.json:
        say_json(summary.as_json(), indent=2, err=to_stderr)
        return
    say(summary.line(), err=to_stderr)
    if options.profile:
        from omz_demo.display import show_profile

        show_profile(summary, to_stderr)


def _example(flags: dict[str, Any]) -> None:
    given = [name for name in ("plate", "target", "trimap", "compare", "review") if flags[name]]
    if given:
        raise UsageError(f"--{given[0]} needs an input; add -i IMAGE")
    options = make_options((), with_theirs(flags)[0])
    output = options.output or Path("out")
    is_folder = options.output_is_folder or output.is_dir() or not (output.suffix or str(output) == "-")
    if not is_folder:
        raise UsageError(f"the example writes six files, and {output} is not a folder; name one with -o")
    from omz.models.opening import open_model
    from omz_demo.display import TerminalObserver, show_table
    from omz_demo.example import run_example

    if options.model:
        _ask_for_license(options)
    observer = TerminalObserver()
    opened = open_model(options.model_choice.ir(observer.on_event), options.device, options.execution)
    for warning in opened.warnings:
        observer.on_warning(warning)
    title, rows = run_example(opened, output, options.role_options)
    show_table(title, {"device asked for": options.device, **rows})


def _doctor(flags: dict[str, Any]) -> None:
    from omz_demo.doctor import show
    from omz_demo.findings import examine

    findings = examine(flags["models_dir"], make_options((), with_theirs(flags)[0]).download_dir)
    show(findings, flags["json"])
    if findings.exit_code:
        raise click.exceptions.Exit(findings.exit_code)


if __name__ == "__main__":
    main()
