"""The specification's table, cell by cell: its reference vector, plain formulas, and mmeval."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from helpers.alphas import pairs, reference_levels
from hypothesis import given, settings
from hypothesis import strategies as st
from mmeval import ConnectivityError, GradientError, MattingMeanSquaredError, SumAbsoluteDifferences

from omz.accuracy.conventions import CONVENTIONS, OMZ, ScoredFrame, find_convention
from omz.metrics.perceptual import gradient_error

DIM, RVM_LR, RVM_HR, SHM, PARTS = (CONVENTIONS[name] for name in ("dim", "rvm_lr", "rvm_hr", "shm", "parts"))
EIGHT_BITS = (DIM, RVM_LR, RVM_HR)

REFERENCE = {
    "omz": {"MAD": "61.0153697", "MSE": "17.4245232", "GRAD": "0.1358332", "foreground MSE": "59.1864259"},
    "dim": {"MSE": "0.0519214", "SAD": "0.1283608", "GRAD": "76.99401", "CONN": "132.38824"},
    "rvm_lr": {
        "MAD": "61.0153697",
        "MSE": "17.4245232",
        "GRAD": "0.1344380",
        "CONN": "0.1875882",
        "dtSSD": "26.4003964",
    },
    "rvm_hr": {"MAD": "61.0153697", "MSE": "17.4245232", "GRAD": "0.1360980", "dtSSD": "26.4003964"},
    "shm": {"SAD": "0.1874392"},  # the omz MAD times 3072 pixels
}

UNITS = {
    "omz": {"MAD": "x1e3", "MSE": "x1e3", "GRAD": "/1e3", "foreground MSE": "x1e3"},
    "dim": {"MSE": "", "SAD": "/1e3", "GRAD": "", "CONN": "", "foreground MSE": ""},
    "rvm_lr": {
        "MAD": "x1e3",
        "MSE": "x1e3",
        "GRAD": "/1e3",
        "CONN": "/1e3",
        "foreground MAD": "x1e3",
        "foreground MSE": "x1e3",
    },
    "rvm_hr": {"MAD": "x1e3", "MSE": "x1e3", "GRAD": "/1e3", "foreground MSE": "x1e3"},
    "shm": {"SAD": "/1e3"},
    "parts": {
        "MAD": "x1e3",
        "MSE": "x1e3",
        "GRAD": "/1e3",
        "band": "x1e3",
        "inside": "x1e3",
        "background": "x1e3",
        "holes": "%",
        "ghosts": "%",
        "fringe": "x1e3",
    },
}


def colours_of(alpha: np.ndarray) -> np.ndarray:
    return np.dstack([alpha] * 3)


def is_of_foregrounds(figure: str) -> bool:
    return figure.startswith("foreground") or figure == "fringe"


def trimap_of(truth: np.ndarray) -> np.ndarray:
    return np.where(truth <= 0, 0, np.where(truth >= 1, 255, 128)).astype(np.uint8)


def digits(number: float, like: str) -> str:
    return f"{number:.{len(like.partition('.')[2])}f}"


@pytest.mark.parametrize("kind", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("name", REFERENCE)
def test_the_reference_vector(name, kind):
    levels = reference_levels()
    predicted, truth = levels if kind == np.uint8 else ((each / 255).astype(kind) for each in levels)
    trimap = trimap_of(levels[1] / 255)
    assert np.count_nonzero(trimap == 128) == 669
    frame = ScoredFrame(predicted, truth, colours_of(predicted), colours_of(truth), trimap)
    figures = CONVENTIONS[name].score(frame, replace(frame, alpha=truth, truth=predicted))
    if kind == np.float32:  # in which alphas themselves are rounded
        assert {metric: figures[metric] for metric in REFERENCE[name]} == pytest.approx(
            {metric: float(told) for metric, told in REFERENCE[name].items()}, rel=1e-6
        )
    else:
        assert {metric: digits(figures[metric], told) for metric, told in REFERENCE[name].items()} == REFERENCE[name]
    flicker = {"dtSSD", "dtSSD of pairs"} if name.startswith("rvm") else set()
    assert set(figures) == set(UNITS[name]) | flicker
    assert set(CONVENTIONS[name].units) >= set(figures)


def test_units_regions_and_averages():
    assert {name: {each.name: each.unit for each in it.measures} for name, it in CONVENTIONS.items()} == UNITS
    assert {name: it.name for name, it in CONVENTIONS.items()} == {name: name for name in UNITS}
    assert [it.region for it in CONVENTIONS.values()] == ["whole", "unknown", "whole", "whole", "whole", "whole"]
    assert [it.levels for it in CONVENTIONS.values()] == ["none", "truncate", "truncate", "truncate", "none", "none"]
    assert [it.by_index for it in CONVENTIONS.values()] == [False, False, True, True, False, False]
    assert [it.multiple for it in CONVENTIONS.values()] == [1, 4, 1, 1, 1, 1]
    assert {name for name, it in CONVENTIONS.items() if it.flicker is not None} == {"rvm_lr", "rvm_hr"}
    scales = {each.unit: each.scale for it in CONVENTIONS.values() for each in it.measures}
    assert scales == {"x1e3": 1e3, "/1e3": 1e-3, "": 1.0, "%": 1e2}


@settings(max_examples=40)
@given(pairs(), st.integers(0, 1000))
def test_dim_against_mmeval(pair, seed):
    """mmeval takes alphas of 0 to 1, whatever it says of 0 to 255: its CONN has cut-offs of 0.1 to 1.

    Its SAD and MSE add up the whole picture, and want both alphas equal outside the unknown region; its sums are in
    thousands; where CONN has to reach 0.6, it needs single precision, and then sums in it.
    """
    predicted, truth = (np.floor(255 * each) / 255 for each in pair)
    rng = np.random.default_rng(seed)
    trimap = np.where(rng.random(truth.shape) < 0.5, 128, 255).astype(np.uint8)
    trimap[0, 0] = 128
    figures = DIM.score(ScoredFrame(predicted.astype(np.float32), truth, trimap=trimap))

    height, width = (side // 4 * 4 for side in truth.shape)
    predicted, truth, trimap = (each[:height, :width] for each in (predicted, truth, trimap))
    unknown = trimap == 128
    in_region = [predicted * unknown], [truth * unknown]
    single = [predicted.astype(np.float32)], [truth.astype(np.float32)]
    theirs = {
        "SAD": SumAbsoluteDifferences()(*in_region)["sad"],
        "MSE": MattingMeanSquaredError()(*in_region, [trimap])["matting_mse"],
        "GRAD": 1e3 * GradientError()([predicted], [truth], [trimap])["gradient_error"],
        "CONN": 1e3 * ConnectivityError()(*single, [trimap])["connectivity_error"],
    }
    assert figures == pytest.approx(theirs, rel=1e-6, abs=1e-9)


def random_frame(seed: int, shape: tuple[int, int] = (20, 31)) -> ScoredFrame:
    rng = np.random.default_rng(seed)
    truth = rng.choice([0, 1, 2, 3, 4, 128, 255], shape) / 255
    colours, true_colours = rng.random((*shape, 3), np.float32), rng.integers(0, 256, (*shape, 3)) / 255
    trimap = rng.choice(np.array([0, 128, 255], np.uint8), shape)
    return ScoredFrame(rng.random(shape, np.float32), truth, colours, true_colours, trimap)


def mean_where(values: np.ndarray, mask: np.ndarray) -> float:
    return sum(values[mask].tolist()) / mask.sum()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("region", ["whole", "edge"])
def test_parts_by_plain_formulas(seed, region):
    frame = random_frame(seed)
    figures = find_convention("parts", region).score(frame)
    assert {name: figures[name] for name in ("MAD", "MSE", "GRAD")} == {
        name: find_convention("omz", region).score(frame)[name] for name in ("MAD", "MSE", "GRAD")
    }  # every pixel is at most 10 from an edge
    error = np.abs(frame.alpha.astype(float) - frame.truth)
    levels = np.rint(255 * frame.truth)
    inside, outside = levels >= 253, levels <= 2
    band = ~inside & ~outside
    assert figures["band"] == pytest.approx(1e3 * mean_where(error, band))
    assert figures["inside"] == pytest.approx(1e3 * error[inside].sum() / error.size)
    assert figures["background"] == pytest.approx(1e3 * error[outside].sum() / error.size)
    assert figures["holes"] == pytest.approx(100 * mean_where(frame.alpha < 0.9, inside))
    assert figures["ghosts"] == pytest.approx(100 * mean_where(frame.alpha > 0.1, outside))
    colours = np.abs(frame.foreground - frame.true_foreground).mean(axis=2)
    assert figures["fringe"] == pytest.approx(1e3 * mean_where(colours, band), rel=1e-6)


@pytest.mark.parametrize(
    ("level", "missing"),
    [(0, {"band", "holes", "fringe"}), (1, {"band", "ghosts", "fringe"}), (0.5, {"holes", "ghosts"})],
)
def test_a_part_that_an_image_does_not_have_has_no_figure(level, missing):
    colours = np.zeros((4, 5, 3))
    frame = ScoredFrame(np.full((4, 5), 0.5), np.full((4, 5), float(level)), colours, colours)
    figures = PARTS.score(frame)
    assert set(UNITS["parts"]) - set(figures) == missing
    assert all(map(math.isfinite, figures.values()))
    assert "fringe" not in PARTS.score(replace(frame, true_foreground=None))


def truncated(values: np.ndarray) -> np.ndarray:
    return np.floor(255 * values.astype(np.float64)) / 255


@pytest.mark.parametrize("seed", range(5))
def test_foregrounds_by_plain_formulas(seed):
    frame = random_frame(seed)
    present = frame.truth > 0
    as_given = (frame.foreground - frame.true_foreground)[np.rint(255 * frame.truth) >= 3]
    assert OMZ.score(frame)["foreground MSE"] == pytest.approx(1e3 * (as_given.astype(float) ** 2).mean(), rel=1e-6)

    errors = (truncated(frame.foreground) - frame.true_foreground)[present]
    low, high = RVM_LR.score(frame), RVM_HR.score(frame)
    assert low["foreground MAD"] == pytest.approx(1e3 * np.abs(errors).mean(), rel=1e-9)
    assert low["foreground MSE"] == high["foreground MSE"] == pytest.approx(1e3 * (errors**2).mean(), rel=1e-9)

    cut = np.s_[:20, :28]
    masked = ((truncated(frame.foreground) - frame.true_foreground) * present[..., None])[cut]
    by_channel = [(masked[..., channel][frame.trimap[cut] == 128] ** 2).mean() for channel in range(3)]
    assert DIM.score(frame)["foreground MSE"] == pytest.approx(np.mean(by_channel), rel=1e-9)


def test_another_region_holds_for_foregrounds_too():
    frame = random_frame(0)
    counted = (frame.truth > 0) & (frame.trimap == 128)
    errors = (truncated(frame.foreground) - frame.true_foreground)[counted]
    found = replace(RVM_HR, region="unknown").score(frame)["foreground MSE"]
    assert found == pytest.approx(1e3 * (errors**2).mean(), rel=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_alphas_by_plain_formulas(seed):
    frame, before = random_frame(seed), random_frame(seed + 100)
    given_errors = frame.alpha.astype(np.float64) - frame.truth
    assert OMZ.score(frame)["MAD"] == pytest.approx(1e3 * np.abs(given_errors).mean(), rel=1e-9)
    assert OMZ.score(frame)["MSE"] == pytest.approx(1e3 * (given_errors**2).mean(), rel=1e-9)
    assert SHM.score(frame) == {"SAD": pytest.approx(np.abs(given_errors).sum() / 1e3, rel=1e-9)}

    errors = truncated(frame.alpha) - frame.truth
    flicker = errors - (truncated(before.alpha) - before.truth)
    for convention in (RVM_LR, RVM_HR):
        figures = convention.score(frame, before)
        assert figures["MAD"] == pytest.approx(1e3 * np.abs(errors).mean(), rel=1e-9)
        assert figures["MSE"] == pytest.approx(1e3 * (errors**2).mean(), rel=1e-9)
        assert figures["dtSSD"] == pytest.approx(100 * math.sqrt((flicker**2).mean()), rel=1e-9)

    unknown = errors[:20, :28][frame.trimap[:20, :28] == 128]
    assert DIM.score(frame)["SAD"] == pytest.approx(np.abs(unknown).sum() / 1e3, rel=1e-9)
    assert DIM.score(frame)["MSE"] == pytest.approx((unknown**2).mean(), rel=1e-9)


def test_edges_are_stretched_in_dim_and_rvm_lr_alone():
    truth = np.random.default_rng(0).integers(0, 256, (20, 32)) / 255
    truth[0, :2] = 0, 1
    frame = ScoredFrame(np.floor(255 * truth * 0.5) / 255, truth, trimap=np.full((20, 32), 128, np.uint8))
    flat, stretched = (
        gradient_error(frame.alpha, truth, border="replicate", normalised=normalised) for normalised in (False, True)
    )
    assert flat > 10 * stretched
    assert DIM.score(frame)["GRAD"] == pytest.approx(stretched)
    assert RVM_LR.score(frame)["GRAD"] == pytest.approx(stretched / 1e3)
    assert RVM_HR.score(frame)["GRAD"] == pytest.approx(flat / 1e3)
    assert OMZ.score(frame)["GRAD"] == pytest.approx(gradient_error(frame.alpha, truth, border="symmetric") / 1e3)


def test_what_becomes_of_levels():
    """As in the specification: one frame scored 99.009 truncated, 100.275 rounded, 100.273 as given."""
    truth = np.random.default_rng(0).integers(0, 101, (90, 160)) / 255
    predicted = (truth + np.random.default_rng(1).uniform(0.05, 0.15, truth.shape)).astype(np.float32)
    found = {
        levels: replace(RVM_HR, levels=levels).score(ScoredFrame(predicted, truth))["MAD"]
        for levels in ("truncate", "round", "none")
    }
    assert found["none"] - found["truncate"] == pytest.approx(1e3 * 0.5 / 255, rel=0.05)
    assert found["round"] == pytest.approx(found["none"], abs=0.05)
    assert found["truncate"] == RVM_HR.score(ScoredFrame(predicted, truth))["MAD"]
    for levels, quantise in (("truncate", np.floor), ("round", np.rint)):
        expected = np.abs(quantise(predicted.astype(float) * 255) / 255 - truth).mean()
        assert found[levels] == pytest.approx(1e3 * expected, rel=1e-9)


@pytest.mark.parametrize("levels", ["truncate", "round"])
def test_a_file_is_never_quantised_again(levels):
    written = np.arange(256, dtype=np.uint8).reshape(16, 16)
    for values in (written, written / 255, (written / 255).astype(np.float32), written.astype(np.float32) / 255):
        figures = replace(RVM_LR, levels=levels).score(
            ScoredFrame(values, written / 255, colours_of(values), colours_of(written))
        )
        assert figures == dict.fromkeys(figures, 0)


def test_predictions_beyond_0_and_1():
    truth = np.tile([0.0, 1.0], (8, 8))
    beyond = np.where(truth > 0, 1.25, -0.5)
    frame = ScoredFrame(beyond, truth, colours_of(beyond), colours_of(truth), np.full(truth.shape, 128, np.uint8))
    for convention in EIGHT_BITS:
        figures = convention.score(frame)
        assert figures == dict.fromkeys(figures, pytest.approx(0, abs=1e-12))
    assert OMZ.score(frame)["MAD"] == pytest.approx(375)
    assert OMZ.score(frame)["foreground MSE"] == pytest.approx(62.5)
    assert SHM.score(frame)["SAD"] == pytest.approx(128 * 0.375 / 1e3)


def test_foreground_counts_where_the_convention_says():
    colours = np.ones((8, 8, 3))
    for level, counts in ((0, ()), (1, (RVM_LR, RVM_HR)), (2, (RVM_LR, RVM_HR)), (3, (OMZ, RVM_LR, RVM_HR))):
        truth = np.zeros((8, 8), np.uint8)
        truth[0, 0] = level
        for given_truth in (truth, truth / 255, (truth / 255).astype(np.float32)):
            frame = ScoredFrame(given_truth, given_truth, 0.8 * colours, colours)
            for convention in (OMZ, RVM_LR, RVM_HR):
                figures = convention.score(frame)
                assert ("foreground MSE" in figures) == (convention in counts)
                assert figures.get("foreground MSE", 40) == pytest.approx(40)
                assert figures["MAD"] == pytest.approx(0, abs=1e-6)


def test_foreground_in_dim_is_black_where_there_is_no_subject():
    truth = np.zeros((8, 8))
    frame = ScoredFrame(truth, truth, np.full((8, 8, 3), 0.8), np.ones((8, 8, 3)), np.full((8, 8), 128, np.uint8))
    assert DIM.score(frame)["foreground MSE"] == 0
    truth[:4] = 1
    assert DIM.score(frame)["foreground MSE"] == pytest.approx(0.04 / 2)


@pytest.mark.parametrize("name", UNITS)
def test_without_two_foregrounds_there_is_no_figure_of_them(name):
    frame = random_frame(0)
    for lacking in (replace(frame, foreground=None), replace(frame, true_foreground=None)):
        figures = CONVENTIONS[name].score(lacking)
        assert [*filter(is_of_foregrounds, figures)] == []
        assert set(figures) >= {figure for figure in UNITS[name] if not is_of_foregrounds(figure)}


@pytest.mark.parametrize("convention", [RVM_LR, RVM_HR])
def test_the_first_frame_of_a_clip_does_not_flicker(convention):
    first, second = convention.score(random_frame(0)), convention.score(random_frame(0), random_frame(1))
    assert first["dtSSD"] == 0
    assert "dtSSD of pairs" not in first
    assert second["dtSSD"] == second["dtSSD of pairs"] > 1


def test_dim_cuts_to_multiples_of_four_before_anything_else():
    frame = random_frame(0, (23, 30))
    frame.alpha[20:], frame.truth[:, 28:] = 1, 0  # what is cut off is wrong, and would set the range
    cut = ScoredFrame(
        *(getattr(frame, name)[:20, :28] for name in ("alpha", "truth", "foreground", "true_foreground", "trimap"))
    )
    assert DIM.score(frame) == DIM.score(cut)
    only_beyond = np.zeros((23, 30), np.uint8)
    only_beyond[22, 29] = 128
    with pytest.raises(ValueError, match="no unknown pixel"):
        DIM.score(replace(frame, trimap=only_beyond))
    assert OMZ.score(frame) != OMZ.score(cut)


def test_dim_makes_a_region_of_the_truth_where_there_is_no_trimap():
    truth = np.zeros((48, 64))
    truth[:, 20:30] = np.linspace(0, 1, 10)
    truth[:, 30:] = 1
    wrong = truth.copy()
    wrong[:, 60:] = 0
    assert DIM.score(ScoredFrame(wrong, truth))["SAD"] < 1e-3 * 48 * 10 / 255  # far from the edge, nothing counts
    truncated_error = np.abs(truncated(truth) - truth)[:, 21:29].sum()
    assert DIM.score(ScoredFrame(truth, truth))["SAD"] == pytest.approx(truncated_error / 1e3)
    with pytest.raises(ValueError, match="no pixel is unknown"):
        DIM.score(ScoredFrame(truth, np.rint(truth)))


@pytest.mark.parametrize("grey", [127, 129])
def test_another_grey_in_a_trimap_is_named(grey):
    frame = random_frame(0)
    for trimap in (np.where(frame.trimap == 128, grey, frame.trimap), np.where(frame.trimap == 0, grey, frame.trimap)):
        with pytest.raises(ValueError, match=f"grey {grey}"):
            DIM.score(replace(frame, trimap=trimap.astype(np.uint8)))
    OMZ.score(replace(frame, trimap=trimap))  # which does not ask for it


@pytest.mark.parametrize("name", UNITS)
def test_sizes_must_match_and_cutting_does_not_hide_it(name):
    frame, score = random_frame(0), CONVENTIONS[name].score
    for side in ((21, 31), (20, 32), (20, 30), (1, 31), (20, 1)):
        other = random_frame(0, side)
        for part in ("alpha", "truth", "foreground", "true_foreground", "trimap"):
            with pytest.raises(ValueError, match="shapes differ"):
                score(replace(frame, **{part: getattr(other, part)}))
        if name.startswith("rvm"):
            with pytest.raises(ValueError, match="shapes differ"):
                score(frame, other)
    with pytest.raises(ValueError, match="shapes differ"):
        score(replace(frame, foreground=frame.alpha))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", UNITS)
def test_what_is_not_finite_is_told_by_every_figure_it_has_part_in(name, value):
    frame, score = random_frame(0), CONVENTIONS[name].score
    frame = replace(frame, trimap=np.full(frame.truth.shape, 128, np.uint8))
    alpha, foreground = frame.alpha.copy(), frame.foreground.copy()
    frame.truth[4, 4] = 0.5 if value < 0 else 1
    elsewhere = {"background", "ghosts"} | ({"inside", "holes"} if value < 0 else {"band", "fringe"})
    alpha[4, 4] = foreground[4, 4, 1] = value
    of_alpha = score(replace(frame, alpha=alpha), frame)
    assert {figure for figure, number in of_alpha.items() if not math.isfinite(number)} == {
        figure for figure in of_alpha if not is_of_foregrounds(figure) and figure not in elsewhere
    }
    of_foreground = score(replace(frame, foreground=foreground), frame)
    assert {figure for figure, number in of_foreground.items() if not math.isfinite(number)} == {
        figure for figure in of_foreground if is_of_foregrounds(figure) and figure not in elsewhere
    }
    if name.startswith("rvm"):
        assert math.isnan(score(frame, replace(frame, alpha=alpha))["dtSSD"])


@pytest.mark.parametrize("name", UNITS)
def test_types_agree(name):
    rng = np.random.default_rng(0)
    alphas, colours = rng.integers(0, 256, (2, 20, 31), np.uint8), rng.integers(0, 256, (2, 20, 31, 3), np.uint8)
    parts = (*alphas, *colours)
    trimap = random_frame(0).trimap
    found = [
        CONVENTIONS[name].score(frame, replace(frame, alpha=frame.truth, truth=frame.alpha))
        for frame in (
            ScoredFrame(*parts, trimap),
            ScoredFrame(*((each / 255).astype(np.float32) for each in parts), trimap),
            ScoredFrame(*(each / 255 for each in parts), trimap),
            ScoredFrame(*(each.astype(np.uint16) * 257 for each in parts), trimap),
        )
    ]
    for other in found[1:]:
        assert other == pytest.approx(found[0], rel=1e-6)


def test_scoring_leaves_the_frame_as_it_was():
    frame, before = random_frame(0), random_frame(1)
    names = ("alpha", "truth", "foreground", "true_foreground", "trimap")
    kept = {name: getattr(frame, name).copy() for name in names}
    for convention in CONVENTIONS.values():
        convention.score(frame, before)
    for name in names:
        np.testing.assert_array_equal(getattr(frame, name), kept[name])


def test_the_edge_is_measured_alone():
    frame = random_frame(0, (60, 80))
    truth = np.zeros((60, 80))
    truth[:, 40:] = 1  # an edge that goes straight from 0 to 1, in the columns 39 and 40
    frame = replace(frame, truth=truth, true_foreground=None)
    errors = (frame.alpha.astype(np.float64) - truth)[:, 29:51]
    found = find_convention("omz", region="edge").score(frame)
    assert found["MAD"] == pytest.approx(1e3 * np.abs(errors).mean(), rel=1e-9)
    with pytest.raises(ValueError, match="no edge"):
        find_convention("omz", region="edge").score(replace(frame, truth=np.ones((60, 80))))


def test_flicker_is_measured_in_the_region():
    frame, before = random_frame(0), random_frame(1)
    inside = frame.trimap == 128
    change = (frame.alpha.astype(np.float64) - frame.truth) - (before.alpha.astype(np.float64) - before.truth)
    found = find_convention("rvm_hr", region="unknown", levels="none").score(frame, before)["dtSSD"]
    assert found == pytest.approx(100 * math.sqrt((change[inside] ** 2).mean()), rel=1e-9)


@pytest.mark.parametrize(("levels", "expected"), [("none", 0.5), ("truncate", 127 / 255), ("round", 128 / 255)])
def test_levels_can_be_chosen(levels, expected):
    frame = ScoredFrame(np.full((8, 8), 0.5, np.float32), np.zeros((8, 8)))
    assert find_convention("omz", levels=levels).score(frame)["MAD"] == pytest.approx(1e3 * expected, rel=1e-9)


def test_a_convention_tells_what_it_does():
    assert find_convention("rvm_lr").described == "convention rvm_lr: the whole image; 256 levels, cut off"
    changed = find_convention("omz", region="edge", levels="round").described
    assert changed == "convention omz: the edge, 10 pixels to either side; 256 levels, rounded"
