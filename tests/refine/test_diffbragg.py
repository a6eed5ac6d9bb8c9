"""The derivatives of diffBragg, an independent program: analytic ones, or differences where it leaves terms out.

Two wavelengths of unequal weights, a triclinic cell, a table of structure factors, Gaussian spots; some 500 pixels, the
strongest of each image among them.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from golden import ROOT

from nbnumba import Beam, Crystal, Detector, Experiment, LabFrame, Panel, Sampling, Spectrum, StructureFactors, lower
from nbnumba.engine.derivatives import PixelList, derivative_engine
from nbnumba.kernels.derivatives import BASIS, Extras, column_count, no_extras
from nbnumba.refine import PixelModel
from nbnumba.refine.rotations import rotation

FOLDER = ROOT / "golden_data" / "simtbx"
TOLERANCE = 1e-9
"""Of the largest value. Sums in another order leave some 1e-13; diffBragg's cell lengths are right to 5e-9."""

GIVEN = json.loads((FOLDER / "6_diffBragg.json").read_text())
ARRAYS = np.load(FOLDER / "6_diffBragg.npz")
PIXELS = np.column_stack([np.zeros(len(ARRAYS["pixels"]), int), ARRAYS["pixels"]])


def axes(turned: bool) -> np.ndarray:
    """Rows a, b, c; the images of other parameters have no missetting."""
    given = GIVEN["crystal"]
    return np.array(given["abc_A"]) if turned else (np.array(given["U"]) @ np.array(given["B_real"])).T


def experiment(turned: bool = True, polarization: bool = True, **crystal: Any) -> Experiment:
    given, sources, one = GIVEN["crystal"], GIVEN["sources"], GIVEN["detector"]
    spectrum = Spectrum(sources["wavelength_A"], weights=sources["weight"])
    return Experiment(
        Crystal(
            reciprocal_matrix=np.linalg.inv(axes(turned)) * spectrum.mean, cells=given["cells"], shape="gauss",
            structure_factors=StructureFactors(ARRAYS["F_table"], *given["F_table_hkl_min"]), interpolate=False,
            **crystal,
        ),
        Beam(
            fluence=GIVEN["fluence_ph_m2"] * GIVEN["spot_scale"], kahn_factor=GIVEN["kahn_factor"],
            polarization=polarization, spectrum=spectrum,
        ),
        Detector(
            panels=[Panel(one["origin_mm"], one["fast"], one["slow"], (one["pixel_mm"],) * 2, one["pixels_fast_slow"])],
            frame=LabFrame("custom", beam=sources["beam_direction"], polar=GIVEN["polarization_axis_E"]),
        ),
        Sampling(oversample=GIVEN["oversample"]),
    )  # fmt: skip


def assert_equal(ours: np.ndarray, name: str, tolerance: float = TOLERANCE) -> None:
    theirs = ARRAYS[name]
    assert np.abs(ours - theirs).max() <= tolerance * np.abs(theirs).max()


