from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from helpers.matting_networks import save_one_picture
from helpers.rewritten import save_rewritten

from omz.benchmark import planning
from omz.benchmark.candidate import Candidate
from omz.benchmark.planning import plan
from omz.benchmark.request import BenchmarkObserver, BenchmarkRequest
from omz.benchmark.results import UNJUDGED, Row
from omz.zoo import Catalog

STARTER = "background-matting-starter"


def planned(**given: object) -> list[Candidate | Row]:
    return plan(BenchmarkRequest(**{"precisions": ("FP16",), "devices": ("CPU",), **given}), BenchmarkObserver())


def reasons(found: list[Candidate | Row]) -> dict[str, str]:
    return {each.case.title: each.reason for each in found if isinstance(each, Row)}


def test_a_model_without_weights_is_a_row_with_the_command_that_fetches_them(tmp_path):
    found = planned(names=("u2net", "nothing"), compare=("onnxruntime",), download_dir=tmp_path)
    told = reasons(found)
    assert [*told] == ["u2net", "nothing"]
    assert told["u2net"] == f"its weights are not here; omz_downloader --name u2net -o {tmp_path} fetches them"
    assert "no model is called 'nothing'" in told["nothing"]
    assert [*tmp_path.iterdir()] == []


def test_a_model_of_free_size_runs_at_all_sizes_on_all_devices_with_all_streams():
    found = planned(
        names=(STARTER,), sizes=("64x32", "32x32"), devices=("CPU", "MULTI:CPU"), streams=("latency", "throughput")
    )
    cases = [each.case for each in found]
    assert len({*cases}) == 8
    assert {(case.model, case.precision, case.engine) for case in cases} == {(STARTER, "FP16", "OpenVINO")}
    assert {case.size for case in cases} == {"64x32", "32x32"}
    assert sum(path.stat().st_size for path in found[0].files) == found[0].disk > 500_000


def test_a_model_of_fixed_size_runs_at_that(tmp_path):
    free = save_one_picture(tmp_path / "free.onnx", "h", "w")
    fixed = save_one_picture(tmp_path / "fixed.onnx", 32, 48)
    found = planned(models=(free, fixed), sizes=("64x32",), compare=("onnxruntime", "pytorch"))
    assert [each.case.size for each in found if isinstance(each, Candidate)] == ["64x32", "64x32", "48x32", "48x32"]
    assert {each.case.engine for each in found if isinstance(each, Candidate)} == {"OpenVINO", "ONNX Runtime"}
    assert all("has no card" in reason for reason in reasons(found).values())


def test_of_a_rewritten_model_it_is_known_that_it_has_two_graphs(tmp_path):
    paths = save_rewritten(tmp_path / "net.xml", 64, 96), save_one_picture(tmp_path / "one.onnx", 32, 48)
    assert [each.has_graphs for each in planned(models=paths)] == [True, False]


def test_files_of_one_name_are_called_by_what_tells_them_apart(tmp_path):
    paths = [tmp_path / name for name in ("old/a/net.onnx", "new/a/net.onnx", "new/other.onnx")]
    found = plan(BenchmarkRequest(models=tuple(paths), devices=("CPU",)), BenchmarkObserver())
    assert [each.case.model for each in found] == ["old/a/net.onnx", "new/a/net.onnx", "other.onnx"]


@pytest.mark.parametrize(
    ("name", "engine", "said"),
    [
        (STARTER, "onnxruntime", "its original is a PyTorch network, which ONNX Runtime does not run"),
        (STARTER, "rembg", "rembg has no such model"),
    ],
)
def test_an_original_that_cannot_run_is_a_row_with_the_reason(name, engine, said):
    assert said in reasons(planned(names=(name,), compare=(engine,)))[f"{name} original {_title(engine)}"]


def _title(engine: str) -> str:
    return {"onnxruntime": "ONNX Runtime", "pytorch": "PyTorch"}.get(engine, engine)


def test_damaged_and_missing_files_are_rows_with_their_reasons(tmp_path):
    shipped = next(Path(path) for path in planned(names=(STARTER,))[0].files if path.suffix == ".xml")
    shutil.copy(shipped, tmp_path / "damaged.xml")  # without its weights
    (tmp_path / "empty.onnx").touch()
    found = planned(models=tuple(tmp_path / name for name in ("damaged.xml", "empty.onnx", "missing.xml")))
    told = reasons(found)
    assert len(found) == len(told) == 3
    assert "missing.xml is not there" in told["missing.xml"]


def test_irs_of_a_folder_are_run_as_they_are(tmp_path):
    shipped = planned(names=(STARTER,))[0].path
    folder = tmp_path / "public" / STARTER / "FP16-INT8"
    folder.mkdir(parents=True)
    for path in (shipped, shipped.with_suffix(".bin")):
        shutil.copy(path, folder)
    found = planned(names=(STARTER,), model_dir=tmp_path, precisions=("FP16-INT8", "FP16"))
    assert found[0].path == folder / f"{STARTER}.xml"
    assert "omz_quantizer" in reasons(found)[f"{STARTER} FP16"]


def test_int8_irs_are_those_of_these_weights_and_others_are_noted(tmp_path, monkeypatch):
    shipped = planned(names=(STARTER,))[0].path
    card = Catalog()[STARTER]
    folder = tmp_path / card.subdirectory / "FP16-INT8"
    folder.mkdir(parents=True)
    for path in shipped.parent.iterdir():
        shutil.copy(path, folder)
    given = {"names": (STARTER,), "precisions": ("FP16-INT8",), "download_dir": tmp_path}
    [written] = planned(**given)
    assert (written.path, written.notes) == (folder / shipped.name, ())
    monkeypatch.setattr(planning, "stored_int8", lambda *others: shipped)  # which takes a minute
    manifest = folder / shipped.with_suffix(".json").name
    content = json.loads(manifest.read_text())
    content["source"] = {"file": content["source"]["file"], "sha256": "0", "sha384": "0"}
    manifest.write_text(json.dumps(content))
    [other] = planned(**given)
    assert (other.path, other.notes) == (shipped, (UNJUDGED,))


def test_the_int8_ir_of_the_models_folder_is_found_with_weights_in_the_current_folder(tmp_path, monkeypatch):
    """As omz_quantizer writes there, wherever the weights lie."""
    shipped = planned(names=(STARTER,))[0].path
    monkeypatch.setenv("OMZ_HOME", str(tmp_path))
    monkeypatch.setattr(planning, "folder_of", lambda card, given: Path())
    folder = tmp_path / Catalog()[STARTER].subdirectory / "FP16-INT8"
    shutil.copytree(shipped.parent, folder)
    [written] = planned(names=(STARTER,), precisions=("FP16-INT8",))
    assert (written.path, written.notes) == (folder / shipped.name, ())


def test_an_int8_ir_is_run_where_weights_are_not_here(tmp_path, monkeypatch):
    shipped = planned(names=(STARTER,))[0].path
    monkeypatch.setattr(planning, "quantised_ir", lambda card, folder, weights: shipped)
    found = planned(names=("u2net",), precisions=("FP16-INT8", "FP16"), download_dir=tmp_path)
    assert isinstance(found[0], Candidate)
    assert "its weights are not here" in reasons(found)["u2net FP16"]


def test_an_int8_ir_that_is_not_made_is_a_row_with_the_command(tmp_path):
    other = planned(names=(STARTER,), precisions=("FP32-INT8",), download_dir=tmp_path)
    command = f"omz_quantizer --name {STARTER} --precisions FP32-INT8 -o {tmp_path} makes it"
    assert command in reasons(other)[f"{STARTER} FP32-INT8"]
