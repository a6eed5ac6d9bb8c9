"""The kernels that a GPU would run give nanoBragg's images: their PTX, executed on the host, for every golden case."""

from __future__ import annotations

import contextlib
import math

import pytest
from availability import needs_ptx_compiler
from corrected import corrected_cases
from golden import golden_cases, interpret_case

needs_ptx_compiler()

from golden_on_gpu import runs, single_errors  # noqa: E402
from pretended_gpu import engine_on_pretended_gpu  # noqa: E402

from nbnumba.simulation import simulate  # noqa: E402


@pytest.fixture(scope="module")
def use_gpu():
    """Changes to another pretended GPU only when its kind changes, so that each kernel is compiled once."""
    kind = None
    with contextlib.ExitStack() as stack:

        def use(fused: bool) -> None:
            nonlocal kind
            if fused != kind:
                stack.close()
                stack.enter_context(engine_on_pretended_gpu(fused=fused))
                kind = fused

        yield use


@pytest.mark.parametrize(
    ("fused", "case"),
    [pytest.param(fused, case, id=f"{'fused' if fused else 'unfused'}-{case.name}") for fused, case in runs()],
)
def test_pixels_equal_nanobraggs(use_gpu, fused, case, tmp_path):
    use_gpu(fused)
    result = simulate(interpret_case(case, tmp_path).experiment, engine="cuda")
    difference = case.difference(result.image)
    assert difference.is_within_bars, difference
    if case.block is not None:
        assert case.block_sum_differences(result.image).max() <= 1e-7  # as in tests/test_golden.py


MENDED = (
    "all_branches_thick", "curved_xds", "interp_edge_tilt", "layers_tilted", "oversample_all", "phi_mosaic_sources",
    "phi_spindle_gauss", "point_pixel_tilt", "water_polar_tilt", "weights_three",
)  # fmt: skip
"""Corrected cases in which the kernels themselves take another way than for nanoBragg's physics."""


@pytest.mark.parametrize("name", MENDED)
def test_mended_images_equal_those_of_a_mended_program(use_gpu, name, tmp_path):
    use_gpu(True)
    (case,) = [case for case in corrected_cases() if case.name == name]
    image = simulate(case.experiment(tmp_path), engine="cuda", dtype=case.image.dtype).image
    assert case.is_met_by(image), case.difference(image)


LARGEST_SINGLE = 256 * 256
"""Pixels of the largest cases that are run in single precision."""

SINGLE_WORST = 1e-5
"""Of a pixel, as in docs/cuda.md: float32 rounds at 6e-8, a term has some ten roundings, a weak one more."""

SINGLE_ROOT_MEAN_SQUARE = 3e-7
"""Of the image: five roundings of float32."""

REFUSED = {"oversample_omega", "oversample_polar", "thick_oversampled"}


@pytest.mark.parametrize("precision", ["single", "mixed"])
@pytest.mark.parametrize(
    "case", [pytest.param(c, id=c.name) for c in golden_cases() if math.prod(c.shape) <= LARGEST_SINGLE]
)
def test_float32_sums_are_near_nanobraggs(use_gpu, case, precision, tmp_path):
    use_gpu(True)
    errors = single_errors(case, tmp_path, precision)
    if errors is None:
        assert case.name in REFUSED
        return
    assert errors.worst <= SINGLE_WORST
    assert errors.root_mean_square <= SINGLE_ROOT_MEAN_SQUARE
