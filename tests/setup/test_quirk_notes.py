"""A run in nanoBragg's physics says which quirks change what was asked for, and how to have it otherwise."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import numpy as np
import pytest

from nbnumba import (
    Beam,
    Crystal,
    Detector,
    Experiment,
    LabFrame,
    NbnumbaWarning,
    Physics,
    Sampling,
    Sensor,
    UnitCell,
    lower,
    simulate,
)  # fmt: skip
from nbnumba.errors import with_names
from nbnumba.flags import interpret
from nbnumba.flags.names import flag_of
from nbnumba.output.report import model_warnings
from nbnumba.setup.quirk_notes import quirk_notes

CRYSTAL = "-cell 100 -default_F 100 -detpixels 8 -oversample 1"

NOTES = {
    "-pivot sample -detector_roty 5": (
        "pivot", "the convention mosflm turns the detector about the beam, whatever -pivot and the rest of its "
                 "position say"),
    "-close_distance 90 -detector_rotz 5": ("pivot", "the convention mosflm turns the detector about the beam"),
    "-xds -Xclose 0.1": ("xclose-ignored", "under the convention xds -Xclose, -Yclose and -Xbeam, -Ybeam do not move"),
    "-pix0_vector 0.1 0.2 0.3": ("pix0", "-pix0_vector does not move the detector"),
    "-pix0_vector_mm 100 0.2 0.3": ("pix0", "-pix0_vector does not move the detector"),
    "-cell 70 80 90 75 85 95": (
        "triclinic", "the cell has the angles 75.039 85.014 95.008 degrees, not those of -cell"),
    "-misset random -misset_seed 3": ("misset-random", "-misset is not uniform over orientations"),
    "-osc 1 -phisteps 3": ("phi-carryover", "at the spindle angle 0 the crystal is turned as in the step before"),
    "-sourcefile weighted.txt": ("weights", "the weights of -sourcefile have no effect"),
    "-curved_det": ("curved", "the arcs of -curved_det run along lab axes"),
    "-point_pixel": ("point-pixel", "-point_pixel leaves the pixel's area out"),
    "-oversample 2 -oversample_omega -oversample_polar": (
        "oversample-compound", "-oversample_polar -oversample_omega: the sum so far is multiplied at every step"),
    "-detector_thick 300 -detector_abs 200": ("last-layer", "every layer of the sensor counts like the last one"),
    "-detector_thick 300 -detector_abs 200 -thicksteps 4 -oversample_thick": (
        "thick-fencepost", "with -thicksteps 4 the sensor is 400 µm deep, not 300"),
    "-water 10 -fluence 1e25": ("water", "the background of -water is 7.9e-05 times what it should be"),
    "-water 10 -dmin 3": ("water", "there is no background beyond -dmin"),
}  # fmt: skip
"""Flags -> the quirk that changes what they ask for, and what is said."""

SILENT = (
    "-pivot beam -detector_roty 5", "-pivot sample", "-close_distance 90", "-xds -ORGX 3", "-xds -pivot sample",
    "-cell 70 80 90", "-cell 70 80 90 90 105 90", "-misset 10 20 30", "-osc 1 -phisteps 3 -phi 10",
    "-osc 1 -phisteps 1", "-osc 0 -phisteps 3", "-sourcefile equal.txt", "-oversample_omega",
    "-oversample 2 -oversample_polar -nopolar", "-oversample 2 -oversample_thick", "-water 10",
    "-water 0 -fluence 1e25 -dmin 3",
)  # fmt: skip
"""Flags that no quirk touches."""


@pytest.fixture(autouse=True)
def source_lists(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("weighted.txt").write_text("-10 0 0 1 1e-10\n-10 0.1 0 3 1e-10\n")
    Path("equal.txt").write_text("-10 0 0 2 1e-10\n-10 0.1 0 2 1e-10\n")


def notes(flags: str, physics: Physics | None = None) -> list[str]:
    """What the command line says of quirks."""
    experiment = interpret(f"{CRYSTAL} {flags}".split(), physics or Physics("nanobragg")).experiment
    return [with_names(note, flag_of) for note in quirk_notes(lower(experiment))]


@pytest.mark.parametrize("flags", NOTES)
def test_a_quirk_that_changes_what_was_asked_for_is_named_with_its_remedy(flags):
    quirk, text = NOTES[flags]
    (said,) = [note for note in notes(flags) if f"(quirk {quirk})" in note]
    assert said.startswith(text)
    assert said.endswith(f"(quirk {quirk}); --fix {quirk} mends it")


@pytest.mark.parametrize("flags", NOTES)
def test_what_is_mended_is_not_said(flags):
    quirk, _ = NOTES[flags]
    assert not any(f"(quirk {quirk})" in note for note in notes(flags, Physics("nanobragg", fix=[quirk])))
    assert notes(flags, Physics("exact")) == []


@pytest.mark.parametrize("flags", NOTES)
def test_a_quirk_that_was_asked_for_by_name_needs_no_word(flags):
    assert notes(flags, Physics("exact", keep=[NOTES[flags][0]])) == []


@pytest.mark.parametrize("flags", SILENT)
def test_where_no_quirk_changes_anything_nothing_is_said(flags):
    assert notes(flags) == []


def test_a_step_at_zero_that_is_carried_from_zero_is_no_change():
    # both steps are at zero: the vectors before it are unrotated, too
    assert notes("-osc 0 -phisteps 2") == []
    assert any("phi-carryover" in note for note in notes("-phi -1 -osc 2 -phisteps 2"))


CUBIC = Crystal(unit_cell=UnitCell(100.0), default_F=100.0)
SMALL = Detector(pixels_fast=8, pixels_slow=8)


def said_by(experiment: Experiment) -> list[str]:
    """The warnings that a user of the library gets."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        simulate(experiment)
    assert all(item.category is NbnumbaWarning for item in caught)
    return [str(item.message) for item in caught]


