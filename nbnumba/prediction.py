"""Where the spots of an experiment lie and how many photons each has, without an image."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nbnumba.config import CrystalShape, Sampling
from nbnumba.engine.search import build_search, spots_of
from nbnumba.engine.threads import thread_count
from nbnumba.errors import UsageError
from nbnumba.kernels.params import CURVED_AS_C, Plane
from nbnumba.kernels.spots import SPOT, predict_spots
from nbnumba.setup.crystal import SHAPE_CODES
from nbnumba.setup.lowering import lower

if TYPE_CHECKING:
    from nbnumba.config import Experiment
    from nbnumba.kernels.params import KernelParams
    from nbnumba.setup.model import Model

FAINTEST = 1e-3
"""Photons in a spot's brightest pixel, where nobody says what matters."""

SUBPIXEL_EDGES = [12 + Plane._fields[4:].index(name) for name in ("subpixel_fast", "subpixel_slow")]
"""Columns of `Panels.planes`."""

_FINER = 1 << 16
"""Subpixels in place of each one."""

OF_ALL = -1
"""`Spots.lattice` of a spot that several lattices share."""


@dataclass(frozen=True, eq=False)
class Spots:
    """A list of spots: arrays of one length.

    Attributes
    ----------
    panel : ndarray, int32
        Number of the panel.
    fast, slow : ndarray, float64
        Middle of the spot in pixels along the panel's axes; pixel n lies between n and n + 1.
    h, k, l : ndarray, int32
        Miller indices.
    photons : ndarray, float64
        Integrated over the whole spot, pixels beyond the panel's edges and masked ones included.
    lattice : ndarray, int32
        Which source, spindle step and mosaic domain: (source · steps + step) · domains + domain; -1 for all of them.
    """

    panel: np.ndarray
    fast: np.ndarray
    slow: np.ndarray
    h: np.ndarray
    k: np.ndarray
    l: np.ndarray  # noqa: E741
    photons: np.ndarray
    lattice: np.ndarray

    def __len__(self) -> int:
        return len(self.panel)

    @property
    def miller_index(self) -> np.ndarray:
        """Miller indices, shape (n, 3), int32."""
        return np.column_stack((self.h, self.k, self.l))

    def merged(self) -> Spots:
        """One spot for each reflection on each panel: photons added up, middles weighted by them."""
        if len(self) == 0:
            return self
        keys, places = np.unique(np.column_stack((self.panel, self.h, self.k, self.l)), axis=0, return_inverse=True)
        places = places.reshape(-1)
        photons = np.bincount(places, self.photons)
        shares = self.photons / np.where(photons > 0.0, photons, 1.0)[places]
        return Spots(
            panel=keys[:, 0].copy(), fast=np.bincount(places, self.fast * shares),
            slow=np.bincount(places, self.slow * shares), h=keys[:, 1].copy(), k=keys[:, 2].copy(), l=keys[:, 3].copy(),
            photons=photons, lattice=np.full(len(keys), OF_ALL, dtype=np.int32),
        )  # fmt: skip

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the list: text with commas (.csv), or the columns of a DIALS reflection table in HDF5 (.h5, .refl).

        Parameters
        ----------
        path : path
            File to write.

        Raises
        ------
        UsageError
            If the suffix is none of these.
        MissingPackageError
            If h5py is needed and not installed.
        OutputFileError
            If the file can't be written.
        """
        from nbnumba.io.spot_table import write_spots

        write_spots(Path(path), {field.name: getattr(self, field.name) for field in fields(self)})


def spots(experiment: Experiment, cutoff: float | None = None, threads: int | None = None) -> Spots:
    """Predict the spots of an experiment: reflections near the Ewald sphere whose middle lies in a region of interest.

    A spot is where the Ewald sphere cuts through a reflection's shape transform. Its photons are the integral over
    that cut, in which the sphere counts as a plane: right to some per cent where spots don't touch, whatever the pixels
    are. Square and round crystals count as Gaussian ones of their size, whose integrated intensities are theirs to 2 %;
    amplitudes are those of the list, without interpolation.

    Parameters
    ----------
    experiment : Experiment
        What would be simulated.
    cutoff : float or None
        Leave out spots that give no pixel more photons; None takes `Sampling.cutoff`, or 0.001.
    threads : int or None
        CPU threads; None takes all cores.

    Returns
    -------
    Spots
        One for each lattice (source, spindle step, mosaic domain), in their order; see `Spots.merged`.

    Raises
    ------
    UsageError
        If the experiment is impossible, or its spots have no end.
    """
    return predicted(lower(experiment), cutoff, threads)


def predicted(model: Model, cutoff: float | None = None, threads: int | None = None) -> Spots:
    """`spots` of a model that is already set up.

    Parameters
    ----------
    model : Model
        From `nbnumba.lower`.
    cutoff, threads
        As in `spots`.

    Returns
    -------
    Spots
    """
    given = model.experiment.sampling.cutoff if cutoff is None else Sampling(cutoff=cutoff).cutoff
    params = _finely_sampled(_as_gaussian(model.params))
    search = build_search(params, FAINTEST if given is None else given)
    if search is None or params.panels.curved == CURVED_AS_C:
        raise UsageError(
            "nothing bounds the spots of this experiment: they need a {cutoff} and a {Crystal.fudge} above zero, and a "
            "detector that is flat or curved along its own axes (quirk curved)"
        )
    found = spots_of(params, search, thread_count(threads))
    listed = np.concatenate([np.empty(0, dtype=SPOT), *found])
    middles = np.empty((len(listed), 3))
    predict_spots(params, search, listed, middles)
    seen = middles[:, 2] >= 0.0
    listed, middles = listed[seen], middles[seen]
    columns = {name: listed[name].astype(np.int32) for name in ("panel", "h", "k", "l", "lattice")}
    return Spots(**columns, fast=middles[:, 0].copy(), slow=middles[:, 1].copy(), photons=middles[:, 2].copy())


def _finely_sampled(params: KernelParams) -> KernelParams:
    """The same with so many subpixels that no spot slips through between them."""
    planes = params.panels.planes.copy()
    planes[:, SUBPIXEL_EDGES] /= _FINER
    sampling = params.sampling._replace(oversample=params.sampling.oversample * _FINER)
    return params._replace(panels=params.panels._replace(planes=planes), sampling=sampling)


def _as_gaussian(params: KernelParams) -> KernelParams:
    """The same with Gaussian spots in place of those that have no end."""
    lattice, ending = params.lattice, (SHAPE_CODES[CrystalShape.GAUSS], SHAPE_CODES[CrystalShape.TOPHAT])
    if lattice.shape in ending:
        return params
    return params._replace(lattice=lattice._replace(shape=ending[0], index_radius=True, fudge=1.0))
