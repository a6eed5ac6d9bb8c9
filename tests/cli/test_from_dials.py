"""nbnumba from-dials: the image of an .expt file; flags say the rest and can't move the detector."""

from __future__ import annotations

import json

import numpy as np
import pytest
from golden import GOLDEN_DATA

from nbnumba import Experiment
from nbnumba.io.formats import read_image

FOUR = GOLDEN_DATA / "dials" / "still_four_panels.expt"
SWEEP = GOLDEN_DATA / "dials" / "sweep_tilted_setting.expt"


def test_the_image_of_all_panels_is_written_as_the_file_places_them(nbnumba, tmp_path):
    pytest.importorskip("h5py")
    status, _, errors = nbnumba(
        "from-dials", str(FOUR), "-default_F", "100", "-N", "2", "-oversample", "1",
        "--output", str(tmp_path / "x.nxs"), "--output", str(tmp_path / "x.npy"),
    )  # fmt: skip
    assert (status, "warning" in errors) == (0, False)
    written = read_image(tmp_path / "x.nxs")
    placed = Experiment.from_dials(FOUR).detector.panels
    assert [panel.image_size for panel in written.scene.panels] == [panel.image_size for panel in placed]
    assert np.asarray(written.images).max() > 0.0
    assert np.load(tmp_path / "x.npy").size == 4 * 240 * 250


def test_flags_say_what_no_such_file_holds_and_overrule_it(nbnumba, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr("nbnumba.simulation.simulate_model", lambda model, *_, **__: seen.append(model) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        nbnumba(
            "from-dials", str(SWEEP), "--image", "2", "-default_F", "100", "-N", "7", "-lambda", "0.9", "-phistep",
            "0.25", "-mosaic", "0.1", "-thicksteps", "3", "--output", str(tmp_path / "x.npy"),
        )  # fmt: skip
    model = seen[0]
    given = Experiment.from_dials(SWEEP, image=2)
    assert model.experiment.physics.base == "exact"
    assert (model.cells, model.phi.steps, model.wavelength) == ((7, 7, 7), 2, 0.9e-10)
    # another wavelength is no other lattice
    cell = np.linalg.inv(np.asarray(given.crystal.reciprocal_matrix) / given.beam.wavelength)
    assert model.lattice.lengths == pytest.approx(np.linalg.norm(cell, axis=1), rel=1e-12)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-default_F", "1", "-distance", "100"], "-distance: the detector is that of "),
        (["-default_F", "1", "-xds"], "-xds: the detector is that of "),
        (["-default_F", "1", "-cell", "9", "9", "9", "90", "90", "90"], "-cell: the lattice is that of "),
        (["-default_F", "1", "-mask", "m.img"], "-mask: the detector is that of "),
        (["-default_F", "1", "-floatfile", "x.bin"], "-floatfile: images are written by --output FILE here"),
        (["-default_F", "1", "-trace_pixel", "1", "1"], "-trace_pixel: prints pixels of nanoBragg's one plane"),
        (["-default_F", "1", "--experiment", "1"], "--experiment 1"),
        (["-default_F", "1", "--image", "10"], "--image 10"),
        ([], "no structure factors: give -hkl (a file) or -default_F"),
        (["-default_F", "1", "-hlk", "x"], "-hlk"),
    ],
)
def test_what_makes_no_sense_is_one_line_and_no_file(nbnumba, tmp_path, words, message):
    output = tmp_path / "x.npy"
    status, out, errors = nbnumba("from-dials", str(SWEEP), *words, "--output", str(output))
    assert (status, out, errors.count("\n")) == (2, "", 1)
    assert message in errors
    assert not output.exists()


def test_a_default_amplitude_is_refused_where_reflections_are_absent(nbnumba, tmp_path):
    data = json.loads(SWEEP.read_text())
    data["crystal"][0]["space_group_hall_symbol"] = "-C 2y"
    (tmp_path / "c.expt").write_text(json.dumps(data))
    status, _, errors = nbnumba("from-dials", str(tmp_path / "c.expt"), "-default_F", "1", "--output", "x.npy")
    assert status == 2
    assert "centred lattice (Hall symbol -C 2y)" in errors


def test_an_image_must_be_wanted(nbnumba):
    status, _, errors = nbnumba("from-dials", str(SWEEP), "-default_F", "1")
    assert status == 2
    assert "--output" in errors
