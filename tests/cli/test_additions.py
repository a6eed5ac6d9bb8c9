"""Spectra and mosaic domains on the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from nbnumba_cli.main import run
from scipy.spatial.transform import Rotation

from nbnumba import Crystal, MosaicDistribution
from nbnumba.flags import interpret
from nbnumba.flags.additions import Additions
from nbnumba.io.float_image import read_float_image

FLAGS = ["-cell", "70", "80", "90", "-default_F", "100", "-N", "5", "-detpixels", "16", "-pixel", "2",
         "-distance", "80", "-oversample", "1", "-nonoise", "-nopgm"]  # fmt: skip
ENERGIES = "# energy eV weight\n9000 3\n10000 1\n"
ROTATIONS = Rotation.from_rotvec([[0.02, 0.0, 0.0], [0.01, -0.02, 0.005]]).as_matrix().reshape(2, 9)


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    """A folder with a spectrum and the rotations of two domains."""
    monkeypatch.chdir(tmp_path)
    Path("lines.txt").write_text(ENERGIES)
    np.savetxt("domains.txt", ROTATIONS)


def image_of(*arguments: str) -> np.ndarray:
    assert run([*FLAGS, *arguments]) == 0
    return read_float_image("floatimage.bin", (16, 16)).astype(float)


def test_without_weights_a_spectrum_is_the_mean_of_its_lines():
    ours = image_of("--spectrum", "lines.txt")
    lines = [image_of("-energy", energy) for energy in ("9000", "10000")]
    # each image is rounded to float32
    np.testing.assert_allclose(ours, (lines[0] + lines[1]) / 2.0, rtol=2e-7)


def test_the_report_names_file_and_range_of_a_spectrum(capsys):
    image_of("--spectrum", "lines.txt")
    said = capsys.readouterr().out
    assert "spectrum            lines.txt\n" in said
    # 3/4 hc/9000 + 1/4 hc/10000, hc = 12398.42 eV Å
    assert "          1.34316 Å (9230.77 eV) and a spectrum of 2 wavelengths from 1.23984 to 1.3776 Å\n" in said


def test_the_domains_of_a_file_are_those_of_the_image():
    both = image_of("--mosaic_file", "domains.txt")
    each = []
    for name, row in zip(("first.txt", "second.txt"), ROTATIONS, strict=True):
        np.savetxt(name, row[None])
        each.append(image_of("--mosaic_file", name))
    # each image is rounded to float32
    np.testing.assert_allclose(both, (each[0] + each[1]) / 2.0, rtol=2e-7)
    assert abs(each[0] / each[1] - 1.0).max() > 0.1


def test_a_distribution_is_that_of_the_crystal():
    additions = Additions(mosaic_distribution=MosaicDistribution.BALL)
    crystal = interpret([*FLAGS, "-mosaic", "1", "-mosaic_domains", "9"], additions=additions).experiment.crystal
    assert (crystal.mosaic_distribution, crystal.mosaic_spread) == (MosaicDistribution.BALL, 1.0)
    assert interpret(FLAGS).experiment.crystal.mosaic_distribution is Crystal().mosaic_distribution
    domains = ("-mosaic", "1", "-mosaic_domains", "9")
    images = [image_of(*domains, "--mosaic-distribution", kind.value) for kind in MosaicDistribution]
    assert np.array_equal(images[0], image_of(*domains))
    assert len({image.tobytes() for image in images}) == 3


def test_traces_take_the_same_options(capsys):
    assert run(["trace", "3", "4", "--spectrum", "lines.txt", "--mosaic_file", "domains.txt", "--", *FLAGS]) == 0
    traced = capsys.readouterr().out.splitlines()[-1]
    assert traced.startswith("TRACE_PY: floatimage_accumulated ")
    image = image_of("--spectrum", "lines.txt", "--mosaic_file", "domains.txt")
    assert np.float32(traced.split()[-1]) == image[3, 4]


@pytest.mark.parametrize(("arguments", "status", "message"), [
    ("--spectrum none.txt", 1, "none.txt: can't be read: No such file or directory"),
    ("--spectrum domains.txt", 2, "domains.txt: the unit is not clear: give --spectrum-unit, or one header line such "
     "as '# energy eV weight' or '# wavelength angstrom weight'"),
    ("--spectrum lines.txt --spectrum-unit angstrom", 2, "--spectrum-unit angstrom: a comment in lines.txt says eV"),
    ("--spectrum low.txt", 1, "low.txt: the energies of --spectrum are read in eV: wavelengths from 12398.4 to 12398.4 "
     "Å are no X-rays"),
    ("--spectrum lines.txt -dispersion 1", 2, "--spectrum and -dispersion both say what wavelengths there are; "
     "give one"),
    ("--spectrum lines.txt -sourcefile sources.txt", 2, "--spectrum and -sourcefile both say what wavelengths there "
     "are; give one"),
    ("--spectrum-unit eV", 2, "--spectrum-unit eV: has no effect without --spectrum"),
    ("--mosaic_file lines.txt", 1, "lines.txt: line 2: 2 numbers, not the nine of a matrix"),
    ("--mosaic_file domains.txt -mosaic 1", 2, "--mosaic_file are the domains: leave their spread and their number "
     "out"),
    ("--mosaic_file domains.txt --mosaic-distribution ball", 2, "--mosaic_file are the domains: leave "
     "--mosaic-distribution out"),
    ("--spectrum lines.txt -floatfile lines.txt", 2, "lines.txt"),
])  # fmt: skip
def test_impossible_options_are_refused_in_one_line(arguments, status, message, capsys):
    Path("low.txt").write_text("# eV\n1 1\n")
    Path("sources.txt").write_text("-10 0 0\n")
    assert run([*FLAGS, *arguments.split()]) == status
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "compiling" not in line]
    assert line.startswith("nbnumba: error: ")
    assert message in line
    assert not Path("floatimage.bin").exists()
    assert Path("lines.txt").read_text() == ENERGIES


@pytest.mark.parametrize(("arguments", "message"), [
    ("--mosaic-distribution ball", "--mosaic-distribution ball: has no effect without -mosaic"),
    ("--mosaic_file domains.txt -mosaic_seed 5", "-mosaic_seed 5: has no effect on the domains of --mosaic_file"),
    ("--spectrum lines.txt", "the weights of --spectrum have no effect (quirk weights); --fix weights mends it"),
    ("--spectrum lines.txt -lambda 1", "-lambda 1: 1 Å counts as not given; the nominal wavelength is the mean of "
     "--spectrum, 1.34316 Å"),
])  # fmt: skip
def test_what_has_no_effect_says_so(arguments, message, capsys):
    image_of(*arguments.split())
    assert f"nbnumba: warning: {message}\n" in capsys.readouterr().err
