"""How large each quirk is in a stated case, measured: what `Quirk.effect` and docs/physics.md say."""

from __future__ import annotations

import functools
import math
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from corrected import corrected_cases, read_experiment
from golden import golden_cases

from nbnumba.config import Experiment, Physics
from nbnumba.io.smv_headers import smv_header
from nbnumba.numerics.c_random import ran1_state
from nbnumba.setup.lowering import lower
from nbnumba.setup.mosaic import random_misset
from nbnumba.setup.vectors import rotate_xyz
from nbnumba.simulation import simulate

CASES = {
    "pivot": "pivot_mosflm_sample",
    "pix0": "pix0_mm",
    "triclinic": "triclinic_mild",
    "interp-sticky": "interp_edge",
    "phi-carryover": "phi_zero_start",
    "weights": "weights_two",
    "curved": "curved_mosflm",
    "point-pixel": "point_pixel",
    "oversample-compound": "oversample_omega",
    "last-layer": "layers_5",
    "water": "water_plain",
    "first-subpixel": "oversample3",
    "gauss-radius": "shape_gauss",
    "thick-fencepost": "layers_5",
    "layer-front": "layers_5",
    "xclose-ignored": "conv_dials",
}
"""Quirk -> the golden case, mended or not, whose flags are rendered with it and without."""

MENDED_BESIDE = {"thick-fencepost": ("last-layer",), "layer-front": ("last-layer", "thick-fencepost")}
"""What else is mended in both images, so that one effect does not hide another."""

SWUNG = ("-cell", "100", "-default_F", "1", "-xds", "-distance", "100", "-twotheta", "20")
SIZED = (
    "-cell", "60", "60", "60", "90", "90", "90", "-hkl", "random12.hkl", "-lambda", "1.5", "-xtal_size", "0.00003",
    "-detpixels", "128", "-pixel", "0.1", "-distance", "40",
)  # fmt: skip
SEEDS = range(1, 5001)


@functools.cache
def arguments(name: str) -> tuple[str, ...]:
    """nanoBragg's flags of a golden case."""
    found = {case.name: case.args for case in (*golden_cases(), *corrected_cases())}
    return found[name]


def experiment(args: tuple[str, ...], physics: Physics) -> Experiment:
    """What flags describe, read in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        return read_experiment(args, physics, Path(folder))


def _mended(args: tuple[str, ...], *fix: str) -> Experiment:
    """What flags describe, in nanoBragg's physics but for some quirks."""
    return experiment(args, Physics("nanobragg", fix=fix))


def image_pair(quirk: str) -> tuple[np.ndarray, np.ndarray]:
    """The image of a quirk's case with the quirk and without, photons."""
    return _images(quirk, arguments(CASES[quirk]))


def _images(quirk: str, args: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The image of what flags describe with a quirk and without, photons."""
    beside = MENDED_BESIDE.get(quirk, ())
    with_quirk, without = (
        simulate(_mended(args, *beside, *fix), dtype=np.float64).image for fix in ((), (quirk,))
    )
    return with_quirk, without


def _image_effect(quirk: str) -> str:
    """Sums, the worst pixel and the correlation of a case's two images."""
    return f"case {CASES[quirk]}: {_difference(*image_pair(quirk))}"


def _size_effect() -> str:
    """The same of a crystal whose size is given instead of its cells."""
    return f"{' '.join(SIZED)}: {_difference(*_images('interp-size', SIZED))}"


def _difference(ours: np.ndarray, right: np.ndarray) -> str:
    worst = np.abs(ours - right).max() / right.max()
    correlation = np.corrcoef(ours.ravel(), right.ravel())[0, 1] + 0.0
    return (
        f"{ours.sum() / right.sum():.3g} times the right total, pixels off by up to {worst:.2g} "
        f"of the maximum, correlation {correlation:.3f}"
    )


def _random_effect() -> str:
    """How many orientations are near the unturned one, of nanoBragg and of uniform ones."""
    state = ran1_state(0)
    near = math.radians(30.0)
    traces = np.array([
        sum(rotate_xyz(axis, angles)[i] for i, axis in enumerate(np.eye(3).tolist()))
        for angles in (random_misset(seed, state) for seed in SEEDS)
    ])  # fmt: skip
    share = np.mean(np.arccos(np.clip((traces - 1.0) / 2.0, -1.0, 1.0)) < near)
    uniform = (near - math.sin(near)) / math.pi
    return (
        f"seeds {SEEDS[0]} to {SEEDS[-1]}: {100 * share:.2g} % are turned by less than 30 degrees; "
        f"of uniform ones {100 * uniform:.1g} %"
    )


def _header_effect() -> str:
    """Distance and beam centre of a swung detector."""
    ours, right = (lower(_mended(SWUNG, *fix)).geometry for fix in ((), ("twotheta-header",)))
    off = math.hypot(ours.x_beam - right.x_beam, ours.y_beam - right.y_beam)
    return (
        f"{' '.join(SWUNG[4:])}: DISTANCE {1000 * ours.distance:.6g} where {1000 * right.distance:.6g} mm are right, "
        f"BEAM_CENTER {1000 * off:.3g} mm off"
    )


def _length_effect() -> str:
    """Where the pixels start, and where the header says they do."""
    header = smv_header(lower(_mended(arguments("er1_pilatus_6M"))))
    return f"case er1_pilatus_6M: the pixels start at byte {len(header)}, the header says 512"


EFFECTS: dict[str, Callable[[], str]] = {
    **{quirk: functools.partial(_image_effect, quirk) for quirk in CASES},
    "misset-random": _random_effect,
    "interp-size": _size_effect,
    "twotheta-header": _header_effect,
    "long-header": _length_effect,
}
"""Quirk -> what measures it."""
