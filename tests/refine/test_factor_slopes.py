"""Derivatives by the structure factors of single reflections: those of images, and what they add up to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from refine.experiments import FACTORS, experiment

from nbnumba import Experiment, StructureFactors, lower
from nbnumba.errors import UsageError
from nbnumba.refine import PixelModel

SOME = np.array([(p, s, f) for p in range(2) for s in range(7) for f in range(8)])[::3]
"""Pixels of both panels."""


def with_table(start: Experiment, table: np.ndarray) -> Experiment:
    factors = StructureFactors(table, -10, -11, -12)
    return replace(start, crystal=replace(start.crystal, structure_factors=factors))


def photons(start: Experiment) -> np.ndarray:
    model = PixelModel(start, ["scale"], SOME)
    return model(model.start)


@pytest.mark.parametrize("fields", [{}, {"shape": "square", "water": 0.05}, {"shape": "round", "dmin": 4.0}])
def test_columns_are_the_differences_of_images(fields):
    start, table = experiment(**fields), np.array(FACTORS.amplitudes)
    model = PixelModel(start, ["scale"], SOME, threads=2)
    matrix, indices = model.structure_factor_slopes(model.start)
    brightest = photons(start).max()
    strength = np.asarray(np.abs(matrix).max(axis=0).todense()).ravel()
    for column in np.argsort(-strength)[[0, 1, 5, len(strength) // 2]]:
        place = tuple(indices[column] + [10, 11, 12])
        up, down = table.copy(), table.copy()
        up[place] += 1.0
        down[place] -= 1.0
        # an image is quadratic in F: its differences are the derivatives but for roundings
        difference = (photons(with_table(start, up)) - photons(with_table(start, down))) / 2.0
        found = matrix[:, [column]].toarray().ravel()
        np.testing.assert_allclose(found, difference, rtol=0.0, atol=1e-14 * brightest)
        assert strength[column] > 0.0


def test_amplitudes_times_slopes_are_twice_the_photons_of_the_table():
    # an image without default_F is homogeneous in F, of degree two
    start = experiment()
    start = replace(start, crystal=replace(start.crystal, default_F=0.0))
    model = PixelModel(start, ["scale", "B"], SOME)
    x = model.start + 0.2
    matrix, indices = model.structure_factor_slopes(x)
    factors = lower(model.experiment(x)).params.factors
    table = factors.amplitudes.reshape(factors.h_size, factors.k_size, factors.l_size)
    amplitudes = table[tuple((indices - [factors.h_min, factors.k_min, factors.l_min]).T)]
    np.testing.assert_allclose(matrix @ amplitudes, 2.0 * model(x), rtol=1e-12)


def test_reflections_of_zero_amplitude_have_no_column():
    table = np.array(FACTORS.amplitudes)
    model = PixelModel(with_table(experiment(), table), ["scale"], SOME)
    matrix, indices = model.structure_factor_slopes(model.start)
    strongest = indices[int(np.asarray(np.abs(matrix).sum(axis=0)).argmax())]
    table[tuple(strongest + [10, 11, 12])] = 0.0
    without = PixelModel(with_table(experiment(), table), ["scale"], SOME)
    _, left = without.structure_factor_slopes(without.start)
    assert len(left) == len(indices) - 1
    assert strongest.tolist() not in left.tolist()


def test_rows_stand_in_the_order_of_the_pixels():
    shuffled = np.random.default_rng(2).permutation(len(SOME))
    model, other = (PixelModel(experiment(), ["scale"], pixels) for pixels in (SOME, SOME[shuffled]))
    matrix, indices = model.structure_factor_slopes(model.start)
    theirs, their_indices = other.structure_factor_slopes(other.start)
    np.testing.assert_array_equal(their_indices, indices)
    np.testing.assert_array_equal(theirs.toarray(), matrix.toarray()[shuffled])


def test_no_table_and_interpolation_are_refused():
    start = experiment()
    bare = replace(start, crystal=replace(start.crystal, structure_factors=None))
    for given, message in [(bare, "give one"), (experiment(interpolate=True), "no reflection's own")]:
        model = PixelModel(given, ["scale"], SOME)
        with pytest.raises(UsageError, match=message) as caught:
            model.structure_factor_slopes(model.start)
        assert "\n" not in str(caught.value)
