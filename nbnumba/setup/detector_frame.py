"""Beam-centre conventions and the position and orientation of the detector."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, replace

from nbnumba.config import Convention, LabFrame, Pivot
from nbnumba.setup.model import DetectorGeometry
from nbnumba.setup.vectors import Vector, cross, dot, magnitude, rotate_about, rotate_xyz, scale, unit


@dataclass(frozen=True)
class DetectorInput:
    """What the user said about the detector, in metres and radians; None means not given."""

    frame: LabFrame
    pixel_size: float
    pixels_fast: int
    pixels_slow: int
    size_fast: float
    size_slow: float
    distance: float
    close_distance: float | None
    x_beam: float | None
    y_beam: float | None
    x_close: float | None
    y_close: float | None
    org_x: float | None
    org_y: float | None
    twotheta: float
    rotation: Vector
    pix0: Vector | None


@dataclass(frozen=True)
class _Centre:
    """Beam centre as the convention means it, direct beam and closest point along the detector axes (m)."""

    x_beam: float
    y_beam: float
    f_beam: float
    s_beam: float
    f_close: float
    s_close: float


_X, _Y, _Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)


def _negative(v: Vector) -> Vector:
    return (-v[0] or 0.0, -v[1] or 0.0, -v[2] or 0.0)


_MOSFLM = LabFrame(
    Convention.MOSFLM, Pivot.BEAM, beam=_X, fdet=_Z, sdet=_negative(_Y), odet=_X, polar=_Z,
    twotheta_axis=_negative(_Z), spindle=_Z,
)
_XDS = LabFrame(
    Convention.XDS, Pivot.SAMPLE, beam=_Z, fdet=_X, sdet=_Y, odet=_Z, polar=_X, twotheta_axis=_X, spindle=_X,
)

CONVENTION_FRAMES = {
    Convention.MOSFLM: _MOSFLM,
    Convention.DENZO: replace(_MOSFLM, convention=Convention.DENZO),
    Convention.XDS: _XDS,
    Convention.DIALS: replace(_XDS, convention=Convention.DIALS, polar=_Y, twotheta_axis=_Y, spindle=_Y),
    Convention.ADXV: LabFrame(
        Convention.ADXV, Pivot.BEAM, beam=_Z, fdet=_X, sdet=_negative(_Y), odet=_Z, polar=_X,
        twotheta_axis=_negative(_X), spindle=_X,
    ),
}
"""The lab axes and pivot that each convention imposes (quirk `pivot`: whatever the user chose)."""


def _own_pivot(convention: Convention) -> Pivot | None:
    """The pivot that a convention brings; under CUSTOM it is the user's."""
    return CONVENTION_FRAMES[convention].pivot if convention in CONVENTION_FRAMES else Pivot.SAMPLE


def _frame(given: LabFrame, fixes: frozenset[str]) -> LabFrame:
    """The lab axes and the pivot."""
    frame = CONVENTION_FRAMES.get(given.convention, given)
    if "pivot" in fixes and given.pivot is not None:
        frame = replace(frame, pivot=given.pivot)
    return frame


def _default(value: float | None, fallback: float) -> float:
    return fallback if value is None else value


def _centre(given: DetectorInput, x_close: float, y_close: float, f_close: float, s_close: float) -> _Centre:
    """Fill in the beam centre by the convention."""
    convention, pixel = given.frame.convention, given.pixel_size
    if convention is Convention.ADXV:
        x_beam = _default(given.x_beam, (given.size_fast + pixel) / 2.0)
        y_beam = _default(given.y_beam, (given.size_slow - pixel) / 2.0)
        return _Centre(x_beam, y_beam, x_beam, given.size_slow - y_beam, f_close, s_close)
    if convention in (Convention.MOSFLM, Convention.DENZO):
        x_beam = _default(given.x_beam, (given.size_slow + pixel) / 2.0)
        y_beam = _default(given.y_beam, (given.size_fast + pixel) / 2.0)
        half = 0.5 * pixel if convention is Convention.MOSFLM else 0.0
        return _Centre(x_beam, y_beam, y_beam + half, x_beam + half, f_close, s_close)
    x_beam, y_beam = _default(given.x_beam, x_close), _default(given.y_beam, y_close)
    if convention is Convention.CUSTOM:
        f_close, s_close = x_beam, y_beam
    return _Centre(x_beam, y_beam, x_beam, y_beam, f_close, s_close)


