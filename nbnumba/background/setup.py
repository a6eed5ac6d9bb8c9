"""AmorphousExperiment -> AmorphousModel: nonBragg's set-up in SI units, once per run."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from nbnumba.background.pixels import AmorphousParams
from nbnumba.background.table import PER_METRE, PaddedTable, pad_table
from nbnumba.config import Convention, Experiment, Pivot
from nbnumba.config.constants import AVOGADRO, R_E_SQUARED
from nbnumba.config.units import unit_hints
from nbnumba.errors import UsageError
from nbnumba.setup.background import molecules_in_beam
from nbnumba.setup.beam import fluence_and_flux, list_sources, spreads
from nbnumba.setup.detector import check_position, regions_of_interest
from nbnumba.setup.detector_frame import DetectorInput, beam_obliquity, place_detector
from nbnumba.setup.lowering import MOST_STEPS
from nbnumba.setup.sampling import MAX_SAMPLES
from nbnumba.setup.units import ANGSTROM, DEGREES_PER_RADIAN, MM, radians
from nbnumba.setup.vectors import cross, magnitude, unit

if TYPE_CHECKING:
    from nbnumba.background.experiment import AmorphousExperiment
    from nbnumba.config import Beam, Detector, Sampling
    from nbnumba.config.amorphous import AmorphousSample
    from nbnumba.setup.model import DetectorGeometry, StepCounts, Window
    from nbnumba.setup.sources import SourceList
    from nbnumba.setup.vectors import Vector

_MOST_PIXELS = 2**31 - 1
"""nonBragg counts them in a C int."""


_SLIGHT = 1e-3
"""Deviation from a length of 1 that comes from few digits."""

MOST_SUBPIXELS = 4096
"""Along each edge: the solid angles of a pixel are kept until they are added up."""


@dataclass(frozen=True)
class SampleFigures:
    """The block of material in metres, g/m³ and g/mol."""

    thickness: float
    width: float
    height: float
    density: float
    molar_mass: float
    molecules: float


@dataclass(frozen=True)
class AmorphousModel:
    """One image, ready to render: metres, radians, photons/m²."""

    experiment: AmorphousExperiment
    geometry: DetectorGeometry
    sample: SampleFigures
    wavelength: float
    fluence: float
    sources: SourceList
    horizontal_divergence: StepCounts
    vertical_divergence: StepCounts
    dispersion: StepCounts
    phi_start: float
    oscillation: float
    window: Window  # region of interest
    table: PaddedTable
    params: AmorphousParams
    warnings: tuple[str, ...]

    @property
    def roi_pixels(self) -> int:
        """Pixels of the region of interest."""
        window = self.window
        return (window.fast_stop - window.fast_start) * (window.slow_stop - window.slow_start)


def lower_amorphous(experiment: AmorphousExperiment) -> AmorphousModel:
    """Work out everything that nonBragg computes once per run.

    Parameters
    ----------
    experiment : AmorphousExperiment
        In user units.

    Returns
    -------
    AmorphousModel

    Raises
    ------
    UsageError
        If the description can't be rendered.
    """
    beam, detector, sampling = experiment.beam, experiment.detector, experiment.sampling
    wavelength = beam.nominal_wavelength / ANGSTROM
    geometry = _geometry(detector, exact_counts=experiment.extraction is not None)
    _check_image(experiment, geometry)
    fluence, _ = fluence_and_flux(beam)
    sample, warnings = _sample(experiment.sample, beam)
    samples = spreads(beam)
    sources = _sources(experiment, geometry, wavelength, samples)
    table = pad_table(experiment.points, PER_METRE[experiment.abscissa])
    (window,) = regions_of_interest(sampling, [geometry])
    return AmorphousModel(
        experiment=experiment, geometry=geometry, sample=sample, wavelength=wavelength, fluence=fluence,
        sources=sources, horizontal_divergence=samples[0], vertical_divergence=samples[1], dispersion=samples[2],
        phi_start=radians(sampling.phi), oscillation=_oscillation(sampling), window=window, table=table,
        params=_params(experiment, geometry, sources, table, window, fluence, sample.molecules),
        warnings=(*_unit_hints(experiment), *warnings, *_doubts(experiment, geometry, table)),
    )  # fmt: skip


def _pixel_count(size: float, pixel: float, given: int | None, exact: bool) -> int:
    """Pixels along an edge (quirk `ceil`); exactly as many as given where they must fit an image that was read."""
    return given if exact and given else math.ceil(size / pixel)


def _geometry(detector: Detector, exact_counts: bool) -> DetectorGeometry:
    """Where the detector stands."""
    pixel = detector.pixel_size / MM
    sizes = [
        pixel * count if count else size / MM
        for count, size in ((detector.pixels_fast, detector.size_fast), (detector.pixels_slow, detector.size_slow))
    ]
    if max(sizes) / pixel > _MOST_PIXELS or sizes[0] / pixel * (sizes[1] / pixel) > _MOST_PIXELS:
        raise UsageError(
            f"{{Detector.pixels_fast}}, {{Detector.size_fast}}, {{Detector.pixel_size}}: {sizes[0] / pixel:g} x "
            f"{sizes[1] / pixel:g} pixels are too many"
        )
    counts = [
        _pixel_count(size, pixel, given, exact_counts)
        for size, given in zip(sizes, (detector.pixels_fast, detector.pixels_slow), strict=True)
    ]
    geometry, _ = place_detector(_placed(detector, pixel, sizes, counts), frozenset())
    check_position(geometry, detector.curved)
    if geometry.close_distance == 0.0:
        raise UsageError(
            "{Detector.distance}: the plane of the detector passes through the sample; move it or turn its axes"
        )
    return geometry


def _placed(detector: Detector, pixel: float, sizes: list[float], counts: list[int]) -> DetectorInput:
    """nonBragg's defaults of beam centre, closest point and distance (quirks `orgx` and `beam-default`)."""
    frame = detector.frame
    odet = unit(cross(unit(frame.fdet), unit(frame.sdet)))
    x, y = detector.close_point
    x_close = (sizes[0] - pixel) / 2.0 if x is None else x / MM
    y_close = (sizes[1] + pixel) / 2.0 if y is None else y / MM
    x, y = detector.origin_pixels
    x_close, y_close = x_close if x is None else x * pixel, y_close if y is None else y * pixel
    x, y = detector.beam_center
    # nanoBragg turns the beam centre about the sample, nonBragg the closest point
    pivot = frame.pivot or Pivot.BEAM
    about_beam = pivot is Pivot.BEAM
    x_beam = x / MM if about_beam and x is not None else x_close
    y_beam = y / MM if about_beam and y is not None else y_close
    rx, ry, rz = detector.rotation
    rotation = (radians(rx), radians(ry), radians(rz))
    close_distance = detector.close_distance
    return DetectorInput(
        frame=replace(frame, convention=Convention.CUSTOM, pivot=pivot, odet=odet),
        pixel_size=pixel, pixels_fast=counts[0], pixels_slow=counts[1], size_fast=sizes[0], size_slow=sizes[1],
        distance=detector.distance / MM,
        # nanoBragg takes its absolute value
        close_distance=close_distance / MM if close_distance is not None
        else beam_obliquity(unit(frame.beam), odet, rotation) * (detector.distance / MM),
        x_beam=x_beam, y_beam=y_beam, x_close=x_close, y_close=y_close, org_x=None, org_y=None, pix0=None,
        twotheta=radians(detector.twotheta), rotation=rotation,
    )  # fmt: skip


