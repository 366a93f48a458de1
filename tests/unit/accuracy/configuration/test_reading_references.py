from __future__ import annotations

import math
import stat
from pathlib import Path

import pytest
import yaml
from helpers.check_files import portrait, with_plate, write_check

from omz.accuracy.configuration.reading import read_configuration, update_references
from omz.errors import UsageError

BLOCK = """\
# The references are those of the converted model.
models:
  - name: net   # of ours
    launchers:
      - {framework: openvino, adapter: background_matting}
    datasets:
      - name: set
        metrics:
          - name: MAD  # mean of absolute differences
            type: mad
            reference: 4.35  # measured long ago
            abs_threshold: 0.1

          # in thousands
          - type: spatial_gradient
            name: GRAD   # no reference yet

          - {name: MSE, type: mse_with_mask, use_mask: false}
          - {name: "SAD", reference: 1, type: sad}
# the end
"""


def references(path: Path) -> dict[str, float]:
    return {each.name: each.value for evaluation in read_configuration(path) for each in evaluation.references}


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_only_references_change(tmp_path, newline):
    path = tmp_path / "c.yml"
    path.write_bytes(BLOCK.replace("\n", newline).encode())
    update_references(path, {"MAD": 4.125, "GRAD": 1e-7, "MSE": 3e22, "SAD": 2})
    changed = (
        BLOCK.replace("reference: 4.35  #", "reference: 4.125  #")
        .replace(
            "name: GRAD   # no reference yet\n", "name: GRAD   # no reference yet\n            reference: 1.0e-07\n"
        )
        .replace("use_mask: false}", "use_mask: false, reference: 3.0e+22}")
        .replace("reference: 1,", "reference: 2.0,")
    )
    assert path.read_bytes() == changed.replace("\n", newline).encode()
    assert references(path) == {"MAD": 4.125, "GRAD": 1e-7, "MSE": 3e22, "SAD": 2}
    numbers = [metric["reference"] for metric in yaml.safe_load(changed)["models"][0]["datasets"][0]["metrics"]]
    assert all(isinstance(number, float) for number in numbers)  # what others read, too


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_who_may_read_and_write_the_file_stays(tmp_path, mode):
    path = write_check(tmp_path / "c.yml", with_plate())
    path.chmod(mode)
    update_references(path, {"alpha_MAD": 1})
    assert references(path)["alpha_MAD"] == 1
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_number_is_read_back_to_the_last_bit(tmp_path):
    path = write_check(tmp_path / "c.yml", with_plate())
    update_references(path, {"alpha_MAD": 0.1 + 0.2})
    assert references(path)["alpha_MAD"] == 0.1 + 0.2
    assert references(path)["alpha_GRAD"] == 2.49


def test_means_and_deviations(tmp_path):
    path = write_check(tmp_path / "c.yml", portrait())
    update_references(path, {"MAD": 5.5, "MAD@std": 6.5, "MSE@std": 7.5})
    assert references(path) == {"MAD": 5.5, "MAD@std": 6.5, "MSE": 727.952792, "MSE@std": 7.5}
    content = portrait()
    del content["models"][0]["datasets"][0]["metrics"][0]["reference"]
    update_references(write_check(path, content), {"MAD": 1, "MAD@std": 2})
    assert references(path)["MAD@std"] == 2


@pytest.mark.parametrize(
    ("figures", "told"),
    [
        ({"MAD": math.nan}, "a figure is nan; only numbers can be expected"),
        ({"MAD": 1, "MADD": 1}, "has no metric MADD; did you mean MAD?"),
        ({"GRAD@std": 1}, "the reference has no mean yet"),
    ],
)
def test_what_cannot_be_written_changes_nothing(tmp_path, figures, told):
    path = tmp_path / "c.yml"
    path.write_text(BLOCK)
    with pytest.raises(UsageError, match=told):
        update_references(path, figures)
    assert path.read_text() == BLOCK
    assert [each.name for each in tmp_path.iterdir()] == ["c.yml"]


def test_a_name_that_several_have_needs_a_model_and_a_dataset(tmp_path):
    content = with_plate()
    other = portrait()["models"][0]
    other["datasets"][0]["metrics"][0]["name"] = "alpha_MAD"
    content["models"].append(other)
    path = write_check(tmp_path / "c.yml", content)
    with pytest.raises(UsageError, match="has 2 metrics alpha_MAD; say whose"):
        update_references(path, {"alpha_MAD": 1})
    update_references(path, {"alpha_MAD": 1}, model="background-matting-mobilenetv2")
    update_references(path, {"alpha_MAD": 2}, dataset="HumanMattingDataset")
    first, second = read_configuration(path)
    assert (first.references[0].value, second.references[0].value) == (1, 2)


def test_an_alias_is_not_written_through(tmp_path):
    path = tmp_path / "c.yml"
    text = BLOCK.replace("reference: 4.35", "reference: &old 4.35").replace("reference: 1,", "reference: *old,")
    text = text.replace("*old,", "*old ,")
    path.write_text(text)
    for name in ("MAD", "SAD"):
        with pytest.raises(UsageError, match="reference has an anchor, or is one's alias; write it out"):
            update_references(path, {name: 1})
    assert path.read_text() == text


def test_an_empty_reference_is_filled(tmp_path):
    path = tmp_path / "c.yml"
    path.write_text(BLOCK.replace("reference: 4.35  #", "reference:  #"))
    update_references(path, {"MAD": 3})
    assert references(path) == {"MAD": 3, "SAD": 1}
    assert "reference: 3.0  # measured long ago" in path.read_text()
