"""Makes docs/refine/shot.png and the report of docs/refine.md: a shot of Er-1, misset and strained, is refined."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from nbnumba_cli.main import run

import nbnumba as nb
from nbnumba.refine import PixelModel

ER1 = Path(nb.__file__).parent / "data" / "er1"

PICTURE = Path(__file__).parent / "shot.png"


def truth() -> nb.Experiment:
    """A degree of rotation of Er-1 in DIALS' lab."""
    crystal = nb.Crystal(
        reciprocal_matrix=nb.io.read_matrix(ER1 / "er1_1.0.mat"), cells=(10, 20, 20), shape="gauss",
        structure_factors=nb.io.read_hkl(ER1 / "er1_P1.hkl"), interpolate=False,
    )  # fmt: skip
    beam = nb.Beam(wavelength=1.0, flux=1e16, exposure=10.0, size=0.02, kahn_factor=0.9)
    panel = nb.Panel((-60.0, 60.0, -110.0), (1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.15, 0.15), (800, 800))
    sampling = nb.Sampling(oscillation=1.0, phi_steps=50)
    return nb.Experiment(crystal, beam, nb.Detector(panels=[panel]), sampling)


def write_shot(folder: Path) -> None:
    """Write shot_00001.cbf, and start.expt 0.3 degrees and 0.5 % off."""
    true = truth()
    model = nb.lower(true)
    photons = nb.simulate(true, dtype=np.float64).panels[0]
    counts = np.random.default_rng(1).poisson(photons + 3.0).astype(np.int32)
    nb.io.write_image(folder / "shot_00001.cbf", counts, nb.io.scene_of(model))
    start = PixelModel(true, ["orientation", "cell"], [(0, 0, 0)])
    values = start.values(start.start)
    off = {"orientation.x": 0.2, "orientation.y": -0.15, "orientation.z": 0.17, "cell.a": 1.005 * values["cell.a"],
           "cell.b": 0.995 * values["cell.b"], "cell.c": 1.005 * values["cell.c"]}  # fmt: skip
    start.experiment(np.array(list({**values, **off}.values())) / start.scales).to_dials(folder / "start.expt")


def main(folder: Path) -> int:
    """Simulate, refine, draw."""
    write_shot(folder)
    return run([
        "refine", str(folder / "shot_00001.cbf"), "--expt", str(folder / "start.expt"),
        "--hkl", str(ER1 / "er1_P1.hkl"), "--crystal-system", "monoclinic", "--cells", "8", "16", "16",
        "--resolution", "1.5", "--picture", str(PICTURE), "-o", str(folder / "refined.expt"),
    ])  # fmt: skip


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
