"""Messages name fields; the command line puts the flags that set them in their place."""

from __future__ import annotations

import ast
import dataclasses
import functools
import re
from pathlib import Path

import pytest
from nbnumba_cli.main import run

import nbnumba
from nbnumba.config.description import Description
from nbnumba.errors import NbnumbaWarning, UsageError, with_names
from nbnumba.flags import parse_flags
from nbnumba.flags.names import field_of, flag_of
from nbnumba.flags.parse import find_flag
from nbnumba.flags.settings import Settings
from nbnumba.flags.table import FLAGS
from nbnumba.output.files import OutputFiles

PACKAGE = Path(nbnumba.__file__).parent
BELOW_FLAGS = ("config", "engine", "io", "kernels", "numerics", "output", "physics", "setup", "trace")
"""What the flags build upon. The C program's quirks, its comparison and its speed are described with its flags."""

OPTIONS = ("--engine", "--precision", "--threads", "--png", "--smv-header", "--physics", "--fix", "--keep")
OPTIONS += ("--spectrum", "--spectrum-unit", "--mosaic-distribution", "--mosaic_file", "--cutoff")
CRYSTAL = ["-cell", "100", "-default_F", "100", "-detpixels", "8", "-nonoise", "-nopgm"]


@pytest.mark.parametrize(("field", "flag"), [
    ("Beam.wavelength", "-lambda"), ("Beam.size", "-beamsize"), ("Beam.horizontal_divergence.steps", "-hdivsteps"),
    ("Beam.vertical_divergence.step", "-vdivstep"), ("Beam.vertical_divergence", "-vdivrange"),
    ("Beam.dispersion.range", "-dispersion"), ("Beam.round_divergence=True", "-round_div"),
    ("Beam.round_divergence=False", "-square_div"), ("Crystal.unit_cell", "-cell"), ("UnitCell", "-cell"),
    ("Crystal.reciprocal_matrix", "-mat"), ("Crystal.cells", "-N"), ("Crystal.cells[1]", "-Nb"),
    ("Crystal.shape=gaussian", "-gauss_xtal"), ("Detector.pixels_fast", "-detpixels"), ("Detector.mask", "-mask"),
    ("Detector.beam_center[0]=1024", "-Xbeam 1024"), ("Detector.rotation[2]", "-detector_rotz"),
    ("LabFrame.beam", "-beam_vector"), ("LabFrame.pivot=sample", "-pivot sample"), ("Sensor.layers", "-thicksteps"),
    ("Sampling.oversample=5", "-oversample 5"), ("Sampling.oscillation=0", "-osc 0"), ("Sampling.roi", "-roi"),
    ("OutputFiles.float_path", "-floatfile"), ("OutputFiles.dump_path", "-dump"), ("OutputFiles.png_path", "--png"),
    ("engine=cuda", "--engine cuda"), ("precision", "--precision"), ("threads=0", "--threads 0"),
    ("Physics.base=exact", "--physics exact"), ("Physics.fix=phi-carryover", "--fix phi-carryover"),
    ("Physics.keep", "--keep"),
    ("Beam.spectrum", "--spectrum"), ("Spectrum.energies", "the energies of --spectrum"),
    ("Crystal.mosaic_distribution", "--mosaic-distribution"), ("Crystal.mosaic_rotations", "--mosaic_file"),
    ("spectrum_unit=eV", "--spectrum-unit eV"),
    ("OutputFiles.tiff_path", "OutputFiles.tiff_path"), ("hkl", "hkl"),
])  # fmt: skip
def test_each_field_has_the_flag_that_sets_it(field, flag):
    assert flag_of(field) == flag


@pytest.mark.parametrize(("path", "field"), [
    ("detector.frame.pivot", "LabFrame.pivot"), ("beam.dispersion.steps", "Beam.dispersion.steps"),
    ("crystal.cells", "Crystal.cells"), ("files.int_path", "OutputFiles.int_path"),
])  # fmt: skip
def test_fields_are_named_by_the_class_that_holds_them(path, field):
    assert field_of(path) == field


OTHERWISE = {"-square_xtal": ["-round_xtal"], "-round_div": ["-square_div"], "-mosflm": ["-xds"]}
"""Flags whose effect is the default, and what has to be said before so that it is seen."""

WITHOUT_A_FLAG = {"Beam.dispersion.step", "OutputFiles.tiff_path", "Crystal.orientation", "Detector.panels"}
INDIRECT = {"Beam.sources", "Crystal.unit_cell", "Crystal.random_misset", "Crystal.reciprocal_matrix",
            "Crystal.structure_factors", "Detector.mask", "OutputFiles.png_path", "OutputFiles.smv_header",
            "Beam.spectrum", "Crystal.mosaic_distribution", "Crystal.mosaic_rotations", "Sampling.cutoff"}  # fmt: skip
"""What comes from a file that a flag names, from a word or from an option."""


def _leaves(owner: object, path: str = "") -> list[str]:
    """Paths of all entries of the settings that describe the experiment and its files."""
    if isinstance(owner, (Description, OutputFiles)):
        names = [field.name for field in dataclasses.fields(owner)]
        return [leaf for name in names for leaf in _leaves(getattr(owner, name), f"{path}.{name}".strip("."))]
    return [path]


LEAVES = [f"{part}.{leaf}" for part in ("crystal", "beam", "detector", "sampling", "files")
          for leaf in _leaves(getattr(Settings(), part))]  # fmt: skip


