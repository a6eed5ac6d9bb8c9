"""Structure factors of models: against direct sums over the atoms, and against the shipped list of Er-1."""

from __future__ import annotations

from dataclasses import replace

import gemmi
import numpy as np
import pytest
from crystals import C2, I222, SmallCrystal, as_dict, form_factor
from golden import ROOT

from nbnumba.io.hkl import read_reflections
from nbnumba.models.density import dispersion
from nbnumba.models.options import Solvent, SourceOptions
from nbnumba.models.read import read_contents, read_source

ER1 = ROOT / "nbnumba" / "data" / "er1"
NO_SOLVENT = Solvent(k_sol=0.0)
FFT_ERROR = 2e-3
"""Electrons: the grid's sampling and the ends of the atoms leave half of it; gemmi's defaults 25 times as much."""


@pytest.fixture
def calculated(tmp_path):
    """Calculates a small crystal, from a PDB file."""

    def calculate(crystal: SmallCrystal, **options: object):
        (tmp_path / "m.pdb").write_text(crystal.pdb())
        return read_source(tmp_path / "m.pdb", SourceOptions(**{"d_min": 1.4, "solvent": NO_SOLVENT, **options}))

    return calculate


@pytest.fixture(scope="module")
def er1():
    return gemmi.read_structure(str(ER1 / "2ERL.pdb.gz"))


