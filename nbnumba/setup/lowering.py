"""Experiment -> Model: the one place where the units that people type become SI, once per run."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nbnumba.config import CrystalShape
from nbnumba.config.rules import LARGEST_NUMBER
from nbnumba.config.sources import sources_in_metres
from nbnumba.config.units import unit_hints
from nbnumba.errors import UsageError
from nbnumba.kernels.params import KernelParams
from nbnumba.numerics.c_random import ran1_state
from nbnumba.setup.cell import (
    build_lattice,
    cell_volume,
    complete_cell,
    reciprocal_from_cell,
    reciprocal_metric,
)
from nbnumba.setup.detector_frame import DetectorInput, place_detector
from nbnumba.setup.model import DetectorGeometry, Lattice, Model, StepCounts
from nbnumba.setup.mosaic import mosaic_rotations, random_misset
from nbnumba.setup.sampling import (
    MAX_SAMPLES,
    angular_or_spectral_samples,
    mosaic_domain_count,
    sensor_layers,
    spindle_steps,
)
from nbnumba.setup.sources import SourceList, complete_sources, generate_sources
from nbnumba.setup.spindle import rotate_lattice
from nbnumba.setup.vectors import Vector, magnitude, scale, unit

if TYPE_CHECKING:
    from nbnumba.config import Beam, Crystal, Detector, Experiment, Sampling, Spread

DEGREES_PER_RADIAN = 180.0 / math.pi
R_E_SQUARED = 7.94079248018965e-30
"""Thomson cross section r_e², m²."""

AVOGADRO = 6.02214179e23
WATER_AMPLITUDE = 2.57
"""Forward scattering amplitude of water, electrons."""

WATER_MOLAR_MASS = 18.0

MOST_STEPS = 2**31 - 1
"""Terms of the sum for one pixel and layer: nanoBragg counts them in a C int."""

SHAPE_CODES = {shape: code for code, shape in enumerate(CrystalShape)}


def _radians(degrees: float) -> float:
    return degrees / DEGREES_PER_RADIAN


def _optional(value: float | None, divisor: float) -> float | None:
    return None if value is None else value / divisor


def _pixel_count(size: float, pixel: float) -> int:
    return math.ceil(size / pixel - 0.5)


def _detector_input(detector: Detector) -> DetectorInput:
    pixel = detector.pixel_size / 1000.0
    size_fast = pixel * detector.pixels_fast if detector.pixels_fast else detector.size_fast / 1000.0
    size_slow = pixel * detector.pixels_slow if detector.pixels_slow else detector.size_slow / 1000.0
    rx, ry, rz = detector.rotation
    return DetectorInput(
        frame=detector.frame,
        pixel_size=pixel,
        pixels_fast=_pixel_count(size_fast, pixel), pixels_slow=_pixel_count(size_slow, pixel),
        size_fast=size_fast, size_slow=size_slow,
        distance=detector.distance / 1000.0, close_distance=_optional(detector.close_distance, 1000.0),
        x_beam=_optional(detector.beam_center[0], 1000.0), y_beam=_optional(detector.beam_center[1], 1000.0),
        x_close=_optional(detector.close_point[0], 1000.0), y_close=_optional(detector.close_point[1], 1000.0),
        org_x=detector.origin_pixels[0], org_y=detector.origin_pixels[1],
        twotheta=_radians(detector.twotheta),
        rotation=(_radians(rx), _radians(ry), _radians(rz)),
    )


def _fluence_and_flux(beam: Beam) -> tuple[float, float]:
    """Photons/m², and the photons/s that agree with it."""
    size = beam.size / 1000.0
    fluence = beam.fluence
    if beam.flux != 0.0 and beam.exposure > 0.0 and size >= 0.0:
        if size == 0.0:
            raise UsageError("{Beam.size=0} makes the fluence infinite: give the beam size in mm")
        fluence = beam.flux * beam.exposure / size / size
    flux = fluence / beam.exposure * size * size if beam.exposure > 0.0 else beam.flux
    return fluence, flux


def _clipped_sample(crystal: Crystal, beam: Beam) -> tuple[Vector, list[str]]:
    """Crystal size in m, height and width no larger than the beam."""
    x, y, z = (value / 1000.0 for value in crystal.size)
    size = beam.size / 1000.0
    warnings = []
    if 0.0 <= size < y:
        warnings.append(f"clipping the sample ({y:g} m high) with the beam ({size:g} m)")
        y = size
    if 0.0 <= size < z:
        warnings.append(f"clipping the sample ({z:g} m wide) with the beam ({size:g} m)")
        z = size
    return (x, y, z), warnings


def _lattice(crystal: Crystal, wavelength: float, random_state: np.ndarray) -> Lattice:
    cell = None
    if crystal.unit_cell is not None:
        given = crystal.unit_cell
        cell = complete_cell((
            given.a, given.b, given.c,
            *(None if angle is None else _radians(angle) for angle in (given.alpha, given.beta, given.gamma)),
        ))  # fmt: skip
        if not cell_volume(cell) > 0.0:
            raise UsageError("{Crystal.unit_cell}: these lengths and angles enclose no volume")
    random = random_misset(_clock_or(crystal.misset_seed), random_state) if crystal.random_misset else None
    misset = None
    if crystal.misset is not None:
        x, y, z = crystal.misset
        misset = (_radians(x), _radians(y), _radians(z))
    return build_lattice(_reciprocal(crystal, cell, wavelength), cell, random or misset, random)


def _reciprocal(
    crystal: Crystal, cell: tuple[float, float, float, float, float, float] | None, wavelength: float
) -> tuple[Vector, Vector, Vector]:
    """a*, b*, c* before missetting, 1/Å."""
    if crystal.reciprocal_matrix is not None:
        per_angstrom = 1e-10 / wavelength
        columns = [tuple(per_angstrom * float(v) for v in column) for column in crystal.reciprocal_matrix.T]
        return columns[0], columns[1], columns[2]  # type: ignore[return-value]
    if cell is None:
        raise UsageError("no unit cell: give {Crystal.unit_cell} or {Crystal.reciprocal_matrix}")
    return reciprocal_from_cell(cell)


def _clock_or(seed: int | None) -> int:
    return int(time.time()) if seed is None else seed


def _cells_and_size(crystal: Crystal, sample: Vector, edges: Vector) -> tuple[Vector, Vector]:
    """Unit cells along each axis, and the crystal's size in m; `edges` are the cell lengths in m."""
    cells = [
        max(float(math.ceil(size / edge)) if size > 0 else float(count), 1.0)
        for size, edge, count in zip(sample, edges, crystal.cells, strict=True)
    ]
    return (cells[0], cells[1], cells[2]), (edges[0] * cells[0], edges[1] * cells[1], edges[2] * cells[2])


