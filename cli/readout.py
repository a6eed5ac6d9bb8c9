"""nbnumba readout: images of photons in, the integers that a detector writes out."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from nbnumba_cli.console import say, warn, warn_of_threads
from nbnumba_cli.readout_options import (
    Detected,
    named_by_options,
    named_files,
    readout_facts,
    readout_hints,
    readout_options,
    readout_settings,
)
from nbnumba_cli.startup import import_numba, require_working_folder, show_reports

from nbnumba.errors import NbnumbaError, UsageError
from nbnumba.readout.names import PRESETS

if TYPE_CHECKING:
    import numpy as np

    from nbnumba.io.scene import Scene
    from nbnumba.io.smv import SmvHeader
    from nbnumba.readout import ReadoutSettings


@click.command("readout", short_help="Read out images of photons as a detector would.")
@click.argument("images", nargs=-1, required=True, metavar="IMAGE[:SCALE]...")
@click.option("-o", "--output", required=True, metavar="FILE",
              help="Image: .img (SMV), .tif, .npy, .bin (float); .nxs, .cbf if IMAGE or --header describes it.")
@click.option("--shape", nargs=2, type=click.IntRange(min=1), metavar="SLOW FAST", help="Size of raw float images.")
@click.option("--header", metavar="FILE",
              help="SMV image whose size, pixel and other keys are taken; or NXmx, CBF, .expt for the whole detector.")
@click.option("--pixel", type=float, metavar="MM", help="Edge of a pixel.  [default: the header's or the detector's]")
@click.option("--energy", type=float, metavar="EV", help="Of photons, for jungfrau.  [default: the header's or 12400]")
@readout_options
@click.option("--mask", metavar="FILE", help="Image that is 0 where there is no sensor.")
@click.option("--seed", type=int, metavar="N", help="Of what changes from image to image.  [default: the time]")
@click.option("--image-number", type=int, default=0, show_default=True, metavar="N", help="Which image of the seed.")
@click.option("--threads", type=click.IntRange(min=1), metavar="N", help="CPU threads.  [default: all cores]")
def command(**options: Any) -> None:
    """Read out images of expected photons: point spread, photon counting, calibration error, noise, integers.

    IMAGE is SMV, CBF, TIFF, NumPy, HDF5 or a raw float image such as nanoBragg's floatimage.bin, which needs --shape or
    --header. Several are added, each times its SCALE. Pixels depend on seed and place alone, not on --threads.

    Exit status: 0 on success, 2 for wrong usage, 1 for other failures, 130 after Ctrl-C.
    """
    require_working_folder()
    import_numba()
    show_reports()
    from nbnumba.engine.scan import run_interruptible

    with named_by_options():
        run_interruptible(_run, options)


def _run(options: dict[str, Any]) -> None:
    """Read, add up, read out, write, report."""
    import numpy as np

    from nbnumba.io.atomic import check_distinct
    from nbnumba.io.plane import by_panel, check_counts_target, marked_pixels, write_counts
    from nbnumba.numerics.c_random import clock_seed
    from nbnumba.readout import Readout, scene_of_counts
    from nbnumba.readout.readout import added_images

    inputs, output = [_named_scale(text) for text in options["images"]], options["output"]
    around = _around(options["header"], [path for path, _ in inputs])
    shape = options["shape"] or (around.shape if options["header"] else None)
    images = [(path, _read(path, shape), scale) for path, scale in inputs]
    photons = added_images(images)
    marked = marked_pixels([(path, image) for path, image, _ in images], around.scene)
    settings = readout_settings(options, _detected(options, around, shape, marked))
    if marked is not None:
        photons = np.where(marked, np.float32(0.0), photons)
        settings = _marking(settings)
    _refuse_idle_pixel(options, settings)
    warn(readout_hints(settings))
    warn_of_threads(options["threads"])
    readout = Readout.from_settings(settings)
    scene = None if around.scene is None else scene_of_counts(around.scene, readout)
    check_counts_target(output, settings.dtype, around.header, scene)
    others = [options[name] for name in ("header", "mask") if options[name] is not None]
    check_distinct({"-o": output}, [path for path, _ in inputs] + others + [path for _, path in named_files(options)])
    photons = by_panel(photons, scene)
    seed = clock_seed() if options["seed"] is None else options["seed"]
    counts = readout.apply(photons, seed, options["image_number"], options["threads"])
    entries = {"GAIN": f"{settings.gain:g}", "ADC_OFFSET": f"{settings.offset:g}"}
    if settings.pixel_size is not None:
        entries["PIXEL_SIZE"] = f"{settings.pixel_size / 1000.0:g}"
    write_counts(output, counts, around.header, entries, scene)
    if settings.dtype == "int32" and (around.header is not None or scene is None) and _is_smv(output):
        warn([f"{output}: has pixels of 32 bits, which DIALS takes for 16: give --dtype uint16, or write .cbf or .nxs"])
    facts = [*readout_facts(readout, settings.saturation, photons, counts, seed), ("written", output)]
    say([f"{word:11s} {text}" for word, text in facts])


@dataclass(frozen=True)
class _Around:
    """What is said about the photons, besides their number."""

    header: SmvHeader | None = None
    scene: Scene | None = None

    @property
    def shape(self) -> tuple[int, int] | None:
        """Slow, fast pixels; panels one below the other."""
        if self.scene is None:
            return None if self.header is None else self.header.shape
        sizes = [panel.image_size for panel in self.scene.panels]
        return sum(slow for _, slow in sizes), sizes[0][0]

    @property
    def pixel_size(self) -> float | None:
        """Edge of a pixel, mm."""
        if self.scene is not None:
            return self.scene.panels[0].pixel_size[0]
        return None if self.header is None else self.header.value("PIXEL_SIZE")

    @property
    def wavelength(self) -> float | None:
        """Å."""
        if self.scene is not None:
            return self.scene.wavelength
        return None if self.header is None else self.header.value("WAVELENGTH")


def _around(stated: str | None, inputs: list[str]) -> _Around:
    """What --header says, or else the first image that says anything."""
    if stated is not None:
        return _said_by(stated)
    for path in inputs:
        try:
            said = _said_by(path) if Path(path).suffix.lower() in _SAYING else _Around()
        except NbnumbaError:
            # HDF5 files of other programs hold pixels and nothing that is known; what is no image is refused later
            continue
        if said != _Around():
            return said
    return _Around()


_SAYING = (".img", ".smv", ".cbf", ".nxs", ".h5", ".hdf5", ".nx")
"""Images that may say more than pixels."""


def _said_by(path: str) -> _Around:
    """Header or scene of a file."""
    from nbnumba.io.expt import read_expt
    from nbnumba.io.formats import SMV_SUFFIXES, is_readable, read_image
    from nbnumba.io.smv import read_smv_header

    suffix = Path(path).suffix.lower()
    if suffix == ".expt":
        return _Around(scene=read_expt(path, need_crystal=False)[0].scene)
    if suffix in SMV_SUFFIXES:
        return _Around(read_smv_header(path), read_image(path).scene)
    return _Around(scene=read_image(path).scene) if is_readable(path) else _Around(read_smv_header(path))


def _named_scale(text: str) -> tuple[str, float]:
    """File and factor of ``IMAGE:SCALE``; a file of that very name wins."""
    path, colon, scale = text.rpartition(":")
    if not colon or Path(text).exists():
        return text, 1.0
    try:
        factor = float(scale)
    except ValueError:
        factor = math.nan
    if not 0.0 <= factor < math.inf:
        raise UsageError(f"{text}: {scale!r} is no factor: behind the colon stands a number of zero or more")
    return path, factor


def _read(path: str, shape: tuple[int, int] | None) -> np.ndarray:
    """An image whose size may have to be stated."""
    from nbnumba.io.formats import is_readable
    from nbnumba.io.plane import read_plane
    from nbnumba.io.reading import read_input

    if shape is None and not is_readable(path):
        # a name that is no file's has no size to state
        read_input(path)
        raise UsageError(f"{path}: a raw float image does not state its size: give --shape SLOW FAST, or --header")
    return read_plane(path, shape)


def _is_smv(path: str) -> bool:
    """Whether a file is of the format that states the size of a pixel and little else."""
    from nbnumba.io.formats import SMV_SUFFIXES

    return Path(path).suffix.lower() in SMV_SUFFIXES


def _refuse_idle_pixel(options: dict[str, Any], settings: ReadoutSettings) -> None:
    """Refuse the size of a pixel that neither a point spread nor a header needs."""
    if options["pixel"] is not None and settings.point_spread is None and not _is_smv(options["output"]):
        raise UsageError("--pixel: has no effect without --psf, or an SMV image (.img) that states it")


def _marking(settings: ReadoutSettings) -> ReadoutSettings:
    """Settings that mark masked pixels as the images of photons do, unless something else is said."""
    open_value = settings.masked_value is None and settings.gaps is None
    return replace(settings, masked_value=-1.0) if open_value and settings.dtype.startswith("i") else settings


def _mask(
    path: str | None, marked: np.ndarray | None, read: Callable[[str], np.ndarray], scene: Scene | None
) -> np.ndarray | None:
    """0 where --mask or an image says that there is no sensor."""
    from nbnumba.io.plane import by_panel
    from nbnumba.readout.stage import require_shape

    mask = None if path is None else read(path)
    if marked is None:
        return mask
    measured = by_panel(~marked, scene)
    require_shape("Gaps.mask", mask, measured.shape)
    return measured if mask is None else measured & (mask != 0)


def _detected(
    options: dict[str, Any], around: _Around, shape: tuple[int, int] | None, marked: np.ndarray | None
) -> Detected:
    """What options and what is around the photons say of the pixels."""
    from nbnumba.io.plane import by_panel

    def read(path: str) -> np.ndarray:
        return by_panel(_read(path, shape), around.scene)

    millimetres = around.pixel_size if options["pixel"] is None else options["pixel"]
    if options["pixel"] is not None and not 0.0 < options["pixel"] < math.inf:
        raise UsageError(f"--pixel must be a number above zero, not {options['pixel']}")
    return Detected(
        pixel_size=None if millimetres is None else millimetres * 1000.0, energy=_energy(options, around),
        mask=_mask(options["mask"], marked, read, around.scene), read=read,
    )  # fmt: skip


def _energy(options: dict[str, Any], around: _Around) -> float:
    """Photon energy, eV: stated, or from the wavelength."""
    from nbnumba.config.constants import HC_EV_ANGSTROM
    from nbnumba.config.units import energy_hint

    if options["energy"] is not None:
        preset = options["preset"] or PRESETS[0]
        if preset != "jungfrau":
            raise UsageError(f"--energy: has no effect on --readout {preset}, only on jungfrau")
        energy = float(options["energy"])
        warn(energy_hint("--energy", energy))
        return energy
    return HC_EV_ANGSTROM / around.wavelength if around.wavelength else 12400.0
