from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omz.errors import UsageError
from omz.zoo.vocabulary import parse_precisions

PRECISIONS = {"FP16", "FP16-INT1", "FP16-INT8", "FP32", "FP32-INT1", "FP32-INT8"}


def test_precisions_are_read_from_a_list():
    assert parse_precisions(None) == PRECISIONS
    assert parse_precisions("FP16") == {"FP16"}
    assert parse_precisions("FP32-INT1,FP16,FP16") == {"FP16", "FP32-INT1"}


@pytest.mark.parametrize("text", ["FP8", "fp16", "", "FP16,", "FP16, FP32", "FP16;FP32", "INT8"])
def test_a_precision_that_does_not_exist_is_an_error(text):
    with pytest.raises(UsageError, match=r"^Unknown precisions specified: .*; there are FP16, FP16-INT1, "):
        parse_precisions(text)


def test_what_is_offered_instead_is_named():
    with pytest.raises(UsageError, match=r"^Unknown precisions specified: FP8; there are FP16, FP32$"):
        parse_precisions("FP8", ("FP16", "FP32"))


def test_all_that_do_not_exist_are_named():
    with pytest.raises(UsageError, match="specified: INT4, INT8; there are"):
        parse_precisions("INT8,FP16,INT4")


@given(st.sets(st.sampled_from(sorted(PRECISIONS)), min_size=1), st.permutations(sorted(PRECISIONS)))
def test_any_choice_in_any_order_is_read_back(chosen, order):
    assert parse_precisions(",".join(each for each in order if each in chosen)) == chosen
