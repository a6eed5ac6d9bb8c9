"""nbnumba bench: throughput against the C program, and where the time goes."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click
from nbnumba_cli.process import unwinding
from nbnumba_cli.startup import import_numba, require_working_folder
from nbnumba_cli.variadic import VariadicCommand, VariadicOption

from nbnumba.config.physics import EXACT, NANOBRAGG
from nbnumba.errors import UsageError

if TYPE_CHECKING:
    from nbnumba.benchmark.measure import Peer


@click.command("bench", cls=VariadicCommand, short_help="Measure speed, against the C program if there is one.")
@click.option("--workloads", cls=VariadicOption, metavar="NAME...", help="Workloads to run [default: all].")
@click.option("--sizes", cls=VariadicOption, type=click.IntRange(min=1), metavar="PIXELS...",
              help="Pixels along each edge [default: each workload's own].")
@click.option("--c-bin", metavar="PATH", envvar="NB_C_BIN", help="The C program [default: $NB_C_BIN, ./nanoBragg].")
@click.option("--noisify-bin", metavar="PATH", envvar="NB_NOISIFY_BIN",
              help="The C program noisify [default: $NB_NOISIFY_BIN; without, it is not measured].")
@click.option("--nonbragg-bin", metavar="PATH", envvar="NB_NONBRAGG_BIN",
              help="The C program nonBragg [default: $NB_NONBRAGG_BIN; without, it is not measured].")
@click.option("--engines", cls=VariadicOption, metavar="NAME...", help="Engines of nbnumba [default: the default one].")
@click.option("--physics", cls=VariadicOption, type=click.Choice((NANOBRAGG, EXACT)), default=(NANOBRAGG,),
              show_default=True, help="Physics of nbnumba's images.")
@click.option("--threads", cls=VariadicOption, type=click.IntRange(min=1), metavar="N...",
              help="[default: 1 and all cores]")
@click.option("--repeat", type=click.IntRange(min=1), default=5, show_default=True, help="Counted repetitions.")
@click.option("--scaling/--no-scaling", default=True, show_default=True,
              help="Also time rendering against steps, pixels, domains and threads.")
@click.option("--many/--no-many", default=True, show_default=True,
              help="Also count images in a second of sequences (Renderer.render_many).")
@click.option("--peer", "peers", multiple=True, metavar="'NAME=COMMAND {flags}'",
              help="A program of others that takes nanoBragg's flags where {flags} stands, and writes floatimage.bin; "
                   "{threads} is the number of threads. May be given several times.")
@click.option("--profile", is_flag=True, help="Also show where the time of a whole run goes.")
@click.option("--sparse", is_flag=True, help="Also compare sums with a cutoff (simulate --cutoff) and full sums.")
@click.option("--derivatives", is_flag=True,
              help="Also compare pixels and all sums behind their derivatives (nbnumba.refine) with pixels alone.")
@click.option("--outdir", default="bench_output", show_default=True, metavar="DIR",
              help="Where the results are written.")
@click.option("--list", "list_only", is_flag=True, help="List the workloads and stop.")
def command(
    workloads: tuple[str, ...],
    sizes: tuple[int, ...],
    c_bin: str | None,
    noisify_bin: str | None,
    nonbragg_bin: str | None,
    engines: tuple[str, ...],
    physics: tuple[str, ...],
    threads: tuple[int, ...],
    repeat: int,
    scaling: bool,
    many: bool,
    peers: tuple[str, ...],
    profile: bool,
    sparse: bool,
    derivatives: bool,
    outdir: str,
    list_only: bool,
) -> None:
    """Measure named workloads: whole processes, interleaved with the C program when there is one.

    A speed-up is printed only where the images agree to the bit in all but 2 of 10 000 pixels; otherwise the row says
    DISAGREES. Writes results.json, summary.md and plots.
    """
    if list_only:
        import_numba()
        _list_workloads()
        return
    from nbnumba.io.extras import optional_package

    require_working_folder()
    optional_package("matplotlib", "plots", "bench")
    import_numba()
    from nbnumba.benchmark.companions import PROGRAMS
    from nbnumba.benchmark.suite import BenchmarkPlan, run_benchmark
    from nbnumba.benchmark.workloads import WORKLOADS
    from nbnumba.engine.registry import DEFAULT_ENGINE, ENGINES

    companions = _companions({"noisify": noisify_bin, "nonBragg": nonbragg_bin}, workloads)
    chosen = _known("--workloads", workloads or (*WORKLOADS, *companions), (*WORKLOADS, *PROGRAMS))
    cpus = os.cpu_count() or 1
    plan = BenchmarkPlan(
        workloads=tuple(WORKLOADS[name] for name in chosen if name in WORKLOADS),
        sizes=sizes,
        engines=_known("--engines", engines or (DEFAULT_ENGINE,), ENGINES),
        physics=tuple(dict.fromkeys(physics)),
        threads=threads or tuple(sorted({1, cpus})),
        c_binary=_c_binary(c_bin),
        repeats=repeat,
        scaling=scaling,
        many=many,
        profile=profile,
        companions=companions,
        peers=tuple(_peer(text) for text in peers),
        sparse=sparse,
        derivatives=derivatives,
    )
    folder = Path(outdir)
    folder.mkdir(parents=True, exist_ok=True)
    with unwinding():
        run_benchmark(plan, folder, lambda line: click.echo(line, err=True))
    click.echo((folder / "summary.md").read_text(encoding="utf-8"))
    click.echo(f"written: {', '.join(sorted(str(path) for path in folder.iterdir()))}")


def _list_workloads() -> None:
    """What there is to measure."""
    from nbnumba.benchmark.companions import PROGRAMS
    from nbnumba.benchmark.workloads import WORKLOADS

    for item in WORKLOADS.values():
        click.echo(f"{item.name:12s}{item.title} ({item.pixels}x{item.pixels})")
    for program in PROGRAMS:
        click.echo(f"{program:12s}the C program of that name, if --{program.lower()}-bin names it")


def _known(option: str, names: tuple[str, ...], registry: object) -> tuple[str, ...]:
    """The names, after checking each against what exists."""
    known = list(registry)  # type: ignore[call-overload]
    for name in names:
        if name not in known:
            raise UsageError(f"{option} {name}: choose from {', '.join(known)}")
    return names


def _companions(given: dict[str, str | None], workloads: tuple[str, ...]) -> dict[str, Path]:
    """The companions that are named and asked for."""
    found = {}
    for program, path in given.items():
        option = f"--{program.lower()}-bin"
        if workloads and program not in workloads:
            continue
        if path is not None:
            found[program] = _program(option, path, f"build {program}.c with -O2")
        elif program in workloads:
            raise UsageError(f"--workloads {program}: name the C program with {option}")
    return found


def _program(option: str, given: str, remedy: str) -> Path:
    """A program in its place."""
    found = shutil.which(given)
    if found is None:
        raise UsageError(f"{option} {given}: no such program ({remedy} and name it here)")
    return Path(found).resolve()


def _peer(text: str) -> Peer:
    """A program of others from NAME=COMMAND."""
    from nbnumba.benchmark.measure import FLAGS_WORD, Peer

    name, _, command = text.partition("=")
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"--peer {name}: {error}") from error
    if not name or FLAGS_WORD not in words:
        # braces in messages mean fields
        raise UsageError(f"--peer {name}: give NAME=COMMAND with a word 'flags' in braces where the flags belong")
    program = shutil.which(words[0])
    if program is None:
        raise UsageError(f"--peer {name}: there is no program {words[0]}")
    # it runs in a folder of its own
    return Peer(name, (str(Path(program).absolute()), *words[1:]))


def _c_binary(given: str | None) -> Path | None:
    """The C program: as given, or nanoBragg in the current folder, or none."""
    if given is None:
        return Path("nanoBragg").resolve() if Path("nanoBragg").is_file() else None
    return _program("--c-bin", given, "build nanoBragg.c with -O3 -fopenmp")
