"""Pictures: where rings, beam and labels stand, against closed forms and the reflections that were put in."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure
from nbnumba_cli.main import run

from nbnumba import Crystal, Detector, Experiment, LabFrame, MissingPackageError, Panel, UnitCell, UsageError, simulate
from nbnumba.io import Scene, read_image, scene_of, write_image
from nbnumba.pictures import image_figure
from nbnumba.pictures.files import read_shown
from nbnumba.pictures.labels import indexed_spots
from nbnumba.pictures.page import page_of

CRYSTAL = Crystal(unit_cell=UnitCell(30.0, 40.0, 50.0), cells=(8, 8, 8), misset=(10.0, 20.0, 30.0), default_F=100.0)


def panel(x: float, y: float, size: tuple[int, int] = (60, 60)) -> Panel:
    return Panel(origin=(x, y, -100.0), fast=(1, 0, 0), slow=(0, -1, 0), pixel_size=(0.5, 0.5), image_size=size)


QUADRANTS = tuple(panel(x, y) for x in (-32.0, 2.0) for y in (32.0, -2.0))


@pytest.fixture(scope="module")
def still():
    detector = Detector(distance=100.0, pixel_size=0.5, pixels_fast=96, pixels_slow=80)
    return simulate(Experiment(CRYSTAL, detector=detector))


@pytest.fixture(scope="module")
def quadrants():
    return simulate(Experiment(CRYSTAL, detector=Detector(panels=QUADRANTS, frame=LabFrame("custom", beam=(0, 0, -1)))))


def rings_of(figure: Figure) -> list[np.ndarray]:
    """Points of the lines that are no marks."""
    lines = [np.transpose(line.get_data()) for line in figure.axes[0].lines if line.get_linestyle() == "-"]
    return [line for line in lines if np.isfinite(line).any()]


def texts_of(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_rings_lie_where_bragg_says_and_around_the_beam(quadrants):
    scene = scene_of(quadrants.model)
    figure = quadrants.show(labels=0)
    stated = {float(text.split()[0]) for text in texts_of(figure)}
    assert len(stated) == 3
    # the page's first pixel centre is 31.75 mm left of and above the beam: column 63.5
    radii = {round(float(radius), 6) for ring in rings_of(figure) for radius in np.hypot(*(ring - 63.5).T)
             if np.isfinite(radius)}  # fmt: skip
    # distance · tan 2θ in pixels; pixels of the page are those of the panels, exactly
    expected = {
        round(100.0 / 0.5 * math.tan(2.0 * math.asin(scene.wavelength / (2.0 * spacing))), 6) for spacing in stated
    }
    assert radii == expected


def test_rings_are_not_drawn_in_gaps(quadrants):
    for ring in rings_of(quadrants.show(labels=0)):
        points = ring[np.isfinite(ring[:, 0])]
        # the gap of 4 mm is 8 pixels wide, around column and row 63.5
        assert (np.abs(points - 63.5) >= 4.0 - 1e-9).all()


@pytest.mark.parametrize("turned", [40.0, 80.0, 120.0])
def test_a_detector_that_the_beam_misses_has_rings_as_well(turned):
    cosine, sine = math.cos(math.radians(turned)), math.sin(math.radians(turned))
    fast = np.array([cosine, 0.0, sine])
    origin = 100.0 * np.array([sine, 0.0, -cosine]) - 24.0 * fast + [0.0, 16.0, 0.0]
    aside = Panel(origin=tuple(origin), fast=tuple(fast), slow=(0, -1, 0), pixel_size=(0.5, 0.5), image_size=(96, 64))
    scene = Scene((aside,), 1.0, unit_s0=(0.0, 0.0, -1.0))
    figure = image_figure(np.zeros((64, 96)), scene)
    assert len(rings_of(figure)) == 3
    # along the middle row, 2θ of column x is the turn and the arctangent of its distance from the middle
    middle = sorted(float(ring[np.nanargmin(np.abs(ring[:, 1] - 31.5)), 0]) for ring in rings_of(figure))
    two_theta = turned + np.degrees(np.arctan((np.array(middle) - 47.5) * 0.5 / 100.0))
    stated = sorted(2.0 * math.degrees(math.asin(0.5 / float(text.split()[0]))) for text in texts_of(figure))
    # points of a ring are half a degree apart, here at most a tenth of a degree of 2θ
    assert np.allclose(two_theta, stated, atol=0.1)


@pytest.mark.parametrize("name", ["still", "quadrants"])
def test_labels_are_the_reflections_at_which_the_lattice_is_nearest_to_the_sphere(name, request):
    result = request.getfixturevalue(name)
    scene = scene_of(result.model)
    page = page_of(scene, result.panels)
    spots = indexed_spots(scene, page, result.panels, 8)
    assert len({spot.hkl for spot in spots}) == 8
    for spot in spots:
        vector = scene.crystal.A @ spot.hkl
        ray = np.asarray(scene.unit_s0) / scene.wavelength + vector
        # the spot of a crystal of 8 cells is 1/8 of an index wide: at 100 mm some 3 pixels
        predicted = [
            page.place(number, (np.array([each.fast, each.slow]) @ (ray * each.origin[2] / ray[2] - each.origin)) / 0.5)
            for number, each in enumerate(scene.panels)
        ]
        assert min(np.hypot(*(place - spot.place)) for place in predicted) < 3.0


def test_the_strongest_pixel_that_is_no_direct_beam_is_labelled_first(still):
    scene = scene_of(still.model)
    first = indexed_spots(scene, page_of(scene, still.panels), still.panels, 3)[0]
    column, row = np.rint(first.place).astype(int)
    assert still.image[row, column] == first.value
    away = np.hypot(*(np.indices(still.image.shape) - [[[39.5]], [[47.5]]])) > 8.0
    assert first.value == still.image[away].max()


def test_a_curved_detector_is_drawn_without_rings():
    curved = Detector(distance=100.0, pixel_size=0.5, pixels_fast=32, pixels_slow=32, curved=True)
    figure = simulate(Experiment(CRYSTAL, detector=curved)).show()
    assert rings_of(figure) == []


def test_frames_are_counted_from_zero_and_others_refused():
    images = np.zeros((2, 8, 9))
    assert image_figure(images, frame=1).axes[0].get_xlim() == (-0.5, 8.5)
    with pytest.raises(UsageError, match="there are 2, counted from 0"):
        image_figure(images, frame=2)


def test_pixels_below_zero_are_gaps_and_cost_no_greys():
    image = np.full((6, 6), 5.0)
    image[2] = -1.0
    drawn = image_figure(image).axes[0].images
    assert len(drawn) == 2
    assert np.array_equal(~np.ma.getmaskarray(drawn[1].get_array())[:, 0], image[:, 0] < 0.0)


def test_masked_pixels_of_a_panel_are_gaps():
    mask = np.ones((20, 30), np.bool_)
    mask[:, 10:14] = False
    only = Panel(origin=(-8, 5, -100), fast=(1, 0, 0), slow=(0, -1, 0), pixel_size=(0.5, 0.5), image_size=(30, 20),
                 mask=mask)  # fmt: skip
    detector = Detector(panels=(only,), frame=LabFrame("custom", beam=(0, 0, -1)))
    _, gaps = simulate(Experiment(CRYSTAL, detector=detector)).show(labels=0).axes[0].images
    assert np.array_equal(~np.ma.getmaskarray(gaps.get_array()), ~mask)


def test_doubles_beyond_single_precision_are_no_gaps():
    figure = image_figure(np.linspace(1e299, 1e300, 12).reshape(3, 4))
    assert len(figure.axes[0].images) == 1
    assert figure.axes[0].images[0].norm.vmax == pytest.approx(1e300, rel=1e-2)


def test_rows_of_a_strip_are_all_drawn_and_it_fills_the_axes():
    axes = image_figure(np.arange(4.0 * 3000).reshape(4, 3000)).axes[0]
    assert axes.images[0].get_array().shape == (4, 1000)
    assert axes.get_aspect() == "auto"


@pytest.mark.parametrize(("images", "options", "message"), [
    (np.ones(5), {}, "images: pixels"), (np.ones((0, 5)), {}, "images: pixels"),
    (np.ones((2, 2), np.complex128), {}, "images: pixels"), ([np.ones((2, 2)), np.ones((3, 3))], {}, "images: arrays"),
    (np.ones((2, 2)), {"labels": 2.5}, "labels must be"), (np.ones((2, 2)), {"labels": -1}, "labels must be"),
    (np.ones((2, 2)), {"frame": -1}, "frame is -1"),
])  # fmt: skip
def test_what_is_no_image_or_count_is_refused(images, options, message):
    with pytest.raises(UsageError, match=message):
        image_figure(images, **options)


def test_a_notebook_is_given_a_picture(still):
    assert still.show()._repr_png_().startswith(b"\x89PNG")


def test_without_matplotlib_show_names_the_extra(still, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'nbnumba\[plots\]'"):
        still.show()


def smv(tmp_path, *flags: str):
    """nanoBragg's integer image of a small detector."""
    path = tmp_path / "i.img"
    arguments = ["-cell", "30", "40", "50", "90", "90", "90", "-default_F", "100", "-N", "5", "-lambda", "1",
                 "-distance", "100", "-pixel", "0.5", "-detpixels_x", "30", "-detpixels_y", "20", "-ORGX", "11",
                 "-ORGY", "7"]  # fmt: skip
    others = ["-nonoise", "-nopgm", "-floatfile", str(tmp_path / "f.bin"), "-intfile", str(path)]
    assert run([*arguments, *others, *flags]) == 0
    return path


