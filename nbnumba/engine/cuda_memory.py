"""The parameters of images in the memory of a GPU: what stays there, and what is uploaded for the next image."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numba import cuda
from numba.cuda.cudadrv import driver

from nbnumba.kernels.params import PIXELS_PER_BLOCK, KernelParams, Panels, Plane

SMALL_BYTES = 1 << 16
"""Arrays of at most this size lie in one piece of memory, which is uploaded whole if any of their bytes is another."""

ALIGNMENT = 16
"""Bytes between the beginnings of small arrays are a multiple of it."""

SHARED = ("factors.amplitudes", "panels.mask")
"""Arrays that the images of a sequence have in common: large ones are in memory once for all engines of a renderer."""

Forms = Mapping[str, Callable[[Any], Any]]
"""What the device gets in another form than the host's: the field, and what makes it."""


class Resident(NamedTuple):
    """An array on the device, and the host's array that it was made from."""

    host: np.ndarray
    device: Any


class SharedArrays:
    """Large arrays on the device, for several engines."""

    def __init__(self) -> None:
        self._arrays: dict[str, Resident] = {}
        self._turn = threading.Lock()

    def resident(self, name: str, host: np.ndarray, form: Callable[[Any], Any] | None) -> Resident:
        """The array on the device; one of another table is left to the engines that still use it.

        Parameters
        ----------
        name : str
            "topic.field".
        host : ndarray
            Never changed by its owner.
        form : callable or None
            What the device gets.
        """
        with self._turn:
            known = self._arrays.get(name)
            if known is None or not _is_one(known.host, host):
                known = self._arrays[name] = Resident(host, cuda.to_device(host if form is None else form(host)))
            return known

    def holds(self, name: str, host: np.ndarray) -> bool:
        """Whether an array is on the device."""
        known = self._arrays.get(name)
        return known is not None and _is_one(known.host, host)

    def release(self) -> None:
        """Keep nothing any more."""
        self._arrays.clear()


def _is_one(old: np.ndarray, new: np.ndarray) -> bool:
    """Whether two arrays are the same piece of memory: nobody changes arrays of a description or a model."""
    return old.ctypes.data == new.ctypes.data and old.shape == new.shape and old.dtype == new.dtype


