"""From a shot to the pixels that are written: spots, background, readout, and a smaller image if one is wanted."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from nbnumba.campaign.labels import Table, joined
from nbnumba.campaign.plan import Downsample, ReadoutPlan
from nbnumba.config.constants import HC_EV_ANGSTROM
from nbnumba.errors import UsageError
from nbnumba.readout import PointSpread, Readout
from nbnumba.readout.settings import preset_settings
from nbnumba.setup.lowering import lower
from nbnumba.simulation import Renderer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbnumba.campaign.plan import Plan
    from nbnumba.campaign.shots import Prepared, Shot
    from nbnumba.config import Panel
    from nbnumba.setup.model import Model
    from nbnumba.simulation import SimulationResult

_AS_IS = ("fluctuation", "calibration", "readout_noise", "offset", "saturation", "hot_pixels", "dead_pixels")
"""Figures of a readout that a plan may change."""

_SPOT_COLUMNS = ("panel", "fast", "slow", "h", "k", "l", "photons")

_MASKED = -1.0
"""What masked pixels hold where the type has room for it."""

_WIDE = "int32"
"""Of counts before they go into a narrower type, so that it is known what does not fit there."""

_HOT = np.iinfo(_WIDE).max
"""What hot pixels hold then."""


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
    clipped : int
        Pixels whose value the type does not hold.
    """

    pixels: np.ndarray
    model: Model
    spots: Table
    clipped: int = 0


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
        pixels, clipped = self._pixels(result, panels)
        return Picture(pixels, result.model, spots, clipped)

    def _photons(self, models: list[Model]) -> SimulationResult:
        """Expected photons of all lattices and of the background."""
        first, *others = map(self._renderer.render_model, models)
        for other in others:
            first.image[:] += other.image
        return first

    def _read_out(self, plan: ReadoutPlan, shot: Shot, result: SimulationResult, image: int) -> list[np.ndarray]:
        """What the detector makes of the photons."""
        readout = shot_readout(self._prepared.plan, plan, shot, result.model)
        photons = np.stack(result.panels)
        return list(readout.apply(photons, shot.readout_seed, image, self._threads))

    def _pixels(self, result: SimulationResult, panels: list[np.ndarray]) -> tuple[np.ndarray, int]:
        """The panels in one array, of the plan's type, and how many pixels do not fit there."""
        plan = self._prepared.plan
        if plan.image.downsample is None:
            return fitted(panels[0] if len(panels) == 1 else np.concatenate(panels), pixel_type(plan))
        return fitted(downsampled(_seen(result.model, panels), plan.image.downsample), pixel_type(plan))


def pixel_type(plan: Plan) -> str:
    """The type in which the pixels of a plan are written.

    Parameters
    ----------
    plan : Plan
    """
    if plan.image.dtype is not None:
        return plan.image.dtype
    if plan.readout is None or plan.image.downsample is not None:
        return "float32"
    return preset_settings(plan.readout.preset).dtype


def fitted(pixels: np.ndarray, dtype: str) -> tuple[np.ndarray, int]:
    """Pixels in a type, and how many of them it does not hold: they are clipped.

    Parameters
    ----------
    pixels : ndarray
        Hot ones don't count.
    dtype : str
        Of the result; numbers are rounded to integers.
    """
    kind = np.dtype(dtype)
    if kind.kind == "f" or pixels.dtype == kind:
        return pixels.astype(kind, copy=False), 0
    if pixels.dtype.kind == "f":
        pixels = np.rint(pixels, dtype=np.float64)
    limits = np.iinfo(kind)
    if limits.min <= pixels.min() and pixels.max() <= limits.max:
        return pixels.astype(kind), 0
    outside = (pixels < limits.min) | ((pixels > limits.max) & (pixels < _HOT))
    return np.clip(pixels, limits.min, limits.max).astype(kind), int(np.count_nonzero(outside))


def clipped_text(plan: Plan, share: float) -> str:
    """What a type of pixels does not hold, in words.

    Parameters
    ----------
    plan : Plan
    share : float
        Of all pixels.
    """
    limits = np.iinfo(pixel_type(plan))
    return (
        f"{100.0 * share:.2g} % of the pixels are below {limits.min} or above {limits.max}, which {limits.dtype} does "
        "not hold, and are clipped: another [image] dtype, or [readout] offset, gain or saturation, keeps them"
    )


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


