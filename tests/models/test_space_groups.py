"""Space groups: their names, equivalent reflections, absences."""

from __future__ import annotations

import gemmi
import numpy as np
import pytest
from crystals import I222, SmallCrystal, as_dict
from reflection_files import CELL, write_mtz

from nbnumba.errors import InputFileError, UsageError
from nbnumba.models.assemble import expand_list
from nbnumba.models.symmetry import find_space_group


def unique(crystal: SmallCrystal, d_min: float = 1.6) -> tuple[np.ndarray, np.ndarray]:
    """One asymmetric unit of reflections, with the complex sums over atoms."""
    group = gemmi.SpaceGroup(crystal.symbol)
    hkl = gemmi.make_miller_array(gemmi.UnitCell(*crystal.edges, 90, 90, 90), group, d_min)
    return hkl, crystal.structure_factors(hkl)


@pytest.mark.parametrize(("name", "expected"), [
    ("P212121", "P 21 21 21"), ("p 21 21 21", "P 21 21 21"), ("19", "P 21 21 21"), (" C2 ", "C 1 2 1"),
    ("P 1 21 1", "P 1 21 1"), ("R3", "R 3:H"), ("R 3:R", "R 3:R"), ("P 2ac 2ab", "P 21 21 21"), ("1", "P 1"),
    ("Fm-3m", "F m -3 m"), ("P 2ac 2ab (x,y,z+1/8)", "P 2ac 2ab (x,y,z+1/8)"),
])  # fmt: skip
def test_symbols_hall_symbols_and_numbers_name_space_groups(name, expected):
    assert find_space_group(name).name == expected


def test_hall_and_hermann_mauguin_symbols_mean_the_same_operations():
    assert find_space_group("P 2ac 2ab").operations == find_space_group("P212121").operations


def test_the_cell_chooses_between_hexagonal_and_rhombohedral_axes():
    assert find_space_group("R3", (50.0, 50.0, 50.0, 80.0, 80.0, 80.0)).name == "R 3:R"
    assert find_space_group("R3", (50.0, 50.0, 90.0, 90.0, 90.0, 120.0)).name == "R 3:H"


@pytest.mark.parametrize("name", [
    "nonsense", "", " ", "0", "231", "99999999999", "-1.5", "P21 21", "Q 1", "é", "P\n1x",
])  # fmt: skip
def test_what_is_no_space_group_is_refused_in_one_line(name):
    with pytest.raises(UsageError, match=r"^spacegroup '.*is no space group; give its symbol") as refusal:
        find_space_group(name)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("crystal", [SmallCrystal(), SmallCrystal(symbol="I 2 2 2", symmetry=tuple(I222))],
                         ids=["P212121", "I222"])  # fmt: skip
@pytest.mark.parametrize("cell", [None, CELL], ids=["no cell", "cell"])
def test_a_unique_list_expands_to_the_direct_sums_of_p1(crystal, cell):
    hkl, F = unique(crystal)  # noqa: N806
    found = expand_list(hkl, np.abs(F), crystal.symbol, cell)
    expected = np.abs(crystal.structure_factors(found.hkl))
    listed = np.abs(found.hkl) @ np.ones(3) > 0
    # sums of 16 or 32 terms in another order; absences are exactly zero
    assert found.amplitudes[listed] == pytest.approx(expected[listed], rel=1e-9, abs=1e-9)
    if cell is not None:
        # nothing is missing down to the finest spacing of the list, absences included
        finest = gemmi.UnitCell(*cell).calculate_d_array(hkl).min()
        whole = gemmi.make_miller_array(gemmi.UnitCell(*cell), gemmi.SpaceGroup("P 1"), finest - 1e-5, unique=False)
        assert len(found.hkl) == len(whole)


def test_expansion_equals_that_of_gemmi(tmp_path):
    crystal = SmallCrystal(symbol="I 2 2 2", symmetry=tuple(I222))
    hkl, F = unique(crystal)  # noqa: N806
    path = write_mtz(tmp_path / "x.mtz", hkl, {("F", "F"): np.abs(F)}, crystal.symbol)
    mtz = gemmi.read_mtz_file(str(path))
    mtz.expand_to_p1()
    theirs = as_dict(mtz.make_miller_array(), mtz.column_with_label("F").array)
    found = expand_list(hkl, np.abs(F), crystal.symbol)
    ours = {index: value for index, value in as_dict(found.hkl, found.amplitudes).items() if value > 0.0}
    # gemmi lists one of two Friedel mates, as float32
    assert {max(index, tuple(-i for i in index)) for index in ours} == {
        max(index, tuple(-i for i in index)) for index in theirs
    }
    assert [ours[index] for index in theirs] == pytest.approx(list(theirs.values()), rel=1e-6)