def _mended(centre: _Centre, given: DetectorInput, fixes: frozenset[str]) -> _Centre:
    """The closest point where the user's numbers put it (quirks `pivot`, `xclose-ignored`).

    Before it is turned the detector stands square to the beam, whose spot is the closest point unless one is given.
    """
    of_xds = given.frame.convention in (Convention.XDS, Convention.DIALS)
    if given.frame.convention is Convention.CUSTOM or ("xclose-ignored" if of_xds else "pivot") not in fixes:
        return centre
    f_given = given.x_close is None and given.org_x is not None and given.x_beam is None
    s_given = given.y_close is None and given.org_y is not None and given.y_beam is None
    return replace(
        centre,
        f_close=centre.f_close if f_given else _default(given.x_close, centre.f_beam),
        s_close=centre.s_close if s_given else _default(given.y_close, centre.s_beam),
    )


def _unit_axes(frame: LabFrame) -> tuple[LabFrame, str | None]:
    """The frame with unit vectors; an outward axis of any other length is replaced by fast × slow."""
    fdet, sdet, odet = unit(frame.fdet), unit(frame.sdet), unit(frame.odet)
    warning = None
    if magnitude(frame.odet) != 1.0:
        odet = unit(cross(fdet, sdet))
        warning = "the outward detector axis is not a unit vector: using fast axis × slow axis"
    frame = replace(
        frame, beam=unit(frame.beam), fdet=fdet, sdet=sdet, odet=odet, polar=unit(frame.polar),
        spindle=unit(frame.spindle),
    )
    return frame, warning


def _first_pixel(
    frame: LabFrame, turned: LabFrame, centre: _Centre, given: DetectorInput, distance: float, close_distance: float
) -> Vector:
    """Lab position of the outer corner of the first pixel."""
    if frame.pivot is not Pivot.SAMPLE:
        return _combine(centre.f_beam, turned.fdet, centre.s_beam, turned.sdet, distance, frame.beam)
    corner = _combine(centre.f_close, frame.fdet, centre.s_close, frame.sdet, close_distance, frame.odet)
    return rotate_about(rotate_xyz(corner, given.rotation), frame.twotheta_axis, given.twotheta)


def _combine(f: float, fdet: Vector, s: float, sdet: Vector, d: float, along: Vector) -> Vector:
    """-f·fdet - s·sdet + d·along."""
    x, y, z = (-f * fdet[i] - s * sdet[i] + d * along[i] for i in range(3))
    return (x, y, z)


def _turn(frame: LabFrame, given: DetectorInput) -> LabFrame:
    """The detector axes after the rotations about the lab axes and the 2θ swing."""
    def turned(v: Vector) -> Vector:
        return rotate_about(rotate_xyz(v, given.rotation), frame.twotheta_axis, given.twotheta)

    return replace(frame, fdet=turned(frame.fdet), sdet=turned(frame.sdet), odet=turned(frame.odet))


def _stated(convention: Convention, f_beam: float, s_beam: float, given: DetectorInput) -> dict[str, float]:
    """The beam centre as the convention means it, from where the beam meets the detector."""
    if convention is Convention.ADXV:
        return {"x_beam": f_beam, "y_beam": given.size_slow - s_beam}
    if convention in (Convention.MOSFLM, Convention.DENZO):
        half = 0.5 * given.pixel_size if convention is Convention.MOSFLM else 0.0
        return {"x_beam": s_beam - half, "y_beam": f_beam - half}
    return {"x_beam": f_beam, "y_beam": s_beam}


