"""Running campaigns: any layout gives the same bits, a crash costs at most what was in hand."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from campaign.plans import SCAN, STILLS, assert_equal, everything, write_plan
from nbnumba_cli.main import run as nbnumba

import nbnumba.campaign as campaign
from nbnumba.campaign.folder import Folder
from nbnumba.campaign.labels import read_group
from nbnumba.campaign.workers import by_processes, by_threads
from nbnumba.errors import InputFileError, OutputFileError, UsageError


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """What one thread makes of the stills."""
    folder = tmp_path_factory.mktemp("expected")
    campaign.run(write_plan(folder), workers=1)
    return everything(folder / "out")


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A folder of stills that are all there."""
    folder = tmp_path_factory.mktemp("done")
    campaign.run(write_plan(folder), workers=1)
    return folder / "out"


def test_four_threads_give_the_same_bits(tmp_path, expected):
    make = lambda prepared, folder, shards: by_threads(prepared, folder, shards, 4)  # noqa: E731
    campaign.run(write_plan(tmp_path), maker=make)
    assert_equal(everything(tmp_path / "out"), expected)


def test_processes_give_the_same_bits(tmp_path, expected):
    outcome = campaign.run(write_plan(tmp_path), workers=4)
    assert (outcome.complete, outcome.images) == (4, 10)
    assert_equal(everything(tmp_path / "out"), expected)


def test_parts_in_reverse_give_the_same_bits(tmp_path, expected):
    path = write_plan(tmp_path)
    for part in (3, 2, 1):
        assert nbnumba(["campaign", "run", str(path), "--shard", f"{part}/3", "--workers", "1"]) == 0
    assert_equal(everything(tmp_path / "out"), expected)
    assert (tmp_path / "out" / "labels.parquet").exists()


def test_shards_in_reverse_give_the_same_bits(tmp_path, expected):
    make = lambda prepared, folder, shards: by_threads(prepared, folder, shards[::-1], 1)  # noqa: E731
    campaign.run(write_plan(tmp_path), maker=make)
    assert_equal(everything(tmp_path / "out"), expected)


def begin(path: Path, *arguments: str) -> subprocess.Popen:
    """The command in a process of its own, when its first shard is there."""
    command = [sys.executable, "-m", "nbnumba_cli", "campaign", "run", str(path), *arguments]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while not list(path.parent.glob("out/shard_*")):
        assert process.poll() is None
        time.sleep(0.01)
    return process


LONG = {"shots = 10": "shots = 200", "images_per_shard = 3": "images_per_shard = 10"}


@pytest.mark.parametrize("workers", ["1", "2"])
def test_after_kill_9_the_run_goes_on_with_whole_shards(tmp_path, workers):
    path = write_plan(tmp_path, **LONG)
    process = begin(path, "--workers", workers)
    process.kill()
    process.communicate()
    out = tmp_path / "out"
    whole = {shard.name: shard.stat().st_mtime_ns for shard in out.glob("shard_*")}
    assert 1 <= len(whole) < 20
    # what is there is whole
    assert all(len(shard) == 10 for shard in campaign.open(out).shards)
    shorter = write_plan(tmp_path / "again", **LONG)
    campaign.run(path, workers=1)
    assert {name: (out / name).stat().st_mtime_ns for name in whole} == whole
    assert not list(out.glob(".nbnumba*"))
    campaign.run(shorter, workers=1)
    assert_equal(everything(out), everything(tmp_path / "again" / "out"))


@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_ends_within_a_second_and_leaves_whole_shards_only(tmp_path, workers):
    path = write_plan(tmp_path, **LONG)
    process = begin(path, "--workers", workers)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    # a loaded machine may take a while to end processes
    assert time.monotonic() - began < 5.0
    assert process.returncode == 130
    assert "interrupted" in said
    time.sleep(0.5)
    assert not [name for name in (tmp_path / "out").iterdir() if name.name.startswith(".")]
    assert campaign.standing(tmp_path / "out").in_progress == ()


