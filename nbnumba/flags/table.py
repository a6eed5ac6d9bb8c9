"""The registry of flags: what the parser knows and what the help prints."""

from __future__ import annotations

from nbnumba.config import Convention, CrystalShape
from nbnumba.flags import effects as do
from nbnumba.flags.flag import Flag
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
    DEPTH,
    FILE,
    INTEGER,
    NOT_NEGATIVE,
    NOT_NEGATIVE_INTEGER,
    NUMBER,
    PIVOT,
    POSITIVE,
    POSITIVE_INTEGER,
    VECTOR,
    Kind,
)

_CELL = (POSITIVE.called("a"), *(NOT_NEGATIVE.called(name) for name in ("b", "c", "alpha", "beta", "gamma")))

_CRYSTAL = (
    Flag(("-mat",), (FILE,), do.put("matrix_path"), "orientation: MOSFLM A matrix"),
    Flag(("-cell",), _CELL, do.cell, "unit cell; lengths that are missing or 0 equal a, such angles are 90",
         unit="Å, °", optional=5),
    Flag(("-misset",), VECTOR, do.misset, 'turn the crystal about x, then y, then z; "random" draws an orientation',
         unit="°", default="0 0 0", alone="rand"),
    Flag(("-N=",), (INTEGER,), do.put_at("crystal.cells", 0, 1, 2), "unit cells along a, b and c; below 1 counts as 1",
         default="1"),
    Flag(("-Na",), (INTEGER,), do.put_at("crystal.cells", 0), "unit cells along a", default="1"),
    Flag(("-Nb",), (INTEGER,), do.put_at("crystal.cells", 1), "unit cells along b", default="1"),
    Flag(("-Nc",), (INTEGER,), do.put_at("crystal.cells", 2), "unit cells along c", default="1"),
    Flag(("-xtalsize", "-xtal_size", "-samplesize", "-sample_size"), (NOT_NEGATIVE,),
         do.put_at("crystal.size", 0, 1, 2), "crystal size along a, b and c, in place of -N", unit="mm",
         default="0: by -N"),
    Flag(("-xtal_thick", "-xtal_x", "-sample_thick", "-sample_x"), (NOT_NEGATIVE,), do.put_at("crystal.size", 0),
         "crystal size along a", unit="mm", default="0: by -Na"),
    Flag(("-xtal_width", "-xtal_y", "-sample_width", "-sample_y", "-width"), (NOT_NEGATIVE,),
         do.put_at("crystal.size", 1), "crystal size along b, at most -beamsize", unit="mm", default="0: by -Nb"),
    Flag(("-xtal_height", "-xtal_heigh", "-xtal_z", "-sample_height", "-sample_heigh", "-sample_z", "-height",
          "-heigh"), (NOT_NEGATIVE,),
         do.put_at("crystal.size", 2), "crystal size along c, at most -beamsize", unit="mm", default="0: by -Nc"),
    Flag(("-square_xtal",), (), do.fix("crystal.shape", CrystalShape.SQUARE), "parallelepiped (the default)"),
    Flag(("-round_xtal",), (), do.fix("crystal.shape", CrystalShape.ROUND), "ellipsoid"),
    Flag(("-gauss_xtal",), (), do.fix("crystal.shape", CrystalShape.GAUSS), "Gaussian spots, no fringes between them"),
    Flag(("-tophat_spots", "-binary_spots"), (), do.fix("crystal.shape", CrystalShape.TOPHAT),
         "spots cut off at their half-maximum, no fringes"),
    Flag(("-fudge",), (NOT_NEGATIVE,), do.put("crystal.fudge"), "scale of the squared spot radius, not for square_xtal",
         default="1"),
    Flag(("-mosaic=", "-mosaicity", "-mosaici", "-mosaic_spread", "-mosaic_spr"), (NUMBER,),
         do.put("crystal.mosaic_spread"), "mosaic spread, isotropic; negative: not given", unit="°", default="0"),
    Flag(("-mosaic_domains", "-mosaic_dom"), (INTEGER,), do.put("crystal.mosaic_domains"),
         "mosaic domains; below 1: chosen", default="10 with a mosaic spread, else 1"),
)  # fmt: skip

