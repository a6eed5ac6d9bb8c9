"""From a shot to the pixels that are written: spots, background, readout, and a smaller image if one is wanted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nbnumba.campaign.labels import Table, joined
from nbnumba.campaign.plan import Downsample, ReadoutPlan
from nbnumba.config.constants import HC_EV_ANGSTROM
from nbnumba.readout import PointSpread, Readout
from nbnumba.readout.settings import preset_settings
from nbnumba.setup.lowering import lower
from nbnumba.simulation import Renderer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbnumba.campaign.shots import Prepared, Shot
    from nbnumba.setup.model import Model
    from nbnumba.simulation import SimulationResult

_AS_IS = ("fluctuation", "calibration", "readout_noise", "offset", "saturation", "hot_pixels", "dead_pixels")
"""Figures of a readout that a plan may change."""

_SPOT_COLUMNS = ("panel", "fast", "slow", "h", "k", "l", "photons")

_MASKED = -1.0
"""What masked pixels hold where the type has room for it."""


@dataclass(frozen=True)
class Picture:
    """An image on its way into a file.

    Attributes
    ----------
    pixels : ndarray, shape (slow, fast)
        As they are written; panels one below the other.
    model : Model
        From which it was made.
    spots : dict of str to ndarray
        Columns of predicted spots, if they are to be recorded.
    """

    pixels: np.ndarray
    model: Model
    spots: Table


class ShotRenderer:
    """Makes the images of shots, one after the other.

    Parameters
    ----------
    prepared : Prepared
    threads : int
        CPU threads of an image.
    """

    def __init__(self, prepared: Prepared, threads: int) -> None:
        self._prepared, self._threads = prepared, threads
        image = prepared.plan.image
        self._renderer = Renderer(image.engine, image.precision, threads)

    @property
    def engine(self) -> str:
        """Which engine renders."""
        return self._renderer.engine

    def close(self) -> None:
        """Give back what is kept."""
        self._renderer.close()

    def picture(self, shot: Shot, image: int = 0) -> Picture:
        """An image of a shot.

        Parameters
        ----------
        shot : Shot
        image : int
            Number in a rotation set, from 0.

        Returns
        -------
        Picture
        """
        plan = self._prepared.plan
        experiments = shot.experiments if plan.scan is None else shot.turned(image, plan.scan.width_deg)
        models = [lower(one) for one in experiments]
        result = self._photons(models)
        panels = result.panels
        if plan.readout is not None:
            panels = self._read_out(plan.readout, shot, result, image)
        spots = spot_table(shot.number, image, models, self._threads) if "spots" in plan.image.truth else {}
        return Picture(self._pixels(result, panels), result.model, spots)

    def _photons(self, models: list[Model]) -> SimulationResult:
        """Expected photons of all lattices and of the background."""
        first, *others = map(self._renderer.render_model, models)
        for other in others:
            first.image[:] += other.image
        return first

    def _read_out(self, plan: ReadoutPlan, shot: Shot, result: SimulationResult, image: int) -> list[np.ndarray]:
        """What the detector makes of the photons."""
        energy = HC_EV_ANGSTROM / result.model.experiment.beam.nominal_wavelength
        readout = _readout(plan, self._dtype(plan), energy, shot.readout, _mask(result.model))
        photons = np.stack(result.panels)
        return list(readout.apply(photons, shot.readout_seed, image, self._threads))

    def _dtype(self, plan: ReadoutPlan) -> str:
        """The integers of the readout."""
        stated = self._prepared.plan.image.dtype
        if stated is None:
            return preset_settings(plan.preset).dtype
        return stated if stated != "float32" and self._prepared.plan.image.downsample is None else "int32"

    def _pixels(self, result: SimulationResult, panels: list[np.ndarray]) -> np.ndarray:
        """The panels in one array, of the plan's type."""
        image = self._prepared.plan.image
        if image.downsample is None:
            pixels = panels[0] if len(panels) == 1 else np.concatenate(panels)
            return pixels.astype(image.dtype, copy=False) if image.dtype is not None else pixels
        from nbnumba.setup.panels import assemble

        whole = panels[0] if len(panels) == 1 else assemble(result.model, panels, 0.0)
        return downsampled(whole, image.downsample, image.dtype or "float32")


def spot_table(shot: int, image: int, models: Sequence[Model], threads: int) -> Table:
    """Where the spots of an image lie.

    Parameters
    ----------
    shot, image : int
        Numbers of the shot and of the image in its set.
    models : sequence of Model
        Of each lattice.
    threads : int
        CPU threads.

    Returns
    -------
    dict
        Columns ``shot``, ``image``, ``crystal``, and those of `nbnumba.prediction.Spots` but the lattice: mosaic
        domains, spindle steps and wavelengths of a reflection are one spot.
    """
    from nbnumba.prediction import predicted

    tables = []
    for crystal, model in enumerate(models):
        spots = predicted(model, threads=threads).merged()
        numbers = {name: np.full(len(spots), number, dtype=np.int32)
                   for name, number in (("shot", shot), ("image", image), ("crystal", crystal))}  # fmt: skip
        tables.append({**numbers, **{name: getattr(spots, name) for name in _SPOT_COLUMNS}})
    return joined(tables)


def _mask(model: Model) -> np.ndarray | None:
    """0 where the detector does not measure, shape (panel, slow, fast); None if it does everywhere."""
    mask = model.experiment.detector.mask_pixels
    return None if mask is None else mask.reshape(-1, *model.shapes[0])


def _readout(plan: ReadoutPlan, dtype: str, energy: float, values: dict[str, Any], mask: np.ndarray | None) -> Readout:
    """The readout of a shot."""
    settings = preset_settings(plan.preset, energy, 1.0 if values["gain"] is None else values["gain"])
    changes = {name: values[name] for name in _AS_IS if values[name] is not None}
    spread = settings.point_spread
    if plan.point_spread is not None:
        spread = None if plan.point_spread == "none" else PointSpread.from_text(plan.point_spread, settings.pixel_size)
    return Readout.from_settings(replace(
        settings, **changes, dtype=dtype, gaps=None, mask=mask, point_spread=spread,
        masked_value=None if mask is None else _MASKED if np.iinfo(dtype).min < 0 else 0.0,
        calibration_seed=plan.calibration_seed, pixel_seed=plan.pixel_seed,
    ))  # fmt: skip


def downsampled(image: np.ndarray, how: Downsample, dtype: str) -> np.ndarray:
    """A smaller image of square blocks; what the blocks don't fill, at the ends of rows and columns, holds 0.

    Parameters
    ----------
    image : ndarray, shape (slow, fast)
        Pixels below 0, such as masked ones, count as 0.
    how : Downsample
        Edge of the smaller image and what becomes of a block.
    dtype : str
        Of the smaller image; integers are rounded and clipped.

    Returns
    -------
    ndarray, shape (size, size), `dtype`
    """
    block = -(-max(image.shape) // how.size)
    reduce, _, root = how.how.partition("-")
    padded = np.zeros((how.size * block, how.size * block), dtype=np.float32)
    np.maximum(image, 0, out=padded[: image.shape[0], : image.shape[1]], casting="unsafe")
    blocks = padded.reshape(how.size, block, how.size, block)
    small: np.ndarray = getattr(blocks, reduce)(axis=(1, 3))
    if root:
        small = np.sqrt(small)
    if np.dtype(dtype).kind != "f":
        limits = np.iinfo(dtype)
        small = np.clip(np.rint(small), limits.min, limits.max)
    return np.asarray(small, dtype=dtype)
