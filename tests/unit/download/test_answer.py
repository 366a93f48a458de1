from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omz.download.answer import Body, NoRest, Refused, Retryable, TransferError, Unusable, read_answer, retry_after

SIZE = 1000
ETAG = '"abc"'
DATE = "Wed, 21 Oct 2015 07:28:00 GMT"
ENCODED = "encoded, although asked not to"
NOT = "not 1000 as on the card"
NOW = datetime(2015, 10, 21, 7, 27, 0, tzinfo=timezone.utc)


def part(start: int, last: int = SIZE - 1, total: object = SIZE, **headers: str) -> dict[str, str]:
    return {"content-range": f"bytes {start}-{last}/{total}", **headers}


@pytest.mark.parametrize(
    ("status", "headers", "asked", "size", "body"),
    [
        # the whole file
        (200, {"content-length": "1000"}, 0, SIZE, Body(0, SIZE, None)),
        (200, {"content-length": "1000"}, 0, None, Body(0, SIZE, None)),
        (200, {}, 0, SIZE, Body(0, SIZE, None)),
        (200, {}, 0, None, Body(0, None, None)),
        (200, {"content-length": "0"}, 0, 0, Body(0, 0, None)),
        # lengths that say nothing
        (200, {"content-length": "5, 5"}, 0, SIZE, Body(0, SIZE, None)),
        (200, {"content-length": "-1"}, 0, None, Body(0, None, None)),
        (200, {"content-length": "٣"}, 0, SIZE, Body(0, SIZE, None)),
        (200, {"content-length": "1" * 5000}, 0, SIZE, Body(0, SIZE, None)),
        # the whole file though a part was asked for
        (200, {"content-length": "1000"}, 400, SIZE, Body(0, SIZE, None)),
        # a part
        (206, part(400), 400, SIZE, Body(400, SIZE, None)),
        (206, part(400), 400, None, Body(400, SIZE, None)),
        (206, part(0), 0, SIZE, Body(0, SIZE, None)),
        (206, part(400, **{"content-length": "600"}), 400, SIZE, Body(400, SIZE, None)),
        (206, part(400, 499, **{"content-length": "100"}), 400, SIZE, Body(400, SIZE, None)),
        (206, part(400, total="*", **{"content-length": "600"}), 400, SIZE, Body(400, SIZE, None)),
        (206, part(400, total="*", **{"content-length": "600"}), 400, None, Body(400, SIZE, None)),
        (206, part(400, total="*"), 400, SIZE, Body(400, SIZE, None)),
        (206, part(400, total="*"), 400, None, Body(400, None, None)),
        # nothing was done to the bytes on the way
        (200, {"content-encoding": "identity"}, 0, SIZE, Body(0, SIZE, None)),
        (200, {"content-encoding": "Identity"}, 0, SIZE, Body(0, SIZE, None)),
        (200, {"content-encoding": ""}, 0, SIZE, Body(0, SIZE, None)),
        (200, {"content-type": "text/html"}, 0, None, Body(0, None, None)),
        # what If-Range takes
        (200, {"etag": ETAG, "last-modified": DATE}, 0, SIZE, Body(0, SIZE, ETAG)),
        (206, part(4, etag=ETAG), 4, SIZE, Body(4, SIZE, ETAG)),
        (200, {"last-modified": DATE}, 0, SIZE, Body(0, SIZE, DATE)),
        (200, {"etag": 'W/"abc"', "last-modified": DATE}, 0, SIZE, Body(0, SIZE, DATE)),
        (200, {"etag": 'W/"abc"'}, 0, SIZE, Body(0, SIZE, None)),
        (200, {"etag": "abc"}, 0, SIZE, Body(0, SIZE, None)),
        (200, {"etag": '"a"b"'}, 0, SIZE, Body(0, SIZE, None)),
        # what no request may hold
        (200, {"etag": '"é"', "last-modified": DATE}, 0, SIZE, Body(0, SIZE, DATE)),
        (200, {"etag": '"a\r\nb"', "last-modified": "é"}, 0, SIZE, Body(0, SIZE, None)),
        (200, {"last-modified": "\x1b[2J"}, 0, SIZE, Body(0, SIZE, None)),
        (200, {"last-modified": ""}, 0, SIZE, Body(0, SIZE, None)),
    ],
)
def test_a_good_answer_says_which_bytes_follow(status, headers, asked, size, body):
    assert read_answer(status, "OK", headers, asked, size) == body


