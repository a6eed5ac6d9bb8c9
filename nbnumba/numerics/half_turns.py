"""Sines and cosines of half turns, π·x for |x| <= ½, in float64 and float32.

Minimax polynomials in x² (Remez exchange in 50 digits, then rounded to the type); the tests compare with mpmath.

=====================  ========  ==============================
function               type      minimax error
=====================  ========  ==============================
`half_turn_sine`       float64   1.4e-16 relative
`half_turn_sine`       float32   5.3e-9 relative
`half_turn_cosine`     float32   2.2e-10 absolute
`sphere_near_zero`     float32   2.2e-8 relative
=====================  ========  ==============================
"""

from __future__ import annotations

import numpy as np

from nbnumba.numerics.jit import contracting_jit

ROUNDER_SINGLE = np.float32(12582912.0)
"""1.5·2²³, what `elementary.ROUNDER` is, for float32 numbers of less than 2²²."""

NUDGE = 1e-60
"""Far below every sine that is not zero; its cube is above the smallest float64."""

NUDGE_SINGLE = np.float32(1e-10)
"""Far below the distances from a reflection at which float32 lattice factors vary; its cube is a normal float32."""

_SINE = (
    3.1415926535897927, -5.167712780049753, 2.5501640398597765, -0.5992645287757095, 0.08214587825655009,
    -0.007370361071668179, 0.00046597761697805216, -2.1122952927771243e-05,
)  # fmt: skip
_SINE_SINGLE = tuple(np.float32(c) for c in (3.1415927, -5.16771, 2.5500698, -0.5982421, 0.07756039))
_COSINE_SINGLE = tuple(np.float32(c) for c in (1.0, -4.934802, 4.058709, -1.3352121, 0.23493756, -0.024396716))
_SPHERE_SINGLE = tuple(np.float32(c) for c in (1.0, -0.9869591, 0.34787568, -0.06352918, 0.0070314575, -0.00045529127))


@contracting_jit
def nearest_whole(x, rounder):
    """The nearest whole number, by two additions.

    Parameters
    ----------
    x, rounder : float64 or float32
        A number and the rounder of its type.
    """
    return (x + rounder) - rounder


@contracting_jit
def half_turn_sine(x, nudge):
    """sin(π·x) + nudge.

    Parameters
    ----------
    x : float64
        |x| <= ½.
    nudge : float64
        Keeps quotients of sines from 0/0.
    """
    c, s = _SINE, x * x
    p = c[7] * s + c[6]
    p = p * s + c[5]
    p = p * s + c[4]
    p = p * s + c[3]
    p = p * s + c[2]
    p = p * s + c[1]
    p = p * s + c[0]
    return p * x + nudge


@contracting_jit
def half_turn_sine_single(x, nudge):
    """sin(π·x) + nudge.

    Parameters
    ----------
    x : float32
        |x| <= ½.
    nudge : float32
        Keeps quotients of sines from 0/0.
    """
    c, s = _SINE_SINGLE, x * x
    p = c[4] * s + c[3]
    p = p * s + c[2]
    p = p * s + c[1]
    p = p * s + c[0]
    return p * x + nudge


@contracting_jit
def half_turn_cosine_single(x):
    """cos(π·x).

    Parameters
    ----------
    x : float32
        |x| <= ½.
    """
    c, s = _COSINE_SINGLE, x * x
    p = c[5] * s + c[4]
    p = p * s + c[3]
    p = p * s + c[2]
    p = p * s + c[1]
    return p * s + c[0]


@contracting_jit
def sphere_near_zero_single(s):
    """3(sin(y)/y - cos(y))/y² for y = π·√s, where that formula would lose its digits.

    Parameters
    ----------
    s : float32
        0 <= s <= 1.
    """
    c = _SPHERE_SINGLE
    p = c[5] * s + c[4]
    p = p * s + c[3]
    p = p * s + c[2]
    p = p * s + c[1]
    return p * s + c[0]
