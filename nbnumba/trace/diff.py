"""Compares two traces of one pixel line by line and finds where they part.

Lines are paired by where they stand in the loop nest, not by line number: key, loop indices (pixel, subpixel, source,
spindle step, mosaic domain) and, within one pass, how often the key came before. So a trace that skips a pass, or
prints a pass's lines in another order, still meets its partner afterwards.

Other instrumented programs print less: constants once instead of at the start and at the end, or the first pass alone
and no loop index. What such a trace leaves out says nothing about its numbers and is no difference.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from nbnumba.trace.file import Trace, TraceLine

DEFAULT_RTOL = 1e-12
"""Relative tolerance: traces print 15 digits, and libm's last bit grows some hundredfold in the lattice factors."""

DEFAULT_ATOL = 0.0
"""Absolute tolerance: none, because a trace holds quantities from 1e-30 (r_e²) to 1e30 (fluence) and no one figure
suits them all. Raise it for components that are differences near zero."""

FLOAT32_KEYS = frozenset({"floatimage_accumulated"})
"""Values that were rounded to single precision."""

FLOAT32_RTOL = 2.0**-23
"""One unit in the last place of a float32: two doubles that agree to the last bit but one may round to neighbours."""

LOOPS = ("pixel", "subpixel", "source_index", "phi_tic", "mos_tic")
"""Keys that open a pass of a loop, outermost first; their values are the loop's indices."""

RUN_KEYS = frozenset(
    {
        "detector_convention", "detector_pivot", "beam_vector", "polar_vector", "spindle_vector", "twotheta_axis",
        "fdet_vec", "sdet_vec", "odet_vec", "pix0_vector_meters", "pixel_size_meters", "subpixel_size_meters",
        "distance_meters", "close_distance_meters", "Xbeam_meters", "Ybeam_meters", "Fbeam_meters", "Sbeam_meters",
        "Fclose_meters", "Sclose_meters", "ORGX_pixels", "ORGY_pixels", "dials_origin_mm", "cell_angstrom_deg",
        "V_cell_A3", "a_star_A_inv", "b_star_A_inv", "c_star_A_inv", "a0_angstroms", "b0_angstroms", "c0_angstroms",
        "N_cells", "oversample", "detector_thicksteps", "detector_thickstep_meters", "detector_mu_per_meter",
        "phisteps", "phi_start_rad", "phistep_rad", "mosaic_domains", "mosaic_spread_rad", "sources", "interpolate",
        "hkls", "default_F", "kahn_factor", "source", "mosaic_umat", "fluence_photons_per_m2", "r_e_sqr", "steps",
        "I_background",
    }
)
"""Keys that hold for the whole run, wherever they are printed."""

PIXEL_KEYS = frozenset(
    {
        "I_before_scaling", "r_e_meters", "oversample_thick", "oversample_polar", "oversample_omega",
        "capture_fraction", "polar", "omega_pixel", "cos_2theta", "I_pixel_final", "floatimage_accumulated",
    }
)
"""Keys that hold for a pixel, printed behind all its loops."""

INDEXED_KEYS = frozenset({"source", "mosaic_umat"})
"""Keys whose first value says which one is meant."""

_INTEGER = re.compile(r"[+-]?\d+")

Identity = tuple[object, ...]
_Pair = tuple[TraceLine, TraceLine]


class ValueDifference(NamedTuple):
    """How far apart two printed values are; infinite where they can't be subtracted."""

    absolute: float
    relative: float


_NO_NUMBERS = ValueDifference(math.inf, math.inf)


@dataclass(frozen=True)
class Divergence:
    """A pair of lines whose values differ by more than the tolerance.

    Attributes
    ----------
    a, b : TraceLine
        The lines.
    component : int
        Position of the worst value in the line, from 0.
    absolute, relative : float
        How far that value is apart; relative to the larger of the two. Infinite when the values are no numbers.
    """

    a: TraceLine
    b: TraceLine
    component: int
    absolute: float
    relative: float


class MissingLine(NamedTuple):
    """A line without a partner, and the number of the other trace's line behind which it belongs (0: before all)."""

    line: TraceLine
    after: int


@dataclass
class KeySummary:
    """What happened to one key that both traces have.

    Attributes
    ----------
    count : int
        Pairs of lines.
    divergent : int
        Pairs beyond the tolerance.
    missing : int
        Lines of either trace without a partner.
    worst_absolute, worst_relative : float
        Largest differences of any pair, within the tolerance or not.
    """

    count: int = 0
    divergent: int = 0
    missing: int = 0
    worst_absolute: float = 0.0
    worst_relative: float = 0.0

    def note(self, difference: ValueDifference) -> None:
        """Keep the larger differences.

        Parameters
        ----------
        difference : ValueDifference
            Of a pair.
        """
        self.worst_absolute = max(self.worst_absolute, difference.absolute)
        self.worst_relative = max(self.worst_relative, difference.relative)


