"""Plain decimals are read as the C library reads them, bit for bit; everything else is left alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nbnumba.io.decimals import read_decimals, scan_lines

PLAIN = st.from_regex(rb"[-+]?([0-9]{1,12}\.?[0-9]{0,6}|\.[0-9]{1,15})([eE][-+]?[0-9]{1,2})?", fullmatch=True)


def read(text: bytes) -> tuple[list[float], int]:
    values, end, _ = read_decimals(text)
    return values.tolist(), end


@settings(deadline=None)  # the first call compiles
@given(PLAIN)
@example(b"9007199254740992")
@example(b"9007199254740993")
@example(b"1e22")
@example(b"1e23")
@example(b"123456789012345.6e-8")
@example(b"-0.0")
def test_what_is_read_equals_the_correctly_rounded_number(text):
    values, end = read(text)
    # Python's float is correctly rounded; compared with the sign of zero
    assert [value.hex() for value in values] in ([float(text).hex()], [])
    assert end == (len(text) if values else 0)


@pytest.mark.parametrize("text", [b"1", b"-10", b"+3.5", b"7.", b".25", b"1e3", b"2.5E-02", b"123456789012345"])
def test_usual_numbers_are_read(text):
    assert read(text) == ([float(text)], len(text))


@pytest.mark.parametrize("text", [
    b"x", b".", b"-", b"1e", b"1e+", b"1e100", b"nan", b"inf", b"0x10", b"12abc", b"1.2.3", b"1,2",
    b"0.1000000000000000055511151231257827", b"99999999999999999999",
])  # fmt: skip
def test_anything_else_is_left_alone(text):
    assert read(b" 5 " + text + b" 6") == ([5.0], 3)


def test_an_empty_text_holds_no_numbers():
    assert read(b"") == ([], 0)
    assert read(b" \n") == ([], 2)


def test_reading_stops_before_the_first_word_that_is_no_plain_decimal():
    assert read(b"1 2\n 3e400 4") == ([1.0, 2.0], 5)


def test_white_space_and_signs_separate_numbers():
    text = b"\t1-10+2\r\n\x0b3\x0c -4e-1-5 \n"
    assert read(text) == ([1.0, -10.0, 2.0, 3.0, -0.4, -5.0], len(text))


def test_long_texts_are_read_whole():
    numbers = np.random.default_rng(1).integers(-999_999, 999_999, 20_000) / 100
    text = "\n".join(f"{number:.2f}" for number in numbers).encode()
    values, end, _ = read_decimals(text)
    assert end == len(text)
    assert np.array_equal(values, numbers)


@pytest.mark.parametrize(("text", "is_aligned"), [
    (b"1 2 3 4\n5 6 7 8", True), (b"1 2 3 4 5 6 7 8\n\n 1 2 3 4\r\n", True), (b"", True), (b"1 2 3 4 x", True),
    (b"1 2 3\n4", False), (b"1 2 3 4 5\n", False), (b"1 2 3 4\n5", False), (b"1 2 x", False),
])  # fmt: skip
def test_reading_tells_whether_lines_end_with_whole_records(text, is_aligned):
    assert read_decimals(text, 4)[2] == is_aligned


@pytest.mark.parametrize(("text", "count", "broken"), [
    (b"", 0, -1), (b"\n\n", 0, -1), (b"1 2 3 4\n5 6 7 8\n", 8, -1), (b"1 2 3 4 5 6 7 8\n1-2-3+4", 12, -1),
    (b"1\n2\n3 4\n5 6 7\n\n8", 8, -1), (b"1e-3 2E+5 -3 .4\n", 4, -1), (b"1 2 3 4 5 6 7 8 1\n2 3 4", 12, 0),
    (b"\n1 2 3 4 5\n", 5, 1), (b"1 2 3\n4 5\n6 7 8", 8, 0), (b"1 2 3 4\n5 6 7\n8 9 0 1\n", 11, 8),
    (b"1 2 3 4\n5 6\n", 6, 8), (b"1 2 3 4\n5\n\n6", 6, 8),
])  # fmt: skip
def test_the_first_record_that_lines_break_is_found(text, count, broken):
    assert scan_lines(text, 4) == (count, broken)
