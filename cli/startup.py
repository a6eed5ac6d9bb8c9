"""What makes commands start quickly, and what they say when they can't."""

from __future__ import annotations

import contextlib
import functools
import gc
import os
import re
import sys
import warnings
from collections.abc import Iterator

import click

from nbnumba.errors import NbnumbaError, UsageError

_UNREADABLE = re.compile("Environment variable '(.*?)' is defined but its associated value '(.*?)' could not be parsed")
"""How numba warns of a variable of which it then takes the default."""

_THREAD_VARIABLES = ("NUMBA_NUM_THREADS", "NUMBA_THREADING_LAYER", "NUMBA_THREADING_LAYER_PRIORITY")
"""What numba can read and yet refuse, when it starts its threads."""

_LLVM_TRIAL = """
import sys, llvmlite.binding as llvm
llvm.initialize_native_target()
llvm.Target.from_default_triple().create_target_machine(cpu=sys.argv[1], features=sys.argv[2])
"""


def require_working_folder() -> None:
    """Raise UsageError if the folder in which a command was started has been removed."""
    try:
        os.getcwd()  # noqa: PTH109  (needs no pathlib)
    except OSError as error:
        raise UsageError(f"the working folder can't be used ({error.strerror}): change to one that exists") from error


def import_numba() -> None:
    """Import numba without SciPy, and only with environment variables that make sense.

    Raises
    ------
    UsageError
        If one does not.
    """
    if "numba" in sys.modules:
        return
    _check_processor()
    try:
        with warnings.catch_warnings(), _hidden_scipy(), _no_collections():
            warnings.filterwarnings("error", "Environment variable", RuntimeWarning)
            import numba.np.arraymath
        if any(name in os.environ for name in _THREAD_VARIABLES):
            numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)
    except (ValueError, RuntimeWarning) as error:
        raise UsageError(_with_variable(str(error))) from error
    except Exception as error:
        raise NbnumbaError(f"numba can't be imported: {error}") from error


@contextlib.contextmanager
def _hidden_scipy() -> Iterator[None]:
    """Keep numba from finding SciPy; afterwards SciPy can be imported.

    numba looks for SciPy's linear algebra in order to compile ``numpy.dot``, which no kernel uses. Loading it takes a
    quarter of the time of a small image.
    """
    if "scipy" in sys.modules:
        yield
        return
    sys.modules["scipy"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules["scipy"]


@contextlib.contextmanager
def _no_collections() -> Iterator[None]:
    """Keep the garbage collector off what is made now, which stays as long as the process."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.freeze()


def _with_variable(complaint: str) -> str:
    """What numba complains of, with the variable that says so."""
    unreadable = _UNREADABLE.match(complaint)
    if unreadable:
        name, value = unreadable.groups()
        return f"{name}={value}: numba can't read this value; correct the variable or unset it"
    variables = [f"{name}={os.environ[name]}" for name in _THREAD_VARIABLES if name in os.environ]
    return f"{' '.join(variables) or 'numba'}: {complaint}"


def _check_processor() -> None:
    """Ask LLVM about a processor that the environment chooses; in another process, for it may end it."""
    name, features = os.environ.get("NUMBA_CPU_NAME", ""), os.environ.get("NUMBA_CPU_FEATURES", "")
    processor = "" if name == "host" else name
    if not processor and not features:
        return
    import subprocess

    trial = [sys.executable, "-c", _LLVM_TRIAL, processor, features]
    done = subprocess.run(trial, capture_output=True, text=True, check=False)
    if done.stderr or done.returncode:
        complaint = (done.stderr.splitlines() or [f"status {done.returncode}"])[0]
        raise UsageError(
            f"NUMBA_CPU_NAME={name} NUMBA_CPU_FEATURES={features}: LLVM can't compile for that ({complaint}); "
            "correct the variables or unset them"
        )


@functools.cache
def show_reports() -> None:
    """Print what the library reports, such as that kernels are being compiled."""
    import logging

    class Printer(logging.Handler):
        """Prints each report as a line on stderr."""

        def emit(self, record: logging.LogRecord) -> None:
            """Print a report."""
            click.echo(f"nbnumba: {record.getMessage()}", err=True)

    logger = logging.getLogger("nbnumba")
    logger.addHandler(Printer())
    logger.setLevel(logging.INFO)
