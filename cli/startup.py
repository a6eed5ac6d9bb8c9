"""What makes commands start quickly."""

from __future__ import annotations

import sys


def import_numba_without_scipy() -> None:
    """Import numba so that it does not find SciPy; SciPy itself stays importable.

    numba looks for SciPy's linear algebra in order to compile ``numpy.dot``, which no kernel uses. Loading it takes a
    quarter of the time of a small image.
    """
    if "numba" in sys.modules or "scipy" in sys.modules:
        return
    sys.modules["scipy"] = None  # type: ignore[assignment]
    try:
        import numba.np.arraymath  # noqa: F401
    finally:
        del sys.modules["scipy"]