def test_nanobraggs_header_tells_the_geometry_of_a_square_detector(tmp_path):
    scene = read_shown(smv(tmp_path, "-xds")).scene
    (only,) = scene.panels
    # XDS counts pixel centres from 1: the foot point is 10.5 and 6.5 pixels from the corner
    assert only.origin == pytest.approx((-10.5 * 0.5, 6.5 * 0.5, -100.0), abs=1e-9)
    assert scene.wavelength == 1.0


@pytest.mark.parametrize("flags", [("-twotheta", "20"), ("-detector_roty", "20")])
def test_nanobraggs_header_of_a_tilted_detector_tells_no_geometry(tmp_path, flags):
    assert read_shown(smv(tmp_path, "-xds", *flags)).scene is None


def test_an_experiment_of_the_images_name_tells_its_geometry(still, tmp_path):
    still.save(tmp_path / "i.npy")
    still.save(tmp_path / "i.nxs")
    bare = read_shown(tmp_path / "i.npy")
    assert bare.scene is None
    write_image(tmp_path / "i.expt", still.image, scene_of(still.model))
    told = read_shown(tmp_path / "i.npy").scene
    assert isinstance(told, Scene)
    assert np.allclose(told.crystal.A, read_image(tmp_path / "i.nxs").scene.crystal.A, atol=1e-9)
