"""A campaign's folder: nothing of others is lost in it, nothing is made in vain, and all that is wrong is said."""

from __future__ import annotations

import builtins
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from campaign.plans import STILLS, write_plan
from nbnumba_cli.main import run as nbnumba

import nbnumba.campaign as campaign
from nbnumba.campaign.folder import WORK_FOLDER, Folder
from nbnumba.errors import InputFileError, OutputFileError

SHORT = {"shots = 10": "shots = 4", "images_per_shard = 3": "images_per_shard = 1"}


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> Path:
    """A folder of four shards."""
    folder = tmp_path_factory.mktemp("folder")
    campaign.run(write_plan(folder, **SHORT), workers=1)
    return folder / "out"


@pytest.fixture
def without(monkeypatch):
    """Makes a package one that is not installed."""
    imported = builtins.__import__

    def hide(*names: str) -> None:
        def refuse(name, *arguments, **rest):
            if name.partition(".")[0] in names:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)
            return imported(name, *arguments, **rest)

        for module in [module for module in sys.modules if module.partition(".")[0] in names]:
            monkeypatch.delitem(sys.modules, module)
        for name in names:
            monkeypatch.setitem(sys.modules, name, None)
        monkeypatch.setattr(builtins, "__import__", refuse)

    return hide


def said(capsys) -> list[str]:
    """What went to stderr, without reports of compilation."""
    return [line for line in capsys.readouterr().err.splitlines() if "compil" not in line]


@pytest.mark.parametrize("name", ["plan.toml", "labels.parquet", "master.h5", "shard_00000.nxs"])
def test_files_of_others_are_never_written_over(tmp_path, capsys, monkeypatch, name):
    path = write_plan(tmp_path / "plans", **SHORT)
    out = tmp_path / "plans" if name == "plan.toml" else tmp_path / "mine"
    out.mkdir(exist_ok=True)
    if name != "plan.toml":
        (out / name).write_text("mine", encoding="utf-8")
    before = {file.name: file.read_bytes() for file in out.iterdir()}
    monkeypatch.chdir(out)
    assert nbnumba(["campaign", "run", str(path), "-o", ".", "--workers", "1"]) == 2
    assert said(capsys) == [f"nbnumba: error: .: holds {name}, which a campaign would write over; choose another "
                            "output folder"]  # fmt: skip
    assert {file.name: file.read_bytes() for file in out.iterdir()} == before


def test_other_files_may_lie_in_the_folder(tmp_path):
    path = write_plan(tmp_path, **SHORT)
    path = path.rename(tmp_path / "mine.toml")
    assert campaign.run(path, output=tmp_path, workers=1).complete == 4
    assert campaign.parse_plan(path.read_text(encoding="utf-8")) == campaign.read_plan(tmp_path / "plan.toml")


def test_a_run_that_had_only_written_its_plan_goes_on(tmp_path):
    path = write_plan(tmp_path, **SHORT)
    Folder.create(tmp_path / "out", campaign.prepare(path))
    (tmp_path / "out" / "campaign.json").unlink()
    assert campaign.run(path, workers=1).complete == 4


@pytest.mark.parametrize("arguments", [
    ("--workers", "0"), ("--workers", "-3"), ("--shard", "5/4"), ("--scheduler", "tcp://127.0.0.1:1"),
    ("--dask", "none.yaml", "--workers", "0"), ("--dask", "none.yaml"),
])  # fmt: skip
def test_what_is_impossible_makes_no_folder(tmp_path, capsys, monkeypatch, arguments):
    pytest.importorskip("distributed")
    monkeypatch.setattr("nbnumba.campaign.dask_workers._SECONDS_TO_CONNECT", 0.2)
    path = write_plan(tmp_path, **SHORT)
    assert nbnumba(["campaign", "run", str(path), *arguments, "--progress"]) in (1, 2)
    assert len(said(capsys)) == 1
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("command", "missing", "extra"), [
    (("run",), "h5py", "campaign"), (("run",), "hdf5plugin", "hdf5"), (("plan",), "h5py", "campaign"),
    (("plan",), "matplotlib", "plots"), (("run", "--scheduler", "tcp://127.0.0.1:1"), "distributed", "dask"),
    (("run", "--dask", "jobqueue.yaml"), "dask_jobqueue", "dask"), (("run", "--dask", "jobqueue.yaml"), "yaml", "dask"),
])  # fmt: skip
def test_a_missing_package_is_named_before_anything_is_made(
    tmp_path, capsys, monkeypatch, without, command, missing, extra
):
    path = write_plan(tmp_path, **SHORT)
    monkeypatch.chdir(tmp_path)
    Path("jobqueue.yaml").write_text("jobqueue: {slurm: {cores: 1, memory: 1GB}}\n", encoding="ascii")
    without(missing)
    assert nbnumba(["campaign", command[0], str(path), *command[1:]]) == 1
    (line,) = said(capsys)
    assert f"needs {missing}, which is not installed: pip install 'nbnumba[{extra}]'" in line
    assert {file.name for file in tmp_path.iterdir()} == {"plan.toml", "jobqueue.yaml"}


