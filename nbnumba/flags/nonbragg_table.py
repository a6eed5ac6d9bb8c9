"""The registry of nonBragg's flags. Flags that one argument can stand for together act in the order of this table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbnumba.background.experiment import NONBRAGG_DETECTOR, AmorphousFiles
from nbnumba.config import Detector
from nbnumba.config.amorphous import AmorphousSample
from nbnumba.flags import effects as do
from nbnumba.flags.companion import CompanionFlags
from nbnumba.flags.flag import Effect, Flag
from nbnumba.flags.settings import ExperimentEntries
from nbnumba.flags.shared_table import (
    DISTANCES,
    FLUX,
    POLARIZATION_AND_SOURCES,
    PROGRESS_AND_PRINTOUT,
    REGION_AND_PIXELS,
    ROTATIONS,
    SPREAD,
)
from nbnumba.flags.values import (
    FILE,
    INTEGER,
    NOT_NEGATIVE,
    NUMBER,
    PIVOT,
    PIXEL_VALUE,
    POSITIVE,
    POSITIVE_INTEGER,
    VECTOR,
)


@dataclass(frozen=True)
class NonBraggSettings(ExperimentEntries):
    """The state that nonBragg's flags change from left to right; what it starts with is nonBragg's default.

    Attributes
    ----------
    sample : AmorphousSample
        The sample so far.
    files : AmorphousFiles
        Names and scales of the output; `writes_noise` says whether there is an image with noise.
    table_path : Path or None
        Curve of F, and
    abscissa : str
        what stands in its first column: "stol", "4stol" or "Q".
    sources_path, image_path : Path or None
        List of sources; SMV image to extract a curve from.
    ignored : tuple of int
        Pixel values of that image to leave out.
    gain : float
        Pixel values per photon in it.
    source_distance : float
        Sample to generated sources, mm.
    amplitude_map : bool
        Make an image of F.
    writes_noise : bool
        Whether that image is written.
    progress : bool or None
        Show the progress meter; None decides by the terminal.
    printout : bool
        Print pixels.
    printout_pixel : tuple of 2 int or None
        Fast, slow of the only pixel to print; None or negative prints all.
    """

    detector: Detector = NONBRAGG_DETECTOR
    sample: AmorphousSample = AmorphousSample()
    files: AmorphousFiles = AmorphousFiles()
    table_path: Path | None = None
    abscissa: str = "stol"
    sources_path: Path | None = None
    image_path: Path | None = None
    ignored: tuple[int, ...] = ()
    gain: float = 1.0
    source_distance: float = 10000.0
    amplitude_map: bool = False
    writes_noise: bool = True
    progress: bool | None = None
    printout: bool = False
    printout_pixel: tuple[int, int] | None = None


def _table(abscissa: str) -> Effect:
    """Name the curve's file and what stands in its first column."""
    return do.several(do.put("table_path"), do.fix("abscissa", abscissa))


def _ignore(settings: Any, values: Sequence[Any]) -> Any:
    """One more pixel value to leave out."""
    return settings.put("ignored", (*settings.ignored, values[0]))


_UNUSED = "has no effect, as in nonBragg"

_SAMPLE = (
    Flag(("-stol=",), (FILE,), _table("stol"), "curve: text of sin θ/λ (1/Å) and F (electrons) of one molecule"),
    Flag(("-4stol=",), (FILE,), _table("4stol"), "the same against 4 sin θ/λ"),
    Flag(("-Q=",), (FILE,), _table("Q"), "the same against Q = 4π sin θ/λ"),
    Flag(("-samplesize", "-sample_size"), (POSITIVE,),
         do.put("sample.thickness", "sample.width", "sample.height"), "all edges of the sample", unit="mm",
         default="0.1"),
    Flag(("-sample_thick", "-sample_x", "-thick"), (POSITIVE,), do.put("sample.thickness"),
         "edge of the sample along the beam", unit="mm", default="0.1"),
    Flag(("-sample_width", "-sample_y", "-width"), (POSITIVE,), do.put("sample.width"),
         "its width, at most -beamsize", unit="mm", default="0.1"),
    Flag(("-sample_heigh", "-sample_z", "-heigh"), (POSITIVE,), do.put("sample.height"),
         "its height, at most -beamsize", unit="mm", default="0.1"),
    Flag(("-density", "-sample_den"), (NOT_NEGATIVE,), do.put("sample.density"), "density", unit="g/cm³", default="1"),
    Flag(("-MW=", "-molecular"), (POSITIVE,), do.put("sample.molar_mass"), "molecular weight", unit="g/mol",
         default="18"),
    Flag(("-molecules", "-sample_molecules"), (NOT_NEGATIVE,), do.put("sample.molecules"),
         "molecules in the beam, in place of -density", default="0: by the volume"),
    Flag(("-thicksteps",), (POSITIVE,), do.nothing, "the same as -thick",
         warning="is read as -thick, the sample's thickness in mm, as in nonBragg: its sensor has no layers"),
)  # fmt: skip

