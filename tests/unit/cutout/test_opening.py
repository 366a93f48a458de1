"""The model of a run: the size at which it sees images and the frames of cameras."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from helpers.builders import save_brightness_model

from omz.cutout.inputs import Input
from omz.cutout.opening import open_requests
from omz.cutout.options import Options
from omz.runtime.quiet_openvino import core, ov


@pytest.mark.parametrize(("live", "seen"), [(None, (96, 128)), ("video", (96, 128)), ("camera", (48, 64))])
def test_small_images_are_enlarged_but_not_the_frames_of_a_camera(tmp_path, live, seen):
    path = save_brightness_model(tmp_path / "free.xml", "height", "width")
    model = core().read_model(path)
    model.set_rt_info("128", ["omz", "working_size"])
    said = tmp_path / "said.xml"
    ov.save_model(model, said)
    given = None if live is None else Input("0", PurePosixPath("0"), live)
    opened = open_requests(Options(inputs=("photo.jpg",), model=str(said)), said, given)
    [shape] = opened.model.network.shapes((48, 64)).values()
    assert tuple(side for side in shape if side not in (1, 3)) == seen
