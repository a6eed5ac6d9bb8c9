"""How well pixels fit measured ones, with gradients, Fisher information and standard errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nbnumba.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from nbnumba.refine.model import PixelModel

_SINGULAR = 1e-10
"""Part of the largest eigenvalue of the scaled information below which a direction changes no pixel."""

_NAMED = 0.1
"""Part of a direction's largest entry from which on a parameter is named."""


def singular_direction(information: np.ndarray, names: tuple[str, ...]) -> str | None:
    """Which change of the parameters leaves every pixel as it is.

    Parameters
    ----------
    information : ndarray, shape (k, k), float64
        Fisher information.
    names : tuple of str
        Of the parameters.

    Returns
    -------
    str or None
        Such as "0.71 scale - 0.71 spectrum[0]", in units of the parameters' scales; None if there is none.
    """
    size = np.sqrt(np.diag(information))
    idle = np.flatnonzero(size <= 0.0)
    if idle.size:
        return names[int(idle[0])]
    values, vectors = np.linalg.eigh(information / np.outer(size, size))
    if values[0] > _SINGULAR * values[-1]:
        return None
    direction = vectors[:, 0] / size
    direction /= np.linalg.norm(direction)
    counted = np.flatnonzero(np.abs(direction) >= _NAMED * np.abs(direction).max())
    sign = np.sign(direction[counted[0]])
    words = [f"{sign * direction[n]:+.2f} {names[n]}" for n in counted]
    return " ".join(words).removeprefix("+")


class Likelihood:
    """What Poisson and Gaussian likelihoods share.

    Parameters
    ----------
    model : PixelModel
        Of the pixels.
    data : array_like, shape (n,)
        The measured pixels, photons.
    """

    def __init__(self, model: PixelModel, data: ArrayLike) -> None:
        self.model = model
        self.data = np.asarray(data, dtype=np.float64).ravel()
        if self.data.shape != (len(model.pixels),):
            raise UsageError(f"{{data}} has {self.data.size} pixels; the model has {len(model.pixels)}")
        if not np.isfinite(self.data).all():
            raise UsageError(f"{{data}}: pixel {int(np.argmin(np.isfinite(self.data)))} is not a finite number")

    def _variance(self, photons: np.ndarray) -> np.ndarray:
        """Variance of each pixel, photons²."""
        raise NotImplementedError

    def _value(self, photons: np.ndarray) -> float:
        """The negative logarithm for these photons."""
        raise NotImplementedError

    def _slope(self, photons: np.ndarray) -> np.ndarray:
        """Its derivative by each pixel."""
        return (photons - self.data) / self._variance(photons)

    def variance(self, x: ArrayLike) -> np.ndarray:
        """Variance of each pixel where the parameters are these, shape (n,), photons².

        Parameters
        ----------
        x : array_like, shape (k,)
            The vector.
        """
        return self._variance(self.model(x))

    def cautious_variance(self, x: ArrayLike) -> np.ndarray:
        """The same, but no smaller than what the data themselves say, shape (n,), photons².

        Parameters
        ----------
        x : array_like, shape (k,)
            The vector.
        """
        return self.variance(x)

    def value(self, x: ArrayLike) -> float:
        """The negative logarithm of the likelihood, less what does not depend on the parameters.

        Parameters
        ----------
        x : array_like, shape (k,)
            The vector.
        """
        return self._value(self.model(x))

    def value_and_gradient(self, x: ArrayLike) -> tuple[float, np.ndarray]:
        """The same and its gradient; no memory is needed for the Jacobian.

        Parameters
        ----------
        x : array_like, shape (k,)
            The vector.

        Returns
        -------
        value : float
        gradient : ndarray, shape (k,), float64
        """
        photons, pullback = self.model.vjp(x)
        return self._value(photons), pullback(self._slope(photons))

    def scoring_step(self, x: ArrayLike) -> tuple[np.ndarray, float]:
        """A step of Fisher's scoring, Newton's with the expected second derivatives.

        Parameters
        ----------
        x : array_like, shape (k,)
            The vector.

        Returns
        -------
        step : ndarray, shape (k,), float64
            To be added; within the model's bounds.
        gain : float
            By how much the value is expected to fall.
        """
        photons, jacobian = self.model.value_and_jacobian(x)
        gradient = jacobian.T @ self._slope(photons)
        wanted = -np.linalg.lstsq(self._information(photons, jacobian), gradient, rcond=_SINGULAR)[0]
        step = np.clip(x + wanted, *self.model.bounds) - x
        return step, float(-0.5 * gradient @ step)

    def residuals(self, x: ArrayLike) -> np.ndarray:
        """Model less data in standard deviations, shape (n,): half of their squared sum is to become small.

        Parameters
        ----------
        x : array_like, shape (k,)
            The vector.
        """
        photons = self.model(x)
        return np.asarray((photons - self.data) / np.sqrt(self._variance(photons)))

    def fisher_information(self, x: ArrayLike) -> np.ndarray:
        """Expected second derivatives of the negative logarithm: Σ over pixels of dI/dp·dI/dq / variance.

        Parameters
        ----------
        x : array_like, shape (k,)
            The vector.

        Returns
        -------
        ndarray, shape (k, k), float64
            Per units of the parameters' scales.
        """
        return self._information(*self.model.value_and_jacobian(x))

    def _information(self, photons: np.ndarray, jacobian: np.ndarray) -> np.ndarray:
        return np.asarray(jacobian.T @ (jacobian / self._variance(photons)[:, None]))

    def covariance(self, x: ArrayLike) -> np.ndarray:
        """The inverse of the information: variances and covariances of fitted parameters (Cramér and Rao's bound).

        Parameters
        ----------
        x : array_like, shape (k,)
            The vector.

        Returns
        -------
        ndarray, shape (k, k), float64
            In units of the parameters' scales.

        Raises
        ------
        UsageError
            If a direction of the parameters changes no pixel; the message names it.
        """
        information = self.fisher_information(x)
        direction = singular_direction(information, self.model.names)
        if direction is not None:
            raise UsageError(
                f"{{parameters}}: no pixel tells {direction}; fix one of its parameters, or give more pixels"
            )
        return np.asarray(np.linalg.inv(information))

    def standard_errors(self, x: ArrayLike) -> dict[str, float]:
        """Standard errors of fitted parameters in user units.

        Parameters
        ----------
        x : array_like, shape (k,)
            The vector.

        Returns
        -------
        dict
            Name -> standard error.

        Raises
        ------
        UsageError
            As `covariance` does.
        """
        errors = np.sqrt(np.diag(self.covariance(x))) * self.model.scales
        return dict(zip(self.model.names, errors.tolist(), strict=True))


