"""A chain of stages from an image of photons to the integers that a detector writes."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from nbnumba.engine.threads import share_out, thread_count
from nbnumba.errors import UsageError
from nbnumba.readout.electronics import Digitize
from nbnumba.readout.pixels import DeadPixels, Gaps
from nbnumba.readout.settings import CCD, EIGER, PILATUS, ReadoutSettings, jungfrau_settings
from nbnumba.readout.stage import Stage, Strip, require, size_text

STRIP_PIXELS = 1 << 16
"""Pixels that go through all stages at a time: they stay in the processor's cache."""

_STRIP_REACHES = 4
"""Rows of a strip, in reaches of its stages: rows that lie next to a strip are computed for it once more."""

_MOST_PHOTONS = 2.0**53
"""Up to here float64 holds every whole number."""


class Readout:
    """What a detector makes of an image of expected photons: stages, one after the other.

    Whatever is random depends on the seed, the image's number and the pixel alone: not on threads, nor on which other
    stages there are.

    Parameters
    ----------
    *stages : Stage
        In the order of the physics. `Digitize` comes last and is added, for int32, if it is not there.

    Raises
    ------
    UsageError
        If `Digitize` comes earlier, or the value of dead pixels or gaps does not fit its integer type.
    """

    def __init__(self, *stages: Stage) -> None:
        if not stages or not isinstance(stages[-1], Digitize):
            stages = (*stages, Digitize())
        for stage in stages:
            if not isinstance(stage, Stage):
                raise UsageError(f"{{Readout.stages}} must be stages of a readout, not {type(stage).__name__}")
        if any(isinstance(stage, Digitize) for stage in stages[:-1]):
            raise UsageError("{Readout.stages} must end with Digitize")
        self.stages = stages
        self._check_values()

    def __repr__(self) -> str:
        return f"Readout({', '.join(map(repr, self.stages))})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Readout) and self.stages == other.stages

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def from_settings(cls, settings: ReadoutSettings) -> Readout:
        """The stages that follow from a detector's figures.

        Parameters
        ----------
        settings : ReadoutSettings
            From `preset_settings`, or of your own.

        Returns
        -------
        Readout

        Raises
        ------
        UsageError
            If a figure is impossible.
        """
        return cls(*settings.stages())

    @classmethod
    def photon_counting(cls, detector: str = "pilatus", **changes: Any) -> Readout:
        """A hybrid-pixel detector that counts photons: no noise but that of counting.

        Parameters
        ----------
        detector : str
            "pilatus": counters of 20 bits, gaps -1, dead pixels -2 (DECTRIS, PILATUS user manual 1.2; P. Kraft et al.,
            J. Synchrotron Rad. 16, 368 (2009)), modules of 195 × 487 pixels with gaps of 17 and 7. "eiger": modules of
            514 × 1030 pixels with gaps of 37 and 10, counters that are summed to 32 bits (A. Casanas et al., Acta
            Cryst. D72, 1036 (2016)). Both: no point spread, since a photon is counted in one pixel.
        **changes
            Figures of `ReadoutSettings` that replace the detector's.

        Returns
        -------
        Readout
        """
        models = {"pilatus": PILATUS, "eiger": EIGER}
        require(detector in models, "Readout.detector", f"must be {' or '.join(models)}, not '{detector}'")
        return cls.from_settings(replace(models[detector], **changes))

    @classmethod
    def ccd(cls, **changes: Any) -> Readout:
        """A phosphor, fibre-optic tapers and CCDs, such as an ADSC Q315r with 2 × 2 pixels read as one.

        Counted photons spread over neighbouring pixels by the profile of a taper (J. M. Holton, C. Nielsen and K. A.
        Frankel, J. Synchrotron Rad. 19, 1006 (2012)) of FWHM 80 µm, pixels of 102.6 µm; 3 % calibration error, 3 ADU of
        readout noise, an offset of 40 ADU and 16 bits. The figures are the defaults of simtbx's detector, after
        nanoBragg's and noisify's; the gain is 1 ADU per photon unless given.

        Parameters
        ----------
        **changes
            Figures of `ReadoutSettings` that replace the detector's.

        Returns
        -------
        Readout
        """
        return cls.from_settings(replace(CCD, **changes))

    @classmethod
    def jungfrau(cls, photon_energy: float = 12400.0, gain: float = 1.0, **changes: Any) -> Readout:
        """A charge-integrating hybrid-pixel detector, its values calibrated to photons.

        Noise of 100 electrons rms, at 3.66 eV each, and a linearity error of 1 % (J. H. Jungmann-Smith et al., JINST 9,
        P12013 (2014)), up to 10⁴ photons of 12.4 keV (A. Mozzanica et al., JINST 11, C02047 (2016)). The noise is that
        of the highest gain: with the lower ones, which bright pixels switch to, it stays below that of counting and is
        left out. Modules of 514 × 1030 pixels with gaps of 36 and 8, as in the 4M of the Swiss Light Source.

        Parameters
        ----------
        photon_energy : float
            eV.
        gain : float
            ADU per photon, for values that are finer than whole photons.
        **changes
            Figures of `ReadoutSettings` that replace the detector's.

        Returns
        -------
        Readout
        """
        return cls.from_settings(replace(jungfrau_settings(photon_energy, gain), **changes))

    @property
    def digitize(self) -> Digitize:
        """The last stage."""
        last = self.stages[-1]
        assert isinstance(last, Digitize)
        return last

    def _check_values(self) -> None:
        """Refuse marks that the integer type would change into others."""
        for stage in self.stages:
            if isinstance(stage, (DeadPixels, Gaps)):
                fits, field = self.digitize.holds(stage.value), f"{type(stage).__name__}.value"
                problem = f"{stage.value:g} does not fit {{Digitize.dtype}} {self.digitize.dtype}"
                other = "0, or a signed type" if stage.value == math.floor(stage.value) else "a whole number"
                require(fits, field, f"{problem}: give {other}")

    def apply(self, image: np.ndarray, seed: int, image_number: int = 0, threads: int | None = None) -> np.ndarray:
        """Read out an image.

        Parameters
        ----------
        image : ndarray, shape (slow, fast) or (panel, slow, fast), any number type
            Expected photons per pixel; not changed.
        seed : int
            Of all random numbers that change from image to image, for stages without a seed of their own; not negative.
        image_number : int
            Which image of a series: images of the same seed differ.
        threads : int or None
            CPU threads; None takes all cores. The image does not depend on it.

        Returns
        -------
        ndarray, shape of `image`, integer type of `Digitize`

        Raises
        ------
        UsageError
            If photons are negative, NaN or beyond 2⁵³, or the image does not fit a stage.
        """
        masked = isinstance(image, np.ma.MaskedArray) and bool(np.any(image.mask))
        require(not masked, "Readout.image", "is a masked array: give Gaps(mask=~image.mask), and image.filled(0)")
        image = np.asarray(image)
        self.check(image, seed, image_number)
        panels = image.reshape(-1, *image.shape[-2:])
        counts = np.empty(panels.shape, dtype=self.digitize.dtype)
        shape = panels.shape[1:]
        height = self._strip_height(shape)
        places = [
            Strip(first, shape, panel, int(seed), int(image_number))
            for panel in range(len(panels)) for first in range(0, shape[0], height)
        ]  # fmt: skip

        def read_out(start: int, stop: int) -> None:
            for place in places[start:stop]:
                rows = slice(place.first_row, min(place.first_row + height, shape[0]))
                counts[place.panel, rows] = self._rows(len(self.stages), panels[place.panel], place, rows)

        share_out(read_out, len(places), thread_count(threads))
        return counts.reshape(image.shape)

    def check(self, image: np.ndarray, seed: int, image_number: int = 0) -> None:
        """Refuse now what `apply` would refuse whatever the pixels hold.

        Parameters
        ----------
        image : ndarray, shape (slow, fast) or (panel, slow, fast), any number type
            Shape and type count.
        seed, image_number
            As in `apply`.

        Raises
        ------
        UsageError
            If a number is negative, or the image does not fit a stage.
        """
        for name, value in (("seed", seed), ("image_number", image_number)):
            good = isinstance(value, (int, np.integer)) and value >= 0
            require(good, f"Readout.{name}", f"must be a whole number of zero or more, not {value}")
        shape = image.shape
        stack = "; of a detector of panels give np.stack(result.panels)" if len(shape) == 1 else ""
        rows = f"of shape {shape} has no rows of pixels{stack}"
        require(len(shape) in (2, 3) and image.size > 0, "Readout.image", rows)
        require(image.dtype.kind in "biuf", "Readout.image", f"must hold real numbers, not {image.dtype}")
        for stage in self.stages:
            stage.check(shape)

    def _strip_height(self, shape: tuple[int, int]) -> int:
        """Rows of a strip."""
        if any(stage.in_order for stage in self.stages):
            return shape[0]
        reach = sum(stage.reach(shape) for stage in self.stages)
        return min(max(STRIP_PIXELS // shape[1], _STRIP_REACHES * reach, 1), shape[0])

    def _rows(self, depth: int, photons: np.ndarray, place: Strip, rows: slice) -> np.ndarray:
        """Rows of a panel behind the first so many stages, float64."""
        if depth == 0:
            return _checked(photons, place.panel, rows)
        stage = self.stages[depth - 1]
        reach = stage.reach(place.shape)
        around = slice(max(rows.start - reach, 0), min(rows.stop + reach, len(photons)))
        values = self._rows(depth - 1, photons, place, around)
        values = stage.apply(values, replace(place, first_row=around.start))
        return np.ascontiguousarray(values[rows.start - around.start : rows.stop - around.start])


def _checked(photons: np.ndarray, panel: int, rows: slice) -> np.ndarray:
    """Rows of an image as float64, a copy."""
    values = np.array(photons[rows], dtype=np.float64, order="C")
    # also where a pixel is NaN
    if not (values.min() >= 0.0 and values.max() <= _MOST_PHOTONS):
        slow, fast = np.argwhere(~((values >= 0.0) & (values <= _MOST_PHOTONS)))[0]
        where = f"panel {panel}, " if panel else ""
        raise UsageError(
            f"{{Readout.image}} {where}pixel slow {rows.start + slow} fast {fast} holds {values[slow, fast]:g}: "
            f"photons are numbers from 0 to {_MOST_PHOTONS:.0e}; set pixels that hold none to 0"
        )
    return values


def added_images(images: list[tuple[str, np.ndarray, float]]) -> np.ndarray:
    """Sum of images, each times a factor.

    Parameters
    ----------
    images : list of (str, ndarray, float)
        Name for messages, pixels of any number type, factor.

    Returns
    -------
    ndarray, shape of each, float32
        The image itself if it is one, of factor 1.

    Raises
    ------
    UsageError
        If shapes differ.
    """
    (name, total, factor), *others = images
    if factor != 1.0 or others:
        total = np.multiply(total, factor, dtype=np.float32)
    for other, pixels, scale in others:
        if pixels.shape != total.shape:
            raise UsageError(f"{other}: has {size_text(pixels.shape)}, but {name} has {size_text(total.shape)}")
        total += np.multiply(pixels, scale, dtype=np.float32)
    return total


