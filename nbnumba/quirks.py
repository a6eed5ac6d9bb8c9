"""The quirks of nanoBragg.c: what it computes where a physicist would compute something else.

nbnumba reproduces every one of them. The registry names each, so that a difference between an image and the textbook
can be traced to its cause.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Quirk:
    """One departure of the C program from the physics it models.

    Attributes
    ----------
    name : str
        How comments and documents refer to it.
    c_behaviour : str
        What the program, and therefore nbnumba, does.
    correct_behaviour : str
        What the physics asks for.
    programs : tuple of str
        Which programs have it.
    """

    name: str
    c_behaviour: str
    correct_behaviour: str
    programs: tuple[str, ...] = ("nanoBragg",)


QUIRKS = {
    quirk.name: quirk
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
        ),
        Quirk(
            "point-pixel",
            "-point_pixel gives 1/R^2, without the area of the pixel",
            "pixel area over R^2",
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
            "the water background is multiplied by r_e^2 and the fluence twice",
            "the background is scaled once",
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
        ),
        Quirk(
            "long-header",
            "an SMV header that outgrows 512 bytes is written in full, while HEADER_BYTES still says 512",
            "HEADER_BYTES tells where the data start",
        ),
    )
}
"""Every quirk by name."""
