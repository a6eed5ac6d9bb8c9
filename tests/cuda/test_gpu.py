"""The CUDA engine on a real GPU: no other test sees the driver and the machine code that it makes of the PTX."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from availability import SIMULATING
from golden import golden_cases, interpret_case

from nbnumba.engine.cuda_device import why_unusable

NO_GPU = "in the simulator" if SIMULATING else why_unusable()

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(NO_GPU is not None, reason=f"no GPU: {NO_GPU}")]

ON_THE_HOST = """
import sys
from pathlib import Path
import numpy as np
from golden import golden_cases, interpret_case
from pretended_gpu import engine_on_pretended_gpu
from nbnumba.engine.cuda_device import devices
from nbnumba.simulation import simulate
name, precision, folder = sys.argv[1:]
case = next(case for case in golden_cases() if case.name == name)
with engine_on_pretended_gpu(capability=devices()[0].compute_capability):
    image = simulate(interpret_case(case, Path(folder)).experiment, engine="cuda", precision=precision).image
np.save(Path(folder) / "host.npy", image)
"""


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in golden_cases()])
def test_pixels_equal_nanobraggs(case, tmp_path):
    from nbnumba.simulation import simulate

    image = simulate(interpret_case(case, tmp_path).experiment, engine="cuda").image
    difference = case.difference(image)
    assert difference.is_within_bars, difference


@pytest.mark.parametrize("precision", ["double", "single", "mixed"])
@pytest.mark.parametrize(
    "name", ["misset", "shape_round", "hkl_nearest", "interpolate_in_range", "phi_mosaic_oversample"]
)
def test_the_gpu_gives_the_bits_that_its_ptx_gives_on_the_host(name, precision, tmp_path):
    from nbnumba.simulation import simulate

    case = next(case for case in golden_cases() if case.name == name)
    on_gpu = simulate(interpret_case(case, tmp_path).experiment, engine="cuda", precision=precision).image
    code = f"import sys; sys.path[:0] = {sys.path!r}\n{ON_THE_HOST}"
    subprocess.run([sys.executable, "-c", code, name, precision, str(tmp_path)], check=True)
    on_host = np.load(tmp_path / "host.npy")
    if precision == "double":
        np.testing.assert_array_equal(on_gpu, on_host)
    else:  # the GPU's approximate division and power are off by up to 2 units in the last place
        np.testing.assert_allclose(on_gpu, on_host, rtol=4e-6)
