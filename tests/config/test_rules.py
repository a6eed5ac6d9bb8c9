"""Values are checked where they are made: what a field takes, what it becomes, and the line that refuses the rest."""

from __future__ import annotations

import copy
import dataclasses
import math
import pickle
import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbnumba.config import (
    Beam,
    Convention,
    Crystal,
    CrystalShape,
    Detector,
    Experiment,
    LabFrame,
    Pivot,
    Sampling,
    Sensor,
    Spectrum,
    Spread,
    StructureFactors,
    UnitCell,
)
from nbnumba.config.description import with_entry
from nbnumba.errors import UsageError

CLASSES = (
    Beam, Crystal, Detector, Experiment, LabFrame, Sampling, Sensor, Spread, StructureFactors, UnitCell,
)  # fmt: skip
NEEDED = {UnitCell: {"a": 100.0}, StructureFactors: {"amplitudes": np.ones((1, 1, 1)), "h_min": 0, "k_min": 0,
                                                     "l_min": 0}}  # fmt: skip


def made(kind: type, **entries):
    """A description with some entries of its own, and those without a default."""
    return kind(**{**NEEDED.get(kind, {}), **entries})


FIELDS = [pytest.param(kind, field.name, id=f"{kind.__name__}.{field.name}")
          for kind in CLASSES for field in dataclasses.fields(kind)]  # fmt: skip
NUMBERS = [
    param for param in FIELDS
    if "number" in (rule := param.values[0].RULES[param.values[1]].meaning) and "values" not in rule
    and "array" not in rule
]  # fmt: skip


# --- every field ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", CLASSES)
def test_every_field_has_a_rule_and_every_rule_a_field(kind):
    assert set(kind.RULES) == {field.name for field in dataclasses.fields(kind)}


@pytest.mark.parametrize(("kind", "name"), FIELDS)
def test_every_default_keeps_its_own_rule(kind, name):
    default = kind.__dataclass_fields__[name].default
    if default is not dataclasses.MISSING:
        assert kind.RULES[name](default) == default


@pytest.mark.parametrize("wrong", ["1 by 2", object(), b"1", {"a": 1}], ids=["text", "object", "bytes", "dict"])
@pytest.mark.parametrize(("kind", "name"), FIELDS)
def test_what_no_field_takes_is_refused_in_one_line_that_names_the_field(kind, name, wrong):
    with pytest.raises(UsageError) as refusal:
        made(kind, **{name: wrong})
    assert str(refusal.value).startswith(f"{kind.__name__}.{name} must be ")
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 250


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e200, 10**400, "1", 1j, True, None, [1.0]])
@pytest.mark.parametrize(("kind", "name"), NUMBERS)
def test_a_number_is_real_and_finite(kind, name, bad):
    rule = kind.RULES[name].meaning
    if (bad is None and "None" in rule) or (bad == math.inf and "infinity" in rule):
        made(kind, **{name: bad})
        return
    with pytest.raises(UsageError, match=f"^{kind.__name__}.{name} "):
        made(kind, **{name: bad})


WHOLE = [param for param in NUMBERS if "whole" in param.values[0].RULES[param.values[1]].meaning]


@pytest.mark.parametrize(("kind", "name"), WHOLE)
def test_a_whole_number_has_no_fraction_and_fits_into_an_int(kind, name):
    for good in (3, np.int16(3), np.uint64(3), 3.0, np.float32(3.0)):
        value = getattr(made(kind, **{name: good}), name)
        assert (value, type(value)) == (3, int)
    for bad in (2.5, 2**31, -(2**31)):
        with pytest.raises(UsageError, match=f"^{kind.__name__}.{name} (must be a whole|is too large)"):
            made(kind, **{name: bad})


@pytest.mark.parametrize(("kind", "name"), [param for param in NUMBERS if param not in WHOLE])
@pytest.mark.parametrize("good", [3, np.int8(3), np.float32(3.0), np.float64(3.0), np.array(3.0), Fraction(3)],
                         ids=lambda good: type(good).__name__)  # fmt: skip
def test_numbers_of_any_kind_become_floats(kind, name, good):
    value = getattr(made(kind, **{name: good}), name)
    assert (value, type(value)) == (3.0, float)


BOUNDS = {
    Beam: {"wavelength": "above zero", "fluence": "zero or more", "flux": "zero or more", "exposure": "zero or more"},
    UnitCell: {"a": "above zero", **dict.fromkeys(("b", "c", "alpha", "beta", "gamma"), "zero or more")},
    Crystal: {"fudge": "zero or more"},
    Detector: {**dict.fromkeys(("pixel_size", "size_fast", "size_slow", "pixels_fast", "pixels_slow"), "above zero")},
    Sensor: {"thickness": "zero or more", "attenuation_depth": "above zero"},
    Sampling: dict.fromkeys(("dmin", "water", "cutoff"), "zero or more"),
    StructureFactors: {"reflections": "zero or more", "friedel_pairs": "zero or more"},
}


