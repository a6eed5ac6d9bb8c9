"""Measures workloads: nbnumba's engines and the C program in turn, fixed costs subtracted, images compared."""

from __future__ import annotations

import math
import os
import re
import statistics
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from nbnumba.benchmark import forks
from nbnumba.benchmark.processes import LOG_FILE, ProcessRun, ReadyProcess, run_process
from nbnumba.benchmark.workloads import Workload
from nbnumba.compare.metrics import DEFAULT_BARS, RELATIVE_FLOOR, absolute_difference, different_pixels
from nbnumba.config.physics import NANOBRAGG
from nbnumba.errors import NbnumbaError
from nbnumba.output.files import OutputFiles

FLAGS_WORD = "{flags}"
"""In the command of a peer: the flags."""

ONE_PIXEL = ("-roi", "0", "0", "0", "0")
"""Added to a workload's flags, leaves everything but the pixel loop."""

C_PROGRAM = "C"
"""Name of the C program among the engines."""

FLOAT_FILE = "floatimage.bin"

RUNS_PER_ROUND = 3
"""Runs of nbnumba for each of the C program, which takes some twenty times as long; their median counts."""

FORKING_ENGINE = "cpu"
"""Works in the fork of a process that has used it; numba's own threads, which the reference engine takes, and CUDA do
not."""

Runner = Callable[[Sequence[str]], ProcessRun]
"""Runs a program on nanoBragg flags."""

OWN_CLOCK = re.compile(r"^rendered +in (\S+) s by", re.MULTILINE)
"""What nbnumba prints of the time of its pixel loop."""


@dataclass(frozen=True)
class Peer:
    """A program of others that takes nanoBragg's flags and writes its float image.

    Attributes
    ----------
    name : str
    command : tuple of str
        Its words; the word ``{flags}`` stands for the flags, ``{threads}`` in any word for the number of threads.
    """

    name: str
    command: tuple[str, ...]

    def words(self, flags: Sequence[str], threads: int) -> list[str]:
        """The command line for nanoBragg flags.

        Parameters
        ----------
        flags : sequence of str
        threads : int
        """
        words: list[str] = []
        for word in self.command:
            words += flags if word == FLAGS_WORD else [word.replace("{threads}", str(threads))]
        return words


@dataclass(frozen=True)
class Program:
    """One contender at a number of threads: an engine of nbnumba in some physics, the C program, or one of others."""

    engine: str
    threads: int
    c_binary: Path | None = None
    physics: str = NANOBRAGG
    peer: Peer | None = None

    @property
    def is_ours(self) -> bool:
        """Whether it is nbnumba."""
        return self.c_binary is None and self.peer is None

    @property
    def name(self) -> str:
        """The engine, and the physics where it is not nanoBragg's."""
        return self.engine if self.physics == NANOBRAGG else f"{self.engine}, {self.physics}"

    def command(self, arguments: Sequence[str]) -> list[str]:
        """The whole command line for nanoBragg flags."""
        if self.c_binary is not None:
            return [str(self.c_binary), *arguments]
        if self.peer is not None:
            return self.peer.words(arguments, self.threads)
        return [sys.executable, "-m", forks.COMMAND_MODULE, *self.our_arguments(arguments)]

    def our_arguments(self, arguments: Sequence[str]) -> list[str]:
        """What follows the name of nbnumba for nanoBragg flags."""
        physics = [] if self.physics == NANOBRAGG else ["--physics", self.physics]
        return ["simulate", *arguments, "--engine", self.engine, "--threads", str(self.threads), *physics]

    @property
    def environment(self) -> dict[str, str]:
        """Variables that set the threads of other programs."""
        return {} if self.is_ours else {"OMP_NUM_THREADS": str(self.threads)}

    @property
    def folder(self) -> str:
        """Name of its working folder."""
        return f"{self.engine}-{self.threads}-{self.physics}"