@dataclass(frozen=True)
class TraceComparison:
    """Two traces side by side.

    Attributes
    ----------
    a, b : Trace
        The traces.
    only_in_a, only_in_b : list of str
        Keys that the other trace does not have, in order of appearance; they don't count as differences.
    divergences : list of Divergence
        Pairs whose values differ, in the order of `a`.
    missing_in_b, missing_in_a : list of MissingLine
        Lines without a partner though the other trace has the key: one side took a pass that the other did not.
    surplus_a, surplus_b : int
        Lines beyond those of the other trace, which has no loop indices; they don't count as differences.
    reordered : int
        Pairs that stand in another order in `b`; they don't count as differences.
    summary : dict of str to KeySummary
        For every key that both have, in order of appearance.
    """

    a: Trace
    b: Trace
    only_in_a: Sequence[str]
    only_in_b: Sequence[str]
    divergences: Sequence[Divergence]
    missing_in_b: Sequence[MissingLine]
    missing_in_a: Sequence[MissingLine]
    surplus_a: int
    surplus_b: int
    reordered: int
    summary: Mapping[str, KeySummary]

    @property
    def pairs(self) -> int:
        """Number of lines that were compared."""
        return sum(entry.count for entry in self.summary.values())

    @property
    def are_equal(self) -> bool:
        """Whether something was compared, nothing diverged and no line of a shared key lacks its partner."""
        return self.pairs > 0 and self.first is None

    @property
    def first(self) -> Divergence | MissingLine | None:
        """What comes first in the order of `a`: a pair whose values differ or a line without a partner."""
        found: list[tuple[float, Divergence | MissingLine]] = []
        found += [(divergence.a.number, divergence) for divergence in self.divergences[:1]]
        found += [(missing.line.number, missing) for missing in self.missing_in_b[:1]]
        found += [(missing.after + 0.5, missing) for missing in self.missing_in_a[:1]]
        return min(found, key=lambda item: item[0])[1] if found else None


def compare_traces(a: Trace, b: Trace, rtol: float = DEFAULT_RTOL, atol: float = DEFAULT_ATOL) -> TraceComparison:
    """Compare two traces.

    Two values that both look like integers, and text, must be the same; other numbers may differ by `rtol` times the
    larger one or by `atol`. NaN equals NaN. ``floatimage_accumulated`` is a float32 and may differ by one unit in its
    last place. Keys that one side lacks altogether are listed and do not count; single lines that one side lacks do, if
    it prints loop indices at all.

    Parameters
    ----------
    a, b : Trace
        From `read_trace`; `a` is the reference in reports, the comparison is symmetric.
    rtol, atol : float
        Tolerances, not negative.

    Returns
    -------
    TraceComparison
    """
    shared = a.keys & b.keys
    loops = _common_loops(a, b)
    summary = {key: KeySummary() for key in dict.fromkeys(line.key for line in a.lines) if key in shared}
    places: dict[tuple[object, ...], int] = {}
    places_a, places_b = _identify(a, shared, loops, places), _identify(b, shared, loops, places)
    pairs = _pair(places_a, places_b)
    divergences = []
    for line, partner in pairs:
        entry = summary[line.key]
        entry.count += 1
        if line.values != partner.values:
            divergence = _compare_lines(line, partner, rtol, atol, entry)
            if divergence is not None:
                entry.divergent += 1
                divergences.append(divergence)
    missing_in_b, surplus_a = _find_missing(places_a, places_b, b)
    missing_in_a, surplus_b = _find_missing(places_b, places_a, a)
    for missing in (*missing_in_b, *missing_in_a):
        summary[missing.line.key].missing += 1
    only_in_a, only_in_b = ([*dict.fromkeys(line.key for line in t.lines if line.key not in shared)] for t in (a, b))
    return TraceComparison(
        a, b, only_in_a, only_in_b, divergences, missing_in_b, missing_in_a, surplus_a, surplus_b,
        _count_reordered(pairs), summary,
    )  # fmt: skip


def _pair(places_a: Mapping[Identity, TraceLine], places_b: Mapping[Identity, TraceLine]) -> list[_Pair]:
    """Lines that belong together, in the order of a; a constant that is printed again meets the other's first."""
    pairs = []
    for place, line in places_a.items():
        partner = places_b.get(place) or places_b.get(_first_place(place))
        if partner is not None:
            pairs.append((line, partner))
    for place in places_b.keys() - places_a.keys():
        first = places_a.get(_first_place(place))
        if first is not None:
            pairs.append((first, places_b[place]))
    pairs.sort(key=lambda pair: (pair[0].number, pair[1].number))
    return pairs


