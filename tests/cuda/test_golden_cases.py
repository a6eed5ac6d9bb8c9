"""The kernels that a GPU would run give nanoBragg's images: their PTX, executed on the host, for every golden case."""

from __future__ import annotations

import contextlib

import pytest
from availability import needs_ptx_compiler
from golden import interpret_case

needs_ptx_compiler()

from golden_on_gpu import runs  # noqa: E402
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
