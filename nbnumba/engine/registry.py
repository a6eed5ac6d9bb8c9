"""Engines by name. Each is imported only when it is asked for, so that CUDA is never touched otherwise."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Protocol

from nbnumba.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    from nbnumba.engine.background import Added, Backgrounds
    from nbnumba.kernels.params import KernelParams

_ENGINES = {
    "cpu": ("nbnumba.engine.cpu", "CpuEngine"),
    "cuda": ("nbnumba.engine.cuda", "CudaEngine"),
    "reference": ("nbnumba.engine.reference", "ReferenceEngine"),
}
"""Engine name -> module and class."""

DEFAULT_ENGINE = "cpu"

AUTOMATIC = "auto"
"""Stands for the GPU where there is one, else for the default engine."""

PRECISIONS = ("double", "single", "mixed")
"""float64 throughout; or, on a GPU, the sum over the crystal in float32, or all of it but the Miller indices."""

ENGINES = tuple(_ENGINES)
"""All engines."""

ENGINE_NAMES = (AUTOMATIC, *sorted(ENGINES))
"""What can be asked for."""


class Engine(Protocol):
    """What renders pixels, with whatever it keeps from one range of pixels, or one image, to the next.

    It belongs to one renderer and is used by one thread at a time. It may also have a SMALLEST_SPAN, the number of
    pixels below which a range takes hardly less time, FIRST_STEPS, the number of steps with which an image begins, and
    SMALL_STEPS, the number up to which an image of a sequence is made beside others.

    Attributes
    ----------
    name : str
        By which it is asked for.
    threads : int
        CPU threads that it uses.
    backgrounds : Backgrounds
        Makes what is added to the pixels.
    """

    name: str
    threads: int
    backgrounds: Backgrounds

    def side_by_side(self) -> list[Engine]:
        """Engines for images that are made at the same time, by as many threads.

        Returns
        -------
        list of Engine
            One, if images take turns.
        """

    def load(self, params: KernelParams, interpolating: bool, image: np.ndarray) -> None:
        """Compile or load the kernels that an image needs, and take over its parameters.

        Parameters
        ----------
        params, interpolating, image
            As in `render_range`.
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
        added: Added = (),
    ) -> None:
        """Render the pixels of the numbers `start` to `stop` - 1.

        Parameters
        ----------
        params : KernelParams
            SI units.
        start, stop : int
            Range of pixel numbers, see `kernels.params.Panels`. One that holds pixels of several panels starts with a
            multiple of PIXELS_PER_BLOCK.
        opening : bool
            Whether each pixel's first evaluation is the image's first (single-pixel ranges only).
        interpolating : bool
            Whether each pixel starts with interpolation on.
        image : ndarray, float32 or float64, C-contiguous
            All panels, photons; pixels of the range that are not masked are assigned.
        status : ndarray, shape (stop - start,), uint8
            STATUS_ bits of each pixel, 0 where masked; assigned. Of shape (0,) where nobody asks.
        omega_sums : ndarray, shape (ceil((stop - start) / PIXELS_PER_BLOCK),), float64
            Solid angle summed over layers, subpixels and the pixels of each block, steradian.
        added : sequence of (image, float)
            From `backgrounds`: what is added to the pixels.
        """

    def release(self) -> None:
        """Give back what is kept."""


def choose_engine(name: str) -> str:
    """The engine that a name stands for here.

    Parameters
    ----------
    name : str
        One of `ENGINE_NAMES`.

    Returns
    -------
    str
        Another one than AUTOMATIC.

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


def check_engine(name: str, precision: str = PRECISIONS[0]) -> str:
    """The engine that a name stands for, if it can run here in a precision.

    Parameters
    ----------
    name : str
        One of `ENGINE_NAMES`.
    precision : str
        One of `PRECISIONS`.

    Returns
    -------
    str
        From `choose_engine`.

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
    elif precision != PRECISIONS[0]:
        raise UsageError(f"{{precision={precision}}} needs {{engine=cuda}}")
    return chosen


def make_engine(name: str, precision: str = PRECISIONS[0], threads: int | None = None) -> Engine:
    """A new engine of that name.

    Parameters
    ----------
    name, precision
        As in `check_engine`.
    threads : int or None
        CPU threads; None takes all cores.

    Raises
    ------
    UsageError, EngineUnavailableError
        As `check_engine` does.
    """
    chosen = check_engine(name, precision)
    module, kind = _ENGINES[chosen]
    engine = getattr(importlib.import_module(module), kind)
    made: Engine = engine(threads, precision) if chosen == "cuda" else engine(threads)
    return made
