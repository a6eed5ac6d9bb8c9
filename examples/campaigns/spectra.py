"""Spectra of a free-electron laser, one a shot: a few spikes under a wide envelope, in spectra.h5 beside this file."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

SHOTS, CHANNELS, CENTRE = 8, 8, 9500.0

random = np.random.default_rng(1)
energies = CENTRE + 4.0 * (np.arange(CHANNELS) - (CHANNELS - 1) / 2.0)
envelope = np.exp(-0.5 * ((energies - CENTRE) / 10.0) ** 2)
weights = envelope * random.gamma(1.5, size=(SHOTS, CHANNELS))
with h5py.File(Path(__file__).with_name("spectra.h5"), "w") as file:
    file["energies"], file["weights"] = energies, weights
