"""Reference images of the background."""

from __future__ import annotations

import numpy as np
import pytest
from golden import GOLDEN_DATA


@pytest.fixture(scope="session")
def simtbx_images() -> dict[str, np.ndarray]:
    """Photons of water that simtbx computed, by case, float64[slow, fast]."""
    with np.load(GOLDEN_DATA / "simtbx_background.npz") as stored:
        return dict(stored)