_BEAM = (
    *FLUX,
    Flag(("-beamsize",), (NUMBER,), do.put("beam.size"), "beam size; clips the sample's width and height", unit="mm",
         default="0.1"),
    *POLARIZATION_AND_SOURCES,
    Flag(("-source_distance",), (POSITIVE,), do.put("source_distance"), "sample to source, shows in the report only",
         unit="mm", default="10000"),
)  # fmt: skip

_DETECTOR = (
    Flag(("-pixel",), (POSITIVE,), do.put("detector.pixel_size"), "edge of a pixel", unit="mm", default="0.1"),
    Flag(("-detpixels=",), (POSITIVE_INTEGER,), do.put("detector.pixels_fast", "detector.pixels_slow"),
         "pixels along both edges; counts before -detsize", default="by -detsize: 1024"),
    Flag(("-detpixels_f", "-detpixels_x"), (POSITIVE_INTEGER,), do.put("detector.pixels_fast"),
         "pixels along the fast axis", default="by -detsize_x"),
    Flag(("-detpixels_s", "-detpixels_y"), (POSITIVE_INTEGER,), do.put("detector.pixels_slow"),
         "pixels along the slow axis", default="by -detsize_y"),
    Flag(("-detsize=",), (POSITIVE,), do.put("detector.size_fast", "detector.size_slow"), "both edges", unit="mm",
         default="102.4"),
    Flag(("-detsize_x",), (POSITIVE,), do.put("detector.size_fast"), "edge along the fast axis", unit="mm",
         default="102.4"),
    Flag(("-detsize_y",), (POSITIVE,), do.put("detector.size_slow"), "edge along the slow axis", unit="mm",
         default="102.4"),
    *REGION_AND_PIXELS,
    Flag(("-oversample",), (INTEGER,), do.put("sampling.oversample"), "subpixels along each edge; below 1 counts as 1",
         default="1"),
)  # fmt: skip

_GEOMETRY = (
    *DISTANCES,
    Flag(("-Xbeam",), (NUMBER,), do.several(do.put_at("detector.beam_center", 0), do.PIVOT_BEAM),
         "beam centre along the fast axis from the first pixel's corner; pivot: beam", unit="mm",
         default="half the edge less half a pixel"),
    Flag(("-Ybeam",), (NUMBER,), do.several(do.put_at("detector.beam_center", 1), do.PIVOT_BEAM),
         "beam centre along the slow axis; pivot: beam", unit="mm", default="half the edge and half a pixel"),
    Flag(("-Xclose",), (NUMBER,), do.several(do.put_at("detector.close_point", 0), do.PIVOT_SAMPLE),
         "point closest to the sample, fast; pivot: sample", unit="mm", default="as -Xbeam"),
    Flag(("-Yclose",), (NUMBER,), do.several(do.put_at("detector.close_point", 1), do.PIVOT_SAMPLE),
         "point closest to the sample, slow; pivot: sample", unit="mm", default="as -Ybeam"),
    Flag(("-ORGX",), (NUMBER,), do.several(do.put_at("detector.origin_pixels", 0), do.PIVOT_SAMPLE),
         "the same in pixels from the corner, half a pixel off XDS; counts before -Xclose; pivot: sample",
         unit="pixels", default="by -Xclose"),
    Flag(("-ORGY",), (NUMBER,), do.several(do.put_at("detector.origin_pixels", 1), do.PIVOT_SAMPLE),
         "the same, slow; counts before -Yclose; pivot: sample", unit="pixels", default="by -Yclose"),
    Flag(("-pivot",), (PIVOT,), do.put("detector.frame.pivot"), "what detector rotations leave in place",
         default="beam"),
    Flag(("-twotheta_axis",), VECTOR, do.put("detector.frame.twotheta_axis"),
         "2θ axis, of length 1; x is also read as -twotheta, in degrees", default="0 1 0"),
    *ROTATIONS,
    Flag(("-beam_vector",), VECTOR, do.put("detector.frame.beam"), "direction of the beam", default="1 0 0"),
    Flag(("-fdet_vector",), VECTOR, do.put("detector.frame.fdet"), "fast axis", default="0 0 1"),
    Flag(("-sdet_vector",), VECTOR, do.put("detector.frame.sdet"), "slow axis", default="0 -1 0"),
    Flag(("-polar_vector",), VECTOR, do.put("detector.frame.polar"), "E-vector of the polarization", default="0 0 1"),
)  # fmt: skip