@dataclass(frozen=True)
class Parity:
    """Whether two images agree at the golden bars.

    Attributes
    ----------
    different_fraction : float
        Share of pixels whose float32 bits differ.
    worst_relative : float
        Largest difference relative to the reference, or to RELATIVE_FLOOR of its maximum where that is larger.
    """

    different_fraction: float
    worst_relative: float

    @property
    def agrees(self) -> bool:
        """Whether the golden bars are met: at most 2 pixels in 10⁴ differ, none by more than 1e-6."""
        return 1e4 * self.different_fraction <= DEFAULT_BARS["bits"] and self.worst_relative <= DEFAULT_BARS["relative"]


@dataclass
class Samples:
    """Repeated runs of one program on one workload, `per_round` of them in each round.

    Attributes
    ----------
    full, one_pixel : list of ProcessRun
        What is subtracted: of the fast engine, runs in a process that was ready.
    whole : list of ProcessRun
        Full runs from the start of the program, one in each round.
    """

    per_round: int = 1
    full: list[ProcessRun] = field(default_factory=list)
    one_pixel: list[ProcessRun] = field(default_factory=list)
    whole: list[ProcessRun] = field(default_factory=list)
    own_clock: list[float] = field(default_factory=list)  # s, what nbnumba itself prints
    parity: list[Parity] = field(default_factory=list)

    def kernel_seconds(self) -> list[float]:
        """Wall time of the pixel loop in each round: the full runs less the one-pixel runs."""
        return self._differences(lambda run: run.wall)

    def kernel_cpu_seconds(self) -> list[float]:
        """The same of the time on all cores together, which a busy machine disturbs less."""
        return self._differences(lambda run: run.cpu)

    def _differences(self, seconds: Callable[[ProcessRun], float]) -> list[float]:
        """Median of the full runs less median of the one-pixel runs, round by round."""
        full, one = (
            [statistics.median(seconds(run) for run in runs[n : n + self.per_round])
             for n in range(0, len(runs), self.per_round)]
            for runs in (self.full, self.one_pixel)
        )  # fmt: skip
        return [f - o for f, o in zip(full, one, strict=True)]


@dataclass(frozen=True)
class Row:
    """The figures of one program on one workload at one size."""

    workload: str
    title: str
    pixels: int
    threads: int
    engine: str
    pixel_steps: int
    whole: list[ProcessRun]
    full: list[ProcessRun]
    one_pixel: list[ProcessRun]
    own_clock: list[float]
    kernel_seconds: list[float]
    kernel_cpu_seconds: list[float]
    uncertainty: float | None  # of the median of the kernel seconds, as a share of it
    throughput: dict[str, float] | None  # pixel-steps/s: min, median, max; None where fixed costs hide the kernel
    speed_up: dict[str, float] | None  # times C at the same threads: min, median, max; None without parity or C
    cpu_speed_up: dict[str, float] | None  # the same of the time on all cores together
    thread_speed_up: dict[str, float] | None  # times itself on one thread: min, median, max; None if not measured
    parity: Parity | None
    target: float
    of_nbnumba: dict[str, float] | None = None  # a peer's time in nbnumba's: min, median, max; None unless they agree
    is_peer: bool = False
    physics_cost: dict[str, float] | None = None  # of its time in nanoBragg's physics: min, median, max


def spread_of(values: Iterable[float]) -> dict[str, float]:
    """Minimum, median and maximum."""
    ordered = list(values)
    return {"min": min(ordered), "median": statistics.median(ordered), "max": max(ordered)}


def uncertainty_of(values: Sequence[float]) -> float | None:
    """Half the 95 % interval of the median as a share of it: 1.57 interquartile ranges / √n (McGill et al. 1978)."""
    middle = statistics.median(values)
    if len(values) < 2 or middle <= 0.0:
        return None
    lower, _, upper = statistics.quantiles(values, n=4, method="inclusive")
    return 1.57 * (upper - lower) / math.sqrt(len(values)) / middle