def test_status_needs_no_hdf5(done, capsys, without):
    without("h5py", "hdf5plugin")
    assert nbnumba(["campaign", "status", str(done)]) == 0
    assert capsys.readouterr().out == "4 of 4 images, 4 of 4 shards\n"


@pytest.mark.parametrize("name", ["plan", "run"])
def test_a_folder_in_place_of_a_plan_is_one_line(tmp_path, capsys, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    assert nbnumba(["campaign", name, "."]) == 2
    assert said(capsys) == ["nbnumba: error: .: is a folder; give the file of a plan"]


@pytest.mark.parametrize("text", ["[]", '{"a": 1}', "3", "{", '{"plan_hash": 3, "inputs": {}}'])
def test_a_broken_list_of_a_folder_is_one_line(tmp_path, capsys, text):
    path = write_plan(tmp_path, **SHORT)
    Folder.create(tmp_path / "out", campaign.prepare(path))
    (tmp_path / "out" / "campaign.json").write_text(text, encoding="utf-8")
    for command in (("run", str(path)), ("status", str(path)), ("merge", str(tmp_path / "out"))):
        assert nbnumba(["campaign", *command]) == 1
        (line,) = said(capsys)
        assert "campaign.json: is " in line


def test_a_broken_log_is_passed_over(tmp_path, capsys):
    folder = Folder.create(tmp_path / "out", campaign.prepare(write_plan(tmp_path, **SHORT)))
    (tmp_path / "out" / "log.jsonl").write_bytes(b'{"time": 1, "ev\n[3]\n{"a": 1}\n\xff}\n')
    folder.log("shard", shard=1, images=1)
    assert [event["event"] for event in folder.events()] == ["shard"]
    assert nbnumba(["campaign", "status", str(tmp_path / "out")]) == 0


@pytest.mark.parametrize("command", ["run", "merge", "open"])
def test_damaged_shards_are_named_all_at_once(tmp_path, capsys, command):
    path = write_plan(tmp_path, **SHORT)
    campaign.run(path, workers=1)
    for shard in (0, 2):
        (tmp_path / "out" / f"shard_{shard:05d}.nxs").write_bytes(b"nothing")
    if command == "open":
        with pytest.raises(InputFileError) as error:
            campaign.open(tmp_path / "out")
        lines = list(error.value.lines)
    else:
        assert nbnumba(["campaign", command, str(path), "--workers" if command == "run" else "--partial",
                        *(["1"] if command == "run" else [])]) == 1  # fmt: skip
        lines = said(capsys)
    assert [line.partition("out/")[2].partition(":")[0] for line in lines] == ["shard_00000.nxs", "shard_00002.nxs"]
    assert all("damaged" in line for line in lines)


@pytest.mark.parametrize("command", ["status", "merge"])
def test_a_changed_plan_is_refused(done, tmp_path, capsys, command):
    path = write_plan(tmp_path, **SHORT | {"seed = 7": "seed = 8"})
    assert nbnumba(["campaign", command, str(path), "--output", str(done)]) == 2
    (line,) = said(capsys)
    assert "holds images of another plan" in line
    assert "give the folder in place of the plan" in line
    assert nbnumba(["campaign", command, str(done)]) == 0
    assert nbnumba(["campaign", command, str(done.parent / "plan.toml")]) == 0


def test_a_changed_input_file_is_a_changed_plan(tmp_path, capsys):
    (tmp_path / "f.hkl").write_text("1 1 1 10.0\n1 1 2 20.0\n", encoding="utf-8")
    path = write_plan(tmp_path, STILLS.replace("default_F = 100", 'hkl = "f.hkl"'))
    Folder.create(tmp_path / "out", campaign.prepare(path))
    assert nbnumba(["campaign", "status", str(path)]) == 0
    (tmp_path / "f.hkl").write_text("1 1 1 10.0\n1 1 2 21.0\n", encoding="utf-8")
    assert nbnumba(["campaign", "status", str(path)]) == 2
    assert "its input files have changed" in capsys.readouterr().err


def test_missing_shards_are_named_and_merged_only_if_asked(tmp_path, capsys):
    path = write_plan(tmp_path, **SHORT | {"shots = 4": "shots = 6"})
    prepared = campaign.prepare(path)
    campaign.run(prepared, tmp_path / "out", 1, part=(2, 3))
    (tmp_path / "out" / "shard_00003.nxs").unlink()
    assert nbnumba(["campaign", "merge", str(path)]) == 1
    assert said(capsys) == [
        f"nbnumba: error: {tmp_path}/out: 5 of 6 shards are missing (0-1, 3-5): run the campaign first, or give "
        "--partial to merge the others"
    ]
    assert not (tmp_path / "out" / "labels.parquet").exists()
    assert nbnumba(["campaign", "merge", str(path), "--partial"]) == 0
    captured = capsys.readouterr()
    assert "5 of 6 shards are missing (0-1, 3-5)" in captured.err
    assert "labels of 1 shards" in captured.out
    assert campaign.merge(tmp_path / "out", partial=True).missing == (0, 1, 3, 4, 5)


def test_notes_of_killed_processes_are_removed(tmp_path):
    path = write_plan(tmp_path, **SHORT)
    Folder.create(tmp_path / "out", campaign.prepare(path))
    notes = tmp_path / "out" / WORK_FOLDER
    notes.mkdir()
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    # of this machine, one that has ended and one that lives; of another machine, one of an hour ago and one of now
    here, now = os.uname().nodename, time.time()
    ages = {f"{here}-{ended.pid}": 0.0, f"{here}-{os.getppid()}": 0.0, "there-1": 3600.0, "there-2": 0.0}
    for name, age in ages.items():
        note = notes / f"{name}-00000.json"
        note.write_text(json.dumps({"shard": 0, "images": 1, "seconds": 1.0, "process": name}), encoding="utf-8")
        os.utime(note, (now - age, now - age))
    campaign.run(path, workers=1)
    assert {note.name for note in notes.iterdir()} == {f"{here}-{os.getppid()}-00000.json", "there-2-00000.json"}
    for note in notes.iterdir():
        note.unlink()
    campaign.run(path, workers=1)
    assert not notes.exists()


def test_slices_of_results_are_arrays(done):
    with campaign.open(done) as results:
        images = list(results)
        np.testing.assert_array_equal(results[1:3], images[1:3])
        np.testing.assert_array_equal(results[::-2], images[::-2])
        np.testing.assert_array_equal(results[np.int64(2)], images[2])
        assert (results[4:].shape, results[4:].dtype) == ((0, 30, 40), images[0].dtype)
        with pytest.raises(TypeError):
            results["1"]


def test_ctrl_c_while_workers_start_is_one_line(tmp_path):
    path = write_plan(tmp_path)
    command = [sys.executable, "-m", "nbnumba_cli", "campaign", "run", str(path), "--workers", "3"]
    for delay in (0.0, 0.15, 0.4):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                   start_new_session=True)  # fmt: skip
        while not list(tmp_path.glob("out/log.jsonl")):
            assert process.poll() is None
            time.sleep(0.002)
        time.sleep(delay)
        # a terminal sends it to all
        os.killpg(process.pid, signal.SIGINT)
        _, words = process.communicate(timeout=60)
        if process.returncode == 130:
            assert words == "nbnumba: interrupted\n"
        (tmp_path / "out" / "log.jsonl").unlink()


@pytest.mark.parametrize(("name", "words"), [("sheet.xyz", "ends in .png"), ("none/sheet.png", "does not exist")])
def test_a_sheet_that_can_not_be_written_is_refused_first(tmp_path, capsys, monkeypatch, name, words):
    path = write_plan(tmp_path, **SHORT)
    monkeypatch.chdir(tmp_path)
    assert nbnumba(["campaign", "plan", str(path), "--sheet", name]) in (1, 2)
    (line,) = said(capsys)
    assert line.startswith(f"nbnumba: error: {name}: ")
    assert words in line
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_said_with_the_name_of_the_sheet(tmp_path):
    prepared = campaign.prepare(write_plan(tmp_path, **SHORT))
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limit[1]))
    try:
        with pytest.raises(OutputFileError, match=r"sheet.png: can't be written: File too large"):
            campaign.contact_sheet(prepared, tmp_path / "sheet.png")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, old)
    assert not list(tmp_path.glob("*.png"))
