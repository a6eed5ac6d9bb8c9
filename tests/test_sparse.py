"""Images from the spots that reach each pixel differ from the full sum by no more than the cutoff."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbnumba import (
    Background,
    Beam,
    Crystal,
    Detector,
    Experiment,
    Panel,
    Physics,
    UnitCell,
    UsageError,
    lower,
    simulate,
)
from nbnumba.config import CrystalShape, Sampling, Sensor, Spread, StructureFactors
from nbnumba.config.physics import SWITCHES
from nbnumba.engine import choice, search, sparse

PIXELS = (113, 71)
"""Fast, slow: more than a tile has, along both."""

ROUNDING = 1e-11
"""Of the brightest pixel: the two sums take their terms by other instructions, some 1e-13 apart for large exponents."""


def table(edge: int) -> StructureFactors:
    """Random amplitudes for indices from -edge to edge, many of them zero."""
    random = np.random.default_rng(3)
    amplitudes = random.uniform(-300.0, 300.0, (2 * edge + 1,) * 3)
    return StructureFactors(amplitudes * (random.random(amplitudes.shape) < 0.7), -edge, -edge, -edge)


TABLES = {edge: table(edge) for edge in (3, 30)}
SOURCES = np.array([[-1.0, 0.0, 0.0, 1.0, 1.0], [-1.0, 0.01, 0.0, 0.0, 1.1], [-1.0, 0.0, 0.02, 3.0, 1.2]])
"""Three of different weights; none of nothing in exact physics."""

MASK = (np.arange(PIXELS[0] * PIXELS[1]).reshape(PIXELS[1], PIXELS[0]) % 7 != 0).astype(np.uint16)


@pytest.fixture(autouse=True)
def sparse_whatever_it_takes(monkeypatch):
    """Small images would take less in full."""
    monkeypatch.setattr(choice, "_takes_less", lambda *_: True)


@st.composite
def experiments(draw, shapes=(CrystalShape.GAUSS, CrystalShape.TOPHAT)):
    flag = st.booleans()
    edge = draw(st.sampled_from([None, 3, 30]))
    layers = draw(st.sampled_from([None, 1, 3]))
    crystal = Crystal(
        unit_cell=UnitCell(70.0, 80.0, 90.0, 75.0, 85.0, 95.0),
        cells=draw(st.sampled_from([(3, 3, 3), (9, 7, 8), (25, 25, 25), (3, 4, 40)])),
        shape=draw(st.sampled_from(shapes)),
        fudge=draw(st.sampled_from([1.0, 0.3, 4.0])),
        structure_factors=None if edge is None else TABLES[edge],
        default_F=draw(st.sampled_from([0.0, 50.0])) if edge else 50.0,
        interpolate=False,
        misset=draw(st.sampled_from([None, (10.0, 20.0, 30.0)])),
        mosaic_spread=draw(st.sampled_from([None, 0.7])),
        mosaic_domains=draw(st.sampled_from([None, 3])),
    )
    beam = Beam(
        wavelength=draw(st.sampled_from([1.0, 2.3])), fluence=1e24,
        horizontal_divergence=draw(st.sampled_from([Spread(), Spread(range=5.0, steps=3)])),
        kahn_factor=draw(st.sampled_from([0.0, 0.9, -0.5])),
        sources=draw(st.sampled_from([None, SOURCES])),
        polarization=draw(flag),
    )  # fmt: skip
    curved = draw(flag)
    rotations = [(0.0, 0.0, 0.0)] if curved else [(0.0, 0.0, 0.0), (5.0, -3.0, 11.0), (0.0, 70.0, 0.0)]
    detector = Detector(
        pixels_fast=PIXELS[0], pixels_slow=PIXELS[1], pixel_size=draw(st.sampled_from([0.2, 1.5])), distance=60.0,
        rotation=draw(st.sampled_from(rotations)), curved=curved, point_pixel=draw(flag),
        mask=MASK if draw(flag) else None,
        sensor=Sensor() if layers is None else Sensor(thickness=300.0, layers=layers, attenuation_depth=234.0),
    )  # fmt: skip
    sampling = Sampling(
        oversample=draw(st.sampled_from([1, 2])),
        phi=draw(st.sampled_from([0.0, 12.0])), oscillation=draw(st.sampled_from([None, 1.0])),
        phi_steps=draw(st.sampled_from([None, 3])),
        dmin=draw(st.sampled_from([0.0, 3.0])), water=draw(st.sampled_from([0.0, 2.0])),
        roi=draw(st.sampled_from([None, (3, 101, 2, 17)])),
    )  # fmt: skip
    fixes = draw(st.one_of(st.just(()), st.just(SWITCHES), st.lists(st.sampled_from(SWITCHES), unique=True)))
    return Experiment(crystal, beam, detector, sampling, Physics("nanobragg", fix=fixes))


def cut_off(experiment: Experiment, cutoff: float | None) -> Experiment:
    return replace(experiment, sampling=replace(experiment.sampling, cutoff=cutoff))


def rendered(experiment: Experiment, cutoff: float | None, threads: int = 1):
    return simulate(cut_off(experiment, cutoff), "cpu", threads, dtype=np.float64)


quick = settings(
    max_examples=40, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)  # fmt: skip


def scene(**fields) -> Experiment:
    """A mosaic Gaussian crystal whose spots are a few pixels wide."""
    given = {
        "crystal": Crystal(
            unit_cell=UnitCell(70.0, 80.0, 90.0, 75.0, 85.0, 95.0), cells=(15, 15, 15), shape="gauss",
            structure_factors=TABLES[30], mosaic_spread=0.7, mosaic_domains=9, misset=(10.0, 20.0, 30.0),
        ),
        "beam": Beam(fluence=1e24),
        "detector": Detector(pixels_fast=300, pixels_slow=200, pixel_size=0.4, distance=100.0),
        "sampling": Sampling(oversample=1, phi_steps=2, oscillation=0.5),
    }  # fmt: skip
    return Experiment(**{**given, **fields})


@quick
@given(experiments(), st.sampled_from([0.3, 1e-2, 1e-4, 1e-7]))
def test_no_pixel_differs_from_the_full_sum_by_more_than_the_cutoff(experiment, share):
    full = rendered(experiment, None)
    cutoff = share * float(full.image.max())
    found = rendered(experiment, cutoff)
    assert found.summed == "sparse" or found.full_because == "nothing bounds what the spots reach"
    assert np.abs(found.image - full.image).max() <= cutoff + ROUNDING * full.image.max()
    assert found.solid_angle_sr == pytest.approx(full.solid_angle_sr, rel=1e-12)  # the order of the sum
    assert found.scan.opening_pixel == full.scan.opening_pixel


@quick
@given(experiments(shapes=(CrystalShape.TOPHAT,)))
def test_top_hat_spots_lose_no_bit_without_a_cutoff(experiment):
    np.testing.assert_array_equal(rendered(experiment, 0.0).image, rendered(experiment, None).image)


@pytest.mark.parametrize("physics", ["exact", "nanobragg"])
def test_a_spot_is_its_pixels_whatever_the_panel(physics):
    tilted = [
        Panel(
            origin=(-60.0 + 42.0 * n, 20.0, -100.0 + 9.0 * n), fast=(np.cos(0.2 * n), 0.0, -np.sin(0.2 * n)),
            slow=(0.0, -1.0, 0.0), pixel_size=(0.4, 0.3), image_size=(100, 130), thickness=0.3 + 0.1 * n,
            mu=3.0, name=f"p{n}",
        )
        for n in range(3)
    ]  # fmt: skip
    detector = Detector(panels=tilted, sensor=Sensor(layers=3))
    experiment = scene(detector=detector, sampling=Sampling(oversample=2, phi=5.0), physics=physics)
    experiment = replace(experiment, crystal=replace(experiment.crystal, cells=(8, 8, 8)))
    full, found = rendered(experiment, None), rendered(experiment, 1e-3)
    assert found.summed == "sparse"
    assert all(one.max() > 0.03 for one in full.panels)
    assert np.abs(found.image - full.image).max() <= 1e-3
    assert found.solid_angle_sr == pytest.approx(full.solid_angle_sr, rel=1e-12)


def test_any_number_of_threads_adds_in_the_same_order():
    images = [rendered(scene(), 1e-6, threads).image for threads in (1, 2, 5)]
    np.testing.assert_array_equal(images[1], images[0])
    np.testing.assert_array_equal(images[2], images[0])


def test_little_memory_makes_the_same_image(monkeypatch):
    at_once = rendered(scene(), 1e-6).image
    monkeypatch.setattr(sparse, "BAND_BYTES", 100_000)
    monkeypatch.setattr(search, "SPOTS_AT_ONCE", 50)
    params = lower(scene()).params
    spots = choice.spots_if_cheaper(params, search.build_search(params, 1e-6))
    assert len(list(sparse._bands(params, spots))) > 3
    np.testing.assert_array_equal(rendered(scene(), 1e-6).image, at_once)


def test_the_progress_ends_with_all_pixels():
    told = []
    simulate(cut_off(scene(), 1e-6), "cpu", 1, progress=lambda *numbers: told.append(numbers))
    assert told[-1] == (300 * 200, 300 * 200)
    assert [done for done, _ in told] == sorted({done for done, _ in told})


@pytest.mark.parametrize(
    ("changes", "cutoff", "summed"),
    [
        # a spot covers 1e-5 of the detector, and there are some ten of each lattice
        ({"cells": (60, 60, 60)}, 1e-6, "sparse"),
        # spots that touch one another
        ({"cells": (3, 3, 3)}, 1e-6, "full: the spots reach so many pixels that every term takes less"),
        ({"mosaic_domains": 1}, 1e-6, "full: there are so few terms that a search for spots takes longer"),
        ({"fudge": 0.0}, 1e-6, "full: nothing bounds what the spots reach"),
        # nothing may be left out of a sum of exponentials
        ({}, 0.0, "full: nothing bounds what the spots reach"),
    ],
)
def test_the_cheaper_sum_is_taken_and_told(monkeypatch, changes, cutoff, summed):
    monkeypatch.undo()
    experiment = cut_off(scene(), cutoff)
    crystal = replace(experiment.crystal, **{"mosaic_domains": 100, **changes})
    result = simulate(replace(experiment, crystal=crystal), "cpu")
    assert f"{result.summed}: {result.full_because}".rstrip(": ") == summed


def test_the_reference_engine_adds_every_term():
    small = Detector(pixels_fast=20, pixels_slow=10, pixel_size=2.0, distance=100.0)
    with_cutoff = simulate(cut_off(scene(detector=small), 1e-3), "reference")
    assert with_cutoff.full_because == "the reference engine takes every term"
    np.testing.assert_array_equal(with_cutoff.image, simulate(scene(detector=small), "reference").image)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"shape": "square"}, "{Sampling.cutoff=0.001}: a parallelepiped scatters everywhere between its spots; "
                              "it goes with {Crystal.shape=gaussian} or {Crystal.shape=tophat-spot}"),
        ({"shape": "round"}, "{Sampling.cutoff=0.001}: the tails of an ellipsoid's spots have no end; "
                             "it goes with {Crystal.shape=gaussian} or {Crystal.shape=tophat-spot}"),
        ({"interpolate": True}, "{Sampling.cutoff=0.001}: interpolated amplitudes are no reflection's own; "
                                "it goes with {Crystal.interpolate=False}"),
        ({"cells": (2, 5, 5)}, "{Sampling.cutoff=0.001}: interpolated amplitudes are no reflection's own (the default "
                               "of crystals of one or two cells along an axis); it goes with "
                               "{Crystal.interpolate=False}"),
    ],
)  # fmt: skip
def test_a_crystal_without_spots_of_its_own_is_refused(fields, message):
    experiment = cut_off(scene(), 1e-3)
    with pytest.raises(UsageError) as refusal:
        lower(replace(experiment, crystal=replace(experiment.crystal, **fields)))
    assert refusal.value.message == message


def test_factors_on_the_running_sum_are_refused():
    sampling = Sampling(oversample=1, oversample_omega=True, cutoff=1e-3)
    with pytest.raises(UsageError, match="multiply the running sum at every step"):
        lower(scene(sampling=sampling, physics="nanobragg"))
    lower(scene(sampling=sampling))


@pytest.mark.parametrize("cutoff", [-1.0, float("nan"), float("inf"), "much"])
def test_a_cutoff_is_a_number_of_photons(cutoff):
    with pytest.raises(UsageError, match="cutoff"):
        Sampling(cutoff=cutoff)


def test_amorphous_materials_are_added_where_no_spot_is_too():
    experiment = scene(background=(Background.water(0.1),), physics="nanobragg")
    full, found = rendered(experiment, None), rendered(experiment, 1e-6)
    assert found.summed == "sparse"
    assert found.image.min() > 0.0
    assert np.abs(found.image - full.image).max() <= 1e-6 + ROUNDING * full.image.max()
