"""A cutoff on the command line."""

from __future__ import annotations

import pytest

CELL = ("-cell", "70", "80", "90", "-default_F", "100", "-mosaic", "0.3", "-mosaic_dom", "20")
SCENE = ("-detpixels", "400", "-distance", "100", "-oversample", "1", "-nonoise", "-nopgm", "-fluence", "1e24")
GAUSS = (*CELL, "-N", "60", "-gauss_xtal", *SCENE)


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    """An empty folder."""
    monkeypatch.chdir(tmp_path)


def test_a_run_says_how_it_summed(nbnumba):
    status, said, _ = nbnumba(*GAUSS, "--cutoff", "1e-6")
    assert status == 0
    assert "summed              sparse: over the spots that reach each pixel, to 1e-06 photons\n" in said
    status, said, _ = nbnumba(*GAUSS)
    assert status == 0
    assert "summed" not in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*GAUSS, "--cutoff", "-1"), "--cutoff must be a number of zero or more, or None, not -1.0"),
        ((*GAUSS, "--cutoff", "nan"), "--cutoff must be a number of zero or more, or None, not nan"),
        ((*CELL, "-N", "5", *SCENE, "--cutoff", "0.1"),
         "--cutoff 0.1: a parallelepiped scatters everywhere between its spots; it goes with -gauss_xtal or "
         "-tophat_spots"),
        ((*CELL, "-N", "5", "-round_xtal", *SCENE, "--cutoff", "0.1"),
         "--cutoff 0.1: the tails of an ellipsoid's spots have no end; it goes with -gauss_xtal or -tophat_spots"),
    ],
)  # fmt: skip
def test_a_senseless_cutoff_is_one_line(nbnumba, arguments, message):
    status, _, complaint = nbnumba(*arguments)
    assert status == 2
    assert complaint.splitlines()[-1] == f"nbnumba: error: {message}"


def test_nanobraggs_oversample_flags_leave_no_step_out(nbnumba):
    status, _, complaint = nbnumba(*GAUSS, "-oversample_omega", "--cutoff", "0.1")
    assert status == 2
    flags = "-oversample_thick, -oversample_polar and -oversample_omega"
    assert f"--cutoff 0.1: {flags} multiply the running sum" in complaint
    status, _, complaint = nbnumba(*GAUSS, "-oversample_omega", "--cutoff", "0.1", "--physics", "exact")
    assert status == 0
