"""All output files of a run: what is written, in what order, and what happens when it can't be."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nbnumba.config import Crystal, Detector, Experiment, StructureFactors, UnitCell
from nbnumba.errors import OutputFileError
from nbnumba.io.fdump import read_fdump
from nbnumba.io.float_image import read_float_image
from nbnumba.io.pgm import read_pgm
from nbnumba.io.smv import read_smv
from nbnumba.output.digitize import integer_image
from nbnumba.output.files import OutputFiles
from nbnumba.output.strips import window_strips
from nbnumba.output.write import check_writable, write_cache, write_outputs
from nbnumba.setup.lowering import lower
from nbnumba.setup.model import Window

SHAPE = (6, 8)
IMAGE = np.arange(48, dtype=np.float32).reshape(SHAPE)
CRYSTAL = Crystal(unit_cell=UnitCell(100.0), default_F=100.0)
FACTORS = StructureFactors(np.ones((1, 1, 1)), 0, 0, 0, reflections=1)


def model(crystal=CRYSTAL):
    return lower(Experiment(crystal=crystal, detector=Detector(pixels_fast=8, pixels_slow=6)))


def files_in(folder: Path) -> OutputFiles:
    return OutputFiles(
        float_path=folder / "floatimage.bin", int_path=folder / "intimage.img", pgm_path=folder / "image.pgm",
        noise_path=folder / "noiseimage.img", png_path=folder / "image.png", tiff_path=folder / "image.tif",
        dump_path=folder / "Fdump.bin", noise_seed=1,
    )  # fmt: skip


def test_every_file_holds_the_image_in_its_own_way(tmp_path):
    report = write_outputs(model(), IMAGE, files_in(tmp_path))
    assert np.array_equal(read_float_image(tmp_path / "floatimage.bin", SHAPE), IMAGE)
    integers = read_smv(tmp_path / "intimage.img").data
    assert (integers[0, 0], integers.max()) == (40, 55040)
    assert read_pgm(tmp_path / "image.pgm").max() == int(47 * report.pgm_scale)
    noise = read_smv(tmp_path / "noiseimage.img").data
    assert noise.sum() - 40 * noise.size == report.noise_photons
    assert (report.max_value, report.mean, report.intfile_scale) == (47.0, 23.5, 55000 / 47)
    names = ["floatimage.bin", "intimage.img", "image.pgm", "noiseimage.img", "image.tif", "image.png"]
    assert [path.name for path in report.written] == names
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)


def test_noise_by_the_clock_says_how_to_have_it_again(tmp_path):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        report = write_outputs(model(), IMAGE, replace(files_in(tmp_path), noise_seed=None))
        write_outputs(model(), IMAGE, files_in(tmp_path))
        write_outputs(model(), IMAGE, replace(files_in(tmp_path), noise_seed=None, noise_path=None))
    assert [str(item.message) for item in caught] == [
        f"the noise comes from the clock; OutputFiles.noise_seed={report.noise_seed} gives it again"
    ]


def test_strips_make_up_the_image_and_keep_the_region_of_interest(monkeypatch):
    monkeypatch.setattr("nbnumba.output.strips.STRIP_PIXELS", 16)
    region = Window(2, IMAGE.shape[1], 1, 5)
    strips = list(window_strips(IMAGE, region))
    assert len(strips) == 3
    assert np.array_equal(np.concatenate([rows for rows, _ in strips]), IMAGE)
    in_pieces = np.concatenate([integer_image(rows, window, 2.0, 40.0) for rows, window in strips])
    assert np.array_equal(in_pieces, integer_image(IMAGE, region, 2.0, 40.0))


def test_files_do_not_depend_on_the_number_of_threads(tmp_path, monkeypatch):
    monkeypatch.setattr("nbnumba.output.strips.STRIP_PIXELS", 16)
    reports, contents = [], []
    for threads in (1, 2):
        folder = tmp_path / str(threads)
        folder.mkdir()
        reports.append(write_outputs(model(), IMAGE, files_in(folder), threads))
        contents.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert contents[0] == contents[1]
    assert reports[0].noise_photons == reports[1].noise_photons


def test_files_that_are_not_wanted_are_not_written(tmp_path):
    files = replace(files_in(tmp_path), pgm_path=None, noise_path=None, png_path=None, tiff_path=None)
    report = write_outputs(model(), IMAGE, files)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["floatimage.bin", "intimage.img"]
    assert (report.pgm_scale, report.noise_seed, report.noise_photons, report.overloads) == (None, None, None, None)


def test_given_scales_offset_and_seed_are_used(tmp_path):
    files = replace(files_in(tmp_path), intfile_scale=2.0, pgm_scale=3.0, adc_offset=7.0, noise_seed=12)
    report = write_outputs(model(), IMAGE, files)
    assert (report.intfile_scale, report.pgm_scale, report.noise_seed) == (2.0, 3.0, 12)
    assert np.array_equal(read_smv(tmp_path / "intimage.img").data, 2 * IMAGE + 7)
    assert np.array_equal(read_pgm(tmp_path / "image.pgm"), 3 * IMAGE)


def test_without_a_seed_the_clock_is_taken_and_reported(tmp_path):
    report = write_outputs(model(), IMAGE, replace(files_in(tmp_path), noise_seed=None))
    assert report.noise_seed > 1_700_000_000  # seconds since 1970 in November 2023


def test_the_cache_is_written_first_when_reflections_came_from_text(tmp_path):
    report = write_outputs(model(replace(CRYSTAL, structure_factors=FACTORS)), IMAGE, files_in(tmp_path))
    assert report.written[0] == tmp_path / "Fdump.bin"
    assert np.array_equal(read_fdump(tmp_path / "Fdump.bin").amplitudes, FACTORS.amplitudes)


@pytest.mark.parametrize("factors", [None, replace(FACTORS, reflections=None)], ids=["none", "cache"])
def test_no_cache_is_written_of_anything_else(tmp_path, factors):
    assert not write_cache(factors, tmp_path / "Fdump.bin")
    assert not list(tmp_path.iterdir())


def test_a_cache_that_can_not_be_written_is_only_a_warning(tmp_path):
    with pytest.warns(UserWarning, match="no structure-factor cache was written: .*missing does not exist"):
        assert not write_cache(FACTORS, tmp_path / "missing" / "Fdump.bin")


@pytest.mark.parametrize("kind", ["float_path", "int_path", "pgm_path", "noise_path", "png_path", "tiff_path"])
def test_every_image_is_checked_before_the_simulation(tmp_path, kind):
    check_writable(files_in(tmp_path))
    with pytest.raises(OutputFileError, match="missing does not exist"):
        check_writable(replace(files_in(tmp_path), **{kind: tmp_path / "missing" / "image"}))
    assert not list(tmp_path.iterdir())


def test_the_default_names_are_nanobraggs():
    files = OutputFiles()
    assert [str(path) for path in (files.float_path, files.int_path, files.pgm_path, files.noise_path)] == [
        "floatimage.bin", "intimage.img", "image.pgm", "noiseimage.img",
    ]  # fmt: skip
    assert (str(files.dump_path), files.png_path, files.tiff_path) == ("Fdump.bin", None, None)
