"""Campaigns on Dask: real worker processes, one of which is killed while it works."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from campaign.plans import assert_equal, everything, write_plan
from nbnumba_cli.main import run as nbnumba

import nbnumba.campaign as campaign
from nbnumba.errors import InputFileError

distributed = pytest.importorskip("distributed")

# what its processes leave behind when they are killed is not ours
pytestmark = [pytest.mark.dask, pytest.mark.filterwarnings("ignore::ResourceWarning"),
              pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")]  # fmt: skip


@pytest.fixture(scope="module")
def cluster():
    """Two worker processes of one thread."""
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as made:
        yield made


def test_dask_gives_the_same_bits_although_a_worker_is_killed(cluster, tmp_path):
    path = write_plan(tmp_path, **{"shots = 10": "shots = 40"})
    killed: list[int] = []

    def kill_one(made: object) -> None:
        if not killed:
            killed.append(next(iter(cluster.workers.values())).pid)
            os.kill(killed[0], signal.SIGKILL)

    with distributed.Client(cluster) as client:
        outcome = campaign.run(path, maker=campaign.by_dask(client), progress=kill_one)
    assert killed
    assert (outcome.complete, outcome.failures) == (14, ())
    campaign.run(write_plan(tmp_path / "here", **{"shots = 10": "shots = 40"}), workers=1)
    assert_equal(everything(tmp_path / "out"), everything(tmp_path / "here" / "out"))


def test_the_command_takes_the_address_of_a_scheduler(cluster, tmp_path, capsys):
    path = write_plan(tmp_path)
    assert nbnumba(["campaign", "run", str(path), "--scheduler", cluster.scheduler_address]) == 0
    assert "4 of 4 shards complete" in capsys.readouterr().out


@pytest.mark.parametrize(("text", "said"), [
    ("", "needs a section jobqueue"), ("jobqueue: {slrm: {cores: 1}}", "one of htcondor, lsf"),
    ("jobqueue: {slurm: {cores: one}}", "dask-jobqueue"), ("a: [", "is no YAML"),
])
def test_a_jobqueue_file_that_is_none_is_one_line(tmp_path, text, said):
    pytest.importorskip("dask_jobqueue")
    from nbnumba.campaign.dask_workers import jobqueue_client

    path = Path(tmp_path / "jobqueue.yaml")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputFileError, match=said), jobqueue_client(path, 1):
        pass


@pytest.mark.parametrize(("arguments", "said"), [
    (("--scheduler", "tcp://127.0.0.1:1", "--dask", "x.yaml"), "both say who makes the images"),
    (("--scheduler", "tcp://127.0.0.1:1", "--workers", "2"), "has no effect with --scheduler"),
    (("--dask", "none.yaml"), "none.yaml: can't be read"),
])
def test_impossible_choices_of_workers_are_one_line(tmp_path, capsys, arguments, said):
    assert nbnumba(["campaign", "run", str(write_plan(tmp_path)), *arguments]) in (1, 2)
    assert said in capsys.readouterr().err.splitlines()[-1]
