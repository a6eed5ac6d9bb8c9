"""What a campaign costs, measured on three of its shots before anything runs; and nine of its images on one sheet."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nbnumba.campaign.labels import joined
from nbnumba.campaign.plan import Downsample
from nbnumba.campaign.production import ShotError
from nbnumba.campaign.rendering import Picture, ShotRenderer, clipped_text, downsampled
from nbnumba.campaign.running import WorkerChoice, choose_workers
from nbnumba.campaign.shards import open_shard, require_packages, write_records
from nbnumba.campaign.standing import duration
from nbnumba.errors import NbnumbaError, UsageError
from nbnumba.io.atomic import atomic_write, check_target
from nbnumba.io.extras import optional_package
from nbnumba.setup.lowering import lower

if TYPE_CHECKING:
    from nbnumba.campaign.shots import Prepared, Shot

MEASURED = 3
"""Shots whose time is taken."""

SHEET = 9
"""Images of a contact sheet."""

_PROCESS_BYTES = 250e6
"""Of Python, numba and the libraries in a process."""

_COPIES = 4
"""Of an image while it is made: photons, counts, and what is written."""

_SHEET_PIXELS = 360
"""Edge of an image on a contact sheet."""


@dataclass(frozen=True)
class Estimate:
    """What a campaign costs on this machine.

    Attributes
    ----------
    images, shards : int
        In all.
    pixels : int
        Rendered for an image.
    steps : int
        Terms of the sum for each pixel, of the first shot.
    seconds : float
        For an image on one thread, or the GPU, mean of `MEASURED` shots, with all but the writing.
    image_bytes : float
        On the disk, for each image.
    workers : WorkerChoice
        Who would make them.
    memory : float
        Bytes that all workers take together.
    free : float
        Bytes that are free where the output goes.
    clipped : str
        What is lost in the type of the pixels, in words; empty if all of `MEASURED` shots fits.
    """

    images: int
    shards: int
    pixels: int
    steps: int
    seconds: float
    image_bytes: float
    workers: WorkerChoice
    memory: float
    free: float
    clipped: str = ""

    @property
    def total_seconds(self) -> float:
        """On this machine, if its cores are free."""
        return self.images * self.seconds / self.workers.count

    @property
    def total_bytes(self) -> float:
        """On the disk."""
        return self.images * self.image_bytes

    def lines(self) -> list[str]:
        """All of it in words."""
        room = "" if self.total_bytes < self.free else f"; only {_size(self.free)} are free there"
        lost = [f"clipped     {self.clipped}"] if self.clipped else []
        return [
            *lost,
            f"images      {self.images} in {self.shards} shards, {self.pixels} pixels x {self.steps} steps each",
            f"time        {self.seconds:.3g} s an image on one thread (three shots measured), "
            f"{duration(self.total_seconds)} with {self.workers.count} {self.workers.kind} here",
            f"disk        {_size(self.image_bytes)} an image, {_size(self.total_bytes)} in all{room}",
            f"memory      {_size(self.memory)} with {self.workers.count} {self.workers.kind}",
        ]


def _size(count: float) -> str:
    """Bytes in words."""
    for unit, power in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if count >= power:
            return f"{count / power:.3g} {unit}"
    return f"{count / 1e3:.3g} kB"


def spread_shots(shots: int, count: int) -> list[int]:
    """Numbers of so many shots from the first to the last.

    Parameters
    ----------
    shots : int
        How many there are.
    count : int
        How many are wanted.
    """
    return sorted({int(number) for number in np.linspace(0, shots - 1, min(count, shots)).round()})


def estimate(
    prepared: Prepared, folder: str | os.PathLike[str], workers: int | None = None
) -> Estimate:
    """Measure what a campaign costs, on three of its shots.

    Parameters
    ----------
    prepared : Prepared
        From `nbnumba.campaign.prepare`.
    folder : path
        Where the output would go; nothing is written there.
    workers : int or None
        As for `nbnumba.campaign.run`.

    Returns
    -------
    Estimate

    Raises
    ------
    NbnumbaError
        If one of the shots can't be made.
    MissingPackageError
        If a package is not installed that shards need.
    """
    plan = prepared.plan
    choice = choose_workers(prepared, workers)
    require_packages(plan, folder)
    renderer = ShotRenderer(prepared, 1)
    try:
        # what is compiled or loaded for the first image is not measured
        first, *_ = _pictures(prepared, renderer, [0])
        began = time.perf_counter()
        made = _pictures(prepared, renderer, spread_shots(plan.campaign.shots, MEASURED))
        seconds = (time.perf_counter() - began) / len(made)
    finally:
        renderer.close()
    model = first[1].model
    table = max((f.factors.table.nbytes for f in prepared.inputs.factors if f.factors is not None), default=0)
    table *= len(prepared.inputs.factors)
    pixels = sum(slow * fast for slow, fast in model.shapes)
    one = 4.0 * _COPIES * pixels + table
    processes = choice.count if choice.kind == "processes" else 1
    return Estimate(
        images=plan.campaign.shots * plan.images_per_shot, shards=plan.shards, pixels=pixels,
        steps=model.params.scale.steps, seconds=seconds, image_bytes=_bytes_on_disk(prepared, made), workers=choice,
        memory=processes * _PROCESS_BYTES + choice.count * one, free=_free(Path(folder)),
        clipped=_clipped(prepared, made),
    )  # fmt: skip


def _clipped(prepared: Prepared, made: list[tuple[Shot, Picture]]) -> str:
    """What the type of the pixels does not hold, in words."""
    clipped, pixels = (sum(count) for count in zip(*((one.clipped, one.pixels.size) for _, one in made), strict=True))
    return clipped_text(prepared.plan, clipped / pixels) if clipped else ""


def _pictures(prepared: Prepared, renderer: ShotRenderer, numbers: list[int]) -> list[tuple[Shot, Picture]]:
    made = []
    for number in numbers:
        try:
            shot = prepared.shot(number)
            made.append((shot, renderer.picture(shot)))
        except NbnumbaError as error:
            raise ShotError(number, prepared.plan.campaign.seed, str(error)) from error
    return made


def _bytes_on_disk(prepared: Prepared, made: list[tuple[Shot, Picture]]) -> float:
    """What an image takes in a shard, the shard's own description shared out."""
    plan = prepared.plan
    with tempfile.TemporaryDirectory() as folder:
        sizes = []
        for count in {1, len(made)}:
            path = Path(folder) / f"shard{count}.nxs"
            with open_shard(path, prepared, made[0][1]) as writer:
                for shot, picture in made[:count]:
                    writer.append(picture, shot)
                write_records(writer.group(), prepared, [shot.labels for shot, _ in made[:count]],
                              joined([picture.spots for _, picture in made[:count]]), 0, "")  # fmt: skip
            sizes.append(path.stat().st_size)
    if len(made) == 1:
        return float(sizes[0])
    small, large = sorted(sizes)
    image = (large - small) / (len(made) - 1)
    return image + (small - image) / (plan.shots_per_shard * plan.images_per_shot)


