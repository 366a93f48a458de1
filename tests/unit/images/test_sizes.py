from __future__ import annotations

import numpy as np
import pytest

from omz.errors import UsageError
from omz.images.sizes import parse_size, picture_size, size_text


@pytest.mark.parametrize("size", [(1, 1), (720, 1280), (7000, 7000)])
def test_a_size_is_read_as_it_was_written(size):
    assert parse_size(size_text(*size)) == size


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4)])
def test_the_size_of_a_picture_has_its_width_first(shape):
    assert picture_size(np.zeros(shape, np.uint8)) == "3x2"


@pytest.mark.parametrize("text", ["", "1280", "1280x", "0x720", "1280x-1", "1280x720x3", "a x b"])
def test_other_texts_are_refused(text):
    with pytest.raises(UsageError, match="is not a size; write width x height"):
        parse_size(text)
