"""How far a detector sees, against every pixel of it."""

from __future__ import annotations

import shlex

import numpy as np
import pytest

from nbnumba.config import Crystal, Detector, Experiment, Panel, UnitCell
from nbnumba.flags import interpret
from nbnumba.setup.lowering import lower
from nbnumba.setup.reach import finest_spacing
from nbnumba.trace.record import record_pixels, trace_lines


def spacings(text: str) -> tuple[float, float]:
    """What the function says, and the finest spacing among the corners of all pixels and all sources."""
    model = lower(interpret(shlex.split(f"-cell 50 -default_F 1 -detpixels 40 -pixel 2 {text}")).experiment)
    g, sources = model.geometry, model.params.sources.table
    edges = g.pixel_size * np.arange(41)
    points = (np.array(g.pix0)[:, None, None] + np.array(g.fdet)[:, None, None] * edges
              + np.array(g.sdet)[:, None, None] * edges[:, None]).reshape(3, -1)  # fmt: skip
    diffracted = points / np.linalg.norm(points, axis=0)
    longest = max(np.linalg.norm(diffracted + source[:3, None], axis=0).max() / source[3] for source in sources)
    return finest_spacing(model), 1e10 / longest


@pytest.mark.parametrize("text", [
    "-distance 100", "-distance 100 -Xbeam 3 -Ybeam 70 -lambda 2.5", "-distance 60 -twotheta 40", "-distance -30",
    "-close_distance 50 -detector_rotx 20 -detector_roty 30 -xds", "-distance 80 -hdivrange 30 -vdivrange 20",
    "-distance 80 -dispersion 10 -dispsteps 5", "-distance 1 -energy 12000",
])  # fmt: skip
def test_no_pixel_sees_finer_and_one_sees_as_fine(text):
    found, expected = spacings(text)
    # the grid of points has the corners; where the finest spacing is inside, the next point is 1.25 pixels away
    assert found == pytest.approx(expected, rel=1e-12 if "-30" not in text else 1e-3)


def test_a_centred_detector_sees_to_braggs_law_at_its_corner():
    found, _ = spacings("-distance 100 -Xbeam 40 -Ybeam 40 -xds")
    two_theta = np.arctan(np.hypot(40.0, 40.0) / 100.0)
    assert found == pytest.approx(1.0 / (2.0 * np.sin(two_theta / 2.0)), rel=1e-12)


@pytest.mark.parametrize("distance", [30.0, 60.0, 200.0])
def test_a_curved_detector_is_never_seen_to_end_too_early(distance):
    text = f"-cell 50 -default_F 1 -detpixels 40 -pixel 2 -curved_det -distance {distance}"
    model = lower(interpret(shlex.split(text)).experiment)
    limit = finest_spacing(model)
    pixels = [(0, 0), (0, 39), (39, 0), (39, 39), (20, 0), (0, 20)]
    lines = trace_lines(model, record_pixels(model, pixels))
    sines = [float(words[2]) for words in map(str.split, lines) if words[1] == "stol_m_inv"]
    assert len(sines) >= len(pixels)
    finest = 1e10 / (2.0 * max(sines))
    # corners of pixels lie beyond their middles, and the bound takes both arcs for one
    assert 0.5 * finest < limit < finest


def test_of_several_panels_the_one_that_sees_farthest_counts():
    # DIALS's frame: the beam along -z; two tiles of 20 x 10 mm, 50 mm behind the sample
    size = {"fast": (1.0, 0.0, 0.0), "slow": (0.0, -1.0, 0.0), "pixel_size": (0.2, 0.1), "image_size": (100, 100)}
    panels = [Panel(origin=(x, 5.0, -50.0), **size) for x in (-10.0, 10.0)]
    detector = Detector(panels=panels)
    crystal = Crystal(unit_cell=UnitCell(50.0), default_F=1.0)
    both = finest_spacing(lower(Experiment(crystal=crystal, detector=detector)))
    two_theta = np.arctan(np.hypot(30.0, 5.0) / 50.0)
    assert both == pytest.approx(1.0 / (2.0 * np.sin(two_theta / 2.0)), rel=1e-12)
    inner = finest_spacing(lower(Experiment(crystal=crystal, detector=Detector(panels=panels[:1]))))
    two_theta = np.arctan(np.hypot(10.0, 5.0) / 50.0)
    assert inner == pytest.approx(1.0 / (2.0 * np.sin(two_theta / 2.0)), rel=1e-12)
