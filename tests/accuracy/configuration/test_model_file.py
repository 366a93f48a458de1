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
    with pytest.raises(UsageError, match=r"d has no model \(\.xml, \.onnx\)"):
        evaluation().model_file(tmp_path / "d")
    assert evaluation(framework="onnx_runtime").model_file(tmp_path / "b").name == "y.onnx"


NO_NETWORK = "a file does not say which network pytorch has to build; give a card with --name"
COMPILED = "is compiled for one device, which does not run here; name the .xml it was made of"


@pytest.mark.parametrize(
    ("framework", "file", "told"),
    [
        ("openvino", "a.blob", f"{{path}} {COMPILED}"),
        ("onnx_runtime", "a.blob", f"{{path}} {COMPILED}"),
        ("openvino", "a.pth", "openvino does not run {path}; name a file that ends in .xml or .onnx"),
        ("dlsdk", "a", "dlsdk does not run {path}; name a file that ends in .xml or .onnx"),
        (
            "onnx_runtime", "a.xml",
            "onnx_runtime does not run {path}; name a file that ends in .onnx, or set framework to openvino",
        ),
        ("pytorch", "a.pth", NO_NETWORK),
        ("pytorch", "a.onnx", NO_NETWORK),
    ],
)  # fmt: skip
@pytest.mark.parametrize("named_by", ["launcher", "command", "engine"])
def test_a_file_that_the_framework_does_not_run_is_refused(evaluation, tmp_path, framework, file, told, named_by):
    touch(tmp_path, file)
    path = tmp_path / file
    configured = evaluation(framework=framework, model=file if named_by == "launcher" else None)
    take = configured.engine if named_by == "engine" else configured.model_file
    with pytest.raises(UsageError) as caught:
        take(tmp_path if named_by == "launcher" else path)
    assert str(caught.value) == f"{tmp_path}/c.yml: models.0.launchers.0: {told.format(path=path)}"


def test_pytorch_is_told_what_it_needs_whatever_is_there(evaluation, tmp_path):
    for models in (None, tmp_path, tmp_path / "gone"):
        with pytest.raises(UsageError, match=f"models.0.launchers.0: {NO_NETWORK}$"):
            evaluation(framework="pytorch").model_file(models)


def test_onnx_runtime_runs_on_the_cpu_alone(evaluation, tmp_path):
    touch(tmp_path, "a.onnx")
    assert evaluation(framework="onnx_runtime", device="cpu").model_file(tmp_path) == tmp_path / "a.onnx"
    with pytest.raises(UsageError, match="onnx_runtime runs on the CPU here, not on GPU; leave device out"):
        evaluation(framework="onnx_runtime", device="GPU").model_file(tmp_path)
    assert evaluation(framework="openvino", device="GPU").model_file(tmp_path) == tmp_path / "a.onnx"


def test_a_name_that_breaks_the_line_is_told_in_one(evaluation, tmp_path):
    with pytest.raises(UsageError, match=r"there is no model .*a\\nb\.xml; name another") as caught:
        evaluation(model="a\nb.xml").model_file(tmp_path)
    assert "\n" not in str(caught.value)
