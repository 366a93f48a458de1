from __future__ import annotations

import io
import re
from dataclasses import replace

from helpers.evaluations import evaluated, frame, unread
from rich.console import Console

from omz.accuracy.comparison import FrameResult, ModelFrame
from omz.accuracy.evaluation import Evaluation
from omz.accuracy.verdict import Gate, Reference
from omz.cli.accuracy_display import show


def shown(evaluation: Evaluation, width: int = 200) -> str:
    file = io.StringIO()
    show(Console(file=file, width=width), evaluation)
    return file.getvalue()


def words(evaluation: Evaluation) -> str:
    """Return what is shown without frames, on one line."""
    return " ".join(re.sub("[━─┃│┏┓┗┛┡┩├┤└┘╇┴┬┼┳╋┻]", " ", shown(evaluation)).split())


def scored(number: int, *values: float, clip: str = "") -> FrameResult:
    models = {label: ModelFrame({"MAD": value}, 1, 0, 1) for label, value in zip("ab", values, strict=True)}
    return FrameResult(f"{clip}/{number}", clip, number, models)


def test_small_figures_and_small_differences_have_digits():
    text = words(evaluated([scored(number, 0.00031234567, 0.00031234767) for number in range(5)], "ab"))
    assert "0.000312346" in text
    assert "0.000312348" in text
    assert "+2e-09 [+2e-09, +2e-09]" in text
    assert "-0.0000" not in text
    same = words(evaluated([scored(number, 77123.456, 77123.456) for number in range(5)], "ab"))
    assert "77123.4560 77123.4560 0 [0, 0]" in same


def test_one_clip_has_no_brackets_and_few_are_said_to_be_rough():
    one = words(evaluated([scored(0, 1, 2, clip="x"), scored(1, 1, 3, clip="x")], "ab"))
    assert "+1.5" in one
    assert "[" not in one
    assert "the difference from the first model; one clip or image gives no range" in one
    few = words(evaluated([scored(0, 1, 2, clip="x"), scored(0, 1, 3, clip="y")], "ab"))
    assert "+1.5 [+1, +2]" in few
    assert "in brackets its 95 % range; 2 clips or images make ranges rough" in few
    enough = words(evaluated([scored(number, 1, 2) for number in range(5)], "ab"))
    assert "in brackets its 95 % range" in enough
    assert "rough" not in enough
    assert "difference" not in shown(evaluated([frame(0, ("a",))], ("a",), causes={}))


def test_it_tells_which_ir_in_8_bits_was_scored():
    evaluation = evaluated([frame(0, ("a", "b"))], ("a", "b"), path="ir/net.xml")
    provenance = replace(evaluation.provenance, origins={"b": "by NNCF 3 on 4 samples"})
    lines = shown(replace(evaluation, provenance=provenance)).splitlines()
    assert "b is ir/net.xml, by NNCF 3 on 4 samples" in lines


def test_lines_are_whole_however_narrow_the_screen():
    problem = "a very long name of a file/" * 20 + "x.png cannot be read; use an undamaged one"
    gates = [Gate("b" * 90, "MAD", 2, 1)]
    lines = shown(evaluated([frame(0), unread(problem=problem)], gates=gates), 80).splitlines()
    assert f"clip/lost: {problem}" in lines
    assert f"FAIL {'b' * 90}: MAD 2, allowed 1" in lines


def test_references_are_told_with_what_the_models_gave():
    references = (Reference("MAD", 4.35), Reference("GRAD", 0.25, abs_threshold=0.1))
    lines = shown(evaluated([frame(0), frame(2)], references=references)).splitlines()
    assert "reference MAD 4.35 (no threshold): original 11.1000, FP32 11.4000, FP16 11.7000" in lines
    assert "reference GRAD 0.25 (within 0.1): original 0.666667, FP32 0.375000, FP16 0.266667" in lines


def test_a_model_without_alpha_has_no_ends():
    lost = {"a": ModelFrame({}, 1, None, None, "2 pixels of alpha are no numbers")}
    text = words(evaluated([FrameResult("x", "", 0, lost)], ("a",), causes={}))
    assert "alpha from, to - " in text
