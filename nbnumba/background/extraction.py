"""From an image back to a curve of F: every pixel's F goes to the point of the table that is next to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nbnumba.background.table import PER_METRE
from nbnumba.errors import UsageError
from nbnumba.numerics.jit import jit

if TYPE_CHECKING:
    from nbnumba.background.pixels import LastEvaluation
    from nbnumba.background.setup import AmorphousModel

FEWEST_PIXELS = 100
"""Points of at most so many pixels are not listed."""


@dataclass(frozen=True)
class ExtractedCurve:
    """F at the points of the table, in their order.

    Attributes
    ----------
    abscissa : ndarray, shape (n,), float64
        In the table's own unit.
    mean, rmsd : ndarray, shape (n,), float32
        Mean F of a point's pixels and root mean square deviation from it, electrons; summed in float32 as in nonBragg.
    median, mad : ndarray, shape (n,), float32
        Median F and median absolute deviation from it, which nonBragg leaves unset.
    pixels : ndarray, shape (n,), int64
        How many pixels are next to a point.
    """

    abscissa: np.ndarray
    mean: np.ndarray
    rmsd: np.ndarray
    median: np.ndarray
    mad: np.ndarray
    pixels: np.ndarray

    @property
    def is_listed(self) -> np.ndarray:
        """Which points have pixels enough, bool[n]."""
        listed: np.ndarray = self.pixels > FEWEST_PIXELS
        return listed

    def lines(self) -> list[str]:
        """The lines of nonBragg's list: abscissa, mean, rmsd, median, mad, pixels."""
        rows = zip(self.abscissa, self.mean, self.rmsd, self.median, self.mad, self.pixels, self.is_listed, strict=True)
        return [
            f"{float(x):g} {float(mean):g} {float(rmsd):g}   {float(median):g} {float(mad):g}  {pixels}"
            for x, mean, rmsd, median, mad, pixels, listed in rows if listed
        ]  # fmt: skip


class Extractor:
    """Collects F of the pixels while they are rendered.

    Parameters
    ----------
    model : AmorphousModel
        With an image to extract from.
    adc_offset : float
        Pixel value of no photon.
    """

    def __init__(self, model: AmorphousModel, adc_offset: float) -> None:
        self._model = model
        self._adc_offset = adc_offset
        p, extraction = model.params, model.experiment.extraction
        assert extraction is not None
        if not p.fluence * p.molecules > 0.0:
            raise UsageError("{Beam.fluence}, {AmorphousSample.density}: without photons or molecules no F follows")
        w = model.window
        self._pixels = extraction.image[w.slow_start : w.slow_stop, w.fast_start : w.fast_stop].reshape(-1)
        self._gain = extraction.gain
        self._is_valid = ~np.isin(self._pixels, np.array(extraction.ignored, dtype=np.int64))
        self._amplitudes = np.empty(model.roi_pixels, dtype=np.float32)
        self._bins = np.empty(model.roi_pixels, dtype=np.int64)

    def take(self, start: int, stop: int, last: LastEvaluation) -> None:
        """F of some pixels, from the solid angle and polarization of their last subpixel and source.

        Parameters
        ----------
        start, stop : int
            Numbers of the first pixel and the one behind the last.
        last : LastEvaluation
            Of these pixels.
        """
        p, x = self._model.params, self._model.table.abscissae
        photons = ((self._pixels[start:stop] - self._adc_offset) / self._gain).astype(np.float32)
        sign = np.where(photons < 0.0, -1.0, 1.0)
        with np.errstate(divide="ignore", invalid="ignore"):  # where no light can go
            squares = np.abs(photons) / last.polarization / last.solid_angle / p.fluence / p.r_e_squared / p.molecules
            self._amplitudes[start:stop] = sign * np.sqrt(squares * p.steps)
        middles = (x[last.place] + x[last.place + 1]) / 2.0
        self._bins[start:stop] = last.place + (last.stol > middles)

    def curve(self) -> ExtractedCurve:
        """The curve from all pixels that were taken."""
        table = self._model.table.abscissae[2:-2]
        amplitudes, bins = self._amplitudes[self._is_valid], self._bins[self._is_valid] - 2
        pixels = np.zeros(table.size, dtype=np.int64)
        mean, rmsd = np.zeros(table.size, dtype=np.float32), np.zeros(table.size, dtype=np.float32)
        _moments(amplitudes, bins, pixels, mean, rmsd)
        median, mad = np.array(_medians(amplitudes, bins, pixels), dtype=np.float32).T
        return ExtractedCurve(table / PER_METRE[self._model.experiment.abscissa], mean, rmsd, median, mad, pixels)


def _medians(amplitudes: np.ndarray, bins: np.ndarray, pixels: np.ndarray) -> list[tuple[float, float]]:
    """Median, and median absolute deviation, of the pixels of each bin; 0 of none."""
    in_bins = np.split(amplitudes[np.argsort(bins, kind="stable")], np.cumsum(pixels)[:-1])
    medians = []
    for values in in_bins:
        median = float(np.median(values)) if values.size else 0.0
        medians.append((median, float(np.median(np.abs(values - median))) if values.size else 0.0))
    return medians


@jit
def _moments(
    amplitudes: np.ndarray, bins: np.ndarray, pixels: np.ndarray, mean: np.ndarray, rmsd: np.ndarray
) -> None:
    """Number, mean and rmsd of the pixels of each bin: float32 sums that go on pixel after pixel."""
    for n in range(bins.size):
        mean[bins[n]] += amplitudes[n]
        pixels[bins[n]] += 1
    for place in range(pixels.size):
        mean[place] /= np.float32(max(pixels[place], 1))
    for n in range(bins.size):
        deviation = abs(amplitudes[n] - mean[bins[n]])
        rmsd[bins[n]] += deviation * deviation
    for place in range(pixels.size):
        rmsd[place] = np.sqrt(rmsd[place] / np.float32(max(pixels[place], 1)))
