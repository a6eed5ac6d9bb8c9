"""Plans: what may stand in them, what is drawn, and what is said of mistakes."""

from __future__ import annotations

import numpy as np
import pytest
from campaign.plans import SCAN, STILLS, write_plan
from hypothesis import given, settings
from hypothesis import strategies as st
from nbnumba_cli.main import run
from scipy import stats

from nbnumba import lower
from nbnumba.campaign import (
    BeamPlan,
    Campaign,
    Choice,
    CrystalPlan,
    DetectorPlan,
    LogNormal,
    Normal,
    Plan,
    PlanError,
    StructureFactorsPlan,
    Uniform,
    parse_plan,
    plan_text,
    prepare,
    shots,
)
from nbnumba.campaign.draws import draw_shot, varying_keys
from nbnumba.campaign.plan import SECTIONS
from nbnumba.campaign.streams import PURPOSES, stream
from nbnumba.errors import UsageError


def problems(text: str) -> list[str]:
    """What is wrong with a plan."""
    with pytest.raises(PlanError) as error:
        parse_plan(text, "plan.toml")
    return list(error.value.problems)


@pytest.mark.parametrize("text", [STILLS, SCAN])
def test_a_plan_is_read_back_from_its_text(text):
    plan = parse_plan(text)
    assert parse_plan(plan_text(plan)) == plan


def test_the_same_plan_comes_from_dataclasses():
    plan = Plan(
        Campaign(shots=4, seed=1), StructureFactorsPlan(default_F=100.0),
        CrystalPlan(unit_cell=(60, 70, 80, 90, 90, 90), cells=(5, 5, 5), mosaic_spread=Uniform(0.2, 0.5),
                    mosaic_domains=3),
        BeamPlan(energy_ev=12000, fluence=1e24), DetectorPlan(pixels=(40, 30), pixel_mm=1.5, distance_mm=100.0),
    )  # fmt: skip
    again = parse_plan(plan_text(plan))
    assert again == plan
    assert again.crystal.mosaic_spread == Uniform(0.2, 0.5)
    assert [shot.number for shot in shots(plan)] == [0, 1, 2, 3]


def test_everything_wrong_is_named_at_once_with_its_line():
    text = (
        STILLS.replace("flux = 1e12", "flux = -1").replace("[background]", "[backround]")
        .replace("{normal = [12000, 300]}", "12").replace("shape =", "shap =").replace("seed = 7", 'seed = "seven"')
        .replace("{uniform = [0.2, 0.5]}", "{uniform = [0.5, 0.2]}").replace("readout_noise = 1.0", "size_um = 1.0")
    )  # fmt: skip
    said = problems(text)
    assert [problem.split(": ")[1] for problem in said] == [
        "line 3", "line 13", "line 14", "line 18", "line 19", "line 27", "line 32"
    ]
    for words in ("[campaign] seed must be", "did you mean shape?", "wrong order", "is it in keV?", "[beam] flux",
                  "did you mean background?", "it belongs to [beam]"):  # fmt: skip
        assert sum(words in problem for problem in said) == 1


@pytest.mark.parametrize(("old", "new", "said"), [
    ("cells = [5, 5, 5]", "cells = [5, 5]", "line 12: [crystal] cells must be three values"),
    ("distance_mm = 100", "distance_mm = 0.1", "line 25: [detector] distance_mm must be a distance in mm"),
    ("distance_mm = 100", "distance_cm = 10", "line 25: [detector] distance_cm: there is no such key"),
    ("pixels = [40, 30]", "", "[detector]"),
    ("flux = 1e12", "flux = 1e12\nfluence = 1e24", "line 20: [beam] fluence: flux and fluence say the same"),
    ("size_um = 10", "", "[beam] size_um is needed"),
    ("default_F = 100", "", "give model, mtz or hkl"),
    ("default_F = 100", 'model = "x.pdb"', "dmin is needed"),
    ("shots = 10", "shots = 0", "line 2: [campaign] shots must be a whole number above zero"),
    ("shots = 10", "", "[campaign] shots is needed"),
    ("[readout]", '[image]\ndtype="int7"\n[readout]', "[image] dtype must be"),
    ("[readout]", '[image]\nfix=["watr"]\nphysics="nanobragg"\n[readout]', "[image] fix"),
    ("= 10\n", "= 10 10\n", "is no TOML"),
    ("mosaic_spread = {uniform = [0.2, 0.5]}", "mosaic_spread = {gauss = [0, 1]}", "one distribution (uniform, normal"),
    ("distance_mm = 100", "distance_mm = {uniform = [90, 100]}", "line 5: [campaign] images_per_shard: the detector"),
])  # fmt: skip
def test_what_is_wrong_is_one_line_with_its_place(old, new, said):
    (problem,) = problems(STILLS.replace(old, new, 1))
    assert said in problem


