"""A model of pixels as a function of JAX (extra `jax`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

if TYPE_CHECKING:
    from nbnumba.refine.model import PixelModel


def photons(model: PixelModel) -> Callable[[Any], Any]:
    """A function from vectors to photons that `jax.grad`, `jax.vjp` and `jax.jit` take.

    Parameters
    ----------
    model : PixelModel

    Returns
    -------
    callable
        From an array of shape (k,) to one of shape (n,), of the same type; float64 needs ``jax_enable_x64``.
    """

    @jax.custom_vjp
    def of_vector(x: Any) -> Any:
        shape = jax.ShapeDtypeStruct((len(model.pixels),), x.dtype)
        return jax.pure_callback(lambda point: model(point).astype(point.dtype), shape, x)

    def backward(x: Any, weights: Any) -> tuple[Any]:
        def pull(point: Any, given: Any) -> np.ndarray:
            return model.vjp(point)[1](given).astype(np.asarray(point).dtype)

        return (jax.pure_callback(pull, jax.ShapeDtypeStruct(x.shape, x.dtype), x, weights),)

    of_vector.defvjp(lambda x: (of_vector(x), x), backward)
    return of_vector
