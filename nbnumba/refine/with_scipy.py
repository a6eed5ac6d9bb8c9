"""Fits with SciPy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from nbnumba.refine.likelihood import Likelihood


_EVALUATIONS = 60
"""Of the pixels in the first part of a fit: some twenty do from a start that can succeed."""

_STEPS = 20
"""Of the second part: some three do."""

_GAIN = 1e-5
"""Of the logarithm of the likelihood below which it ends: 0.004 standard errors."""

_MANY = 50
"""Parameters from which on singular values of the whole Jacobian cost more than all its pixels."""


def minimize(likelihood: Likelihood, x: ArrayLike | None = None, **options: Any) -> Any:
    """`scipy.optimize.minimize` of a likelihood within the model's bounds.

    Parameters
    ----------
    likelihood : Likelihood
        Model and data.
    x : array_like, shape (k,), or None
        Where to begin; None takes the model's start.
    **options
        Of that function; the method is L-BFGS-B unless one is given.
    """
    from scipy.optimize import Bounds, minimize

    model = likelihood.model
    chosen = {"method": "L-BFGS-B", "bounds": Bounds(*model.bounds), **options}
    return minimize(likelihood.value_and_gradient, model.start if x is None else x, jac=True, **chosen)


def least_squares(likelihood: Likelihood, x: ArrayLike | None = None, **options: Any) -> Any:
    """`scipy.optimize.least_squares` of the residuals, each over its standard deviation where it begins.

    A photon where the model has none yet counts by its own number, so that a spot beside its place weighs no more than
    one in its place.

    Parameters
    ----------
    likelihood : Likelihood
        Model and data.
    x : array_like, shape (k,), or None
        Where to begin; None takes the model's start.
    **options
        Of that function, such as ``loss="soft_l1"``.
    """
    from scipy.optimize import least_squares

    model, data = likelihood.model, likelihood.data
    begin = model.start if x is None else np.asarray(x, dtype=np.float64)
    sigma = np.sqrt(likelihood.cautious_variance(begin))
    solver = "lsmr" if len(begin) > _MANY else "exact"
    chosen = {"bounds": model.bounds, "tr_solver": solver, **options}
    return least_squares(
        lambda point: (model(point) - data) / sigma, begin,
        jac=lambda point: model.value_and_jacobian(point)[1] / sigma[:, None], **chosen,
    )  # fmt: skip


def fit(likelihood: Likelihood, x: ArrayLike | None = None) -> np.ndarray:
    """The most likely vector: robust least squares first, then Fisher's scoring with the errors of the model.

    Parameters
    ----------
    likelihood : Likelihood
        Model and data.
    x : array_like, shape (k,), or None
        Where to begin; None takes the model's start.

    Returns
    -------
    ndarray, shape (k,), float64
    """
    found = np.asarray(least_squares(likelihood, x, loss="soft_l1", max_nfev=_EVALUATIONS).x)
    return climb(likelihood, found)


def climb(likelihood: Likelihood, x: np.ndarray) -> np.ndarray:
    """Fisher's scoring until nothing is gained.

    Parameters
    ----------
    likelihood : Likelihood
        Model and data.
    x : ndarray, shape (k,), float64
        Where to begin: next to the most likely vector.

    Returns
    -------
    ndarray, shape (k,), float64
    """
    value = likelihood.value(x)
    for _ in range(_STEPS):
        step, gain = likelihood.scoring_step(x)
        if gain < _GAIN:
            break
        # a step of weak data may be too long
        while (reached := likelihood.value(x + step)) > value and gain > _GAIN:
            step, gain = 0.5 * step, 0.5 * gain
        if reached >= value:
            break
        x, value = x + step, reached
    return x