class PoissonLikelihood(Likelihood):
    """Counted photons: each pixel is Poisson distributed about the model.

    Parameters
    ----------
    model : PixelModel
        Of the pixels.
    data : array_like, shape (n,)
        Photons; any numbers of zero or more.
    floor : float
        Photons that each pixel has at least, so that a photon where the model expects none is unlikely, not impossible.

    Raises
    ------
    UsageError
        If the data are no photons, or there is none.
    """

    def __init__(self, model: PixelModel, data: ArrayLike, floor: float = 1e-3) -> None:
        super().__init__(model, data)
        self.floor = floor
        if not floor > 0.0:
            raise UsageError(f"{{floor}} must be above zero, not {floor:g}")
        if self.data.min() < 0.0:
            raise UsageError(f"{{data}}: pixel {int(self.data.argmin())} has {self.data.min():g} photons; mask it")
        if not self.data.any():
            raise UsageError("{data}: no pixel has a photon: there is nothing to fit")

    def _variance(self, photons: np.ndarray) -> np.ndarray:
        return np.maximum(photons, self.floor)

    def cautious_variance(self, x: ArrayLike) -> np.ndarray:
        """See `Likelihood.cautious_variance`: a pixel's own photons, and at least one."""
        return np.maximum(self.variance(x), np.maximum(self.data, 1.0))

    def _value(self, photons: np.ndarray) -> float:
        expected = np.maximum(photons, self.floor)
        return float(np.sum(photons - self.data * np.log(expected)))

    def _slope(self, photons: np.ndarray) -> np.ndarray:
        return np.asarray(np.where(photons > self.floor, 1.0 - self.data / self._variance(photons), 1.0))


class GaussianLikelihood(Likelihood):
    """Pixels with normal errors of known size.

    Parameters
    ----------
    model : PixelModel
        Of the pixels.
    data : array_like, shape (n,)
        Photons.
    sigma : array_like, shape (n,) or ()
        Standard deviation of each pixel, photons.

    Raises
    ------
    UsageError
        If a standard deviation is not above zero.
    """

    def __init__(self, model: PixelModel, data: ArrayLike, sigma: ArrayLike) -> None:
        super().__init__(model, data)
        errors = np.asarray(sigma, dtype=np.float64)
        if errors.size not in (1, self.data.size) or not (errors > 0.0).all():
            raise UsageError("{sigma}: give one standard deviation above zero, or one for each pixel")
        self._sigma_squared = np.broadcast_to(errors.ravel() ** 2, self.data.shape)

    def _variance(self, photons: np.ndarray) -> np.ndarray:
        return self._sigma_squared

    def _value(self, photons: np.ndarray) -> float:
        return float(0.5 * np.sum((photons - self.data) ** 2 / self._sigma_squared))
