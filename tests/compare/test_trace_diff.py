"""Two traces of one pixel: what counts as a difference, and which line is named first."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbnumba_cli.compare_traces as command_module
import pytest
from click.testing import CliRunner

from nbnumba.errors import InputFileError
from nbnumba.trace.diff import Divergence, MissingLine, TraceComparison, compare_traces
from nbnumba.trace.file import extract_trace, parse_trace, read_trace
from nbnumba.trace.report import print_report

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = sorted((ROOT / "traces").glob("*/trace_*.log"))
MOSAIC = ROOT / "traces" / "mosaic" / "trace_64_90.log"


def _compare(a: str, b: str, **tolerances: float) -> TraceComparison:
    return compare_traces(parse_trace(a, "a"), parse_trace(b, "b"), **tolerances)


def _report(comparison: TraceComparison) -> str:
    stream = io.StringIO()
    print_report(comparison, stream)
    return stream.getvalue()


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_golden_trace_pairs_every_line_with_itself_in_the_other_punctuation(path):
    text = path.read_text()
    other = re.sub(r"TRACE_C: (\S+) ", r"TRACE_PY:\1=", text)
    other = "".join(line.replace(" ", ",") for line in other.splitlines(keepends=True))
    comparison = _compare(text, other)
    assert comparison.pairs == text.count("TRACE_C")
    assert comparison.reordered == 0
    assert comparison.are_equal


def test_both_punctuations_and_the_misnomer_read_alike():
    c = parse_trace("12% done\nTRACE_C: scattering_vec_A_inv 1 2.5 -3e-5\n")
    py = parse_trace("TRACE_PY:scattering_vec_m_inv=1, 2.5,-3e-5")
    assert c.lines[0] == (2, "scattering_vec_m_inv", ("1", "2.5", "-3e-5"))
    assert compare_traces(c, py).are_equal


def test_brackets_colons_units_and_line_ends_do_not_matter(tmp_path):
    plain = parse_trace("TRACE_C: pixel 3 4\nTRACE_C: v 1.5 -2 nan\n").lines
    log = tmp_path / "from_windows.log"
    log.write_bytes("\ufeffTRACE_C: pixel (3,4)\r\nTRACE_C: v: [1.5; -2, nan] [1/m]\r\n".encode())
    assert read_trace(log).lines == plain
    assert parse_trace("TRACE_C: v [nan]").lines[0].values == ("nan",)


def test_a_trace_line_may_begin_behind_other_text():
    # nanoBragg prints this warning without a line feed
    output = "0% done\nWARNING: further warnings will not be printed! TRACE_C: pixel 7 11\nx\nTRACE_C: F_cell 5\r\n"
    trace = parse_trace(output)
    assert [(line.number, line.key) for line in trace.lines] == [(2, "pixel"), (4, "F_cell")]
    extracted = extract_trace(output.encode())
    assert extracted == b"TRACE_C: pixel 7 11\nTRACE_C: F_cell 5\n"
    assert compare_traces(trace, parse_trace(extracted.decode())).are_equal


def test_words_that_contain_a_prefix_are_no_trace():
    assert extract_trace(b"MY_TRACE_C: x 1\nTRACE_CONFIG: x 1\nTRACE_C_PHI phi_tic=0\nTRACE: x 1\n") == b""


@pytest.mark.parametrize(
    ("a", "b", "equal"),
    [
        ("1.5", "1.5000000000000016", True),  # 1.1e-15 relative
        ("1.5", "1.5000000000016", False),  # 1.1e-12
        ("0", "1e-30", False),  # no absolute tolerance unless asked for
        ("nan", "NaN", True),
        ("nan", "1", False),
        ("inf", "inf", True),
        ("inf", "-inf", False),
        ("-0", "0", True),
        ("BEAM", "SAMPLE", False),
        ("100", "100.0000000000001", True),  # only one of them looks like an integer: 1e-15
        ("1000000000000001", "1000000000000002", False),  # integers are exact
        ("1 2 3", "1 2", False),
    ],
)
def test_what_counts_as_equal(a, b, equal):
    assert _compare(f"TRACE_C: x {a}", f"TRACE_PY: x {b}").are_equal is equal


def test_a_float32_may_be_off_by_one_unit_in_its_last_place_and_no_more():
    at, next_one, one_after = "16777216", "16777214.0", "16777212.0"
    line = "TRACE_C: floatimage_accumulated {}.0"
    assert _compare(line.format(at), "TRACE_C: floatimage_accumulated " + next_one).are_equal
    assert not _compare(line.format(at), "TRACE_C: floatimage_accumulated " + one_after).are_equal
    assert not _compare(f"TRACE_C: I_pixel_final {at}.0", "TRACE_C: I_pixel_final " + next_one).are_equal


def test_tolerances_are_relative_to_the_larger_value_or_absolute():
    pair = ("TRACE_C: x 1.0", "TRACE_C: x 1.01")
    assert not _compare(*pair, rtol=0.0099).are_equal  # 0.01 / 1.01 = 0.00990099
    assert _compare(*pair, rtol=0.00991).are_equal
    assert _compare(*pair, atol=0.0101).are_equal


def test_the_first_divergence_names_lines_values_and_differences():
    text = MOSAIC.read_text()
    lines = text.splitlines()
    number = next(n for n, line in enumerate(lines) if line.startswith("TRACE_C: F_latt_b")) + 1
    lines[number - 1] = "TRACE_C: F_latt_b 0.5"
    comparison = _compare(text, "\n".join(["starting", *lines]))
    first = comparison.divergences[0]
    value = float(first.a.values[0])
    assert comparison.first is first
    assert (first.a.key, first.a.number, first.b.number) == ("F_latt_b", number, number + 1)
    assert first.absolute == pytest.approx(abs(value - 0.5))
    assert first.relative == pytest.approx(abs(value - 0.5) / max(abs(value), 0.5))
    entry = comparison.summary["F_latt_b"]
    assert (entry.count, entry.divergent, entry.worst_absolute) == (48, 1, first.absolute)
    report = _report(comparison)
    assert f"First divergence: F_latt_b, line {number} of A, line {number + 1} of B" in report
    assert "F_latt_a" in report
    assert "diverged: 1 of" in report


def test_the_worst_value_of_a_vector_is_the_one_reported():
    comparison = _compare("TRACE_C: v 1.0 2.0 3.0", "TRACE_C: v 1.1 4.0 3.3")
    assert comparison.divergences[0].component == 1
    assert comparison.divergences[0].relative == 0.5


def _without_domain(text: str, domain: int) -> tuple[str, int]:
    """A trace whose first subpixel lacks one mosaic domain, and how many lines that took."""
    lines = text.splitlines()
    start = lines.index(f"TRACE_C: mos_tic {domain}")
    stop = lines.index(f"TRACE_C: mos_tic {domain + 1}")
    return "\n".join(lines[:start] + lines[stop:]), stop - start


@pytest.mark.parametrize("swapped", [False, True])
def test_a_skipped_mosaic_domain_is_named_and_the_rest_still_meets(swapped):
    text = MOSAIC.read_text()
    shorter, taken = _without_domain(text, 3)
    comparison = _compare(shorter, text) if swapped else _compare(text, shorter)
    missing = comparison.missing_in_a if swapped else comparison.missing_in_b
    assert [line.line.key for line in missing][0] == "mos_tic"
    assert {line.after for line in missing} == {missing[0].line.number - 1}
    assert len(missing) == taken
    assert comparison.divergences == []
    assert isinstance(comparison.first, MissingLine)
    assert not comparison.are_equal
    assert f"line {missing[0].line.number} of {'B' if swapped else 'A'} (mos_tic 3) is missing" in _report(comparison)


def test_a_pass_that_is_only_in_one_trace_is_missing_once_whichever_way_they_are_compared():
    text = MOSAIC.read_text()
    shorter, taken = _without_domain(text, 0)
    assert len(_compare(text, shorter).missing_in_b) == len(_compare(shorter, text).missing_in_a) == taken


def test_keys_that_only_one_side_has_are_listed_and_do_not_count():
    comparison = _compare("TRACE_C: x 1\nTRACE_C: only_c 2\n", "TRACE_PY: only_py 3\nTRACE_PY: x 1\n")
    assert (comparison.only_in_a, comparison.only_in_b) == (["only_c"], ["only_py"])
    assert comparison.are_equal
    assert "only_py" in _report(comparison)


def test_a_trace_with_a_subset_of_the_keys_in_another_order_meets_its_partners():
    text = MOSAIC.read_text()
    keys = ("pixel ", "subpixel ", "mos_tic ", "F_latt ", "F_cell ", "hkl_frac ", "I_pixel_final ")
    kept = [line for line in text.splitlines() if line.removeprefix("TRACE_C: ").startswith(keys)]
    swapped = "\n".join(kept)
    swapped = re.sub(r"(TRACE_C: F_latt .*)\n(TRACE_C: F_cell .*)", r"\2\n\1", swapped)
    comparison = _compare(text, swapped)
    assert comparison.are_equal
    assert comparison.pairs == len(kept)
    assert comparison.reordered == 48


def _first_pass_only(text: str) -> str:
    """What a simpler instrumented program prints: no loop indices, the first pass, constants at the end alone."""
    keys = ("pixel_pos_meters", "diffracted_vec", "hkl_frac", "F_latt_a", "F_latt", "F_cell", "I_before_scaling",
            "r_e_sqr", "fluence_photons_per_m2", "steps", "I_pixel_final")  # fmt: skip
    last = {line.split()[1]: line for line in reversed(text.splitlines())}
    return "\n".join(last[key] for key in keys)


@pytest.mark.parametrize("swapped", [False, True])
def test_a_trace_of_the_first_pass_without_loop_indices_is_compared_as_far_as_it_goes(swapped):
    text = MOSAIC.read_text()
    shorter = _first_pass_only(text)
    comparison = _compare(shorter, text) if swapped else _compare(text, shorter)
    assert comparison.are_equal
    # r_e_sqr, fluence and steps, printed twice in the longer trace, meet the other's single lines
    assert comparison.pairs == 11 + 3
    surplus = comparison.surplus_b if swapped else comparison.surplus_a
    # 48 passes of 4 keys, 4 subpixels of 2 keys, without the first ones
    assert surplus == 47 * 4 + 3 * 2
    assert f"{surplus} further lines" in _report(comparison)


def test_a_constant_that_changes_between_its_repetitions_diverges():
    comparison = _compare("TRACE_C: steps 4\nTRACE_C: x 1\nTRACE_C: steps 5\n", "TRACE_C: steps 4\nTRACE_C: x 1\n")
    assert comparison.summary["steps"].divergent == 1
    assert (comparison.divergences[0].a.number, comparison.divergences[0].b.number) == (3, 1)


def test_pixels_traced_in_one_run_meet_those_traced_one_by_one():
    parts = [path.read_text() for path in sorted((ROOT / "traces" / "phi_zero_carryover").glob("*.log"))]
    setup = parts[0].partition("TRACE_C: pixel ")[0]
    together = setup + "".join("TRACE_C: pixel " + part.partition("TRACE_C: pixel ")[2] for part in parts)
    comparison = _compare(together, "".join(parts))
    assert comparison.are_equal
    assert len(comparison.a.lines) + 2 * setup.count("\n") == len(comparison.b.lines)
    altered = parts[2].replace("I_before_scaling ", "I_before_scaling 1")
    first = _compare(together, "".join((*parts[:2], altered))).first
    assert isinstance(first, Divergence)
    assert first.b.key == "I_before_scaling"


def test_another_pixel_is_the_first_divergence():
    texts = [(ROOT / "traces" / "simple_cubic" / name).read_text() for name in ("trace_0_0.log", "trace_512_512.log")]
    first = _compare(*texts).first
    assert isinstance(first, Divergence)
    assert (first.a.key, first.a.values, first.b.values) == ("pixel", ("0", "0"), ("512", "512"))


def test_traces_without_a_common_key_are_not_equal():
    comparison = _compare("TRACE_C: x 1", "TRACE_C: y 1")
    assert not comparison.are_equal
    assert "no line in common" in _report(comparison)


def test_loops_that_count_differently_are_paired_by_order():
    a = "TRACE_C: mos_tic 0\nTRACE_C: F_cell 7\nTRACE_C: mos_tic 1\nTRACE_C: F_cell 8\n"
    b = "TRACE_C: mos_tic 10\nTRACE_C: F_cell 7\nTRACE_C: mos_tic 11\nTRACE_C: F_cell 8\n"
    comparison = _compare(a, b)
    assert comparison.summary["F_cell"].count == 2
    assert comparison.summary["F_cell"].divergent == 0
    assert comparison.summary["mos_tic"].divergent == 2


def test_a_file_without_a_trace_line_is_an_error(tmp_path):
    log = tmp_path / "out.log"
    log.write_text("nanoBragg\n100% done\n")
    with pytest.raises(InputFileError, match="holds no trace line"):
        read_trace(log)
    with pytest.raises(InputFileError, match="line 2 is a trace line without a key"):
        parse_trace("TRACE_C: x 1\nTRACE_C:\n")


@pytest.mark.parametrize(
    ("texts", "options", "status"),
    [
        (("TRACE_C: x 1.0", "TRACE_PY: x 1.0"), (), 0),
        (("TRACE_C: x 1.0", "TRACE_PY: x 1.1"), (), 3),
        (("TRACE_C: x 1.0", "TRACE_PY: x 1.1"), ("--rtol", "0.2"), 0),
        (("TRACE_C: x 1.0", "TRACE_PY: x 1.1"), ("--atol", "0.2"), 0),
        (("TRACE_C: x 1.0", "nothing"), (), 5),
        (("", "TRACE_C: x 1.0"), (), 5),
        (("TRACE_C: x 1.0", "\x00\x7f\x89PNG\r\n"), (), 5),
        (("TRACE_C: x 1.0", None), (), 5),
        (("TRACE_C: x 1.0", "TRACE_PY: x 1.0"), ("--rtol", "-1"), 2),
        (("TRACE_C: x 1.0", "TRACE_PY: x 1.0"), ("--rtol", "much"), 2),
    ],
)
def test_exit_status_of_the_command(tmp_path, texts, options, status):
    for name, text in zip("ab", texts, strict=True):
        if text is not None:
            (tmp_path / name).write_text(text)
    arguments = [str(tmp_path / "a"), str(tmp_path / "b"), *options]
    result = CliRunner().invoke(command_module.command, arguments)
    assert result.exit_code == status, result.output


def test_the_tolerances_of_the_command_are_the_librarys():
    from nbnumba.trace.diff import DEFAULT_ATOL, DEFAULT_RTOL

    defaults = {parameter.name: parameter.default for parameter in command_module.command.params}
    assert (defaults["rtol"], defaults["atol"]) == (DEFAULT_RTOL, DEFAULT_ATOL)


TRACER = """
import json, sys
from nbnumba.flags import interpret
from nbnumba.setup.lowering import lower
from nbnumba.trace.record import record_pixels, trace_lines
args, pixel = json.loads(sys.argv[1])
model = lower(interpret(args).experiment)
print("\\n".join(trace_lines(model, record_pixels(model, [tuple(pixel)]))))
"""


def _trace_with_altered_physics(folder: Path, file: str, old: str, new: str, case: str, pixel: tuple[int, int]) -> str:
    """Trace with a copy of the package in which one constant is another."""
    shutil.copytree(ROOT / "nbnumba", folder / "nbnumba", ignore=shutil.ignore_patterns("__pycache__", "data"))
    source = folder / "nbnumba" / "shapes" / file
    text = source.read_text()
    assert text.count(old) == 1
    source.write_text(text.replace(old, new))
    args = json.loads((ROOT / "golden_data" / case / "case.json").read_text())["args"].split()
    environment = {**os.environ, "PYTHONPATH": str(folder), "NUMBA_CACHE_DIR": str(folder / "cache")}
    command = [sys.executable, "-c", TRACER, json.dumps([args, pixel])]
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return run.stdout


def test_an_altered_constant_of_the_physics_is_named_by_its_line(tmp_path):
    golden = read_trace(ROOT / "traces" / "shape_round" / "trace_40_90.log")
    altered = _trace_with_altered_physics(
        tmp_path, "round.py", "0.723601254558268", "0.7236012", "shape_round", (40, 90)
    )
    comparison = compare_traces(golden, parse_trace(altered))
    first = comparison.first
    assert isinstance(first, Divergence)
    assert (first.a.key, first.b.key) == ("F_latt", "F_latt")
    assert first.a.number == next(line.number for line in golden.lines if line.key == "F_latt")
    assert first.relative == pytest.approx(0.723601254558268 / 0.7236012 - 1.0, rel=1e-4)
    # what comes before F_latt is as it was; what comes from it moves with it
    diverging = {key for key, entry in comparison.summary.items() if entry.divergent}
    assert diverging == {"F_latt", "I_term", "I_accum", "I_before_scaling", "I_pixel_final", "floatimage_accumulated"}
