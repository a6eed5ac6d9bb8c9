"""Panels: what a description of a flat piece of a detector must hold."""

from __future__ import annotations

import numpy as np
import pytest

from nbnumba import Panel
from nbnumba.errors import UsageError


def panel(**fields):
    given = {
        "origin": (-20.0, 25.0, -100.0), "fast": (1.0, 0.0, 0.0), "slow": (0.0, -1.0, 0.0), "pixel_size": (0.2, 0.2),
        "image_size": (200, 240),
    }  # fmt: skip
    return Panel(**{**given, **fields})


def test_sequences_become_tuples_of_numbers():
    made = panel(origin=np.array([1, 2, 3]), fast=[1, 0, 0], image_size=np.array([7, 5]), thickness=np.float32(0.5))
    assert made.origin == (1.0, 2.0, 3.0)
    assert made.fast == (1.0, 0.0, 0.0)
    assert made.image_size == (7, 5)
    assert all(type(value) is int for value in made.image_size)
    assert type(made.thickness) is float


def test_axes_may_be_rounded_to_six_digits():
    slanted = (0.999999, 0.001, 0.0)
    assert panel(fast=slanted, slow=(0.001, -0.999999, 0.0)).fast == slanted


def test_a_mask_is_copied_and_can_t_be_changed():
    mask = np.ones((240, 200))
    mask[3, 4] = 0
    made = panel(mask=mask)
    mask[:] = 0
    assert made.mask.dtype == bool
    assert np.argwhere(~made.mask).tolist() == [[3, 4]]
    with pytest.raises(ValueError, match="read-only"):
        made.mask[0, 0] = False


def test_panels_are_equal_by_content():
    mask = np.ones((240, 200), bool)
    assert panel(mask=mask) == panel(mask=mask.copy())
    assert panel(mask=mask) != panel()
    assert len({panel(), panel(), panel(gain=2.0)}) == 2


@pytest.mark.parametrize(("fields", "message"), [
    ({"fast": (1.0, 0.01, 0.0)}, r"Panel\.fast must be a unit vector, this one is 1\.00005 long"),
    ({"slow": (0.0, 0.0, 0.0)}, r"Panel\.slow must be a unit vector, this one is 0 long"),
    ({"slow": (0.6, -0.8, 0.0), "name": "p3"}, r"Panel\.fast of panel p3 .*right angle to Panel\.slow; .* 53\.13"),
    ({"origin": (0.0, 0.0)}, r"Panel\.origin must be three values, each a number"),
    ({"origin": (0.0, 0.0, float("nan"))}, r"Panel\.origin must be three values, each a number, not"),
    ({"fast": "x"}, r"Panel\.fast must be three values, each a number, not 'x'"),
    ({"pixel_size": (0.2, 0.0)}, r"Panel\.pixel_size must be two values, each a number above zero"),
    ({"image_size": (200.5, 240)}, r"Panel\.image_size must be two values, each a whole number"),
    ({"image_size": (0, 240)}, r"Panel\.image_size must be two values, each a whole number"),
    ({"name": 3}, r"Panel\.name must be a str, not 3"),
    ({"thickness": -0.1}, r"Panel\.thickness must be a number of zero or more, not -0\.1"),
    ({"mu": -1.0}, r"Panel\.mu must be a number of zero or more, not -1"),
    ({"gain": 0.0}, r"Panel\.gain must be a number above zero, not 0"),
    ({"trusted_range": (5, 5)}, r"Panel\.trusted_range: the smallest trusted value must lie below the largest"),
    ({"mask": np.ones((200, 240))}, r"Panel\.mask has the shape \(200, 240\), the panel \(240, 200\) pixels"),
    ({"mask": np.ones(240)}, r"Panel\.mask must be an array with 2 axes"),
])  # fmt: skip
def test_impossible_panels_are_refused_by_field(fields, message):
    with pytest.raises(UsageError, match=message):
        panel(**fields)
