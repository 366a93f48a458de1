from __future__ import annotations

from omz.accuracy.datasets.sample import Entry
from omz.accuracy.provenance import depends_on_files, origin_in_words
from omz.convert.manifest import Manifest, manifest_path


def test_the_origin_of_an_ir_in_8_bits_is_that_in_its_manifest(tmp_path):
    xml = tmp_path / "net.xml"
    facts = {"quantised_by": "NNCF 3.4", "quantised_on": "4 samples, SHA-256 ab: four scenes"}
    common = {"source": {}, "versions": {}, "inputs": [], "outputs": [], "files": {}, "parity": ()}
    made = Manifest(
        name="net", precision="FP16-INT8", key="", arguments={"quantisation": facts}, check="none", keeps_model_in=(),
        kept_in_float=("sum", "product"), quantisation={"made": "2026-05-04T03:02:01+00:00"}, **common,
    )  # fmt: skip
    made.write(manifest_path(xml))
    told = "by NNCF 3.4 on 4 samples, SHA-256 ab: four scenes, 2 layers in float, made 2026-05-04T03:02:01+00:00"
    assert origin_in_words([xml, xml.with_suffix(".bin")]) == told


def test_others_have_none(tmp_path):
    assert origin_in_words([tmp_path / "net.onnx"]) == ""
    plain = tmp_path / "plain.xml"
    manifest_path(plain).write_text("{}")
    assert origin_in_words([plain]) == ""
    assert origin_in_words([]) == ""


def test_a_dataset_that_changes_is_another(tmp_path):
    paths = [tmp_path / "1", tmp_path / "2"]
    entries = [Entry(path.name, "", 0, {"picture": path}) for path in paths]
    for path in paths:
        path.write_bytes(b"x")
    before = depends_on_files(entries)
    assert depends_on_files(entries) == before
    paths[1].write_bytes(b"xy")
    after = depends_on_files(entries)
    assert after != before
    paths[1].unlink()
    assert depends_on_files(entries) not in (before, after)
    assert depends_on_files(entries[:1]) not in (before, after)