def beam_obliquity(beam: Vector, odet: Vector, rotation: Vector) -> float:
    """Cosine between the beam and the outward axis before the 2θ swing (quirk `twotheta-header`).

    Parameters
    ----------
    beam, odet : tuple of 3 float
        Unit vectors, lab frame, before every rotation.
    rotation : tuple of 3 float
        Of the detector about lab x, then y, then z, radians.

    Returns
    -------
    float
        The smallest positive double instead of 0.
    """
    return dot(beam, rotate_xyz(odet, rotation)) or sys.float_info.min


def place_detector(given: DetectorInput, fixes: frozenset[str]) -> tuple[DetectorGeometry, tuple[str, ...]]:
    """Put the detector where its convention, beam centre, distances and rotations say.

    Parameters
    ----------
    given : DetectorInput
        The user's numbers in metres and radians.
    fixes : frozenset of str
        Quirks that are switched off.

    Returns
    -------
    geometry : DetectorGeometry
        Axes, first pixel, distances and beam centres after all rotations.
    warnings : tuple of str
        What was changed against the user's word.
    """
    f_close = given.size_fast / 2.0 if given.org_x is None else (given.org_x - 0.5) * given.pixel_size
    s_close = given.size_slow / 2.0 if given.org_y is None else (given.org_y - 0.5) * given.pixel_size
    x_close, y_close = _default(given.x_close, f_close), _default(given.y_close, s_close)
    centre = _mended(_centre(given, x_close, y_close, f_close, s_close), given, fixes)
    frame, warning = _unit_axes(_frame(given.frame, fixes))

    ratio = beam_obliquity(frame.beam, frame.odet, given.rotation)
    # about the sample the foot point is turned, which is as far as the beam's spot was before
    square = frame.pivot is Pivot.SAMPLE and frame.pivot is not _own_pivot(frame.convention)
    close_distance = _default(given.close_distance, math.fabs((1.0 if square else ratio) * given.distance))
    distance = close_distance / ratio
    turned = _turn(frame, given)
    placed = given.pix0 if "pix0" in fixes else None
    pix0 = placed or _first_pixel(frame, turned, centre, given, distance, close_distance)

    close_distance = dot(pix0, turned.odet)
    if "twotheta-header" in fixes or placed is not None:
        ratio = dot(frame.beam, turned.odet) or sys.float_info.min
    distance = close_distance / ratio
    to_beam = scale(frame.beam, distance)
    to_beam = (to_beam[0] - pix0[0], to_beam[1] - pix0[1], to_beam[2] - pix0[2])
    f_beam, s_beam = dot(turned.fdet, to_beam), dot(turned.sdet, to_beam)
    if placed is not None or ("twotheta-header" in fixes and given.twotheta != 0.0):
        centre = replace(centre, **_stated(frame.convention, f_beam, s_beam, given))
    f_near, s_near = -dot(pix0, turned.fdet), -dot(pix0, turned.sdet)
    geometry = DetectorGeometry(
        convention=frame.convention, pivot=frame.pivot or Pivot.BEAM,
        pixels_fast=given.pixels_fast, pixels_slow=given.pixels_slow, pixel_size=given.pixel_size,
        size_fast=given.size_fast, size_slow=given.size_slow,
        beam=frame.beam, polar=frame.polar, vertical=unit(cross(frame.beam, frame.polar)),
        spindle=frame.spindle, twotheta_axis=frame.twotheta_axis,
        fdet=turned.fdet, sdet=turned.sdet, odet=turned.odet, pix0=pix0,
        distance=distance, close_distance=close_distance,
        x_beam=centre.x_beam, y_beam=centre.y_beam,
        f_beam=f_beam, s_beam=s_beam,
        x_close=x_close, y_close=y_close, f_close=f_near, s_close=s_near,
        org_x=f_near / given.pixel_size + 0.5, org_y=s_near / given.pixel_size + 0.5,
        dials_origin=(1000.0 * dot(pix0, _Z), 1000.0 * dot(pix0, _Y), 1000.0 * dot(pix0, (-1.0, 0.0, 0.0))),
        twotheta=given.twotheta,
    )
    return geometry, (warning,) if warning else ()
