"""The byte-offset compression of CBF: each pixel as its difference from the one before, in one byte if it fits."""

from __future__ import annotations

import numpy as np

from nbnumba.numerics.jit import jit

_WIDTHS = (1, 2, 4)
"""Bytes of a difference; the most negative number of each width says that the next width follows."""


def compress(values: np.ndarray) -> np.ndarray:
    """Compress pixels.

    Parameters
    ----------
    values : ndarray of int32
        Pixels, fast axis fastest, none further than 2³¹ - 1 from its neighbours: readers know no wider difference.

    Returns
    -------
    ndarray, shape (bytes,), uint8
    """
    flat = np.ascontiguousarray(values, dtype=np.int32).ravel()
    packed = np.empty(_packed_size(flat), dtype=np.uint8)
    _pack(flat, packed)
    return packed


def decompress(packed: np.ndarray, count: int) -> np.ndarray | None:
    """Recover pixels.

    Parameters
    ----------
    packed : ndarray, shape (bytes,), uint8
        Compressed pixels; more bytes may follow.
    count : int
        Number of pixels.

    Returns
    -------
    ndarray, shape (count,), int32, or None
        None if the bytes end before the last pixel, or one does not fit into 32 bits.
    """
    values = np.empty(count, dtype=np.int32)
    return values if _unpack(packed, values) else None


@jit
def _width_of(difference: int) -> int:
    """Place in `_WIDTHS` of the narrowest number that holds a difference and is no mark."""
    if -128 < difference < 128:
        return 0
    return 1 if -32768 < difference < 32768 else 2


@jit
def _packed_size(values: np.ndarray) -> int:
    size = 0
    last = np.int64(0)
    for value in values:
        # each narrower width leaves its mark
        size += (1, 3, 7)[_width_of(np.int64(value) - last)]
        last = np.int64(value)
    return size


@jit
def _put(packed: np.ndarray, place: int, number: int, width: int) -> int:
    """Write a little-endian number; the place behind it."""
    for byte in range(width):
        packed[place + byte] = (number >> (8 * byte)) & 0xFF
    return place + width


@jit
def _pack(values: np.ndarray, packed: np.ndarray) -> None:
    place = 0
    last = np.int64(0)
    for value in values:
        difference = np.int64(value) - last
        last = np.int64(value)
        chosen = _width_of(difference)
        for narrower in range(chosen):
            place = _put(packed, place, -(np.int64(1) << (8 * _WIDTHS[narrower] - 1)), _WIDTHS[narrower])
        place = _put(packed, place, difference, _WIDTHS[chosen])


@jit
def _unpack(packed: np.ndarray, values: np.ndarray) -> bool:
    place = 0
    last = np.int64(0)
    for pixel in range(len(values)):
        for width in _WIDTHS:
            if place + width > len(packed):
                return False
            number = np.int64(0)
            for byte in range(width):
                number |= np.int64(packed[place + byte]) << (8 * byte)
            shift = 64 - 8 * width
            # back and forth carries the sign into the upper bytes
            number = (number << shift) >> shift
            place += width
            if number != -(np.int64(1) << (8 * width - 1)):
                break
        last += number
        if not -2147483648 <= last <= 2147483647:
            return False
        values[pixel] = last
    return True
