"""Where the time of a whole run goes: the stages of ``nbnumba simulate``, each timed, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from nbnumba.errors import NbnumbaError

SMALL_DETECTOR = ("-detpixels", "16")
"""Added to the flags, leaves the same compiled functions and next to no work."""


def profile_stages(engine: str, threads: int, arguments: Sequence[str], folder: Path) -> dict[str, float]:
    """Run a simulation once in a new process and say where its wall time went.

    Parameters
    ----------
    engine : str
        Engine of nbnumba.
    threads : int
        CPU threads.
    arguments : sequence of str
        nanoBragg flags.
    folder : Path
        Where the process runs and writes its files; holds the input files.

    Returns
    -------
    dict of str to float
        Seconds by stage, in the order of the run; together the whole process but for its end.

    Raises
    ------
    NbnumbaError
        If the simulation fails; its last line of output says why.
    """
    command = [sys.executable, "-m", __name__, repr(time.monotonic()), engine, str(threads), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        raise NbnumbaError(f"the profiled run failed with status {done.returncode}: {lines[-1] if lines else ''}")
    seconds: dict[str, float] = json.loads(done.stdout)
    return seconds


def _run_stages(began: float, engine: str, threads: int, arguments: Sequence[str]) -> dict[str, float]:
    """Simulate and write in this process, which began at that time of the monotonic clock."""
    from nbnumba.flags import interpret
    from nbnumba.output.stage_clock import StageClock
    from nbnumba.output.write import write_outputs
    from nbnumba.setup.lowering import lower
    from nbnumba.simulation import simulate_model

    clock = StageClock()
    clock.seconds["start of Python and imports"] = time.monotonic() - began
    with clock.stage("compiled functions"):
        small = interpret([*arguments, *SMALL_DETECTOR])
        result = simulate_model(lower(small.experiment), engine, threads)
        write_outputs(result.model, result.image, small.files, threads)
    with clock.stage("set-up"):
        request = interpret(arguments)
        model = lower(request.experiment)
    with clock.stage("kernel"):
        result = simulate_model(model, engine, threads)
    return clock.seconds | write_outputs(model, result.image, request.files, threads).seconds


if __name__ == "__main__":
    began, engine, threads, *arguments = sys.argv[1:]
    print(json.dumps(_run_stages(float(began), engine, int(threads), arguments)))
