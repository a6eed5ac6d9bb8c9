"""Radial curves: where they come from, what is read between their points, and what is refused."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np
import pytest
from golden import ROOT
from scene import BEAM, FLAT, experiment, photons, stol

from nbnumba.background.measured import curve_from_image
from nbnumba.config import RadialCurve, StructureFactors, UnitCell
from nbnumba.config.radial_curve import NAMES
from nbnumba.errors import InputFileError, UsageError
from nbnumba.setup.background import build_curve

RINGS = RadialCurve([0.0, 0.1, 0.10001, 0.10002, 0.2], [1.0, 1.0, 200.0, 1.0, 1.0])


@pytest.fixture
def table(tmp_path):
    """Writes a table."""

    def write(text: str):
        path = tmp_path / "t.stol"
        path.write_text(text, encoding="utf-8")
        return path

    return write


# --- between the points ---------------------------------------------------------------------------------------------


def test_points_are_met_and_never_overshot():
    assert RINGS(RINGS.stol).tolist() == pytest.approx(RINGS.amplitude.tolist(), rel=1e-12)
    between = RINGS(np.linspace(0.0, 0.2, 100001))
    assert (between.min(), between.max()) == (1.0, pytest.approx(200.0, rel=1e-6))


def test_a_straight_line_stays_one():
    line = RadialCurve([0.0, 0.1, 0.25, 0.3], [1.0, 2.0, 3.5, 4.0])
    where = np.linspace(0.0, 0.3, 31)
    np.testing.assert_allclose(line(where), 1.0 + 10.0 * where, rtol=1e-14)


def test_beyond_its_ends_it_is_constant_or_refused():
    rising = RadialCurve([0.1, 0.2, 0.3], [1.0, 3.0, 8.0])
    assert rising([-1.0, 0.05, 0.31, 5.0]).tolist() == [1.0, 1.0, 8.0, 8.0]
    with pytest.raises(UsageError, match=r"RadialCurve.stol reaches from 0 to 0.2 /Å, not to 0.3"):
        replace(RINGS, beyond="refuse")([0.1, 0.3])


def test_the_kernels_cubics_are_the_curve():
    where = np.linspace(0.0, 0.2, 7)[:-1]
    place = np.searchsorted(RINGS.stol, where, side="right") - 1
    curve = build_curve(RINGS)
    c, d = curve.coefficients[place].T, where * 1e10 - curve.abscissae[place]
    np.testing.assert_allclose(((c[0] * d + c[1]) * d + c[2]) * d + c[3], RINGS(where), rtol=1e-12)


def test_a_curve_can_not_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        RINGS.amplitude[0] = 5.0


@pytest.mark.parametrize(("stol", "amplitude", "message"), [
    ([0.1], [1.0], "at least two points"),
    ([0.1, 0.2], [1.0], "at least two points"),
    ([0.0, 0.2, 0.18], [1.0, 1.0, 1.0], r"must ascend: sin θ/λ 0.18 stands behind 0.2 /Å \(points 2 and 3\)"),
    ([0.0, 0.2, 0.2], [1.0, 1.0, 1.0], "must ascend"),
    ([0.0, np.nan], [1.0, 1.0], "must be finite"),
    ([0.0, 0.1], [1.0, np.inf], "must be finite"),
    ([-0.1, 0.1], [1.0, 1.0], "must not be negative"),
    ([0.0, 0.1], [1.0, -1.0], "must not be negative"),
])  # fmt: skip
def test_bad_points_are_refused_in_a_line(stol, amplitude, message):
    with pytest.raises(UsageError, match=message):
        RadialCurve(stol, amplitude)


def test_what_holds_beyond_must_be_known():
    with pytest.raises(UsageError, match="RadialCurve.beyond must be one of constant, refuse, not 'zero'"):
        replace(RINGS, beyond="zero")


# --- tables ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("header", "abscissa", "factor"), [
    ("", "stol", 1.0),
    ("# stol F\n", None, 1.0),
    ("#4stol, F\n", None, 4.0),
    ("# of 2020\n# Q (1/Å) F (electrons)\n", None, 4.0 * math.pi),
    ("# (Q) F\n", "Q", 4.0 * math.pi),
])  # fmt: skip
def test_the_file_or_the_caller_says_what_the_abscissa_is(table, header, abscissa, factor):
    curve = RadialCurve.from_table(table(header + "0 1\n\n1 2 9 9\n; 2 , 2.5\n"), abscissa)
    np.testing.assert_allclose(curve.stol * factor, [0.0, 1.0, 2.0], rtol=1e-15)
    assert curve.amplitude.tolist() == [1.0, 2.0, 2.5]


@pytest.mark.parametrize(("text", "abscissa", "message"), [
    ("", "Q", "t.stol: holds no points"),
    ("0 1\n1 2\n", None, "t.stol: does not say what its abscissa is: give abscissa, or a comment"),
    ("# Q\n0 1\n1 2\n", "stol", "t.stol: says that its abscissa is Q, not stol"),
    ("0 1\n1\n", "Q", "t.stol: line 2: two numbers are needed"),
    ("F of ice\n0 1\n", "Q", "t.stol: line 1: 'F' 'of' are not two numbers; comments begin with #"),
    ("0 1\n0.2 2\n0.18 3\n", "stol", "t.stol: abscissae must ascend: sin θ/λ 0.18 stands behind 0.2"),
    ("0 1\n0.2 -2\n", "stol", "t.stol: line 2: 0.2 -2: abscissae and F must be finite numbers, and must not be neg"),
    ("0 1\n0.2 nan\n", "stol", "t.stol: line 2: 0.2 nan: abscissae and F must be finite numbers"),
    ("# Q in 1/nm\n0 1\n1 2\n", None, "t.stol: its comments say 1/nm; divide the abscissae by 10: they are read in"),
    ("# Q or stol\n0 1\n1 2\n", None, "t.stol: its comments name Q and stol: give abscissa"),
])  # fmt: skip
def test_bad_tables_are_refused_in_a_line(table, text, abscissa, message):
    with pytest.raises(InputFileError) as error:
        RadialCurve.from_table(table(text), abscissa)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_an_unknown_abscissa_is_refused(table):
    with pytest.raises(UsageError, match="abscissa must be one of stol, 4stol, Q, not 'd'"):
        RadialCurve.from_table(table("0 1\n1 2\n"), "d")


@pytest.mark.parametrize(("name", "forward", "peak"), [("water", 2.57, 0.162), ("air", 14.1, 0.0)])
def test_water_and_air_are_shipped(name, forward, peak):
    curve = RadialCurve.named(name)
    assert (curve.stol[0], curve.stol[-1]) == (0.0, 0.5)
    assert curve(0.0) == forward
    assert curve.stol[curve.amplitude.argmax()] == pytest.approx(peak, abs=0.01)


def test_other_names_are_refused():
    assert NAMES == ("air", "water")
    with pytest.raises(UsageError, match="name must be one of air, water, not 'milk'"):
        RadialCurve.named("milk")


# --- reflections ----------------------------------------------------------------------------------------------------


def grid(amplitude, n=12) -> StructureFactors:
    """F of all reflections up to an index, with the plane of padding that the kernels want."""
    h, k, l = np.meshgrid(*[np.arange(-n, n + 2)] * 3, indexing="ij")  # noqa: E741
    F = np.zeros(h.shape)  # noqa: N806
    F[:-1, :-1, :-1] = amplitude(h, k, l)[:-1, :-1, :-1]
    return StructureFactors(F, -n, -n, -n)


def test_reflections_become_their_root_mean_square_in_shells():
    # of two Friedel mates one is 1, the other 7: the root of (1 + 49) / 2
    factors = grid(lambda h, k, l: np.where(1e4 * h + 1e2 * k + l > 0.0, 1.0, 7.0))  # noqa: E741
    curve = RadialCurve.from_reflections(factors, UnitCell(60.0, 65.0, 70.0))
    np.testing.assert_allclose(curve.amplitude, 5.0, rtol=1e-12)
    assert 0.0 < curve.stol[0] < curve.stol[-1] <= 0.5 * 12 * math.sqrt(3.0) / 60.0


def test_reflections_lie_where_their_cell_puts_them():
    cell = UnitCell(50.0, 60.0, 70.0, 75.0, 85.0, 95.0)
    ca, cb, cg = (math.cos(math.radians(angle)) for angle in (75.0, 85.0, 95.0))
    sa, sb, sg = (math.sqrt(1.0 - c * c) for c in (ca, cb, cg))
    square = 1.0 - ca * ca - cb * cb - cg * cg + 2.0 * ca * cb * cg

    def stol(h, k, l):  # noqa: E741
        """Half of 1/d of the triclinic lattice, International Tables C, 1.1.3."""
        a, b, c = 50.0, 60.0, 70.0
        inverse_squared = (
            (h * sa / a) ** 2 + (k * sb / b) ** 2 + (l * sg / c) ** 2
            + 2.0 * k * l / (b * c) * (cb * cg - ca) + 2.0 * l * h / (c * a) * (cg * ca - cb)
            + 2.0 * h * k / (a * b) * (ca * cb - cg)
        ) / square  # fmt: skip
        return 0.5 * np.sqrt(np.maximum(inverse_squared, 0.0))

    curve = RadialCurve.from_reflections(grid(stol), cell, width=0.002)
    # F is sin θ/λ itself: its root mean square and its mean differ by the spread inside a shell
    np.testing.assert_allclose(curve.amplitude, curve.stol, rtol=1e-3)


def test_reflections_that_are_not_listed_do_not_count():
    curve = RadialCurve.from_reflections(grid(lambda h, k, l: 5.0 * ((h + k + l) % 2)), UnitCell(60.0))  # noqa: E741
    np.testing.assert_allclose(curve.amplitude, 5.0, rtol=1e-12)


def test_too_few_reflections_are_refused():
    with pytest.raises(UsageError, match="width 1e-05: fewer than two shells hold 10 values each; give a larger one"):
        RadialCurve.from_reflections(grid(lambda h, k, l: 1.0 + h * h, 2), UnitCell(60.0, 61.0, 62.0), 1e-5)  # noqa: E741
    with pytest.raises(UsageError, match="width must be a number above zero, not 0"):
        RadialCurve.from_reflections(grid(lambda h, k, l: 1.0 + h * h), UnitCell(60.0), width=0.0)  # noqa: E741


# --- images ---------------------------------------------------------------------------------------------------------


def test_a_curve_comes_back_from_the_image_that_it_made():
    water = RadialCurve.named("water")
    options = {"beam": replace(BEAM, polarization=True, kahn_factor=0.9), "oversample": 2}
    image = photons(water, **options)
    curve = curve_from_image(image.reshape(-1), experiment(**options), 0.1, 1.0, 18.0, width=0.002)
    # within a shell F bends
    np.testing.assert_allclose(curve.amplitude, water(curve.stol), rtol=2e-3)


def extracted(image, **options) -> RadialCurve:
    """From an image of cubes of water."""
    return curve_from_image(image.reshape(-1), experiment(), 0.1, 1.0, 18.0, **options)


def test_masked_pixels_are_left_out_and_the_median_passes_over_spots():
    image = photons(FLAT)
    spots = np.zeros(image.shape, dtype=bool)
    spots[::7, ::5] = True
    spotty = np.where(spots, 1e6 * image, image)
    for found in (extracted(spotty, mask=~spots.reshape(-1)), extracted(spotty, median=True)):
        np.testing.assert_allclose(found.amplitude, 3.0, rtol=1e-10)
    assert found.stol[-1] <= stol().max()
    assert extracted(spotty).amplitude.max() > 100.0


def test_shells_lie_where_their_pixels_do():
    curve = extracted(photons(FLAT), width=0.01)
    shell = (stol() // 0.01).astype(int)
    middle = [stol()[shell == k].mean() for k in range(shell.max() + 1) if (shell == k).sum() >= 10]
    np.testing.assert_allclose(curve.stol, middle, rtol=1e-12)


def test_shells_without_photons_have_no_amplitude():
    assert not extracted(np.full((40, 60), -5.0)).amplitude.any()


def test_images_and_masks_must_have_the_experiments_shape():
    with pytest.raises(UsageError, match=r"image has the shape \(2440,\), an image of the experiment \(2400,\)"):
        extracted(np.zeros((40, 61)))
    with pytest.raises(UsageError, match=r"mask has the shape \(60, 40\), an image of the experiment \(2400,\)"):
        extracted(np.zeros((40, 60)), mask=np.ones((60, 40)))


def test_the_documents_tables_of_plastic_and_ice_are_read_and_ice_has_its_rings(tmp_path, monkeypatch):
    pytest.importorskip("gemmi")
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "background.md").read_text(encoding="utf-8")
    names: dict[str, object] = {}
    blocks = re.findall(r"^```python\n(.*?)^```$", page, re.M | re.S)
    plastic, ice = (block for block in blocks if "gemmi" in block)
    exec(plastic, names)
    exec(ice, names)
    # electrons of C22H10N2O5: all of each atom on its own
    forward = math.sqrt(22 * 36 + 10 + 2 * 49 + 5 * 64)
    assert RadialCurve.from_table("kapton.dat")(0.0) == pytest.approx(forward, rel=1e-3)
    curve = RadialCurve.from_table("ice.dat")
    before, here, behind = curve.amplitude[:-2], curve.amplitude[1:-1], curve.amplitude[2:]
    peaks = 1.0 / (2.0 * curve.stol[1:-1][(here > before) & (here > behind) & (here > 10.0)])
    # Å: rings of hexagonal ice in every textbook; steps of the table are 0.0005 / Å in S
    np.testing.assert_allclose(peaks[:6], [3.90, 3.67, 3.44, 2.67, 2.25, 2.07], atol=0.01)
