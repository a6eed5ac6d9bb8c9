"""Random numbers of a campaign: each shot and purpose has a stream of its own, whatever else is drawn."""

from __future__ import annotations

import numpy as np

PURPOSES = {
    name: number
    for number, name in enumerate((
        "orientation", "mosaic", "readout", "structure_factors",
        "crystal.misset_deg", "crystal.size_nm", "crystal.cells", "crystal.shape", "crystal.mosaic_spread",
        "crystal.mosaic_domains", "crystal.unit_cell", "crystal.lattices", "crystal.spot_scale", "crystal.b_factor",
        "beam.energy_ev", "beam.wavelength_a", "beam.flux", "beam.exposure_s", "beam.size_um", "beam.fluence",
        "beam.kahn_factor", "detector.distance_mm", "detector.beam_centre_mm", "detector.beam_centre_jitter_mm",
        "detector.offset_mm", "background.water_um", "background.air_mm", "background.background_scale",
        "readout.fluctuation", "readout.calibration", "readout.gain", "readout.readout_noise", "readout.offset",
        "readout.saturation", "readout.hot_pixels", "readout.dead_pixels", "scan.start_deg",
    ), start=1)
}  # fmt: skip
"""What is drawn -> its number, which never changes: new ones go to the end."""


def stream(seed: int, shot: int, purpose: str) -> np.random.Generator:
    """The random numbers of a shot for one purpose: PCG64 from ``SeedSequence(seed, spawn_key=(shot, purpose))``.

    Parameters
    ----------
    seed : int
        Of the campaign.
    shot : int
        From 0.
    purpose : str
        One of `PURPOSES`.

    Returns
    -------
    Generator
    """
    return np.random.Generator(np.random.PCG64(_sequence(seed, shot, purpose)))


def derived_seeds(seed: int, shot: int, purpose: str, count: int = 1, bits: int = 63) -> list[int]:
    """Seeds for generators that are not NumPy's.

    Parameters
    ----------
    seed, shot, purpose
        As in `stream`.
    count : int
        How many.
    bits : int
        Below 64.

    Returns
    -------
    list of int
        From 0 to 2**bits - 1.
    """
    words = _sequence(seed, shot, purpose).generate_state(count, np.uint64)
    return [int(word) >> (64 - bits) for word in words]


def _sequence(seed: int, shot: int, purpose: str) -> np.random.SeedSequence:
    return np.random.SeedSequence(seed, spawn_key=(shot, PURPOSES[purpose]))
