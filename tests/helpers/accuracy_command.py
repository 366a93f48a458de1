"""``omz_accuracy``, run in this process."""

from __future__ import annotations

from click.testing import CliRunner, Result

from omz.cli.accuracy import main


def run(*arguments: object) -> Result:
    """Run it on a wide terminal; nothing it meets ends in a traceback."""
    runner = CliRunner(env={"COLUMNS": "200"})
    result = runner.invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)
    assert "Traceback" not in result.output
    return result