_STRUCTURE_FACTORS = (
    Flag(("-hkl",), (FILE,), do.put("hkl_path"),
         "structure factors: text of h k l F in P1 or, with --spacegroup, less; model or data (.pdb .cif .mtz)"),
    Flag(("-dump",), (FILE,), do.several(do.put("files.dump_path"), do.fix("names_cache", True)),
         "binary cache of them: written with -hkl, read without", default="Fdump.bin"),
    Flag(("-default_F",), (NUMBER,), do.put("crystal.default_F"), "amplitude of reflections that are not listed",
         unit="electrons", default="0"),
    Flag(("-interpolate",), (), do.fix("crystal.interpolate", True),
         "interpolate between reflections (the default if a side has at most 2 cells)"),
    Flag(("-nointerpolate",), (), do.fix("crystal.interpolate", False), "take the nearest reflection"),
    Flag(("-dmin",), (NOT_NEGATIVE,), do.put("sampling.dmin"), "leave out what is resolved finer than this", unit="Å",
         default="0: nothing"),
)  # fmt: skip

_SPINDLE = (
    Flag(("-phi=",), (NUMBER,), do.put("sampling.phi"), "spindle angle at the start", unit="°", default="0"),
    Flag(("-osc",), (NUMBER,), do.put("sampling.oscillation"), "rotation range; negative: not given", unit="°",
         default="0, or 1 if only -phisteps is given"),
    Flag(("-phistep=",), (NUMBER,), do.put("sampling.phi_step"), "rotation step; negative: not given", unit="°",
         default="the range over the steps"),
    Flag(("-phisteps",), (INTEGER,), do.put("sampling.phi_steps"), "rotation steps", default="2 with a range, else 1"),
    Flag(("-spindle_axis",), VECTOR, do.axis("spindle"), "spindle axis, right-handed; selects the custom convention",
         default="0 0 1"),
)  # fmt: skip

_BEAM = (
    *FLUX,
    Flag(("-beamsize",), (NUMBER,), do.put("beam.size"), "beam size; clips the crystal's width and height", unit="mm",
         default="0.1"),
    *POLARIZATION_AND_SOURCES,
)  # fmt: skip

_DETECTOR = (
    Flag(("-pixel",), (POSITIVE,), do.put("detector.pixel_size"), "edge of a pixel", unit="mm", default="0.1"),
    Flag(("-detpixels=",), (POSITIVE_INTEGER,), do.put("detector.pixels_fast", "detector.pixels_slow"),
         "pixels along both edges; counts before -detsize", default="by -detsize: 1024"),
    Flag(("-detpixels_f", "-detpixels_x"), (POSITIVE_INTEGER,), do.put("detector.pixels_fast"),
         "pixels along the fast axis", default="by -detsize_f"),
    Flag(("-detpixels_s", "-detpixels_y"), (POSITIVE_INTEGER,), do.put("detector.pixels_slow"),
         "pixels along the slow axis", default="by -detsize_s"),
    Flag(("-detsize=",), (POSITIVE,), do.put("detector.size_fast", "detector.size_slow"), "both edges", unit="mm",
         default="102.4"),
    Flag(("-detsize_f",), (POSITIVE,), do.put("detector.size_fast"), "edge along the fast axis", unit="mm",
         default="102.4"),
    Flag(("-detsize_s",), (POSITIVE,), do.put("detector.size_slow"), "edge along the slow axis", unit="mm",
         default="102.4"),
    Flag(("-img",), (FILE,), do.put("header_path"),
         "SMV image whose header gives size, distances, wavelength, beam centre and angles to start with"),
    Flag(("-mask",), (FILE,), do.put("mask_path"), "SMV image: as -img, and its pixels of value 0 are skipped"),
    *REGION_AND_PIXELS,
    Flag(("-detector_abs",), (DEPTH,), do.attenuation, "attenuation depth of the sensor; inf or 0: no absorption",
         unit="µm", default="the sensor's thickness"),
    Flag(("-detector_thick=",), (NOT_NEGATIVE,), do.put("detector.sensor.thickness"), "thickness of the sensor",
         unit="µm", default="0: every photon counts"),
    Flag(("-detector_thicksteps", "-thicksteps"), (INTEGER,), do.put("detector.sensor.layers"), "layers of the sensor",
         default="2 with a thickness, else 1"),
)  # fmt: skip

