"""Taps: the part of a pixel's trace that answers one question, as plain data for JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbnumba.errors import UsageError
from nbnumba.kernels import events as ev

if TYPE_CHECKING:
    from nbnumba.kernels.params import KernelParams
    from nbnumba.setup.model import Model
    from nbnumba.trace.record import PixelTrace


@dataclass(frozen=True)
class _Evaluation:
    """One completed pass through the innermost loop, with the subpixel it belongs to."""

    subpixel: list[float]
    polarization: float
    hkl: list[float]
    hkl_rounded: list[int]
    lattice_factor: float
    amplitude: float
    term: float
    accumulated: float


def _evaluations(trace: PixelTrace) -> Iterator[_Evaluation]:
    """The evaluations that were added to the pixel, in order."""
    subpixel: list[float] = []
    domain: list[float] = []
    polarization = factor = 0.0
    for row in trace.events:
        code, *values = row.tolist()
        if code == ev.SUBPIXEL:
            subpixel = values
        elif code == ev.POLARIZATION:
            polarization = values[0]
        elif code == ev.DOMAIN:
            domain = values
        elif code == ev.LATTICE_FACTOR:
            factor = values[0]
        elif code == ev.TERM:
            rounded = [int(x) for x in domain[13:16]]
            yield _Evaluation(subpixel, polarization, domain[10:13], rounded, factor, *values[:3])


def _grid_bounds(params: KernelParams) -> dict[str, list[int]] | None:
    """First and last Miller index held along each axis, or None without structure factors."""
    if not params.has_amplitudes:
        return None
    lowest = (params.h_min, params.k_min, params.l_min)
    sizes = (params.h_size, params.k_size, params.l_size)
    return {axis: [low, low + size - 2] for axis, low, size in zip("hkl", lowest, sizes, strict=True)}


def _out_of_bounds(params: KernelParams, rounded: Sequence[int]) -> bool:
    """Whether the nearest reflection is not on the grid, so that the default amplitude serves."""
    bounds = _grid_bounds(params)
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
    amplitudes = [e.amplitude for e in found]
    return {
        "lookups": len(found),
        "out_of_range": sum(_out_of_bounds(model.params, e.hkl_rounded) for e in found),
        "zeros": sum(a == 0.0 for a in amplitudes),
        "mean": sum(amplitudes) / len(amplitudes) if amplitudes else None,
        "hkl_touched": _touched(found),
    }


def _hkl_subpixel(model: Model, trace: PixelTrace) -> list[dict[str, Any]]:
    return [
        {
            "hkl_frac": e.hkl, "hkl_rounded": e.hkl_rounded, "F_cell": e.amplitude,
            "out_of_bounds": _out_of_bounds(model.params, e.hkl_rounded),
        }
        for e in _evaluations(trace)
    ]  # fmt: skip


def _hkl_bounds(model: Model, trace: PixelTrace) -> dict[str, Any]:
    return {"grid": _grid_bounds(model.params), "pixel": _touched(list(_evaluations(trace)))}


def _intensity(model: Model, trace: PixelTrace) -> dict[str, Any]:
    before, capture, polar, omega, final = trace.events[-1, 1:6].tolist()
    return {
        "I_before_scaling": before, "steps": model.params.steps, "omega_pixel": omega, "polar": polar,
        "capture_fraction": capture, "I_pixel_final": final, "floatimage": float(trace.photons),
    }  # fmt: skip


def _accum(model: Model, trace: PixelTrace) -> list[dict[str, Any]]:
    oversample = model.params.oversample
    return [
        {
            "layer": int(e.subpixel[0]), "subpixel_idx": int(e.subpixel[1]) * oversample + int(e.subpixel[2]),
            "s_sub": int(e.subpixel[1]), "f_sub": int(e.subpixel[2]), "hkl": e.hkl, "F_cell": e.amplitude,
            "F_latt": e.lattice_factor, "I_term": e.term, "I_accum": e.accumulated, "omega": e.subpixel[13],
            "capture_fraction": e.subpixel[15], "polar": e.polarization,
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
    trace : PixelTrace
        From `nbnumba.trace.record.record_pixel`.
    names : sequence of str
        Keys of `TAPS`.

    Returns
    -------
    dict
        ``{"pixel": [slow, fast], name: selection, …}``, ready for `nbnumba.io.json_text.to_json`.

    Raises
    ------
    UsageError
        If a name is unknown.
    """
    check_taps(names)
    return {"pixel": [trace.slow, trace.fast], **{name: TAPS[name](model, trace) for name in names}}