@pytest.mark.parametrize(("old", "new", "said"), [
    ("default_F = 100", 'hkl = "none.hkl"', "line 8: [structure_factors] hkl: "),
    ("readout_noise = 1.0", 'mask = "none.npy"', "line 32: [readout] mask: "),
    ("cells = [5, 5, 5]", 'cells = [5, 5, 5]\norientation = "none.txt"', "line 13: [crystal] orientation: "),
    ("size_um = 10", 'size_um = {column = "none.csv:size"}', "line 20: [beam] size_um: "),
])  # fmt: skip
def test_a_missing_file_is_named_with_the_line_of_its_key(tmp_path, old, new, said):
    with pytest.raises(PlanError, match="No such file") as error:
        prepare(write_plan(tmp_path, STILLS.replace(old, new, 1)))
    assert said in str(error.value)


def test_an_impossible_draw_is_an_error_of_the_plan_with_its_shot(tmp_path, capsys):
    path = write_plan(tmp_path, **{"{uniform = [0.2, 0.5]}": "{normal = [0.3, 0.2]}"})
    values = [stream(7, shot, "crystal.mosaic_spread").normal(0.3, 0.2) for shot in range(10)]
    first = next(shot for shot, value in enumerate(values) if value < 0.0)
    assert run(["campaign", "run", str(path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"line 14: [crystal] mosaic_spread of shot {first} must be a number of zero or more" in line
    assert not (tmp_path / "out").exists()


def test_a_shot_depends_on_seed_and_number_alone(tmp_path):
    plan = parse_plan(STILLS)
    fewer = parse_plan(STILLS.replace("shots = 10", "shots = 3"))
    for shot, other in zip(shots(fewer), shots(plan), strict=False):
        assert shot.experiments == other.experiments
        assert shot.labels == other.labels
    assert prepare(plan).shot(1).experiment != prepare(parse_plan(STILLS.replace("seed = 7", "seed = 8"))).shot(1)


def test_another_distribution_of_one_key_moves_no_other():
    changed = parse_plan(STILLS.replace("{normal = [12000, 300]}", "12000").replace("readout_noise = 1.0", ""))
    for shot, other in zip(shots(parse_plan(STILLS)), shots(changed), strict=True):
        assert shot.experiment.crystal == other.experiment.crystal
        assert shot.readout_seed == other.readout_seed


def test_every_key_that_may_vary_has_a_purpose_and_a_label_of_its_own():
    keys = [(name, key) for name, section in SECTIONS.items() for key, rule in section.RULES.items()
            if type(rule).__name__ == "Varying"]  # fmt: skip
    assert {f"{name}.{key}" for name, key in keys} == {purpose for purpose in PURPOSES if "." in purpose}
    assert len({key for _, key in keys}) == len(keys)
    assert len(list(varying_keys(parse_plan(SCAN)))) == len(keys)


@settings(max_examples=20)
@given(st.integers(0, 2**31 - 1))
def test_drawn_values_keep_to_their_distributions(seed):
    text = STILLS.replace("seed = 7", f"seed = {seed}")
    drawn = [draw_shot(parse_plan(text), {}, shot).values for shot in range(10)]
    assert all(0.2 <= values["crystal.mosaic_spread"] <= 0.5 for values in drawn)
    assert {values["crystal.mosaic_domains"] for values in drawn} <= {2, 3}


@pytest.mark.parametrize(("distribution", "cumulative"), [
    (Uniform(2.0, 3.0), stats.uniform(2.0, 1.0).cdf),
    (Normal(1.0, 2.0), stats.norm(1.0, 2.0).cdf),
    (LogNormal(1.0, 0.5), stats.lognorm(0.5, scale=np.e).cdf),
])
def test_shots_sample_a_distribution(distribution, cumulative):
    values = [distribution.draw(stream(1, shot, "crystal.size_nm"), whole=False) for shot in range(2000)]
    # of a thousand seeds one would fail
    assert stats.kstest(values, cumulative).pvalue > 1e-3


def test_choices_and_whole_numbers_are_equally_likely():
    shots_of = range(3000)
    dice = [Uniform(1, 6).draw(stream(1, shot, "crystal.lattices"), whole=True) for shot in shots_of]
    picks = [Choice(("a", "b", "b")).draw(stream(1, shot, "crystal.shape"), whole=False) for shot in shots_of]
    # of a thousand seeds one would fail
    assert stats.chisquare(np.bincount(dice)[1:]).pvalue > 1e-3
    assert stats.binomtest(picks.count("b"), 3000, 2 / 3).pvalue > 1e-3


def test_columns_give_each_shot_its_row(tmp_path):
    rows = "\n".join(f"{9000 + shot}, {shot}" for shot in range(10))
    path = write_plan(tmp_path, **{"{normal = [12000, 300]}": '{column = "shots.csv:energy"}'})
    (tmp_path / "shots.csv").write_text(f"energy, other\n{rows}\n", encoding="utf-8")
    assert [shot.labels["energy_ev"] for shot in shots(path)] == [9000.0 + shot for shot in range(10)]
    for text, said in (("energi\n1\n", "has no column energy: there are energi"), ("energy\n9000\n", "1 rows for 10"),
                       (f"energy, other\nx, 1\n{rows}\n", "shots.csv: line 2, column energy: 'x' is not a number")):
        (tmp_path / "shots.csv").write_text(text, encoding="utf-8")
        with pytest.raises(PlanError, match=said):
            prepare(path)


def test_labels_hold_the_lattice_that_the_image_has():
    for shot in shots(parse_plan(STILLS.replace("default_F = 100", "default_F = 100"))):
        lattice = lower(shot.experiment).lattice
        matrix = np.array([[shot.labels[f"A{row}{column}"] for column in (1, 2, 3)] for row in (1, 2, 3)])
        # set-up in plain Python, labels in NumPy
        np.testing.assert_allclose(matrix.T, [lattice.a_star, lattice.b_star, lattice.c_star], rtol=0, atol=1e-15)
        assert shot.labels["wavelength_a"] == shot.experiment.beam.wavelength
        assert shot.labels["fluence"] == pytest.approx(1e12 / (10e-6) ** 2, rel=1e-12)


def test_a_size_counts_cells_and_does_not_interpolate():
    text = STILLS.replace("cells = [5, 5, 5]", "size_nm = 35")
    model = lower(prepare(parse_plan(text)).shot(0).experiment)
    # the cells that 350 Å hold, the last one begun
    assert model.cells == (6, 5, 5)
    assert not model.interpolation


def test_several_lattices_have_orientations_of_their_own():
    plan = parse_plan(STILLS.replace("cells = [5, 5, 5]", "cells = [5, 5, 5]\nlattices = {choice = [1, 3]}"))
    for shot in shots(plan):
        count = shot.labels["lattices"]
        assert len(shot.experiments) == count
        assert np.isnan(shot.labels["U11_3"]) == (count == 1)
        assert len({one.crystal.orientation for one in shot.experiments}) == count
        # the background is there once
        assert [len(one.background) for one in shot.experiments] == [1] + [0] * (count - 1)


def test_scale_and_debye_waller_factor_are_in_the_amplitudes(tmp_path):
    indices = [(h, k, l) for h in range(-3, 4) for k in range(-3, 4) for l in range(-3, 4)]  # noqa: E741
    (tmp_path / "f.hkl").write_text("".join(f"{h} {k} {l} 10.0\n" for h, k, l in indices), encoding="utf-8")  # noqa: E741
    text = STILLS.replace("default_F = 100", 'hkl = "f.hkl"\nF000 = "keep"').replace(
        "cells = [5, 5, 5]", "cells = [5, 5, 5]\nspot_scale = 4.0\nb_factor = 20.0")  # fmt: skip
    factors = prepare(write_plan(tmp_path, text)).shot(0).experiment.crystal.structure_factors
    model = lower(prepare(write_plan(tmp_path, text)).shot(0).experiment).lattice
    for h, k, l in ((0, 0, 0), (1, 2, 3), (-3, 1, -2)):  # noqa: E741
        q = h * np.array(model.a_star) + k * np.array(model.b_star) + l * np.array(model.c_star)
        expected = 10.0 * 2.0 * np.exp(-20.0 * (q @ q) / 4.0)
        assert factors.amplitudes[h + 3, k + 3, l + 3] == pytest.approx(expected, rel=1e-12)


def test_the_beam_centre_moves_the_detector():
    text = STILLS.replace("distance_mm = 100", "distance_mm = 120\nbeam_centre_mm = [10, 20]\n"
                          "beam_centre_jitter_mm = {uniform = [-3, 3]}\n[image]\nformat = \"hdf5\"")  # fmt: skip
    for shot in shots(parse_plan(text)):
        (geometry,) = lower(shot.experiment).panels
        jitter = [shot.labels[f"beam_centre_jitter_mm_{axis}"] for axis in ("fast", "slow")]
        # origins are sums of a few numbers
        assert 1000.0 * geometry.f_beam == pytest.approx(10.0 + jitter[0], abs=1e-12)
        assert 1000.0 * geometry.s_beam == pytest.approx(20.0 + jitter[1], abs=1e-12)
        assert 1000.0 * geometry.distance == pytest.approx(120.0)


def test_a_detector_of_flags_is_nanobraggs(tmp_path):
    flags = 'flags = "-xds -ORGX 20.5 -ORGY 15.5 -pixel 1.5 -detpixels_x 40 -detpixels_y 30 -distance 90"'
    text = STILLS.replace("pixels = [40, 30]\npixel_mm = 1.5\ndistance_mm = 100", flags)
    detector = prepare(parse_plan(text)).shot(0).experiment.detector
    assert (detector.pixels_fast, detector.distance) == (40, 90.0)
    with pytest.raises(PlanError, match="says more than where the detector stands"):
        prepare(parse_plan(text.replace("-xds", "-xds -lambda 1.0")))


def test_spectra_are_taken_row_by_row(tmp_path):
    import h5py

    weights = np.random.default_rng(1).uniform(size=(10, 5))
    with h5py.File(tmp_path / "shots.h5", "w") as file:
        file["energies"], file["weights"] = np.linspace(11990.0, 12010.0, 5), weights
    spectrum = 'spectrum = {file = "shots.h5", per_shot = true}'
    path = write_plan(tmp_path, **{"energy_ev = {normal = [12000, 300]}": spectrum})
    for shot, row in zip(shots(path), weights, strict=True):
        np.testing.assert_array_equal(shot.experiment.beam.spectrum.weights, row)


def test_a_scan_is_a_set_of_images_whose_spindle_goes_on():
    shot = prepare(parse_plan(SCAN)).shot(1)
    phis = [shot.turned(image, 0.5)[0].sampling.phi for image in range(4)]
    assert phis == [0.0, 0.5, 1.0, 1.5]
    assert shot.experiment.sampling.oscillation == 0.5
    with pytest.raises(UsageError, match="rotation sets"):
        parse_plan(SCAN + '[image]\nformat = "hdf5"\n')
