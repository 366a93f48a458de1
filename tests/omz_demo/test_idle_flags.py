"""Flags that do nothing are told of."""

from __future__ import annotations

import pytest
from builders import save_difference_model
from click.testing import CliRunner
from demo_command import block, empty

from omz.images.files import write_picture
from omz_demo.cli import main


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ([], []),
        (["--align", "auto", "--match_exposure", "--quality", "80", "--strip"], []),
        (["--smooth", "0.5"], ["--smooth has no effect: it is for videos and what is live"]),
        (["--resize_changes"], ["--resize_changes has no effect: it is for videos"]),
        (["--lossless"], ["--lossless has no effect: it is for videos and what is live"]),
        (["--loop"], ["--loop has no effect: it is for what is live"]),
        (["--retry_failed"], ["--retry_failed has no effect without --resume"]),
        (["--raw", "2x2:bgr24@1"], ["--raw has no effect: it is for standard input (-)"]),
    ],
)
def test_what_has_no_effect_on_pictures_is_said(tmp_path, monkeypatch, flags, told):
    monkeypatch.chdir(tmp_path)
    save_difference_model(tmp_path / "model.xml", "height", "width")
    write_picture(tmp_path / "photo.png", block((48, 64), (5, 7, 17, 25)))
    write_picture(tmp_path / "plate.png", empty((48, 64)))
    result = CliRunner().invoke(main, ["photo.png", "--plate", "plate.png", "-m", "model.xml", *flags])
    assert result.exit_code == 0, result.output
    said = [line.removeprefix("warning: ") for line in result.stderr.splitlines() if "no effect" in line]
    assert said == told
