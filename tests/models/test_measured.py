"""Reflection data: which column is taken, what its values become, what is left out."""

from __future__ import annotations

import contextlib

import gemmi
import numpy as np
import pytest
from crystals import SmallCrystal, as_dict
from reflection_files import CELL, CIF_HEAD, cif_text, write_mtz

from nbnumba.errors import InputFileError, UsageError
from nbnumba.models.options import Solvent, SourceOptions
from nbnumba.models.read import read_contents, read_source

HKL = np.array([[1, 1, 1], [1, 2, 3], [2, 0, 4], [0, 3, 1], [0, 0, 2]])
COUNT = len(HKL)


@pytest.fixture
def mtz(tmp_path):
    """Writes columns, reads them back."""

    def call(columns: dict[tuple[str, str], list[float]], **options: object):
        path = write_mtz(tmp_path / "x.mtz", HKL, {key: np.array(values) for key, values in columns.items()})
        return read_source(path, SourceOptions(**options))

    return call


def values(reflections) -> dict[tuple[int, int, int], float]:
    return as_dict(reflections.hkl, reflections.amplitudes)


def constant(value: float) -> list[float]:
    return [value] * COUNT


# --- which column -----------------------------------------------------------------------------------------------------

OBSERVED, PLUS, MINUS = ("F", "F"), ("F(+)", "G"), ("F(-)", "G")
INTENSITY, I_PLUS, I_MINUS = ("I", "J"), ("I(+)", "K"), ("I(-)", "K")
CALCULATED, MAP, SIGMA = ("FC", "F"), ("FWT", "F"), ("SIGF", "Q")


@pytest.mark.parametrize(("labels", "taken"), [
    ((MAP, CALCULATED, I_PLUS, I_MINUS, INTENSITY, PLUS, MINUS, OBSERVED, SIGMA), "F (type F, amplitudes)"),
    ((MAP, CALCULATED, I_PLUS, I_MINUS, INTENSITY, PLUS, MINUS), "F(+), F(-) (type G, amplitudes)"),
    ((MAP, CALCULATED, I_PLUS, I_MINUS, INTENSITY), "I (type J, intensities)"),
    ((MAP, CALCULATED, I_PLUS, I_MINUS), "I(+), I(-) (type K, intensities)"),
    ((MAP, CALCULATED), "FC (type F, amplitudes)"),
    ((("F-model", "F"), ("F-obs", "F")), "F-obs (type F, amplitudes)"),
    ((("FC_ALL_LS", "F"), ("FP", "F")), "FP (type F, amplitudes)"),
])  # fmt: skip
def test_columns_are_chosen_by_type_observed_first(mtz, labels, taken):
    found = mtz({label: constant(4.0) for label in labels})
    assert dict(found.facts)["column"].split(";")[0] == taken


def test_the_report_names_the_columns_that_were_not_taken(mtz):
    found = mtz({label: constant(4.0) for label in (OBSERVED, PLUS, MINUS, INTENSITY, MAP)})
    assert dict(found.facts)["column"] == "F (type F, amplitudes); not taken: F(+), F(-); I; FWT"


@pytest.mark.parametrize(("wanted", "expected"), [("F(+)", 3.0), ("F(-)", 3.0), ("F(+), F(-)", 3.0), ("I", 2.0),
                                                  ("FWT", 7.0)])  # fmt: skip
def test_a_column_can_be_named(mtz, wanted, expected):
    columns = {OBSERVED: 5.0, PLUS: 3.0, MINUS: 1.0, INTENSITY: 4.0, MAP: 7.0}
    found = mtz({label: constant(value) for label, value in columns.items()}, column=wanted)
    assert values(found)[1, 2, 3] == expected


