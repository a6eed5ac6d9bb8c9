"""Running a campaign: what is missing is made, by whom is chosen, and all that is whole stays."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nbnumba.campaign.folder import Folder
from nbnumba.campaign.merging import merge
from nbnumba.campaign.rendering import clipped_text
from nbnumba.campaign.shards import require_packages
from nbnumba.campaign.shots import Prepared, prepare
from nbnumba.campaign.workers import SMALL_IMAGE, Made, by_processes, by_threads
from nbnumba.engine.registry import choose_engine
from nbnumba.engine.threads import available_threads
from nbnumba.errors import NbnumbaError, NbnumbaWarning, OutputFileError, UsageError

if TYPE_CHECKING:
    from nbnumba.campaign.plan import Plan


Maker = Callable[[Prepared, Folder, Sequence[int]], Iterator[Made]]
"""Makes shards of a folder, and says of each what became of it."""


@dataclass(frozen=True)
class Outcome:
    """What a run did.

    Attributes
    ----------
    folder : Path
        Output.
    shards : int
        Shards of this run's part.
    complete : int
        Those of them that are there now.
    images : int
        Images that this run made.
    failures : tuple of NbnumbaError
        Shots that could not be made.
    clipped : float
        Share of this run's pixels whose value their type does not hold.
    """

    folder: Path
    shards: int
    complete: int
    images: int
    failures: tuple[NbnumbaError, ...]
    clipped: float = 0.0


def run(
    plan: Plan | Prepared | str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    part: tuple[int, int] = (1, 1),
    progress: Callable[[Made], None] | None = None,
    maker: Maker | None = None,
) -> Outcome:
    """Make the shards of a campaign that are not there yet.

    Parameters
    ----------
    plan : Plan, Prepared or path
        What to do; of a file, paths are relative to its folder.
    output : path or None
        Folder; None takes the plan's, relative to the folder of its file.
    workers : int or None
        Threads or processes; None takes one for each core, or GPU.
    part : tuple of 2 int
        Which part of how many, from 1: (3, 64) makes the third of 64 parts of the shards.
    progress : callable or None
        Called with each shard that was made, or was not.
    maker : callable or None
        Makes shards in another way; None chooses threads or processes by the size of the images.

    Returns
    -------
    Outcome

    Raises
    ------
    PlanError
        As in `prepare`.
    UsageError
        If the folder holds another plan's images or files of others, or a number is impossible.
    ShardsError
        If shards are damaged.
    MissingPackageError
        If a package is not installed that shards need.
    OutputFileError
        If the disk is full or not writable; what is whole stays.

    Warns
    -----
    NbnumbaWarning
        If pixels were clipped.
    """
    prepared = plan if isinstance(plan, Prepared) else prepare(plan)
    path = _output(plan, prepared, output)
    # all that can be impossible comes before the folder
    shards = part_of(range(prepared.plan.shards), part)
    make = maker or choose_workers(prepared, workers).make
    require_packages(prepared.plan, path)
    folder = Folder.create(path, prepared)
    folder.forget_the_dead()
    there = folder.complete(shards)
    left = [shard for shard in shards if shard not in there]
    images, pixels, clipped, failures = 0, 0, 0, []
    if left:
        folder.log("run", shards=len(left), process=f"{os.uname().nodename}-{os.getpid()}")
        for made in make(prepared, folder, left):
            images, pixels, clipped = images + made.images, pixels + made.pixels, clipped + made.clipped
            if isinstance(made.failure, OutputFileError):
                raise made.failure
            if made.failure is not None:
                failures.append(made.failure)
            if progress is not None:
                progress(made)
    folder.forget_the_dead()
    complete = folder.complete()
    if len(complete) == prepared.plan.shards:
        merge(folder.path)
    share = clipped / max(pixels, 1)
    if clipped:
        warnings.warn(NbnumbaWarning(clipped_text(prepared.plan, share)), stacklevel=2)
    return Outcome(folder.path, len(shards), len(set(complete) & set(shards)), images, tuple(failures), share)


def _output(
    plan: Plan | Prepared | str | os.PathLike[str], prepared: Prepared, output: str | os.PathLike[str] | None
) -> Path:
    if output is not None:
        return Path(output)
    beside = Path(plan).parent if isinstance(plan, (str, os.PathLike)) else Path()
    return beside / prepared.plan.campaign.output


def part_of(shards: range, part: tuple[int, int]) -> range:
    """Some of the shards, one behind the other.

    Parameters
    ----------
    shards : range
        All of them.
    part : tuple of 2 int
        Which part, from 1, of how many.

    Returns
    -------
    range
        Parts differ by one shard at most.

    Raises
    ------
    UsageError
        If there is no such part.
    """
    number, parts = part
    if not 1 <= number <= parts:
        raise UsageError(f"{{shard}} {number}/{parts}: parts are numbered from 1/{max(parts, 1)} to {max(parts, 1)}/"
                         f"{max(parts, 1)}")  # fmt: skip
    return shards[len(shards) * (number - 1) // parts : len(shards) * number // parts]


@dataclass(frozen=True)
class WorkerChoice:
    """Who makes the shards.

    Attributes
    ----------
    kind : str
        "threads", which render the shots of a shard side by side, or "processes", which make a shard each.
    count : int
        How many.
    gpus : int
        GPUs that they share out.
    """

    kind: str
    count: int
    gpus: int = 0

    def make(self, prepared: Prepared, folder: Folder, shards: Sequence[int]) -> Iterator[Made]:
        """Make shards.

        Parameters
        ----------
        prepared : Prepared
            From `nbnumba.campaign.prepare`.
        folder : Folder
            Output.
        shards : sequence of int
            Their numbers.

        Yields
        ------
        Made
            What became of each.
        """
        if self.kind == "processes":
            return by_processes(prepared, folder, shards, self.count, self.gpus)
        return by_threads(prepared, folder, shards, self.count)


def choose_workers(prepared: Prepared, workers: int | None = None) -> WorkerChoice:
    """Threads or processes, as suits the images.

    Parameters
    ----------
    prepared : Prepared
    workers : int or None
        How many; None takes one for each core, or GPU.

    Returns
    -------
    WorkerChoice

    Raises
    ------
    UsageError
        If there are less than one.
    """
    check_workers(workers)
    gpus = gpu_count(prepared.plan.image.engine)
    count = workers if workers is not None else gpus or available_threads()
    if count > 1 and prepared.plan.shards > 1 and (gpus or image_pixels(prepared) <= SMALL_IMAGE):
        return WorkerChoice("processes", count, gpus)
    return WorkerChoice("threads", 1 if gpus else count, gpus)


def check_workers(workers: int | None) -> None:
    """Raise UsageError if there are less than one.

    Parameters
    ----------
    workers : int or None
        How many; None is not checked.
    """
    if workers is not None and workers < 1:
        raise UsageError(f"{{workers={workers}}}: give at least 1")


def gpu_count(engine: str) -> int:
    """GPUs that workers share out; 0 where the CPU renders.

    Parameters
    ----------
    engine : str
        As in a plan.
    """
    if choose_engine(engine) != "cuda":
        return 0
    from nbnumba.engine.cuda_device import devices

    return max(len(devices()), 1)


def image_pixels(prepared: Prepared) -> int:
    """Pixels that are rendered for an image.

    Parameters
    ----------
    prepared : Prepared
    """
    detector = prepared.inputs.detector
    if detector is None:
        return sum(panel.image_size[0] * panel.image_size[1] for panel in prepared.inputs.panels)
    fast = detector.pixels_fast or detector.size_fast / detector.pixel_size
    slow = detector.pixels_slow or detector.size_slow / detector.pixel_size
    return int(fast * slow)
