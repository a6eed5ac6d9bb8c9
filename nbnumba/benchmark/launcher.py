"""Runs one command and prints what it took, as JSON. Standard library only, to be run as a script.

Linux counts the memory of the process that starts a program into the program's own peak. This one is small.
"""

from __future__ import annotations

import json
import os
import sys
import time


def taken_by(process: int, began: float) -> dict[str, float]:
    """Wait for a child: its exit status, seconds since `began` and of the processor, and peak memory in MiB."""
    _, status, usage = os.wait4(process, 0)
    wall = time.perf_counter() - began
    return {
        "status": os.waitstatus_to_exitcode(status), "wall": wall, "user": usage.ru_utime, "system": usage.ru_stime,
        "peak_memory": usage.ru_maxrss / 1024,
    }  # fmt: skip


def main() -> None:
    """Arguments: a file for the output, and the command."""
    log, *command = sys.argv[1:]
    began = time.perf_counter()
    try:
        output = [
            (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ]
        process = os.posix_spawnp(command[0], command, os.environ, file_actions=output)
    except OSError as error:
        print(json.dumps({"error": error.strerror}))
        return
    print(json.dumps(taken_by(process, began)))


if __name__ == "__main__":
    main()
