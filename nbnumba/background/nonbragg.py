"""nonBragg's image: the whole scan, shared out among threads, with C's bits."""

from __future__ import annotations

import time
import warnings
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nbnumba.background.extraction import ExtractedCurve, Extractor
from nbnumba.background.pixels import LastEvaluation
from nbnumba.background.scan import Progress, Scan
from nbnumba.background.setup import AmorphousModel, lower_amorphous
from nbnumba.engine.threads import thread_count
from nbnumba.errors import NbnumbaWarning
from nbnumba.memory import machine_memory

if TYPE_CHECKING:
    from nbnumba.background.experiment import AmorphousExperiment

@dataclass(frozen=True)
class AmorphousImage:
    """A rendered image and what it was computed from.

    Attributes
    ----------
    model : AmorphousModel
        SI units.
    image : ndarray, shape (slow, fast), float32
        Photons per pixel, or F where that was asked for; 0 outside the region of interest.
    solid_angle_sr : float
        Solid angle as nonBragg prints it, summed over pixels and subpixels (quirk `omega-sum`), steradian.
    stol_reach : tuple of 2 float
        Smallest and largest sin(θ)/λ that was looked up, 1/m.
    curve : ExtractedCurve or None
        What an image that was read turns into.
    seconds : float
        Wall time of the rendering, without what it takes to compile or load the kernels.
    """

    model: AmorphousModel
    image: np.ndarray
    solid_angle_sr: float
    stol_reach: tuple[float, float]
    curve: ExtractedCurve | None
    seconds: float


def simulate_amorphous(
    experiment: AmorphousExperiment, adc_offset: float = 40.0, threads: int | None = None
) -> AmorphousImage:
    """Render the scattering of an amorphous sample as nonBragg does.

    Parameters
    ----------
    experiment : AmorphousExperiment
        In user units.
    adc_offset : float
        Pixel value of no photon in the image to extract a curve from.
    threads : int or None
        CPU threads; None takes all cores.

    Returns
    -------
    AmorphousImage

    Raises
    ------
    UsageError
        If the experiment is impossible.
    MemoryError
        If the image does not fit into this machine.
    """
    model = lower_amorphous(experiment)
    for text in model.warnings:
        warnings.warn(NbnumbaWarning(text), stacklevel=2)
    return render_amorphous(model, adc_offset, threads)


def render_amorphous(
    model: AmorphousModel, adc_offset: float = 40.0, threads: int | None = None, progress: Progress | None = None
) -> AmorphousImage:
    """Render from a model that is already set up; see `simulate_amorphous`.

    Parameters
    ----------
    model : AmorphousModel
        From `nbnumba.background.setup.lower_amorphous`.
    adc_offset, threads
        As in `simulate_amorphous`.
    progress : callable or None
        Called with the pixels done and the pixels in all.

    Returns
    -------
    AmorphousImage
    """
    image = _blank_image(model)
    extractor = None if model.experiment.extraction is None else Extractor(model, adc_offset)
    scan = Scan(
        model.params, image, model.roi_pixels, thread_count(threads),
        in_order=not model.table.is_ascending, keeps_last=extractor is not None,
    )  # fmt: skip
    began = time.perf_counter()
    for start, stop, last in scan.spans(progress):
        if extractor is not None:
            extractor.take(start, stop, last)
    seconds = time.perf_counter() - began
    curve = None if extractor is None else extractor.curve()
    return AmorphousImage(model, image, scan.omega_sum, scan.reach, curve, seconds)


def last_evaluation(model: AmorphousModel, slow: int, fast: int) -> tuple[float, LastEvaluation]:
    """One pixel, and what its last subpixel and source were computed with.

    Parameters
    ----------
    model : AmorphousModel
        From `nbnumba.background.setup.lower_amorphous`.
    slow, fast : int
        Pixel inside the region of interest.

    Returns
    -------
    photons : float
    last : LastEvaluation
        Arrays of length 1.
    """
    number = (slow - model.params.roi_slow_min) * model.params.roi_width + fast - model.params.roi_fast_min
    image = _blank_image(model)
    scan = Scan(model.params, image, number + 1, 1, in_order=True, keeps_last=True)
    # what is read from a table that does not ascend depends on all pixels before
    first = number if model.table.is_ascending else 0
    ((_, _, last),) = deque(scan.spans(first=first), maxlen=1)
    return float(image[slow, fast]), LastEvaluation(*(array[-1:] for array in last))


def _blank_image(model: AmorphousModel) -> np.ndarray:
    """Zeros, if there is room for them."""
    shape = (model.geometry.pixels_slow, model.geometry.pixels_fast)
    needed = 4 * shape[0] * shape[1]
    if needed > machine_memory():
        raise MemoryError(
            f"an image of {shape[1]} x {shape[0]} pixels needs {needed / 1e9:.3g} GB, this machine has "
            f"{machine_memory() / 1e9:.3g}"
        )
    return np.zeros(shape, dtype=np.float32)