def _spot_metric(lattice: Lattice, cells: Vector, fudge: float) -> np.ndarray:
    """The metric with whose squares ρ²·fudge of Gaussian and top-hat spots adds up."""
    s, t, u, *squares = reciprocal_metric(lattice.a_star, lattice.b_star, lattice.c_star)
    return np.array([s, t, u, *(square * math.prod(cells) ** 2 * fudge for square in squares)])


def _spread(beam: Beam, name: str, unit_per_si: float) -> StepCounts:
    """Samples of one of the beam's spreads, by the name of its field."""
    spread: Spread = getattr(beam, name)
    return angular_or_spectral_samples(
        _optional(spread.range, unit_per_si), _optional(spread.step, unit_per_si), spread.steps, f"Beam.{name}"
    )


def _phi(sampling: Sampling) -> StepCounts:
    return spindle_steps(
        _optional(sampling.oscillation, DEGREES_PER_RADIAN), _optional(sampling.phi_step, DEGREES_PER_RADIAN),
        sampling.phi_steps, 1.0 / DEGREES_PER_RADIAN,
    )


def _check_position(geometry: DetectorGeometry, curved: bool) -> None:
    """Refuse a detector that is placed by a beam that never meets it."""
    numbers = (*geometry.pix0, geometry.distance) if curved else geometry.pix0
    # NaN is not smaller either
    if not all(abs(value) < LARGEST_NUMBER for value in numbers):
        raise UsageError(
            "{LabFrame.beam}: the beam runs along the detector and never meets it; turn the detector, or let it pivot "
            "about the sample ({LabFrame.pivot=sample})"
        )


def _attenuation(detector: Detector, thickness: StepCounts) -> tuple[float, list[str]]:
    """Attenuation coefficient, 1/m; -1 where nanoBragg leaves it unset."""
    depth = detector.sensor.attenuation_depth
    if depth is not None:
        return (0.0 if math.isinf(depth) else 1.0 / (depth * 1e-6)), []
    if thickness.range > 0.0:
        return 1.0 / thickness.range, [
            "no {Sensor.attenuation_depth} was given: the attenuation depth equals the sensor thickness"
        ]
    return -1.0, []


