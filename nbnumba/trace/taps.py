"""Taps: the part of a pixel's trace that answers one question, as plain data for JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbnumba.errors import UsageError
from nbnumba.kernels import events as ev

if TYPE_CHECKING:
    from nbnumba.kernels.params import Factors
    from nbnumba.setup.model import Model
    from nbnumba.trace.record import PixelTrace


@dataclass(frozen=True)
class _Evaluation:
    """One completed pass through the innermost loop, with the subpixel it belongs to."""

    subpixel: ev.Subpixel
    polarization: float
    domain: ev.Domain
    lattice_factor: float
    term: ev.Term

    @property
    def hkl(self) -> list[float]:
        """Fractional Miller indices."""
        return [self.domain.h, self.domain.k, self.domain.l]

    @property
    def hkl_rounded(self) -> list[int]:
        """Nearest Miller indices."""
        return [int(self.domain.h0), int(self.domain.k0), int(self.domain.l0)]


def _evaluations(trace: PixelTrace) -> Iterator[_Evaluation]:
    """The evaluations that were added to the pixel, in order."""
    subpixel: ev.Subpixel
    domain: ev.Domain
    polarization = factor = 0.0
    for event in trace.events:
        match event:
            case ev.Subpixel():
                subpixel = event
            case ev.Polarization():
                polarization = event.factor
            case ev.Domain():
                domain = event
            case ev.Shape():
                factor = event.factor
            case ev.Term():
                yield _Evaluation(subpixel, polarization, domain, factor, event)


def _grid_bounds(factors: Factors) -> dict[str, list[int]] | None:
    """First and last Miller index held along each axis, or None without structure factors."""
    if not factors.has_amplitudes:
        return None
    lowest = (factors.h_min, factors.k_min, factors.l_min)
    sizes = (factors.h_size, factors.k_size, factors.l_size)
    return {axis: [low, low + size - 2] for axis, low, size in zip("hkl", lowest, sizes, strict=True)}


def _out_of_bounds(factors: Factors, rounded: Sequence[int]) -> bool:
    """Whether the nearest reflection is not on the grid, so that the default amplitude serves."""
    bounds = _grid_bounds(factors)
    if bounds is None:
        return True
    return any(not low <= index <= high for (low, high), index in zip(bounds.values(), rounded, strict=True))


def _touched(evaluations: Sequence[_Evaluation]) -> dict[str, list[int]] | None:
    """Smallest and largest rounded index met along each axis."""
    if not evaluations:
        return None
    columns = zip(*(e.hkl_rounded for e in evaluations), strict=True)
    return {axis: [min(column), max(column)] for axis, column in zip("hkl", columns, strict=True)}


def _f_cell(model: Model, trace: PixelTrace) -> dict[str, Any]:
    found = list(_evaluations(trace))
    amplitudes = [e.term.amplitude for e in found]
    return {
        "lookups": len(found),
        "out_of_range": sum(_out_of_bounds(model.params.factors, e.hkl_rounded) for e in found),
        "zeros": sum(a == 0.0 for a in amplitudes),
        "mean": sum(amplitudes) / len(amplitudes) if amplitudes else None,
        "hkl_touched": _touched(found),
    }


def _hkl_subpixel(model: Model, trace: PixelTrace) -> list[dict[str, Any]]:
    return [
        {
            "hkl_frac": e.hkl, "hkl_rounded": e.hkl_rounded, "F_cell": e.term.amplitude,
            "out_of_bounds": _out_of_bounds(model.params.factors, e.hkl_rounded),
        }
        for e in _evaluations(trace)
    ]  # fmt: skip


def _hkl_bounds(model: Model, trace: PixelTrace) -> dict[str, Any]:
    return {"grid": _grid_bounds(model.params.factors), "pixel": _touched(list(_evaluations(trace)))}


def _intensity(model: Model, trace: PixelTrace) -> dict[str, Any]:
    final = trace.events[-1]
    assert isinstance(final, ev.Final)
    return {
        "I_before_scaling": final.intensity, "steps": model.params.scale.steps, "omega_pixel": final.omega,
        "polar": final.polarization, "capture_fraction": final.capture, "I_pixel_final": final.photons,
        "floatimage": float(trace.photons),
    }  # fmt: skip


def _accum(model: Model, trace: PixelTrace) -> list[dict[str, Any]]:
    oversample = model.params.sampling.oversample
    return [
        {
            "layer": int(e.subpixel.layer),
            "subpixel_idx": int(e.subpixel.sub_slow) * oversample + int(e.subpixel.sub_fast),
            "s_sub": int(e.subpixel.sub_slow), "f_sub": int(e.subpixel.sub_fast), "hkl": e.hkl,
            "F_cell": e.term.amplitude, "F_latt": e.lattice_factor, "I_term": e.term.term,
            "I_accum": e.term.accumulated, "omega": e.subpixel.omega, "capture_fraction": e.subpixel.capture,
            "polar": e.polarization,
        }
        for e in _evaluations(trace)
    ]  # fmt: skip


TAPS: dict[str, Callable[[Model, PixelTrace], Any]] = {
    "f_cell": _f_cell,
    "hkl_subpixel": _hkl_subpixel,
    "hkl_bounds": _hkl_bounds,
    "intensity": _intensity,
    "accum": _accum,
}
"""Every tap by name."""


def check_taps(names: Sequence[str]) -> None:
    """Refuse names that are no taps.

    Parameters
    ----------
    names : sequence of str
        Should be keys of `TAPS`.

    Raises
    ------
    UsageError
        If a name is unknown.
    """
    unknown = [name for name in names if name not in TAPS]
    if unknown:
        raise UsageError(f"unknown tap '{unknown[0]}': choose from {', '.join(TAPS)}")


def tap_pixel(model: Model, trace: PixelTrace, names: Sequence[str]) -> dict[str, Any]:
    """Selections of one pixel's trace.

    Parameters
    ----------
    model : Model
        The simulation, from `nbnumba.lower`.
    trace : PixelTrace
        From `record_pixels`.
    names : sequence of str
        Keys of `TAPS`.

    Returns
    -------
    dict
        ``{"pixel": [slow, fast], name: selection, …}``, of JSON's types; infinities and NaN may be among them.

    Raises
    ------
    UsageError
        If a name is unknown.
    """
    check_taps(names)
    return {"pixel": [trace.slow, trace.fast], **{name: TAPS[name](model, trace) for name in names}}