@pytest.mark.parametrize(
    ("status", "headers", "kind", "cause"),
    [
        (404, {}, Refused, "the server answers 404 Reason"),
        (401, {}, Refused, "the server answers 401 Reason"),
        (403, {"retry-after": "5"}, Refused, "the server answers 403 Reason"),
        (410, {}, Refused, "the server answers 410 Reason"),
        (204, {}, Refused, "the server answers 204 Reason"),
        (304, {}, Refused, "the server answers 304 Reason"),
        (302, {}, Refused, "the server answers 302 Reason"),
        (100, {}, Refused, "the server answers 100 Reason"),
        (408, {}, Retryable, "the server answers 408 Reason"),
        (425, {}, Retryable, "the server answers 425 Reason"),
        (429, {}, Retryable, "the server answers 429 Reason"),
        (429, {"retry-after": "soon"}, Retryable, "the server answers 429 Reason"),
        (429, {"retry-after": "7"}, Retryable, "the server answers 429 Reason, and asks to wait 7 s"),
        (500, {}, Retryable, "the server answers 500 Reason"),
        (502, {}, Retryable, "the server answers 502 Reason"),
        (503, {"retry-after": "120"}, Retryable, "the server answers 503 Reason, and asks to wait 120 s"),
        (599, {}, Retryable, "the server answers 599 Reason"),
        (416, {}, Unusable, "the server has no such part of the file"),
        (200, {"content-encoding": "gzip"}, Refused, f"the server sends the file gzip-{ENCODED}"),
        (206, part(0, **{"content-encoding": "br"}), Refused, f"the server sends the file br-{ENCODED}"),
        (200, {"content-length": "999"}, Refused, f"the server's file has 999 bytes, {NOT}"),
        (200, {"content-length": "0"}, Refused, f"the server's file has 0 bytes, {NOT}"),
        (
            200,
            {"content-length": "80", "content-type": "text/html; charset=utf-8"},
            Refused,
            f"the server's file, a web page, has 80 bytes, {NOT}",
        ),
        (206, part(0, 8, 9), Refused, f"the server's file has 9 bytes, {NOT}"),
        (206, part(0, total="*", **{"content-length": "5"}), Refused, f"the server's file has 5 bytes, {NOT}"),
        *(
            (206, headers, Unusable, "the server sends another part of the file than requested")
            for headers in (
                {},
                {"content-range": ""},
                {"content-range": "bytes */1000"},
                {"content-range": "bytes 0-999"},
                {"content-range": "lines 0-999/1000"},
                {"content-range": "bytes -1-999/1000"},
                {"content-range": "bytes 0-٣/1000"},
                {"content-range": f"bytes 0-999/{'1' * 5000}"},
                part(1),
                part(400),
            )
        ),
    ],
)  # fmt: skip
def test_a_bad_answer_says_what_is_wrong_and_whether_to_ask_again(status, headers, kind, cause):
    with pytest.raises(TransferError) as caught:
        read_answer(status, "Reason", headers, 0, SIZE)
    assert (type(caught.value), str(caught.value)) == (kind, cause)


def test_the_server_says_how_long_to_wait():
    for text, wait in (("7", 7), ("0", 0), (None, None), ("soon", None)):
        with pytest.raises(Retryable) as caught:
            read_answer(503, "", {} if text is None else {"retry-after": text}, 0, SIZE)
        assert caught.value.wait == wait


def test_an_answer_without_a_reason_ends_with_its_number():
    with pytest.raises(Refused, match=r"^the server answers 404$"):
        read_answer(404, "", {}, 0, SIZE)


