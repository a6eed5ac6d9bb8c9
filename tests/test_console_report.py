"""The console says what nanoBragg says: the numbers below are what the C program printed for the same flags."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nbnumba.flags import interpret
from nbnumba.output.report import (
    image_lines,
    model_warnings,
    pixel_detail_lines,
    pixel_lines,
    result_warnings,
    setup_lines,
)
from nbnumba.output.write import write_outputs
from nbnumba.setup.lowering import lower
from nbnumba.simulation import simulate

CRYSTAL = (
    "-cell 70 80 90 75 85 95 -misset 10 20 30 -default_F 100 -lambda 1.1 -N 5 -distance 120 -detpixels 64 -pixel 0.3"
)
MUCH = (
    f"{CRYSTAL} -detector_rotx 5 -twotheta 10 -mosaic 0.5 -mosaic_domains 4 -phi 3 -osc 1 -phisteps 2 -dispersion 1 "
    "-dispsteps 2 -hdivrange 2 -hdivsteps 2 -flux 1e12 -exposure 0.1 -beamsize 0.05 -detector_thick 100 -thicksteps 3 "
    "-water 10 -polar 0.9 -oversample_thick -curved_det -point_pixel -roi 3 40 5 60"
)

PRINTED = {
    "convention": "mosflm, pivot beam",
    "detector": "64 x 64 pixels of 0.3 mm: 19.2 x 19.2 mm",
    "distance": "118.177 mm",
    "beam centre": "Xbeam 9.75 Ybeam 9.75, Fbeam 9.92759 Sbeam 10.2154 mm",
    "closest point": "Xclose 9.6 Yclose 9.6, Fclose 11.7161 Sclose 30.6585 mm",
    "fast axis": "-0.0151344 -0.0858317 0.996195",
    "slow axis": "-0.172987 -0.98106 -0.0871557",
    "outward axis": "0.984808 -0.173648 0",
    "first pixel": "DIALS origin -8.99949 10.5622 -121.862 mm",
    "beam": "1 0 0; in the detector's frame -0.0151344 -0.172987 0.984808",
    "spindle axis": "0 0 1",
    "polarization normal": "0 -1 0",
    "sensor": "100 µm in 3 layers 50 µm apart, mu 10000 /m",
    "pixels": "all at the same distance from the sample",
    "unit cell": "70 80 90 Å 75.0391 85.0136 95.0081°",
    "reciprocal cell": "0.014437 0.0130262 0.0115784 /Å 105.535 96.5318 83.4517°",
    "cell volume": "481811 Å^3, approximate molecular weight 364219",
    "a, a*": "62.18939154 25.64350962 -19.3620762 Å",
    "b, b*": "-26.26417036 68.58409554 31.72404757 Å",
    "c, c*": "34.06700757 1.622548011 83.28749206 Å",
    "crystal": "parallelpiped, 5 x 5 x 5 cells: 0.035 x 0.04 x 0.045 µm",
    "reflections": "0, all others F = 100; nearest reflection (chosen)",
    "mosaic": "4 domains over 0.5°",
    "wavelength": "+/- 1 % in 2 steps",
    "fluence": "4e+19 photons/m^2",
    "flux": "1e+12 photons/s for 0.1 s on 0.05 mm",
    "polarization": "Kahn factor 0.9",
    "divergence": "horizontal 2 mrad in steps of 2, vertical 0 in steps of 0, 2 directions",
    "sources": "4",
    "spindle": "2 steps of 0.5° from 3° to 4°",
    "subpixels": "4 x 4 (chosen) +thick",
    "water": "10 µm",
    "region of interest": "fast 3 to 40, slow 5 to 60",
}
SOURCES = ["-10 0 0.01, weight 0.25, 1.0945 Å", "-10 0 0.01, weight 0.25, 1.1055 Å",
           "-10 0 -0.01, weight 0.25, 1.0945 Å", "-10 0 -0.01, weight 0.25, 1.1055 Å"]  # fmt: skip

IMAGE_FLAGS = f"{CRYSTAL} -oversample 2 -polar 0.5 -seed 1 -fluence 1e30 -roi 10 20 15 25"
IMAGE = {
    "solid angle": "0.000752737 sr, 0.00599009 % of the sphere",
    "noise seed": "1",
    "image": "in photons, the maximum at fast slow in m",
    "written": "floatimage.bin intimage.img image.pgm noiseimage.img",
}
AWK = {
    "max_I": ("max_I = ", {3: "2261.82", 5: "0.005325", 6: "0.007725"}),
    "rmsd=": ("mean= ", {2: "34.6221", 4: "227.145", 6: "224.469"}),
    "intfile_scale": ("intfile_scale = ", {3: "24.3167"}),
    "pgm_scale": ("pgm_scale = ", {3: "0.222748"}),
    "photons on noise image": ("4202 ", {1: "4202"}),
    "overloads": ("4202 ", {6: "(0"}),
}
"""What scripts look for in nanoBragg's lines: how the line begins, and what stands in its fields, counted from 1."""
PIXEL = {
    "pixel": "13 20 (fast slow)",
    "position, m": "0.12 0.003675 -0.005775",
    "nearest hkl": "1 1 -4",
    "F cell": "100",
    "polarization": "0.9979247459",
    "solid angle, sr": "6.217758866e-06",
    "captured fraction": "1",
    "photons": "0.1646159291",
    "steps": "4",
}


