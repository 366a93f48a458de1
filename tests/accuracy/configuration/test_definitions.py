from __future__ import annotations

import copy
from pathlib import Path

import pytest
import yaml
from accuracy.configuration.check_files import clips_conversion, with_plate, write_check, write_clips

from omz.accuracy.configuration.definitions import Definitions
from omz.accuracy.configuration.problems import Place
from omz.accuracy.configuration.reading import read_configuration
from omz.errors import UsageError


def definitions(name: str = "HumanMattingClips120", source: str = "clips") -> dict:
    return {
        "launchers": [{"framework": "openvino", "device": "GPU"}, {"framework": "openvino", "device": "NPU"}],
        "datasets": [
            {"name": "other", "annotation_conversion": {"converter": "of another task", "key": 1}},
            {
                "name": name,
                "data_source": source,
                "annotation": "clips.pickle",
                "dataset_meta": "clips.json",
                "annotation_conversion": clips_conversion(images_dir=source, masks_dir=source, backgrounds_dir=source,
                                                          foregrounds_dir=source),
                "preprocessing": [{"type": "resize", "size": 9}],
            },
        ],
    }  # fmt: skip


def write(path: Path, content: dict) -> Path:
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEFINITIONS_FILE", raising=False)


def test_the_first_with_the_same_name_is_copied_and_local_keys_replace_whole_values():
    entries = [{"name": "a", "x": [1, 2], "y": {"p": 1}}, {"name": "a", "z": 3}, {"name": "b", "w": 4}]
    shared = Definitions(Path("d.yml"), {"datasets": entries})
    before = copy.deepcopy(entries)
    merged, elsewhere = shared.complete("datasets", {"name": "a", "x": [9], "v": 0})
    assert merged == {"name": "a", "x": [9], "v": 0, "y": {"p": 1}}
    assert elsewhere == {"y": Place(Path("d.yml"), ("datasets", 0, "y"))}
    merged["new"] = 1
    assert entries == before
    assert shared.complete("datasets", {"name": "c"}) == ({"name": "c"}, {})


def test_a_configuration_takes_what_it_does_not_say(tmp_path):
    content = {**with_plate(), "global_definitions": "shared/d.yml"}
    (tmp_path / "shared").mkdir()
    write(tmp_path / "shared/d.yml", definitions())
    (evaluation,) = read_configuration(write_check(tmp_path / "c.yml", content))
    assert evaluation.device == "GPU"
    assert evaluation.frames.data_source == "clips"
    assert [step.type for step in evaluation.frames.preprocessing] == ["rgb_to_bgr", "resize"]  # its own, whole
    write_clips(tmp_path / "source/clips")
    dataset = evaluation.open_dataset(tmp_path / "source")
    assert [entry.name for entry in dataset.entries] == ["a/0000", "a/0001", "b/0000", "b/0001"]
    sample = dataset.read(dataset.entries[0])
    assert sample.plate is not None
    assert sample.foreground is not None
    assert sample.alpha is not None


def test_a_flag_comes_before_the_environment_and_that_before_the_file(tmp_path, monkeypatch):
    for name in ("flag", "environment", "own"):
        write(tmp_path / f"{name}.yml", definitions(source=name))
    path = write_check(tmp_path / "c.yml", {**with_plate(), "global_definitions": "own.yml"})

    def source(given: Path | None = None) -> str | None:
        return read_configuration(path, given)[0].frames.data_source

    assert source() == "own"
    monkeypatch.setenv("DEFINITIONS_FILE", str(tmp_path / "environment.yml"))
    assert source() == "environment"
    assert source(tmp_path / "flag.yml") == "flag"


def test_what_is_wrong_in_a_definition_is_told_of_its_file(tmp_path):
    shared = definitions()
    shared["datasets"][1]["annotation_conversion"]["with_alfa"] = True
    write(tmp_path / "d.yml", shared)
    path = write_check(tmp_path / "c.yml", with_plate())
    with pytest.raises(UsageError, match=r"d\.yml: datasets\.1\.annotation_conversion\.with_alfa: .*mean with_alpha\?"):
        read_configuration(path, tmp_path / "d.yml")
    shared = definitions()
    shared["datasets"][1]["data_sorce"] = "x"
    write(tmp_path / "d.yml", shared)
    with pytest.raises(UsageError, match=r"d\.yml: datasets\.1\.data_sorce: .*mean data_source\?"):
        read_configuration(path, tmp_path / "d.yml")


def test_definitions_of_other_tasks_do_no_harm_and_a_missing_file_does(tmp_path):
    path = write_check(tmp_path / "c.yml", with_plate())
    write(tmp_path / "d.yml", definitions(name="elsewhere"))
    (evaluation,) = read_configuration(path, tmp_path / "d.yml")
    assert evaluation.frames.annotation_conversion is None
    with pytest.raises(UsageError, match=r"gone\.yml cannot be read"):
        read_configuration(path, tmp_path / "gone.yml")


@pytest.mark.parametrize("relative", [True, False])
def test_the_source_is_put_before_an_alias_once(tmp_path, monkeypatch, relative):
    """Accuracy checker puts a relative source before each copy of an alias, and all of them are one."""
    write_clips(tmp_path / "source/clips")
    shared = definitions()
    folder = yaml.safe_dump(shared)
    text = folder.replace("data_source: clips", "data_source: &where clips").replace("_dir: clips", "_dir: *where")
    (tmp_path / "d.yml").write_text(_anchor_first(text))
    path = tmp_path / "c.yml"
    content = with_plate()
    model = content["models"][0]
    model["datasets"] *= 2
    model["datasets"][1] = model["datasets"][0]  # yaml.dump writes an alias
    path.write_text(yaml.safe_dump(content))
    assert "*id" in path.read_text()
    monkeypatch.chdir(tmp_path)
    source = Path("source") if relative else tmp_path / "source"
    for evaluation in read_configuration(path, Path("d.yml")):
        for _ in range(2):
            assert len(evaluation.open_dataset(source).entries) == 4


def _anchor_first(text: str) -> str:
    """Let the first of what is named be the anchor: keys are written in the order of the alphabet."""
    text = text.replace("&where clips", "*where")
    return text.replace("backgrounds_dir: *where", "backgrounds_dir: &where clips", 1)
