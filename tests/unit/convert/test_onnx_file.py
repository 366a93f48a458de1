"""ONNX files whose weights are said to lie where they cannot."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from omz.convert.onnx_file import check_onnx, side_files
from omz.errors import ConversionError


def save(folder: Path, **place: str) -> Path:
    """Save a network whose only constant, of 36 bytes, lies at ``place`` in ``w.data``."""
    constant = numpy_helper.from_array(np.ones((3, 3, 1, 1), np.float32), "w")
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, 8, 8]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Conv", ["x", "w"], ["y"])], "net", ports[:1], ports[1:], [constant])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": "w.data", **place}.items():
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    (folder / "w.data").write_bytes(bytes(40))
    (folder / "net.onnx").write_bytes(model.SerializeToString())
    return folder / "net.onnx"


@pytest.mark.parametrize("place", [{}, {"offset": "4", "length": "36"}, {"length": "36"}])
def test_weights_in_another_file_are_found(tmp_path, place):
    source = save(tmp_path, **place)
    assert check_onnx(source) == (["x"], ["y"])
    assert side_files(source) == [tmp_path / "w.data"]


@pytest.mark.parametrize("value", ["-4", "abc", "", "9" * 30, "1.5", "٣", "41"])
@pytest.mark.parametrize("key", ["offset", "length"])
def test_places_that_cannot_be_are_one_line(tmp_path, key, value):
    source = save(tmp_path, **{"offset": "0", "length": "36", key: value})
    with pytest.raises(
        ConversionError, match=r"'w' (has no place in|lies behind the end of) w\.data: .*get both files"
    ):
        check_onnx(source)
    assert side_files(source) == [tmp_path / "w.data"]


@pytest.mark.skipif(sys.platform == "win32", reason="has no such files")
def test_devices_and_pipes_are_no_weights(tmp_path):
    with pytest.raises(ConversionError, match="/dev/zero, which has its weights, is a device"):
        check_onnx(save(tmp_path, location="/dev/zero"))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConversionError, match="which has its weights, is a pipe"):
        check_onnx(save(tmp_path, location="pipe"))


def test_damaged_files_are_onnx_no_more(tmp_path):
    source = save(tmp_path)
    source.write_bytes(source.read_bytes()[:30])
    with pytest.raises(ConversionError, match="cannot be read as ONNX"):
        check_onnx(source)
