"""Sines and powers of two that compilers turn into vector instructions: no calls, no branches, no tables.

Minimax polynomials (Remez exchange in 50 digits) after a reduction of the argument; the tests compare with mpmath.

=========================  ==================  ==================  ==============================
function                   range               minimax error       measured, units in the last place
=========================  ==================  ==================  ==============================
`sine`                     |r| <= π/2          1.5e-16 relative    1.5
`cosine`                   |r| <= π/2          5.7e-18 absolute    0.5 of 1
`power_of_two`             |x| <= 1021         2.1e-16 relative    2.0
=========================  ==================  ==================  ==============================
"""

from __future__ import annotations

import math

import numpy as np

from nbnumba.numerics.jit import contracting_jit

PI_TAIL = 1.2246467991473532e-16
"""π less its float64 value."""

ROUNDER = 6755399441055744.0
"""1.5·2⁵²: adding it to a number of less than 2⁵¹ puts the nearest whole number in the last bits of the sum."""

POWER_OF_TWO = (
    1.0,
    0.6931471805599497,
    0.24022650695908768,
    0.05550410866445883,
    0.009618129108034596,
    0.0013333558228561767,
    0.00015403529961127076,
    1.5252658116409854e-05,
    1.3215662835959238e-06,
    1.0208537929657404e-07,
    7.037278846726901e-09,
)  # fmt: skip
"""Coefficients of `power_of_two`, of r⁰ and up."""


@contracting_jit
def modulo_pi(angle, turns):
    """The angle less a number of half turns, exact to one rounding (Cody & Waite 1980).

    The angle minus ``turns`` × float64(π) is exact in one fused operation, hence an angle next to a multiple of π keeps
    all its digits.

    Parameters
    ----------
    angle : float64
        Radians.
    turns : float64
        Whole number next to angle/π.
    """
    rest = angle - turns * math.pi
    return rest - turns * PI_TAIL


@contracting_jit
def sine(r):
    """sin r for |r| <= π/2: r + r³·polynomial.

    Parameters
    ----------
    r : float64
        Radians.
    """
    s = r * r
    p = -7.373344552114409e-13 * s + 1.6048095408327596e-10
    p = p * s + -2.5051880274048255e-08
    p = p * s + 2.7557316600557193e-06
    p = p * s + -0.0001984126982505631
    p = p * s + 0.008333333333285542
    p = p * s + -0.16666666666666186
    return r * s * p + r


@contracting_jit
def cosine(r):
    """cos r for |r| <= π/2: 1 - r²/2 + r⁴·polynomial.

    Parameters
    ----------
    r : float64
        Radians.
    """
    s = r * r
    p = 4.616135077009557e-14 * s + -1.1463635440086605e-11
    p = p * s + 2.087659259260441e-09
    p = p * s + -2.7557317068512745e-07
    p = p * s + 2.4801587285783923e-05
    p = p * s + -0.001388888888883005
    p = p * s + 0.04166666666666583
    return s * s * p + (-0.5 * s + 1.0)


@contracting_jit
def power_of_two(x, rounder, coefficients):
    """2ˣ, or a multiple of it, for |x| <= 1021: 2ⁿ·polynomial of x - n with whole n.

    Parameters
    ----------
    x : float64
        Exponent.
    rounder : float64
        ROUNDER. A loop should take it and the coefficients from memory: they are too many for the registers, and what a
        compiler knows to be constant it fetches and spreads over a vector again each time, instead of keeping vectors
        on the stack.
    coefficients : tuple of 11 float64
        POWER_OF_TWO times any factor, which the result has then.
    """
    c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10 = coefficients
    shifted = x + rounder
    r = x - (shifted - rounder)
    s = r * r
    # in pairs: as many operations as one chain, but half as deep
    p = c10 * s + (c9 * r + c8)
    p = p * s + (c7 * r + c6)
    p = p * s + (c5 * r + c4)
    p = p * s + (c3 * r + c2)
    p = p * s + (c1 * r + c0)
    # n stands in the last bits of `shifted`: moved up it is added to the exponent of p
    power = np.float64(shifted).view(np.int64) << np.int64(52)
    return np.int64(np.float64(p).view(np.int64) + power).view(np.float64)
