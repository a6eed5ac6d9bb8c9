"""Lengths in words."""

from __future__ import annotations

import pytest

from nbnumba.config.lengths import read_length
from nbnumba.config.rules import UnfitError


@pytest.mark.parametrize(("text", "unit", "length"), [
    ("100um", "mm", 0.1), ("100 µm", "mm", 0.1), ("0.5μm", "um", 0.5), ("5mm", "mm", 5.0), ("1.5cm", "mm", 15.0),
    (".2m", "mm", 200.0), ("3e2nm", "um", 0.3), ("7", "mm", 7.0), ("80um", "um", 80.0), ("0.1mm", "um", 100.0),
])  # fmt: skip
def test_units_are_powers_of_ten(text, unit, length):
    assert read_length(text, unit, "mm") == length


@pytest.mark.parametrize("text", ["", "um", "1x", "-5mm", "1,5mm", "5 mm thick", "nan", "1e", "5Mm"])
def test_anything_else_is_refused(text):
    with pytest.raises(UnfitError, match=f"must be a length, a number and nm, um, mm, cm or m, not '{text}'"):
        read_length(text, "mm", "mm")
