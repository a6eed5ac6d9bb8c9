"""Amplitude of an amorphous sample: a table of F against sin(θ)/λ, and how to read between its points."""

from __future__ import annotations

from nbnumba.numerics.jit import device_jit


@device_jit
def point_below(abscissae, lowest, highest, stol, place):
    """Index of the table's point next below sin(θ)/λ, found by walking from the place of the evaluation before.

    In a table whose abscissae ascend strictly it is the largest index with ``abscissae[index] <= stol``, wherever the
    walk begins; in any other it depends on the walk (quirk `stol-unsorted`).

    Parameters
    ----------
    abscissae : ndarray, shape (n,), float64
        sin(θ)/λ, 1/m.
    lowest, highest : int
        The indices between which it must be.
    stol : float64
        sin(θ)/λ, 1/m.
    place : int
        Index to start from, one of these.

    Returns
    -------
    int
    """
    while place < highest and stol > abscissae[place]:
        place += 1
    while place > lowest and stol < abscissae[place]:
        place -= 1
    return place


@device_jit
def point_below_anywhere(abscissae, stol):
    """The same for a table that ascends, found by halving it.

    Parameters
    ----------
    abscissae : ndarray, shape (n,), float64
        sin(θ)/λ, 1/m, ascending.
    stol : float64
        sin(θ)/λ, 1/m.

    Returns
    -------
    int
        From 0 to n - 2.
    """
    low, high = 0, abscissae.size - 1
    while high - low > 1:
        middle = (low + high) // 2
        if abscissae[middle] <= stol:
            low = middle
        else:
            high = middle
    return low


@device_jit
def four_point_amplitude(abscissae, amplitudes, denominators, place, stol):
    """Lagrange's cubic through four neighbouring points (quirk `lagrange-overshoot`).

    Parameters
    ----------
    abscissae, amplitudes : ndarray, shape (n,), float64
        sin(θ)/λ, 1/m, and F, electrons.
    denominators : ndarray, shape (n, 4), float64
        Products of the distances of each of the four points from the other three, for every place.
    place : int
        The second of the four points.
    stol : float64
        sin(θ)/λ, 1/m.

    Returns
    -------
    float64
        F, electrons.
    """
    d0, d1 = stol - abscissae[place - 1], stol - abscissae[place]
    d2, d3 = stol - abscissae[place + 1], stol - abscissae[place + 2]
    below = d1 * d2 * d3 * amplitudes[place - 1] / denominators[place, 0]
    at = d0 * d2 * d3 * amplitudes[place] / denominators[place, 1]
    above = d0 * d1 * d3 * amplitudes[place + 1] / denominators[place, 2]
    beyond = d0 * d1 * d2 * amplitudes[place + 2] / denominators[place, 3]
    return below + at + above + beyond


@device_jit
def monotone_amplitude(abscissae, coefficients, place, stol):
    """The cubic between two points of a shape-preserving interpolation; constant beyond the first and last point.

    Parameters
    ----------
    abscissae : ndarray, shape (n,), float64
        sin(θ)/λ, 1/m.
    coefficients : ndarray, shape (n - 1, 4), float64
        Of each interval's cubic in stol - abscissae[place], highest power first.
    place : int
        The point below.
    stol : float64
        sin(θ)/λ, 1/m.

    Returns
    -------
    float64
        F, electrons.
    """
    inside = min(max(stol, abscissae[0]), abscissae[abscissae.size - 1])
    d = inside - abscissae[place]
    c = coefficients[place]
    return ((c[0] * d + c[1]) * d + c[2]) * d + c[3]


@device_jit
def monotone_slope(abscissae, coefficients, place, stol):
    """Derivative of `monotone_amplitude` by sin(θ)/λ; zero beyond the first and last point.

    Parameters
    ----------
    abscissae, coefficients, place, stol
        As in `monotone_amplitude`.

    Returns
    -------
    float64
        Electrons·m.
    """
    if stol < abscissae[0] or stol > abscissae[abscissae.size - 1]:
        return 0.0
    d = stol - abscissae[place]
    c = coefficients[place]
    return (3.0 * c[0] * d + 2.0 * c[1]) * d + c[2]