def _first_place(place: Identity) -> Identity:
    """Where a constant of the run stands for the first time; other lines have no such place."""
    return (*place[:-1], 1) if place[0] in RUN_KEYS else ()


def _count_reordered(pairs: Sequence[_Pair]) -> int:
    """How often a line of b stands before the partner of the line before; constants may stand anywhere."""
    numbers = [partner.number for line, partner in pairs if line.key not in RUN_KEYS]
    return sum(later < earlier for earlier, later in zip(numbers, numbers[1:], strict=False))


def _find_missing(
    lines: Mapping[Identity, TraceLine], others: Mapping[Identity, TraceLine], other: Trace
) -> tuple[list[MissingLine], int]:
    """The lines that the other trace has no partner for, or only their number if it doesn't say where its lines are."""
    missing, after = [], 0
    for place, line in lines.items():
        partner = others.get(place)
        if partner is not None:
            after = partner.number
        elif _first_place(place) not in others:
            missing.append(MissingLine(line, after))
    if any(key in other.keys for key in LOOPS):
        return missing, 0
    return [], len(missing)


def _common_loops(a: Trace, b: Trace) -> frozenset[str]:
    """Loop keys whose indices mean the same in both traces: at least one pass occurs in both."""
    passes = [{(line.key, line.values) for line in trace.lines if line.key in LOOPS} for trace in (a, b)]
    return frozenset(key for key, _ in passes[0] & passes[1])


def _identify(
    trace: Trace, shared: frozenset[str], loops: frozenset[str], places: dict[tuple[object, ...], int]
) -> dict[Identity, TraceLine]:
    """The lines of shared keys by their place in the loop nest; `places` numbers the places of both traces."""
    indices: list[object] = [None] * len(LOOPS)
    here = pixel = _number(places, indices)
    seen: dict[Identity, int] = {}
    lines: dict[Identity, TraceLine] = {}
    for line in trace.lines:
        key = line.key
        if key not in shared:
            continue
        if key in loops:
            depth = LOOPS.index(key)
            indices[depth:] = [line.values] + [None] * (len(LOOPS) - depth - 1)
            here = _number(places, indices)
            pixel = here if depth == 0 else pixel
        identity: Identity = (here, key)
        if key in RUN_KEYS:
            identity = (key, line.values[:1] if key in INDEXED_KEYS else None)
        elif key in PIXEL_KEYS:
            identity = (pixel, key)
        times = seen[identity] = seen.get(identity, 0) + 1
        lines[identity + (times,)] = line
    return lines


def _number(places: dict[tuple[object, ...], int], indices: Sequence[object]) -> int:
    """Number of a place in the loop nest: cheaper to look up than its indices."""
    return places.setdefault(tuple(indices), len(places))


def _compare_lines(a: TraceLine, b: TraceLine, rtol: float, atol: float, entry: KeySummary) -> Divergence | None:
    """Compare the values of a pair; its differences go into the summary."""
    if len(a.values) != len(b.values):
        entry.note(_NO_NUMBERS)
        return Divergence(a, b, min(len(a.values), len(b.values)), *_NO_NUMBERS)
    if a.key in FLOAT32_KEYS:
        rtol = max(rtol, FLOAT32_RTOL)
    worst: Divergence | None = None
    for component, (ours, theirs) in enumerate(zip(a.values, b.values, strict=True)):
        if ours == theirs:
            continue
        difference, agree = _compare_values(ours, theirs, rtol, atol)
        entry.note(difference)
        if not agree and (worst is None or difference.relative > worst.relative):
            worst = Divergence(a, b, component, *difference)
    return worst


def _compare_values(a: str, b: str, rtol: float, atol: float) -> tuple[ValueDifference, bool]:
    """How far two printed values are apart, and whether that is within the tolerance."""
    try:
        x, y = float(a), float(b)
    except ValueError:
        return _NO_NUMBERS, False
    if x == y or (math.isnan(x) and math.isnan(y)):
        return ValueDifference(0.0, 0.0), True
    absolute = abs(x - y)
    if not math.isfinite(absolute):
        return _NO_NUMBERS, False
    are_integers = _INTEGER.fullmatch(a) is not None and _INTEGER.fullmatch(b) is not None
    agree = not are_integers and math.isclose(x, y, rel_tol=rtol, abs_tol=atol)
    return ValueDifference(absolute, absolute / max(abs(x), abs(y))), agree
