"""From nanoBragg's lab frames into that of DIALS, and rays on panels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from nbnumba import Panel
from nbnumba.setup.frames import DIALS_TO_NEXUS, dials_rotation
from nbnumba.setup.panels import lab_position, panel_normal, ray_pixel

directions = st.tuples(*[st.floats(-1.0, 1.0)] * 3).filter(lambda v: np.linalg.norm(v) > 0.1)


@given(directions, directions)
def test_the_beam_comes_to_lie_along_minus_z_and_the_spindle_beside_x(beam, spindle):
    if np.linalg.norm(np.cross(beam, spindle)) < 1e-3:
        return
    turn = dials_rotation(beam, spindle)
    assert turn @ turn.T == pytest.approx(np.eye(3), abs=1e-12)
    assert np.linalg.det(turn) == pytest.approx(1.0)
    assert turn @ beam / np.linalg.norm(beam) == pytest.approx((0.0, 0.0, -1.0), abs=1e-12)
    x, y, _ = turn @ spindle
    assert x > 0.0
    assert y == pytest.approx(0.0, abs=1e-12)


def test_mosflms_frame_is_a_permutation():
    # x along the beam, z along the spindle: x_dials = z, y_dials = y, z_dials = -x
    assert np.array_equal(dials_rotation((1, 0, 0), (0, 0, 1)), [[0, 0, 1], [0, 1, 0], [-1, 0, 0]])


def test_xdss_frame_is_half_a_turn_about_x():
    assert np.array_equal(dials_rotation((0, 0, 1), (1, 0, 0)), np.diag([1, -1, -1]))


def test_a_spindle_along_the_beam_gives_way_to_the_next_direction():
    assert np.array_equal(dials_rotation((0, 0, -1), (0, 0, 1), (0, 2, 0))[0], [0, 1, 0])
    with pytest.raises(ValueError, match="across the beam"):
        dials_rotation((0, 0, -1), (0, 0, 1))


def test_nexus_is_half_a_turn_from_dials():
    assert np.linalg.det(DIALS_TO_NEXUS) == 1.0
    assert np.array_equal(DIALS_TO_NEXUS @ (0, 0, -1), (0, 0, 1))


@given(st.integers(0, 2**31), st.floats(-50.0, 300.0), st.floats(-50.0, 300.0))
def test_a_ray_through_a_pixel_meets_that_pixel(seed, fast, slow):
    turn = Rotation.random(random_state=seed).as_matrix()
    panel = Panel(turn @ (-20, 25, -100), turn @ (1, 0, 0), turn @ (0, -1, 0), (0.2, 0.1), (200, 240))
    point = lab_position(panel, (fast, slow))
    assert ray_pixel(panel, 7.0 * point) == pytest.approx((fast, slow), abs=1e-9)
    assert panel_normal(panel) @ point == pytest.approx(panel_normal(panel) @ panel.origin)


def test_rays_away_from_a_panel_or_along_it_meet_nothing():
    panel = Panel((-20, 25, -100), (1, 0, 0), (0, -1, 0), (0.2, 0.2), (200, 240))
    assert np.isnan(ray_pixel(panel, [(0, 0, 1), (1, 0, 0)])).all()