_SPINDLE = (
    Flag(("-phi=",), (NUMBER,), do.put("sampling.phi"), "spindle angle", unit="°", default="0"),
    Flag(("-osc",), (NUMBER,), do.put("sampling.oscillation"), "rotation range; negative: not given", unit="°",
         default="0, or 1 if only -phisteps is given"),
    Flag(("-phistep=",), (NUMBER,), do.put("sampling.phi_step"), "rotation step: the range if none is given", unit="°"),
    Flag(("-phisteps",), (INTEGER,), do.put("sampling.phi_steps"), "rotation steps"),
)  # fmt: skip

_FILES = (
    Flag(("-floatfile", "-floatimage"), (FILE,), do.put("files.images.float_path"), "raw float32 image, photons",
         default="floatimage.bin"),
    Flag(("-Fmap",), (), do.fix("amplitude_map", True), "make all images of F instead of photons"),
    Flag(("-intfile", "-intimage"), (FILE,), do.put("files.images.int_path"), "SMV image, scaled",
         default="intimage.img"),
    Flag(("-scale",), (NUMBER,), do.put("files.images.intfile_scale"), "its units per photon; 0: maximum at 55000",
         default="0"),
    Flag(("-adc",), (NUMBER,), do.put("files.images.adc_offset"), "added to every pixel of the SMV images",
         default="40"),
    Flag(("-pgmfile", "-pgmimage"), (FILE,), do.put("files.images.pgm_path"), "PGM image", default="image.pgm"),
    Flag(("-pgmscale",), (NUMBER,), do.put("files.images.pgm_scale"), "its greys per photon; 0: by the rmsd",
         default="0"),
    Flag(("-noisefile", "-noiseimage"), (FILE,),
         do.several(do.put("files.images.noise_path"), do.fix("writes_noise", True)),
         "SMV image with photon noise; takes -nonoise back", default="noiseimage.img"),
    Flag(("-nonoise",), (), do.fix("writes_noise", False), "no image with noise"),
    Flag(("-seed",), (INTEGER,), do.put("files.images.noise_seed"), "of the noise", default="the clock"),
)  # fmt: skip

_EXTRACTION = (
    Flag(("-img",), (FILE,), do.put("image_path"),
         "SMV image to extract a curve of F from; its header gives size, distances, wavelength, beam centre and angles "
         "to start with"),
    Flag(("-stolout",), (FILE,), do.put("files.curve_path"),
         "that curve: abscissa, mean F, rmsd, median, median deviation, pixels; points of the table that more than 100 "
         "pixels are next to", default="output.stol"),
    Flag(("-ignore",), (PIXEL_VALUE,), _ignore, "leave out pixels of this value; may be repeated"),
    Flag(("-gain",), (POSITIVE,), do.put("gain"), "pixel values per photon", default="1"),
)  # fmt: skip

_CONSOLE = (
    *PROGRESS_AND_PRINTOUT,
    Flag(("-printout_pixel",), (INTEGER.called("FAST"), INTEGER.called("SLOW")), do.put("printout_pixel"),
         "print one pixel in detail; negative: the value of every pixel"),
)  # fmt: skip

_WITHOUT_EFFECT = (
    Flag(("-nopgm",), (), do.nothing, "no PGM image", warning="has no effect: nonBragg always writes its PGM image"),
    Flag(("-spindle_axis",), VECTOR, do.nothing, "spindle axis", warning=_UNUSED),
    Flag(("-odet_vector",), VECTOR, do.nothing, "outward axis",
         warning="has no effect, as in nonBragg: the outward axis is fast × slow"),
    Flag(("-pix0_vector",), VECTOR, do.nothing, "corner of the first pixel", warning=_UNUSED),
    Flag(("-coherent",), (), do.nothing, "coherent sum", warning=_UNUSED),
    Flag(("-noreject",), (), do.nothing, "keep outliers", warning=_UNUSED),
)  # fmt: skip

NONBRAGG_FLAGS = CompanionFlags(
    command="nbnumba nonbragg",
    topics={
        "Sample": _SAMPLE,
        "Beam": _BEAM,
        "Divergence and dispersion": SPREAD,
        "Detector": _DETECTOR,
        "Detector position": _GEOMETRY,
        "Spindle, for the header": _SPINDLE,
        "Output files": _FILES,
        "Curve from an image": _EXTRACTION,
        "Console": _CONSOLE,
        "Read, but without effect": _WITHOUT_EFFECT,
    },
)
"""All flags."""
