"""Geometry and orientation from XDS."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from xparm_text import AXES, BEAM, DISTANCE, ORIGIN, PIXEL, SPINDLE, TILT, XPARM

from nbnumba.errors import InputFileError
from nbnumba.io.scene import lattice_in_lab
from nbnumba.io.xparm import read_xparm
from nbnumba.setup.panels import ray_pixel


@pytest.fixture
def xparm(tmp_path):
    """Writes a file and returns its path."""

    def write(text=XPARM):
        (tmp_path / "XPARM.XDS").write_text(text)
        return tmp_path / "XPARM.XDS"

    return write


def test_a_spot_lies_where_xds_puts_it(xparm):
    made = read_xparm(xparm())
    hkl, angle = np.array([5, -7, 12]), np.radians(82.0 + 0.075)
    turn = Rotation.from_rotvec(angle * SPINDLE / np.linalg.norm(SPINDLE)).as_matrix()
    # all in the frame of XDS
    ray = BEAM / np.linalg.norm(BEAM) / 0.97 + turn @ np.linalg.inv(AXES) @ hkl
    x, y, normal = TILT.T
    scale = DISTANCE / (ray @ normal)
    # pixels of XDS have whole numbers at their centres, from 1: half a pixel more than from the corner
    expected = [ray @ x * scale / PIXEL + ORIGIN[0] - 0.5, ray @ y * scale / PIXEL + ORIGIN[1] - 0.5]
    found = ray_pixel(made.panels[0], np.array(made.unit_s0) / made.wavelength + lattice_in_lab(made) @ hkl)
    assert found == pytest.approx(expected, abs=1e-8)


def test_the_frame_is_that_of_dials(xparm):
    made = read_xparm(xparm())
    assert made.unit_s0 == (0.0, 0.0, -1.0)
    assert made.goniometer.axis[0] == pytest.approx(1.0, abs=1e-4)
    assert made.goniometer.axis[1] == pytest.approx(0.0, abs=1e-12)
    assert (made.scan.start, made.scan.width) == (82.0, 0.15)
    assert made.panels[0].image_size == (2463, 2527)


@pytest.mark.parametrize(("old", "new", "message"), [
    (" XPARM.XDS  ", " INTEGRATE ", "is no XPARM.XDS"),
    ("  1  82.0", "  1  none", "line 2 must hold 6 numbers"),
    ("\n  1  2463 2527", "\n  4  2463 2527", "a detector of 4 segments is not read"),
    ("  0.97  ", "  -0.97  ", "describes no experiment: Scene.wavelength is -0.97"),
    ("2527 0.172 0.172", "2527 0.172 0", "describes no experiment: Panel.pixel_size"),
])  # fmt: skip
def test_other_files_are_refused_in_one_line(xparm, old, new, message):
    assert old in XPARM
    with pytest.raises(InputFileError, match=rf"XPARM\.XDS: {message}[^\n]*$"):
        read_xparm(xparm(XPARM.replace(old, new)))


def test_a_file_that_ends_early_is_refused(xparm):
    with pytest.raises(InputFileError, match="line 12 must hold 3 numbers"):
        read_xparm(xparm("\n".join(XPARM.splitlines()[:11])))
