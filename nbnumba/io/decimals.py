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


def read_decimals(data: bytes) -> tuple[np.ndarray, int]:
    """The numbers at the start of a text, up to the first that is not a plain decimal.

    Parameters
    ----------
    data : bytes
        Text; numbers end at white space, at the sign of the next number or at the end.

    Returns
    -------
    values : ndarray of float64
    end : int
        Offset behind the last of them and the white space that follows.
    """
    text = np.frombuffer(data, dtype=np.uint8)
    values = np.empty(_count_numbers(text), dtype=np.float64)
    count, end = _read(text, values)
    return values[:count], end


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
def _read(text: np.ndarray, values: np.ndarray) -> tuple[int, int]:
    """Fill in the values; how many there are, and where reading stopped."""
    count, position = 0, 0
    while True:
        while position < text.size and _is_space(text[position]):
            position += 1
        length, value = _read_one(text, position)
        if length == 0:
            return count, position
        values[count] = value
        count += 1
        position += length


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