@pytest.mark.parametrize(("labels", "wanted", "message"), [
    ((OBSERVED, PLUS, MINUS), "FP", "column FP: .*x.mtz has no such column; choose from F; F(+), F(-)"),
    ((OBSERVED, SIGMA), "SIGF", "column SIGF: is neither amplitude nor intensity in .*x.mtz (type Q); choose from F"),
])  # fmt: skip
def test_a_column_that_can_not_be_taken_is_refused(mtz, labels, wanted, message):
    pattern = message.replace("(", r"\(").replace(")", r"\)").replace("+", r"\+")
    with pytest.raises(UsageError, match=f"^{pattern}$"):
        mtz({label: constant(4.0) for label in labels}, column=wanted)


def test_files_without_amplitudes_say_what_they_hold(mtz):
    with pytest.raises(InputFileError, match=r"no column of amplitudes or intensities, only H \(H\).* SIGF \(Q\)$"):
        mtz({SIGMA: constant(1.0)})
    with pytest.raises(InputFileError, match=r"only map coefficients and reals \(FWT\); name one with column$"):
        mtz({MAP: constant(1.0)})


# --- values -----------------------------------------------------------------------------------------------------------


def test_missing_values_are_left_out_and_counted(mtz):
    found = mtz({OBSERVED: [5.0, np.nan, -999.0, -1.0, 7.0]})
    assert dict(found.facts)["listed"] == "2 values; 3 left out (no number, -999 or negative)"
    listed = {index for index, value in values(found).items() if value > 0.0}
    assert (1, 1, 1) in listed
    assert not listed & {(1, 2, 3), (2, 0, 4), (0, 3, 1)}


def test_intensities_become_square_roots_and_negative_ones_zero(mtz):
    found = mtz({INTENSITY: [16.0, -3.0, -999.0, np.nan, 2.25]})
    assert dict(found.facts)["listed"] == "3 values; 2 left out (no number, -999)"
    assert dict(found.facts)["intensities"] == "F is the square root; 1 negative ones count as F = 0"
    amplitudes = values(found)
    assert (amplitudes[1, 1, 1], amplitudes[1, 2, 3], amplitudes[0, 0, 2]) == (4.0, 0.0, 1.5)
    assert (2, 0, 4) not in amplitudes


def test_anomalous_pairs_keep_the_hand_through_all_equivalents(mtz):
    plus, minus = [5.0, 6.0, 7.0, 8.0, 9.0], [4.0, 3.0, np.nan, np.nan, 2.0]
    amplitudes = values(mtz({PLUS: plus, MINUS: minus}))
    assert amplitudes[1, 1, 1] == amplitudes[-1, -1, 1] == amplitudes[-1, 1, -1] == amplitudes[1, -1, -1] == 5.0
    assert amplitudes[-1, -1, -1] == amplitudes[1, 1, -1] == amplitudes[1, -1, 1] == amplitudes[-1, 1, 1] == 4.0
    # half a pair gives its mate the same value
    assert amplitudes[0, 3, 1] == amplitudes[0, -3, -1] == 8.0
    assert dict(mtz({PLUS: plus, MINUS: minus}).facts)["listed"] == (
        "8 values; 2 left out (no number, -999 or negative); 2 pairs are halves: their mates take the same value"
    )


def test_data_with_anomalous_scattering_expand_to_the_direct_sums(tmp_path):
    crystal, dispersion = SmallCrystal(), {"Fe": (-2.0, 3.5), "S": (0.2, 0.5)}
    hkl = gemmi.make_miller_array(gemmi.UnitCell(*CELL), gemmi.SpaceGroup("P 21 21 21"), 1.5)
    plus, minus = (np.abs(crystal.structure_factors(sign * hkl, dispersion)) for sign in (1, -1))
    path = write_mtz(tmp_path / "x.mtz", hkl, {PLUS: plus, MINUS: minus})
    found = read_source(path, SourceOptions())
    expected = np.abs(crystal.structure_factors(found.hkl, dispersion))
    # the file's float32
    assert found.amplitudes == pytest.approx(expected, rel=1e-6, abs=1e-4)
    assert dict(found.facts)["completeness"].startswith("100 % of ")