def _check_image(experiment: AmorphousExperiment, geometry: DetectorGeometry) -> None:
    """Refuse an image whose pixels are not those of the detector."""
    if experiment.extraction is None:
        return
    slow, fast = experiment.extraction.image.shape
    if (slow, fast) != (geometry.pixels_slow, geometry.pixels_fast):
        raise UsageError(
            f"{{Extraction.image}}: this image has {fast} x {slow} pixels, the detector {geometry.pixels_fast} x "
            f"{geometry.pixels_slow}; leave out what changes the size that its header states"
        )


def _sample(given: AmorphousSample, beam: Beam) -> tuple[SampleFigures, list[str]]:
    """The sample inside the beam: its thickness is never clipped."""
    x, y, z = given.thickness / MM, given.width / MM, given.height / MM
    size = beam.size / MM
    warnings = [
        f"clipping the sample ({edge:g} m {word}) with the beam ({size:g} m)"
        for edge, word in ((y, "wide"), (z, "high")) if 0.0 <= size < edge
    ]
    y, z = (size if 0.0 <= size < edge else edge for edge in (y, z))
    volume = x * y * z
    if volume == 0.0:
        raise UsageError("{Beam.size=0} clips the sample away: give the beam size in mm")
    density = given.density * 1e6
    if given.molecules != 0.0:
        density = given.molecules / volume / AVOGADRO * given.molar_mass
    molecules = molecules_in_beam(volume, density, given.molar_mass)
    return SampleFigures(x, y, z, density, given.molar_mass, molecules), warnings


