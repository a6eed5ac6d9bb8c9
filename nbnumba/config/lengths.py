"""Lengths in words: a number and its unit."""

from __future__ import annotations

import re

from nbnumba.config.rules import UnfitError

_EXPONENTS = {"nm": -9, "um": -6, "µm": -6, "μm": -6, "mm": -3, "cm": -2, "m": 0}
"""Unit -> power of ten in metres; the micro sign and the Greek letter both stand for micro."""

LENGTH_UNITS = "nm, um, mm, cm or m"

_IN_WORDS = re.compile(r"\s*(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)\s*([a-zµμ]*)\s*")


def read_length(text: str, unit: str, bare: str) -> float:
    """A length in words, such as ``100um`` or ``0.1 mm``.

    Parameters
    ----------
    text : str
        A number, and a unit or none.
    unit : str
        In which the length is wanted: nm, um, mm, cm or m.
    bare : str
        Unit of a number without one; empty if there must be one.

    Returns
    -------
    float

    Raises
    ------
    UnfitError
        If it is no number, or the unit is unknown.
    """
    match = _IN_WORDS.fullmatch(text)
    if match is None or (match[2] or bare) not in _EXPONENTS:
        raise UnfitError(f"must be a length, a number and {LENGTH_UNITS}, not '{text}'")
    # an exact power of ten, so that 100um are the 0.1 mm that people write
    power = _EXPONENTS[match[2] or bare] - _EXPONENTS[unit]
    number = float(match[1])
    return number * 10.0**power if power >= 0 else number / 10.0**-power
