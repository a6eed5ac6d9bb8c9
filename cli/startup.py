"""What makes commands start quickly, and what they say when they can't."""

from __future__ import annotations

import functools
import sys

import click


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


@functools.cache
def announce_compilation() -> None:
    """Say so on stderr when the first kernel is compiled, and nothing while all of them come from the cache."""
    from numba.core import event as events

    from nbnumba.numerics.jit import cache_folder

    announced = False

    class Announcement(events.Listener):
        """Speaks once."""

        def on_start(self, event: events.Event) -> None:
            """A kernel is about to be compiled."""
            nonlocal announced
            if not announced:
                announced = True
                click.echo(f"nbnumba: compiling kernels, up to half a minute; {kept}", err=True)

        def on_end(self, event: events.Event) -> None:
            """A kernel has been compiled."""

    kept = "the next run will not need to"
    if cache_folder() is None:
        kept = "they can't be kept: no cache folder is writable, NUMBA_CACHE_DIR names another one"
    events.register("numba:compile", Announcement())
