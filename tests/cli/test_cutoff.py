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


def test_the_list_of_spots_is_written_beside_the_image(nbnumba, tmp_path):
    status, said, _ = nbnumba(*GAUSS, "--cutoff", "1e-6", "--spots", "spots.csv")
    assert status == 0
    assert "spots.csv" in said
    lines = (tmp_path / "spots.csv").read_text().splitlines()
    assert lines[0] == "panel,fast,slow,h,k,l,photons,lattice"
    assert len(lines) > 20


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("spots.txt", "spots.txt: lists of spots are written as .csv, or in HDF5 as .h5, .hdf5, .refl"),
        ("nowhere/spots.csv", "does not exist; create it first"),
        ("floatimage.bin.csv/../floatimage.bin", "lists of spots are written as"),
    ],
)
def test_a_list_that_can_not_be_written_costs_no_simulation(nbnumba, tmp_path, path, message):
    status, said, complaint = nbnumba(*GAUSS, "--spots", path)
    assert status != 0
    assert message in complaint
    assert "rendered" not in said
    assert list(tmp_path.iterdir()) == []