_GEOMETRY = (
    *DISTANCES,
    Flag(("-Xbeam",), (NUMBER,), do.several(do.put_at("detector.beam_center", 0), do.PIVOT_BEAM),
         "beam centre as the convention means it; pivot: beam", unit="mm", default="centre"),
    Flag(("-Ybeam",), (NUMBER,), do.several(do.put_at("detector.beam_center", 1), do.PIVOT_BEAM),
         "beam centre as the convention means it; pivot: beam", unit="mm", default="centre"),
    Flag(("-Xclose",), (NUMBER,), do.several(do.put_at("detector.close_point", 0), do.PIVOT_SAMPLE),
         "point closest to the sample, fast; pivot: sample", unit="mm", default="centre"),
    Flag(("-Yclose",), (NUMBER,), do.several(do.put_at("detector.close_point", 1), do.PIVOT_SAMPLE),
         "point closest to the sample, slow; pivot: sample", unit="mm", default="centre"),
    Flag(("-ORGX",), (NUMBER,), do.several(do.put_at("detector.origin_pixels", 0), do.PIVOT_SAMPLE),
         "the same as XDS counts it, fast; pivot: sample", unit="pixels", default="centre"),
    Flag(("-ORGY",), (NUMBER,), do.several(do.put_at("detector.origin_pixels", 1), do.PIVOT_SAMPLE),
         "the same as XDS counts it, slow; pivot: sample", unit="pixels", default="centre"),
    *ROTATIONS,
    Flag(("-pivot",), (PIVOT,), do.put("detector.frame.pivot", "pivot"),
         "what detector rotations leave in place; custom convention only (quirk pivot)", default="beam"),
)  # fmt: skip

_CONVENTION = (
    Flag(("-mosflm",), (), do.convention(Convention.MOSFLM), "MOSFLM convention (the default)"),
    Flag(("-adxv",), (), do.convention(Convention.ADXV), "ADXV convention"),
    Flag(("-denzo",), (), do.convention(Convention.DENZO), "DENZO convention"),
    Flag(("-xds",), (), do.convention(Convention.XDS), "XDS convention"),
    Flag(("-dials",), (), do.convention(Convention.DIALS), "DIALS convention"),
    Flag(("-beam_vector",), VECTOR, do.axis("beam"), "direction of the beam; this and the next select custom",
         default="1 0 0"),
    Flag(("-fdet_vector",), VECTOR, do.axis("fdet"), "fast axis", default="0 0 1"),
    Flag(("-sdet_vector",), VECTOR, do.axis("sdet"), "slow axis", default="0 -1 0"),
    Flag(("-odet_vector",), VECTOR, do.axis("odet"), "axis away from the sample", default="1 0 0"),
    Flag(("-polar_vector",), VECTOR, do.axis("polar"), "E-vector of the polarization", default="0 0 1"),
    Flag(("-twotheta_axis",), VECTOR, do.several(do.axis("twotheta_axis"), do.twotheta_from_axis),
         "2θ axis; x is also read as -twotheta, in degrees; pivot: sample", default="0 1 0"),
    Flag(("-pix0_vector",), VECTOR, do.several(do.put("detector.pix0"), do.fix("pix0_in_mm", False), do.CUSTOM),
         "corner of the first pixel: selects custom and does nothing else (quirk pix0)", unit="m"),
    Flag(("-pix0_vector_mm=",), VECTOR, do.several(do.put("detector.pix0"), do.fix("pix0_in_mm", True), do.CUSTOM),
         "the same in mm", unit="mm"),
)  # fmt: skip

_SAMPLING = (
    Flag(("-oversample",), (INTEGER,), do.put("sampling.oversample"), "subpixels along each edge; below 1: chosen",
         default="enough for the crystal's size"),
    Flag(("-oversample_thick",), (), do.fix("sampling.oversample_thick", True), "absorption for each subpixel"),
    Flag(("-oversample_polar",), (), do.fix("sampling.oversample_polar", True), "polarization for each subpixel"),
    Flag(("-oversample_omega",), (), do.fix("sampling.oversample_omega", True), "solid angle for each subpixel"),
    Flag(("-water",), (NOT_NEGATIVE,), do.put("sampling.water"), "edge of the water around the crystal: background",
         unit="µm", default="0"),
)  # fmt: skip

_FILES = (
    Flag(("-floatfile", "-floatimage"), (FILE,), do.put("files.float_path"), "raw float32 image, photons",
         default="floatimage.bin"),
    Flag(("-intfile", "-intimage"), (FILE,), do.put("files.int_path"), "SMV image, scaled", default="intimage.img"),
    Flag(("-scale",), (NUMBER,), do.put("files.intfile_scale"), "its units per photon; 0: maximum at 55000",
         default="0"),
    Flag(("-adc",), (NUMBER,), do.put("files.adc_offset"), "added to every pixel of the SMV images", default="40"),
    Flag(("-pgmfile", "-pgmimage"), (FILE,), do.several(do.put("files.pgm_path"), do.fix("writes_pgm", True)),
         "PGM image; takes -nopgm back", default="image.pgm"),
    Flag(("-pgmscale",), (NUMBER,), do.several(do.put("files.pgm_scale"), do.fix("writes_pgm", True)),
         "its greys per photon; 0: by the rmsd; takes -nopgm back", default="0"),
    Flag(("-nopgm",), (), do.fix("writes_pgm", False), "no PGM image"),
    Flag(("-noisefile", "-noiseimage"), (FILE,), do.several(do.put("files.noise_path"), do.fix("writes_noise", True)),
         "SMV image with photon noise; takes -nonoise back", default="noiseimage.img"),
    Flag(("-nonoise",), (), do.fix("writes_noise", False), "no image with noise"),
)  # fmt: skip

