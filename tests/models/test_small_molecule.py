"""Small-molecule CIF: special positions, and displacements along reciprocal axes."""

from __future__ import annotations

import gemmi
import numpy as np
import pytest
from crystals import form_factor

from nbnumba.errors import InputFileError
from nbnumba.models.options import Solvent, SourceOptions
from nbnumba.models.read import read_source

HEAD = """data_x
_cell_length_a {0}
_cell_length_b {1}
_cell_length_c {2}
_cell_angle_alpha {3}
_cell_angle_beta {4}
_cell_angle_gamma {5}
_symmetry_space_group_name_H-M '{6}'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_U_iso_or_equiv
_atom_site_occupancy
"""
IONS = "Na1 Na1+ 0 0 0 0.02 1\nCl1 Cl1- 0.5 0.5 0.5 0.03(1) 1\n"
ROCK_SALT = HEAD.format(5.64, 5.64, 5.64, 90, 90, 90, "F m -3 m") + IONS
OPTIONS = SourceOptions(d_min=0.9, solvent=Solvent(k_sol=0.0))
FFT_ERROR = 1e-2


def test_rock_salt_scatters_as_sum_and_difference_of_its_ions(tmp_path):
    (tmp_path / "salt.cif").write_text(ROCK_SALT)
    found = read_source(tmp_path / "salt.cif", OPTIONS)
    s_squared = np.square(found.hkl / 5.64).sum(axis=1)
    sodium = form_factor("Na", s_squared) * np.exp(-2.0 * np.pi**2 * 0.02 * s_squared)
    chlorine = form_factor("Cl", s_squared) * np.exp(-2.0 * np.pi**2 * 0.03 * s_squared)
    even, odd = (found.hkl % 2 == 0).all(axis=1), (found.hkl % 2 == 1).all(axis=1)
    expected = np.where(even, 4.0 * (sodium + chlorine), np.where(odd, 4.0 * np.abs(sodium - chlorine), 0.0))
    assert np.abs(found.amplitudes - expected).max() < FFT_ERROR
    assert found.amplitudes[~(even | odd)].max() == 0.0
    assert even.sum() + odd.sum() < len(found.hkl)
    facts = dict(found.facts)
    assert facts["model"].startswith("2 atoms, 8 in the cell with 112 electrons; ")
    # half of a quarter of the reflections is (4 Na + 4 Cl)², half (4 Na - 4 Cl)², the rest 0: the mean is 4 Na² + 4 Cl²
    assert float(facts["absolute scale"].split()[3]) == pytest.approx(1.0, abs=0.05)


def test_anisotropic_displacements_are_along_the_reciprocal_axes(tmp_path):
    cell, u = (6.0, 7.0, 8.0, 80.0, 95.0, 110.0), (0.05, 0.01, 0.03, 0.004, 0.007, -0.006)
    aniso = "loop_\n" + "".join(f"_atom_site_aniso_{tag}\n" for tag in (
        "label", "U_11", "U_22", "U_33", "U_12", "U_13", "U_23"
    )) + f"S1 {' '.join(map(str, u))}\n"  # fmt: skip
    (tmp_path / "x.cif").write_text(HEAD.format(*cell, "P 1") + "S1 S 0.1 0.2 0.3 0.03 1\n" + aniso)
    found = read_source(tmp_path / "x.cif", OPTIONS)
    unit_cell = gemmi.UnitCell(*cell)
    a, b, c = unit_cell.reciprocal().parameters[:3]
    h, k, l = found.hkl.T  # noqa: E741
    # International Tables: exp(-2 pi² (U11 h² a*² + ... + 2 U12 h k a* b* + ...))
    exponent = (u[0] * (h * a) ** 2 + u[1] * (k * b) ** 2 + u[2] * (l * c) ** 2
                + 2.0 * (u[3] * h * a * k * b + u[4] * h * a * l * c + u[5] * k * b * l * c))  # fmt: skip
    expected = form_factor("S", unit_cell.calculate_1_d2_array(found.hkl)) * np.exp(-2.0 * np.pi**2 * exponent)
    assert np.abs(found.amplitudes - expected).max() < FFT_ERROR


@pytest.mark.parametrize(("text", "message"), [
    (ROCK_SALT.replace("'F m -3 m'", "?"), "names no space group"), (ROCK_SALT.split("Na1")[0] + "_z 1\n", "CIF"),
    (ROCK_SALT.replace("5.64", "?"), "has no unit cell"),
    (ROCK_SALT.replace("0.5 0.5 0.5", "? 0.5 0.5"), "is no number"),
])  # fmt: skip
def test_incomplete_files_are_refused_in_one_line(tmp_path, text, message):
    (tmp_path / "x.cif").write_text(text)
    with pytest.raises(InputFileError, match=message):
        read_source(tmp_path / "x.cif", OPTIONS)
