from __future__ import annotations

import numpy as np
import pytest

from omz.cutout.compare import LONGEST_SIDE, before_checkerboard, comparison
from omz.matting.frames import Frame, MattedFrame

SIZE = (40, 90)


def places(sheet: np.ndarray, panel: np.ndarray) -> list[tuple[int, int]]:
    """Return the rows and columns at which a picture stands on a sheet, to a level each."""
    height, width = panel.shape[:2]
    rows, columns = sheet.shape[0] - height + 1, sheet.shape[1] - width + 1
    corner = np.abs(sheet[:rows, :columns].astype(int) - panel[0, 0]).max(2) <= 1
    found = []
    for row, column in np.argwhere(corner).tolist():
        window = sheet[row : row + height, column : column + width]
        if np.abs(window.astype(int) - panel).max() <= 1:
            found.append((row, column))
    return found


def mixed(alpha: np.ndarray, above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Return two pictures mixed in double precision."""
    share = alpha[..., None] / np.iinfo(alpha.dtype).max
    return np.rint(share * above + (1 - share) * below).astype(np.uint8)


def board(size: tuple[int, int] = SIZE) -> np.ndarray:
    """Return the checkerboard alone, which shows where all is transparent."""
    return before_checkerboard(np.zeros((*size, 3), np.uint8), np.zeros(size, np.uint8))


def noise(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, *SIZE, 3), np.uint8)


@pytest.fixture(params=[np.uint8, np.uint16])
def alpha(request) -> np.ndarray:
    return np.random.default_rng(1).integers(0, np.iinfo(request.param).max, SIZE, request.param, endpoint=True)


def test_the_checkerboard_has_squares_of_two_greys():
    squares = board((64, 48))[..., 0]
    assert len(np.unique(squares)) == 2
    side = int(np.argmax(squares[0] != squares[0, 0]))
    assert side >= 8
    for row, column in np.ndindex(squares.shape):
        is_other = (row // side + column // side) % 2 == 1
        assert (squares[row, column] != squares[0, 0]) == is_other


def test_image_alpha_and_cutout_stand_side_by_side_below_labels(alpha):
    picture, foreground = noise(2)
    sheet = comparison(MattedFrame(Frame(0, picture), alpha, foreground))
    panels = [picture, mixed(alpha, np.full_like(picture, 255), board()), mixed(alpha, foreground, board())]
    ((top, first),), ((second_top, second),), ((third_top, third),) = (places(sheet, panel) for panel in panels)
    assert top == second_top == third_top
    assert first + SIZE[1] < second < third - SIZE[1]
    for left in (first, second, third):
        assert sheet[:top, left : left + SIZE[1]].min() < 100
    assert sheet[:top, first + SIZE[1] : second].min() == 255


def test_a_target_is_behind_the_result_and_named(alpha):
    picture, foreground, target = noise(3)
    cut = comparison(MattedFrame(Frame(0, picture), alpha, foreground))
    placed = comparison(MattedFrame(Frame(0, picture, target=target), alpha, foreground))
    ((top, left),) = places(placed, mixed(alpha, foreground, target))
    assert (cut[:top, left:] != placed[:top, left:]).any()


def test_a_transparent_target_shows_the_checkerboard(alpha):
    picture, foreground, colours = noise(3)
    left = np.indices(SIZE)[1] < SIZE[1] // 2
    target = np.dstack([np.where(left[..., None], colours, 0), np.where(left, 255, 0)]).astype(np.uint8)
    sheet = comparison(MattedFrame(Frame(0, picture, target=target), alpha, foreground))
    behind = np.where(left[..., None], colours, board()).astype(np.uint8)
    expected = mixed(alpha, foreground, behind)
    solid = (alpha == np.iinfo(alpha.dtype).max) | left
    row, column = places(sheet, picture)[0]
    found = sheet[row : row + SIZE[0], -(column + SIZE[1]) : -column]
    assert np.abs(found[solid].astype(int) - expected[solid]).max() <= 1
    assert np.abs(found.astype(int) - expected).max() <= 3  # where levels of 8 bits are divided by a small alpha


def test_a_transparent_image_is_shown_as_it_came(alpha):
    picture, foreground = noise(2)
    frame = Frame(0, picture).with_opacity(alpha)
    sheet = comparison(MattedFrame(frame, np.zeros(SIZE, np.uint8), foreground))
    assert len(places(sheet, mixed(alpha, picture, board()))) == 1


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (700, 1), (2, 3), (1000, 2 * LONGEST_SIDE)])
def test_any_size_fits(size):
    picture = np.full((*size, 3), (10, 200, 60), np.uint8)  # no grey, as labels are
    sheet = comparison(MattedFrame(Frame(0, picture), np.full(size, 255, np.uint8), picture))
    shown = np.all(sheet == picture[0, 0], 2)
    height, width = shown.any(1).sum(), shown.any(0).sum()
    scale = min(1, LONGEST_SIDE / max(size))
    assert (height, width) == (round(size[0] * scale), 2 * round(size[1] * scale))  # image and cutout
