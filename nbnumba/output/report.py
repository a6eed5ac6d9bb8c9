"""What a run tells people: the derived set-up, the figures of the image, single pixels. Plain lines, %g numbers as C's.

Lengths are in mm, angles in degrees and cells in Å, as users type them and as the SMV header says them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nbnumba.config.constants import AVOGADRO, HC_EV_ANGSTROM
from nbnumba.output.text import Fact, fact_lines, numbers_text
from nbnumba.setup.quirk_notes import quirk_notes, with_remedy
from nbnumba.setup.units import DEGREES_PER_RADIAN

if TYPE_CHECKING:
    from nbnumba.output.write import OutputReport
    from nbnumba.setup.model import DetectorGeometry, Lattice, Model, Window
    from nbnumba.simulation import SimulationResult

_LISTED_SOURCES = 20
_MM = 1000.0
_CRYSTAL_DENSITY = 1.2e6
"""g/m³, assumed for the approximate molecular weight."""


def setup_lines(model: Model, inputs: Sequence[tuple[str, Path | str]] = ()) -> list[str]:
    """What was derived from the experiment, for the console.

    Parameters
    ----------
    model : Model
        The simulation.
    inputs : sequence of (str, Path or str)
        What was read: a word for it, and the file or what there is to say.

    Returns
    -------
    list of str
    """
    facts = [(word, f"{path}: pixels of value 0 are skipped" if word == "mask" else str(path)) for word, path in inputs]
    facts.append(("physics", str(model.experiment.physics)))
    facts += _panel_facts(model)
    facts += _detector_facts(model.geometry)
    facts += _sensor_facts(model)
    facts += _lattice_facts(model.lattice)
    facts += _crystal_facts(model)
    facts += _beam_facts(model)
    facts += _background_facts(model)
    facts += _sampling_facts(model)
    return fact_lines(facts)


def image_lines(result: SimulationResult, report: OutputReport) -> list[str]:
    """The figures of a simulated image and the files that were written.

    Parameters
    ----------
    result : SimulationResult
        The image.
    report : OutputReport
        Statistics and files.

    Returns
    -------
    list of str
    """
    facts = _rendering_facts(result)
    if report.noise_seed is not None:
        facts.append(("noise seed", f"{report.noise_seed}"))
    facts.append(("image", "in photons, the maximum at fast slow in m"))
    return [*fact_lines(facts), *_figures(report), *fact_lines([("written", " ".join(map(str, report.written)))])]


def _cutoff_facts(result: SimulationResult) -> list[Fact]:
    """How an image with a cutoff was summed."""
    cutoff = result.model.experiment.sampling.cutoff
    if cutoff is None:
        return []
    if result.summed == "sparse":
        return [("summed", f"sparse: over the spots that reach each pixel, to {cutoff:g} photons")]
    return [("summed", f"full: {result.full_because}")]


def panel_lines(result: SimulationResult, written: Iterable[Path]) -> list[str]:
    """The figures of an image of panels and the files that were written.

    Parameters
    ----------
    result : SimulationResult
        The image.
    written : iterable of Path
        Its files.

    Returns
    -------
    list of str
    """
    number = max(range(len(result.panels)), key=lambda i: result.panels[i].max(initial=0.0))
    panel = result.panels[number]
    slow, fast = divmod(int(panel.argmax()), panel.shape[1])
    total = sum(float(image.sum(dtype=np.float64)) for image in result.panels)
    facts = [
        *_rendering_facts(result),
        ("image", f"{total:g} photons, at most {panel[slow, fast]:g} in pixel {fast} {slow} (fast slow)"
                  + (f" of panel {number}" if len(result.panels) > 1 else "")),
        ("written", " ".join(map(str, written))),
    ]  # fmt: skip
    return fact_lines(facts)


def _rendering_facts(result: SimulationResult) -> list[Fact]:
    angle = result.solid_angle_sr
    return [
        ("rendered", f"in {result.seconds:.3g} s by the {result.engine} engine"),
        *_cutoff_facts(result),
        ("solid angle", f"{angle:g} sr, {100.0 * angle / (4.0 * math.pi):g} % of the sphere"),
    ]


def _figures(report: OutputReport) -> list[str]:
    """The figures of the image, word for word where scripts that were made for nanoBragg look for them."""
    lines = [
        f"max_I = {report.max_value:g}  at {report.max_x:g} {report.max_y:g}",
        f"mean= {report.mean:g} rms= {report.rms:g} rmsd= {report.rmsd:g}",
        f"intfile_scale = {report.intfile_scale:g}",
    ]
    if report.pgm_scale is not None:
        lines.append(f"pgm_scale = {report.pgm_scale:g}")
    if report.noise_photons is not None:
        lines.append(f"{report.noise_photons:.0f} photons on noise image ({report.overloads} overloads)")
    return lines


def model_warnings(model: Model) -> list[str]:
    """What the user should know about the set-up.

    Parameters
    ----------
    model : Model
        The simulation.

    Returns
    -------
    list of str
    """
    warnings = [*model.warnings, *quirk_notes(model)]
    crystal = model.experiment.crystal
    if model.misset_seed is not None and crystal.misset_seed is None:
        seed = f"{{Crystal.misset_seed={model.misset_seed}}}"
        warnings.append(f"the random orientation comes from the clock; {seed} gives it again")
    if model.params.sampling.oversample < model.recommended_oversample:
        warnings.append(
            f"the crystal measures up to {max(model.crystal_size) * 1e10:g} Å but a pixel in reciprocal space "
            f"{model.reciprocal_pixel_size * 1e10:g} Å: the intensity may vary across a pixel; "
            f"{{Sampling.oversample={model.recommended_oversample}}} resolves that"
        )
    return warnings


def result_warnings(result: SimulationResult) -> list[str]:
    """What the user should know about the rendering.

    Parameters
    ----------
    result : SimulationResult
        The image.

    Returns
    -------
    list of str
    """
    warnings = []
    number = result.scan.last_interpolated_pixel
    if number is not None:
        window = result.model.window
        slow, fast = divmod(number, window.fast_stop - window.fast_start)
        text = (
            f"interpolation met the edge of the structure factors in pixel {fast + window.fast_start} "
            f"{slow + window.slow_start} (fast slow): from there on the nearest reflection was taken"
        )
        warnings.append(with_remedy("interp-sticky", text, result.model.experiment.physics))
    bad = result.image.size - int(np.isfinite(result.image).sum())
    if bad:
        warnings.append(f"{bad} pixels are infinite or no numbers: some value is far too large, or directions coincide")
    return warnings


def pixel_lines(image: np.ndarray, window: Window) -> Iterator[str]:
    """One line for each pixel of the region of interest: fast, slow, photons.

    Parameters
    ----------
    image : ndarray, shape (slow, fast), float32
        Photons per pixel.
    window : Window
        Region of interest.

    Yields
    ------
    str
    """
    fast_start, fast_stop, slow_start, slow_stop = window
    for slow, row in enumerate(image[slow_start:slow_stop], start=slow_start):
        for fast, photons in enumerate(row[fast_start:fast_stop].tolist(), start=fast_start):
            yield f"pixel {fast} {slow}  {photons:.10g}"


def pixel_detail_lines(result: SimulationResult, fast: int, slow: int) -> list[str]:
    """How one pixel came about, as its last evaluation left it.

    Parameters
    ----------
    result : SimulationResult
        The image.
    fast, slow : int
        Pixel.

    Returns
    -------
    list of str

    Raises
    ------
    UsageError
        If the pixel was not rendered.
    """
    from nbnumba.trace.record import record_pixel, trace_lines

    trace = trace_lines(result.model, [record_pixel(result.model, slow, fast, result.scan)])
    last = {key: values for _, key, *values in map(str.split, trace)}
    facts = [("pixel", f"{fast} {slow} (fast slow)")]
    facts += [(label, text) for label, key in _PIXEL_FACTS if (text := _rounded(last.get(key)))]
    return fact_lines(facts)


_PIXEL_FACTS = (
    ("position, m", "pixel_pos_meters"),
    ("sin θ/λ, 1/m", "stol_m_inv"),
    ("hkl", "hkl_frac"),
    ("nearest hkl", "hkl_rounded"),
    ("F cell", "F_cell"),
    ("F lattice", "F_latt"),
    ("I", "I_before_scaling"),
    ("steps", "steps"),
    ("polarization", "polar"),
    ("solid angle, sr", "omega_pixel"),
    ("captured fraction", "capture_fraction"),
    ("photons", "floatimage_accumulated"),
    ("a, Å", "rot_a_angstroms"),
    ("b, Å", "rot_b_angstroms"),
    ("c, Å", "rot_c_angstroms"),
)
"""Label and trace key."""


def _rounded(values: Sequence[str] | None) -> str:
    """Numbers of a trace line with ten digits."""
    return "" if values is None else " ".join(f"{float(value):.10g}" for value in values)


def _precise(values: Iterable[float]) -> str:
    return " ".join(f"{value + 0.0:.10g}" for value in values)


def _panel_facts(model: Model) -> Iterator[Fact]:
    if len(model.shapes) > 1:
        pixels = sum(slow * fast for slow, fast in model.shapes)
        yield "panels", f"{len(model.shapes)} with {pixels} pixels; the following describes the first"


def _detector_facts(g: DetectorGeometry) -> list[Fact]:
    size = numbers_text((g.size_fast, g.size_slow), _MM).replace(" ", " x ")
    in_frame = (_dot(g.beam, axis) for axis in (g.fdet, g.sdet, g.odet))
    return [
        ("convention", f"{g.convention.value}, pivot {g.pivot.value}"),
        ("detector", f"{g.pixels_fast} x {g.pixels_slow} pixels of {_MM * g.pixel_size:g} mm: {size} mm"),
        ("distance", f"{_MM * g.distance:g} mm, closest point {_MM * g.close_distance:g} mm"),
        ("beam centre", f"Xbeam {_MM * g.x_beam:g} Ybeam {_MM * g.y_beam:g}, "
                        f"Fbeam {_MM * g.f_beam:g} Sbeam {_MM * g.s_beam:g} mm"),
        ("closest point", f"Xclose {_MM * g.x_close:g} Yclose {_MM * g.y_close:g}, "
                          f"Fclose {_MM * g.f_close:g} Sclose {_MM * g.s_close:g} mm, "
                          f"ORGX {g.org_x:g} ORGY {g.org_y:g}"),
        ("fast axis", numbers_text(g.fdet)),
        ("slow axis", numbers_text(g.sdet)),
        ("outward axis", numbers_text(g.odet)),
        ("first pixel", f"{numbers_text(g.pix0, _MM)} mm; DIALS origin {numbers_text(g.dials_origin)} mm"),
        ("beam", f"{numbers_text(g.beam)}; in the detector's frame {numbers_text(in_frame)}"),
        ("spindle axis", numbers_text(g.spindle)),
        ("polarization normal", numbers_text(g.vertical)),
    ]  # fmt: skip


def _dot(x: Iterable[float], y: Iterable[float]) -> float:
    return math.fsum(a * b for a, b in zip(x, y, strict=True))


def _sensor_facts(model: Model) -> Iterator[Fact]:
    thickness, detector = model.thickness, model.experiment.detector
    if thickness.range > 0.0:
        mu = model.mu if detector.panels is None else detector.panels[0].mu * _MM
        yield "sensor", (f"{1e6 * thickness.range:g} µm in {thickness.steps} layers {1e6 * thickness.step:g} µm apart, "
                         f"mu {mu:g} /m")  # fmt: skip
    else:
        yield "sensor", "without thickness: every photon counts"
    if detector.curved:
        yield "pixels", "all at the same distance from the sample"
    if detector.point_pixel:
        yield "pixels", "solid angle 1/R²"


def _lattice_facts(lattice: Lattice) -> Iterator[Fact]:
    yield "unit cell", f"{numbers_text(lattice.lengths)} Å {numbers_text(lattice.angles, DEGREES_PER_RADIAN)}°"
    lengths = numbers_text(lattice.reciprocal_lengths)
    angles = numbers_text(lattice.reciprocal_angles, DEGREES_PER_RADIAN)
    yield "reciprocal cell", f"{lengths} /Å {angles}°"
    # nanoBragg takes the cell for a box
    molecular_weight = math.prod(lattice.lengths) * 1e-30 * _CRYSTAL_DENSITY * AVOGADRO
    yield "cell volume", f"{lattice.volume:g} Å^3, approximate molecular weight {molecular_weight:g}"
    if lattice.random_misset is not None:
        yield "random misset", f"{numbers_text(lattice.random_misset, DEGREES_PER_RADIAN)}° about x, y, z"
    for name in ("a", "b", "c"):
        direct, reciprocal = getattr(lattice, name), getattr(lattice, f"{name}_star")
        yield f"{name}, {name}*", f"{_precise(direct)} Å, {_precise(reciprocal)} /Å"


def _crystal_facts(model: Model) -> Iterator[Fact]:
    cells = " x ".join(f"{count:.0f}" for count in model.cells)
    size = numbers_text(model.crystal_size, 1e6).replace(" ", " x ")
    yield "crystal", f"{model.shape.value}, {cells} cells: {size} µm"
    crystal = model.experiment.crystal
    count = 0 if crystal.structure_factors is None else crystal.structure_factors.count
    how = "tricubic interpolation" if model.interpolation else "nearest reflection"
    yield "reflections", f"{count}, all others F = {crystal.default_F:g}; {how}{_chosen(crystal.interpolate is None)}"
    if crystal.structure_factors is not None and crystal.structure_factors.friedel_pairs is not None:
        yield "P1 list", f"{count} reflections, {crystal.structure_factors.friedel_pairs} Friedel pairs"
    yield "mosaic", f"{len(model.mosaic_umats)} domains over {DEGREES_PER_RADIAN * model.mosaic_spread:g}°"


def _beam_facts(model: Model) -> Iterator[Fact]:
    beam, dispersion = model.experiment.beam, model.dispersion
    angstrom = 1e10 * model.wavelength
    spread = f"+/- {100.0 * dispersion.range:g} % in {dispersion.steps} steps"
    if beam.spectrum is not None:
        lines = beam.spectrum.angstroms
        spread = f"and a spectrum of {len(lines)} wavelengths from {lines.min():g} to {lines.max():g} Å"
    yield "wavelength", f"{angstrom:g} Å ({HC_EV_ANGSTROM / angstrom:g} eV) {spread}"
    yield "fluence", f"{model.fluence:g} photons/m^2"
    if beam.flux:
        yield "flux", f"{model.flux:g} photons/s for {beam.exposure:g} s on {beam.size:g} mm"
    yield "polarization", f"Kahn factor {beam.kahn_factor:g}" if beam.polarization else "no correction"
    horizontal, vertical = model.horizontal_divergence, model.vertical_divergence
    yield "divergence", (f"horizontal {_MM * horizontal.range:g} mrad in steps of {_MM * horizontal.step:g}, "
                         f"vertical {_MM * vertical.range:g} in steps of {_MM * vertical.step:g}, "
                         f"{model.divergence_steps} directions")  # fmt: skip
    yield from _source_facts(model)


def _source_facts(model: Model) -> Iterator[Fact]:
    sources, count = model.params.sources.table, len(model.source_weights)
    yield "sources", f"{count}"
    if count == 1:
        return
    rows = zip(model.source_vectors.tolist(), model.source_weights.tolist(), sources[:, 3].tolist(), strict=True)
    for number, (vector, weight, wavelength) in enumerate(rows):
        if number == _LISTED_SOURCES:
            yield "", f"and {count - _LISTED_SOURCES} more"
            return
        yield "", f"{numbers_text(vector)}, weight {weight:g}, {1e10 * wavelength:g} Å"


def _background_facts(model: Model) -> Iterator[Fact]:
    for number, material in enumerate(model.experiment.background):
        curve = material.curve
        yield ("" if number else "background"), (
            f"{material.thickness:g} mm of {material.density:g} g/cm^3 and {material.molar_mass:g} g/mol, F from "
            f"{curve.stol[0]:g} to {curve.stol[-1]:g} /Å of sin θ/λ, {curve.amplitude[0]:g} to "
            f"{curve.amplitude[-1]:g} electrons"
        )


def _chosen(automatically: bool) -> str:
    return " (chosen)" if automatically else ""


def _sampling_facts(model: Model) -> Iterator[Fact]:
    sampling, oversample, window = model.experiment.sampling, model.params.sampling.oversample, model.window
    start = DEGREES_PER_RADIAN * model.phi_start
    end = DEGREES_PER_RADIAN * (model.phi_start + model.phi.range)
    yield "spindle", f"{model.phi.steps} steps of {DEGREES_PER_RADIAN * model.phi.step:g}° from {start:g}° to {end:g}°"
    anew = [f" +{name}" for name in ("thick", "polar", "omega") if getattr(sampling, f"oversample_{name}")]
    chosen = _chosen((sampling.oversample or 0) <= 0)
    yield "subpixels", f"{oversample} x {oversample}{chosen}{''.join(anew)}"
    if sampling.dmin > 0.0:
        yield "resolution limit", f"{sampling.dmin:g} Å"
    if sampling.water > 0.0:
        yield "water", f"{sampling.water:g} µm"
    yield "region of interest", (f"fast {window.fast_start} to {window.fast_stop - 1}, "
                                 f"slow {window.slow_start} to {window.slow_stop - 1}")  # fmt: skip
