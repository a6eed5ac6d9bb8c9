"""The library as a program of users: files that are written are read back, and equal what the command line writes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import asdict, replace

import numpy as np
import pytest
from golden import ROOT, input_file
from scipy.spatial.transform import Rotation

import nbnumba as nb
from nbnumba.readout import Digitize, Offset, PhotonCounting, Readout


def small_experiment() -> nb.Experiment:
    """A crystal whose image takes no time."""
    return nb.Experiment(
        nb.Crystal(unit_cell=nb.UnitCell(60.0), cells=(5, 5, 5), default_F=300.0),
        detector=nb.Detector(pixels_fast=48, pixels_slow=40, pixel_size=0.2), physics="nanobragg",
    )  # fmt: skip


@pytest.fixture(scope="module")
def result() -> nb.SimulationResult:
    return nb.simulate(small_experiment())


def test_matrices_are_read_back_to_the_bit(tmp_path):
    matrix = np.random.default_rng(1).normal(size=(3, 3)) * 1e-2
    nb.io.write_matrix(tmp_path / "a.mat", matrix)
    assert np.array_equal(nb.io.read_matrix(tmp_path / "a.mat"), matrix)


def test_rotations_are_read_back_to_the_bit(tmp_path):
    rotations = Rotation.random(7, random_state=np.random.RandomState(2)).as_matrix()
    nb.io.write_rotations(tmp_path / "a.txt", rotations)
    assert np.array_equal(nb.io.read_rotations(tmp_path / "a.txt"), rotations)


def test_sources_are_read_back_and_are_what_a_beam_takes(tmp_path):
    rng = np.random.default_rng(3)
    sources = np.column_stack([rng.normal(size=(50, 3)), rng.uniform(0, 2, 50), rng.uniform(0.9, 1.2, 50)])
    sources[3, 3:] = np.nan
    nb.io.write_sources(tmp_path / "a.txt", nb.Beam(sources=sources).sources)
    again = nb.Beam(sources=nb.io.read_sources(tmp_path / "a.txt")).sources
    assert np.array_equal(again[:, :4], sources[:, :4], equal_nan=True)
    # two roundings on the way to metres and back
    np.testing.assert_allclose(again[:, 4], sources[:, 4], rtol=2.0**-52)
    # wavelengths that were metres stay those metres
    metres = tmp_path / "b.txt"
    metres.write_text("".join(f"-1 0 0 1 {value!r}\n" for value in rng.uniform(1e-10, 1.2e-10, 50).tolist()))
    nb.io.write_sources(tmp_path / "c.txt", nb.io.read_sources(metres))
    assert np.array_equal(np.loadtxt(tmp_path / "c.txt"), np.loadtxt(metres))


@pytest.mark.parametrize("field", ["energies", "wavelengths"])
@pytest.mark.parametrize("weights", [None, [0.0, 3.5, 1.0 / 3.0]])
def test_spectra_are_read_back_to_the_bit(tmp_path, field, weights):
    values = np.array([1.01, 1.0 / 0.9, 1.2]) * (1.0 if field == "wavelengths" else 9e3)
    nb.io.write_spectrum(tmp_path / "a.txt", nb.Spectrum(**{field: values}, weights=weights))
    again = nb.io.read_spectrum(tmp_path / "a.txt")
    assert np.array_equal(getattr(again, field), values)
    assert again.weights.tolist() == ([1.0, 1.0, 1.0] if weights is None else weights)


def test_radial_tables_are_read_back_to_the_bit(tmp_path):
    stol, amplitude = np.linspace(0.0, 0.7, 11), np.random.default_rng(4).uniform(0.0, 9.0, size=11)
    nb.io.write_radial_table(tmp_path / "a.stol", stol, amplitude)
    assert np.array_equal(nb.io.read_radial_table(tmp_path / "a.stol"), (stol, amplitude))


@pytest.mark.parametrize("wrong", [-1.0, np.nan, np.inf])
def test_no_radial_table_is_written_that_is_not_read(tmp_path, wrong):
    with pytest.raises(nb.UsageError, match=r"a\.stol: stol and amplitude must be finite numbers"):
        nb.io.write_radial_table(tmp_path / "a.stol", np.array([0.0, 0.1]), np.array([1.0, wrong]))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("format_of_f", ["hkl", "fdump"])
def test_grids_of_amplitudes_are_read_back_to_the_bit(tmp_path, format_of_f):
    rng = np.random.default_rng(5)
    grid = nb.StructureFactors(rng.lognormal(size=(4, 3, 5)) * (rng.random((4, 3, 5)) > 0.3), -2, -1, 0)
    write, read = (getattr(nb.io, f"{what}_{format_of_f}") for what in ("write", "read"))
    write(tmp_path / "F", grid)
    again = read(tmp_path / "F")
    assert np.array_equal(again.amplitudes, grid.amplitudes)
    assert (again.h_min, again.k_min, again.l_min) == (-2, -1, 0)


def test_a_float_image_takes_any_numbers_and_layout(tmp_path):
    image = np.arange(12).reshape(4, 3).T
    nb.io.write_float_image(tmp_path / "a.bin", image)
    assert np.array_equal(nb.io.read_float_image(tmp_path / "a.bin", (3, 4)), image)


@pytest.mark.parametrize(("write", "value", "message"), [
    ("write_matrix", np.zeros((3, 3)), r"matrix must be 3 x 3 finite numbers whose columns don't lie in a plane"),
    ("write_matrix", np.eye(2), "matrix must be 3 x 3"),
    ("write_rotations", np.eye(3), r"rotations must be matrices of 3 x 3 numbers, not of shape \(3, 3\)"),
    ("write_rotations", [2.0 * np.eye(3)], "rotations .* rotation"),
    ("write_sources", [[0.0, 0.0, 0.0, 1.0, 1.0]], "sources row 0 lies at the sample"),
    ("write_sources", np.empty((0, 5)), "sources must be an array with 2 axes and something in it"),
    ("write_float_image", np.ones((2, 2), complex), "image of type complex128 holds no real numbers"),
    ("write_float_image", np.empty((0, 2)), r"image: 1 or 2 or 3 or 4 axes and a pixel are needed, not the shape"),
    ("write_tiff", np.array([["a"]]), "image of type <U1 holds no real numbers"),
    ("write_tiff", np.ones(3), r"image: 2 or 3 axes and a pixel are needed, not the shape \(3,\)"),
    ("write_pgm", np.ones((2, 2)), "image: the grey values of a PGM image are uint8, not float64"),
    ("write_smv", np.ones((2, 2)), "SMV images hold uint16, int32, not float64; convert the pixels"),
    ("write_smv", np.ones(3, np.uint16), r"image: 2 axes and a pixel are needed, not the shape \(3,\)"),
])  # fmt: skip
def test_what_can_t_be_written_is_one_line_and_no_file(tmp_path, write, value, message):
    with pytest.raises(nb.UsageError, match=rf"^{tmp_path}/a: [^\n]*{message}"):
        getattr(nb.io, write)(tmp_path / "a", value)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("image", [np.ones((2, 2), complex), np.ones((2, 3, 4)), np.empty((0, 3)), [["a"]]])
def test_a_preview_of_no_image_is_refused(tmp_path, image):
    with pytest.raises(nb.UsageError, match="image"):
        nb.io.write_preview(tmp_path / "a.png", image)
    assert not any(tmp_path.iterdir())


def test_a_preview_takes_any_real_numbers(tmp_path):
    image = np.zeros((8, 9), np.int64)
    image[2, 3], image[4:6] = 200, 5
    for number, pixels in enumerate((image, image.tolist(), image.astype(">f4"), image.astype(np.uint16))):
        nb.io.write_preview(tmp_path / f"{number}.png", pixels)
    nb.io.write_preview(tmp_path / "bool.png", image > 0)
    assert len({path.read_bytes() for path in tmp_path.glob("[0-9].png")}) == 1


@pytest.mark.parametrize(("hkl", "amplitudes", "message"), [
    (np.zeros((2, 3)), np.ones(2), "hkl must be whole numbers of shape"),
    (np.zeros((2, 3), int), np.ones(3), "and amplitudes n numbers"),
    (np.zeros((2, 3), int), [1.0, np.nan], "amplitudes must be real, finite numbers"),
    (np.zeros((2, 3), int), [1.0, 1j], "amplitudes must be real, finite numbers"),
])  # fmt: skip
def test_lists_that_are_no_reflections_are_refused(tmp_path, hkl, amplitudes, message):
    with pytest.raises(nb.UsageError, match=message):
        nb.io.write_reflections(tmp_path / "a.hkl", hkl, amplitudes)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("entries", [{"SIZE1": "3"}, {"A=B": "1"}, {"A": "1;\nSIZE1=7"}])
def test_entries_that_would_change_other_lines_of_a_header_are_refused(tmp_path, entries):
    with pytest.raises(nb.UsageError, match="entries: "):
        nb.io.write_smv(tmp_path / "a.img", np.ones((2, 2), np.uint16), entries=entries)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("seed", [1, 77])
def test_nanobraggs_noise_is_a_readout(result, tmp_path, seed):
    names = ("float", "int", "pgm", "noise")
    files = nb.output.OutputFiles(**{f"{name}_path": tmp_path / name for name in names}, noise_seed=seed)
    nb.output.write_outputs(result.model, result.image, files)
    readout = Readout(PhotonCounting(generator="nanobragg"), Offset(40.0), Digitize("uint16"))
    assert np.array_equal(nb.io.read_smv(tmp_path / "noise").data, readout.apply(result.image, seed))


def test_statistics_of_a_result_are_those_of_its_files(tmp_path):
    mask = np.ones((40, 48), np.uint16)
    mask[10:20, 5:9] = 0
    base = small_experiment()
    experiment = replace(base, detector=replace(base.detector, mask=mask), sampling=nb.Sampling(roi=(3, 40, 2, 30)))
    result = nb.simulate(experiment)
    names = ("float", "int", "pgm", "noise")
    files = nb.output.OutputFiles(**{f"{name}_path": tmp_path / name for name in names}, noise_seed=1)
    report = nb.output.write_outputs(result.model, result.image, files)
    found = result.statistics()
    assert asdict(found).items() <= asdict(report).items()
    inside = np.where(mask, result.image, 0.0)[2:31, 3:41].astype(np.float64)
    assert found.max_value == inside.max()
    assert found.mean == pytest.approx(inside.sum() / np.count_nonzero(mask[2:31, 3:41]), rel=1e-12)


def test_traces_are_written_read_and_compared(result, tmp_path):
    for name, pixel in (("a", (20, 24)), ("b", (20, 24)), ("c", (20, 25))):
        nb.trace.write_trace(tmp_path / name, result.model, nb.trace.record_pixels(result.model, [pixel]))
    a, b, c = (nb.trace.read_trace(tmp_path / name) for name in "abc")
    assert nb.trace.compare_traces(a, b).are_equal
    assert not nb.trace.compare_traces(a, c).are_equal
    values = {line.key: line.values for line in a.lines}
    assert float(values["I_pixel_final"][0]) == pytest.approx(float(result.image[20, 24]), rel=1e-6)


def test_images_of_any_type_are_compared_as_float32(result):
    image = result.image.astype(np.float64)
    assert nb.compare.measure(result.image, image * (1.0 + 1e-12)).different == 0
    assert nb.compare.assess(result.image.tolist(), image).is_good
    with pytest.raises(nb.NbnumbaError, match="the images have different shapes"):
        nb.compare.measure(image, image[1:])


def test_the_documents_example_runs(tmp_path):
    code = (ROOT / "docs" / "library.md").read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    for name in ("er1_P1.hkl", "er1_1.0.mat"):
        shutil.copy(input_file(name), tmp_path)
    # a process of its own: what the packages import must not be here already
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert nb.io.read_cbf(tmp_path / "er1_00001.cbf").images.max() > 10