@pytest.mark.parametrize("name", ["P1", "P 3 2 1", "P 61 2 2", "I 41 3 2", "R 3:H", "F d -3 m", "C 1 2/c 1", "P -1"])
def test_amplitudes_follow_the_operations_of_any_space_group(name):
    # a function of h that is symmetric by construction: the sum over the images of a reflection
    operations = gemmi.SpaceGroup(name).operations()
    rng = np.random.default_rng(1)
    hkl = np.unique(rng.integers(-4, 5, (30, 3)), axis=0).astype(np.int32)
    values = rng.uniform(1.0, 2.0, len(hkl))
    found = as_dict(*_amplitudes(expand_list(hkl[:1], values[:1], name)))
    images = {tuple(op.apply_to_hkl(hkl[0].tolist())) for op in operations.sym_ops}
    images |= {tuple(-i for i in image) for image in images}
    absent = operations.is_systematically_absent(hkl[0].tolist())
    assert {index for index, value in found.items() if value > 0.0} == (set() if absent else images)


def _amplitudes(reflections):
    return reflections.hkl, reflections.amplitudes


def test_listed_values_stay_and_anomalous_mates_stay_apart():
    hkl = np.array([[1, 2, 3], [-1, -2, -3], [2, 1, 1], [2, 1, 1]])
    found = as_dict(*_amplitudes(expand_list(hkl, np.array([10.0, 11.0, 5.0, 7.0]), "P222")))
    # rotations keep the hand, so the mates of one hand share a value
    assert found[1, -2, -3] == found[-1, 2, -3] == found[-1, -2, 3] == 10.0
    assert found[-1, 2, 3] == found[1, -2, 3] == found[1, 2, -3] == 11.0
    # the last of repeated reflections counts; without a mate of its own Friedel's law gives one
    assert found[2, 1, 1] == found[-2, -1, -1] == 7.0
    assert len(found) == 16


def test_absences_without_a_cell_are_zeros_within_the_index_ranges():
    found = expand_list(np.array([[0, 0, 2], [1, 1, 0]]), np.array([4.0, 3.0]), "I 1 2 1")
    values = as_dict(*_amplitudes(found))
    assert values[0, 0, 1] == values[1, 0, 0] == values[0, 1, 0] == 0.0
    assert values[0, 0, -2] == 4.0
    # not listed and not absent: a hole for the default amplitude
    assert (1, 0, 1) not in values


def test_absences_that_the_list_denies_are_counted():
    found = expand_list(np.array([[0, 0, 1], [0, 0, 2]]), np.array([4.0, 3.0]), "P 21 21 21")
    facts = dict(found.facts)
    assert facts["space group"].endswith("with F = 0, 2 in place of another value")
    assert as_dict(*_amplitudes(found))[0, 0, 1] == 0.0


def test_f_of_000_can_be_given_and_counts_once():
    found = expand_list(np.array([[0, 0, 0], [1, 1, 1]]), np.array([4.0, 3.0]), "P1", F000=9.0)
    assert as_dict(*_amplitudes(found)) == {(-1, -1, -1): 3.0, (0, 0, 0): 9.0, (1, 1, 1): 3.0}
    assert dict(found.facts)["F(0,0,0)"] == "9 electrons"
    assert dict(found.facts)["reflections"] == "3 in P1, 1 Friedel pairs, 0 of them with two values"


@pytest.mark.parametrize("cell", [(0, 0, 0, 90, 90, 90), (10, 10, 10, 10, 10, 170), (10, 10, 10)])
def test_cells_without_volume_are_refused(cell):
    with pytest.raises(UsageError, match=r"^cell \(.*\): must be a, b, c in Å and angles in degrees that enclose a"):
        expand_list(np.array([[1, 2, 3]]), np.array([1.0]), "P1", cell)


def test_a_sphere_too_large_for_the_machine_is_refused():
    with pytest.raises(UsageError, match=r"^hkl: the resolution .*: a cell of 1e\+18 Å³ needs "):
        expand_list(np.array([[500_000, 0, 0]]), np.array([1.0]), "P1", (1e6, 1e6, 1e6, 90.0, 90.0, 90.0))


@pytest.mark.parametrize("index", [600_000, 2_000_000_000])
def test_indices_too_large_to_sort_are_refused(index):
    with pytest.raises(InputFileError, match="hkl: a Miller index is larger than 524287"):
        expand_list(np.array([[index, 0, 0]]), np.array([1.0]), "P1")


def test_index_ranges_too_large_for_the_machine_are_refused():
    with pytest.raises(InputFileError, match=r"F.hkl: the index ranges \(1000001 x 1000001 x 1000001\) need"):
        expand_list(np.array([[500_000, 500_000, 500_000]]), np.array([1.0]), "P1", name="F.hkl")
