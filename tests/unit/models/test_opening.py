"""What an IR says of itself."""

from __future__ import annotations

import pytest

from omz.errors import EngineError
from omz.models.opening import working_side


@pytest.mark.parametrize(("text", "side"), [("", None), ("1280", 1280)])
def test_the_working_size_of_a_model(text, side):
    assert working_side({"working_size": text}) == side


@pytest.mark.parametrize("text", ["big", "-5", "0", "12.5", "١٢"])
def test_a_working_size_that_is_no_number_of_pixels_is_an_error(text):
    with pytest.raises(EngineError, match=r"the model says working_size '.*', which is not a number of pixels"):
        working_side({"working_size": text})