_SEEDS = (
    Flag(("-seed",), (INTEGER,), do.put("files.noise_seed"), "of the noise", default="the clock"),
    Flag(("-mosaic_seed",), (INTEGER,), do.put("crystal.mosaic_seed"), "of the mosaic domains", default="12345678"),
    Flag(("-misset_seed",), (INTEGER,), do.put("crystal.misset_seed"), "of -misset random", default="the clock"),
)

_CONSOLE = (
    *PROGRESS_AND_PRINTOUT,
    Flag(("-printout_pixel",), (INTEGER.called("FAST"), INTEGER.called("SLOW")),
         do.several(do.put("printout_pixel"), do.fix("printout", True)),
         "print one pixel in detail; negative: the value of every pixel"),
)  # fmt: skip

_UNUSED = "has no effect on the image, as in nanoBragg"


def _ignored(name: str, kinds: tuple[Kind, ...], topic: str, meant: str, unit: str = "") -> Flag:
    """A flag of nanoBragg's documentation that its program does not know, and the one that does what this one says."""
    text = f"{topic} in nanoBragg's documentation; the flag is {meant}"
    warning = f"has no effect, as in nanoBragg; the flag is {meant}"
    return Flag((f"{name}=",), kinds, do.nothing, text, unit, warning=warning)


_WITHOUT_EFFECT = (
    Flag(("-density", "-sample_density", "-sample_den"), (NUMBER,), do.nothing, "density of the sample",
         unit="g/cm³", warning=_UNUSED),
    Flag(("-MW=", "-molecular_weight", "-molec"), (NUMBER,), do.nothing, "molecular weight", unit="g/mol",
         warning=_UNUSED),
    Flag(("-stol=", "-4stol=", "-Q="), (FILE,), do.put("stol_path"),
         "scattering of amorphous material against sin θ/λ, 4 sin θ/λ or Q", warning=_UNUSED),
    Flag(("-stolout",), (FILE,), do.nothing, "where to list it", warning="writes nothing, as in nanoBragg"),
    Flag(("-coherent",), (), do.nothing, "coherent sum", warning=_UNUSED),
    _ignored("-hdiv", (NUMBER,), "horizontal divergence", "-hdivrange", unit="mrad"),
    _ignored("-vdiv", (NUMBER,), "vertical divergence", "-vdivrange", unit="mrad"),
    _ignored("-dispstep", (NUMBER,), "wavelengths of the dispersion", "-dispsteps"),
    _ignored("-detsize_x", (NUMBER,), "edge along the fast axis", "-detsize_f", unit="mm"),
    _ignored("-detsize_y", (NUMBER,), "edge along the slow axis", "-detsize_s", unit="mm"),
    _ignored("-xdet_vector", VECTOR, "fast axis", "-fdet_vector"),
    _ignored("-ydet_vector", VECTOR, "slow axis", "-sdet_vector"),
    _ignored("-zdet_vector", VECTOR, "axis away from the sample", "-odet_vector"),
)  # fmt: skip

_OWN = (
    Flag(("-trace_pixel",), (NOT_NEGATIVE_INTEGER.called("SLOW"), NOT_NEGATIVE_INTEGER.called("FAST")), do.trace_pixel,
         "print TRACE_PY lines with every intermediate number of this pixel; may be repeated"),
)  # fmt: skip

TOPICS = {
    "Crystal": _CRYSTAL,
    "Structure factors": _STRUCTURE_FACTORS,
    "Spindle": _SPINDLE,
    "Beam": _BEAM,
    "Divergence and dispersion": SPREAD,
    "Detector": _DETECTOR,
    "Detector position": _GEOMETRY,
    "Convention and lab axes": _CONVENTION,
    "Sampling and background": _SAMPLING,
    "Output files": _FILES,
    "Random seeds": _SEEDS,
    "Console": _CONSOLE,
    "Read, but without effect on the image": _WITHOUT_EFFECT,
    "nbnumba's own": _OWN,
}
"""Flags by topic, in the order of the help."""

FLAGS = tuple(flag for flags in TOPICS.values() for flag in flags)
"""All flags."""
