"""How far a campaign is, from what its folder says: whoever runs it, and from whichever terminal is asked."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Any

from nbnumba.campaign.folder import Folder, Work

_LEAST_SECONDS = 1.0
"""Before which no rate is stated."""


@dataclass(frozen=True)
class Standing:
    """How far a campaign is.

    Attributes
    ----------
    images, total : int
        Images that are there or being made, and all.
    shards, total_shards : int
        Complete shards, and all.
    rate : float
        Images per second since the last run began; 0 while it is not known.
    seconds_left : float or None
        At that rate; None while it is not known.
    in_progress : tuple of Work
        Shards that somebody works on.
    failures : tuple of str
        Shots that could not be made, with their seeds, and why.
    """

    images: int
    total: int
    shards: int
    total_shards: int
    rate: float
    seconds_left: float | None
    in_progress: tuple[Work, ...]
    failures: tuple[str, ...]

    def line(self) -> str:
        """All of it in one line."""
        text = f"{self.images} of {self.total} images, {self.shards} of {self.total_shards} shards"
        if self.in_progress and self.rate > 0.0:
            text += f", {self.rate:.3g} images/s"
        if self.in_progress and self.seconds_left is not None:
            text += f", {duration(self.seconds_left)} left"
        return text + (f", {len(self.failures)} failed" if self.failures else "")


def duration(seconds: float) -> str:
    """A time in words.

    Parameters
    ----------
    seconds : float
    """
    if seconds < 60.0:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60.0)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def standing(folder: str | os.PathLike[str] | Folder) -> Standing:
    """How far a campaign is.

    Parameters
    ----------
    folder : path or Folder
        Its output.

    Returns
    -------
    Standing

    Raises
    ------
    InputFileError
        If it is no folder of a campaign.
    """
    folder = folder if isinstance(folder, Folder) else Folder.open(folder)
    plan = folder.plan
    complete = [shard for shard in range(plan.shards) if folder.shard_path(shard).exists()]
    works = tuple(work for work in folder.in_progress() if work.shard not in complete)
    done = sum(len(plan.shard_shots(shard)) for shard in complete) * plan.images_per_shot
    images = done + sum(work.images for work in works)
    total = plan.campaign.shots * plan.images_per_shot
    events = folder.events()
    rate = _rate(events, works)
    return Standing(
        images=images, total=total, shards=len(complete), total_shards=plan.shards, rate=rate,
        seconds_left=(total - images) / rate if rate > 0.0 else None, in_progress=works,
        failures=_failures(events, set(complete)),
    )  # fmt: skip


def _rate(events: list[dict[str, Any]], works: tuple[Work, ...]) -> float:
    """Images per second since the last run began."""
    began = max((event["time"] for event in events if event["event"] == "run"), default=None)
    if began is None or not works:
        return 0.0
    made = sum(event["images"] for event in events if event["event"] == "shard" and event["time"] >= began)
    elapsed = time.time() - began
    return float(made + sum(work.images for work in works)) / elapsed if elapsed > _LEAST_SECONDS else 0.0


def _failures(events: list[dict[str, Any]], complete: set[int]) -> tuple[str, ...]:
    """Shots that failed and were not made since."""
    failed = {event["shot"]: event["message"] for event in events
              if event["event"] == "failed" and event["shard"] not in complete}  # fmt: skip
    return tuple(failed[shot] for shot in sorted(failed))
