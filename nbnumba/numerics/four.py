"""Four consecutive numbers of an array in one vector register.

From numba, LLVM makes vectors of loops alone, not of statements that do the same to four neighbours.
"""

from __future__ import annotations

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.types.containers import UniTuple
from numba.extending import intrinsic, models, register_model
from numba.np.arrayobj import make_array

from nbnumba.numerics.jit import device_jit

_VECTOR = ir.VectorType(ir.DoubleType(), 4)
_FUSED = ("contract",)


class _Four(types.Type):
    """The type of four numbers."""

    def __init__(self):
        super().__init__(name="Four")


_FOUR = _Four()


@register_model(_Four)
class _FourModel(models.PrimitiveModel):
    def __init__(self, manager, numba_type):
        super().__init__(manager, numba_type, _VECTOR)


@intrinsic
def _load(_context, array, position):
    def generate(context, builder, signature, arguments):
        data = make_array(signature.args[0])(context, builder, arguments[0]).data
        place = builder.gep(data, [arguments[1]])
        return builder.load(builder.bitcast(place, _VECTOR.as_pointer()), align=8)

    return _FOUR(array, position), generate


def _spread(builder, number):
    """A vector with the same number four times."""
    position = ir.IntType(32)
    nothing = ir.Constant(_VECTOR, ir.Undefined)
    first = builder.insert_element(nothing, number, ir.Constant(position, 0))
    return builder.shuffle_vector(first, nothing, ir.Constant(ir.VectorType(position, 4), [0, 0, 0, 0]))


@intrinsic
def _weighted(_context, weights, four0, four1, four2, four3):
    def generate(_context, builder, _signature, arguments):
        weights, *fours = arguments
        products = [
            builder.fmul(_spread(builder, weight), four, flags=_FUSED)
            for weight, four in zip(cgutils.unpack_tuple(builder, weights), fours, strict=True)
        ]
        total = products[0]
        for product in products[1:]:
            total = builder.fadd(total, product, flags=_FUSED)
        return total

    return _FOUR(weights, four0, four1, four2, four3), generate


@intrinsic
def _unpacked(_context, four):
    numbers = UniTuple(types.float64, 4)

    def generate(context, builder, _signature, arguments):
        each = [builder.extract_element(arguments[0], ir.Constant(ir.IntType(32), n)) for n in range(4)]
        return context.make_tuple(builder, numbers, each)

    return numbers(four), generate


@device_jit
def load_four(array, position):
    """Four consecutive numbers.

    Parameters
    ----------
    array : ndarray, shape (n,), float64
    position : uint64
        Of the first.

    Returns
    -------
    Four
    """
    return _load(array, position)


@device_jit
def weighted_fours(w, four0, four1, four2, four3):
    """Weighted sum, number by number; a product and a sum may be fused.

    Parameters
    ----------
    w : tuple of 4 float64
        Weights.
    four0, four1, four2, four3 : Four

    Returns
    -------
    Four
    """
    return _weighted(w, four0, four1, four2, four3)


@device_jit
def unpacked(four):
    """The numbers one by one.

    Parameters
    ----------
    four : Four

    Returns
    -------
    tuple of 4 float64
    """
    return _unpacked(four)
