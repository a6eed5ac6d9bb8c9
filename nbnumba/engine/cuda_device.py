"""Whether CUDA can be used here, found out without loading it unless it is installed."""

from __future__ import annotations

import functools
import importlib.util
import warnings
from dataclasses import dataclass

from nbnumba.errors import EngineUnavailableError


@dataclass(frozen=True)
class Device:
    """An NVIDIA GPU.

    Attributes
    ----------
    name : str
        As the driver calls it.
    compute_capability : tuple of (int, int)
        Major, minor.
    memory : int
        Bytes.
    """

    name: str
    compute_capability: tuple[int, int]
    memory: int


def _run_trivial_kernel() -> None:
    """Launch and check a kernel of one thread, which only the first process compiles."""
    import numpy as np
    from numba import cuda

    from nbnumba.engine.cuda_launch import kernel_on_disk

    def put_one(values):
        values[0] = 1.0

    values = cuda.to_device(np.zeros(1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one thread is too few to be fast
        kernel_on_disk(put_one)[1, 1](values)
    if values.copy_to_host()[0] != 1.0:
        raise RuntimeError("a test kernel gave a wrong result")


@functools.cache
def why_unusable() -> str | None:
    """Why the CUDA engine can't run here, in one line with what would help; None when it can."""
    if importlib.util.find_spec("numba_cuda") is None:
        return "numba-cuda is not installed: pip install 'nbnumba[cuda]' (with a driver for CUDA 12: 'nbnumba[cuda12]')"
    try:
        _run_trivial_kernel()
    except AttributeError as error:  # what it takes from NumPy or numba is gone
        return (
            f"numba-cuda does not go with the packages beside it ({error}): pip install 'nbnumba[cuda]' "
            "(with a driver for CUDA 12: 'nbnumba[cuda12]') chooses versions that do"
        )
    except Exception as error:  # whatever a driver, a compiler or a library throws: the engine can't be used
        lines = [line.strip(" .:") for line in str(error).splitlines() if line.strip(" .:0123456789")]
        reason = lines[1] if len(lines) > 1 and "driver init" in lines[0] else (lines or [type(error).__name__])[0]
        return f"no usable NVIDIA GPU ({reason}): with a driver for CUDA 12, pip install 'nbnumba[cuda12]'"
    return None


def require_device() -> None:
    """Make sure that the CUDA engine can run.

    Raises
    ------
    EngineUnavailableError
        If it can't; the message says what would help.
    """
    reason = why_unusable()
    if reason is not None:
        raise EngineUnavailableError(f"{{engine=cuda}}: {reason}; or use {{engine=cpu}}")


def devices() -> list[Device]:
    """The GPUs that the driver lists; none where CUDA is unusable."""
    if why_unusable() is not None:
        return []
    from numba import cuda

    found = []
    for gpu in cuda.gpus.lst:
        with gpu:
            memory = cuda.current_context().get_memory_info().total
        name = gpu.name.decode() if isinstance(gpu.name, bytes) else gpu.name
        found.append(Device(name, gpu.compute_capability, memory))
    return found
