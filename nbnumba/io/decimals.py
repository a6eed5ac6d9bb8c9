"""Plain decimal numbers of a long text, many times faster than the C library reads them and equal to the last bit.

A number whose digits, taken as an integer, are at most 2**53, with a power of ten between 1e-22 and 1e22, is one exact
double times or divided by another: a single operation, correctly rounded (W. D. Clinger, "How to read floating point
numbers accurately", 1990). Anything else is left to others.
"""

from __future__ import annotations

import numpy as np

from nbnumba.numerics.jit import device_jit, jit

_POWERS = np.array([10.0**n for n in range(23)])
_MOST_DIGITS = 19
_LARGEST_EXACT = 1 << 53

_PLUS, _MINUS, _POINT, _ZERO, _NINE = b"+-.09"
_LOWER_E, _UPPER_E = b"eE"
_LINE_FEED = 10


def read_decimals(data: bytes, columns: int = 1) -> tuple[np.ndarray, int, bool]:
    """The numbers at the start of a text, up to the first that is not a plain decimal.

    Parameters
    ----------
    data : bytes
        Text; numbers end at white space, at the sign of the next number or at the end.
    columns : int
        Numbers of a record.

    Returns
    -------
    values : ndarray of float64
    end : int
        Offset behind the last of them and the white space that follows.
    is_aligned : bool
        Whether each line that was read to its end, and what was read of the last, ends with a whole record.
    """
    text = np.frombuffer(data, dtype=np.uint8)
    values = np.empty(_count_numbers(text), dtype=np.float64)
    count, end, is_aligned = _read(text, values, columns)
    return values[:count], int(end), bool(is_aligned)


def scan_lines(data: bytes, columns: int) -> tuple[int, int]:
    """How a text of numbers is laid out in lines, without a look at what the numbers are.

    Parameters
    ----------
    data : bytes
        Text; numbers begin behind white space, or with the sign that ends the number before.
    columns : int
        Numbers of a record.

    Returns
    -------
    count : int
        Numbers, if the text holds nothing else.
    broken : int
        Offset of the line in which the first broken record begins: one that ends with the text, or on a line that goes
        on into the next record but is not made of whole ones. -1 if each line holds whole records or a part of one.
    """
    count, broken = _scan_lines(np.frombuffer(data, dtype=np.uint8), columns)
    return int(count), int(broken)


@device_jit
def _is_space(character: int) -> bool:
    """White space as C's isspace sees it."""
    return character == 32 or 9 <= character <= 13


@device_jit
def _is_digit(character: int) -> bool:
    return _ZERO <= character <= _NINE


@jit
def _count_numbers(text: np.ndarray) -> int:
    """Signs and starts of words: at least as many as there are numbers."""
    count, before = 0, 32
    for character in text:
        if character in (_PLUS, _MINUS) or (_is_space(before) and not _is_space(character)):
            count += 1
        before = character
    return count


@jit
def _read(text: np.ndarray, values: np.ndarray, columns: int) -> tuple[int, int, bool]:
    """Fill in the values; how many there are, where reading stopped, and whether lines end with whole records."""
    count, position, is_aligned = 0, 0, True
    while True:
        while position < text.size and _is_space(text[position]):
            if text[position] == _LINE_FEED and count % columns != 0:
                is_aligned = False
            position += 1
        length, value = _read_one(text, position)
        if length == 0:
            return count, position, is_aligned and count % columns == 0
        values[count] = value
        count += 1
        position += length


@jit
def _scan_lines(text: np.ndarray, columns: int) -> tuple[int, int]:
    """Count the numbers and find the first broken record; see `scan_lines`."""
    count, before, broken = 0, 32, -1
    line, counted, record_line = 0, 0, 0
    for position in range(text.size + 1):
        # the end of the text ends a line
        character = text[position] if position < text.size else _LINE_FEED
        if character in (_PLUS, _MINUS):
            # a sign behind an E belongs to an exponent
            count += before not in (_LOWER_E, _UPPER_E)
        elif _is_space(before) and not _is_space(character):
            count += 1
        if character == _LINE_FEED:
            if counted % columns == 0:
                record_line = line
            if broken < 0 and _breaks_record(counted, count, columns):
                broken = record_line
            line, counted = position + 1, count
        before = character
    if broken < 0 and count % columns != 0:
        broken = record_line
    return count, broken


@device_jit
def _breaks_record(before: int, behind: int, columns: int) -> bool:
    """Whether a line breaks a record, from how many numbers come before the line and before the next."""
    holds_whole_records = before % columns == 0 and behind % columns == 0
    return not holds_whole_records and before // columns < (behind - 1) // columns


@device_jit
def _read_one(text: np.ndarray, start: int) -> tuple[int, float]:
    """Length and value of the number at a place; length 0 if there is no plain one."""
    position, size = start, text.size
    negative = position < size and text[position] == _MINUS
    if position < size and (text[position] == _PLUS or negative):
        position += 1
    digits, mantissa, power = 0, np.uint64(0), 0
    while position < size and _is_digit(text[position]):
        mantissa = mantissa * np.uint64(10) + np.uint64(text[position] - _ZERO)
        digits += 1
        position += 1
    if position < size and text[position] == _POINT:
        position += 1
        while position < size and _is_digit(text[position]):
            mantissa = mantissa * np.uint64(10) + np.uint64(text[position] - _ZERO)
            digits += 1
            power -= 1
            position += 1
    if position < size and (text[position] == _LOWER_E or text[position] == _UPPER_E):
        length, exponent = _read_exponent(text, position + 1)
        if length == 0:
            return 0, 0.0
        power += exponent
        position += 1 + length
    ends = position == size or _is_space(text[position]) or text[position] == _PLUS or text[position] == _MINUS
    exact = 0 < digits <= _MOST_DIGITS and mantissa <= np.uint64(_LARGEST_EXACT) and -22 <= power <= 22
    if not (ends and exact):
        return 0, 0.0
    value = np.float64(mantissa)
    value = value * _POWERS[power] if power >= 0 else value / _POWERS[-power]
    return position - start, -value if negative else value


@device_jit
def _read_exponent(text: np.ndarray, start: int) -> tuple[int, int]:
    """Length and value of the integer behind an E; length 0 if there is none of at most two digits."""
    position, size = start, text.size
    negative = position < size and text[position] == _MINUS
    if position < size and (text[position] == _PLUS or negative):
        position += 1
    first, exponent = position, 0
    while position < size and _is_digit(text[position]) and position - first < 2:
        exponent = 10 * exponent + (text[position] - _ZERO)
        position += 1
    if position == first or (position < size and _is_digit(text[position])):
        return 0, 0
    return position - start, -exponent if negative else exponent
