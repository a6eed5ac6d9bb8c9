"""Experiment -> Model: what is computed once per image, topic by topic."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from nbnumba.config import Crystal, Experiment, UnitCell
from nbnumba.config.constants import R_E_SQUARED
from nbnumba.config.units import unit_hints
from nbnumba.errors import UsageError
from nbnumba.kernels.params import KernelParams, Scale
from nbnumba.kernels.params import Sampling as KernelSampling
from nbnumba.numerics.c_random import ran1_state
from nbnumba.setup.background import build_scatterers
from nbnumba.setup.beam import build_sources, fluence_and_flux, list_sources, spreads, weigh_sources
from nbnumba.setup.crystal import (
    build_crystal,
    build_factors,
    cells_and_size,
    clipped_sample,
    orient,
    seed_of_orientation,
)
from nbnumba.setup.cutoff import check_cutoff
from nbnumba.setup.detector import build_panels, place, regions_of_interest, sensor
from nbnumba.setup.model import Model
from nbnumba.setup.mosaic import plan_mosaic, turn_domains
from nbnumba.setup.sampling import MAX_SAMPLES, spindle_steps
from nbnumba.setup.spindle import rotate_lattice
from nbnumba.setup.units import ANGSTROM, DEGREES_PER_RADIAN, MM, given, radians
from nbnumba.setup.vectors import Vector, magnitude, scale
from nbnumba.setup.weighting import build_weighting, nanobragg_background, water_of_group

if TYPE_CHECKING:
    from nbnumba.config import Detector, Sampling
    from nbnumba.setup.model import DetectorGeometry, StepCounts

NO_CRYSTAL = Crystal()
"""Without a cell and without structure factors."""

MOST_STEPS = 2**31 - 1
"""Terms of the sum for one pixel and layer: nanoBragg counts them in a C int."""


def _phi(sampling: Sampling) -> StepCounts:
    return spindle_steps(
        given(sampling.oscillation, DEGREES_PER_RADIAN), given(sampling.phi_step, DEGREES_PER_RADIAN),
        sampling.phi_steps, 1.0 / DEGREES_PER_RADIAN,
    )


def _reciprocal_pixel(detector: Detector, geometries: Sequence[DetectorGeometry], wavelength: float) -> float:
    """Edge of a pixel as a length in the crystal, m: of the pixels that are nearest to the sample."""
    if detector.panels is None:
        return wavelength * geometries[0].distance / geometries[0].pixel_size
    return min(
        wavelength * geometry.close_distance / max(panel.pixel_size) * MM
        for geometry, panel in zip(geometries, detector.panels, strict=True)
    )


def _recommended_oversample(crystal_size: Vector, reciprocal_pixel: float) -> int:
    """Subpixels per edge that resolve the shape transform."""
    if reciprocal_pixel == 0.0:
        raise UsageError(
            "{Detector.distance}: the plane of the detector passes through the sample; move it or turn its axes"
        )
    wanted = 3.0 * max(crystal_size) / reciprocal_pixel
    # far more than can be computed, but a number that can be printed
    return max(math.ceil(min(wanted, MOST_STEPS)), 1)


def _cause_of_oversampling(
    crystal: Crystal, crystal_size: Vector, wavelength: float, geometry: DetectorGeometry
) -> str:
    """What makes the recommended oversampling as large as it is: the length that is farthest from ordinary ones."""
    largest = max(crystal_size)
    axis = crystal_size.index(largest)
    field = "Crystal.size" if crystal.size[axis] > 0.0 else "Crystal.cells"
    excesses = {
        f"a crystal of {1000.0 * largest:g} mm along {'abc'[axis]} ({{{field}}})": largest / 1e-6,
        f"a wavelength of {1e10 * wavelength:g} Å ({{Beam.wavelength}})": 1e-10 / wavelength,
        f"a distance of {1000.0 * geometry.distance:g} mm ({{Detector.distance}})": 0.1 / abs(geometry.distance),
        f"a pixel of {1000.0 * geometry.pixel_size:g} mm ({{Detector.pixel_size}})": geometry.pixel_size / 1e-4,
    }
    return max(excesses, key=lambda cause: excesses[cause])


def _check_counts(counts: dict[str, int]) -> None:
    """Refuse numbers of samples, by the fields that set each, that no machine can hold."""
    for fields, count in counts.items():
        if count > MAX_SAMPLES:
            raise UsageError(f"{fields}: {count} is too many: at most {MAX_SAMPLES} are possible")


def _count_steps(sources: int, phi_steps: int, domains: int, oversample: int, chosen_for: str | None) -> int:
    """Terms of the sum for one pixel and layer; `chosen_for` is what made nanoBragg's rule choose its subpixels."""
    steps = sources * phi_steps * domains * oversample * oversample
    if steps > MOST_STEPS:
        wanted = f"{{Sampling.oversample={oversample}}}"
        remedy = "give a smaller {Sampling.oversample}"
        if chosen_for is not None:
            wanted = f"{chosen_for} takes {oversample} x {oversample} subpixels to resolve"
            remedy = "correct it, or give {Sampling.oversample}"
        raise UsageError(
            f"{wanted}: with {sources} source(s), {phi_steps} spindle step(s) and {domains} mosaic domain(s) these are "
            f"{steps:.3g} steps for one pixel, more than {MOST_STEPS}: {remedy}"
        )
    return steps


