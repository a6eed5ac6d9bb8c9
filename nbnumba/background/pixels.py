"""The loop over pixels, in nonBragg's order for each of them: subpixel along slow and fast, source.

Neighbouring pixels of a row, the lanes, go through it side by side, so that all but the look-up in the table is done in
vector instructions (docs/fast_cpu.md).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nbnumba.numerics.jit import jit, lean_jit, nest_jit, pass_jit
from nbnumba.numerics.vectors import direction, load, magnitude, unit_again
from nbnumba.physics.amorphous import four_point_amplitude, point_below
from nbnumba.physics.polarization import kahn_polarization
from nbnumba.physics.scattering import (
    curved_position,
    detector_coordinate,
    flat_position,
    scattering_vector,
    sine_theta_over_lambda,
)
from nbnumba.physics.solid_angle import pixel_solid_angle

LANES = 96
"""Pixels side by side at most."""

X, Y, Z, OMEGA, STOL, POLARIZATION, AMPLITUDE, PLACE, TOTAL = (section * LANES for section in range(9))
"""Where a block's numbers lie in its scratch: unit vector to the subpixel, solid angle, sin(θ)/λ, polarization factor,
F, place in the table, running sum. LLVM knows that they don't overlap."""

REACH = 9 * LANES
"""Where the scratch holds the smallest and the largest sin(θ)/λ that was looked up, 1/m."""


class AmorphousParams(NamedTuple):
    """Everything the loop reads. Vectors are float64[3] in the lab frame; lengths are metres.

    Pixels are numbered by `n`, counting along the rows of the clipped region of interest.
    """

    roi_fast_min: int
    roi_slow_min: int
    roi_width: int
    area: float  # of a pixel, m²; 1 in point pixels (quirk `point-pixel`)
    subpixel_size: float
    oversample: int
    distance: float
    close_distance: float
    fdet: np.ndarray
    sdet: np.ndarray
    odet: np.ndarray
    pix0: np.ndarray
    beam: np.ndarray
    polar_axis: np.ndarray
    curved: bool
    point_pixel: bool
    sources: np.ndarray  # float64[n, 4]: unit vector towards the source, wavelength (m)
    weights: np.ndarray  # float64[n]
    polarization: bool
    kahn_factor: float
    abscissae: np.ndarray  # float64[n], 1/m
    amplitudes: np.ndarray  # float64[n], electrons
    denominators: np.ndarray  # float64[n, 4]: of the cubic through each four points
    lowest_place: int  # the first and the last point that an interval may begin with
    highest_place: int
    r_e_squared: float  # m²
    fluence: float  # photons/m²
    molecules: float
    steps: int  # what the sum is divided by
    amplitude_map: bool


class LastEvaluation(NamedTuple):
    """What the last subpixel and source of each pixel were computed with; empty arrays keep nothing.

    Attributes
    ----------
    stol, amplitude, polarization, solid_angle : ndarray, shape (n,), float64
        sin(θ)/λ in 1/m, F in electrons, polarization factor, solid angle in steradian.
    place : ndarray, shape (n,), int64
        Point of the table next below.
    """

    stol: np.ndarray
    amplitude: np.ndarray
    polarization: np.ndarray
    solid_angle: np.ndarray
    place: np.ndarray

    @classmethod
    def of(cls, pixels: int) -> LastEvaluation:
        """Room for some pixels."""
        stol, amplitude, polarization, solid_angle = np.zeros((4, pixels))
        return cls(stol, amplitude, polarization, solid_angle, np.zeros(pixels, dtype=np.int64))


@pass_jit
def _place(params, slow, fast, sub_slow, sub_fast, lanes, s):
    """Unit vectors from the sample to one subpixel of neighbouring pixels, and the solid angles."""
    fdet, sdet, odet, pix0 = load(params.fdet), load(params.sdet), load(params.odet), load(params.pix0)
    oversample, size = params.oversample, params.subpixel_size
    slow_coordinate = detector_coordinate(slow, sub_slow, oversample, size)
    for i in range(lanes):
        fast_coordinate = detector_coordinate(fast + i, sub_fast, oversample, size)
        position = flat_position(fast_coordinate, slow_coordinate, 0.0, fdet, sdet, odet, pix0)
        s[X + i], s[Y + i], s[Z + i] = position
    if params.curved:
        beam, distance = load(params.beam), params.distance
        for i in range(lanes):
            flat = (s[X + i], s[Y + i], s[Z + i])
            s[X + i], s[Y + i], s[Z + i] = curved_position(flat, distance, beam, fdet, sdet)
    area, close_distance, point_pixel = params.area, params.close_distance, params.point_pixel
    for i in range(lanes):
        position = (s[X + i], s[Y + i], s[Z + i])
        airpath = magnitude(position)
        inverse = 1.0 / airpath
        s[X + i], s[Y + i], s[Z + i] = direction(position, airpath, inverse)
        s[OMEGA + i] = pixel_solid_angle(area, airpath, inverse, close_distance, point_pixel)


@pass_jit
def _scatter(incident, wavelength, lanes, s):
    """sin(θ)/λ of every subpixel for one source."""
    for i in range(lanes):
        q = scattering_vector((s[X + i], s[Y + i], s[Z + i]), incident, wavelength)
        s[STOL + i] = sine_theta_over_lambda(q)


