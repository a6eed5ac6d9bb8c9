"""Where the time of a run goes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator


class StageClock:
    """Adds up the wall time of named stages.

    Attributes
    ----------
    seconds : dict of str to float
        Seconds by stage, in the order of their first start.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time of a block.

        Parameters
        ----------
        name : str
            Stage to which the time is added.
        """
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began
