from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from helpers.builders import small_model, write_card

from omz.convert.plan import ConversionPlan, plan_conversion
from omz.convert.sources import check_sources
from omz.errors import ModelFileError
from omz.zoo import Catalog


def plan_with(root: Path, source: object, folder: str, script: bool) -> ConversionPlan:
    """Return the plan of a card that has an ONNX file in its folder, with or without code of its own."""
    content = small_model(root / "small.onnx").read_bytes()
    digest = hashlib.sha384(content).hexdigest()
    file = {"name": "net.onnx", "size": len(content), "checksum": digest, "source": source}
    card = write_card(root, "net", files=[file], model_optimizer_args=[f"--input_model={folder}/net.onnx"])
    (card / "net.onnx").write_bytes(content)
    if script:
        (card / "pre-convert.py").touch()
    return plan_conversion(Catalog(root)["net"], root / "downloads", root / "out")


@pytest.mark.parametrize("script", [False, True])
def test_a_bundled_source_that_is_missing_is_restored_and_not_downloaded(tmp_path, script):
    plan = plan_with(tmp_path, {"$type": "bundled"}, "$config_dir", script)
    assert check_sources(plan).name == "net.onnx"
    plan.source.unlink()
    with pytest.raises(ModelFileError) as caught:
        check_sources(plan)
    wrong = f"net: {plan.source} is missing"
    assert str(caught.value) == f"{wrong}; it ships with its card; restore it in {tmp_path}/net"


@pytest.mark.parametrize("script", [False, True])
def test_a_source_that_is_missing_is_downloaded(tmp_path, script):
    plan = plan_with(tmp_path, "https://example.com/net.onnx", "$dl_dir", script)
    with pytest.raises(ModelFileError) as caught:
        check_sources(plan)
    command = f"omz_downloader --name net -o {tmp_path}/downloads"
    assert str(caught.value) == f"net: {plan.source} is missing; run {command} first"
