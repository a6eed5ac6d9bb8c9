"""The beam: fluence, spreads and sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nbnumba.config.sources import sources_in_metres
from nbnumba.errors import UsageError
from nbnumba.kernels.params import Sources
from nbnumba.setup.sampling import angular_or_spectral_samples
from nbnumba.setup.sources import (
    SOURCE_DISTANCE,
    SourceList,
    complete_sources,
    divergence_directions,
    generate_sources,
    unitized,
)
from nbnumba.setup.units import ANGSTROM, MILLIRADIANS, MM, PERCENT, given
from nbnumba.setup.vectors import unit

if TYPE_CHECKING:
    from nbnumba.config import Beam, Spectrum, Spread
    from nbnumba.setup.model import DetectorGeometry, StepCounts


def fluence_and_flux(beam: Beam) -> tuple[float, float]:
    """Photons/m², and the photons/s that agree with it.

    Parameters
    ----------
    beam : Beam

    Raises
    ------
    UsageError
        If a flux falls on no area.
    """
    size = beam.size / MM
    fluence = beam.fluence
    if beam.flux != 0.0 and beam.exposure > 0.0 and size >= 0.0:
        if size == 0.0:
            raise UsageError("{Beam.size=0} makes the fluence infinite: give the beam size in mm")
        fluence = beam.flux * beam.exposure / size / size
    flux = fluence / beam.exposure * size * size if beam.exposure > 0.0 else beam.flux
    return fluence, flux


def _samples(beam: Beam, name: str, per_si: float) -> StepCounts:
    """Samples of one of the beam's spreads, by the name of its field."""
    spread: Spread = getattr(beam, name)
    return angular_or_spectral_samples(
        given(spread.range, per_si), given(spread.step, per_si), spread.steps, f"Beam.{name}"
    )


def spreads(beam: Beam) -> tuple[StepCounts, StepCounts, StepCounts]:
    """Samples of horizontal and vertical divergence (radians) and of the dispersion (a fraction).

    Parameters
    ----------
    beam : Beam
    """
    return (
        _samples(beam, "horizontal_divergence", MILLIRADIANS),
        _samples(beam, "vertical_divergence", MILLIRADIANS),
        _samples(beam, "dispersion", PERCENT),
    )


def list_sources(
    beam: Beam,
    geometry: DetectorGeometry,
    wavelength: float,
    samples: tuple[StepCounts, StepCounts, StepCounts],
    distance: float = SOURCE_DISTANCE,
) -> SourceList:
    """The user's sources, or those of divergence and dispersion.

    Parameters
    ----------
    beam : Beam
    geometry : DetectorGeometry
        Lab axes.
    wavelength : float
        Central wavelength, m.
    samples : tuple of 3 StepCounts
        From `spreads`.
    distance : float
        Sample to generated sources, m.

    Raises
    ------
    UsageError
        If there is none, or a wavelength is not positive.
    """
    if beam.sources is not None:
        return complete_sources(sources_in_metres(beam.sources), geometry, wavelength, distance)
    horizontal, vertical, dispersion = samples
    if beam.spectrum is not None:
        return _spectral_sources(beam, beam.spectrum, geometry, horizontal, vertical)
    sources = generate_sources(
        geometry, wavelength, horizontal, vertical, beam.round_divergence, dispersion, distance
    )
    if len(sources.weights) == 0:
        raise UsageError(_NO_DIRECTION)
    if not sources.units[:, 3].min() > 0.0:
        raise UsageError(
            "{Beam.dispersion.range}: some wavelengths come out as zero or negative; it must stay below 200 %"
        )
    return sources


def _spectral_sources(
    beam: Beam, spectrum: Spectrum, geometry: DetectorGeometry, horizontal: StepCounts, vertical: StepCounts
) -> SourceList:
    """Every wavelength of a spectrum from every direction."""
    directions = divergence_directions(geometry, horizontal, vertical, beam.round_divergence)
    if not directions:
        raise UsageError(_NO_DIRECTION)
    wavelengths = spectrum.angstroms / ANGSTROM
    table = np.array([(*direction, wavelength) for direction in directions for wavelength in wavelengths.tolist()])
    weights = np.tile(spectrum.shares / len(directions), len(directions))
    return unitized(table[:, :3], weights, table[:, 3], len(directions))


_NO_DIRECTION = (
    "{Beam.round_divergence=True} leaves no source: give more {Beam.horizontal_divergence.steps}/"
    "{Beam.vertical_divergence.steps} or {Beam.round_divergence=False}"
)


def weigh_sources(sources: SourceList, fixes: frozenset[str]) -> tuple[SourceList, np.ndarray]:
    """The sources that count, and how much each does.

    Parameters
    ----------
    sources : SourceList
    fixes : frozenset of str
        Quirks that are switched off.

    Returns
    -------
    sources : SourceList
        Without those of weight zero; all of them under the quirk `weights`.
    weights : ndarray, shape (n,), float64
        1 on average; all 1 under the quirk.

    Raises
    ------
    UsageError
        If a weight is negative, or all are zero.
    """
    if "weights" not in fixes:
        return sources, np.ones(len(sources.weights))
    stated = sources.weights
    lowest = int(stated.argmin())
    if stated[lowest] < 0.0:
        raise UsageError(f"{{Beam.sources}}: source {lowest} has the weight {stated[lowest]:g}; give zero or more")
    counted = stated > 0.0
    if not counted.any():
        raise UsageError("{Beam.sources}: all sources have the weight 0, so that nothing shines")
    kept = SourceList(sources.vectors[counted], stated[counted], sources.units[counted], sources.divergence_steps)
    alike = bool((kept.weights == kept.weights[0]).all())
    return kept, np.ones(len(kept.weights)) if alike else kept.weights / kept.weights.mean()


def build_sources(beam: Beam, sources: SourceList, geometry: DetectorGeometry, weights: np.ndarray) -> Sources:
    """The beam's part of the kernels' argument.

    Parameters
    ----------
    beam : Beam
    sources : SourceList
    geometry : DetectorGeometry
        Lab axes.
    weights : ndarray, shape (n,), float64
        From `relative_weights`.

    Returns
    -------
    Sources
    """
    return Sources(
        table=np.column_stack([sources.units, weights]),
        polarization=beam.polarization, kahn_factor=float(beam.kahn_factor),
        # nanoBragg makes this a unit vector once more before its first use
        polar_axis=np.array(unit(geometry.polar)),
    )  # fmt: skip
