"""Making a shard: shots are rendered side by side, and written in their order meanwhile."""

from __future__ import annotations

import contextlib
import queue
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbnumba.campaign.labels import joined
from nbnumba.campaign.rendering import Picture, ShotRenderer
from nbnumba.campaign.shards import open_shard, write_records
from nbnumba.errors import NbnumbaError

if TYPE_CHECKING:
    from pathlib import Path

    from nbnumba.campaign.shots import Prepared, Shot

_AHEAD = 1
"""Images that may wait to be written, besides those that are being rendered."""


class ShotError(NbnumbaError):
    """A shot that can't be made.

    Parameters
    ----------
    shot : int
        Its number.
    seed : int
        Of the campaign; with the number it says what was drawn.
    cause : str
        Why.

    Attributes
    ----------
    shot : int
        Its number.
    """

    def __init__(self, shot: int, seed: int, cause: str) -> None:
        super().__init__(f"shot {shot} (seed {seed}): {cause}")
        self.shot, self._seed, self._cause = shot, seed, cause

    def __reduce__(self) -> tuple[type[ShotError], tuple[int, int, str]]:
        return type(self), (self.shot, self._seed, self._cause)


@dataclass(frozen=True)
class Written:
    """What a shard holds.

    Attributes
    ----------
    images, pixels : int
        In all.
    clipped : int
        Pixels whose value their type does not hold.
    """

    images: int
    pixels: int
    clipped: int


class Producer:
    """Makes shards of a campaign, with some threads.

    Parameters
    ----------
    prepared : Prepared
    threads : int
        Shots that are rendered at the same time, each by one thread.
    """

    def __init__(self, prepared: Prepared, threads: int) -> None:
        self._prepared, self._threads = prepared, threads
        self._renderers: queue.SimpleQueue[ShotRenderer] = queue.SimpleQueue()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="nbnumba-shot")

        made = [ShotRenderer(prepared, 1) for _ in range(threads)]
        self.engine = made[0].engine
        for renderer in made:
            self._renderers.put(renderer)

    def close(self) -> None:
        """End the threads and give back what is kept."""

        self._pool.shutdown(wait=True, cancel_futures=True)
        while not self._renderers.empty():
            self._renderers.get().close()

    def make(self, shard: int, path: Path, progress: Callable[[int], None]) -> Written:
        """Make a shard.

        Parameters
        ----------
        shard : int
            Its number.
        path : Path
            Its file.
        progress : callable
            Called with the images written.

        Returns
        -------
        Written

        Raises
        ------
        ShotError
            If a shot can't be made; the shard is then not there.
        OutputFileError
            If the file can't be written.
        """
        prepared, images, pixels, clipped, rows, spots = self._prepared, 0, 0, 0, [], []
        with contextlib.ExitStack() as stack:
            writer = None
            for shot, image, picture in self._pictures(prepared.plan.shard_shots(shard)):
                if writer is None:
                    writer = stack.enter_context(open_shard(path, prepared, picture))
                writer.append(picture, shot)
                if image == 0:
                    rows.append(shot.labels)
                spots.append(picture.spots)
                images, pixels, clipped = images + 1, pixels + picture.pixels.size, clipped + picture.clipped
                progress(images)
            assert writer is not None
            write_records(writer.group(), prepared, rows, joined(spots), shard, self.engine)
        return Written(images, pixels, clipped)

    def _pictures(self, numbers: range) -> Iterator[tuple[Shot, int, Picture]]:
        """Shots, numbers of their images and the images, in order."""
        waiting: deque[Future[tuple[Shot, int, Picture]]] = deque()
        work = ((number, image) for number in numbers for image in range(self._prepared.plan.images_per_shot))
        try:
            for number, image in work:
                waiting.append(self._pool.submit(self._picture, number, image))
                if len(waiting) > self._threads + _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

    def _picture(self, number: int, image: int) -> tuple[Shot, int, Picture]:
        """An image of a shot, by a renderer that is free."""
        renderer = self._renderers.get()
        try:
            shot = self._prepared.shot(number)
            return shot, image, renderer.picture(shot, image)
        except (NbnumbaError, MemoryError) as error:
            raise ShotError(number, self._prepared.plan.campaign.seed, str(error)) from error
        finally:
            self._renderers.put(renderer)