@pytest.mark.parametrize(("kind", "name"), NUMBERS)
def test_numbers_have_the_bounds_of_the_flags_that_set_them(kind, name):
    bound = BOUNDS.get(kind, {}).get(name)
    for value in (-1, 0):
        if bound is None or (value == 0 and bound == "zero or more"):
            assert getattr(made(kind, **{name: value}), name) == value
        else:
            with pytest.raises(UsageError, match=rf"^{kind.__name__}\.{name} must be .*{bound}.*, not {value}$"):
                made(kind, **{name: value})


# --- one by one -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("make", "message"), [
    (lambda: Beam(wavelength=-1), "Beam.wavelength must be a number above zero, or None, not -1"),
    (lambda: Beam(polarization=1), "Beam.polarization must be True or False, not 1"),
    (lambda: Beam(dispersion=0.1), "Beam.dispersion must be a Spread, not 0.1"),
    (lambda: Crystal(misset=(1, 2)),
     "Crystal.misset must be three values, each a number, or None, not (1, 2)"),
    (lambda: Crystal(shape="cube"), "Crystal.shape must be square, round, gauss or tophat, not 'cube'"),
    (lambda: LabFrame(convention=3),
     "LabFrame.convention must be custom, adxv, mosflm, xds, dials or denzo, not 3"),
    (lambda: LabFrame(beam=(0, 0, 0)), "LabFrame.beam 0 0 0 has no direction"),
    (lambda: UnitCell(50, 50, 50, 60, 60, 120), "UnitCell: the angles 60 60 120 enclose no volume"),
    (lambda: UnitCell(50, alpha=1e200), "UnitCell.alpha is too large to compute with: 1e+200"),
    (lambda: Sampling(roi=(0, 1, 0.5, 2)),
     "Sampling.roi must be four values, each a whole number, or None, not (0, 1, 0.5, 2)"),
    (lambda: Detector(beam_center="ab"),
     "Detector.beam_center must be two values, each a number, or None, not 'ab'"),
    (lambda: Detector(size_fast=0.04, size_slow=1),
     "Detector.size_fast: the detector holds no pixel; it is smaller than half a Detector.pixel_size"),
    (lambda: Detector(pixels_fast=2 * 10**9, pixels_slow=2 * 10**9),
     "Detector.pixels_fast, Detector.size_fast, Detector.pixel_size: 2e+09 x 2e+09 pixels are too many"),
    (lambda: Detector(pixel_size=75e-6),
     "Detector.pixels_fast, Detector.size_fast, Detector.pixel_size: 1.36533e+06 x 1.36533e+06 pixels are too many; "
     "Detector.pixel_size=7.5e-05 is read in mm: 7.5e-05 m would be 0.075"),
    (lambda: Experiment(crystal=UnitCell(100)), "Experiment.crystal must be a Crystal, not UnitCell(a=100.0"),
])  # fmt: skip
def test_a_refusal_says_what_is_needed_and_what_was_given(make, message):
    with pytest.raises(UsageError, match=f"^{re.escape(message)}"):
        make()


@pytest.mark.parametrize("member", CrystalShape)
def test_a_crystal_shape_goes_by_its_name_or_nanobraggs_word_for_it(member):
    for word in (member, member.name, member.name.lower(), member.name.title(), member.value, member.value.upper()):
        assert Crystal(shape=word).shape is member


def test_conventions_and_pivots_go_by_their_names():
    for member in Convention:
        assert LabFrame(convention=member.value).convention is LabFrame(convention=member.name).convention is member
    assert LabFrame(pivot="sample").pivot is Pivot.SAMPLE
    assert LabFrame(pivot="BEAM").pivot is Pivot.BEAM


def test_lists_and_arrays_become_tuples():
    crystal = Crystal(cells=[5, 6, 7], misset=np.array([1, 2, 3]), size=(np.float32(0.5), 0, 1))
    assert (crystal.cells, crystal.misset, crystal.size) == ((5, 6, 7), (1.0, 2.0, 3.0), (0.5, 0.0, 1.0))
    assert {type(value) for value in crystal.misset} == {float}
    assert Detector(beam_center=[None, 3]).beam_center == (None, 3.0)
    assert Sampling(roi=np.arange(4)).roi == (0, 1, 2, 3)


