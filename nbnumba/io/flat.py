"""What miniCBF and SMV headers can say of a detector: one panel square to the beam, its distance and beam centre."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nbnumba.config import Panel
from nbnumba.errors import NbnumbaWarning, UsageError
from nbnumba.io.scene import Goniometer, Scan, square_to_beam
from nbnumba.setup.panels import panel_normal, ray_pixel

if TYPE_CHECKING:
    from nbnumba.io.scene import Scene

_PARALLEL = 1e-6
"""Sine of the angle below which directions count as parallel: 0.2 µm over a detector of 200 mm."""


@dataclass(frozen=True)
class FlatView:
    """A panel square to the beam, with rows along the spindle.

    Attributes
    ----------
    panel : Panel
        Pixels and sensor.
    distance : float
        mm.
    beam_centre : tuple of 2 float
        Fast, slow in pixels from the outer corner of the first pixel.
    start, width : float
        Spindle angle at the beginning and rotation during the (first) image, degrees; 0 for stills.
    """

    panel: Panel
    distance: float
    beam_centre: tuple[float, float]
    start: float
    width: float


def flat_view(path: str | os.PathLike[str], scene: Scene) -> FlatView:
    """The scene as a reader of such headers takes it: fast along x, slow along -y, beam along -z, spindle along x.

    Parameters
    ----------
    path : path
        Names the file in messages.
    scene : Scene
        Any scene.

    Returns
    -------
    FlatView

    Raises
    ------
    UsageError
        If the header can't describe the detector or the spindle.

    Warns
    -----
    NbnumbaWarning
        If readers will take a still for its mirror image.
    """
    if len(scene.panels) > 1:
        raise UsageError(f"{path}: this format describes one panel, not {len(scene.panels)}; write NXmx (.nxs)")
    scene = square_to_beam(scene)
    panel = scene.panels[0]
    normal = panel_normal(panel)
    if np.linalg.norm(np.cross(normal, scene.unit_s0)) > _PARALLEL:
        angle = np.degrees(np.arccos(min(abs(normal[2]), 1.0)))
        raise UsageError(
            f"{path}: this format can't describe a detector that is tilted by {angle:.4g} degrees; write NXmx (.nxs)"
        )
    mirrored = normal[2] > 0.0
    if scene.scan is not None and scene.goniometer is not None:
        _check_spindle(path, scene.goniometer, panel, mirrored)
    elif mirrored:
        warnings.warn(NbnumbaWarning(
            f"{path}: the detector is seen from behind, which this format can't say: readers mirror the image, which "
            "swaps Friedel mates; write NXmx (.nxs)"
        ), stacklevel=2)  # fmt: skip
    fast, slow = ray_pixel(panel, scene.unit_s0)
    if not np.isfinite(fast):
        raise UsageError(f"{path}: the detector does not stand behind the sample, which this format can't describe")
    start, width = (scene.scan.start, scene.scan.width) if scene.scan is not None else (0.0, 0.0)
    return FlatView(panel, -panel.origin[2], (float(fast), float(slow)), start, width)


def _check_spindle(path: str | os.PathLike[str], goniometer: Goniometer, panel: Panel, mirrored: bool) -> None:
    spindle = goniometer.setting_rotation @ goniometer.axis
    if mirrored or np.linalg.norm(spindle - panel.fast) > _PARALLEL:
        raise UsageError(
            f"{path}: in this format the spindle lies along the fast axis of a detector seen from the sample; "
            "this one is set up otherwise: write NXmx (.nxs)"
        )


def flat_panel(panel_size: tuple[int, int], pixel_size: tuple[float, float], view: tuple[float, float, float],
               **fields: object) -> Panel:
    """The panel that such a header describes, in the lab frame of DIALS.

    Parameters
    ----------
    panel_size : tuple of 2 int
        Pixels along fast and slow.
    pixel_size : tuple of 2 float
        mm.
    view : tuple of 3 float
        Beam centre along fast and slow, pixels from the outer corner; distance, mm.
    **fields
        Of `Panel`.

    Returns
    -------
    Panel
    """
    fast, slow, distance = view
    return Panel(
        (-fast * pixel_size[0], slow * pixel_size[1], -distance), (1.0, 0.0, 0.0), (0.0, -1.0, 0.0), pixel_size,
        panel_size, **fields,  # type: ignore[arg-type]
    )


def sweep(start: float, width: float) -> tuple[Goniometer | None, Scan | None]:
    """Goniometer and scan of an image that turns about x.

    Parameters
    ----------
    start, width : float
        Degrees; a width of 0 is a still.

    Returns
    -------
    goniometer : Goniometer or None
    scan : Scan or None
    """
    return (None, None) if width == 0.0 else (Goniometer(), Scan(start, width))
