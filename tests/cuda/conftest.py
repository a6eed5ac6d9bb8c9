"""The CUDA engine on a pretended GPU."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="module")
def gpu() -> Iterator[Any]:
    """A pretended GPU; kernels are compiled once per module."""
    from pretended_gpu import engine_on_pretended_gpu

    with engine_on_pretended_gpu() as context:
        yield context
