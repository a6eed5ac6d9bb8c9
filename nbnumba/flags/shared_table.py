"""Flags that nanoBragg and nonBragg share, word for word."""

from __future__ import annotations

from nbnumba.flags import effects as do
from nbnumba.flags.flag import Flag
from nbnumba.flags.values import FILE, INTEGER, NOT_NEGATIVE, NUMBER, POSITIVE

_BOUNDS = tuple(INTEGER.called(name) for name in ("XMIN", "XMAX", "YMIN", "YMAX"))

FLUX = (
    Flag(("-lambda", "-wave"), (POSITIVE,), do.put("beam.wavelength"), "wavelength", unit="Å", default="1"),
    Flag(("-energy",), (POSITIVE,), do.energy, "photon energy, in place of the wavelength", unit="eV",
         default="by -lambda"),
    Flag(("-fluence",), (NOT_NEGATIVE,), do.put("beam.fluence"), "fluence", unit="photons/m²", default="1.25932e+29"),
    Flag(("-flux",), (NOT_NEGATIVE,), do.put("beam.flux"), "flux; with -exposure and -beamsize in place of the fluence",
         unit="photons/s", default="0: by -fluence"),
    Flag(("-exposure",), (NOT_NEGATIVE,), do.put("beam.exposure"), "exposure time", unit="s", default="1"),
)  # fmt: skip
"""Wavelength and photons."""

POLARIZATION_AND_SOURCES = (
    Flag(("-polar=",), (NUMBER,), do.several(do.put("beam.kahn_factor"), do.fix("beam.polarization", True)),
         "Kahn polarization factor; takes -nopolar back", default="0"),
    Flag(("-nopolar",), (), do.fix("beam.polarization", False), "no polarization correction"),
    Flag(("-sourcefile",), (FILE,), do.put("sources_path"),
         "list of sources, X Y Z weight wavelength(m), in place of divergence and dispersion"),
)  # fmt: skip
"""Polarization, and sources of the user's own."""

SPREAD = (
    Flag(("-divergence",), (NUMBER,),
         do.put("beam.horizontal_divergence.range", "beam.vertical_divergence.range"),
         "divergence, horizontal and vertical", unit="mrad", default="0"),
    Flag(("-hdivrange",), (NUMBER,), do.put("beam.horizontal_divergence.range"), "horizontal divergence", unit="mrad",
         default="0"),
    Flag(("-vdivrange",), (NUMBER,), do.put("beam.vertical_divergence.range"), "vertical divergence", unit="mrad",
         default="0"),
    Flag(("-hdivstep=",), (NUMBER,), do.put("beam.horizontal_divergence.step"), "horizontal step", unit="mrad",
         default="the range over the steps"),
    Flag(("-vdivstep=",), (NUMBER,), do.put("beam.vertical_divergence.step"), "vertical step", unit="mrad",
         default="the range over the steps"),
    Flag(("-hdivsteps",), (INTEGER,), do.put("beam.horizontal_divergence.steps"), "horizontal steps",
         default="2 with a range, else 1"),
    Flag(("-vdivsteps",), (INTEGER,), do.put("beam.vertical_divergence.steps"), "vertical steps",
         default="2 with a range, else 1"),
    Flag(("-divsteps",), (INTEGER,), do.put("beam.horizontal_divergence.steps", "beam.vertical_divergence.steps"),
         "steps, horizontal and vertical", default="2 with a range, else 1"),
    Flag(("-round_div",), (), do.fix("beam.round_divergence", True), "cut the corners of the grid (the default)"),
    Flag(("-square_div",), (), do.fix("beam.round_divergence", False), "keep the corners"),
    Flag(("-dispersion",), (NUMBER,), do.put("beam.dispersion.range"), "spectral width, full", unit="%", default="0"),
    Flag(("-dispsteps",), (INTEGER,), do.put("beam.dispersion.steps"), "wavelengths in it",
         default="2 with a dispersion, else 1"),
)  # fmt: skip
"""Directions and wavelengths of the beam."""

REGION_AND_PIXELS = (
    Flag(("-roi",), _BOUNDS, do.put("sampling.roi"),
         "render only these pixels, inclusive; x is fast; negative: the detector's edge", default="all"),
    Flag(("-curved_det",), (), do.fix("detector.curved", True), "all pixels at the same distance from the sample"),
    Flag(("-point_pixel",), (), do.fix("detector.point_pixel", True), "solid angle 1/R² without the pixel's area"),
)  # fmt: skip
"""Which pixels, and their solid angle."""

DISTANCES = (
    Flag(("-distance",), (NUMBER,), do.several(do.put("detector.distance"), do.PIVOT_BEAM),
         "sample to detector along the beam; pivot: beam", unit="mm", default="100"),
    Flag(("-close_distance",), (NUMBER,), do.several(do.put("detector.close_distance"), do.PIVOT_SAMPLE),
         "shortest distance to the detector's plane; pivot: sample", unit="mm", default="by -distance"),
)  # fmt: skip
"""From the sample to the detector, and what it then turns about."""

ROTATIONS = (
    Flag(("-twotheta",), (NUMBER,), do.several(do.put("detector.twotheta"), do.PIVOT_SAMPLE),
         "swing about the 2θ axis; pivot: sample", unit="°", default="0"),
    Flag(("-detector_rotx",), (NUMBER,), do.put_at("detector.rotation", 0), "rotation about lab x", unit="°",
         default="0"),
    Flag(("-detector_roty",), (NUMBER,), do.put_at("detector.rotation", 1), "then about lab y", unit="°", default="0"),
    Flag(("-detector_rotz",), (NUMBER,), do.put_at("detector.rotation", 2), "then about lab z", unit="°", default="0"),
)  # fmt: skip
"""Of the detector."""

PROGRESS_AND_PRINTOUT = (
    Flag(("-progress",), (), do.fix("progress", True), "progress bar, on a terminal or not"),
    Flag(("-noprogress",), (), do.fix("progress", False), "no progress bar"),
    Flag(("-printout",), (), do.fix("printout", True), "print the value of every pixel"),
)  # fmt: skip
"""On the console."""
