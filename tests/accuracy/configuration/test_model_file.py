from __future__ import annotations

import pytest
from accuracy.configuration.check_files import with_plate, write_check
from accuracy.datasets.picture_files import touch

from omz.accuracy.configuration.evaluation import ConfiguredEvaluation
from omz.accuracy.configuration.reading import read_configuration
from omz.errors import UsageError

NAME = "background-matting-mobilenetv2"


@pytest.fixture
def evaluation(tmp_path):
    def read(**launcher: object) -> ConfiguredEvaluation:
        content = with_plate()
        content["models"][0]["launchers"][0].update(launcher)
        return read_configuration(write_check(tmp_path / "c.yml", content))[0]

    return read


def test_a_model_that_is_named_lies_below_the_folder(evaluation, tmp_path):
    touch(tmp_path, "irs/a.xml", "irs/b.xml")
    assert evaluation(model="irs/a.xml", weights="irs/a.bin").model_file(tmp_path) == tmp_path / "irs/a.xml"
    absolute = str(tmp_path / "irs/b.xml")
    assert evaluation(model=absolute).model_file() == tmp_path / "irs/b.xml"
    with pytest.raises(UsageError, match=r"models\.0\.launchers\.0: there is no model .*c\.xml"):
        evaluation(model="c.xml").model_file(tmp_path)
    with pytest.raises(UsageError, match=r"weights .*b\.bin do not lie beside the model"):
        evaluation(model="irs/a.xml", weights="irs/b.bin").model_file(tmp_path)


def test_a_file_is_the_model(evaluation, tmp_path):
    touch(tmp_path, "any.onnx")
    assert evaluation().model_file(tmp_path / "any.onnx") == tmp_path / "any.onnx"
    with pytest.raises(UsageError, match="no model is named"):
        evaluation().model_file()


def test_in_a_folder_the_name_comes_first_and_then_the_only_one(evaluation, tmp_path):
    touch(tmp_path, "a/x.xml", "a/x.bin", f"a/{NAME}.onnx", "b/x.xml", "b/y.onnx", "c/x.xml", "c/y.xml", "d/x.pth")
    assert evaluation().model_file(tmp_path / "a").name == f"{NAME}.onnx"
    assert evaluation().model_file(tmp_path / "b").name == "x.xml"
    with pytest.raises(UsageError, match=r"c has 2 models, x\.xml and y\.xml among them"):
        evaluation().model_file(tmp_path / "c")
    with pytest.raises(UsageError, match=r"d has no model \(\.xml, \.blob, \.onnx\)"):
        evaluation().model_file(tmp_path / "d")
    assert evaluation(framework="onnx_runtime").model_file(tmp_path / "b").name == "y.onnx"
    assert evaluation(framework="pytorch").model_file(tmp_path / "d").name == "x.pth"
