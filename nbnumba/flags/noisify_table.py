"""The registry of noisify's flags: what the parser knows and what the help prints."""

from __future__ import annotations

from nbnumba.flags import effects as do
from nbnumba.flags.companion import CompanionFlags
from nbnumba.flags.flag import Flag
from nbnumba.flags.values import (
    BITS,
    FILE,
    INTEGER,
    NOT_NEGATIVE,
    NUMBER,
    POSITIVE,
    POSITIVE_INTEGER,
    PROFILE,
)

_INPUT = (
    Flag(("-floatfile", "-floatimage", "-bin"), (FILE,), do.put("input_path"),
         "float image: raw, or TIFF, NumPy, HDF5, CBF or SMV by suffix; .bin .tif .npy .h5 .nxs need no flag"),
    Flag(("-header",), (FILE,), do.put("header_path"),
         "SMV image whose header states the size and is copied to both SMV images"),
    Flag(("-detpixels=",), (POSITIVE_INTEGER,), do.put("pixels_fast", "pixels_slow"), "pixels along both axes",
         default="by the file"),
    Flag(("-detpixels_x",), (POSITIVE_INTEGER,), do.put("pixels_fast"), "pixels along the fast axis",
         default="by the file"),
    Flag(("-detpixels_y",), (POSITIVE_INTEGER,), do.put("pixels_slow"), "pixels along the slow axis",
         default="by the file"),
)  # fmt: skip

_PHOTONS = (
    Flag(("-scale",), (NUMBER,), do.put("options.scale"), "photons per unit of the input", default="1"),
    Flag(("-fluence",), (NOT_NEGATIVE,), do.put("options.fluence"),
         "the input is scaled by fluence · r_e², which is 1 by default", unit="photons/m²", default="1.25932e+29"),
    Flag(("-gain",), (NUMBER,), do.put("options.gain"), "detector units (ADU) per photon", default="1"),
    Flag(("-adc",), (NUMBER,), do.put("options.adc_offset"), "added to every pixel", unit="ADU", default="40"),
)  # fmt: skip

_NOISE = (
    Flag(("-calibration",), (NOT_NEGATIVE,), do.put("options.calibration_noise"),
         "error of each pixel's gain, rms, as a fraction", default="0.03: on"),
    Flag(("-readout_noise", "-readout", "-readnoi"), (NOT_NEGATIVE,), do.put("options.readout_noise"),
         "noise of each pixel, rms", unit="ADU", default="0"),
    Flag(("-flicker_noise", "-flicker"), (NOT_NEGATIVE,), do.put("options.flicker_noise"),
         "fluctuation of the source, rms, as a fraction; drawn for each pixel, as in noisify", default="0"),
    Flag(("-seed",), (INTEGER,), do.put("options.seed"), "of all noise but the calibration", default="the clock"),
    Flag(("-calib_seed",), (INTEGER,), do.put("options.calibration_seed"), "of the calibration",
         default="-123456789"),
    Flag(("-nonoise",), (), do.fix("options.noise", False), "no image with noise"),
)  # fmt: skip

_POINT_SPREAD = (
    Flag(("-psf=",), (PROFILE,), do.put("options.point_spread.profile"), "point spread: a Gaussian or a fibre taper"),
    Flag(("-psf_fwhm", "-psf_fw", "-psf_size", "-psf_si", "-psf_width", "-psf_wi"), (NUMBER,),
         do.put("options.point_spread.fwhm"), "its full width at half maximum; 0 or less: no point spread", unit="µm",
         default="46"),
    Flag(("-psf_radius", "-psf_rad"), (INTEGER,), do.put("options.point_spread.radius"),
         "how far each pixel is rendered; negative: photons are spread evenly",
         unit="pixels", default="0: as far as its photons matter"),
)  # fmt: skip

_FILES = (
    Flag(("-intfile", "-intimage"), (FILE,), do.put("files.int_path"), "SMV image without noise",
         default="intimage.img"),
    Flag(("-pgmfile", "-pgmimage"), (FILE,), do.put("files.pgm_path"), "PGM image without noise", default="image.pgm"),
    Flag(("-nopgm",), (), do.fix("writes_pgm", False), "no PGM image"),
    Flag(("-noisefile", "-noiseimage"), (FILE,), do.put("files.noise_path"), "SMV image with noise",
         default="noiseimage.img"),
    Flag(("-bits",), (BITS,), do.put("options.bits"), "of a pixel of the SMV images", default="16"),
)  # fmt: skip

_HEADER = (
    Flag(("-pixel",), (POSITIVE,), do.put("header.pixel_size"), "edge of a pixel, also for the point spread",
         unit="mm", default="0.1"),
    Flag(("-distance",), (NUMBER,), do.put("header.distance"), "distance of the detector", unit="mm", default="100"),
    Flag(("-lambda",), (POSITIVE,), do.put("header.wavelength"), "wavelength", unit="Å", default="1"),
    Flag(("-Xbeam",), (NUMBER,), do.put("header.x_beam"), "direct beam along the fast axis", unit="mm",
         default="the middle"),
    Flag(("-Ybeam",), (NUMBER,), do.put("header.y_beam"), "direct beam along the slow axis", unit="mm",
         default="the middle"),
    Flag(("-phi",), (NUMBER,), do.put("header.phi"), "spindle angle at the start", unit="°", default="0"),
    Flag(("-osc",), (NUMBER,), do.put("header.oscillation"), "rotation range", unit="°", default="1"),
)  # fmt: skip

_UNUSED = "has no effect, as in noisify"

_WITHOUT_EFFECT = (
    Flag(("-detsize=",), (POSITIVE,), do.nothing, "size of the detector along both axes", unit="mm",
         warning=f"{_UNUSED}: the numbers of pixels and -pixel count"),
    Flag(("-detsize_x",), (POSITIVE,), do.nothing, "size along the fast axis", unit="mm",
         warning=f"{_UNUSED}: the numbers of pixels and -pixel count"),
    Flag(("-detsize_y",), (POSITIVE,), do.nothing, "size along the slow axis", unit="mm",
         warning=f"{_UNUSED}: the numbers of pixels and -pixel count"),
    Flag(("-badpix_seed",), (INTEGER,), do.nothing, "of bad pixels", warning=_UNUSED),
    Flag(("-hotpix_seed",), (INTEGER,), do.nothing, "of hot pixels", warning=_UNUSED),
)  # fmt: skip

NOISIFY = CompanionFlags(
    command="nbnumba noisify",
    topics={
        "Input": _INPUT,
        "Photons": _PHOTONS,
        "Noise": _NOISE,
        "Point spread": _POINT_SPREAD,
        "Output files": _FILES,
        "Header": _HEADER,
        "Read, but without effect": _WITHOUT_EFFECT,
    },
    bare_flag=_INPUT[0],
    bare_names=r"floatimage\.bin|^[^-].*\.(bin|tiff?|npy|h5|hdf5|nxs)$",
    named_images=(".cbf", ".img", ".smv"),
)
"""noisify's flags."""