def _entry(settings: Settings, path: str) -> object:
    return functools.reduce(getattr, path.split("."), settings)


def _values(flag) -> list[str]:
    """Something that a flag takes and that is no default."""
    words = {"FILE": "x.txt", "sample|beam": "sample"}
    return [words.get(kind.metavar, "3") for kind in flag.values]


@pytest.mark.parametrize("path", LEAVES)
def test_the_flag_that_is_named_for_a_field_changes_it(path):
    field = field_of(path)
    if field in WITHOUT_A_FLAG:
        assert flag_of(field) == field
        return
    for name in flag_of(field).split(", "):
        if field in INDIRECT:
            assert name in {flag.name for flag in FLAGS} | set(OPTIONS)
            continue
        changed = parse_flags([*OTHERWISE.get(name, ()), name, *_values(find_flag(name))])
        assert _entry(changed, path) != _entry(parse_flags(OTHERWISE.get(name, ())), path)


def test_names_take_the_place_of_braces():
    message = "{Detector.distance=-60} and {threads} and {Beam.horizontal_divergence.step}, not {5} or {}"
    assert with_names(message) == (
        "Detector.distance=-60 and threads and Beam.horizontal_divergence.step, not {5} or {}"
    )
    assert with_names(message, flag_of) == "-distance -60 and --threads and -hdivstep, not {5} or {}"
    assert str(UsageError(message)) == str(NbnumbaWarning(message)) == with_names(message)


@pytest.mark.parametrize(("flags", "status", "message"), [
    ("-N 1000000", 2, "error: a crystal of 10 mm along a (-N) takes 300000 x 300000 subpixels to resolve"),
    ("-xtalsize 5 -beamsize -1", 2, "error: a crystal of 5 mm along a (-xtalsize) takes"),
    ("-lambda 1e-10", 2, "error: a wavelength of 1e-10 Å (-lambda) takes"),
    ("-oversample 50000", 2, "error: -oversample 50000: with 1 source(s)"),
    ("-roi 20 30 0 7", 2, "error: -roi 20 30 0 7 holds no pixel of the 8 x 8 detector"),
    ("-hdivsteps 1 -vdivsteps 1", 2,
     "error: -round_div leaves no source: give more -hdivsteps/-vdivsteps or -square_div"),
    ("-osc 0 -phistep 1", 2, "error: -osc 0 with a -phistep leaves no step to simulate: give one of them, or -phis"),
    ("-beamsize 0 -flux 1", 2, "error: -beamsize 0 makes the fluence infinite"),
    ("-sdet_vector 0 0 0", 2, "error: -sdet_vector 0 0 0 has no direction"),
    ("-floatfile a -intfile a", 2, "error: -intfile a: is also the name for -floatfile; choose another one"),
    ("--precision single", 2, "error: --precision single needs --engine cuda"),
    ("-energy 12.4", 0, "warning: -energy 12.4 is read in eV: 12.4 keV would be 12400"),
    ("-lambda 12400", 0, "warning: -lambda 12400 is read in Å: for a photon energy of 12400 eV give -energy 12400"),
    ("-lambda 12400 -energy 12400", 0, ""),
    ("-distance 0.1 -oversample 300", 0, "warning: -distance 0.1 is read in mm: 0.1 m would be 100"),
    ("-distance -60", 0, "warning: -distance -60: the sign has no effect, as in nanoBragg; it counts as 60"),
    ("-detpixels 1024 -roi 0 0 0 0 -Xbeam 1024", 0, "warning: -Xbeam 1024 is read in mm: 1024 pixels would be 102.4"),
    ("-N 90 -oversample 1", 0,
     "warning: the crystal measures up to 9000 Å but a pixel in reciprocal space 1000 Å: the intensity may vary across "
     "a pixel; -oversample 27 resolves that"),
    ("-detector_thick 100 --physics exact", 0,
     "warning: no -detector_abs was given: the attenuation depth equals the sensor thickness"),
    ("-mosaic_domains 3", 0,
     "warning: mosaic domains were given without a mosaic spread: using 1 domain (set -mosaic)"),
    ("-hdiv 0", 0, "warning: -hdiv has no effect, as in nanoBragg; the flag is -hdivrange"),
])  # fmt: skip
def test_the_command_line_speaks_of_flags(flags, status, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run([*CRYSTAL, *flags.split()]) == status
    said = [line for line in capsys.readouterr().err.splitlines() if "compiling" not in line]
    assert [line[: len(message) + 9] for line in said] == ([f"nbnumba: {message}"] if message else [])
    assert not re.search(r"[{}]|[A-Z]\w+\.[a-z]", "".join(said))


def _texts(path: Path) -> list[str]:
    """The texts of a file that are no docstrings, for messages are among them."""
    tree = ast.parse(path.read_text())
    documentation = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    texts = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return [node.value for node in texts if id(node) not in documentation]


@pytest.mark.parametrize("folder", [*BELOW_FLAGS, "."])
def test_nothing_below_the_flags_names_one(folder):
    names = sorted({*(name for flag in FLAGS for name in flag.names), *OPTIONS}, key=len, reverse=True)
    named = re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, names))})(?!\w)")
    files = (PACKAGE / folder).glob("*.py") if folder == "." else (PACKAGE / folder).rglob("*.py")
    found = {
        path.name: text for path in files if path.name != "quirks.py" for text in _texts(path) if named.search(text)
    }
    assert found == {}
