"""nbnumba info: what this installation can do here."""

from __future__ import annotations

import click
from nbnumba_cli.startup import import_numba


@click.command("info", short_help="Print engines, GPUs, versions and folders of this machine.")
def command() -> None:
    """Print engines, GPUs, threads, versions and the folder of the compiled kernels."""
    import_numba()
    import numba

    from nbnumba.benchmark.report import environment
    from nbnumba.numerics.jit import cache_folder

    for key, value in environment(None).items():
        click.echo(f"{key}: {value}")
    numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)  # chooses the threading layer
    click.echo(f"numba-cuda: {_numba_cuda_version()}")
    click.echo(f"threads: {numba.get_num_threads()}, threading layer {numba.threading_layer()}")
    click.echo(f"kernel cache: {cache_folder() or 'none can be written, every run compiles'}")
    for name, state in _engine_states().items():
        click.echo(f"engine {name}: {state}")


def _numba_cuda_version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("numba-cuda")
    except PackageNotFoundError:
        return "not installed"


def _engine_states() -> dict[str, str]:
    """Whether each engine can run here."""
    from nbnumba.engine.cuda_device import devices, why_unusable
    from nbnumba.engine.registry import DEFAULT_ENGINE, ENGINES

    states = dict.fromkeys(ENGINES, "usable")
    reason = why_unusable()
    if reason is None:
        found = (
            f"{device.name} (compute capability {'.'.join(map(str, device.compute_capability))}, "
            f"{device.memory / 2**30:.1f} GiB)"
            for device in devices()
        )
        states["cuda"] = f"usable: {', '.join(found)}"
    else:
        states["cuda"] = reason
    states[DEFAULT_ENGINE] += " (default)"
    return states
