"""Engines by name. Each is imported only when it is asked for, so that CUDA is never touched otherwise."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Protocol

from nbnumba.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    from nbnumba.kernels.params import KernelParams

ENGINE_MODULES = {
    "cpu": "nbnumba.engine.cpu",
    "cuda": "nbnumba.engine.cuda",
    "reference": "nbnumba.engine.reference",
}
"""Engine name -> module with a `render_range`."""

DEFAULT_ENGINE = "cpu"

AUTOMATIC = "auto"
"""Stands for the GPU where there is one, else for the default engine."""

PRECISIONS = ("double", "single")
"""float64 throughout; or the sum over the crystal in float32, on a GPU."""

ENGINE_NAMES = (AUTOMATIC, *sorted(ENGINE_MODULES))
"""What can be asked for."""


class Engine(Protocol):
    """What an engine module offers.

    It may also have a SMALLEST_SPAN, the number of pixels below which a range takes hardly less time, FIRST_STEPS, the
    number of steps with which an image begins, and a function `release`, which gives back what is kept between the
    ranges of one image.
    """

    def render_range(
        self,
        params: KernelParams,
        start: int,
        stop: int,
        opening: bool,
        interpolating: bool,
        image: np.ndarray,
        status: np.ndarray,
        omega_sums: np.ndarray,
    ) -> None:
        """Render pixels `start` to `stop` - 1, counted along the rows of the region of interest.

        Parameters
        ----------
        params : KernelParams
            SI units.
        start, stop : int
            Range of pixel numbers, see `KernelParams`.
        opening : bool
            Whether each pixel's first evaluation is the image's first (single-pixel ranges only).
        interpolating : bool
            Whether each pixel starts with interpolation on.
        image : ndarray, shape (slow, fast), float32
            Whole detector, photons; pixels of the range that are not masked are assigned.
        status : ndarray, shape (stop - start,), uint8
            STATUS_ bits of each pixel, 0 where masked; assigned. Of shape (0,) where nobody asks.
        omega_sums : ndarray, shape (ceil((stop - start) / PIXELS_PER_BLOCK),), float64
            Solid angle summed over layers, subpixels and the pixels of each block, steradian.
        """


def choose_engine(name: str) -> str:
    """The engine that a name stands for here.

    Parameters
    ----------
    name : str
        One of `ENGINE_NAMES`.

    Returns
    -------
    str
        A key of `ENGINE_MODULES`.

    Raises
    ------
    UsageError
        If there is no such engine.
    """
    if name not in ENGINE_NAMES:
        raise UsageError(f"unknown engine '{name}': choose one of {', '.join(ENGINE_NAMES)}")
    if name != AUTOMATIC:
        return name
    from nbnumba.engine.cuda_device import why_unusable

    return "cuda" if why_unusable() is None else DEFAULT_ENGINE


def get_engine(name: str, precision: str = PRECISIONS[0]) -> Engine:
    """The engine of that name.

    Parameters
    ----------
    name : str
        One of `ENGINE_NAMES`.
    precision : str
        One of `PRECISIONS`.

    Raises
    ------
    UsageError
        If there is none.
    EngineUnavailableError
        If it can't run here.
    """
    if precision not in PRECISIONS:
        raise UsageError(f"unknown precision '{precision}': choose one of {', '.join(PRECISIONS)}")
    chosen = choose_engine(name)
    if chosen == "cuda":
        from nbnumba.engine.cuda_device import require_device

        require_device()
        from nbnumba.engine import cuda

        return cuda.with_precision(precision)
    if precision != PRECISIONS[0]:
        raise UsageError(f"{{precision={precision}}} needs {{engine=cuda}}")
    return importlib.import_module(ENGINE_MODULES[chosen])
