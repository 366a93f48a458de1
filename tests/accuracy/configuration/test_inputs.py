from __future__ import annotations

from pathlib import Path

import pytest
from accuracy.configuration.check_files import clips_conversion, portrait, recurrent, with_plate, write_check
from accuracy.datasets.picture_files import rgba, write

from omz.accuracy.configuration.evaluation import ConfiguredEvaluation
from omz.accuracy.configuration.reading import read_configuration
from omz.accuracy.datasets.folder import open_dataset
from omz.accuracy.datasets.synthetic import SyntheticScenes
from omz.errors import UsageError

SCENES = SyntheticScenes(2, (40, 60))


def evaluation(folder: Path, source: str = "com*", plate: str = "bgr*", **changes: object) -> ConfiguredEvaluation:
    content = with_plate()
    inputs = content["models"][0]["launchers"][0]["inputs"]
    inputs[0]["value"], inputs[1]["value"] = source, plate
    content["models"][0]["datasets"][0].update(changes)
    (found,) = read_configuration(write_check(folder / "c.yml", content))
    return found


@pytest.fixture
def clips(tmp_path) -> Path:
    for name in ("x/1.png", "x/2.png"):
        write(tmp_path / "clips/com" / name)
        write(tmp_path / "clips/bgr" / name)
        write(tmp_path / "clips/fgr" / name, rgba(1, 1))
    return tmp_path / "clips"


@pytest.mark.parametrize("conversion", [None, clips_conversion()], ids=["layout found out", "layout told"])
def test_an_expression_that_no_file_matches_is_told_with_what_there_is(tmp_path, clips, conversion):
    wrong = evaluation(tmp_path, plate="zzz", annotation_conversion=conversion)
    with pytest.raises(UsageError) as caught:
        wrong.check(wrong.open_dataset(clips))
    message = str(caught.value)
    assert message.startswith(
        f"{tmp_path}/c.yml: models.0.launchers.0: the input bgr takes 'zzz', which matches no file"
    )
    assert "com/x/1.png, bgr/x/1.png: correct the expression" in message
    assert "\n" not in message
    right = evaluation(tmp_path, annotation_conversion=conversion)
    right.check(right.open_dataset(clips))


def test_one_frame_that_matches_is_enough_and_the_others_stay_problems_of_theirs(tmp_path, clips):
    few = evaluation(tmp_path, source=r"com/x/2\.", annotation_conversion=clips_conversion())
    few.check(few.open_dataset(clips))


def test_a_dataset_without_plates_has_none_for_an_input(tmp_path, clips):
    for path in sorted((clips / "bgr").rglob("*.png")):
        path.unlink()
    found = evaluation(tmp_path)
    with pytest.raises(UsageError, match=r"the input bgr takes 'bgr\*', which .* its first frame has com/x/1, com/x/1"):
        found.check(found.open_dataset(clips))


@pytest.mark.parametrize("name", ["omz_clips", "compositing", "pictures"])
def test_datasets_of_any_layout_have_what_accuracy_checker_calls_com_and_bgr(tmp_path, name):
    """Pictures that are made have what they are placed before as their plate."""
    files = {
        "omz_clips": ["com/x/1.png", "bgr/x/1.png", "fgr/x/1.png"],
        "compositing": ["fgr/1.png", "bgr/1.png"],
        "pictures": ["1.png", "bgr/1.png"],
    }
    for file in files[name]:
        write(tmp_path / "set" / file, rgba(1, 1))
    dataset = open_dataset(tmp_path / "set", name)
    evaluation(tmp_path).check(dataset)
    with pytest.raises(UsageError, match="the input src takes 'zzz'"):
        evaluation(tmp_path, source="zzz").check(dataset)


def test_synthetic_scenes(tmp_path):
    evaluation(tmp_path).check(SCENES)
    told = r"which matches no file of 2 synthetic scenes of 60x40; its first frame has com/0, bgr/0: correct"
    with pytest.raises(UsageError, match=told):
        evaluation(tmp_path, source="zzz").check(SCENES)


def test_inputs_without_expression_and_those_that_are_fed_back_need_no_file(tmp_path):
    for content in (recurrent(), portrait()):
        (found,) = read_configuration(write_check(tmp_path / "c.yml", content))
        found.check(SCENES)


def test_an_expression_that_breaks_the_line_is_told_in_one(tmp_path):
    with pytest.raises(UsageError, match=r"the input src takes 'a\\nb'") as caught:
        evaluation(tmp_path, source="a\nb").check(SCENES)
    assert "\n" not in str(caught.value)