def test_a_script_needs_no_guard(tmp_path, expected):
    write_plan(tmp_path)
    script = tmp_path / "script.py"
    script.write_text("import nbnumba.campaign\nnbnumba.campaign.run('plan.toml', workers=2)\n", encoding="ascii")
    done = subprocess.run([sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert_equal(everything(tmp_path / "out"), expected)


def test_a_lost_process_is_replaced(tmp_path):
    prepared = campaign.prepare(write_plan(tmp_path, **{"shots = 10": "shots = 60"}))
    folder = Folder.create(tmp_path / "out", prepared)
    killed = []
    for _ in by_processes(prepared, folder, range(20), 2):
        if not killed:
            killed = [int(work.process.rpartition("-")[2]) for work in folder.in_progress()][:1]
            for process in killed:
                os.kill(process, signal.SIGKILL)
    assert killed
    assert folder.complete() == list(range(20))


def test_a_second_run_has_nothing_to_do(done):
    before = {path.name: path.stat().st_mtime_ns for path in done.glob("shard_*")}
    outcome = campaign.run(done.parent / "plan.toml")
    assert (outcome.images, outcome.complete) == (0, 4)
    assert {path.name: path.stat().st_mtime_ns for path in done.glob("shard_*")} == before


def test_a_changed_plan_is_refused_in_an_old_folder(done, tmp_path):
    other = write_plan(tmp_path, **{"seed = 7": "seed = 8"})
    with pytest.raises(UsageError, match="holds images of another plan"):
        campaign.run(other, output=done)
    assert nbnumba(["campaign", "run", str(other), "--output", str(done)]) == 2


def test_changed_input_files_make_another_plan(tmp_path):
    (tmp_path / "f.hkl").write_text("1 1 1 10.0\n1 1 2 20.0\n", encoding="utf-8")
    path = write_plan(tmp_path, STILLS.replace("default_F = 100", 'hkl = "f.hkl"').replace("shots = 10", "shots = 1"))
    campaign.run(path)
    (tmp_path / "f.hkl").write_text("1 1 1 10.0\n1 1 2 21.0\n", encoding="utf-8")
    with pytest.raises(UsageError, match="input files have changed"):
        campaign.run(path)


def test_a_full_disk_stops_with_what_is_whole(tmp_path):
    path = write_plan(tmp_path)
    campaign.run(path, part=(1, 4))
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limit[1]))
    try:
        with pytest.raises(OutputFileError, match="can't be written"):
            campaign.run(path, workers=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, old)
    assert [path.name for path in sorted((tmp_path / "out").glob("*shard*"))] == ["shard_00000.nxs"]