def some(hkl: np.ndarray, count: int = 20) -> np.ndarray:
    """Reflections from all over the list."""
    return hkl[:: max(len(hkl) // count, 1)]


@pytest.mark.parametrize("crystal", [
    SmallCrystal(), SmallCrystal(symbol="I 2 2 2", symmetry=tuple(I222)),
    SmallCrystal(symbol="P 1", symmetry=tuple(I222[:1])),
], ids=["P212121", "I222", "P1"])  # fmt: skip
def test_amplitudes_equal_direct_sums_over_the_atoms(calculated, crystal):
    found = calculated(crystal)
    assert np.abs(found.amplitudes - np.abs(crystal.structure_factors(found.hkl))).max() < FFT_ERROR


def test_a_centred_cell_lists_its_absences_as_zeros(calculated):
    crystal = SmallCrystal(symbol="I 2 2 2", symmetry=tuple(I222))
    found = calculated(crystal)
    absent = found.hkl.sum(axis=1) % 2 == 1
    # the direct sum vanishes there, but for rounding
    assert np.abs(crystal.structure_factors(found.hkl[absent])).max() < 1e-10
    assert (found.amplitudes[absent] == 0.0).all()
    assert len(found.hkl) == len(calculated(replace(crystal, symbol="P 1")).hkl)
    assert ("space group", f"I 2 2 2: {absent.sum()} systematic absences are listed with F = 0") in found.facts


def test_anomalous_scattering_parts_friedel_mates_as_the_direct_sum_says(calculated):
    # just above the K edge of iron
    wavelength = 1.7
    crystal = SmallCrystal()
    energy = 12398.42 / wavelength
    dispersion = {
        atom.element: gemmi.cromer_liberman(gemmi.Element(atom.element).atomic_number, energy) for atom in crystal.atoms
    }
    assert dispersion["Fe"][1] > 3.0
    found = calculated(crystal, wavelength=wavelength)
    expected = np.abs(crystal.structure_factors(found.hkl, dispersion))
    assert np.abs(found.amplitudes - expected).max() < FFT_ERROR
    values, mates = as_dict(found.hkl, found.amplitudes), as_dict(-found.hkl, found.amplitudes)
    assert max(abs(values[index] - mates[index]) for index in values) > 1.0
    (text,) = [text for label, text in found.facts if label == "f', f''"]
    assert text.startswith("at 1.7 Å in electrons: Fe ")


def test_dispersion_is_that_of_the_tables_for_copper_radiation(tmp_path):
    (tmp_path / "m.pdb").write_text(SmallCrystal().pdb())
    contents = read_contents(tmp_path / "m.pdb")
    # International Tables C, 4.2.6.8, Cu K alpha; they add relativistic terms of another kind: 0.1 electrons for iron
    table = {"Fe": (-1.134, 3.197), "S": (0.319, 0.557), "O": (0.049, 0.032), "C": (0.018, 0.009)}
    found = dispersion(contents, 1.5418)
    assert found == {
        name: (pytest.approx(f1, abs=0.1), pytest.approx(f2, abs=0.05)) for name, (f1, f2) in table.items()
    }
    assert dispersion(contents, None) == {}


def test_f_of_000_is_the_number_of_electrons(calculated):
    crystal = SmallCrystal()
    electrons = sum(atom.occupancy * gemmi.Element(atom.element).atomic_number for atom in crystal.atoms) * 4
    found = calculated(crystal)
    values = as_dict(found.hkl, found.amplitudes)
    # form factors at s = 0 differ from Z by up to 0.02 electrons an atom
    assert values[0, 0, 0] == pytest.approx(electrons, abs=0.02 * 16)
    assert ("F(0,0,0)", f"{values[0, 0, 0]:g} electrons") in found.facts
    assert as_dict(*_listed(calculated(crystal, F000=5.5)))[0, 0, 0] == 5.5


def _listed(found):
    return found.hkl, found.amplitudes


def test_er1_equals_the_shipped_list():
    found = read_source(ER1 / "2ERL.pdb.gz", SourceOptions(d_min=1.5, solvent=NO_SOLVENT))
    values = as_dict(*_listed(found))
    hkl, reference = read_reflections(ER1 / "er1_P1.hkl")
    ours = np.array([values[tuple(index)] for index in hkl.tolist()])
    # the list has two decimals and gemmi's default cutoff of densities
    assert np.sqrt(np.square(ours - reference).sum() / np.square(reference).sum()) < 1e-3
    listed = set(map(tuple, hkl.tolist()))
    assert all(value == 0.0 for index, value in values.items() if index not in listed)


def test_er1_with_its_anisotropic_atoms_equals_direct_sums(er1):
    found = read_source(ER1 / "2ERL.pdb.gz", SourceOptions(d_min=1.5, solvent=NO_SOLVENT))
    hkl = some(found.hkl[found.amplitudes > 0.0])
    values = as_dict(*_listed(found))
    for index, expected in zip(hkl.tolist(), np.abs(_er1_direct(er1, hkl)), strict=True):
        assert values[tuple(index)] == pytest.approx(expected, abs=FFT_ERROR)


def _er1_direct(structure: gemmi.Structure, hkl: np.ndarray) -> np.ndarray:
    """The sum over all atoms of the C2 cell, with anisotropic displacements."""
    to_fractional = np.array(structure.cell.frac.mat.tolist())
    total = np.zeros(len(hkl), dtype=complex)
    for site in structure[0].all():
        atom, u = site.atom, site.atom.aniso
        tensor = np.array([[u.u11, u.u12, u.u13], [u.u12, u.u22, u.u23], [u.u13, u.u23, u.u33]])
        position = to_fractional @ np.array(atom.pos.tolist())
        for rotation, translation in C2:
            s = (hkl @ rotation) @ to_fractional
            s_squared = np.square(s).sum(axis=1)
            damping = (
                np.exp(-2.0 * np.pi**2 * np.einsum("ni,ij,nj->n", s, tensor, s)) if u.nonzero()
                else np.exp(-atom.b_iso * s_squared / 4.0)
            )  # fmt: skip
            f = form_factor(atom.element.name, s_squared) * atom.occ
            total += f * damping * np.exp(2j * np.pi * (hkl @ (rotation @ position + translation)))
    return total


# --- bulk solvent -----------------------------------------------------------------------------------------------------


def test_bulk_solvent_adds_its_electrons_at_000_and_nothing_at_high_resolution(calculated):
    crystal = SmallCrystal(edges=(31.0, 33.0, 37.0))
    without, with_solvent = calculated(crystal, d_min=2.0), calculated(crystal, d_min=2.0, solvent=Solvent(0.4, 100.0))
    (text,) = [text for label, text in with_solvent.facts if label == "bulk solvent"]
    fraction = float(text.split(" %")[0]) / 100.0
    # 16 atoms of some 60 Å³ each, probe included, in 38 000 Å³
    assert 0.9 < fraction < 1.0
    ours, theirs = as_dict(*_listed(with_solvent)), as_dict(*_listed(without))
    electrons = 0.4 * fraction * 31.0 * 33.0 * 37.0
    # the fraction is printed with three digits
    assert ours[0, 0, 0] - theirs[0, 0, 0] == pytest.approx(electrons, rel=2e-3)
    # exp(-100/4/4) times the transform of holes in water
    assert ours[14, 3, 4] == pytest.approx(theirs[14, 3, 4], abs=0.3)
    # holes in water scatter against the atoms in them
    low = [(1, 1, 0), (0, 1, 1), (1, 0, 1), (1, 1, 1), (2, 0, 0)]
    assert sum(ours[h] for h in low) < sum(theirs[h] for h in low)


def test_the_solvent_of_a_water_filled_sphere_follows_its_transform(tmp_path):
    # one atom in a large cell: the mask is the cell without a sphere of its radius, shrunk probe and all
    crystal = SmallCrystal(edges=(20.0, 20.0, 20.0), symbol="P 1", symmetry=tuple(C2[:1]),
                           atoms=(replace(SmallCrystal().atoms[1], position=(0.5, 0.5, 0.5)),))  # fmt: skip
    (tmp_path / "m.pdb").write_text(crystal.pdb())
    options = {"d_min": 4.0, "F000": None}
    wet = read_source(tmp_path / "m.pdb", SourceOptions(solvent=Solvent(0.35, 46.0), **options))
    (text,) = [text for label, text in wet.facts if label == "bulk solvent"]
    values = as_dict(*_listed(wet))
    atom = as_dict(wet.hkl, crystal.structure_factors(wet.hkl))
    # radius of the hole from the water that is missing at 0 0 0
    hole = 20.0**3 - (values[0, 0, 0] - abs(atom[0, 0, 0])) / 0.35
    radius = (hole * 3.0 / (4.0 * np.pi)) ** (1.0 / 3.0)
    for index in ((1, 0, 0), (1, 1, 0), (2, 1, 0)):
        s = np.linalg.norm(index) / 20.0
        x = 2.0 * np.pi * s * radius
        sphere = 4.0 * np.pi * radius**3 * (np.sin(x) - x * np.cos(x)) / x**3
        water = -0.35 * np.exp(-46.0 * s * s / 4.0) * sphere * np.exp(1j * np.pi * sum(index))
        # the mask's sphere is made of cubes of 0.4 Å
        assert values[index] == pytest.approx(abs(atom[index] + water), rel=0.02)
    assert text.endswith("k_sol 0.35 electrons/Å³, b_sol 46 Å²")


# --- scale and copies -------------------------------------------------------------------------------------------------


def test_a_model_is_on_an_absolute_scale(er1):
    found = read_source(ER1 / "2ERL.pdb.gz", SourceOptions(d_min=1.5))
    (text,) = [text for label, text in found.facts if label == "absolute scale"]
    # real molecules are not random: Wilson's mean is met within some percent
    assert float(text.split()[3]) == pytest.approx(1.0, abs=0.1)


def test_strict_ncs_copies_are_part_of_the_contents(tmp_path):
    single = SmallCrystal(symbol="P 1", symmetry=tuple(C2[:1]))
    matrices = ["MTRIX1   1  1.000000  0.000000  0.000000        0.00000    1",
                "MTRIX2   1  0.000000  1.000000  0.000000        0.00000    1",
                "MTRIX3   1  0.000000  0.000000  1.000000        0.00000    1",
                "MTRIX1   2  1.000000  0.000000  0.000000        2.20000",
                "MTRIX2   2  0.000000  1.000000  0.000000        3.90000",
                "MTRIX3   2  0.000000  0.000000  1.000000        6.80000"]  # fmt: skip
    cryst1, *atoms = single.pdb().splitlines()
    (tmp_path / "m.pdb").write_text("\n".join((cryst1, *matrices, *atoms, "")))
    found = read_source(tmp_path / "m.pdb", SourceOptions(d_min=1.4, solvent=NO_SOLVENT))
    phase = np.exp(2j * np.pi * (found.hkl @ np.array([2.2 / 11.0, 3.9 / 13.0, 6.8 / 17.0])))
    expected = np.abs(single.structure_factors(found.hkl) * (1.0 + phase))
    assert np.abs(found.amplitudes - expected).max() < FFT_ERROR
