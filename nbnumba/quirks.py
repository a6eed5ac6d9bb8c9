"""The quirks of nanoBragg.c and its companions: what they compute where a physicist would compute something else.

nbnumba reproduces every one of them, and each of an image can be switched off by name (`nbnumba.Physics`).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, replace

from nbnumba.errors import UsageError


@dataclass(frozen=True)
class Quirk:
    """One departure of the C program from the physics it models.

    Attributes
    ----------
    name : str
        How comments and documents refer to it.
    c_behaviour : str
        What the program does, and nbnumba in its physics.
    correct_behaviour : str
        What the physics asks for.
    programs : tuple of str
        Which programs have it.
    effect : str
        How much it changes in a stated case; empty where nobody measured.
    """

    name: str
    c_behaviour: str
    correct_behaviour: str
    programs: tuple[str, ...] = ("nanoBragg",)
    effect: str = ""


_EFFECTS = {
    "pivot": (
        "case pivot_mosflm_sample: 0.0328 times the right total, pixels off by up to 1 of the maximum, "
        "correlation -0.001"
    ),
    "pix0": "case pix0_mm: 0.249 times the right total, pixels off by up to 1 of the maximum, correlation -0.002",
    "triclinic": (
        "case triclinic_mild: 0.988 times the right total, pixels off by up to 0.12 of the maximum, "
        "correlation 0.994"
    ),
    "misset-random": "seeds 1 to 5000: 17 % are turned by less than 30 degrees; of uniform ones 0.8 %",
    "interp-sticky": (
        "case interp_edge: 1.55 times the right total, pixels off by up to 0.38 of the maximum, correlation "
        "0.988"
    ),
    "interp-size": (
        "-cell 60 60 60 90 90 90 -hkl random12.hkl -lambda 1.5 -xtal_size 0.00003 -detpixels 128 -pixel 0.1 "
        "-distance 40: 0.944 times the right total, pixels off by up to 0.13 of the maximum, correlation 0.996"
    ),
    "phi-carryover": (
        "case phi_zero_start: 1.04 times the right total, pixels off by up to 0.031 of the maximum, "
        "correlation 1.000"
    ),
    "weights": (
        "case weights_two: 0.745 times the right total, pixels off by up to 0.3 of the maximum, correlation "
        "0.999"
    ),
    "curved": (
        "case curved_mosflm: 1.17 times the right total, pixels off by up to 0.77 of the maximum, correlation"
        " 0.500"
    ),
    "point-pixel": (
        "case point_pixel: 6.94e+05 times the right total, pixels off by up to 6.9e+05 of the maximum, "
        "correlation 1.000"
    ),
    "oversample-compound": (
        "case oversample_omega: 0.243 times the right total, pixels off by up to 0.76 of the maximum, "
        "correlation 0.993"
    ),
    "last-layer": (
        "case layers_5: 0.412 times the right total, pixels off by up to 0.59 of the maximum, correlation "
        "1.000"
    ),
    "water": (
        "case water_plain: 0.00794 times the right total, pixels off by up to 0.99 of the maximum, "
        "correlation 1.000"
    ),
    "first-subpixel": (
        "case oversample3: 1 times the right total, pixels off by up to 0.00014 of the maximum, correlation "
        "1.000"
    ),
    "gauss-radius": (
        "case shape_gauss: 26.6 times the right total, pixels off by up to 0.87 of the maximum, correlation "
        "0.495"
    ),
    "thick-fencepost": (
        "case layers_5: 1.09 times the right total, pixels off by up to 0.09 of the maximum, correlation "
        "1.000"
    ),
    "layer-front": (
        "case layers_5: 1 times the right total, pixels off by up to 0.0026 of the maximum, correlation "
        "1.000"
    ),
    "xclose-ignored": (
        "case conv_dials: 1.01 times the right total, pixels off by up to 0.99 of the maximum, correlation "
        "0.033"
    ),
    "twotheta-header": (
        "-xds -distance 100 -twotheta 20: DISTANCE 100 where 106.418 mm are right, BEAM_CENTER 36.4 mm off"
    ),
    "long-header": "case er1_pilatus_6M: the pixels start at byte 518, the header says 512",
}
"""Quirk -> how much it changes in a golden case of that name; tests/effects.py measures it."""


def find_quirk(name: str) -> Quirk:
    """A quirk by its name.

    Parameters
    ----------
    name : str

    Raises
    ------
    UsageError
        If there is none; the message names the nearest.
    """
    if name not in QUIRKS:
        raise UsageError(f"there is no quirk '{name}'; {suggestion(name, QUIRKS)}")
    return QUIRKS[name]


def suggestion(name: str, known: Iterable[str]) -> str:
    """What was probably meant by a name that is none.

    Parameters
    ----------
    name : str
        As typed.
    known : iterable of str
        The names that there are.

    Returns
    -------
    str
    """
    names, typed = list(known), name.lower()
    near = [other for other in names if typed and typed in other]
    near = near or difflib.get_close_matches(typed, names, n=3, cutoff=0.4)
    return f"did you mean {', '.join(near)}?" if near else "nbnumba quirks lists all"


_NOISIFY = ("noisify",)


_NOISIFY = ("noisify",)
_BOTH = ("nanoBragg", "nonBragg")
_NONBRAGG = ("nonBragg",)


QUIRKS = {
    quirk.name: replace(quirk, effect=_EFFECTS.get(quirk.name, ""))
    for quirk in (
        Quirk(
            "pivot",
            "a named convention overwrites the lab axes and the pivot; -pivot counts only under custom vectors",
            "the pivot that the user chose",
        ),
        Quirk(
            "pix0",
            "-pix0_vector selects the custom convention and is otherwise unused; -pix0_vector_mm is read as metres",
            "the first pixel's corner stands where the vector says, in metres or millimetres",
        ),
        Quirk(
            "triclinic",
            "the z component of c* divides the direct volume by abc sin(gamma*): a 75 degree angle becomes 75.04",
            "the exact B matrix",
        ),
        Quirk(
            "misset-random",
            "a random orientation is a rotation by up to 90 radians about a random axis, not uniform over orientations",
            "a rotation drawn uniformly from SO(3)",
        ),
        Quirk(
            "interp-sticky",
            "the first evaluation whose 4x4x4 neighbours leave the grid turns interpolation off for all later ones",
            "the nearest reflection for that evaluation only",
        ),
        Quirk(
            "interp-size",
            "where nobody says, -N decides whether structure factors are interpolated (by default 1: they are), even "
            "if the crystal's size says how many cells there are",
            "the number of cells that the crystal has decides",
        ),
        Quirk(
            "phi-carryover",
            "at a spindle angle of exactly zero the vectors of the step executed before are kept",
            "unrotated vectors at spindle angle zero",
        ),
        Quirk(
            "weights",
            "source weights are read and reported, but every source counts equally",
            "sources count by their normalised weights",
        ),
        Quirk(
            "curved",
            "the arcs of a curved detector are measured with the lab y and z coordinates, whatever the convention",
            "arcs along the detector's own fast and slow axes",
            _BOTH,
        ),
        Quirk(
            "point-pixel",
            "-point_pixel gives 1/R^2, without the area of the pixel",
            "pixel area over R^2",
            _BOTH,
        ),
        Quirk(
            "oversample-compound",
            "-oversample_thick, -oversample_polar and -oversample_omega multiply the running sum at every step",
            "each term is weighted once by its own capture fraction, polarization and solid angle",
        ),
        Quirk(
            "last-layer",
            "sensor layers add up unweighted and the sum is scaled by the capture fraction of the last one",
            "each layer is weighted by its own capture fraction",
        ),
        Quirk(
            "water",
            "the water background is multiplied by r_e^2 and the fluence twice and divided by the number of steps, and "
            "is gone where -dmin leaves nothing",
            "the background is scaled once, whatever the steps",
        ),
        Quirk(
            "first-subpixel",
            "solid angle and polarization are those of a pixel's first subpixel, a corner, and of the first source, "
            "unless the oversample flags are set",
            "each subpixel, layer and source its own",
        ),
        Quirk(
            "gauss-radius",
            "Gaussian and top-hat spots are measured by the distance in reciprocal space times Na Nb Nc, in 1/A",
            "the distance in units of 1/N along each axis, as round crystals are measured",
        ),
        Quirk(
            "thick-fencepost",
            "n sensor layers of a thickness T stand T/(n-1) apart, so that they absorb like a sensor of n T/(n-1)",
            "layers T/n apart",
        ),
        Quirk(
            "layer-front",
            "rays meet each sensor layer at its front",
            "at the mean depth of absorption in the layer",
        ),
        Quirk(
            "xclose-ignored",
            "under the conventions XDS and DIALS -Xclose, -Yclose, -Xbeam and -Ybeam do nothing",
            "they place the detector",
        ),
        Quirk(
            "twotheta-header",
            "after a swing about the two-theta axis DISTANCE and BEAM_CENTER of headers are those before it",
            "those of the detector where it stands",
            _BOTH,
        ),
        Quirk(
            "long-header",
            "an SMV header that outgrows 512 bytes is written in full, while HEADER_BYTES still says 512",
            "HEADER_BYTES tells where the data start",
        ),
        Quirk(
            "shared-table",
            "both seeds draw from one shuffle table, one spare Gauss deviate and one Poisson memory",
            "two generators that know nothing of each other",
            _NOISIFY,
        ),
        Quirk(
            "calibration-not-static",
            "so the calibration error of a pixel changes with -seed; with flicker -calib_seed does nothing",
            "a pattern that is the same in every image of a detector",
            _NOISIFY,
        ),
        Quirk(
            "calibration-default",
            "a calibration error of 3 % is on, although nobody asked for it",
            "no error that was not asked for",
            _NOISIFY,
        ),
        Quirk(
            "flicker-per-pixel",
            "the fluctuation of the source is drawn anew for each pixel",
            "one factor for the whole still",
            _NOISIFY,
        ),
        Quirk(
            "psf-wrap",
            "what the point spread puts into the column right of the image appears in the first column, a row lower",
            "it is outside",
            _NOISIFY,
        ),
        Quirk(
            "psf-edge",
            "photons beyond the edge vanish, those beyond the rendering radius are spread evenly over the image",
            "both are lost, or both conserved",
            _NOISIFY,
        ),
        Quirk(
            "psf-int",
            "with noise on, the image without noise is not blurred",
            "the expected photons are spread, too",
            _NOISIFY,
        ),
        Quirk(
            "psf-poisson",
            "counts are spread as fractions of a photon, so that neighbours are correlated",
            "right for a phosphor; a photon counter puts each photon into one pixel",
            _NOISIFY,
        ),
        Quirk(
            "truncate",
            "detector units are truncated towards zero: half a unit too low on average",
            "they are rounded",
            _NOISIFY,
        ),
        Quirk(
            "negative-wrap",
            "negative detector units become large: the lowest 16 or 32 bits",
            "they become 0",
            _NOISIFY,
        ),
        Quirk(
            "int32-clip",
            "the image without noise ends at 65535 also with 32 bits",
            "it ends where 32 bits end",
            _NOISIFY,
        ),
        Quirk(
            "guess",
            "without a size the image is as square as can be, its fast axis the shorter one",
            "an error",
            _NOISIFY,
        ),
        Quirk(
            "detsize",
            "-detsize is read and has no effect: the numbers of pixels are always known",
            "an error where sizes contradict each other",
            _NOISIFY,
        ),
        Quirk(
            "header-type",
            "the header of -header is copied as it is, TYPE and BYTE_ORDER included, also with -bits 32",
            "TYPE and BYTE_ORDER say what follows",
            _NOISIFY,
        ),
        Quirk(
            "negative-mean",
            "a negative mean gives no photons; a first one of exactly -1 about a hundred",
            "an error",
            _NOISIFY,
        ),
        Quirk(
            "gauss-regime",
            "above a mean of 1e6 counts are Gauss deviates and no whole numbers",
            "rounded",
            _NOISIFY,
        ),
        Quirk(
            "ceil",
            "the edge over the pixel is rounded up as a double: 1475 pixels of 0.1 mm become 1476",
            "as many pixels as were given",
            _NONBRAGG,
        ),
        Quirk(
            "orgx",
            "ORGX and ORGY count from the corner of the first pixel, on the command line and in the header",
            "XDS counts half a pixel more",
            _NONBRAGG,
        ),
        Quirk(
            "beam-default",
            "a beam centre that is not given lies half a pixel off the middle, below along fast and above along slow",
            "the middle of the detector, or nanoBragg's default",
            _NONBRAGG,
        ),
        Quirk(
            "stol-extrapolation",
            "beyond the table F goes on along the straight line through its last two points, even below zero",
            "a constant, or an error",
            _NONBRAGG,
        ),
        Quirk(
            "stol-comment",
            "a line that does not begin with a number is the point 0 0",
            "comments are passed over",
            _NONBRAGG,
        ),
        Quirk(
            "stol-unsorted",
            "the table is walked through in the file's order: F depends on the pixel before",
            "the points are sorted, and two with one abscissa refused",
            _NONBRAGG,
        ),
        Quirk(
            "lagrange-overshoot",
            "a cubic through four points, which runs far beyond them where their distances differ much",
            "a shape-preserving interpolation",
            _NONBRAGG,
        ),
        Quirk(
            "negative-photons",
            "a negative F gives negative photons, and the noise of such a pixel is none",
            "F squared, or an error",
            _NONBRAGG,
        ),
        Quirk(
            "negative-solid-angle",
            "an outward axis, fast x slow, that points to the sample makes solid angles and photons negative",
            "a solid angle is positive whichever way the axes turn",
            _NONBRAGG,
        ),
        Quirk(
            "weights-sum",
            "weights of sources count, but the sum is divided by the number of sources",
            "the sum is divided by the sum of weights",
            _NONBRAGG,
        ),
        Quirk(
            "omega-sum",
            "the solid angle that is printed is summed over subpixels too: oversample^2 times too large",
            "the solid angle of the pixels",
            _NONBRAGG,
        ),
        Quirk(
            "rmsd-shift",
            "the rmsd, and the PGM image's scale with it, is that of the pixels after those of the region of interest",
            "the rmsd of the pixels themselves",
            _NONBRAGG,
        ),
        Quirk(
            "img-mean",
            "once a curve has been extracted, mean and rms are divided by the number of pixels of its last point",
            "they are divided by the number of all pixels",
            _NONBRAGG,
        ),
        Quirk(
            "nopgm",
            "-nopgm is read and the PGM image written all the same",
            "no PGM image",
            _NONBRAGG,
        ),
        Quirk(
            "thick-word",
            "-thickness and -thicksteps both mean the sample's thickness in mm",
            "flags of a sensor, as in nanoBragg, or none",
            _NONBRAGG,
        ),
        Quirk(
            "no-sensor",
            "every photon counts once: no flag reaches the sensor's thickness",
            "the sensor absorbs a part, and its parallax moves it",
            _NONBRAGG,
        ),
        Quirk(
            "sample-absorption",
            "F squared per molecule of a thin sample: no absorption, no multiple and no Compton scattering",
            "the sample absorbs and scatters more than once",
            _NONBRAGG,
        ),
    )
}
"""Every quirk by name."""