def _crystal(experiment: Experiment) -> Crystal:
    """The crystal; beside a background there need be none, which is one of a single cell that scatters nothing."""
    crystal = experiment.crystal
    if experiment.background and crystal == NO_CRYSTAL:
        return replace(crystal, unit_cell=UnitCell(1.0))
    return crystal


def lower(experiment: Experiment) -> Model:
    """Work out everything that is computed once per image.

    Parameters
    ----------
    experiment : Experiment
        What the user wants, in user units.

    Returns
    -------
    Model
        SI units; `Model.params` is the kernels' argument.

    Raises
    ------
    UsageError
        If the description can't be simulated.
    """
    if not isinstance(experiment, Experiment):
        raise UsageError(f"an Experiment is needed, not {type(experiment).__name__}")
    crystal, beam, detector, sampling = (
        _crystal(experiment), experiment.beam, experiment.detector, experiment.sampling,
    )
    fixes = experiment.physics.fixes
    wavelength = beam.nominal_wavelength / ANGSTROM
    fluence, flux = fluence_and_flux(beam)
    sample, warnings = clipped_sample(crystal, beam)
    geometries, frame_warnings = place(detector, fixes)
    geometry = geometries[0]
    random_state = ran1_state(0)
    misset_seed = seed_of_orientation(crystal)
    lattice = orient(crystal, wavelength, misset_seed, random_state, fixes)
    metres = (scale(lattice.a, 1e-10), scale(lattice.b, 1e-10), scale(lattice.c, 1e-10))
    edges = (magnitude(metres[0]), magnitude(metres[1]), magnitude(metres[2]))
    cells, crystal_size = cells_and_size(crystal, sample, edges, fixes)
    reciprocal_pixel = _reciprocal_pixel(detector, geometries, wavelength)
    recommended = _recommended_oversample(crystal_size, reciprocal_pixel)
    oversample = sampling.oversample if sampling.oversample and sampling.oversample > 0 else recommended
    samples = spreads(beam)
    thickness, mu, mu_warnings = sensor(detector, fixes)
    mosaic, mosaic_warning = plan_mosaic(crystal)
    phi, phi_start = _phi(sampling), radians(sampling.phi)
    _check_counts({
        "{Sampling.phi_steps}": phi.steps, "{Crystal.mosaic_domains}": mosaic.domains,
        "{Sensor.layers}": thickness.steps,
        "{Beam.horizontal_divergence.steps} x {Beam.vertical_divergence.steps} x {Beam.dispersion.steps}":
            math.prod(sampled.steps for sampled in samples),
    })  # fmt: skip
    sources, weights = weigh_sources(list_sources(beam, geometry, wavelength, samples), fixes)
    umats = turn_domains(crystal, mosaic, lattice, random_state)
    angles = [phi_start + phi.step * tic for tic in range(phi.steps)]
    spindle = rotate_lattice(metres, geometry.spindle, angles, umats, mosaic.turned, "phi-carryover" not in fixes)
    windows = regions_of_interest(sampling, geometries)
    steps = _count_steps(
        len(sources.weights), phi.steps, mosaic.domains, oversample,
        None if sampling.oversample == oversample
        else _cause_of_oversampling(crystal, crystal_size, wavelength, geometry),
    )  # fmt: skip
    weighting = build_weighting(
        sampling, beam.polarization, thickness.range > 0.0, bool(np.any(weights != 1.0)),
        water_of_group(sampling, phi.steps * mosaic.domains, steps, fluence, fixes), fixes,
    )  # fmt: skip
    params = KernelParams(
        panels=build_panels(detector, geometries, windows, oversample, thickness, mu, fixes),
        sampling=KernelSampling(thickness.steps, oversample, sampling.dmin * 1e-10),
        weighting=weighting,
        sources=build_sources(beam, sources, geometry, weights),
        lattice=build_crystal(crystal, lattice, cells, spindle, fixes),
        factors=build_factors(crystal, cells, fixes),
        scale=Scale(
            background=0.0 if weighting.water != 0.0 else nanobragg_background(sampling, fluence),
            water=sampling.water != 0.0, r_e_squared=R_E_SQUARED, fluence=fluence, steps=steps,
        ),
    )  # fmt: skip
    check_cutoff(experiment, params)
    return Model(
        experiment=experiment, geometry=geometry, lattice=lattice, cells=cells, crystal_size=crystal_size,
        shape=crystal.shape, wavelength=wavelength, flux=flux, fluence=fluence,
        source_weights=sources.weights, source_vectors=sources.vectors,
        horizontal_divergence=samples[0], vertical_divergence=samples[1],
        divergence_steps=sources.divergence_steps, dispersion=samples[2],
        phi=phi, phi_start=phi_start, thickness=thickness, mu=mu,
        mosaic_spread=mosaic.spread, mosaic_umats=umats, misset_seed=misset_seed,
        panels=geometries, windows=tuple(windows),
        recommended_oversample=recommended, reciprocal_pixel_size=reciprocal_pixel,
        interpolation=params.factors.interpolate, params=params,
        scatterers=build_scatterers(experiment.background, beam, fluence),
        warnings=(
            *unit_hints(experiment), *warnings, *frame_warnings, *mu_warnings,
            *([mosaic_warning] if mosaic_warning else []),
        ),
    )  # fmt: skip