def test_a_shot_that_fails_is_named_with_its_seed_and_stops_no_other(tmp_path, capsys):
    # half a cell of a grating: each value is possible by itself, and the first shot takes a whole one
    text = STILLS.replace("cells = [5, 5, 5]", "cells = [{choice = [5, 5, 5.5]}, 5, 5]").replace('"gauss"', '"square"')
    path = write_plan(tmp_path, text.replace("images_per_shard = 3", "images_per_shard = 1"))
    wrong = [shot.number for shot in campaign.shots(path) if shot.labels["cells_a"] == 5.5]
    assert 0 < len(wrong) < 10
    assert nbnumba(["campaign", "run", str(path), "--workers", "1"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[2] for line in said] == [f"shot {shot} (seed 7)" for shot in wrong]
    assert len(campaign.open(tmp_path / "out").shards) == 10 - len(wrong)
    assert nbnumba(["campaign", "status", str(path)]) == 0
    assert f"{len(wrong)} failed" in capsys.readouterr().out


def test_shards_say_how_they_were_made(done):
    with h5py.File(done / "shard_00001.nxs") as file:
        group = file["entry/campaign"]
        assert campaign.parse_plan(group["plan"].asstr()[()]) == campaign.read_plan(done / "plan.toml")
        assert group.attrs["plan_hash"] == campaign.prepare(done.parent / "plan.toml").digest
        assert (group.attrs["seed"], group.attrs["engine"], group.attrs["physics"]) == (7, "cpu", "exact")
        assert list(read_group(group["labels"])["shot"]) == [3, 4, 5]


def test_stills_are_nxmx_with_the_wavelength_and_crystal_of_each(done):
    from nbnumba.io.nxmx_reader import read_nxmx

    shots = list(campaign.shots(done.parent / "plan.toml"))
    for number in (3, 5):
        scene = read_nxmx(done / "shard_00001.nxs", slice(number - 3, number - 2)).scene
        # files keep float64
        assert scene.wavelength == pytest.approx(shots[number].experiment.beam.wavelength, rel=1e-12)
        np.testing.assert_allclose(scene.crystal.A, shots[number].reciprocal, rtol=0, atol=1e-12)


def test_the_master_and_the_table_hold_all(done, expected):
    images, labels = expected
    import hdf5plugin  # noqa: F401
    from pyarrow import parquet

    with h5py.File(done / "master.nxs") as file:
        assert file["entry/data/data"].is_virtual
        np.testing.assert_array_equal(file["entry/data/data"][:], images)
        wavelengths = file["entry/instrument/beam/incident_wavelength"][:]
        np.testing.assert_allclose(wavelengths, labels["wavelength_a"], rtol=1e-12)
        assert file["entry/instrument/detector/detectorSpecific/nimages"][()] == 10
    table = parquet.read_table(done / "labels.parquet").to_pydict()
    assert {name: list(column) for name, column in labels.items()} == table


def test_results_are_read_by_index_across_shards(done, expected):
    with campaign.open(done) as results:
        assert (len(results), [len(shard) for shard in results.shards]) == (10, [3, 3, 3, 1])
        np.testing.assert_array_equal(results[4], expected[0][4])
        np.testing.assert_array_equal(results[-1], expected[0][9])
        np.testing.assert_array_equal(results.shards[1][0:2, ::3], np.array(expected[0][3:5])[:, ::3])
        with pytest.raises(IndexError):
            results[10]


def test_a_rotation_set_is_a_data_set_of_its_own(tmp_path):
    campaign.run(write_plan(tmp_path, SCAN), workers=2)
    results = campaign.open(tmp_path / "out")
    assert [shard.shape for shard in results.shards] == [(4, 30, 40), (4, 30, 40)]
    assert list(results.labels["shot"]) == [0, 1]
    with h5py.File(tmp_path / "out" / "shard_00000.nxs") as file:
        np.testing.assert_allclose(file["entry/sample/transformations/omega"][:], [0.0, 0.5, 1.0, 1.5])
    campaign.run(write_plan(tmp_path / "other", SCAN), workers=1)
    assert_equal(everything(tmp_path / "out"), everything(tmp_path / "other" / "out"))


def test_images_of_a_set_have_noise_of_their_own(tmp_path):
    text = SCAN.replace("default_F = 100", "default_F = 1e-9").replace("width_deg = 0.5", "width_deg = 1e-6")
    campaign.run(write_plan(tmp_path, text.replace("shots = 2", "shots = 1")), workers=1)
    (images,) = campaign.open(tmp_path / "out").shards
    assert len({image.tobytes() for image in images}) == 4


def test_small_images_are_the_roots_of_the_largest_pixels(tmp_path):
    small = STILLS + '[image]\ndtype = "uint8"\ndownsample = {size = 16, how = "max-sqrt"}\n'
    campaign.run(write_plan(tmp_path / "small", small), workers=1)
    plain = STILLS + '[image]\nformat = "hdf5"\n'
    campaign.run(write_plan(tmp_path / "plain", plain), workers=1)
    results = campaign.open(tmp_path / "small" / "out")
    for ours, whole in zip(results, campaign.open(tmp_path / "plain" / "out"), strict=True):
        # blocks of 40 / 16, rounded up
        blocks = np.pad(whole, ((0, 18), (0, 8))).reshape(16, 3, 16, 3).max(axis=(1, 3))
        np.testing.assert_array_equal(ours, np.clip(np.rint(np.sqrt(np.maximum(blocks, 0))), 0, 255))
        assert ours.dtype == np.uint8
    with h5py.File(tmp_path / "small" / "out" / "master.h5") as file:
        assert file["images"].shape == (10, 16, 16)


def test_masked_pixels_are_marked_and_not_computed(tmp_path):
    mask = np.ones((30, 40), dtype=np.uint8)
    mask[10:20, 5:9] = 0
    tmp_path.mkdir(exist_ok=True)
    np.save(tmp_path / "gaps.npy", mask)
    text = STILLS.replace("readout_noise = 1.0", 'readout_noise = 1.0\nmask = "gaps.npy"')
    campaign.run(write_plan(tmp_path, text.replace("shots = 10", "shots = 1")), workers=1)
    (image,) = campaign.open(tmp_path / "out")
    assert (image[mask == 0] == -1).all()
    assert image[mask == 1].min() > -20


def test_without_a_readout_images_are_expected_photons(tmp_path):
    path = write_plan(tmp_path, STILLS.partition("[readout]")[0].replace("shots = 10", "shots = 2"))
    campaign.run(path, workers=1)
    from nbnumba import simulate

    for shot, image in zip(campaign.shots(path), campaign.open(tmp_path / "out"), strict=True):
        np.testing.assert_array_equal(image, simulate(shot.experiment).slab())


def test_a_cutoff_moves_no_pixel_by_more(tmp_path):
    photons = STILLS.partition("[readout]")[0].replace("shots = 10", "shots = 2").replace("F = 100", "F = 30")
    campaign.run(write_plan(tmp_path / "full", photons), workers=1)
    campaign.run(write_plan(tmp_path / "cut", photons + "[image]\ncutoff = 0.01\n"), workers=1)
    (all_full, _), (all_cut, _) = (everything(tmp_path / name / "out") for name in ("full", "cut"))
    for full, cut in zip(all_full, all_cut, strict=True):
        # float32 of some hundred photons
        np.testing.assert_allclose(cut, full, rtol=1e-6, atol=0.01)


def test_spots_lie_where_images_are_bright(tmp_path):
    photons = STILLS.partition("[background]")[0].replace("shots = 10", "shots = 4").replace("cells = [5, 5, 5]", (
        "cells = [9, 9, 9]\nlattices = {choice = [1, 2]}"))  # fmt: skip
    path = write_plan(tmp_path, photons + '[image]\ntruth = ["orientation", "spots"]\n')
    campaign.run(path, workers=1)
    results = campaign.open(tmp_path / "out")
    spots = results.spots
    assert set(spots["crystal"]) == {0, 1}
    for shot, image in enumerate(results):
        of_shot = spots["shot"] == shot
        brightest = np.unravel_index(image.argmax(), image.shape)
        away = np.hypot(spots["slow"][of_shot] - brightest[0] - 0.5, spots["fast"][of_shot] - brightest[1] - 0.5)
        # a pixel and a half, for the middle of a spot may lie in the next one
        assert away[spots["photons"][of_shot] > 0.1 * image.max()].min() < 1.5
    assert (tmp_path / "out" / "spots.parquet").exists()
    assert results.labels.keys().isdisjoint({"a", "fluence"})


@pytest.mark.parametrize(("arguments", "said"), [
    (("--shard", "0/3"), "parts are numbered from 1/3 to 3/3"), (("--shard", "4"), "give two numbers"),
    (("--workers", "0"), "give at least 1"),
])
def test_impossible_options_are_one_line(tmp_path, capsys, arguments, said):
    assert nbnumba(["campaign", "run", str(write_plan(tmp_path)), *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_folders_that_are_none_are_one_line(tmp_path):
    with pytest.raises(InputFileError, match="is no folder of a campaign"):
        campaign.open(tmp_path)
    Folder.create(tmp_path / "out", campaign.prepare(write_plan(tmp_path)))
    with pytest.raises(InputFileError, match="holds no complete shard yet"):
        campaign.merge(tmp_path / "out")
    (tmp_path / "out" / "shard_00000.nxs").write_bytes(b"nothing")
    with pytest.raises(InputFileError, match="is no shard of a campaign, or damaged"):
        campaign.open(tmp_path / "out")
