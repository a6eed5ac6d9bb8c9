"""The header of nanoBragg's SMV images: its own, or one from which dxtbx makes the right detector."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nbnumba.io.smv_headers import smv_header
from nbnumba.output.files import DIALS

if TYPE_CHECKING:
    from pathlib import Path

    from nbnumba.output.files import OutputFiles
    from nbnumba.setup.model import Model


def header_for(path: Path, model: Model, files: OutputFiles, gain: float = 1.0) -> bytes:
    """The header of an integer image of a simulation.

    Parameters
    ----------
    path : Path
        Names the file in messages.
    model : Model
        The simulation.
    files : OutputFiles
        Say which header, and the pixel value without photons.
    gain : float
        Pixel value per photon; 0 of an empty image counts as 1.

    Returns
    -------
    bytes

    Raises
    ------
    UsageError
        If a header for dxtbx can't describe the detector.

    Warns
    -----
    NbnumbaWarning
        If DIALS needs another name.
    """
    if files.smv_header != DIALS:
        return smv_header(model)
    # what only these headers need
    from nbnumba.io.flat import flat_view
    from nbnumba.io.names import warn_without_number
    from nbnumba.io.simulated import scene_of
    from nbnumba.io.smv_dials import dials_smv_header

    scene = scene_of(model)
    panel = replace(scene.panels[0], pedestal=files.adc_offset, gain=gain if gain > 0.0 else 1.0)
    scene = replace(scene, panels=(panel,))
    view = flat_view(path, scene)
    warn_without_number(path)
    return dials_smv_header(view, scene, view.start)
