"""The output files that the user names: free of NumPy, so that flags can be read in no time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

NANOBRAGG, DIALS = "nanobragg", "dials"

SMV_HEADERS = (NANOBRAGG, DIALS)
"""Headers of SMV images: nanoBragg's own to the byte, or one from which dxtbx makes the right detector."""


@dataclass(frozen=True)
class OutputFiles:
    """Which files are written, and how photons become integers; the defaults are nanoBragg's.

    Attributes
    ----------
    float_path, int_path : Path
        Raw float image and SMV image.
    pgm_path, noise_path : Path or None
        PGM image and SMV image with noise; None writes none.
    png_path, tiff_path : Path or None
        Preview and float TIFF image, which nanoBragg does not know; None writes none.
    dump_path : Path
        Binary cache of the structure factors, written when they were read from text.
    intfile_scale : float
        Integer values per photon; 0 or less chooses by the maximum.
    pgm_scale : float
        Grey values per photon; 0 or less chooses by the rmsd.
    adc_offset : float
        Added to every pixel of the integer and noise images.
    noise_seed : int or None
        Seed of the noise as the user types it; None takes the clock.
    smv_header : str
        Header of the SMV images, one of `SMV_HEADERS`.
    """

    float_path: Path = Path("floatimage.bin")
    int_path: Path = Path("intimage.img")
    pgm_path: Path | None = Path("image.pgm")
    noise_path: Path | None = Path("noiseimage.img")
    png_path: Path | None = None
    tiff_path: Path | None = None
    dump_path: Path = Path("Fdump.bin")
    intfile_scale: float = 0.0
    pgm_scale: float = 0.0
    adc_offset: float = 40.0
    noise_seed: int | None = None
    smv_header: str = NANOBRAGG

    def by_field(self) -> dict[str, Path | None]:
        """Every file that may be written, by the field that names it, as messages have it."""
        names = ("dump_path", "float_path", "int_path", "pgm_path", "noise_path", "png_path", "tiff_path")
        return {f"{{OutputFiles.{name}}}": getattr(self, name) for name in names}
