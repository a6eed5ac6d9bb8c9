"""nbnumba from-dials: the image of an .expt file; flags say the rest and can't move the detector."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from folders import files
from golden import GOLDEN_DATA

from nbnumba import Experiment, simulate
from nbnumba.flags.override import OVERRIDES
from nbnumba.io.expt import read_expt
from nbnumba.io.formats import read_image

FOUR = GOLDEN_DATA / "dials" / "still_four_panels.expt"
SWEEP = GOLDEN_DATA / "dials" / "sweep_tilted_setting.expt"
STILL = GOLDEN_DATA / "dials" / "still_flat.expt"
SPOTS = ("-N", "8", "-gauss_xtal", "-nointerpolate", "-oversample", "1")


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
        (["-default_F", "1", "-sdet_vector", "1", "0", "0"], "-sdet_vector: the detector is that of "),
        (["-default_F", "1", "--spacegroup", "P21"], "--spacegroup P21: has no effect without -hkl"),
        (["-default_F", "1", "--compression", "gzip"], "--compression gzip: has no effect without an NXmx file"),
        (["-default_F", "1", "--output", "x_1.cbf"], "x_1.cbf: this format can't describe a detector that is tilted"),
        (["-default_F", "1", "--output", str(SWEEP)], f"{SWEEP}: would overwrite an input file"),
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
    status, out, errors = nbnumba("from-dials", str(SWEEP), "-N", "2", *words, "--output", str(output))
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


def test_an_image_of_a_sweep_equals_that_of_the_library(nbnumba, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["-default_F", "100", *SPOTS, "-roi", "100", "139", "50", "79", "--output", "x.npy"]
    status, said, _ = nbnumba("from-dials", str(SWEEP), "--image", "4", *words)
    assert status == 0
    base = Experiment.from_dials(SWEEP, image=4)
    crystal = replace(base.crystal, cells=(8, 8, 8), shape="gauss", default_F=100.0, interpolate=False)
    sampling = replace(base.sampling, oversample=1, roi=(100, 139, 50, 79))
    expected = simulate(replace(base, crystal=crystal, sampling=sampling)).panels[0]
    assert np.array_equal(np.load("x.npy"), expected)
    assert expected.max() > 0.0
    assert "spindle             25 steps of 0.02" in said
    # nothing but what was asked for
    assert files() == ["x.npy"]


def test_flags_turn_the_crystal_further(nbnumba, tmp_path):
    words = ["-default_F", "1", "-N", "2", "-roi", "0", "1", "0", "1"]
    for name, more in (("before.expt", []), ("after.expt", ["-misset", "0", "0", "90"])):
        assert nbnumba("from-dials", str(FOUR), *words[:4], *more, "--output", str(tmp_path / name))[0] == 0
    (before,), (after,) = (read_expt(tmp_path / name) for name in ("before.expt", "after.expt"))
    turn = after.scene.crystal.A @ np.linalg.inv(before.scene.crystal.A)
    # a quarter of a turn, in the frame of the file's beam
    assert turn @ turn.T == pytest.approx(np.eye(3), abs=1e-12)
    assert np.trace(turn) == pytest.approx(1.0, abs=1e-12)


def test_a_crystal_of_one_cell_is_warned_of(nbnumba, tmp_path):
    words = ["-default_F", "1", "-roi", "0", "1", "0", "1", "-oversample", "1", "--output", str(tmp_path / "x.npy")]
    hint = "the crystal is a single unit cell; -N or -xtalsize says how large it is"
    assert hint in nbnumba("from-dials", str(STILL), *words)[2]
    assert hint not in nbnumba("from-dials", str(STILL), *words, "-xtalsize", "0.001")[2]


def test_a_reflection_of_a_list_appears_where_dials_predicts_it(nbnumba, tmp_path):
    (tmp_path / "x.hkl").write_text("7 -18 18 50\n")
    words = ["-hkl", str(tmp_path / "x.hkl"), *SPOTS, "-thicksteps", "1", "--output", str(tmp_path / "x.npy")]
    status, said, _ = nbnumba("from-dials", str(STILL), *words)
    assert status == 0
    assert "1, all others F = 0" in said
    image = np.load(tmp_path / "x.npy")
    # at fast 461.96, slow 381.55 without a sensor, which moves it outwards, along fast
    assert np.unravel_index(image.argmax(), image.shape) == (381, 462)


def test_a_centred_lattice_takes_a_list(nbnumba, tmp_path):
    data = json.loads(STILL.read_text())
    data["crystal"][0]["space_group_hall_symbol"] = " C 2y"
    (tmp_path / "c.expt").write_text(json.dumps(data))
    (tmp_path / "x.hkl").write_text("1 1 1 50\n")
    words = ["-hkl", str(tmp_path / "x.hkl"), *SPOTS, "-roi", "0", "1", "0", "1", "--output", str(tmp_path / "x.npy")]
    assert nbnumba("from-dials", str(tmp_path / "c.expt"), *words)[0] == 0


def test_a_file_without_crystal_is_one_line(nbnumba, tmp_path):
    data = json.loads(STILL.read_text())
    del data["experiment"][0]["crystal"]
    path = tmp_path / "imported.expt"
    path.write_text(json.dumps(data))
    status, _, errors = nbnumba("from-dials", str(path), "-default_F", "1", "--output", str(tmp_path / "x.npy"))
    assert status == 1
    message = "experiment 0 has no crystal: index the images first (dials.index)"
    assert errors == f"nbnumba: error: {path}: {message}\n"


def test_the_experiment_list_comes_first(nbnumba):
    status, _, errors = nbnumba("from-dials", "-N", "8", str(STILL), "--output", "x.npy")
    assert (status, errors.count("\n")) == (2, 1)
    assert "the experiment list comes first, then flags" in errors


def test_the_help_lists_what_is_accepted():
    names = {flag.name for flags in OVERRIDES.values() for flag in flags}
    assert {"-N", "-hkl", "-phisteps", "-polar_vector", "-detector_thicksteps", "-mosaic_seed"} <= names
    assert not {"-cell", "-distance", "-Xbeam", "-mosflm", "-mask", "-intfile", "-seed", "-trace_pixel"} & names