def _roi(sampling: Sampling, geometry: DetectorGeometry) -> tuple[int, int, int, int]:
    """Region of interest as nanoBragg states it: the default maximum is one past the last pixel."""
    given = sampling.roi or (-1, -1, -1, -1)
    defaults = (0, geometry.pixels_fast, 0, geometry.pixels_slow)
    x_min, x_max, y_min, y_max = (
        default if value < 0 else value for value, default in zip(given, defaults, strict=True)
    )
    if x_min > min(x_max, geometry.pixels_fast - 1) or y_min > min(y_max, geometry.pixels_slow - 1):
        raise UsageError(
            f"{{Sampling.roi}} {x_min} {x_max} {y_min} {y_max} holds no pixel of the "
            f"{geometry.pixels_fast} x {geometry.pixels_slow} detector: give xmin xmax ymin ymax inside it"
        )
    return x_min, x_max, y_min, y_max


def _sources(beam: Beam, geometry: DetectorGeometry, wavelength: float, spreads: tuple[StepCounts, ...]) -> SourceList:
    if beam.sources is not None:
        return complete_sources(sources_in_metres(beam.sources), geometry, wavelength)
    horizontal, vertical, dispersion = spreads
    sources = generate_sources(geometry, wavelength, horizontal, vertical, beam.round_divergence, dispersion)
    if len(sources.weights) == 0:
        raise UsageError(
            "{Beam.round_divergence=True} leaves no source: give more {Beam.horizontal_divergence.steps}/"
            "{Beam.vertical_divergence.steps} or {Beam.round_divergence=False}"
        )
    if not sources.units[:, 3].min() > 0.0:
        raise UsageError(
            "{Beam.dispersion.range}: some wavelengths come out as zero or negative; it must stay below 200 %"
        )
    return sources


def _mask(detector: Detector, geometry: DetectorGeometry) -> np.ndarray:
    pixels = detector.mask_pixels
    if pixels is None:
        return np.zeros((0, 0), dtype=np.uint16)
    shape = (geometry.pixels_slow, geometry.pixels_fast)
    if pixels.shape != shape:
        raise UsageError(f"{{Detector.mask}} has {pixels.shape} pixels (slow, fast) but the detector has {shape}")
    return pixels


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


def _background(sampling: Sampling, fluence: float) -> float:
    """I_bg of the water cube; nanoBragg adds it before scaling (quirk `water`)."""
    edge = sampling.water / 1e6
    return (
        WATER_AMPLITUDE * WATER_AMPLITUDE * R_E_SQUARED * fluence * edge * edge * edge
        * 1e6 * AVOGADRO / WATER_MOLAR_MASS
    )  # fmt: skip


def _vector(v: Sequence[float]) -> np.ndarray:
    return np.array(v, dtype=np.float64)


