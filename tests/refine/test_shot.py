"""A measured shot: expected spots, boxes, the fit and the command."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from refine.test_likelihood import still

from nbnumba import Experiment, Sampling, StructureFactors, lower, simulate
from nbnumba.errors import UsageError
from nbnumba.io import scene_of, write_hkl, write_image
from nbnumba.refine import PixelModel, draw_boxes, refine_shot
from nbnumba.refine.shot import _with_subpixels
from nbnumba.refine.spots import Spots, cut_boxes, predict_spots


def strong(**fields) -> Experiment:
    """A still with some dozens of strong spots: small crystal, much light."""
    start = still()
    crystal = replace(start.crystal, cells=(10, 10, 10), **fields)
    return replace(start, crystal=crystal, beam=replace(start.beam, fluence=3e28))


@pytest.fixture(scope="module")
def image():
    """Photons and counts on a background of two."""
    photons = simulate(strong(), "cpu", dtype=np.float64).panels[0]
    return photons, np.random.default_rng(1).poisson(photons + 2.0).astype(float)


def off() -> Experiment:
    """A quarter of a degree and 0.4 % off."""
    model = PixelModel(strong(), ["orientation", "cell"], [(0, 0, 0)])
    values = model.values(model.start)
    shifted = {**values, "orientation.x": 0.15, "orientation.y": -0.15, "orientation.z": 0.1,
               "cell.a": values["cell.a"] * 1.004, "cell.b": values["cell.b"] * 0.996}  # fmt: skip
    moved = model.experiment(np.array(list(shifted.values())) / model.scales)
    return replace(moved, crystal=replace(moved.crystal, cells=(8, 8, 8)), beam=replace(moved.beam, fluence=1e27))


def test_spots_are_expected_where_the_image_has_them(image):
    model = lower(strong())
    spots = predict_spots(model, strong().detector.panels, 1.8, 0.002)
    assert len(spots.hkl) > 20
    left = image[0].copy()
    for _ in range(8):
        slow, fast = np.unravel_index(int(left.argmax()), left.shape)
        near = np.hypot(spots.slow - slow - 0.5, spots.fast - fast - 0.5)
        # streaks of the bandwidth are some pixels long; the direct beam is no reflection
        assert near.min() < 4.0 or np.hypot(slow - 120, fast - 120) < 8
        left[max(slow - 8, 0) : slow + 9, max(fast - 8, 0) : fast + 9] = 0.0


def test_a_box_has_the_plane_beneath_its_spot():
    slow, fast = np.mgrid[:40, :40]
    plane = 5.0 + 0.1 * slow - 0.05 * fast
    image = plane + 400.0 * np.exp(-((slow - 20) ** 2 + (fast - 18) ** 2) / 3.0)
    good = np.ones((40, 40), dtype=bool)
    good[3, 3] = False
    spots = Spots(np.array([[1, 2, 3], [4, 5, 6], [0, 0, 1]]), np.zeros(3, int), np.array([20.5, 20.5, 1.0]),
                  np.array([18.5, 26.0, 1.0]))  # fmt: skip
    (box,) = cut_boxes([image], [good], spots, 15)
    # the second shares pixels with the first, the third reaches beyond the panel
    assert (box.hkl, box.slow, box.fast) == ((1, 2, 3), 13, 11)
    # the spot's tails in the rim are e⁻¹⁵ of its height
    np.testing.assert_allclose(box.background, plane[13:28, 11:26], atol=0.02)


def test_the_plane_beneath_a_known_spot_has_no_bias():
    """Of 400 boxes with three photons of background; a plane through the rim alone has the tails of the spot in it."""
    random = np.random.default_rng(4)
    slow, fast = np.mgrid[:15, :15]
    spot = 300.0 * np.exp(-((slow - 7) ** 2 + (fast - 7) ** 2) / 8.0)
    flat = Spots(np.array([[1, 2, 3]]), np.zeros(1, int), np.array([7.5]), np.array([7.5]))
    means = []
    for _ in range(400):
        data = random.poisson(spot + 3.0).astype(float)
        (box,) = cut_boxes([data], [np.ones((15, 15), dtype=bool)], flat, 15)
        means.append((box.background.mean(), box.above_plane(spot).background.mean()))
    rough, beneath = np.mean(means, axis=0)
    error = np.std(means, axis=0)[1] / 20.0
    assert abs(beneath - 3.0) < 4.0 * error
    assert error < 0.01
    assert rough > 4.0


def test_orientation_and_cell_come_back(image, tmp_path):
    found = refine_shot(
        [image[1]], off(), ["orientation", "cell", "scale", "N"], d_min=1.8, edge=11, most=60,
        crystal_system="monoclinic", threads=1,
    )  # fmt: skip
    true = {"cell.a": 40.0, "cell.b": 45.0, "cell.c": 50.0, "cell.beta": 100.0}
    for name, value in true.items():
        assert abs(found.values[name] - value) < 4.0 * found.errors[name], name
    for axis in "abc":
        assert abs(found.values[f"N.{axis}"] - 10.0) < 4.0 * found.errors[f"N.{axis}"], axis
    turn = found.experiment.crystal.orientation.matrix @ strong().crystal.orientation.matrix.T
    assert np.degrees(np.arccos((np.trace(turn) - 1.0) / 2.0)) < 0.02
    assert found.shift_after < 0.3 * found.shift_before
    assert 0.9 < found.chi_squared / found.degrees < 1.2
    draw_boxes(tmp_path / "boxes.png", found)
    assert (tmp_path / "boxes.png").read_bytes().startswith(b"\x89PNG")


def test_an_image_without_spots_or_photons_is_refused(image):
    with pytest.raises(UsageError, match="no pixel has a photon"):
        refine_shot([np.zeros((240, 240))], off(), ["scale"])
    with pytest.raises(UsageError, match="of the expected spots stand out of the background; at least 5 are needed"):
        refine_shot([np.random.default_rng(1).poisson(2.0, (240, 240)).astype(float)], off(), ["scale"])
    with pytest.raises(UsageError, match=r"1 panel\(s\) of \(3, 3\) pixels; the experiment has 1 of \(240, 240\)"):
        refine_shot([np.ones((3, 3))], off(), ["scale"])


def test_amplitudes_of_all_spots_come_back():
    random = np.random.default_rng(3)
    table = random.uniform(60.0, 140.0, (47, 53, 59))
    true = strong(structure_factors=StructureFactors(table, -23, -26, -29), interpolate=False)
    photons = simulate(true, "cpu", dtype=np.float64).panels[0]
    counts = random.poisson(photons + 2.0).astype(float)
    flat = StructureFactors(np.full(table.shape, 100.0), -23, -26, -29)
    start = replace(off(), crystal=replace(off().crystal, structure_factors=flat, interpolate=False))
    found = refine_shot([counts], start, "orientation,cell,N,F", d_min=1.8, edge=9, most=25,
                        crystal_system="monoclinic", threads=1)  # fmt: skip
    own = {name: value for name, value in found.values.items() if name.startswith("F:")}
    assert len(own) > 20
    place = np.array([name[2:].split(",") for name in own], dtype=int) + [23, 26, 29]
    ratio = np.array(list(own.values())) / table[tuple(place.T)]
    error = np.array([found.errors[name] for name in own]) / table[tuple(place.T)]
    # up to the scale, which the given amplitudes of the strongest spots have fixed
    mean = np.average(ratio, weights=error**-2)
    assert abs(mean - 1.0) < 0.2
    assert np.median(np.abs(ratio / mean - 1.0)) < 0.05
    with pytest.raises(UsageError, match="leave scale out"):
        refine_shot([counts], start, "scale,F", d_min=1.8, edge=11)


def of_one_wavelength(start: Experiment) -> Experiment:
    """What an .expt can hold: neither a spectrum nor a number of subpixels."""
    return replace(start, beam=replace(start.beam, spectrum=None), sampling=Sampling())


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """shot.npy, start.expt and F.hkl in a folder."""
    folder = tmp_path_factory.mktemp("shot")
    true = of_one_wavelength(strong())
    counts = np.random.default_rng(1).poisson(simulate(true, "cpu", dtype=np.float64).panels[0] + 2.0)
    write_image(folder / "shot.npy", counts.astype(np.float32), scene_of(lower(true)))
    of_one_wavelength(off()).to_dials(folder / "start.expt")
    indices = np.array([(h, k, l) for h in range(-23, 24) for k in range(-26, 27) for l in range(-29, 30)])  # noqa: E741
    write_hkl(folder / "F.hkl", StructureFactors.from_reflections(indices, np.full(len(indices), 100.0)))
    return folder


def arguments(files: Path, *more: str) -> list[str]:
    return [
        "refine", str(files / "shot.npy"), "--expt", str(files / "start.expt"), "--hkl", str(files / "F.hkl"),
        "--cells", "8", "8", "8", "--crystal-system", "monoclinic", "--resolution", "1.8",
        "--box", "11", "--boxes", "60", "--threads", "1", *more,
    ]  # fmt: skip


def test_the_command_writes_what_dials_reads(files, nbnumba, tmp_path):
    output, picture = tmp_path / "refined.expt", tmp_path / "shot.png"
    status, said, complaints = nbnumba(*arguments(files, "--picture", str(picture), "-o", str(output)))
    assert (status, complaints) == (0, "")
    assert said.splitlines()[0].split() == ["parameter", "start", "refined", "error"]
    lattice = lower(Experiment.from_dials(output)).lattice
    # the start is 4e-3 off, errors of some spots on a background that was fitted before
    np.testing.assert_allclose(lattice.lengths, (40.0, 45.0, 50.0), rtol=1e-3)
    assert picture.exists()


def test_a_model_that_is_not_the_images_says_so(files, nbnumba, tmp_path):
    few = ("--boxes", "12", "--box", "9", "-o", str(tmp_path / "x.expt"))
    status, said, _ = nbnumba(*arguments(files, "--parameters", "N", *few))
    assert status == 0
    assert "far from 1: what is not refined, such as scale, or the shape of the crystal, is not the image's" in said
    _, said, _ = nbnumba(*arguments(files, "--parameters", "orientation,cell,scale,N", *few))
    assert "far from 1" not in said


@pytest.mark.parametrize(("size", "subpixels"), [(1.0, 2), (5.0, 4), (1e6, 8)])
def test_a_size_that_runs_away_takes_no_more_than_eight_subpixels(size, subpixels):
    # nanoBragg's rule: three for each 200 Å, the size that a pixel resolves
    start = replace(of_one_wavelength(off()), crystal=replace(off().crystal, cells=(2, 2, 2)))
    values = {f"N.{axis}": size for axis in "abc"}
    assert _with_subpixels(start, values).sampling.oversample == subpixels


@pytest.mark.parametrize(("changed", "message"), [
    (("--parameters", "cell,wobble"), "--parameters: there is no 'wobble'; choose from scale"),
    (("--expt", "missing.expt"), "missing.expt"),
    (("--hkl", "missing.hkl"), "missing.hkl"),
    (("--experiment", "3"), "there is only 0"),
    (("--parameters", "cell,background"), "--parameters: background is fitted already, a plane beneath every spot"),
    (("--parameters", "scale,F"), "--parameters: the scale changes nothing that F of all spots do not"),
    (("--parameters", "F:99,0,0"), "F:99,0,0 lies outside of the table of --hkl"),
    (("--parameters", "N", "--shape", "square"), "N of a parallelepiped has no derivatives"),
    (("--crystal-system", "cubic"), "does not belong to it"),
])  # fmt: skip
def test_wrong_usage_is_one_line_and_no_file(files, nbnumba, tmp_path, changed, message):
    output = tmp_path / "refined.expt"
    status, said, complaints = nbnumba(*arguments(files, "-o", str(output), *changed))
    assert status != 0
    assert said == ""
    assert complaints.count("\n") == 1
    assert message in complaints
    assert not output.exists()
