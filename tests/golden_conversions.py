"""What the flags of a golden case mean for the conversion of its float image to integers."""

from __future__ import annotations

import hashlib

import numpy as np
from golden import GoldenCase, golden_cases, input_file

from nbnumba.io.smv import read_smv
from nbnumba.output.statistics import ImageStatistics, image_statistics
from nbnumba.setup.model import Window

WHOLE_FRAME_CASES = tuple(case for case in golden_cases() if case.block is None)
"""Cases whose reference image is the whole frame."""


def option(case: GoldenCase, flag: str, default: float) -> float:
    """The number behind a flag."""
    return float(case.args[case.args.index(flag) + 1]) if flag in case.args else default


def window(case: GoldenCase) -> Window:
    """Region of interest."""
    slow, fast = case.shape
    if "-roi" not in case.args:
        return Window(0, fast, 0, slow)
    start = case.args.index("-roi") + 1
    first, second, third, fourth = (int(word) for word in case.args[start : start + 4])
    return Window(first, min(second + 1, fast), third, min(fourth + 1, slow))


def mask(case: GoldenCase) -> np.ndarray | None:
    """The pixel mask, if there is one."""
    if "-mask" not in case.args:
        return None
    return read_smv(input_file(case.args[case.args.index("-mask") + 1])).data


def statistics(case: GoldenCase) -> ImageStatistics:
    """Statistics of the reference image."""
    oversample = int(case.reported["oversample"][0])
    subpixel_size = option(case, "-pixel", 0.1) / 1000.0 / oversample
    return image_statistics(case.reference_image(), window(case), mask(case), subpixel_size, oversample)


def checksum_of_smv(case: GoldenCase, pixels: np.ndarray) -> str:
    """SHA-256 of the SMV file with the case's header and these pixels."""
    header = (case.header.encode() + b"\f").ljust(512)
    return hashlib.sha256(header + pixels.tobytes()).hexdigest()