def test_completeness_holes_and_the_gap_around_the_beam_are_reported(tmp_path):
    hkl = gemmi.make_miller_array(gemmi.UnitCell(*CELL), gemmi.SpaceGroup("P 21 21 21"), 2.0)
    spacings = gemmi.UnitCell(*CELL).calculate_d_array(hkl)
    inner, one = spacings > 6.0, np.argmin(np.abs(spacings - 3.0))
    kept = ~inner
    kept[one] = False
    lost = sum(map(_multiplicity, hkl[~kept]))
    found = read_source(write_mtz(tmp_path / "x.mtz", hkl[kept], {OBSERVED: constant_for(kept)}), SourceOptions())
    whole = sum(map(_multiplicity, hkl))
    facts = dict(found.facts)
    assert facts["completeness"] == (
        f"{100.0 * (1.0 - lost / whole):.4g} % of {whole} to {spacings[kept].min():.4g} Å; {lost} are missing: "
        "default_F stands there (0 unless it is set)"
    )
    gap = sum(map(_multiplicity, hkl[inner]))
    largest, first = spacings.max(), spacings[kept].max()
    assert facts["low resolution"] == (
        f"gap: {gap} reflections between {largest:.4g} Å and the first one listed, at {first:.4g} Å"
    )
    assert facts["F(0,0,0)"].startswith("not listed: default_F")


def constant_for(kept: np.ndarray) -> np.ndarray:
    return np.full(int(kept.sum()), 3.0)


def _multiplicity(hkl: np.ndarray) -> int:
    """Equivalents in point group mmm: every sign of every index that is not zero."""
    return int(2 ** np.count_nonzero(hkl))


def test_data_can_be_cut(mtz):
    spacings = gemmi.UnitCell(*CELL).calculate_d_array(HKL.astype(np.int32))
    found = mtz({OBSERVED: constant(3.0)}, d_min=float(spacings[0]))
    left = {index for index, value in values(found).items() if value > 0.0 and min(index) >= 0}
    assert left == {(1, 1, 1), (0, 0, 2)}


# --- where symmetry comes from ----------------------------------------------------------------------------------------


def test_a_space_group_is_needed_where_the_file_names_none_or_nonsense(cif):
    data = ["F_meas_au"], ["1 1 1 3.0"]
    unnamed, unknown = CIF_HEAD.split("_symmetry")[0], CIF_HEAD.replace("P 21 21 21", "X 9 9")
    with pytest.raises(InputFileError, match=r"x-sf.cif: names no space group: give spacegroup$"):
        cif(*data, unnamed)
    with pytest.raises(InputFileError, match=r"x-sf.cif: .*: give spacegroup$"):
        cif(*data, unknown)
    assert values(cif(*data, unnamed, spacegroup="P212121"))[-1, -1, 1] == 3.0


def test_another_space_group_than_the_files_is_refused_and_the_same_one_is_not(mtz):
    with pytest.raises(UsageError, match=r"^spacegroup P1: .*x.mtz has its own, P 21 21 21: change the file"):
        mtz({OBSERVED: constant(3.0)}, spacegroup="P1")
    assert values(mtz({OBSERVED: constant(3.0)}, spacegroup="P 2ac 2ab"))[-1, -1, 1] == 3.0


@pytest.mark.parametrize(("beta", "expected"), [(90.05, None), (90.5, "warning"), (95.0, "error")])
def test_a_cell_of_another_shape_than_its_space_group_is_a_warning_then_an_error(tmp_path, beta, expected):
    cell = (11.0, 13.0, 17.0, 90.0, beta, 90.0)
    path = write_mtz(tmp_path / "x.mtz", HKL, {OBSERVED: np.full(COUNT, 3.0)}, cell=cell)
    message = rf"x.mtz: the unit cell 11 13 17 Å 90 {beta:g} 90° does not have the shape that P 21 21 21 demands"
    with {
        "warning": pytest.warns(UserWarning, match=f"{message}$"), None: contextlib.nullcontext(),
        "error": pytest.raises(InputFileError, match=f"{message}: correct one of them$"),
    }[expected]:  # fmt: skip
        read_source(path, SourceOptions())