def lower(experiment: Experiment) -> Model:
    """Work out everything that is computed once per run.

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
    crystal, beam, detector, sampling = (
        experiment.crystal, experiment.beam, experiment.detector, experiment.sampling,
    )
    wavelength = beam.wavelength / 1e10
    fluence, flux = _fluence_and_flux(beam)
    sample, warnings = _clipped_sample(crystal, beam)
    geometry, frame_warnings = place_detector(_detector_input(detector))
    _check_position(geometry, detector.curved)
    random_state = ran1_state(0)
    lattice = _lattice(crystal, wavelength, random_state)
    metres = (scale(lattice.a, 1e-10), scale(lattice.b, 1e-10), scale(lattice.c, 1e-10))
    edges = (magnitude(metres[0]), magnitude(metres[1]), magnitude(metres[2]))
    cells, crystal_size = _cells_and_size(crystal, sample, edges)
    reciprocal_pixel = wavelength * geometry.distance / geometry.pixel_size
    recommended = _recommended_oversample(crystal_size, reciprocal_pixel)
    oversample = sampling.oversample if sampling.oversample and sampling.oversample > 0 else recommended
    spreads = (
        _spread(beam, "horizontal_divergence", 1000.0), _spread(beam, "vertical_divergence", 1000.0),
        _spread(beam, "dispersion", 100.0),
    )
    thickness = sensor_layers(detector.sensor.thickness * 1e-6, detector.sensor.layers)
    mu, mu_warnings = _attenuation(detector, thickness)
    spread, domains, mosaic_warning = mosaic_domain_count(
        _optional(crystal.mosaic_spread, DEGREES_PER_RADIAN), crystal.mosaic_domains
    )
    phi, phi_start = _phi(sampling), _radians(sampling.phi)
    _check_counts({
        "{Sampling.phi_steps}": phi.steps, "{Crystal.mosaic_domains}": domains, "{Sensor.layers}": thickness.steps,
        "{Beam.horizontal_divergence.steps} x {Beam.vertical_divergence.steps} x {Beam.dispersion.steps}":
            math.prod(samples.steps for samples in spreads),
    })  # fmt: skip
    sources = _sources(beam, geometry, wavelength, spreads)
    umats = mosaic_rotations(spread, domains, crystal.mosaic_seed, random_state)
    angles = [phi_start + phi.step * tic for tic in range(phi.steps)]
    spindle = rotate_lattice(metres, geometry.spindle, angles, umats, spread > 0.0)
    roi = _roi(sampling, geometry)
    factors = crystal.structure_factors
    has_amplitudes = factors is not None and factors.count > 0
    interpolate = min(crystal.cells) <= 2 if crystal.interpolate is None else crystal.interpolate
    params = KernelParams(
        roi_fast_min=roi[0], roi_slow_min=roi[2],
        roi_width=min(roi[1], geometry.pixels_fast - 1) - roi[0] + 1,
        roi_height=min(roi[3], geometry.pixels_slow - 1) - roi[2] + 1,
        mask=_mask(detector, geometry), has_mask=detector.mask is not None,
        pixel_size=geometry.pixel_size, subpixel_size=geometry.pixel_size / oversample, oversample=oversample,
        distance=geometry.distance, close_distance=geometry.close_distance,
        fdet=_vector(geometry.fdet), sdet=_vector(geometry.sdet), odet=_vector(geometry.odet),
        pix0=_vector(geometry.pix0), beam=_vector(geometry.beam),
        # nanoBragg makes this a unit vector once more before its first use
        polar_axis=_vector(unit(geometry.polar)),
        curved=detector.curved, point_pixel=detector.point_pixel,
        thickness=thickness.range, thick_step=thickness.step, thick_steps=thickness.steps, mu=mu,
        oversample_thick=sampling.oversample_thick, oversample_polar=sampling.oversample_polar,
        oversample_omega=sampling.oversample_omega,
        sources=sources.units, polarization=beam.polarization, kahn_factor=beam.kahn_factor,
        dmin=sampling.dmin * 1e-10,
        phi_steps=phi.steps, phi=np.array(angles, dtype=np.float64), phi_rows=spindle.phi_rows,
        phi_vectors=spindle.phi_vectors, domains=domains, lattice=spindle.lattice,
        reciprocal=np.array([*lattice.a_star, *lattice.b_star, *lattice.c_star], dtype=np.float64),
        metric=_spot_metric(lattice, cells, crystal.fudge),
        cells=_vector(cells), shape=SHAPE_CODES[crystal.shape], fudge=crystal.fudge,
        amplitudes=factors.table if factors is not None else np.zeros(1),
        has_amplitudes=has_amplitudes,
        h_size=factors.h_range + 1 if factors is not None else 1,
        k_size=factors.k_range + 1 if factors is not None else 1,
        l_size=factors.l_range + 1 if factors is not None else 1,
        h_min=factors.h_min if factors is not None else 0,
        k_min=factors.k_min if factors is not None else 0,
        l_min=factors.l_min if factors is not None else 0,
        default_F=crystal.default_F, interpolate=interpolate and has_amplitudes,
        background=_background(sampling, fluence), water=sampling.water != 0.0,
        r_e_squared=R_E_SQUARED, fluence=fluence,
        steps=_count_steps(
            len(sources.weights), phi.steps, domains, oversample,
            None if sampling.oversample == oversample
            else _cause_of_oversampling(crystal, crystal_size, wavelength, geometry),
        ),
    )  # fmt: skip
    return Model(
        experiment=experiment, geometry=geometry, lattice=lattice, cells=cells, crystal_size=crystal_size,
        shape=crystal.shape, wavelength=wavelength, flux=flux, fluence=fluence,
        source_weights=sources.weights, source_vectors=sources.vectors,
        horizontal_divergence=spreads[0], vertical_divergence=spreads[1],
        divergence_steps=sources.divergence_steps, dispersion=spreads[2],
        phi=phi, phi_start=phi_start, thickness=thickness, mu=mu,
        mosaic_spread=spread, mosaic_umats=umats, random_state=random_state, roi=roi,
        recommended_oversample=recommended, reciprocal_pixel_size=reciprocal_pixel,
        interpolation=params.interpolate, params=params,
        warnings=(
            *unit_hints(experiment), *warnings, *frame_warnings, *mu_warnings,
            *([mosaic_warning] if mosaic_warning else []),
        ),
    )  # fmt: skip
