"""Ground truth in NXmx files: what each pixel of each frame sees, in /entry/truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nbnumba.errors import UsageError

if TYPE_CHECKING:
    import h5py

    from nbnumba.engine.truth import Truth

NAME = "truth"
"""Of the collection in /entry."""


class TruthSets:
    """The data sets `q` (float32, 1/Å) and `hkl` (int32), which grow with the frames and have the frames' layout.

    Parameters
    ----------
    entry : h5py.Group
        /entry.
    shape : tuple of int
        Of a frame.
    options : dict
        Compression, see h5py's ``create_dataset``.
    """

    def __init__(self, entry: h5py.Group, shape: tuple[int, ...], options: dict[str, Any]) -> None:
        group = entry.create_group(NAME)
        group.attrs.update({
            "NX_class": "NXcollection",
            "description": "what the centre of each pixel sees; vectors in the lab frame of DIALS, beam along -z",
        })
        self._shape = (*shape, 3)
        chunk = (1,) * (len(self._shape) - 2) + self._shape[-2:]
        self._sets = {
            name: group.create_dataset(
                name, shape=(0, *self._shape), maxshape=(None, *self._shape), dtype=dtype, chunks=(1, *chunk), **options
            )
            for name, dtype in (("q", np.float32), ("hkl", np.int32))
        }
        self._sets["q"].attrs.update({"units": "1/angstrom", "long_name": "scattering vector (d - i)/wavelength"})
        self._sets["hkl"].attrs["long_name"] = "nearest Miller indices"

    def append(self, truth: Truth) -> None:
        """Write what the pixels of the next frame see.

        Parameters
        ----------
        truth : Truth
            In the file's frame.

        Raises
        ------
        UsageError
            If it is that of another detector.
        """
        here, there = np.prod(self._shape[:-1]), truth.q.size // 3
        if here != there:
            raise UsageError(f"{{truth}} is that of {there} pixels, a frame has {here}")
        for name, data in self._sets.items():
            data.resize(data.shape[0] + 1, axis=0)
            data[-1] = getattr(truth, name).reshape(self._shape)
