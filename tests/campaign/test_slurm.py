"""Campaigns on a real SLURM of one node: as a job array, and through dask-jobqueue. make test-slurm runs them.

Debian's packages slurm-wlm and munge are needed, and root, for the daemons; without them all is skipped.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from campaign.plans import assert_equal, everything, write_plan

import nbnumba.campaign as campaign

NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "sinfo")
MISSING = [name for name in NEEDED if shutil.which(name) is None]
pytestmark = [
    pytest.mark.slurm,
    pytest.mark.skipif(bool(MISSING), reason=f"no {', '.join(MISSING)}: apt-get install slurm-wlm munge"),
    pytest.mark.skipif(os.geteuid() != 0, reason="the daemons need root"),
]

CONFIGURATION = """\
ClusterName=test
SlurmctldHost=localhost
SlurmUser=root
AuthType=auth/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SlurmctldPort=16817
SlurmdPort=16818
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
MpiDefault=none
NodeName=localhost CPUs=2 State=UNKNOWN
PartitionName=debug Nodes=localhost Default=YES MaxTime=INFINITE State=UP
"""


def wait_until(done, what: str, seconds: float = 120.0) -> None:
    """Wait, but not for ever."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, what
        time.sleep(0.2)


def start_munge() -> int | None:
    """Start munged, unless one runs; its process."""
    folder = Path("/run/munge")
    if (folder / "munge.socket.2").exists():
        return None
    folder.mkdir(exist_ok=True)
    shutil.chown(folder, "munge", "munge")
    subprocess.run(["runuser", "-u", "munge", "--", "munged"], check=True, stdout=subprocess.DEVNULL)
    wait_until((folder / "munged.pid").exists, "munged does not start")
    return int((folder / "munged.pid").read_text())


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    """A SLURM of this machine; the environment of its commands."""
    folder = tmp_path_factory.mktemp("slurm")
    pids = [start_munge()]
    for name in ("state", "spool"):
        (folder / name).mkdir()
    file = folder / "slurm.conf"
    file.write_text(CONFIGURATION.format(folder=folder), encoding="ascii")
    environment = {**os.environ, "SLURM_CONF": str(file)}
    for command in (["slurmctld", "-f", str(file)], ["slurmd", "-N", "localhost", "-f", str(file)]):
        subprocess.run(command, check=True, env=environment, capture_output=True)
    pid_files = [folder / "slurmctld.pid", folder / "slurmd.pid"]
    wait_until(lambda: all(path.exists() for path in pid_files), "the daemons do not start")
    pids += [int(path.read_text()) for path in pid_files]

    def is_idle() -> bool:
        shown = subprocess.run(["sinfo", "-h", "-o", "%t"], env=environment, capture_output=True, text=True)
        return shown.stdout.strip() == "idle"

    try:
        wait_until(is_idle, "the node does not come up")
        yield environment
    finally:
        subprocess.run(["scancel", "--user", "root"], env=environment, check=False)
        for pid in pids[::-1]:
            if pid is not None:
                os.kill(pid, signal.SIGTERM)


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """What one thread makes of the stills."""
    folder = tmp_path_factory.mktemp("expected")
    campaign.run(write_plan(folder), workers=1)
    return everything(folder / "out")


def command(path: Path, *arguments: str) -> str:
    """The command line of a run."""
    return " ".join([sys.executable, "-m", "nbnumba", "campaign", "run", str(path), *arguments])


def test_a_job_array_makes_the_same_bits(slurm, tmp_path, expected):
    path = write_plan(tmp_path)
    script = f"#!/bin/sh\n{command(path, '--workers 1 --shard $SLURM_ARRAY_TASK_ID/3')}\n"
    subprocess.run(["sbatch", "--array=1-3", f"--output={tmp_path}/job-%a.out", "--wait"], input=script, text=True,
                   env=slurm, cwd=tmp_path, check=True, timeout=300, capture_output=True)  # fmt: skip
    assert_equal(everything(tmp_path / "out"), expected)
    assert (tmp_path / "out" / "labels.parquet").exists()


def test_dask_jobqueue_makes_the_same_bits(slurm, tmp_path, expected):
    pytest.importorskip("dask_jobqueue")
    path = write_plan(tmp_path)
    options = 'cores: 1, memory: 1GB, processes: 1, job-directives-skip: ["--mem"], interface: lo, walltime: "00:10:00"'
    (tmp_path / "jobqueue.yaml").write_text(f"jobqueue: {{slurm: {{{options}}}}}\n", encoding="ascii")
    subprocess.run(command(path, "--dask", str(tmp_path / "jobqueue.yaml"), "--workers", "2"), shell=True, env=slurm,
                   cwd=tmp_path, check=True, timeout=300)  # fmt: skip
    assert_equal(everything(tmp_path / "out"), expected)
    shown = subprocess.run(["squeue", "-h"], env=slurm, capture_output=True, text=True, check=True)
    # jobs are cancelled in the end
    wait_until(lambda: not subprocess.run(["squeue", "-h"], env=slurm, capture_output=True, text=True,
                                          check=True).stdout.strip(), f"jobs are left: {shown.stdout}")  # fmt: skip