def compare_images(ours: Path, reference: Path) -> Parity:
    """Compare two raw float32 images bit by bit.

    Parameters
    ----------
    ours, reference : Path
        Files; of different lengths they differ in every pixel.

    Returns
    -------
    Parity
    """
    a, b = (np.memmap(path, dtype=np.float32, mode="r") for path in (ours, reference))
    if a.size != b.size:
        return Parity(1.0, np.inf)
    different = different_pixels(b, a)
    if not different.any():
        return Parity(0.0, 0.0)
    x, y = a[different].astype(np.float64), b[different].astype(np.float64)
    floor = max(RELATIVE_FLOOR * float(np.nanmax(np.abs(b))), float(np.finfo(np.float64).tiny))
    with np.errstate(over="ignore", invalid="ignore"):
        relative = absolute_difference(y, x) / np.maximum(np.abs(y), floor)
    return Parity(float(different.mean()), float(relative.max()))


def count_pixel_steps(arguments: Sequence[str], folder: Path) -> int:
    """Passes through the innermost loop: pixels × layers × subpixels × sources × spindle steps × domains."""
    from nbnumba.flags import interpret
    from nbnumba.kernels.params import last_pixel
    from nbnumba.setup.lowering import lower

    before = Path.cwd()
    os.chdir(folder)
    try:
        params = lower(interpret(list(arguments)).experiment).params
    finally:
        os.chdir(before)
    return last_pixel(params.panels) * params.scale.steps * params.sampling.layers


def remove_caches(programs: Iterable[Program], folder: Path) -> None:
    """Remove what a workload with reflections left in the programs' folders: one without them would read it."""
    for program in programs:
        (folder / program.folder / OutputFiles.dump_path).unlink(missing_ok=True)


def measure_workload(
    workload: Workload,
    pixels: int,
    programs: Sequence[Program],
    repeats: int,
    folder: Path,
    tell: Callable[[str], None],
) -> list[Row]:
    """Run every program in turn on one workload, again and again.

    Parameters
    ----------
    workload : Workload
    pixels : int
        Pixels along each edge.
    programs : sequence of Program
        Contenders; the C program is the peer of those with its number of threads.
    repeats : int
        Counted rounds; a workload may multiply them. Before them each engine runs once to compile its kernels.
    folder : Path
        Holds a folder for each program, with the input files.
    tell : callable
        Receives a line of progress.

    Returns
    -------
    list of Row
        One for each program.
    """
    arguments = workload.arguments(pixels)
    remove_caches(programs, folder)
    samples = {program: Samples(RUNS_PER_ROUND if program.is_ours else 1) for program in programs}
    rounds = repeats * workload.rounds
    with ExitStack() as stack:
        tell(f"{workload.name} {pixels}x{pixels}, warming up")
        run = {program: _runner(program, arguments, folder, stack) for program in programs}
        for number in range(rounds):
            # there and back again, so that a slow drift of the machine meets all alike
            for program in programs if number % 2 == 0 else programs[::-1]:
                tell(f"{workload.name} {pixels}x{pixels}, {program.name}, {program.threads} threads, "
                     f"round {number + 1} of {rounds}")  # fmt: skip
                _run_round(program, arguments, folder, run[program], samples[program])
            for program, taken in samples.items():
                peer = peer_of(program, programs)
                if peer is not None:
                    taken.parity.append(compare_images(_image(folder, program), _image(folder, peer)))
    steps = count_pixel_steps(arguments, folder / programs[0].folder)
    return [row_of(workload, pixels, steps, program, samples) for program in programs]


def _runner(program: Program, arguments: Sequence[str], folder: Path, stack: ExitStack) -> Runner:
    """What runs a program on nanoBragg flags, once it has been run so that nothing is left to compile."""
    place = folder / program.folder
    if program.is_ours and program.engine == FORKING_ENGINE:
        ready = ReadyProcess(program.our_arguments(arguments), place)
        stack.callback(ready.close)
        return lambda flags: ready.run(program.our_arguments(flags))
    if program.c_binary is None:  # peers may compile too
        run_process(program.command(arguments), place, program.environment)
    return lambda flags: run_process(program.command(flags), place, program.environment)


