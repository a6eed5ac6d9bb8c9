"""Images on their way into files: frames and panels told apart, masked pixels marked, photons made whole numbers."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nbnumba.errors import NbnumbaWarning, UsageError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from nbnumba.config import Panel

MASKED = -1
"""Pixel value where nothing is measured, as readers of hybrid-pixel images expect it."""

_PIXEL_KINDS = "iuf"

Rectangle = tuple[int, int, int, int]
"""First fast, first slow, then the ends of both, which lie outside, pixels."""


def real_image(path: str | os.PathLike[str], image: ArrayLike, axes: Sequence[int] = (2,)) -> np.ndarray:
    """An image on its way into a file that holds pixels alone.

    Parameters
    ----------
    path : path
        Names the file in messages.
    image : array_like
        Real numbers, at least one.
    axes : sequence of int
        How many axes it may have.

    Returns
    -------
    ndarray
        The same, of native byte order.

    Raises
    ------
    UsageError
        If it is no such image.
    """
    array = np.asarray(image)
    if array.dtype.kind not in f"b{_PIXEL_KINDS}":
        raise UsageError(f"{path}: {{image}} of type {array.dtype} holds no real numbers")
    if array.ndim not in axes or array.size == 0:
        needed = " or ".join(str(count) for count in axes)
        raise UsageError(f"{path}: {{image}}: {needed} axes and a pixel are needed, not the shape {array.shape}")
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def split_frames(images: np.ndarray | Sequence[np.ndarray], panels: Sequence[Panel]) -> list[list[np.ndarray]]:
    """One frame or a series of them, each as a list of one image per panel.

    Parameters
    ----------
    images : ndarray or sequence of ndarray
        A frame, or several along the first axis. A frame is (slow, fast) for one panel; for several panels it is
        (panel, slow, fast), a sequence of images, a slab in which the panels stand one below the other, or flat with
        one panel behind the other, as `nbnumba.simulate` renders them.
    panels : sequence of Panel
        The detector.

    Returns
    -------
    list of list of ndarray, shape (slow, fast)
        Frames, then panels.

    Raises
    ------
    UsageError
        If the shapes don't fit the panels.
    """
    images = _array_of_numbers(images)
    if (frame := _panel_images(images, panels)) is not None:
        return [frame]
    frames = [_panel_images(image, panels) for image in images] if _depth(images) > 1 else []
    fitting = [frame for frame in frames if frame is not None]
    if not frames or len(fitting) < len(frames):
        raise _misfit(images, panels)
    return fitting


def panel_images(frame: np.ndarray | Sequence[np.ndarray], panels: Sequence[Panel]) -> list[np.ndarray]:
    """A single frame as a list of one image per panel; see `split_frames`.

    Parameters
    ----------
    frame : ndarray or sequence of ndarray
        One frame.
    panels : sequence of Panel
        The detector.

    Returns
    -------
    list of ndarray, shape (slow, fast)

    Raises
    ------
    UsageError
        If the shapes don't fit the panels.
    """
    frame = _array_of_numbers(frame)
    images = _panel_images(frame, panels)
    if images is None:
        raise _misfit(frame, panels)
    return images


def _array_of_numbers(images: np.ndarray | Sequence[Any]) -> np.ndarray | Sequence[np.ndarray]:
    """Nested lists of numbers as an array; arrays and lists of them as they are."""
    inner: Any = images
    while isinstance(inner, (list, tuple)) and inner:
        inner = inner[0]
    if isinstance(inner, np.ndarray):
        return images
    try:
        return np.asarray(images)
    except ValueError:
        raise UsageError("{images} must be arrays of numbers, all rows of one length") from None


def _misfit(images: np.ndarray | Sequence[np.ndarray], panels: Sequence[Panel]) -> UsageError:
    sizes = sorted({panel.image_size[::-1] for panel in panels})
    return UsageError(
        f"{{images}} of shape {_shape(images)} don't fit a detector of {len(panels)} panel(s) with "
        f"{' or '.join(f'{slow} x {fast}' for slow, fast in sizes)} (slow x fast) pixels"
    )


def _depth(images: np.ndarray | Sequence[np.ndarray]) -> int:
    return images.ndim if isinstance(images, np.ndarray) else 1 + (_depth(images[0]) if len(images) else 0)


def _shape(images: np.ndarray | Sequence[np.ndarray]) -> str:
    if isinstance(images, np.ndarray):
        return " x ".join(str(size) for size in images.shape)
    return f"{len(images)} x ({_shape(images[0])})" if len(images) else "0"


def _panel_images(frame: np.ndarray | Sequence[np.ndarray], panels: Sequence[Panel]) -> list[np.ndarray] | None:
    """The panels of a frame; None if it is no frame of this detector."""
    shapes = [panel.image_size[::-1] for panel in panels]
    if isinstance(frame, np.ndarray) and frame.ndim == 1 and len(panels) > 1:
        ends = np.cumsum([slow * fast for slow, fast in shapes])
        if len(frame) != ends[-1]:
            return None
        pieces = [part.reshape(shape) for part, shape in zip(np.split(frame, ends[:-1]), shapes, strict=True)]
    elif isinstance(frame, np.ndarray) and frame.ndim == 2:
        rows = np.cumsum([0, *(slow for slow, _ in shapes)])
        if {fast for _, fast in shapes} != {frame.shape[1]} or rows[-1] != frame.shape[0]:
            return None
        pieces = [frame[start:stop] for start, stop in zip(rows, rows[1:], strict=False)]
    elif len(panels) > 1 and len(frame) == len(panels) and _depth(frame[0]) == 2:
        pieces = [np.asarray(piece) for piece in frame]
    else:
        return None
    if [piece.shape for piece in pieces] != shapes:
        return None
    if any(piece.dtype.kind not in _PIXEL_KINDS for piece in pieces):
        raise UsageError(f"{{images}} are {pieces[0].dtype}: whole or floating-point numbers are needed")
    return pieces


def mark_masked(image: np.ndarray, panel: Panel, value: int = MASKED) -> np.ndarray:
    """An image whose masked pixels hold a value that says so.

    Parameters
    ----------
    image : ndarray, shape (slow, fast)
        Signed whole or floating-point numbers, unless the value is not negative.
    panel : Panel
        Its mask counts.
    value : int
        What masked pixels hold.

    Returns
    -------
    ndarray, shape (slow, fast)
        The image itself where nothing is masked.
    """
    return image if panel.mask is None else np.where(panel.mask, image, image.dtype.type(value))


def mask_without(rectangles: Sequence[Sequence[int]], size: tuple[int, int]) -> np.ndarray | None:
    """A mask that is bad inside rectangles.

    Parameters
    ----------
    rectangles : sequence of `Rectangle`
        What is bad.
    size : tuple of 2 int
        Pixels along fast and slow.

    Returns
    -------
    ndarray, shape (slow, fast), bool, or None
        True where good; None without rectangles.
    """
    if not rectangles:
        return None
    mask = np.ones(size[::-1], dtype=np.bool_)
    for fast, slow, fast_end, slow_end in rectangles:
        mask[slow:slow_end, fast:fast_end] = False
    return mask


def bad_bands(mask: np.ndarray | None) -> tuple[list[Rectangle], bool]:
    """The rows and columns that are bad from end to end, such as gaps between modules.

    Parameters
    ----------
    mask : ndarray, shape (slow, fast), bool, or None
        True where good.

    Returns
    -------
    rectangles : list of `Rectangle`
        Bands of columns, then bands of rows.
    complete : bool
        Whether these are all bad pixels.
    """
    if mask is None:
        return [], True
    slow, fast = mask.shape
    columns, rows = (_runs(np.logical_not(mask.any(axis=axis))) for axis in (0, 1))
    bands = [(start, 0, stop, slow) for start, stop in columns] + [(0, start, fast, stop) for start, stop in rows]
    covered = mask_without(bands, (fast, slow))
    return bands, bool(np.array_equal(mask, np.ones_like(mask) if covered is None else covered))


def _runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """Beginnings and ends (outside) of runs of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]