def test_a_truth_value_may_be_numpys():
    assert Detector(curved=np.bool_(True)).curved is True


@given(alpha=st.floats(1, 179), beta=st.floats(1, 179), gamma=st.floats(1, 179))
def test_angles_are_refused_exactly_where_they_enclose_no_volume(alpha, beta, gamma):
    a, b, c = (math.cos(math.radians(angle)) for angle in (alpha, beta, gamma))
    squared_volume = 1 - a * a - b * b - c * c + 2 * a * b * c
    if abs(squared_volume) < 1e-9:  # the last bits decide
        return
    if squared_volume > 0 and alpha + beta + gamma < 360:
        UnitCell(100, alpha=alpha, beta=beta, gamma=gamma)
    else:
        with pytest.raises(UsageError, match="enclose no volume"):
            UnitCell(100, alpha=alpha, beta=beta, gamma=gamma)


# --- equality, copies, changes --------------------------------------------------------------------------------------


def full_experiment() -> Experiment:
    """One with every array that there is."""
    factors = StructureFactors(np.arange(24.0).reshape(2, 3, 4), -1, 0, 2, reflections=24)
    return Experiment(
        Crystal(UnitCell(100), reciprocal_matrix=np.diag([0.1, 0.2, 0.3]), structure_factors=factors, shape="gauss"),
        Beam(sources=[[-10, 0, 0, 1, 1.5], [-10, 1, 0, math.nan, math.nan]]),
        Detector(mask=np.eye(4, dtype=int), pixels_fast=4, pixels_slow=4, frame=LabFrame(pivot="sample")),
        Sampling(phi_steps=3),
    )


def test_descriptions_are_equal_by_content_and_go_into_sets():
    one, other = full_experiment(), full_experiment()
    assert one is not other
    assert one == other
    assert len({one, other, Experiment()}) == 2
    assert one != "something else"


@pytest.mark.parametrize("path", [
    ("crystal", "reciprocal_matrix", np.diag([0.1, 0.2, 0.4])),
    ("crystal", "structure_factors", StructureFactors(np.arange(24.0).reshape(2, 3, 4), -1, 0, 3, reflections=24)),
    ("crystal", "structure_factors", StructureFactors(np.arange(24.0).reshape(2, 4, 3), -1, 0, 2, reflections=24)),
    ("beam", "sources", [[-10, 0, 0, 1, 1.5], [-10, 1, 0, 1.0, math.nan]]),
    ("detector", "mask", np.ones((4, 4), dtype=int)),
    ("beam", "wavelength", 2.0),
])  # fmt: skip
def test_another_number_makes_another_description(path):
    part, name, value = path
    one = full_experiment()
    changed = dataclasses.replace(getattr(one, part), **{name: value})
    other = dataclasses.replace(one, **{part: changed})
    assert other != one
    assert hash(other) != hash(one)


def test_a_beam_with_a_spectrum_goes_to_another_process():
    beam = Beam(spectrum=Spectrum(wavelengths=[1.0, 1.01], weights=[1.0, 2.0]))
    assert pickle.loads(pickle.dumps(beam)) == copy.deepcopy(beam) == beam


@pytest.mark.parametrize("way", [copy.deepcopy, copy.copy, lambda one: pickle.loads(pickle.dumps(one))],
                         ids=["deep copy", "copy", "another process"])  # fmt: skip
def test_copies_are_equal_and_as_well_protected(way):
    one = full_experiment()
    hash(one)
    other = way(one)
    assert other == one
    for array in (other.crystal.structure_factors.amplitudes, other.crystal.reciprocal_matrix, other.beam.sources,
                  other.detector.mask):  # fmt: skip
        assert not array.flags.writeable
    assert np.array_equal(other.crystal.structure_factors.table, one.crystal.structure_factors.table)


def test_fields_can_not_be_assigned():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Beam().wavelength = 2.0


def test_one_entry_at_a_time_is_checked_for_itself_and_the_whole_at_the_end():
    # 0.3 pixels of 300 mm, until the detector grows
    growing = with_entry(Detector(), "pixel_size", 300)
    assert (growing.pixel_size, growing.size_fast) == (300.0, 102.4)
    with pytest.raises(UsageError, match="holds no pixel"):
        dataclasses.replace(growing)
    grown = with_entry(with_entry(growing, "size_fast", 1000), "size_slow", 1000)
    assert dataclasses.replace(grown) == Detector(pixel_size=300, size_fast=1000, size_slow=1000)
    with pytest.raises(UsageError, match=r"^Detector\.pixel_size must be a number above zero, not 0$"):
        with_entry(Detector(), "pixel_size", 0)
