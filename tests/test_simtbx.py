"""Images of simtbx, an independent program, come out in exact physics, from all parameters that its runs had.

simtbx takes the polarization of the last subpixel, layer and source for a pixel: images are rendered without it and
multiplied by that factor. Its rays meet a sensor layer at its front, hence that quirk is kept.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from golden import ROOT

from nbnumba import (
    Beam,
    Crystal,
    Detector,
    Experiment,
    LabFrame,
    Panel,
    Physics,
    Sampling,
    Sensor,
    StructureFactors,
    simulate,
)

FOLDER = ROOT / "golden_data" / "simtbx"
PHYSICS = Physics("exact", keep=["layer-front"])
TOLERANCE = 1e-6
"""Of the maximum, float64. Sums in another order and the exponentials of two libraries leave some 1e-12."""


def read(name: str) -> tuple[dict[str, Any], Any]:
    """Parameters and arrays of a set."""
    return json.loads((FOLDER / f"{name}.json").read_text()), np.load(FOLDER / f"{name}.npz")


def crystal(given: dict[str, Any], wavelength: float, shape: str, factors: StructureFactors | None = None) -> Crystal:
    """From real-space vectors, Å, lab frame."""
    reciprocal = np.linalg.inv(np.array(given["abc_A"])) * wavelength
    return Crystal(
        reciprocal_matrix=reciprocal, cells=given["cells"], shape=shape, default_F=given["default_F"],
        structure_factors=factors, interpolate=False,
    )  # fmt: skip


def panel(given: dict[str, Any]) -> Panel:
    """A panel with its sensor."""
    attenuation = given.get("attenuation_mm")
    return Panel(
        origin=given["origin_mm"], fast=given["fast"], slow=given["slow"], pixel_size=(given["pixel_mm"],) * 2,
        image_size=given["pixels_fast_slow"], thickness=given.get("thick_mm", 0.0),
        mu=0.0 if attenuation is None else 1.0 / attenuation,
    )  # fmt: skip


def lab(direction: list[float], e_vector: list[float]) -> LabFrame:
    """Beam and E-vector; the other axes do not count for panels and stills."""
    return LabFrame("custom", beam=direction, polar=e_vector)


def last_polarization(run: dict[str, Any], one: dict[str, Any], e_vector: list[float]) -> np.ndarray:
    """Kahn's factor at the last subpixel of the last layer of every pixel, for the beam's own direction."""
    oversample, layers = run["oversample"], one.get("layers", 1)
    fast, slow = ((np.arange(count) + 1.0 - 0.5 / oversample) * one["pixel_mm"] for count in one["pixels_fast_slow"])
    position = (
        np.array(one["origin_mm"]) + fast[:, None] * np.array(one["fast"])
        + slow[:, None, None] * np.array(one["slow"])
        + (layers - 1) * one.get("layer_mm", 0.0) * np.array(one["normal"])
    )  # fmt: skip
    ray = position / np.linalg.norm(position, axis=-1, keepdims=True)
    beam = np.array(run["sources"]["beam_direction"], dtype=float)
    normal = np.cross(e_vector, beam)
    normal /= np.linalg.norm(normal)
    cosine, along_e, along_b = ray @ beam, ray @ np.cross(beam, normal), ray @ normal
    sine_squared = 1.0 - cosine**2
    cos_2psi = (along_e**2 - along_b**2) / sine_squared
    return 0.5 * (1.0 + cosine**2 - run["kahn_factor"] * cos_2psi * sine_squared)


def assert_equal(ours: np.ndarray, theirs: np.ndarray) -> None:
    assert np.abs(ours - theirs).max() <= TOLERANCE * theirs.max()
    assert theirs.max() > 0.0


@pytest.mark.parametrize("engine", ["cpu", "reference"])
@pytest.mark.parametrize("shape", ["square", "gauss"])
def test_a_spectrum_of_unequal_weights(engine, shape):
    run, arrays = read("1_spectrum")
    sources, given = run["sources"], run["crystal"]
    factors = StructureFactors(arrays["F_table"], *given["F_table_hkl_min"])
    table = [(*(-x for x in sources["beam_direction"]), weight, wavelength)
             for weight, wavelength in zip(sources["weight"], sources["wavelength_A"], strict=True)]  # fmt: skip
    e_vector = run["polarization_axis_E"]
    experiment = Experiment(
        crystal(given, 1.0, shape, factors),
        Beam(wavelength=1.0, fluence=run["fluence_ph_m2"], polarization=False, sources=table),
        Detector(panels=[panel(run["detector"])], frame=lab(sources["beam_direction"], e_vector)),
        Sampling(oversample=run["oversample"]), PHYSICS,
    )  # fmt: skip
    image = simulate(experiment, engine, dtype=np.float64).panels[0]
    assert_equal(image * last_polarization(run, run["detector"], e_vector), arrays[f"image_{shape}"])


def beam(run: dict[str, Any]) -> Beam:
    """The one source."""
    return Beam(
        wavelength=run["sources"]["wavelength_A"][0], fluence=run["fluence_ph_m2"] * run.get("spot_scale", 1.0),
        polarization=False,
    )  # fmt: skip


@pytest.mark.parametrize("engine", ["cpu", "reference"])
def test_four_tilted_panels_in_one_render(engine):
    run, arrays = read("2_multipanel")
    experiment = Experiment(
        crystal(run["crystal"], run["sources"]["wavelength_A"][0], run["crystal"]["shape"]), beam(run),
        Detector(panels=[panel(one) for one in run["panels"]]), Sampling(oversample=run["oversample"]), PHYSICS,
    )  # fmt: skip
    images = simulate(experiment, engine, dtype=np.float64).panels
    for number, (one, image) in enumerate(zip(run["panels"], images, strict=True)):
        expected = arrays[f"panel{number}"]
        assert_equal(image * last_polarization(run, one, run["polarization_axis_E"]), expected)


@pytest.mark.parametrize("engine", ["cpu", "reference"])
@pytest.mark.parametrize("layers", [3, 5])
def test_layers_of_a_thick_tilted_sensor(engine, layers):
    run, arrays = read("3_thick_curved")
    one = run[f"detector_{layers}layers"]
    experiment = Experiment(
        crystal(run["crystal"], run["sources"]["wavelength_A"][0], run["crystal"]["shape"]), beam(run),
        Detector(panels=[panel(one)], sensor=Sensor(layers=layers)), Sampling(oversample=run["oversample"]), PHYSICS,
    )  # fmt: skip
    image = simulate(experiment, engine, dtype=np.float64).panels[0]
    assert_equal(image * last_polarization(run, one, run["polarization_axis_E"]), arrays[f"thick_{layers}layers"])


@pytest.mark.parametrize("oversample", [1, 2])
def test_the_arcs_of_c_on_a_curved_detector(oversample):
    runs, arrays = read("3_thick_curved")
    run = runs[f"curved_os{oversample}"]
    one = run["detector"]
    pixels = one["pixels_fast_slow"]
    frame = LabFrame("custom", "beam", beam=run["sources"]["beam_direction"], fdet=one["fast"], sdet=one["slow"],
                     odet=one["normal"], polar=run["polarization_axis_E"])  # fmt: skip
    # solid angle of each subpixel, as simtbx has it; the arcs stay C's
    physics = Physics("exact", keep=["curved", "last-layer"])
    detector = Detector(
        frame=frame, pixel_size=one["pixel_mm"], pixels_fast=pixels[0], pixels_slow=pixels[1],
        distance=one["distance_mm"], beam_center=(-one["origin_mm"][2], one["origin_mm"][1]), curved=True,
    )  # fmt: skip
    experiment = Experiment(
        crystal(run["crystal"], run["sources"]["wavelength_A"][0], run["crystal"]["shape"]), beam(run), detector,
        Sampling(oversample=oversample), physics,
    )  # fmt: skip
    image = simulate(experiment, "cpu", dtype=np.float64).image
    assert_equal(image * _curved_polarization(run, one), arrays[f"curved_os{oversample}"])


def _curved_polarization(run: dict[str, Any], one: dict[str, Any]) -> np.ndarray:
    """`last_polarization` on C's arcs: the beam's spot turned by lab y about slow, then by lab z about fast."""
    oversample, distance = run["oversample"], one["distance_mm"]
    fast, slow = ((np.arange(count) + 1.0 - 0.5 / oversample) * one["pixel_mm"] for count in one["pixels_fast_slow"])
    flat = (
        np.array(one["origin_mm"]) + fast[:, None] * np.array(one["fast"]) + slow[:, None, None] * np.array(one["slow"])
    )
    beam_direction = np.array(run["sources"]["beam_direction"], dtype=float)
    ray = _turned(beam_direction, one["slow"], flat[..., 1] / distance)
    ray = _turned(ray, one["fast"], flat[..., 2] / distance)
    normal = np.cross(run["polarization_axis_E"], beam_direction)
    normal /= np.linalg.norm(normal)
    cosine = ray @ beam_direction
    along_e, along_b = ray @ np.cross(beam_direction, normal), ray @ normal
    return 0.5 * (1.0 + cosine**2 - run["kahn_factor"] * (along_e**2 - along_b**2))


def _turned(vectors: np.ndarray, axis: list[float], angle: np.ndarray) -> np.ndarray:
    """Rodrigues' formula."""
    cosine, sine = np.cos(angle)[..., None], np.sin(angle)[..., None]
    axis_ = np.array(axis, dtype=float)
    spread = np.broadcast_to(vectors, (*angle.shape, 3))
    return spread * cosine + np.cross(axis_, spread) * sine + (spread @ axis_)[..., None] * axis_ * (1.0 - cosine)