def _free(folder: Path) -> float:
    """Bytes that are free in a folder that need not be there yet."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    status = os.statvfs(existing)
    return float(status.f_bavail * status.f_frsize)


def plan_warnings(prepared: Prepared) -> list[str]:
    """What the first shot's set-up warns of, which holds for all that are like it.

    Parameters
    ----------
    prepared : Prepared
        From `nbnumba.campaign.prepare`.
    """
    from nbnumba.output.report import model_warnings

    return model_warnings(lower(prepared.shot(0).experiment))


def check_sheet(path: str | os.PathLike[str]) -> None:
    """Raise now what `contact_sheet` would raise of its file after a while.

    Parameters
    ----------
    path : path
        File to write.
    """
    if Path(path).suffix.lower() != ".png":
        raise UsageError(f"{path}: a contact sheet is a PNG file; give a name that ends in .png")
    check_target(path)
    optional_package("matplotlib", "plots", path)


def contact_sheet(
    prepared: Prepared, path: str | os.PathLike[str], progress: Callable[[int, int], None] | None = None
) -> None:
    """Draw nine images of a campaign, from the first shot to the last, with what was drawn for them.

    Parameters
    ----------
    prepared : Prepared
        From `nbnumba.campaign.prepare`.
    path : path
        PNG file.
    progress : callable or None
        Called with the images done and the images in all.

    Raises
    ------
    NbnumbaError
        If one of the shots can't be made.
    UsageError
        If the name ends in anything but .png.
    OutputFileError
        If the file can't be written.
    MissingPackageError
        If matplotlib is not installed.
    """
    check_sheet(path)
    renderer = ShotRenderer(prepared, 1)
    numbers = spread_shots(prepared.plan.campaign.shots, SHEET)
    small = []
    try:
        for number in numbers:
            ((shot, picture),) = _pictures(prepared, renderer, [number])
            small.append((shot, _small(picture.pixels)))
            if progress is not None:
                progress(len(small), len(numbers))
    finally:
        renderer.close()
    _draw(prepared, small, path)


def _small(pixels: np.ndarray) -> np.ndarray:
    """The largest pixel of each block, without the rows and columns that hold none."""
    block = -(-max(pixels.shape) // _SHEET_PIXELS)
    slow, fast = (-(-edge // block) for edge in pixels.shape)
    return downsampled(pixels, Downsample(max(slow, fast), "max"))[:slow, :fast]


def _draw(prepared: Prepared, images: list[tuple[Shot, np.ndarray]], path: str | os.PathLike[str]) -> None:
    from matplotlib.figure import Figure

    rows = -(-len(images) // 3)
    figure = Figure(figsize=(10.0, 3.6 * rows), layout="constrained")
    axes = figure.subplots(rows, 3, squeeze=False).ravel()
    for axis in axes[len(images) :]:
        axis.set_axis_off()
    for axis, (shot, image) in zip(axes, images, strict=False):
        axis.set_xticks([])
        axis.set_yticks([])
        shade = np.log1p(image)
        axis.imshow(shade, cmap="gray_r", vmin=np.percentile(shade, 2.0), vmax=max(np.percentile(shade, 99.7), 1e-6))
        axis.set_title(_caption(shot), fontsize=7)
    with atomic_write(path) as stream:
        figure.savefig(stream, format="png", dpi=110)


def _caption(shot: Shot) -> str:
    """A shot's number and what was drawn for it, two a line."""
    hidden = (*"abc", "alpha", "beta", "gamma", "fluence", "mosaic_seed", "readout_seed", "shot")
    drawn = [
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in shot.labels.items()
        if name not in hidden and not (name[0] in "UA" and name[1:2].isdigit())
    ]
    words = [f"shot {shot.number}", *drawn][:6]
    return "\n".join(", ".join(words[start : start + 2]) for start in range(0, len(words), 2))
