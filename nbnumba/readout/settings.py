"""The figures of a detector, from which its stages follow, and those of detectors that can be had."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from nbnumba.config.detectors import DETECTORS
from nbnumba.errors import UsageError
from nbnumba.readout.electronics import CalibrationError, Digitize, Gain, Offset, ReadoutNoise, Saturation
from nbnumba.readout.names import GENERATORS, NOISIFY, PRESETS
from nbnumba.readout.options import NoisifyOptions, NoisifyPointSpread, Profile
from nbnumba.readout.photons import PhotonCounting, SourceFluctuation
from nbnumba.readout.pixels import DeadPixels, Gaps, HotPixels
from nbnumba.readout.sequential import NoisifyChain
from nbnumba.readout.spread import PointSpread
from nbnumba.readout.stage import Stage, require

_NOISE_WIDTHS = 3.0
"""Standard deviations of readout noise that an offset should keep above zero."""

_SILICON_PAIR_EV = 3.66
"""Energy that makes one electron and hole in silicon, eV (F. Scholze et al., J. Appl. Phys. 84, 2926 (1998))."""


@dataclass(frozen=True, eq=False)
class ReadoutSettings:
    """The figures of a detector: what does nothing is no stage, the others stand in the order of the physics.

    Attributes
    ----------
    fluctuation : float
        `SourceFluctuation.rms`.
    point_spread : PointSpread or None
        None for none.
    pixel_size : float or None
        Edge of a pixel, µm, in place of the point spread's own.
    spreads_counts : bool
        Whether the point spread comes behind `PhotonCounting`: the light of a phosphor spreads, not its photons.
    counting : bool
        Whether photons are counted; without, the image has no statistics.
    generator : str
        `PhotonCounting.generator`, or "noisify": all up to the offset is `NoisifyChain`, whose point spread comes
        behind the counting.
    calibration : float or ndarray
        `CalibrationError.rms`, or its factors.
    gain : float
        `Gain.adu_per_photon`.
    readout_noise : float
        `ReadoutNoise.rms`, ADU.
    offset : float
        `Offset.adu`.
    hot_pixels, dead_pixels : float or ndarray
        Fraction or places of `HotPixels` and `DeadPixels`.
    dead_value : float
        `DeadPixels.value`.
    saturation : float or None
        `Saturation.level`, ADU; None for none but the integer type's.
    gaps : Gaps or None
        Gaps between modules.
    mask : ndarray or None
        0 where there is no sensor; takes the value of `gaps`.
    masked_value : float or None
        Value of gaps and masked pixels; None takes that of `gaps`, or 0.
    dtype : str
        `Digitize.dtype`.
    source_seed, photon_seed, readout_seed : int or None
        Seeds of single purposes, in place of the image's.
    calibration_seed, pixel_seed : int
        Which detector: seeds of the calibration error, and of dead and hot pixels.
    """

    fluctuation: float = 0.0
    point_spread: PointSpread | None = None
    pixel_size: float | None = None
    spreads_counts: bool = False
    counting: bool = True
    generator: str = GENERATORS[0]
    calibration: float | np.ndarray = field(default=0.0, repr=False)
    gain: float = 1.0
    readout_noise: float = 0.0
    offset: float = 0.0
    hot_pixels: float | np.ndarray = field(default=0.0, repr=False)
    saturation: float | None = None
    dead_pixels: float | np.ndarray = field(default=0.0, repr=False)
    dead_value: float = 0.0
    gaps: Gaps | None = None
    mask: np.ndarray | None = field(default=None, repr=False)
    masked_value: float | None = None
    dtype: str = "int32"
    source_seed: int | None = None
    photon_seed: int | None = None
    readout_seed: int | None = None
    calibration_seed: int = 0
    pixel_seed: int = 0

    def stages(self) -> tuple[Stage, ...]:
        """The stages, checked.

        Raises
        ------
        UsageError
            If a figure is impossible.
        """
        if self.generator == NOISIFY:
            return (self._noisify_chain(), *self._pixels(), Digitize(self.dtype))
        return (*self._photons(), *self._electronics(), *self._pixels(), Digitize(self.dtype))

    def hints(self) -> list[str]:
        """What is probably not meant.

        Returns
        -------
        list of str
            A line for each, with the field in braces.
        """
        if self.saturation is not None and self.saturation <= self.offset:
            return [f"{{Saturation.level}} {self.saturation:g}: {{Offset.adu}} {self.offset:g} saturates every pixel"]
        unsigned, kind = self.dtype.startswith("u"), f"{{Digitize.dtype}} {self.dtype}"
        if unsigned and self.offset < 0.0:
            return [f"{{Offset.adu}} {self.offset:g}: {kind} ends at 0; what is below becomes 0"]
        # down to -0.5 pixels are rounded to 0
        if unsigned and self.offset + 0.5 < _NOISE_WIDTHS * self.readout_noise:
            least = math.ceil(_NOISE_WIDTHS * self.readout_noise)
            return [
                f"{{ReadoutNoise.rms}} {self.readout_noise:g}: {kind} cuts off what falls below 0, which makes dark "
                f"pixels too bright: give {{Offset.adu}} {least} or more, or a signed type"
            ]
        return []

    def _noisify_chain(self) -> NoisifyChain:
        """All up to ADU in noisify's way."""
        spread = self._placed_spread()
        point_spread = NoisifyPointSpread()
        if spread is not None:
            require(spread.kernel is None, "PointSpread.kernel", "of your own is not for the generator noisify")
            point_spread = NoisifyPointSpread(Profile(spread.profile), spread.fwhm, spread.radius or 0)
        require(self.counting, "ReadoutSettings.counting", "is what the generator noisify always does")
        rms = not isinstance(self.calibration, np.ndarray)
        require(rms, "CalibrationError.factors", "of your own are not for the generator noisify")
        options = NoisifyOptions(
            gain=self.gain, adc_offset=self.offset, readout_noise=self.readout_noise, flicker_noise=self.fluctuation,
            calibration_noise=float(self.calibration), seed=self.photon_seed, calibration_seed=self.calibration_seed,
            point_spread=point_spread, bits=32 if self.dtype.endswith("32") else 16,
        )  # fmt: skip
        return NoisifyChain(options, 0.0 if spread is None else spread.pixel_size)

    def _placed_spread(self) -> PointSpread | None:
        """The point spread on this detector's pixels."""
        spread = self.point_spread
        if spread is None or self.pixel_size is None or spread.kernel is not None:
            return spread
        return replace(spread, pixel_size=self.pixel_size)

    def _photons(self) -> Iterator[Stage]:
        """Up to the counts, spread."""
        if self.fluctuation:
            yield SourceFluctuation(self.fluctuation, self.source_seed)
        spread = self._placed_spread()
        counting = PhotonCounting(self.photon_seed, self.generator) if self.counting else None
        order = (counting, spread) if self.spreads_counts else (spread, counting)
        yield from (stage for stage in order if stage is not None)

    def _electronics(self) -> Iterator[Stage]:
        """From counts to ADU."""
        if isinstance(self.calibration, np.ndarray):
            yield CalibrationError(factors=self.calibration)
        elif self.calibration:
            yield CalibrationError(self.calibration, self.calibration_seed)
        if self.gain != 1.0:
            yield Gain(self.gain)
        if self.readout_noise:
            yield ReadoutNoise(self.readout_noise, self.readout_seed)
        if self.offset:
            yield Offset(self.offset)

    def _pixels(self) -> Iterator[Stage]:
        """What pixels report that don't measure, or not all."""
        if isinstance(self.hot_pixels, np.ndarray):
            yield HotPixels(places=self.hot_pixels)
        elif self.hot_pixels:
            yield HotPixels(self.hot_pixels, seed=self.pixel_seed)
        if self.saturation is not None:
            yield Saturation(self.saturation)
        if isinstance(self.dead_pixels, np.ndarray):
            yield DeadPixels(places=self.dead_pixels, value=self.dead_value)
        elif self.dead_pixels:
            yield DeadPixels(self.dead_pixels, self.dead_value, self.pixel_seed)
        gaps = self.gaps
        if self.mask is not None:
            gaps = Gaps(mask=self.mask) if gaps is None else replace(gaps, mask=self.mask)
        if gaps is not None:
            yield gaps if self.masked_value is None else replace(gaps, value=self.masked_value)