def test_what_a_server_says_does_not_break_the_line():
    for status, headers in ((404, {}), (503, {}), (200, {"content-encoding": "a\x1b[2J\nb"})):
        with pytest.raises(TransferError) as caught:
            read_answer(status, "Not\n\x1b[31mFound", headers, 0, SIZE)
        assert str(caught.value).isprintable()


def outcome_of(status: int, reason: str, headers: Mapping[str, str], asked: int, size: int | None):
    try:
        return read_answer(status, reason, headers, asked, size)
    except TransferError as error:
        return error


HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "content-length": st.one_of(st.text(), st.integers().map(str)),
        "content-range": st.one_of(st.text(), st.from_regex(r"bytes \d*-\d*/(\d+|\*)", fullmatch=True)),
        "content-encoding": st.one_of(st.text(), st.sampled_from(["identity", "gzip"])),
        "content-type": st.text(),
        "etag": st.one_of(st.text(), st.text().map('"{}"'.format)),
        "last-modified": st.one_of(st.text(), st.datetimes().map(format_datetime)),
        "retry-after": st.one_of(st.text(), st.integers().map(str), st.datetimes().map(format_datetime)),
    },
)


@given(
    status=st.one_of(st.sampled_from([200, 206, 416, 429, 503]), st.integers(100, 999)),
    reason=st.text(),
    headers=HEADERS,
    asked=st.integers(0, 2 * SIZE),
    size=st.one_of(st.none(), st.integers(0, 2 * SIZE)),
)
def test_whatever_a_server_says_there_is_a_body_or_a_cause(status, reason, headers, asked, size):
    outcome = outcome_of(status, reason, headers, asked, size)
    if isinstance(outcome, Body):
        assert status in (200, 206)
        assert outcome.start == (asked if status == 206 else 0)
        assert size is None or outcome.end == size
        assert outcome.validator is None or (outcome.validator.isascii() and outcome.validator.isprintable())
    else:
        assert type(outcome) in (Refused, Retryable, Unusable, NoRest)
        assert str(outcome)
        assert str(outcome).isprintable()
        assert not isinstance(outcome, Retryable) or outcome.wait is None or outcome.wait >= 0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("", None),
        ("  ", None),
        ("0", 0),
        ("120", 120),
        (" 120 ", 120),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("9" * 5000, 999_999_999),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 60),
        ("Wed, 21 Oct 2015 07:28:00", 60),
        ("Wed, 21 Oct 2015 09:28:30 +0200", 90),
        ("Wednesday, 21-Oct-15 07:28:00 GMT", 60),
        ("Wed Oct 21 07:28:00 2015", 60),
        ("Wed, 21 Oct 2015 07:26:00 GMT", 0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Wed, 21 Oct 2015 27:28:00 GMT", None),
        ("Wed, 21 Oct 99999 07:28:00 GMT", None),
        ("Wed, 21 Oct 2011111111111115 07:28:00 GMT", None),
        ("Wed, 21 Oct 2015 07:28:00 +99999999999999", None),
        ("Wed, 21 Foo 2015 07:28:00 GMT", None),
        ("\n", None),
    ],
)
def test_retry_after_is_a_number_or_a_date(text, seconds):
    assert retry_after(text, NOW) == seconds


@given(st.integers(0, 999_999_999))
def test_retry_after_a_number_of_seconds(seconds):
    assert retry_after(str(seconds), NOW) == seconds


@given(st.integers(-10_000_000, 10_000_000))
def test_retry_after_a_date_waits_until_then(seconds):
    when = NOW + timedelta(seconds=seconds)
    assert retry_after(format_datetime(when, usegmt=True), NOW) == max(0, seconds)


@given(
    text=st.one_of(
        st.text(),
        st.from_regex(r"(Wed, )?\d+ Oct \d+ \d+:\d+(:\d+)?( GMT| [+-]\d+)?", fullmatch=True),
        st.datetimes(timezones=st.timezones()).map(format_datetime),
    )
)
def test_retry_after_anything_else_is_no_error(text):
    seconds = retry_after(text, NOW)
    assert seconds is None or seconds >= 0
