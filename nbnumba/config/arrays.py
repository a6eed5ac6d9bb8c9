"""Arrays that nobody changes: one copy in the kernels' layout, shown to users as a read-only view.

numba compiles a kernel anew for every kind of array, a read-only one included. So each array of a description is copied
once into a C-contiguous one of native byte order, which kernels get as it is (`for_kernels`: always the same object, so
that it need not be uploaded to a GPU twice), and the description holds a view of it that can't be written to.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from nbnumba.config.rules import LARGEST_NUMBER, UnfitError, shown

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import DTypeLike

_views: weakref.WeakValueDictionary[int, np.ndarray] = weakref.WeakValueDictionary()
"""The views that were made here, by identity: they alone are known to stay as they are."""


def real_array(value: Any, axes: int, instead: str = "") -> np.ndarray:
    """An array of real numbers with so many axes, not yet frozen.

    Parameters
    ----------
    value : array_like
        From a user.
    axes : int
        How many axes are needed.
    instead : str
        What to give instead of complex numbers.

    Returns
    -------
    ndarray
        Of any real dtype and layout.

    Raises
    ------
    UnfitError
        If it is something else.
    """
    import numpy as np

    try:
        array = np.asarray(value)
    except ValueError:
        raise UnfitError("must be an array: its rows differ in length") from None
    if array.dtype.kind == "c":
        raise UnfitError(f"must be real: {instead}" if instead else "must be real")
    if array.dtype.kind not in "biuf":
        raise UnfitError(f"must be an array of numbers, not {shown(value)}")
    if array.ndim != axes or array.size == 0:
        raise UnfitError(f"must be an array with {axes} axes and something in it, not of shape {array.shape}")
    return array


def check_finite(array: np.ndarray) -> None:
    """Refuse an array with a number that nothing can be computed with.

    Parameters
    ----------
    array : ndarray
        Real numbers.

    Raises
    ------
    UnfitError
        If one is NaN, infinite or too large; the message says where.
    """
    import numpy as np

    # without an array of the same size; NaN fails both comparisons
    if array.min() >= -LARGEST_NUMBER and array.max() <= LARGEST_NUMBER:
        return
    index = np.unravel_index(np.argmin(np.abs(array) <= LARGEST_NUMBER), array.shape)
    place = ", ".join(map(str, index))
    raise UnfitError(f"must hold finite numbers up to {LARGEST_NUMBER:g}, not {array[index]:g} at [{place}]")


def freeze(array: np.ndarray, dtype: DTypeLike) -> np.ndarray:
    """A read-only array with the same numbers that no one can change.

    Parameters
    ----------
    array : ndarray
        Any layout.
    dtype : dtype
        What the kernels need.

    Returns
    -------
    ndarray
        View of a copy; the array itself if it comes from here and has this dtype.
    """
    import numpy as np

    if is_frozen(array) and array.dtype == dtype:
        return array
    return read_only(np.array(array, dtype=dtype, order="C"))


def read_only(view: np.ndarray) -> np.ndarray:
    """A read-only view of memory that no one else has.

    Parameters
    ----------
    view : ndarray
        Just made, or a part of what was.
    """
    shown_view: np.ndarray = view.view()
    shown_view.flags.writeable = False
    _views[id(shown_view)] = shown_view
    return shown_view


def is_frozen(array: np.ndarray) -> bool:
    """Whether an array comes from `freeze` or `read_only`.

    Parameters
    ----------
    array : ndarray
        Any.
    """
    return _views.get(id(array)) is array


def for_kernels(array: np.ndarray) -> np.ndarray:
    """The memory behind a frozen array, in the layout that kernels are compiled for; not to be written to.

    Parameters
    ----------
    array : ndarray
        From `freeze` or `read_only`.

    Returns
    -------
    ndarray
        The same object every time.
    """
    memory = array.base
    assert memory is not None
    return memory


def content(value: Any) -> Any:
    """What an entry is compared and hashed by: itself, or for an array a digest of its numbers.

    Parameters
    ----------
    value : object
        Entry of a description.
    """
    if not hasattr(value, "tobytes"):
        return value
    import hashlib

    digest = hashlib.blake2b(for_kernels(value).reshape(-1).data, digest_size=16).digest()
    return value.shape, value.dtype.str, digest
