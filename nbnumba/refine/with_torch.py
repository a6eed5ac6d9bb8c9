"""A model of pixels as a function of PyTorch (extra `torch`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from nbnumba.refine.model import PixelModel


class _Photons(torch.autograd.Function):
    """Photons of a vector; backwards, the model's pullback."""

    @staticmethod
    def forward(context: Any, x: torch.Tensor, model: PixelModel) -> torch.Tensor:
        photons, context.pullback = model.vjp(x.detach().cpu().double().numpy())
        return x.new_tensor(photons)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(context: Any, weights: torch.Tensor) -> tuple[torch.Tensor, None]:
        return weights.new_tensor(context.pullback(weights.cpu().double().numpy())), None


def photons(model: PixelModel, x: torch.Tensor) -> torch.Tensor:
    """Photons of each pixel, differentiable by the vector.

    Parameters
    ----------
    model : PixelModel
    x : Tensor, shape (k,)
        On any device; float64, for float32 has not the digits of an orientation.
    """
    result: torch.Tensor = _Photons.apply(x, model)
    return result
