"""Sines and exponentials that compilers turn into vector instructions: no calls, no branches, no tables.

Minimax polynomials (Remez exchange in 50 digits) after a reduction of the argument; the tests compare with mpmath.

=========================  ==================  ==================  ==============================
function                   range               minimax error       measured, units in the last place
=========================  ==================  ==================  ==============================
`sine`                     |r| <= π/2          1.5e-16 relative    1.5
`cosine`                   |r| <= π/2          5.7e-18 absolute    0.5 of 1
`exponential`              -708 <= x <= 709    2.9e-16 relative    2.0 + |x|/7
=========================  ==================  ==================  ==============================
"""

from __future__ import annotations

import math

import numpy as np

from nbnumba._jit import contracting_jit

PI_TAIL = 1.2246467991473532e-16
"""π less its float64 value."""

ROUNDER = 6755399441055744.0
"""1.5·2⁵²: adding it to a number of less than 2⁵¹ puts the nearest whole number in the last bits of the sum."""

LARGEST_EXPONENT = 708.0
"""Of `exponential`: beyond it, results leave the normal float64 numbers."""

EXPONENTIAL = (
    1.4426950408889634,  # 1/ln 2
    0.6931471805599453,  # ln 2
    ROUNDER,
    1.0,
    0.49999999999998324,
    0.16666666666611554,
    0.04166666666813646,
    0.008333333370870234,
    0.0013888888516234274,
    0.00019841185236010037,
    2.4801931710018838e-05,
    2.7634990878043845e-06,
    2.747679995761385e-07,
)  # fmt: skip
"""Constants of `exponential`: those of the reduction, then the polynomial's from r⁰ and r² up (that of r is 1)."""


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
def exponential(x, constants):
    """exp x for |x| <= LARGEST_EXPONENT: 2ⁿ·exp r with |r| <= ½ ln 2.

    ln 2 is not split into head and tail: what float64(ln 2) lacks, n times, is a third of what rounding takes from x.

    Parameters
    ----------
    x : float64
        Exponent.
    constants : tuple of 13 float64
        EXPONENTIAL. A loop should take them from memory: they are too many for the registers, and what a compiler knows
        to be constant it fetches and spreads over a vector again each time, instead of keeping vectors on the stack.
    """
    log2_e, ln2, rounder, c0, c2, c3, c4, c5, c6, c7, c8, c9, c10 = constants
    shifted = x * log2_e + rounder
    n = shifted - rounder
    r = x - n * ln2
    s = r * r
    # in pairs: as many operations as one chain, but half as deep
    p = c10 * s + (c9 * r + c8)
    p = p * s + (c7 * r + c6)
    p = p * s + (c5 * r + c4)
    p = p * s + (c3 * r + c2)
    p = s * p + r + c0
    # n stands in the last bits of `shifted`: moved up it is added to the exponent of p
    power = np.float64(shifted).view(np.int64) << np.int64(52)
    return np.int64(np.float64(p).view(np.int64) + power).view(np.float64)