def _sources(
    experiment: AmorphousExperiment,
    geometry: DetectorGeometry,
    wavelength: float,
    samples: tuple[StepCounts, StepCounts, StepCounts],
) -> SourceList:
    """Sources with the weights that count: 1 for each that is generated."""
    if experiment.beam.sources is None and math.prod(spread.steps for spread in samples) > MAX_SAMPLES:
        raise UsageError(
            "{Beam.horizontal_divergence}, {Beam.vertical_divergence}, {Beam.dispersion}: these are more than "
            f"{MAX_SAMPLES} sources"
        )
    if experiment.beam.spectrum is not None:
        raise UsageError("{Beam.spectrum}: nonBragg knows none; give {Beam.sources}, or a {Beam.dispersion}")
    sources = list_sources(experiment.beam, geometry, wavelength, samples, experiment.source_distance / MM)
    return sources if experiment.beam.sources is not None else sources._replace(weights=np.ones(len(sources.weights)))


def _oscillation(sampling: Sampling) -> float:
    """Rotation range in the header, radians."""
    if sampling.oscillation is not None and sampling.oscillation >= 0.0:
        return radians(sampling.oscillation)
    if sampling.phi_step is not None and sampling.phi_step > 0.0:
        return radians(sampling.phi_step)
    return 0.0 if sampling.phi_steps is None or sampling.phi_steps < 0 else 1.0 / DEGREES_PER_RADIAN


def _params(
    experiment: AmorphousExperiment,
    geometry: DetectorGeometry,
    sources: SourceList,
    table: PaddedTable,
    window: Window,
    fluence: float,
    molecules: float,
) -> AmorphousParams:
    """The argument of the loop."""
    detector, beam = experiment.detector, experiment.beam
    oversample = max(experiment.sampling.oversample or 1, 1)
    if oversample > MOST_SUBPIXELS:
        raise UsageError(f"{{Sampling.oversample={oversample}}}: at most {MOST_SUBPIXELS} subpixels along an edge fit")
    steps = len(sources.weights) * oversample * oversample
    if steps > MOST_STEPS:
        raise UsageError(
            f"{{Sampling.oversample={oversample}}}: with {len(sources.weights)} source(s) these are {steps:.3g} steps "
            f"for one pixel, more than {MOST_STEPS}: give a smaller one"
        )

    def vector(v: Vector) -> np.ndarray:
        return np.array(v, dtype=np.float64)

    return AmorphousParams(
        roi_fast_min=window.fast_start, roi_slow_min=window.slow_start, roi_width=window.fast_stop - window.fast_start,
        area=1.0 if detector.point_pixel else geometry.pixel_size * geometry.pixel_size,
        subpixel_size=geometry.pixel_size / oversample, oversample=oversample,
        distance=geometry.distance, close_distance=geometry.close_distance,
        fdet=vector(geometry.fdet), sdet=vector(geometry.sdet), odet=vector(geometry.odet),
        pix0=vector(geometry.pix0), beam=vector(geometry.beam),
        # nonBragg makes this a unit vector once more before its first use
        polar_axis=vector(unit(geometry.polar)),
        curved=detector.curved, point_pixel=detector.point_pixel,
        sources=sources.units, weights=sources.weights,
        polarization=beam.polarization, kahn_factor=beam.kahn_factor,
        abscissae=table.abscissae, amplitudes=table.amplitudes, denominators=table.denominators,
        lowest_place=1, highest_place=table.abscissae.size - 3,
        r_e_squared=R_E_SQUARED, fluence=fluence, molecules=molecules, steps=steps,
        amplitude_map=experiment.amplitude_map,
    )  # fmt: skip


def _unit_hints(experiment: AmorphousExperiment) -> list[str]:
    """What looks as if it were meant in another unit."""
    # a negative distance counts here
    detector = replace(experiment.detector, distance=abs(experiment.detector.distance))
    return unit_hints(Experiment(beam=experiment.beam, detector=detector))


def _doubts(experiment: AmorphousExperiment, geometry: DetectorGeometry, table: PaddedTable) -> list[str]:
    """What the user should know about an image that is made all the same."""
    doubts = []
    if geometry.close_distance < 0.0:
        doubts.append(
            "the outward axis, fast × slow, points from the detector to the sample: solid angles and photons come out "
            "negative, as in nonBragg; turn one of the two axes round, or correct the sign of {Detector.distance}"
        )
    axis, swing = experiment.detector.frame.twotheta_axis, geometry.twotheta
    if swing != 0.0 and abs(magnitude(axis) - 1.0) > _SLIGHT:
        doubts.append(
            "{LabFrame.twotheta_axis} is not of length 1: the swing about it distorts the detector, as in nonBragg"
        )
    if not table.is_ascending:
        doubts.append(
            "the abscissae of the table do not ascend: what is read between them depends on the pixels before, as in "
            "nonBragg, and one thread renders them"
        )
    return doubts