def jacobian(start: Experiment, *parameters: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Photons, and a derivative for each parameter in user units."""
    model = PixelModel(start, parameters, PIXELS)
    photons, scaled = model.value_and_jacobian(model.start)
    return photons, dict(zip(model.names, (scaled / model.scales).T, strict=True))


@pytest.fixture(scope="module")
def crystal_derivatives():
    return jacobian(experiment(), "orientation", "cell", "N")


def by_rotation(found: dict[str, np.ndarray], rates: np.ndarray) -> np.ndarray:
    """Derivative by a turn of the crystal of this rate, radians per unit."""
    return sum(np.degrees(rate) * found[f"orientation.{axis}"] for axis, rate in zip("xyz", rates, strict=True))


def test_the_image(crystal_derivatives):
    assert_equal(crystal_derivatives[0], "image")


def test_missetting_angles(crystal_derivatives):
    x, y, _ = GIVEN["crystal"]["rotXYZ_rad"]
    about_x, about_y = rotation(np.array([-x, 0.0, 0.0])), rotation(np.array([0.0, -y, 0.0]))
    rates = {"X": -np.eye(3)[0], "Y": about_x @ -np.eye(3)[1], "Z": about_x @ about_y @ -np.eye(3)[2]}
    for axis, rate in rates.items():
        assert_equal(by_rotation(crystal_derivatives[1], rate), f"d_rot{axis}")


def real_axes(cell: np.ndarray) -> np.ndarray:
    """Columns a along x, b in the plane of x and y: diffBragg's setting."""
    a, b, c, alpha, beta, gamma = cell
    ca, cb, cg, sg = np.cos(alpha), np.cos(beta), np.cos(gamma), np.sin(gamma)
    height = np.sqrt(1.0 - ca * ca - cb * cb - cg * cg + 2.0 * ca * cb * cg)
    return np.array([[a, b * cg, c * cb], [0.0, b * sg, c * (ca - cb * cg) / sg], [0.0, 0.0, c * height / sg]])


@pytest.mark.parametrize(("number", "name", "theirs"), [
    (0, "a", "a"), (1, "b", "b"), (2, "c", "c"), (3, "alpha", "al"), (4, "beta", "be"), (5, "gamma", "ga"),
])  # fmt: skip
def test_the_cell(crystal_derivatives, number, name, theirs):
    """Our setting has a* along x, so that a change of the cell turns the crystal in diffBragg's setting."""
    cell = np.array(GIVEN["crystal"]["unit_cell"], dtype=float)
    cell[3:] = np.radians(cell[3:])
    step = 1e-5 * np.eye(6)[number]

    def theirs_in_ours(constants: np.ndarray) -> np.ndarray:
        """The rotation from the setting with a* along x to diffBragg's, in the lab."""
        real = real_axes(constants)
        upper = np.linalg.qr(np.linalg.inv(real).T)[0]
        return upper * np.sign(np.diag(np.linalg.inv(real) @ upper))

    turned = axes(True).T @ np.linalg.inv(real_axes(cell))
    change = (theirs_in_ours(cell + step) - theirs_in_ours(cell - step)) / 2e-5
    across = turned @ change @ theirs_in_ours(cell).T @ turned.T
    rate = np.array([across[2, 1], across[0, 2], across[1, 0]])
    found = crystal_derivatives[1]
    per_unit = found[f"cell.{name}"] * (1.0 if number < 3 else np.degrees(1.0))
    # the finite difference of the two settings leaves 1e-10
    assert_equal(per_unit + by_rotation(found, rate), f"d_{theirs}", 1e-8)


@pytest.mark.parametrize("axis", "abc")
def test_the_number_of_cells(crystal_derivatives, axis):
    assert_equal(crystal_derivatives[1][f"N.{axis}"], f"d_N{axis}")


@pytest.mark.parametrize("axis", "xyz")
def test_the_origin_of_a_panel(axis):
    _, plain = jacobian(experiment(polarization=False), "origin")
    assert_equal(plain[f"origin.{axis}"] * 1e3, f"nopolar_d_origin{axis.upper()}")
    _, found = jacobian(experiment(), "origin")
    # diffBragg leaves the polarization out of its derivative: its finite differences are right to their step
    assert_equal(found[f"origin.{axis}"] * 1e3, f"fd_origin{axis.upper()}", 3e-6)


def test_wavelengths():
    shift, factor = GIVEN["derivative_parameters"]["lambda_image"]["lambda_coefficients"]
    model = PixelModel(experiment(turned=False), ["wavelength_shift", "wavelength_scale"], PIXELS)
    photons, scaled = model.value_and_jacobian(np.array([shift, factor]) / model.scales)
    assert_equal(photons, "lambda_image")
    assert_equal(scaled[:, 0] / model.scales[0], "d_lambda0")
    # a finite difference
    assert_equal(scaled[:, 1] / model.scales[1], "fd_lambda1", 1e-9)


def basis(start: Experiment, extras: Extras | None = None) -> np.ndarray:
    """The sums themselves."""
    model = lower(start)
    if extras is None:
        extras = no_extras(len(model.mosaic_umats), 2)
    pixels = PixelList.of(*PIXELS.T)
    sums = np.empty((len(PIXELS), column_count(extras)))
    derivative_engine("reference").basis(model.params, extras, pixels, 0, len(pixels.blocks), sums)
    return sums[np.argsort(pixels.place)]


def test_the_mosaic_spread():
    """The rates at which diffBragg's own domains turn."""
    domains, slopes = ARRAYS["eta_umats"], ARRAYS["eta_umats_prime_per_deg"]
    across = slopes @ domains.transpose(0, 2, 1)
    rates = np.stack([across[:, 2, 1], across[:, 0, 2], across[:, 1, 0]], axis=-1)
    start = experiment(turned=False, mosaic_rotations=domains)
    extras = no_extras(len(domains), 2)._replace(rates=np.ascontiguousarray(rates[:, None]))
    sums = basis(start, extras)
    assert_equal(sums[:, 0], "eta_image")
    assert_equal(sums[:, BASIS], "d_eta")


def test_structure_factors_that_change_together():
    table = lower(experiment()).params.factors.amplitudes
    extras = no_extras(1, 2)._replace(tables=np.where(table != 0.0, 1.0, 0.0)[None])
    assert_equal(basis(experiment(), extras)[:, BASIS], "d_Fcell")


def test_structure_factors_one_by_one_add_up_to_all_together():
    model = PixelModel(experiment(), ["scale"], PIXELS)
    matrix, _ = model.structure_factor_slopes(model.start)
    assert_equal(matrix.sum(axis=1), "d_Fcell")