def _run_round(program: Program, arguments: Sequence[str], folder: Path, run: Runner, taken: Samples) -> None:
    """Full runs, the last of whose images is set aside, each followed by a run on one pixel."""
    place = folder / program.folder
    for _ in range(taken.per_round):
        taken.full.append(run(arguments))
        printed = OWN_CLOCK.search((place / LOG_FILE).read_text(encoding="utf-8", errors="replace"))
        if printed is not None and program.is_ours:
            taken.own_clock.append(float(printed.group(1)))
        if not (place / FLOAT_FILE).is_file():
            raise NbnumbaError(f"{program.name} wrote no {FLOAT_FILE}: it must write nanoBragg's float image")
        (place / FLOAT_FILE).replace(_image(folder, program))
        taken.one_pixel.append(run([*arguments, *ONE_PIXEL]))
    if program.is_ours and program.engine == FORKING_ENGINE:
        taken.whole.append(run_process(program.command(arguments), place, program.environment))
    else:
        taken.whole.append(taken.full[-1])


def _image(folder: Path, program: Program) -> Path:
    """Where the image of a full run is kept until the next one."""
    return folder / program.folder / f"full_{FLOAT_FILE}"


def peer_of(program: Program, programs: Iterable[Program]) -> Program | None:
    """What the image is compared with: the C program at the same number of threads; nbnumba for those of others.

    Exact physics makes other images and has none.
    """
    if program.physics != NANOBRAGG:
        return None
    if program.peer is not None:
        return next(
            (p for p in programs if p.is_ours and p.threads == program.threads and p.physics == NANOBRAGG), None
        )
    return next((p for p in programs if p.c_binary and p.threads == program.threads and p != program), None)


def _single_thread_of(program: Program, programs: Iterable[Program]) -> Program | None:
    """The same engine on one thread, for one that runs on several."""
    return next((p for p in programs if p == replace(program, threads=1) and p != program), None)


def _nanobraggs(program: Program, programs: Iterable[Program]) -> Program | None:
    """The same engine and threads in nanoBragg's physics, for one in another."""
    return next((p for p in programs if p == replace(program, physics=NANOBRAGG) and p != program), None)


def row_of(workload: Workload, pixels: int, steps: int, program: Program, samples: dict[Program, Samples]) -> Row:
    """The figures of one program from the samples of all."""
    taken = samples[program]
    seconds, cpu_seconds = taken.kernel_seconds(), taken.kernel_cpu_seconds()
    parity = max(taken.parity, key=lambda p: (not p.agrees, p.worst_relative), default=None)
    peer = peer_of(program, samples)
    speed_up = cpu_speed_up = None
    agrees = peer is not None and parity is not None and parity.agrees
    if agrees and program.peer is None and peer is not None:
        speed_up = _ratios(samples[peer].kernel_seconds(), seconds)
        cpu_speed_up = _ratios(samples[peer].kernel_cpu_seconds(), cpu_seconds)
    single, usual = _single_thread_of(program, samples), _nanobraggs(program, samples)
    return Row(
        workload=workload.name, title=workload.title, pixels=pixels, threads=program.threads, engine=program.name,
        pixel_steps=steps, whole=taken.whole, full=taken.full, one_pixel=taken.one_pixel, own_clock=taken.own_clock,
        kernel_seconds=seconds, kernel_cpu_seconds=cpu_seconds, uncertainty=uncertainty_of(seconds),
        throughput=_ratios([float(steps)] * len(seconds), seconds),
        speed_up=speed_up, cpu_speed_up=cpu_speed_up,
        thread_speed_up=None if single is None else _ratios(samples[single].kernel_seconds(), seconds),
        parity=parity, target=workload.target,
        of_nbnumba=_ratios(seconds, samples[peer].kernel_seconds()) if program.peer and peer and agrees else None,
        is_peer=program.peer is not None,
        physics_cost=None if usual is None else _ratios(seconds, samples[usual].kernel_seconds()),
    )  # fmt: skip


def _ratios(upper: Sequence[float], lower: Sequence[float]) -> dict[str, float] | None:
    """Spread of the quotients of each round; None if a time is hidden by the scatter of the fixed costs."""
    if min(lower) <= 0.0:
        return None
    return spread_of(u / d for u, d in zip(upper, lower, strict=True))
