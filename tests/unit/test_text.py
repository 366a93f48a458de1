from __future__ import annotations

import csv
import io
import pickle
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omz.errors import CardError, OmzError
from omz.text import masked, masked_data, one_line, printable, spreadsheet_cell

ANY = st.text(st.characters(codec=None), max_size=200)  # lone surrogates, too
HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # controls, formats such as those of direction, unknown ones


@given(ANY)
def test_a_line_holds_nothing_that_controls_a_terminal_or_hides(text):
    line = one_line(text)
    assert not {unicodedata.category(each) for each in line} & HIDDEN
    assert one_line(line) == line
    line.encode()


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=100))
def test_text_without_them_stays_as_it_is(text):
    assert printable(text) == text


@given(ANY, st.integers(0, 10_000))
def test_a_line_is_short_and_keeps_its_beginning_and_its_end(text, times):
    line = one_line(f"begin {text * times} end")
    assert len(line) <= 4000
    assert line.startswith("begin")
    assert line.endswith("end")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://me:pa55@h.example/x", "https://***@h.example/x"),
        ("https://me@h.example/x", "https://***@h.example/x"),
        ("https://me:p@55@h.example/x?y=a@b", "https://***@h.example/x?y=a@b"),
        ("rtsp://cam:p%2F5@10.0.0.1:554/a and ftp://u:p@h", "rtsp://***@10.0.0.1:554/a and ftp://***@h"),
        ("socks5h://u:p@proxy:1080: refused", "socks5h://***@proxy:1080: refused"),
        ("https://h/?token=T; next try", "https://h/?token=***; next try"),
        ("curl 'https://h/a?id=1&X-Amz-Signature=S&x=2'", "curl 'https://h/a?id=1&X-Amz-Signature=***&x=2'"),
        ("https://h/?X%2dAmz%2dCredential=S%2F1", "https://h/?X%2dAmz%2dCredential=***"),
        ("https://h/?a=1&sig=a%3D%3D&sv=2", "https://h/?a=1&sig=***&sv=2"),
        ("https://h/#access_token=T", "https://h/#access_token=***"),
        ("https://h/?AWSAccessKeyId=T&Expires=1", "https://h/?AWSAccessKeyId=***&Expires=1"),
    ],
)
def test_secrets_in_addresses_are_masked(text, shown):
    assert masked(text) == shown
    assert str(OmzError(f"it fails: {text}")) == f"it fails: {shown}"
    assert masked_data({text: [1, (text,)]}) == {shown: [1, [shown]]}


@pytest.mark.parametrize(
    "text",
    [
        "https://h.example/a@b?c=d@e",
        "https://drive.usercontent.google.com/download?id=1&export=download&confirm=t",
        "https://h/?author=me&design=1&keyboard=us",
        "me@example.org wrote to ?token=x",
    ],
)
def test_other_text_with_such_letters_stays(text):
    assert masked(text) == text


SECRET = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=8, max_size=30)


@given(SECRET, st.sampled_from(["https://u:{}@h/x", "https://{}@h", "http://h/?a=1&token={}", "http://h?Signature={}"]))
def test_no_secret_is_left_wherever_the_line_is_cut(secret, form):
    for before in (0, 2980, 2990, 3000, 3010):
        assert secret not in str(CardError("." * before + " " + form.format(secret) + " " * 5000))


def test_errors_travel_between_processes_unchanged():
    error = CardError("a\x1b[31m\nhttps://u:p@h")
    assert str(pickle.loads(pickle.dumps(error))) == str(error) == r"a\x1b[31m\nhttps://***@h"


FORMULAS = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"


@given(st.sampled_from(FORMULAS), ANY)
def test_no_cell_is_a_formula(first, rest):
    cell = spreadsheet_cell(first + rest)
    is_number = cell == first + rest
    if is_number:
        float(cell)
    else:
        assert cell[0] == "'"
    for part in cell.replace("\t", ";").split(";"):
        assert is_number or not part.lstrip().startswith(tuple("=+-@"))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_stay_numbers(number):
    assert spreadsheet_cell(repr(number)) == repr(number)


def test_cells_read_back_as_they_were_but_for_the_quote():
    file = io.StringIO()
    texts = ["a,b", "a\nb", 'a"b', "=1+1", "-3", "-rf", "a;=cmd"]
    csv.writer(file).writerow(map(spreadsheet_cell, texts))
    file.seek(0)
    assert next(csv.reader(file)) == ["a,b", "a\nb", 'a"b', "'=1+1", "-3", "'-rf", "a;'=cmd"]
