"""All images of a campaign as one Dask array, read shard by shard: python dask_array.py FOLDER."""

from __future__ import annotations

import sys

import dask.array

import nbnumba.campaign

results = nbnumba.campaign.open(sys.argv[1])
# a chunk is an image, or a few of them
images = dask.array.concatenate([
    dask.array.from_array(shard, chunks=(4, *shard.shape[1:]), meta=shard[:0], name=str(shard.path))
    for shard in results.shards
])  # fmt: skip
print(images)
print("mean of all images", float(images.astype(float).mean().compute()))
print("brightest pixel of each", images.max(axis=(1, 2)).compute())