def _hybrid(name: str, **figures: Any) -> ReadoutSettings:
    """Figures of a detector of modules: pixels and gaps as `nbnumba.config.detectors` has them."""
    model = DETECTORS[name]
    gaps = Gaps(model.module_size[::-1], model.gap[::-1], value=-1.0)
    return ReadoutSettings(pixel_size=1000.0 * model.pixel_size, gaps=gaps, dtype="int32", **figures)


PILATUS = _hybrid("pilatus-6m", saturation=DETECTORS["pilatus-6m"].saturation, dead_value=-2.0)
EIGER = _hybrid("eiger-16m", dead_value=-2.0)
CCD = ReadoutSettings(
    pixel_size=102.6, point_spread=PointSpread("fiber", 80.0, 102.6), spreads_counts=True, calibration=0.03,
    readout_noise=3.0, offset=40.0, saturation=65535.0, dtype="uint16",
)  # fmt: skip


def jungfrau_settings(photon_energy: float, gain: float = 1.0) -> ReadoutSettings:
    """Figures of a JUNGFRAU detector; see `Readout.jungfrau`.

    Parameters
    ----------
    photon_energy : float
        eV.
    gain : float
        ADU per photon of the calibrated values.

    Returns
    -------
    ReadoutSettings

    Raises
    ------
    UsageError
        If it is not above zero.
    """
    try:
        good = math.isfinite(photon_energy) and photon_energy > 0.0
    except TypeError:
        good = False
    require(good, "Readout.photon_energy", f"must be above zero, in eV, not {photon_energy!r}")
    return _hybrid(
        "jungfrau-4m", calibration=0.01, gain=gain, readout_noise=100.0 * _SILICON_PAIR_EV / photon_energy * gain,
        saturation=1e4 * 12400.0 / photon_energy * gain,
    )  # fmt: skip


def preset_settings(name: str, photon_energy: float = 12400.0, gain: float = 1.0) -> ReadoutSettings:
    """Figures of a detector by name.

    Parameters
    ----------
    name : str
        One of `PRESETS`.
    photon_energy : float
        eV; only JUNGFRAU's depend on it.
    gain : float
        ADU per photon.

    Returns
    -------
    ReadoutSettings

    Raises
    ------
    UsageError
        If there is no such name.
    """
    if name == "jungfrau":
        return jungfrau_settings(photon_energy, gain)
    fixed = {"counting": ReadoutSettings(), "pilatus": PILATUS, "eiger": EIGER, "ccd": CCD}
    if name not in fixed:
        raise UsageError(f"{{Readout.preset}} must be one of {', '.join(PRESETS)}, not '{name}'")
    return replace(fixed[name], gain=gain)
