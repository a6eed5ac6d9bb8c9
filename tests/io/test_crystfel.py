"""Detector geometry of CrystFEL."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scenes import four_panels, panel, scene

from nbnumba.errors import InputFileError, NbnumbaWarning, UsageError
from nbnumba.io.crystfel import read_geom, write_geom
from nbnumba.setup.panels import lab_position

GEOM = """
; two panels, as a person writes them
photon_energy = 9500 eV      ; 1.305 A
clen = 0.08
adu_per_photon = 2
res = 10000
data = /entry/data/data
dim0 = %
rigid_group_q0 = a,b

a/min_fs = 0
a/max_fs = 19
a/min_ss = 0
a/max_ss = 9
a/fs = +x
a/ss = -1.0y
a/corner_x = -20.5
a/corner_y = 11
a/coffset = 0.001

b/min_fs = 0
b/max_fs = 19
b/min_ss = 10
b/max_ss = 24
b/fs = +0.6x +0.8y
b/ss = -0.8x + 0.6y
b/corner_x = 3
b/corner_y = 4

bad_stripe/min_fs = 5
bad_stripe/max_fs = 6
bad_stripe/min_ss = 12
bad_stripe/max_ss = 13
bad_stripe/panel = b
bad_corner/min_x = -20.5
bad_corner/max_x = -18.5
bad_corner/min_y = 9
bad_corner/max_y = 11
"""


@pytest.fixture
def geom(tmp_path):
    """Writes a geometry and returns its path."""

    def write(text=GEOM):
        (tmp_path / "x.geom").write_text(text)
        return tmp_path / "x.geom"

    return write


def test_panels_stand_where_the_words_say(geom):
    made = read_geom(geom())
    first, second = made.panels
    # x of CrystFEL is -x of DIALS, z along the beam is -z; pixels of 0.1 mm
    assert first.origin == pytest.approx((2.05, 1.1, -81.0))
    assert first.fast == pytest.approx((-1.0, 0.0, 0.0))
    assert first.slow == pytest.approx((0.0, -1.0, 0.0))
    assert first.pixel_size == pytest.approx((0.1, 0.1))
    assert (first.image_size, second.image_size) == ((20, 10), (20, 15))
    assert second.origin == pytest.approx((-0.3, 0.4, -80.0))
    assert second.fast == pytest.approx((-0.6, 0.8, 0.0))
    assert second.slow == pytest.approx((0.8, 0.6, 0.0))
    assert (first.name, first.gain) == ("a", 2.0)
    # E = hc/λ with 12398.41984 eV Å
    assert made.wavelength == pytest.approx(1.30509682, abs=1e-8)


def test_bad_regions_are_masks(geom):
    first, second = read_geom(geom()).panels
    assert np.argwhere(~second.mask).tolist() == [[2, 5], [2, 6], [3, 5], [3, 6]]
    assert np.argwhere(~first.mask).tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]


@pytest.mark.parametrize(("line", "wavelength"), [
    ("wavelength = 1.25 A", 1.25), ("wavelength = 1.25e-10 m", 1.25), ("wavelength = 1.25e-10", 1.25),
    ("photon_energy = 9.5 keV", 1.30509682), ("photon_energy = 9500", 1.30509682),
])  # fmt: skip
def test_wavelengths_have_units(geom, line, wavelength):
    assert read_geom(geom(GEOM.replace("photon_energy = 9500 eV", line))).wavelength == pytest.approx(wavelength)


def test_the_whole_detector_can_be_shifted(geom):
    shifted = read_geom(geom(GEOM + "detector_shift_x = 1.5 mm\ndetector_shift_y = -0.002\n"))
    moved = np.subtract(shifted.panels[1].origin, read_geom(geom()).panels[1].origin)
    assert moved == pytest.approx((-1.5, -2.0, 0.0))


def test_what_stands_in_the_image_files_must_be_given(geom):
    path = geom(GEOM.replace("9500 eV", "/LCLS/photon_energy_eV").replace("clen = 0.08", "clen = /LCLS/z"))
    with pytest.raises(UsageError, match=r"x\.geom: '/LCLS/z' is no number here, .* give distance"):
        read_geom(path, wavelength=1.3)
    with pytest.raises(UsageError, match=r"'/LCLS/photon_energy_eV' is no number here, .* give wavelength"):
        read_geom(path, distance=80.0)
    made = read_geom(path, wavelength=1.3, distance=90.0)
    assert made.wavelength == 1.3
    assert made.panels[0].origin[2] == pytest.approx(-91.0)


def test_masks_in_image_files_are_pointed_out(geom):
    with pytest.warns(NbnumbaWarning, match="masks in image files are not read"):
        read_geom(geom("mask = /entry/mask\n" + GEOM))


def test_it_reads_back_as_it_was(tmp_path):
    mask = np.ones((10, 30), bool)
    mask[2:4] = False
    mask[:, 7] = False
    first, second, third, fourth = four_panels()
    made = scene(first, replace(second, mask=mask, gain=3.0), replace(third, pixel_size=(0.2, 0.1)), fourth)
    write_geom(tmp_path / "x.geom", made)
    again = read_geom(tmp_path / "x.geom")
    assert again.wavelength == pytest.approx(made.wavelength, rel=1e-14)
    for found, given in zip(again.panels, made.panels, strict=True):
        for pixel in ((0, 0), (30, 0), (0, 10)):
            assert lab_position(found, pixel) == pytest.approx(lab_position(given, pixel), abs=1e-12)
        assert found.gain == given.gain
    assert np.array_equal(again.panels[1].mask, mask)
    assert again.panels[0].mask is None


def test_panels_stand_below_each_other_in_the_data(tmp_path):
    write_geom(tmp_path / "x.geom", scene(*four_panels()))
    lines = (tmp_path / "x.geom").read_text().splitlines()
    assert "data = /entry/data/data" in lines
    assert [line for line in lines if "min_ss" in line] == [f"p{k}/min_ss = {10 * k}" for k in range(4)]
    assert [line for line in lines if "max_ss" in line] == [f"p{k}/max_ss = {10 * k + 9}" for k in range(4)]


def test_a_mask_that_is_no_set_of_bands_is_pointed_out(tmp_path):
    mask = np.ones((40, 30), bool)
    mask[3, 3] = False
    with pytest.warns(NbnumbaWarning, match="only whole rows and columns"):
        write_geom(tmp_path / "x.geom", scene(panel(mask=mask)))


def test_panels_of_different_widths_are_refused(tmp_path):
    with pytest.raises(UsageError, match="panels of different widths"):
        write_geom(tmp_path / "x.geom", scene(panel(), panel(image_size=(31, 40))))
    assert not any(tmp_path.iterdir())


@pytest.mark.filterwarnings("ignore:mypy_extensions:DeprecationWarning")
def test_cfelpyutils_reads_the_same(tmp_path):
    geometry = pytest.importorskip("cfelpyutils.geometry", reason="cfelpyutils is not installed")
    made = scene(*four_panels())
    write_geom(tmp_path / "x.geom", made)
    found = geometry.load_crystfel_geometry(str(tmp_path / "x.geom"))
    assert found.beam["photon_energy"] == pytest.approx(12398.41984 / 1.1)
    for table, given in zip(found.detector["panels"].values(), made.panels, strict=True):
        corner = np.array([table["cnx"] / table["res"], table["cny"] / table["res"], table["clen"] + table["coffset"]])
        assert corner * 1e3 == pytest.approx(given.origin * np.array([-1, 1, -1]), abs=1e-9)
        fast, slow = ([table[f"{axis}{k}"] for k in "xyz"] for axis in ("fs", "ss"))
        assert fast == pytest.approx(given.fast * np.array([-1, 1, -1]), abs=1e-12)
        assert slow == pytest.approx(given.slow * np.array([-1, 1, -1]), abs=1e-12)
        assert (table["w"], table["h"]) == given.image_size


@pytest.mark.parametrize(("old", "new", "message"), [
    ("res = 10000", "", "panel a has no res"), ("res = 10000", "res = 0", "panel a: res = 0 is not positive"),
    ("a/fs = +x", "", "panel a has no fs"), ("a/fs = +x", "a/fs = 0x", "panel a: fs or ss is no direction"),
    ("a/fs = +x", "a/fs = +y", "panel a: fs and ss are not at a right angle"),
    ("a/corner_x = -20.5", "a/corner_x = left", "panel a: corner_x = left is no number"),
    ("b/max_ss = 24", "b/max_ss = 5", "panel b: .*a whole number above zero"),
    ("photon_energy = 9500 eV", "", "says neither wavelength nor photon_energy: give wavelength"),
])  # fmt: skip
def test_incomplete_geometry_is_refused_in_one_line(geom, old, new, message):
    assert old in GEOM
    with pytest.raises((InputFileError, UsageError), match=rf"x\.geom: {message}[^\n]*$"):
        read_geom(geom(GEOM.replace(old, new)))


def test_a_file_without_panels_is_refused(geom):
    with pytest.raises(InputFileError, match=r"x\.geom: holds no panel"):
        read_geom(geom("clen = 0.1\n"))