class ResidentParameters:
    """The parameters of one engine's images on the device.

    Small arrays lie in one piece of memory, at places that follow from their shapes. Where these and all numbers are
    those of the image before, what kernels are given is the same object as before: launches prepared with it hold.

    Parameters
    ----------
    shared : SharedArrays
    forms : mapping
        What the device gets in another form than the host's.
    """

    def __init__(self, shared: SharedArrays, forms: Forms) -> None:
        self._shared = shared
        self._forms = forms
        self._large: dict[str, Resident] = {}
        self._pack: Any = None
        self._sent = b""
        self._layout: tuple[Any, ...] = ()
        self._params: tuple[KernelParams, Plane] | None = None

    def bytes_missing(self, params: KernelParams) -> int:
        """Bytes of the arrays that are not on the device.

        Parameters
        ----------
        params : KernelParams
        """
        small, large = _sorted_arrays(params)
        if self._pack is not None:
            small = {}
        return sum(array.nbytes for array in small.values()) + sum(
            array.nbytes
            for name, array in large.items()
            if not self._shared.holds(name, array) and name not in self._large
        )

    def take(self, params: KernelParams, stream: Any) -> tuple[KernelParams, Plane]:
        """Upload what is not on the device.

        Parameters
        ----------
        params : KernelParams
            Arrays on the host.
        stream : numba.cuda stream
            On which kernels will be launched.

        Returns
        -------
        params : KernelParams
            Arrays on the device.
        plane : Plane
            That of the first panel, as numbers.
        """
        small, large = _sorted_arrays(params)
        formed = {name: self._formed(name, array) for name, array in small.items()}
        devices = {name: self._resident(name, array) for name, array in large.items()}
        plane = plane_of(params.panels)
        layout = (
            _numbers(params), plane,
            *((name, array.shape, array.dtype) for name, array in formed.items()), *map(id, devices.values()),
        )  # fmt: skip
        packed = b"".join(_padded(array) for array in formed.values())
        if self._params is None or layout != self._layout:
            self._params = None
            if self._pack is None or self._pack.size < len(packed):
                self._pack, self._sent = cuda.device_array(max(len(packed), 1), np.uint8), b""
            self._params = self._placed(params, devices | self._views(formed)), plane
            self._layout = layout
        if packed != self._sent:
            driver.host_to_device(self._pack, np.frombuffer(packed, np.uint8), len(packed), stream)
            self._sent = packed
        return self._params

    def _formed(self, name: str, value: Any) -> Any:
        return self._forms[name](value) if name in self._forms else value

    def _resident(self, name: str, host: np.ndarray) -> Any:
        """A large array on the device; what takes the place of another one of its size lies there too."""
        if name in SHARED:
            return self._shared.resident(name, host, self._forms.get(name)).device
        known = self._large.get(name)
        if known is None or not _is_one(known.host, host):
            known = self._large[name] = Resident(host, _copy(self._formed(name, host), known))
        return known.device

    def _views(self, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
        """The places of small arrays."""
        views, offset = {}, 0
        for name, array in arrays.items():
            place = self._pack[offset : offset + array.nbytes]
            views[name] = place.view(array.dtype).reshape(*array.shape)
            offset += array.nbytes + -array.nbytes % ALIGNMENT
        return views

    def _placed(self, params: KernelParams, devices: dict[str, Any]) -> KernelParams:
        """The parameters with arrays on the device."""
        sections: list[Any] = [
            type(section)(*(
                devices[name] if isinstance(value, np.ndarray) else self._formed(name, value)
                for name, value in _named(topic, section)
            ))
            for topic, section in zip(params._fields, params, strict=True)
        ]  # fmt: skip
        return KernelParams(*sections)

    def release(self) -> None:
        """Keep nothing any more."""
        self._large.clear()
        self._pack, self._sent, self._layout, self._params = None, b"", (), None


class Results:
    """What kernels write for a range of pixels: on the device, and in pinned memory of the host.

    Photons, sums of solid angles and status follow one another, so that one copy fetches what is asked.
    """

    def __init__(self) -> None:
        self._device: Any = None
        self._host: Any = None

    @property
    def bytes(self) -> int:
        """On the device."""
        return 0 if self._device is None else int(self._device.size)

    def make_room(self, count: int, dtype: np.dtype[Any]) -> bool:
        """Make room for the results of some pixels; whether they will lie in another place than before.

        Parameters
        ----------
        count : int
        dtype : dtype
            Of the image.
        """
        *_, omegas = _places(count, dtype)
        if self.bytes >= omegas.stop:
            return False
        self._device = self._host = None
        self._device = cuda.device_array(omegas.stop, np.uint8)
        # the solid angles of the pixels are not fetched
        self._host = cuda.pinned_array(omegas.start, np.uint8)
        return True

    def on_device(self, count: int, dtype: np.dtype[Any]) -> list[Any]:
        """Arrays for kernels: photons, sums of solid angles, status, solid angles.

        Parameters
        ----------
        count, dtype
            As in `make_room`.
        """
        kinds = (dtype, np.float64, np.uint8, np.float64)
        return [self._device[place].view(kind) for place, kind in zip(_places(count, dtype), kinds, strict=True)]

    def fetch(
        self, count: int, dtype: np.dtype[Any], with_status: bool, stream: Any
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Wait for the results; they hold until the next ones are fetched.

        Parameters
        ----------
        count, dtype
            As in `make_room`.
        with_status : bool
            Whether anybody asks for it.
        stream : numba.cuda stream
            On which kernels were launched.

        Returns
        -------
        photons, sums, status : ndarray
            Status has no element where nobody asks.
        """
        photons, sums, bits, _ = _places(count, dtype)
        wanted = bits.stop if with_status else sums.stop
        driver.device_to_host(self._host, self._device, wanted, stream)
        stream.synchronize()
        status = self._host[bits if with_status else slice(0, 0)]
        return self._host[photons].view(dtype), self._host[sums].view(np.float64), status

    def release(self) -> None:
        """Keep nothing any more."""
        self._device = self._host = None


def _places(count: int, dtype: np.dtype[Any]) -> tuple[slice, slice, slice, slice]:
    """Bytes of photons, sums, status and solid angles of some pixels."""
    sizes = (count * dtype.itemsize, 8 * -(-count // PIXELS_PER_BLOCK), count, 8 * count)
    places, start = [], 0
    for size in sizes:
        places.append(slice(start, start + size))
        start += size + -size % ALIGNMENT
    return places[0], places[1], places[2], places[3]


def plane_of(panels: Panels) -> Plane:
    """The plane of the first panel, as numbers.

    Parameters
    ----------
    panels : Panels
    """
    row = panels.planes[0].tolist()
    fdet, sdet, odet, pix0 = (tuple(row[first : first + 3]) for first in (0, 3, 6, 9))
    return Plane(fdet, sdet, odet, pix0, *row[12:])


def _named(topic: str, section: Any) -> list[tuple[str, Any]]:
    return [(f"{topic}.{field}", value) for field, value in zip(section._fields, section, strict=True)]


def _sorted_arrays(params: KernelParams) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Small and large arrays by their names."""
    small: dict[str, np.ndarray] = {}
    large: dict[str, np.ndarray] = {}
    for topic, section in zip(params._fields, params, strict=True):
        for name, value in _named(topic, section):
            if isinstance(value, np.ndarray):
                (large if value.nbytes > SMALL_BYTES else small)[name] = value
    return small, large


def _numbers(params: KernelParams) -> tuple[Any, ...]:
    """Everything but the arrays; a number that compares equal may still be of another type."""
    return tuple(
        (type(value), value) for section in params for value in section if not isinstance(value, np.ndarray)
    )


def _padded(array: np.ndarray) -> bytes:
    return array.tobytes() + bytes(-array.nbytes % ALIGNMENT)


def _copy(array: np.ndarray, known: Resident | None) -> Any:
    """An array in device memory, in that of the one whose place it takes if it fits."""
    if known is not None and known.device.shape == array.shape and known.device.dtype == array.dtype:
        known.device.copy_to_device(array)
        return known.device
    return cuda.to_device(array)
