"""What noisify tells people. Plain lines, %g numbers as C's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbnumba.output.text import Fact, fact_lines
from nbnumba.readout.options import Profile

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from nbnumba.readout.noisify import NoisifyReport
    from nbnumba.readout.options import NoisifyOptions, NoisifyPointSpread

_PROFILES = {Profile.GAUSS: "Gaussian", Profile.FIBER: "fibre taper"}


def request_lines(
    image: np.ndarray, options: NoisifyOptions, pixel_size: float, input_path: Path, header_path: Path | None
) -> list[str]:
    """What will be done, for the console.

    Parameters
    ----------
    image : ndarray, shape (slow, fast)
        Input.
    options : NoisifyOptions
        Detector and noise.
    pixel_size : float
        Edge of a pixel, mm.
    input_path, header_path : Path or None
        What was read.

    Returns
    -------
    list of str
    """
    slow, fast = image.shape
    facts: list[Fact] = [("float image", str(input_path))]
    if header_path is not None:
        facts.append(("header", str(header_path)))
    facts.append(("detector", f"{fast} x {slow} pixels of {pixel_size:g} mm"))
    facts.append(("photons", f"scale {options.scale:g}, fluence {options.fluence:g} photons/m^2"))
    facts.append(("integers", f"{options.bits} bits, {options.gain:g} per photon, offset {options.adc_offset:g}"))
    if options.noise:
        facts.append(("calibration error", f"{100.0 * options.calibration_noise:g} %"))
        facts.append(("flicker", f"{100.0 * options.flicker_noise:g} %"))
        facts.append(("readout noise", f"{options.readout_noise:g} ADU"))
    if options.point_spread.acts:
        facts.append(("point spread", _spread_text(options.point_spread)))
    return fact_lines(facts)


def _spread_text(spread: NoisifyPointSpread) -> str:
    """Kind and width of a point spread, and how far pixels are rendered."""
    far = f"to a radius of {spread.radius} pixels" if spread.radius > 0 else "all photons spread evenly"
    if spread.radius == 0:
        far = "as far as the photons of each pixel matter"
    return f"{_PROFILES[spread.profile]}, {spread.fwhm:g} µm wide, {far}"


def noisify_lines(report: NoisifyReport, options: NoisifyOptions) -> list[str]:
    """The figures of the images and the files that were written.

    Parameters
    ----------
    report : NoisifyReport
        Figures and files.
    options : NoisifyOptions
        Detector and noise.

    Returns
    -------
    list of str
    """
    facts: list[Fact] = [
        ("maximum", f"{report.largest_input:g} in the float image, {report.largest_photons:g} photons"),
    ]
    if report.spread is not None:
        facts += _spread_facts(report)
    if report.noise is not None:
        noise = report.noise
        seeds = f"seed {noise.seed}"
        if options.calibration_noise > 0.0:
            seeds += f", calibration seed {options.calibration_seed}"
        facts.append(("noise", f"{noise.photons:.0f} photons, {noise.overloads} overloads, {seeds}"))
    facts.append(("written", " ".join(map(str, report.written))))
    return fact_lines(facts)


def _spread_facts(report: NoisifyReport) -> list[Fact]:
    """What the point spread did."""
    spread, facts = report.spread, []
    assert spread is not None
    if report.noise is not None:
        facts.append(("before spreading", f"{report.noise.counted:.0f} photons"))
    if spread.automatic_radius is not None:
        facts.append(("radius", f"{spread.automatic_radius} pixels for the largest pixel, {spread.largest:g} photons"))
    beyond = "no photons, nothing is spread" if spread.lost is None else f"{spread.lost:g} photons, spread evenly"
    return [*facts, ("beyond the radius", beyond)]