@pass_jit
def _polarize(params, incident, lanes, s):
    """Polarization factor of every subpixel for one source."""
    kahn_factor, axis = params.kahn_factor, load(params.polar_axis)
    # nonBragg normalises these vectors once more here, and later sources see the result
    incident = unit_again(incident)
    for i in range(lanes):
        diffracted = unit_again((s[X + i], s[Y + i], s[Z + i]))
        s[X + i], s[Y + i], s[Z + i] = diffracted
        s[POLARIZATION + i] = kahn_polarization(kahn_factor, incident, diffracted, axis)


@pass_jit
def _add(params, weight, place, lanes, s):
    """Add F²·polarization·solid angle of one source, negative where F is; where the next walk begins."""
    for i in range(lanes):
        stol = s[STOL + i]
        place = point_below(params.abscissae, params.lowest_place, params.highest_place, stol, place)
        amplitude = four_point_amplitude(params.abscissae, params.amplitudes, params.denominators, place, stol)
        sign = -1.0 if amplitude < 0.0 else 1.0
        s[TOTAL + i] += sign * amplitude * amplitude * s[POLARIZATION + i] * s[OMEGA + i] * weight
        s[AMPLITUDE + i] = amplitude
        s[PLACE + i] = place
    return place


@pass_jit
def _widen_reach(lanes, s):
    """Keep the smallest and the largest sin(θ)/λ."""
    lowest, highest = s[REACH], s[REACH + 1]
    for i in range(lanes):
        lowest, highest = min(lowest, s[STOL + i]), max(highest, s[STOL + i])
    s[REACH], s[REACH + 1] = lowest, highest


@pass_jit
def _finish(params, first, lanes, s, photons, last):
    """Photons of the pixels, and what their last subpixel and source were computed with."""
    for i in range(lanes):
        # nonBragg adds it to a pixel of zero, so that no zero is negative
        value = 0.0 + s[TOTAL + i] * params.r_e_squared * params.fluence * params.molecules / params.steps
        photons[i] = s[AMPLITUDE + i] if params.amplitude_map else value
    if last.place.size > 0:
        for i in range(lanes):
            n = first + i
            last.stol[n], last.amplitude[n] = s[STOL + i], s[AMPLITUDE + i]
            last.polarization[n], last.solid_angle[n] = s[POLARIZATION + i], s[OMEGA + i]
            last.place[n] = np.int64(s[PLACE + i])


@nest_jit
def _render_block(params, slow, fast, place, omegas, lanes, s):
    """Sum the intensity of neighbouring pixels of a row; where the next walk begins."""
    for i in range(lanes):
        s[TOTAL + i] = 0.0
        s[POLARIZATION + i] = 1.0
    evaluations = params.oversample * params.oversample
    for n in range(evaluations):
        _place(params, slow, fast, n // params.oversample, n % params.oversample, lanes, s)
        for i in range(lanes):
            omegas[i * evaluations + n] = s[OMEGA + i]
        for source in range(params.weights.size):
            beam = params.sources[source]
            incident = (-beam[0], -beam[1], -beam[2])
            _scatter(incident, beam[3], lanes, s)
            _widen_reach(lanes, s)
            if params.polarization:
                _polarize(params, incident, lanes, s)
            place = _add(params, params.weights[source], place, lanes, s)
    return place


@lean_jit
def render_four_point(params, start, stop, most, place, image, omegas, last, s):
    """Render pixels `start` to `stop` - 1 of the region of interest, in blocks that end with their row.

    Parameters
    ----------
    params : AmorphousParams
    start, stop : int
        Numbers of pixels.
    most : int
        Pixels that are looked up side by side: up to LANES, or 1 where the order of look-ups matters.
    place : int
        Where the first walk through the table begins.
    image : ndarray, shape (slow, fast), float32 or float64
        Photons; changed.
    omegas : ndarray, shape ((stop - start)·oversample²,), float64
        Solid angle of each subpixel, steradian; changed.
    last : LastEvaluation
        Changed, unless its arrays are empty.
    s : ndarray, float64
        From `new_scratch`; changed.

    Returns
    -------
    int
        Where the walk of the next pixel begins.
    """
    evaluations = params.oversample * params.oversample
    n = start
    while n < stop:
        row, column = n // params.roi_width, n % params.roi_width
        slow, fast = params.roi_slow_min + row, params.roi_fast_min + column
        lanes = min(most, stop - n, params.roi_width - column)
        place = _render_block(params, slow, fast, place, omegas[(n - start) * evaluations :], lanes, s)
        _finish(params, n - start, lanes, s, image[slow, fast : fast + lanes], last)
        n += lanes
    return place


def new_scratch() -> np.ndarray:
    """What a thread works with.

    Returns
    -------
    ndarray, float64
        A section of LANES for each quantity, then the range of sin(θ)/λ, empty so far.
    """
    scratch = np.empty(REACH + 2)
    scratch[REACH:] = np.inf, -np.inf
    return scratch


@jit
def add_in_order(total: float, values: np.ndarray) -> float:
    """A sum that goes on number after number, as C's does.

    Parameters
    ----------
    total : float
        The sum so far.
    values : ndarray, shape (n,), float64
        What is added.

    Returns
    -------
    float
    """
    for value in values:
        total += value
    return total
