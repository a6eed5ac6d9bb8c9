"""One image from one experiment: the call that the command line and the Python API share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numba
import numpy as np

from nbnumba.engine.registry import DEFAULT_ENGINE, PRECISIONS, choose_engine, get_engine
from nbnumba.engine.scan import Progress, Rendering, render, run_interruptible
from nbnumba.engine.threads import thread_count
from nbnumba.memory import machine_memory
from nbnumba.setup.lowering import lower

if TYPE_CHECKING:
    from nbnumba.config import Experiment
    from nbnumba.engine.scan import ScanState
    from nbnumba.setup.model import Model


@dataclass(frozen=True)
class SimulationResult:
    """A simulated image and what it was computed from.

    Attributes
    ----------
    model : Model
        Everything derived from the experiment, SI units.
    image : ndarray, shape (slow, fast), float32
        Photons per pixel; 0 outside the region of interest and where masked.
    solid_angle_sr : float
        Solid angle of the evaluated pixels as nanoBragg reports it, steradian.
    engine : str
        Which engine rendered.
    seconds : float
        Wall time of the rendering, without what it takes to compile or load the kernels and to upload the parameters to
        a GPU.
    scan : ScanState
        Where the states that nanoBragg carries along its scan changed.
    """

    model: Model
    image: np.ndarray
    solid_angle_sr: float
    engine: str
    seconds: float
    scan: ScanState


def simulate(
    experiment: Experiment,
    engine: str = DEFAULT_ENGINE,
    threads: int | None = None,
    progress: Progress | None = None,
    precision: str = PRECISIONS[0],
) -> SimulationResult:
    """Simulate the diffraction image of an experiment.

    Parameters
    ----------
    experiment : Experiment
        What to simulate, in user units.
    engine : str
        Name of an engine.
    threads : int or None
        CPU threads; None takes all cores, more than there are count as all.
    progress : callable or None
        Called with the pixels done and the pixels in all.
    precision : str
        "double", or "single" for float32 sums on a GPU.

    Returns
    -------
    SimulationResult

    Raises
    ------
    UsageError
        If the experiment or an option is impossible.
    EngineUnavailableError
        If the engine can't run here.
    MemoryError
        If the image does not fit into this machine.
    """
    return simulate_model(lower(experiment), engine, threads, progress, precision)


def simulate_model(
    model: Model,
    engine: str = DEFAULT_ENGINE,
    threads: int | None = None,
    progress: Progress | None = None,
    precision: str = PRECISIONS[0],
) -> SimulationResult:
    """Simulate from a model that is already set up; see `simulate`.

    Parameters
    ----------
    model : Model
        From `nbnumba.setup.lowering.lower`.
    engine, threads, progress, precision
        As in `simulate`.

    Returns
    -------
    SimulationResult
    """
    engine = choose_engine(engine)
    kernel = get_engine(engine, precision)
    image = _blank_image(model.geometry.pixels_slow, model.geometry.pixels_fast)

    def work() -> Rendering:
        numba.set_num_threads(thread_count(threads))
        return render(model.params, kernel, image, progress)

    rendering = run_interruptible(work)
    return SimulationResult(
        model=model,
        image=rendering.image,
        solid_angle_sr=rendering.omega_sum / model.params.steps,
        engine=engine,
        seconds=rendering.seconds,
        scan=rendering.scan,
    )


def _blank_image(slow: int, fast: int) -> np.ndarray:
    """Zeros, if there is room for them."""
    needed = 4 * slow * fast
    if needed > machine_memory():
        raise MemoryError(
            f"an image of {fast} x {slow} pixels needs {needed / 1e9:.3g} GB, this machine has "
            f"{machine_memory() / 1e9:.3g}: give fewer pixels"
        )
    return np.zeros((slow, fast), dtype=np.float32)
