"""What files say of a detector whose counts they hold."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from nbnumba.readout.electronics import Gain, Offset, ReadoutNoise, Saturation

if TYPE_CHECKING:
    from nbnumba.io.scene import Scene
    from nbnumba.readout.readout import Readout

_NOISE_WIDTHS = 8.0
"""Standard deviations of readout noise that a pixel without photons may lie below the offset."""


def scene_of_counts(scene: Scene, readout: Readout) -> Scene:
    """A scene whose panels have the figures of a readout: gain, pedestal and trusted range.

    Parameters
    ----------
    scene : Scene
        What is around the photons, such as `nbnumba.io.scene_of` gives it.
    readout : Readout
        What made counts of them.

    Returns
    -------
    Scene
        Trusted are values from 0, or where readout noise may bring a pixel without photons, up to the saturation; marks
        of gaps and dead pixels are not, as long as they are negative.
    """
    stages = readout.stages
    gain = math.prod(stage.adu_per_photon for stage in stages if isinstance(stage, Gain))
    pedestal = sum(stage.adu for stage in stages if isinstance(stage, Offset))
    noise = math.hypot(*(stage.rms for stage in stages if isinstance(stage, ReadoutNoise)))
    largest = [stage.level for stage in stages if isinstance(stage, Saturation)]
    limits = np.iinfo(readout.digitize.dtype)
    smallest = max(min(pedestal - _NOISE_WIDTHS * noise, 0.0), float(limits.min))
    trusted = (smallest, min(*largest, float(limits.max)) if largest else float(limits.max))
    panels = tuple(replace(panel, gain=gain, pedestal=pedestal, trusted_range=trusted) for panel in scene.panels)
    return replace(scene, panels=panels)