def facts(lines: list[str]) -> dict[str, str]:
    """Text by label, the first of each."""
    found: dict[str, str] = {}
    for line in lines:
        label, text = line[:20].strip(), line[20:]
        found.setdefault(label, text)
    return found


def test_the_set_up_is_described_with_nanobraggs_numbers():
    model = lower(interpret(MUCH.split()).experiment)
    lines = setup_lines(model)
    found = facts(lines)
    assert {label: text for label, text in PRINTED.items() if text not in found[label]} == {}
    assert [line.strip() for line in lines if ", weight " in line] == SOURCES


def test_the_image_is_described_with_nanobraggs_numbers(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    request = interpret(IMAGE_FLAGS.split())
    result = simulate(request.experiment)
    report = write_outputs(result.model, result.image, request.files)
    said = image_lines(result, report)
    found = facts(said)
    assert {label: found[label] for label in IMAGE} == IMAGE
    for word, (beginning, fields) in AWK.items():
        (line,) = [line for line in said if word in line]
        assert line.startswith(beginning)
        assert {number: line.split()[number - 1] for number in fields} == fields
    assert result_warnings(result) == []
    pixel = facts(pixel_detail_lines(result, 13, 20))
    assert {label: pixel[label] for label in PIXEL} == PIXEL
    hkl = [float(value) for value in pixel["hkl"].split()]
    assert hkl == pytest.approx([1.466739, 0.559422, -3.643078], abs=5e-7)  # the digits that are printed
    lines = list(pixel_lines(result.image, result.model.window))
    assert len(lines) == 11 * 11
    assert "pixel 13 20  0.1646159291" in lines


def test_a_crystal_that_is_large_for_its_pixels_is_a_warning():
    *_, warning = model_warnings(lower(interpret(f"{CRYSTAL} -oversample 1".split()).experiment))
    # what nanoBragg says about 5 cells of 90 A at 120 mm
    assert "up to 450 Å but a pixel in reciprocal space 440 Å" in warning
    assert "{Sampling.oversample=4} resolves that" in warning


@pytest.mark.parametrize(("flags", "words"), [
    ("-detector_thick 50", "attenuation depth equals the sensor thickness"),
    ("-mosaic 1", "using 10"),
    ("-mosaic_domains 5", "using 1 domain"),
    ("-mosaic 0 -mosaic_domains 5", "the mosaic spread is zero"),
    ("-xtalsize 0.001 -beamsize 0.0005", "clipping the sample"),
    ("-odet_vector 0.9 0 0", "fast axis × slow axis"),
])  # fmt: skip
def test_what_nanobragg_warns_of_is_a_warning(flags, words):
    model = lower(interpret(f"{CRYSTAL} {flags}".split()).experiment)
    assert any(words in warning for warning in model_warnings(model))


def test_the_end_of_interpolation_is_a_warning(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("F.hkl").write_text("0 0 0 10\n4 4 4 10\n")
    result = simulate(interpret(f"{CRYSTAL} -hkl F.hkl -interpolate".split()).experiment)
    (warning,) = result_warnings(result)
    assert warning.startswith("interpolation met the edge of the structure factors in pixel 0 0 (fast slow)")


def test_pixels_that_are_no_numbers_are_a_warning():
    result = simulate(interpret(f"{CRYSTAL} -default_F 1e38 -fluence 1e38 -detpixels 4".split()).experiment)
    assert np.isinf(result.image).all()
    assert result_warnings(result)[0].startswith("16 pixels are infinite or no numbers")
