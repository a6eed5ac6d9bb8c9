"""Times are subtracted, spread and compared as the report says; no speed-up without equal images."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass

import numpy as np
import pytest

from nbnumba.benchmark.measure import (
    FLOAT_FILE,
    Parity,
    Program,
    Samples,
    compare_images,
    count_pixel_steps,
    measure_workload,
    row_of,
    spread_of,
    uncertainty_of,
)
from nbnumba.benchmark.processes import LOG_FILE, ProcessRun, ReadyProcess, run_process
from nbnumba.benchmark.workloads import WORKLOADS, Workload
from nbnumba.errors import NbnumbaError

WORKLOAD = Workload("T", "test", "-cell 100 100 100 -default_F 1 -lambda 1 -N 5 -distance 100", 10, 3.0)
EQUAL, OTHER = Parity(0.0, 0.0), Parity(1.0, 1.0)


def run_of(wall: float) -> ProcessRun:
    return ProcessRun(wall=wall, user=wall, system=0.0, peak_memory=1.0)


def samples_of(full: list[float], one_pixel: list[float], *parity: Parity) -> Samples:
    return Samples(full=[run_of(t) for t in full], one_pixel=[run_of(t) for t in one_pixel], parity=list(parity))


def row(ours: Samples, c: Samples | None = None):
    """The row of an engine beside the C program."""
    engine, c_program = Program("fast", 1), Program("C", 1, c_binary="nanoBragg")
    samples = {engine: ours} if c is None else {c_program: c, engine: ours}
    return row_of(WORKLOAD, 10, 800, engine, samples)


def test_the_kernel_time_is_the_full_run_less_the_one_pixel_run_of_the_same_round():
    measured = row(samples_of([3.0, 5.0, 4.5], [1.0, 1.0, 2.5]))
    assert measured.kernel_seconds == [2.0, 4.0, 2.0]
    assert measured.throughput == {"min": 200.0, "median": 400.0, "max": 400.0}


def test_of_several_runs_in_a_round_the_median_counts():
    full, one = [3.0, 9.0, 3.5, 5.0, 4.0, 1.0], [1.0, 1.5, 7.0, 1.0, 1.0, 3.0]
    measured = row(Samples(3, [run_of(t) for t in full], [run_of(t) for t in one]))
    assert measured.kernel_seconds == [3.5 - 1.5, 4.0 - 1.0]


def test_the_speed_up_compares_runs_of_the_same_round():
    ours = samples_of([2.0, 3.0, 2.0], [1.0, 1.0, 1.0], EQUAL, EQUAL, EQUAL)
    theirs = samples_of([11.0, 41.0, 31.0], [1.0, 1.0, 1.0])
    assert row(ours, theirs).speed_up == {"min": 10.0, "median": 20.0, "max": 30.0}


def test_threads_are_compared_with_one_thread_of_the_same_engine_and_round():
    one, four, c_one = Program("fast", 1), Program("fast", 4), Program("C", 1, c_binary="nanoBragg")
    samples = {
        c_one: samples_of([50.0, 50.0, 50.0], [0.0, 0.0, 0.0]),
        one: samples_of([13.0, 31.0, 23.0], [1.0, 1.0, 1.0]),
        four: samples_of([5.0, 11.0, 6.0], [1.0, 1.0, 1.0]),
    }
    assert row_of(WORKLOAD, 10, 800, four, samples).thread_speed_up == {"min": 3.0, "median": 3.0, "max": 4.4}
    assert row_of(WORKLOAD, 10, 800, one, samples).thread_speed_up is None
    assert row_of(WORKLOAD, 10, 800, four, {four: samples[four]}).thread_speed_up is None


def test_exact_physics_is_compared_with_nanobraggs_of_the_same_round_and_not_with_c():
    usual, exact = Program("fast", 2), Program("fast", 2, physics="exact")
    c_program = Program("C", 2, c_binary="nanoBragg")
    samples = {
        c_program: samples_of([50.0, 50.0, 50.0], [0.0, 0.0, 0.0]),
        usual: samples_of([5.0, 9.0, 11.0], [1.0, 1.0, 1.0], EQUAL, EQUAL, EQUAL),
        exact: samples_of([6.0, 9.0, 12.0], [1.0, 1.0, 1.0]),
    }
    measured = row_of(WORKLOAD, 10, 800, exact, samples)
    assert measured.physics_cost == {"min": 1.0, "median": 1.1, "max": 1.25}
    assert (measured.engine, measured.speed_up, measured.parity) == ("fast, exact", None, None)
    assert row_of(WORKLOAD, 10, 800, usual, samples).physics_cost is None
    assert exact.our_arguments(["-N", "5"])[-2:] == ["--physics", "exact"]
    assert "--physics" not in usual.our_arguments(["-N", "5"])
    assert exact.folder != usual.folder


def test_cpu_time_is_that_of_user_and_system():
    ours, theirs = samples_of([2.0], [1.0], EQUAL), samples_of([9.0], [1.0])
    theirs.full[0] = ProcessRun(wall=9.0, user=20.0, system=3.0, peak_memory=1.0)
    measured = row(ours, theirs)
    assert measured.kernel_cpu_seconds == [1.0]
    assert measured.cpu_speed_up == {"min": 22.0, "median": 22.0, "max": 22.0}


def test_one_image_that_disagrees_in_any_round_leaves_no_speed_up():
    ours = samples_of([2.0, 2.0, 2.0], [1.0, 1.0, 1.0], EQUAL, OTHER, EQUAL)
    measured = row(ours, samples_of([9.0, 9.0, 9.0], [1.0, 1.0, 1.0]))
    assert measured.speed_up is None
    assert measured.parity == OTHER


def test_without_a_c_program_there_is_no_speed_up_and_no_parity():
    measured = row(samples_of([2.0], [1.0]))
    assert (measured.speed_up, measured.parity) == (None, None)


def test_a_kernel_that_fixed_costs_hide_has_no_throughput():
    ours = samples_of([2.0, 1.9], [1.0, 2.0], EQUAL, EQUAL)
    measured = row(ours, samples_of([9.0, 9.0], [1.0, 1.0]))
    assert (measured.throughput, measured.speed_up, measured.cpu_speed_up) == (None, None, None)


def test_spread_and_uncertainty_follow_their_definitions():
    assert spread_of([3.0, 1.0, 2.0]) == {"min": 1.0, "median": 2.0, "max": 3.0}
    # quartiles of 1...5 are 2 and 4
    assert uncertainty_of([1.0, 2.0, 3.0, 4.0, 5.0]) == pytest.approx(1.57 * 2.0 / math.sqrt(5) / 3.0, rel=1e-15)
    assert uncertainty_of([1.0]) is uncertainty_of([-1.0, -2.0]) is None


@pytest.fixture
def parity_with(tmp_path):
    """Compares an image of 10⁴ ones with one in which some pixels are other values."""

    def compare(*values: float) -> Parity:
        image = np.ones(10_000, dtype=np.float32)
        image.tofile(tmp_path / "c")
        image[: len(values)] = values
        image.tofile(tmp_path / "ours")
        return compare_images(tmp_path / "ours", tmp_path / "c")

    return compare


def test_images_agree_up_to_the_golden_bars(parity_with):
    next_one = np.nextafter(np.float32(1), np.float32(2))
    assert parity_with() == EQUAL
    assert parity_with(next_one, next_one) == Parity(2e-4, float(next_one) - 1.0)
    assert parity_with(next_one, next_one).agrees
    assert not parity_with(next_one, next_one, next_one).agrees
    assert not parity_with(1.000002).agrees
    assert not parity_with(np.nan).agrees


def test_an_image_of_zeros_is_no_peer_of_anything_else(tmp_path):
    np.zeros(4, np.float32).tofile(tmp_path / "c")
    np.full(4, 1e-30, np.float32).tofile(tmp_path / "ours")
    assert not compare_images(tmp_path / "ours", tmp_path / "c").agrees


def test_images_of_other_sizes_disagree(tmp_path):
    np.ones(4, np.float32).tofile(tmp_path / "a")
    np.ones(5, np.float32).tofile(tmp_path / "b")
    assert not compare_images(tmp_path / "a", tmp_path / "b").agrees


@dataclass(frozen=True)
class FakeEngine(Program):
    """An engine whose process writes an image of ones but for the value of its first pixel."""

    first_pixel: float = 1.0

    def command(self, arguments):
        return fake_program(self.engine, self.first_pixel)


@dataclass(frozen=True)
class FakeC(Program):
    """The C program, likewise."""

    def command(self, arguments):
        return fake_program(self.engine, 1.0)


def fake_program(name: str, first_pixel: float) -> list[str]:
    code = (
        "import array; open('../order', 'a').write('{0} '); image = array.array('f', [1.0] * 100); image[0] = {1}; "
        "open('{2}', 'wb').write(image.tobytes()); print('rendered            in 0.25 s by the {0} engine')"
    )
    return [sys.executable, "-S", "-c", code.format(name, first_pixel, FLOAT_FILE)]


def test_programs_take_turns_there_and_back_after_a_run_that_does_not_count(tmp_path):
    programs = [FakeC("C", 1, c_binary="nanoBragg"), FakeEngine("good", 1), FakeEngine("bad", 1, first_pixel=1.5)]
    for program in programs:
        (tmp_path / program.folder).mkdir()
        (tmp_path / program.folder / "Fdump.bin").write_text("structure factors of another workload")
    c, good, bad = measure_workload(WORKLOAD, 10, programs, 2, tmp_path, lambda line: None)
    assert not list(tmp_path.rglob("Fdump.bin"))
    warm_up = ["good", "bad"]
    there, back = ["C", *3 * ["good"], *3 * ["bad"]], [*3 * ["bad"], *3 * ["good"], "C"]
    # a full run and one on a single pixel each time
    expected = warm_up + [name for name in there + back for _ in range(2)]
    assert (tmp_path / "order").read_text().split() == expected
    assert [len(row.full) for row in (c, good, bad)] == [2, 6, 6]
    assert [len(row.whole) for row in (c, good, bad)] == [2, 2, 2]
    assert (c.parity, good.parity, bad.parity) == (None, EQUAL, Parity(0.01, 0.5))
    assert bad.speed_up is None
    assert (c.own_clock, good.own_clock) == ([], 6 * [0.25])


def test_a_program_that_fails_is_named_with_its_last_words(tmp_path):
    with pytest.raises(NbnumbaError, match="sh failed with status 3: no luck"):
        run_process(["sh", "-c", "echo starting; echo no luck; exit 3"], tmp_path, {})
    with pytest.raises(NbnumbaError, match="can't start nowhere: No such file"):
        run_process(["nowhere"], tmp_path, {})


SMALL = [*WORKLOAD.flags.split(), "-detpixels", "16"]


@pytest.fixture
def ready(tmp_path):
    process = ReadyProcess(SMALL, tmp_path)
    yield process
    process.close()


def test_every_run_of_a_ready_process_is_a_process_that_does_all_the_work(ready, tmp_path):
    images = []
    for size in (16, 24, 16):
        (tmp_path / FLOAT_FILE).unlink()
        taken = ready.run([*SMALL, "-detpixels", str(size)])
        # user and system together: the system tells them apart by sampling, which misses one in short runs
        assert min(taken.wall, taken.cpu, taken.peak_memory) > 0.0
        assert f"{size} x {size}" in (tmp_path / LOG_FILE).read_text(encoding="utf-8")
        images.append(np.fromfile(tmp_path / FLOAT_FILE, dtype=np.float32))
    np.testing.assert_array_equal(images[0], images[2])
    assert images[1].size == 24**2


def test_a_ready_process_names_what_fails_and_goes_on(ready, tmp_path):
    with pytest.raises(NbnumbaError, match="nbnumba failed with status 2: nbnumba: error: .*-detpixels"):
        ready.run([*SMALL, "-detpixels", "none"])
    assert ready.run(SMALL).wall > 0.0


def test_a_process_that_does_not_get_ready_says_why(tmp_path):
    with pytest.raises(NbnumbaError, match="nbnumba failed with status 2: nbnumba: error: .*-nothing"):
        ReadyProcess(["-nothing"], tmp_path)


def test_the_fast_engine_is_measured_in_forks_and_as_whole_processes(tmp_path):
    program = Program("cpu", 1)
    (tmp_path / program.folder).mkdir()
    (row,) = measure_workload(WORKLOAD, 16, [program], 1, tmp_path, lambda line: None)
    assert (len(row.full), len(row.one_pixel), len(row.own_clock), len(row.whole)) == (3, 3, 3, 1)
    # Python itself starts in the whole process only: its imports take some 0.3 s of the processor
    assert row.whole[0].user > max(run.user for run in row.full)


def test_peak_memory_is_the_programs_own(tmp_path):
    large = np.ones(30_000_000)  # 240 MB in this process
    small = run_process([sys.executable, "-S", "-c", "bytearray(20 << 20)"], tmp_path, {"LANG": "C"})
    assert 20.0 < small.peak_memory < 100.0 < large.nbytes / 2**20


def test_the_environment_reaches_the_program(tmp_path):
    run_process(["sh", "-c", "echo $OMP_NUM_THREADS > seen"], tmp_path, Program("C", 3, "nanoBragg").environment)
    assert (tmp_path / "seen").read_text() == "3\n"


@pytest.mark.parametrize(("name", "steps"), [("W1", 1), ("W2", 25 * 10 * 4), ("W6", 513)])
def test_pixel_steps_are_layers_times_subpixels_times_sources_times_spindle_steps_times_domains(tmp_path, name, steps):
    assert count_pixel_steps(WORKLOADS[name].arguments(32), tmp_path) == 32 * 32 * steps
    assert count_pixel_steps([*WORKLOADS[name].arguments(32), "-roi", "0", "0", "0", "0"], tmp_path) == steps