@pytest.mark.parametrize(("options", "name"), [
    ({"solvent": Solvent()}, "k_sol, b_sol"), ({"wavelength": 1.0}, "wavelength"),
])  # fmt: skip
def test_what_belongs_to_models_is_refused(mtz, options, name):
    with pytest.raises(UsageError, match=f"^{name}: .*x.mtz holds reflection data, and nothing is calculated"):
        mtz({OBSERVED: constant(3.0)}, **options)


# --- scale ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [1.0, 10.0])
def test_the_scale_is_compared_with_a_model(tmp_path, factor):
    from nbnumba.models.assemble import with_scale

    crystal = SmallCrystal()
    (tmp_path / "m.pdb").write_text(crystal.pdb())
    hkl = gemmi.make_miller_array(gemmi.UnitCell(*CELL), gemmi.SpaceGroup("P 21 21 21"), 1.2)
    data = {OBSERVED: factor * np.abs(crystal.structure_factors(hkl))}
    found = read_source(write_mtz(tmp_path / "x.mtz", hkl, data), SourceOptions())
    contents = read_contents(tmp_path / "m.pdb")
    if factor == 1.0:
        found = with_scale(found, contents)
    else:
        with pytest.warns(UserWarning, match=r"F is hardly in electrons: mean F² is \d+ times .*; F times 0\.\d+ "):
            found = with_scale(found, contents)
    ratio = float(dict(found.facts)["absolute scale"].split()[3])
    # four atoms are a small random sample
    assert ratio / factor**2 == pytest.approx(1.0, abs=0.15)


# --- structure factors in mmCIF ---------------------------------------------------------------------------------------


@pytest.fixture
def cif(tmp_path):
    """Writes a structure-factor mmCIF, reads it."""

    def call(tags: list[str], rows: list[str], head: str = CIF_HEAD, name: str = "x-sf.cif", **options: object):
        (tmp_path / name).write_text(cif_text(tags, rows, head))
        return read_source(tmp_path / name, SourceOptions(**options))

    return call


@pytest.mark.parametrize("name", ["r1abcsf.ent", "1abc-sf.cif", "x.mmcif"])
def test_structure_factor_mmcif_is_read_whatever_its_suffix(cif, name):
    found = cif(["status", "F_meas_au", "F_meas_sigma_au"], ["1 1 1 o 10.5 1", "1 1 2 o ? 1", "1 2 3 f 4 1"], name=name)
    amplitudes = values(found)
    assert (amplitudes[1, 1, 1], amplitudes[-1, 1, 1], amplitudes[1, -2, 3]) == (10.5, 10.5, 4.0)
    assert (1, 1, 2) not in amplitudes
    assert dict(found.facts)["listed"] == "2 values; 1 left out (no number, -999 or negative)"


def test_pairs_and_intensities_of_mmcif_are_those_of_mtz(cif):
    amplitudes = values(cif(["pdbx_F_plus", "pdbx_F_minus"], ["1 1 1 10 8", "1 2 3 5 ."]))
    assert (amplitudes[1, 1, 1], amplitudes[-1, -1, -1], amplitudes[-1, -2, -3]) == (10.0, 8.0, 5.0)
    assert values(cif(["intensity_meas"], ["1 1 1 16", "1 2 3 -1"]))[1, 2, 3] == 0.0


def test_one_block_of_several_is_taken_with_a_warning(tmp_path):
    second = cif_text(["F_meas_au"], ["1 1 1 99"], CIF_HEAD.replace("r1abcsf", "r1abcAsf"))
    (tmp_path / "x.cif").write_text(cif_text(["F_meas_au"], ["1 1 1 10"]) + second)
    with pytest.warns(UserWarning, match=r"x.cif: block r1abcsf of 2 with reflections is taken"):
        found = read_source(tmp_path / "x.cif", SourceOptions())
    assert values(found)[1, 1, 1] == 10.0