def whole_counts(
    image: np.ndarray, dtype: type[np.integer], path: str | os.PathLike[str], limits: tuple[int, int] | None = None
) -> np.ndarray:
    """Pixels as integers: rounded to the nearest, clipped to what the file can hold.

    Parameters
    ----------
    image : ndarray
        Photons or counts.
    dtype : integer type
        What the file holds.
    path : path
        Names the file in warnings.
    limits : tuple of 2 int or None
        Smallest and largest value, both included; None takes the type's.

    Returns
    -------
    ndarray of `dtype`
        Same shape.

    Warns
    -----
    NbnumbaWarning
        If fractions were lost or values clipped.
    """
    smallest, largest = limits or (np.iinfo(dtype).min, np.iinfo(dtype).max)
    values = image
    if image.dtype.kind == "f":
        # float64 holds every limit exactly, float32 would round the largest int32 up and out of range
        missing = int(np.count_nonzero(np.isnan(image)))
        if missing:
            _warn(f"{path}: {missing} pixel(s) are no numbers, and 0 stands there")
        values = np.rint(np.nan_to_num(image.astype(np.float64), nan=0.0))
        if not np.array_equal(values, image):
            _warn(f"{path}: holds whole numbers only: photons were rounded")
    outside = int(np.count_nonzero((values < smallest) | (values > largest)))
    if outside:
        _warn(f"{path}: {outside} pixel(s) outside {smallest} to {largest} were clipped")
        values = np.clip(values, smallest, largest)
    return values.astype(dtype, copy=False)


def _warn(message: str) -> None:
    warnings.warn(NbnumbaWarning(message), stacklevel=3)
