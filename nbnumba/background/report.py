"""What a run of nonBragg tells people: plain lines, lengths in mm, numbers as C's %g prints them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nbnumba.background.extraction import FEWEST_PIXELS
from nbnumba.background.nonbragg import last_evaluation
from nbnumba.config.constants import HC_EV_ANGSTROM
from nbnumba.output.text import Fact, fact_lines, numbers_text

if TYPE_CHECKING:
    from nbnumba.background.extraction import ExtractedCurve
    from nbnumba.background.nonbragg import AmorphousImage
    from nbnumba.background.outputs import AmorphousReport
    from nbnumba.background.setup import AmorphousModel
    from nbnumba.setup.model import StepCounts

_MM = 1000.0
_LISTED_SOURCES = 20
_FEW = 20
"""Points with too few pixels that are named one by one."""


def setup_lines(model: AmorphousModel, inputs: Sequence[tuple[str, Path]] = ()) -> list[str]:
    """What was derived from the experiment, for the console.

    Parameters
    ----------
    model : AmorphousModel
        The image.
    inputs : sequence of (str, Path)
        What was read: a word for it, and the file.

    Returns
    -------
    list of str
    """
    facts = [(word, str(path)) for word, path in inputs]
    return fact_lines((*facts, *_sample_facts(model), *_beam_facts(model), *_detector_facts(model)))


def image_lines(result: AmorphousImage, report: AmorphousReport) -> list[str]:
    """The figures of a rendered image and the files that were written.

    Parameters
    ----------
    result : AmorphousImage
        The image.
    report : AmorphousReport
        Statistics and files.

    Returns
    -------
    list of str
    """
    angle = result.solid_angle_sr
    place = numbers_text((report.max_x, report.max_y), _MM)
    facts = [
        ("rendered", f"in {result.seconds:.3g} s"),
        ("solid angle", f"{angle:g} sr, {100.0 * angle / (4.0 * math.pi):g} % of the sphere"),
        ("maximum", f"{report.max_value:g} photons at {place} mm (fast, slow)"),
        ("statistics", f"mean {report.mean:g}, rms {report.rms:g}, rmsd {report.rmsd:g} photons"),
        ("intfile scale", f"{report.intfile_scale:g}"),
        ("pgm scale", f"{report.pgm_scale:g}"),
    ]
    if result.curve is not None:
        facts.append(("curve", f"{int(result.curve.is_listed.sum())} points"))
    if report.noise_photons is not None:
        facts.append((
            "noise", f"{report.noise_photons:.0f} photons, {report.overloads} overloads, seed {report.noise_seed}"
        ))  # fmt: skip
    facts.append(("written", " ".join(map(str, report.written))))
    return fact_lines(facts)


def result_warnings(result: AmorphousImage) -> list[str]:
    """What the user should know about the image.

    Parameters
    ----------
    result : AmorphousImage
        The image.

    Returns
    -------
    list of str
    """
    warnings = []
    bad = result.image.size - int(np.isfinite(result.image).sum())
    negative = int((result.image < 0.0).sum())
    if bad:
        warnings.append(
            f"{bad} pixels are infinite or no numbers: look for equal abscissae in the table, or some value is far too "
            "large"
        )
    if negative and result.model.geometry.close_distance > 0.0 and not result.model.params.amplitude_map:
        warnings.append(
            f"{negative} pixels are negative: F between or beyond the points of the table is, as in nonBragg, or "
            "weights of sources are"
        )
    warnings += _beyond_table(result)
    if result.curve is not None:
        warnings += _few_pixels(result.curve)
    return warnings


def _beyond_table(result: AmorphousImage) -> list[str]:
    """Which sin θ/λ the table does not hold."""
    known = result.model.table.abscissae[2:-2] * 1e-10
    lowest, highest = (value * 1e-10 for value in result.stol_reach)
    if known.min() <= lowest and highest <= known.max():
        return []
    return [
        f"the image reaches from sin θ/λ {lowest:g} to {highest:g} /Å, the table from {known.min():g} to "
        f"{known.max():g}: beyond it F goes on along a straight line, as in nonBragg"
    ]


def _few_pixels(curve: ExtractedCurve) -> list[str]:
    """Points of the table that are not listed."""
    left_out = np.flatnonzero(~curve.is_listed)
    named = ", ".join(f"{curve.abscissa[n]:g} ({curve.pixels[n]})" for n in left_out[:_FEW])
    more = f" and {left_out.size - _FEW} more" if left_out.size > _FEW else ""
    few = f"{left_out.size} points of the table are next to at most {FEWEST_PIXELS} pixels and not listed"
    return [f"{few}: {named}{more}"] if left_out.size else []


def pixel_detail_lines(model: AmorphousModel, fast: int, slow: int) -> list[str]:
    """How one pixel came about, as its last subpixel and source left it.

    Parameters
    ----------
    model : AmorphousModel
        The image.
    fast, slow : int
        Pixel inside the region of interest.

    Returns
    -------
    list of str
    """
    value, last = last_evaluation(model, slow, fast)
    return fact_lines((
        ("pixel", f"{fast} {slow} (fast slow)"),
        ("sin θ/λ, 1/m", f"{last.stol[0]:.10g}"),
        ("F", f"{last.amplitude[0]:.10g}"),
        ("polarization", f"{last.polarization[0]:.10g}"),
        ("solid angle, sr", f"{last.solid_angle[0]:.10g}"),
        ("F" if model.params.amplitude_map else "photons", f"{value:.10g}"),
    ))  # fmt: skip


def _sample_facts(model: AmorphousModel) -> Iterator[Fact]:
    sample, table = model.sample, model.table
    known = table.abscissae[2:-2] * 1e-10
    yield "table", (f"{known.size} points, sin θ/λ from {known.min():g} to {known.max():g} /Å; "
                    f"cubics through four points between them")  # fmt: skip
    size = numbers_text((sample.thickness, sample.width, sample.height), _MM).replace(" ", " x ")
    yield "sample", (f"{size} mm (thick, wide, high), {sample.density / 1e6:g} g/cm^3, {sample.molar_mass:g} g/mol, "
                     f"{sample.molecules:g} molecules")  # fmt: skip


def _beam_facts(model: AmorphousModel) -> Iterator[Fact]:
    beam, angstrom = model.experiment.beam, 1e10 * model.wavelength
    yield "wavelength", (f"{angstrom:g} Å ({HC_EV_ANGSTROM / angstrom:g} eV) +/- {100.0 * model.dispersion.range:g} % "
                         f"in {model.dispersion.steps} steps")  # fmt: skip
    yield "fluence", f"{model.fluence:g} photons/m^2"
    yield "polarization", f"Kahn factor {beam.kahn_factor:g}" if beam.polarization else "no correction"
    horizontal, vertical = _spread_text(model.horizontal_divergence), _spread_text(model.vertical_divergence)
    yield "divergence", f"horizontal {horizontal}, vertical {vertical}, {model.sources.divergence_steps} directions"
    yield from _source_facts(model)


def _spread_text(spread: StepCounts) -> str:
    """A range of angles."""
    return f"{_MM * spread.range:g} mrad in steps of {_MM * spread.step:g}"


def _source_facts(model: AmorphousModel) -> Iterator[Fact]:
    sources = model.sources
    count = len(sources.weights)
    yield "sources", f"{count}"
    rows = zip(sources.vectors.tolist(), sources.weights.tolist(), sources.units[:, 3].tolist(), strict=True)
    for vector, weight, wavelength in list(rows)[:_LISTED_SOURCES]:
        yield "", f"{numbers_text(vector)}, weight {weight:g}, {1e10 * wavelength:g} Å"
    if count > _LISTED_SOURCES:
        yield "", f"and {count - _LISTED_SOURCES} more"


def _detector_facts(model: AmorphousModel) -> Iterator[Fact]:
    g, p = model.geometry, model.params
    size = numbers_text((g.size_fast, g.size_slow), _MM).replace(" ", " x ")
    yield "detector", (f"{g.pixels_fast} x {g.pixels_slow} pixels of {_MM * g.pixel_size:g} mm: {size} mm, "
                       f"pivot {g.pivot.value}")  # fmt: skip
    yield "distance", f"{_MM * g.distance:g} mm, closest point {_MM * g.close_distance:g} mm"
    yield "beam centre", f"Xbeam {_MM * g.f_beam:g} Ybeam {_MM * g.s_beam:g} mm"
    yield "closest point", (f"Xclose {_MM * g.f_close:g} Yclose {_MM * g.s_close:g} mm, "
                            f"ORGX {g.f_close / g.pixel_size:g} ORGY {g.s_close / g.pixel_size:g}")  # fmt: skip
    yield "first pixel", f"{numbers_text(g.pix0, _MM)} mm"
    yield "fast, slow axis", f"{numbers_text(g.fdet)}, {numbers_text(g.sdet)}"
    yield "beam", f"{numbers_text(g.beam)}, E-vector {numbers_text(g.polar)}"
    if p.curved:
        yield "pixels", "all at the same distance from the sample"
    if p.point_pixel:
        yield "pixels", "solid angle 1/R²"
    yield "subpixels", f"{p.oversample} x {p.oversample}"
    fast_start, fast_stop, slow_start, slow_stop = model.window
    yield "region of interest", f"fast {fast_start} to {fast_stop - 1}, slow {slow_start} to {slow_stop - 1}"
