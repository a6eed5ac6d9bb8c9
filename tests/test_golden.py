"""Images, files and figures equal those of nanoBragg.c, for every golden case and every CPU engine."""

from __future__ import annotations

import hashlib
import shutil

import numpy as np
import pytest
from golden import MAX_RELATIVE_DIFFERENCE, GoldenRun, golden_cases, run_case

from nbnumba.trace.record import record_pixels

ENGINES = ("cpu", "reference")

BLOCK_SUM_TOLERANCE = 1e-7
"""A pixel rounded the other way is off by at most 1.2e-7 (one unit of float32), and is one of 4096 in its block."""

STATISTICS = {
    "max_I_value_x_y": ("max_value", "max_x", "max_y"),
    "mean_rms_rmsd": ("mean", "rms", "rmsd"),
    "intfile_scale": ("intfile_scale",),
    "pgm_scale": ("pgm_scale",),
    "noise_photons_overloads": ("noise_photons", "overloads"),
}
"""What nanoBragg prints, and the same in an `OutputReport`."""


@pytest.fixture(scope="module", params=[
    pytest.param((case, engine), id=f"{engine}-{case.name}") for engine in ENGINES for case in golden_cases()
])
def run(request, tmp_path_factory):
    case, engine = request.param
    folder = tmp_path_factory.mktemp(case.name)
    yield run_case(case, engine, folder)
    shutil.rmtree(folder)


def test_pixels_equal_nanobraggs(run: GoldenRun):
    assert run.result.image.shape == run.case.shape
    difference = run.case.difference(run.result.image)
    assert difference.is_within_bars, difference
    if run.case.block is not None:
        assert run.case.block_sum_differences(run.result.image).max() <= BLOCK_SUM_TOLERANCE


def test_traced_pixels_have_the_value_of_the_image(run: GoldenRun):
    model, image, scan = run.result.model, run.result.image, run.result.scan
    traced = [trace.photons for trace in record_pixels(model, run.case.traced_pixels, scan)]
    rendered = [image[pixel] for pixel in run.case.traced_pixels]
    # traces run the nest of the reference engine
    tolerance = 0.0 if run.result.engine == "reference" else MAX_RELATIVE_DIFFERENCE
    np.testing.assert_allclose(traced, rendered, rtol=tolerance)


def test_files_equal_nanobraggs_by_the_byte(run: GoldenRun):
    if hashlib.sha256(run.result.image.tobytes()).hexdigest() != run.case.checksums["float"]:
        pytest.skip("a pixel differs in its last bits")
    assert {kind: run.checksum(kind) for kind in run.files} == run.case.checksums


def test_header_equals_nanobraggs(run: GoldenRun):
    # not just HEADER_BYTES of it: a long header is not cut (quirk `long-header`)
    header, _, _ = run.files["int"].read_bytes().partition(b"\f")
    assert header.decode() == run.case.header


def test_figures_equal_those_that_nanobragg_printed(run: GoldenRun):
    result, report, printed = run.result, run.report, run.case.reported
    figures = {key: [getattr(report, name) for name in names] for key, names in STATISTICS.items()}
    figures["solid_angle_sr"] = [result.solid_angle_sr]
    figures["sources"] = [len(result.model.source_weights)]
    figures["oversample"] = [result.model.params.sampling.oversample]
    assert printed.keys() <= figures.keys()
    ours = {key: [_printed(key, value) for value in figures[key]] for key in printed}
    assert ours == printed


def _printed(key: str, value: float) -> float:
    """A figure with the digits that nanoBragg prints: whole photons, six significant digits of the rest."""
    return float(f"{value:.0f}" if key == "noise_photons_overloads" else f"{value:g}")