def test_from_python_the_same_is_a_warning_that_names_fields():
    (said,) = said_by(Experiment(
        CUBIC, Beam(fluence=1e25), SMALL, Sampling(oversample=1, water=10.0), Physics("nanobragg")
    ))  # fmt: skip
    assert said == (
        "the background of Sampling.water is 7.9e-05 times what it should be (quirk water); Physics.fix=water mends it"
    )
    corner = Detector(pixels_fast=8, pixels_slow=8, pix0=(0.1, 0.2, 0.3))
    (said,) = said_by(Experiment(CUBIC, Beam(), corner, Sampling(oversample=1), Physics("nanobragg")))
    assert said.startswith("Detector.pix0 does not move the detector (quirk pix0)")


def test_the_end_of_interpolation_names_its_quirk():
    Path("F.hkl").write_text("0 0 0 10\n4 4 4 10\n")
    flags = f"{CRYSTAL} -hkl F.hkl -interpolate".split()
    (said,) = said_by(interpret(flags).experiment)
    assert said.endswith("the nearest reflection was taken (quirk interp-sticky); Physics.fix=interp-sticky mends it")
    assert said_by(interpret(flags, Physics("exact")).experiment) == []


def test_a_random_orientation_by_the_clock_says_how_to_have_it_again():
    drawn = Crystal(unit_cell=UnitCell(100.0), default_F=100.0, random_misset=True)
    model = lower(Experiment(drawn, Beam(), SMALL, Sampling(oversample=1)))
    (said,) = model_warnings(model)
    seed = re.fullmatch(
        r"the random orientation comes from the clock; \{Crystal\.misset_seed=(\d+)\} gives it again", said
    )
    again = Crystal(unit_cell=UnitCell(100.0), default_F=100.0, random_misset=True, misset_seed=int(seed[1]))
    model_again = lower(Experiment(again, Beam(), SMALL, Sampling(oversample=1)))
    assert model_warnings(model_again) == []
    assert model_again.lattice == model.lattice


def test_what_is_replaced_or_clipped_is_a_warning_in_python():
    frame = LabFrame(convention="custom", odet=(0.9, 0.0, 0.0))
    clipped = Crystal(unit_cell=UnitCell(100.0), default_F=100.0, size=(0.0001, 0.0001, 0.0001))
    detector = Detector(frame=frame, pixels_fast=8, pixels_slow=8, sensor=Sensor(thickness=300.0))
    said = said_by(Experiment(clipped, Beam(size=0.00005), detector, Sampling(oversample=60)))
    assert any(text.startswith("clipping the sample") for text in said)
    assert any("using fast axis × slow axis" in text for text in said)
    assert any("the attenuation depth equals the sensor thickness" in text for text in said)
    assert np.sum(["clipping" in text for text in said]) == 2