def shot_readout(plan: Plan, readout: ReadoutPlan, shot: Shot, model: Model) -> Readout:
    """The readout of a shot.

    Parameters
    ----------
    plan : Plan
    readout : ReadoutPlan
        Its section.
    shot : Shot
    model : Model
        Of the shot's first lattice: pixels, masks and wavelength.

    Raises
    ------
    UsageError
        If a figure is impossible.
    """
    energy, values = HC_EV_ANGSTROM / model.experiment.beam.nominal_wavelength, shot.readout
    settings = preset_settings(readout.preset, energy, 1.0 if values["gain"] is None else values["gain"])
    changes = {name: values[name] for name in _AS_IS if values[name] is not None}
    pixel_size, spread = model.panels[0].pixel_size * 1e6, settings.point_spread
    if readout.point_spread is not None:
        spread = None if readout.point_spread == "none" else PointSpread.from_text(readout.point_spread, pixel_size)
    mask, dtype = _mask(model), pixel_type(plan)
    unsigned = np.dtype(dtype).kind == "u"
    return Readout.from_settings(replace(
        settings, **changes, dtype=dtype if dtype == "uint32" else _WIDE, gaps=None, mask=mask, point_spread=spread,
        pixel_size=pixel_size, masked_value=None if mask is None else 0.0 if unsigned else _MASKED,
        dead_value=max(settings.dead_value, 0.0) if unsigned else settings.dead_value,
        calibration_seed=readout.calibration_seed, pixel_seed=readout.pixel_seed,
    ))  # fmt: skip


def impossible_pictures(plan: Plan, panels: Sequence[Panel]) -> list[str]:
    """Why no picture can be made of photons, as far as plan and detector show it.

    Parameters
    ----------
    plan : Plan
    panels : sequence of Panel
        The detector, if it is known.

    Returns
    -------
    list of str
        Messages with fields in braces.
    """
    problems = []
    spread = None if plan.readout is None else plan.readout.point_spread
    try:
        if spread not in (None, "none"):
            PointSpread.from_text(str(spread), 1.0)
    except UsageError as error:
        problems.append(error.message)
    try:
        # where several panels stand is known of a shot
        if plan.image.downsample is not None and len(panels) == 1:
            _require_larger(panels[0].image_size[::-1], plan.image.downsample)
    except UsageError as error:
        problems.append(error.message)
    return problems


def check_picture(plan: Plan, shot: Shot, model: Model) -> None:
    """Raise UsageError if no picture can be made of a shot's photons.

    Parameters
    ----------
    plan : Plan
    shot : Shot
    model : Model
        Of its first lattice.
    """
    if plan.readout is not None:
        readout = shot_readout(plan, plan.readout, shot, model)
        readout.check(np.broadcast_to(np.float32(0.0), (len(model.shapes), *model.shapes[0])), 0, 0)
    if plan.image.downsample is not None:
        dark = [np.broadcast_to(np.float32(0.0), shape) for shape in model.shapes]
        _require_larger(_seen(model, dark).shape, plan.image.downsample)


def _seen(model: Model, panels: list[np.ndarray]) -> np.ndarray:
    """All panels in one image, where they stand."""
    from nbnumba.setup.panels import assemble

    return panels[0] if len(panels) == 1 else assemble(model, panels, 0.0)


def _require_larger(shape: tuple[int, ...], how: Downsample) -> None:
    """Refuse to make an image larger."""
    if how.size > max(shape):
        raise UsageError(
            f"{{ImagePlan.downsample}}: size {how.size} is larger than the image of {shape[1]} x {shape[0]} pixels"
        )


def downsampled(image: np.ndarray, how: Downsample) -> np.ndarray:
    """A smaller image of square blocks; what the blocks don't fill, at the ends of rows and columns, holds 0.

    Parameters
    ----------
    image : ndarray, shape (slow, fast)
        Pixels below 0, such as masked ones, count as 0.
    how : Downsample
        Edge of the smaller image and what becomes of a block.

    Returns
    -------
    ndarray, shape (size, size), float32

    Raises
    ------
    UsageError
        If the image is smaller than that.
    """
    _require_larger(image.shape, how)
    block = -(-max(image.shape) // how.size)
    reduce, _, root = how.how.partition("-")
    padded = np.zeros((how.size * block, how.size * block), dtype=np.float32)
    np.maximum(image, 0, out=padded[: image.shape[0], : image.shape[1]], casting="unsafe")
    combine = np.maximum if reduce == "max" else np.add
    # whole rows go through the processor's vectors, short ends of axes would not
    rows = combine.reduce(padded.reshape(how.size, block, -1), axis=1)
    small: np.ndarray = functools.reduce(combine, (rows[:, first::block] for first in range(block)))
    if reduce == "mean":
        small = small / np.float32(block * block)
    return np.sqrt(small) if root else small
