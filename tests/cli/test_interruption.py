"""Ctrl-C and SIGTERM: a real signal to a real process ends it at any stage at once, no file half-written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

NBNUMBA = [sys.executable, "-m", "nbnumba_cli"]
CRYSTAL = ["-cell", "100", "-default_F", "100", "-N", "5", "-oversample", "1", "-nopgm"]
ENOUGH = 20.0
"""Seconds after which a process counts as deaf; each task here takes minutes if nobody ends it."""


@pytest.fixture(scope="module", autouse=True)
def compiled(tmp_path_factory):
    """Compile, so that stages behind the compiler are reached."""
    folder = tmp_path_factory.mktemp("compiled")
    (folder / "F.hkl").write_text("0 0 0 1\n")
    command = [*NBNUMBA, *CRYSTAL, "-hkl", "F.hkl", "-detpixels", "8"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def interrupt(
    folder: Path,
    arguments: list[str],
    stage: Callable[[str], bool],
    number: int = signal.SIGINT,
    **environment: str,
) -> tuple[int, str, list[str]]:
    """Send a signal when a stage is reached; exit status, stderr and what stands in the folder."""
    log = folder.parent / "stderr"
    with log.open("w") as errors, subprocess.Popen(
        [*NBNUMBA, *arguments], cwd=folder, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=errors
    ) as process:
        try:
            while not stage(log.read_text()):
                assert process.poll() is None, log.read_text()
                time.sleep(0.01)
            process.send_signal(number)
            status = process.wait(ENOUGH)
        finally:
            process.kill()
    return status, log.read_text(), sorted(path.name for path in folder.iterdir())


@pytest.fixture
def folder(tmp_path) -> Path:
    path = tmp_path / "run"
    path.mkdir()
    return path


def test_while_compiling(folder, tmp_path):
    # a cache of its own is cold
    status, err, left = interrupt(
        folder, [*CRYSTAL, "-detpixels", "8"], lambda said: "compiling kernels" in said,
        NUMBA_CACHE_DIR=str(tmp_path / "cold"),
    )  # fmt: skip
    assert (status, left) == (130, [])
    assert err.endswith("nbnumba: interrupted\n")


def test_while_reading_reflections(folder):
    # 17 million numbers of a form that takes the slower reader
    (folder / "F.hkl").write_bytes(b"1 2 3 1.25000000000000000000e+01\n" * 4_000_000)
    started = time.monotonic()
    status, err, left = interrupt(
        folder, [*CRYSTAL, "-hkl", "F.hkl", "-detpixels", "8"], lambda _: time.monotonic() > started + 1.5
    )
    assert (status, left) == (130, ["F.hkl"])
    assert err.endswith("nbnumba: interrupted\n")


def test_while_rendering(folder):
    status, err, left = interrupt(
        folder, [*CRYSTAL, "-detpixels", "20000", "-oversample", "5", "-progress"], lambda said: "%|" in said
    )
    assert (status, left) == (130, [])
    assert err.endswith("nbnumba: interrupted\n")


@pytest.mark.parametrize(("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_while_writing(folder, number, expected):
    def writes(_: str) -> bool:
        return any(path.name.startswith(".nbnumba-") for path in folder.iterdir())

    status, _, left = interrupt(folder, [*CRYSTAL, "-detpixels", "12000", "-roi", "0", "9", "0", "9"], writes, number)
    assert status == expected
    # what stands has all its bytes
    sizes = {name: (folder / name).stat().st_size for name in left}
    assert sizes.items() <= {"floatimage.bin": 4 * 12000**2, "intimage.img": 512 + 2 * 12000**2}.items()


def test_while_drawing_noise(folder):
    def draws(_: str) -> bool:
        return (folder / "intimage.img").exists()

    # a mean just below 12 takes a dozen random numbers for each of 144 million pixels
    flat = ["-default_F", "0.0012", "-N", "1", "-water", "1", "-point_pixel", "-nopolar"]
    status, _, left = interrupt(folder, [*CRYSTAL, *flat, "-detpixels", "6000"], draws)
    assert (status, left) == (130, ["floatimage.bin", "intimage.img"])
    assert np.fromfile(folder / "floatimage.bin", dtype=np.float32).size == 6000**2


def test_while_spreading_photons(folder):
    # 400 pixels far: a quarter of a million additions for each of a million pixels
    np.ones((1000, 1000), np.float32).tofile(folder / "a.bin")
    flags = ["a.bin", "-detpixels", "1000", "-nopgm", "-psf", "fiber", "-psf_radius", "400"]
    started = time.monotonic()

    def spreads(_: str) -> bool:
        return (folder / "intimage.img").exists() and time.monotonic() > started + 2.0

    status, err, left = interrupt(folder, ["noisify", *flags], spreads)
    assert (status, left) == (130, ["a.bin", "intimage.img"])
    assert err.endswith("nbnumba: interrupted\n")
