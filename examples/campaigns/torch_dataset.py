"""A campaign as a PyTorch data set: python torch_dataset.py FOLDER. Without PyTorch the batches are NumPy's."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np

import nbnumba.campaign

try:
    import torch
    from torch.utils.data import DataLoader, Dataset
except ImportError:
    torch, Dataset = None, object


class Shots(Dataset):  # type: ignore[misc,valid-type]
    """Images and the labels of their shots; workers of a DataLoader open the files for themselves.

    All images of a rotation set have the labels of their set: its orientation is that at spindle angle zero.

    Parameters
    ----------
    folder : str
        Of a campaign.
    names : sequence of str
        Labels.
    """

    def __init__(self, folder: str, names: list[str]) -> None:
        self._results = nbnumba.campaign.open(folder)
        self._labels = np.column_stack([self._results.labels[name] for name in names]).astype(np.float32)

    def __len__(self) -> int:
        return len(self._results)

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        image, shot = self._results[number], number // self._results.plan.images_per_shot
        return image.astype(np.float32)[None], self._labels[shot]


def numpy_batches(shots: Shots, size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """What a DataLoader gives, without PyTorch."""
    for start in range(0, len(shots), size):
        pairs = [shots[number] for number in range(start, min(start + size, len(shots)))]
        images, labels = zip(*pairs, strict=True)
        yield np.stack(images), np.stack(labels)


if __name__ == "__main__":
    shots = Shots(sys.argv[1], [f"U{row}{column}" for row in (1, 2, 3) for column in (1, 2, 3)])
    batches = numpy_batches(shots, 8) if torch is None else DataLoader(shots, batch_size=8, num_workers=2)
    for images, labels in batches:
        print(type(images).__module__, tuple(images.shape), tuple(labels.shape))
