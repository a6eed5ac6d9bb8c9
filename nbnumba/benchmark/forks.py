"""Runs a command of nbnumba again and again, each time in a fork that has already imported and compiled what it needs.

Started as a process of its own, which runs a first command itself to get ready. Further ones come as JSON, one line
each; the answer is a line of JSON with what the run took.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
import time
from pathlib import Path

from nbnumba.benchmark.launcher import taken_by

COMMAND_MODULE = "nbnumba_cli"


def _run(arguments: list[str]) -> int:
    """Run nbnumba in this process; its exit status."""
    sys.argv = ["nbnumba", *arguments]
    try:
        runpy.run_module(COMMAND_MODULE, run_name="__main__")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _print_into(log: Path) -> None:
    """Let whatever is printed from now on replace the contents of a file."""
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    os.dup2(target, 1)
    os.dup2(target, 2)
    os.close(target)


def _run_in_fork(log: Path, arguments: list[str]) -> dict[str, float]:
    began = time.perf_counter()
    process = os.fork()
    if process == 0:
        _print_into(log)
        os._exit(_run(arguments))
    return taken_by(process, began)


def main() -> None:
    """Arguments: a file for the output, and those of the first command."""
    log = Path(sys.argv[1])
    answers = os.fdopen(os.dup(1), "w")
    _print_into(log)
    status = _run(sys.argv[2:])
    print(json.dumps({"status": status}), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(_run_in_fork(log, json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
