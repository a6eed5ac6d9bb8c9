"""nbnumba readout: images of photons in, the integers that a detector writes out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from nbnumba_cli.console import say
from nbnumba_cli.startup import import_numba, require_working_folder, show_reports

from nbnumba.errors import NbnumbaError, UsageError, with_names
from nbnumba.readout.names import DTYPES, EDGES, GENERATORS, PRESETS

if TYPE_CHECKING:
    import numpy as np

    from nbnumba.io.smv import SmvHeader
    from nbnumba.readout import PointSpread, ReadoutSettings

_FLAGS = {
    "SourceFluctuation.rms": "--fluctuation", "SourceFluctuation.seed": "--source-seed", "PointSpread": "--psf",
    "PointSpread.fwhm": "--psf",
    "PointSpread.profile": "--psf", "PointSpread.kernel": "--psf", "PointSpread.pixel_size": "--pixel",
    "PointSpread.radius": "--psf-radius", "PhotonCounting.seed": "--photon-seed",
    "PhotonCounting.generator": "--generator", "ReadoutSettings.counting": "--no-counting",
    "CalibrationError.rms": "--calibration", "CalibrationError.factors": "--calibration",
    "CalibrationError.seed": "--calibration-seed", "Gain.adu_per_photon": "--gain",
    "ReadoutNoise.rms": "--readout-noise", "ReadoutNoise.seed": "--readout-seed", "Offset.adu": "--offset",
    "Saturation.level": "--saturation", "DeadPixels.fraction": "--dead", "DeadPixels.places": "--dead",
    "DeadPixels.value": "--dead-value", "DeadPixels.seed": "--pixel-seed", "HotPixels.fraction": "--hot",
    "HotPixels.places": "--hot", "HotPixels.seed": "--pixel-seed", "Gaps.value": "--masked-value",
    "Gaps.mask": "--mask", "Digitize.dtype": "--dtype", "Readout.seed": "--seed",
    "Readout.image_number": "--image-number", "Readout.image": "IMAGE", "Readout.photon_energy": "--energy",
}  # fmt: skip
"""Field of the library -> option that sets it."""


@click.command("readout", short_help="Read out images of photons as a detector would.")
@click.argument("images", nargs=-1, required=True, metavar="IMAGE[:SCALE]...")
@click.option("-o", "--output", required=True, metavar="FILE", help="Image: .img (SMV), .tif, .npy or .bin (float).")
@click.option("--readout", "preset", type=click.Choice(PRESETS), default="counting", show_default=True,
              help="Detector whose figures hold where no option says otherwise.")
@click.option("--shape", nargs=2, type=click.IntRange(min=1), metavar="SLOW FAST", help="Size of raw float images.")
@click.option("--header", metavar="FILE", help="SMV image whose size, pixel and other keys are taken.")
@click.option("--pixel", type=float, metavar="MM", help="Edge of a pixel.  [default: the header's or the detector's]")
@click.option("--energy", type=float, metavar="EV", help="Of photons, for jungfrau.  [default: the header's or 12400]")
@click.option("--fluctuation", type=float, metavar="RMS", help="Of the source, a fraction: one factor an image.")
@click.option("--psf", metavar="PROFILE:FWHM", help="Point spread: fiber:80um, gauss:1.5px, none, or a kernel's file.")
@click.option("--psf-radius", type=int, metavar="PIXELS", help="Where it ends.  [default: where little is left]")
@click.option("--psf-edges", type=click.Choice(EDGES), help="Photons beyond the edges.  [default: lose]")
@click.option("--counting/--no-counting", default=None, help="Poisson statistics of photons.  [default: counting]")
@click.option("--calibration", metavar="RMS|FILE", help="Error of each pixel's gain, a fraction, or factors.")
@click.option("--gain", type=float, metavar="ADU", help="Detector units per photon.  [default: 1]")
@click.option("--readout-noise", type=float, metavar="ADU", help="Noise of the electronics, rms.")
@click.option("--offset", type=float, metavar="ADU", help="Added to every pixel.")
@click.option("--saturation", type=float, metavar="ADU", help="Largest value of a pixel.")
@click.option("--hot", "hot_pixels", metavar="FRACTION|FILE", help="Hot pixels: how many, or where (not 0).")
@click.option("--dead", "dead_pixels", metavar="FRACTION|FILE", help="Dead pixels: how many, or where (not 0).")
@click.option("--dead-value", type=float, metavar="ADU", help="What dead pixels report.")
@click.option("--gaps/--no-gaps", default=None, help="Gaps between modules.  [default: the detector's]")
@click.option("--mask", metavar="FILE", help="Image that is 0 where there is no sensor.")
@click.option("--masked-value", type=float, metavar="ADU", help="What stands in gaps and masked pixels.")
@click.option("--dtype", type=click.Choice(DTYPES), help="Type of the pixels.  [default: the detector's]")
@click.option("--generator", type=click.Choice(GENERATORS),
              help="Random numbers: of each pixel, or the sequence of nanoBragg.c or noisify.c.  [default: philox]")
@click.option("--seed", type=int, metavar="N", help="Of what changes from image to image.  [default: the time]")
@click.option("--image-number", type=int, default=0, show_default=True, metavar="N", help="Which image of the seed.")
@click.option("--source-seed", type=int, metavar="N", help="Of the fluctuation alone.")
@click.option("--photon-seed", type=int, metavar="N", help="Of the photons alone.")
@click.option("--readout-seed", type=int, metavar="N", help="Of the readout noise alone.")
@click.option("--calibration-seed", type=int, metavar="N", help="Which detector: calibration error.  [default: 0]")
@click.option("--pixel-seed", type=int, metavar="N", help="Which detector: dead and hot pixels.  [default: 0]")
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

    try:
        run_interruptible(_run, options)
    except NbnumbaError as error:
        raise type(error)(with_names(error.message, lambda field: _FLAGS.get(field, field))) from error


def _run(options: dict[str, Any]) -> None:
    """Read, add up, read out, write, report."""
    from nbnumba.io.atomic import check_distinct
    from nbnumba.io.plane import check_counts_target, write_counts
    from nbnumba.io.smv import read_smv_header
    from nbnumba.numerics.c_random import clock_seed
    from nbnumba.readout import Readout
    from nbnumba.readout.readout import added_images

    inputs, output = [_named_scale(text) for text in options["images"]], options["output"]
    header = read_smv_header(options["header"]) if options["header"] else _first_header(inputs)
    shape = options["shape"] or (header.shape if header is not None and options["header"] else None)
    settings = _settings(options, header, shape)
    readout = Readout.from_settings(settings)
    check_counts_target(output, settings.dtype)
    check_distinct({"-o": output}, [path for path, _ in inputs])
    photons = added_images([(path, _read(path, shape), scale) for path, scale in inputs])
    seed = clock_seed() if options["seed"] is None else options["seed"]
    counts = readout.apply(photons, seed, options["image_number"], options["threads"])
    entries = {"GAIN": f"{settings.gain:g}", "ADC_OFFSET": f"{settings.offset:g}"}
    if settings.pixel_size is not None:
        entries["PIXEL_SIZE"] = f"{settings.pixel_size / 1000.0:g}"
    write_counts(output, counts, header, entries)
    say(_report(readout, settings, photons, counts, seed, output))


def _report(
    readout: Any, settings: ReadoutSettings, photons: np.ndarray, counts: np.ndarray, seed: int, output: str
) -> list[str]:
    """What was done."""
    import numpy as np

    values, total = (np.sum(array, dtype=np.float64) for array in (counts, photons))
    most = min(np.iinfo(counts.dtype).max, np.inf if settings.saturation is None else settings.saturation)
    lines = [f"expected    {total:.10g} photons on {counts.shape[0]} x {counts.shape[1]} (slow x fast) pixels"]
    lines += [f"{'' if i else 'stages':11s} {stage}" for i, stage in enumerate(readout.stages)]
    lines += [
        f"seed        {seed}",
        f"pixels      {counts.min()} to {counts.max()}, sum {values:.10g}, "
        f"{np.count_nonzero(counts >= np.floor(most))} at the largest value",
        f"written     {output}",
    ]
    return lines


def _named_scale(text: str) -> tuple[str, float]:
    """File and factor of ``IMAGE:SCALE``; a file of that very name wins."""
    path, colon, scale = text.rpartition(":")
    if not colon or Path(text).exists():
        return text, 1.0
    try:
        return path, float(scale)
    except ValueError:
        return text, 1.0


def _first_header(inputs: list[tuple[str, float]]) -> SmvHeader | None:
    """Header of the first SMV image."""
    from nbnumba.io.formats import SMV_SUFFIXES
    from nbnumba.io.smv import read_smv_header

    found = next((path for path, _ in inputs if Path(path).suffix.lower() in SMV_SUFFIXES), None)
    return None if found is None else read_smv_header(found)


def _read(path: str, shape: tuple[int, int] | None) -> np.ndarray:
    """An image whose size may have to be stated."""
    from nbnumba.io.formats import is_readable
    from nbnumba.io.plane import read_plane

    if shape is None and not is_readable(path):
        raise UsageError(f"{path}: a raw float image does not state its size: give --shape SLOW FAST, or --header")
    return read_plane(path, shape)


_AS_IS = (
    "fluctuation", "counting", "readout_noise", "offset", "saturation", "dead_value", "masked_value", "dtype",
    "generator", "source_seed", "photon_seed", "readout_seed", "calibration_seed", "pixel_seed",
)  # fmt: skip
"""Options that are fields of `ReadoutSettings`."""


def _settings(options: dict[str, Any], header: SmvHeader | None, shape: tuple[int, int] | None) -> ReadoutSettings:
    """The detector's figures with what the options change."""
    from nbnumba.readout.settings import preset_settings

    gain = 1.0 if options["gain"] is None else options["gain"]
    settings = preset_settings(options["preset"], _energy(options, header), gain)
    changes = {name: options[name] for name in _AS_IS if options[name] is not None}
    for name in ("calibration", "hot_pixels", "dead_pixels"):
        if options[name] is not None:
            changes[name] = _number_or_map(options[name], shape)
    if options["mask"] is not None:
        changes["mask"] = _read(options["mask"], shape)
    if options["gaps"] is False:
        changes["gaps"] = None
    elif options["gaps"] and settings.gaps is None:
        raise UsageError(f"--gaps: --readout {options['preset']} has no modules; give --mask FILE")
    pixel = _pixel_size(options["pixel"], header, settings.pixel_size)
    settings = replace(settings, pixel_size=pixel, **changes)
    settings = replace(settings, point_spread=_point_spread(options, settings))
    _refuse_idle(options, settings)
    return settings


def _refuse_idle(options: dict[str, Any], settings: ReadoutSettings) -> None:
    """Refuse options that would change nothing."""
    needs = {
        "source_seed": (settings.fluctuation, "--fluctuation"), "photon_seed": (settings.counting, "--counting"),
        "readout_seed": (settings.readout_noise, "--readout-noise"),
        "calibration_seed": (isinstance(settings.calibration, float) and settings.calibration, "--calibration RMS"),
        "pixel_seed": (options["hot_pixels"] or options["dead_pixels"], "--hot or --dead"),
        "dead_value": (options["dead_pixels"], "--dead"),
        "masked_value": (settings.gaps is not None or settings.mask is not None, "--mask or --gaps"),
    }  # fmt: skip
    for name, (used, other) in needs.items():
        if options[name] is not None and not used:
            raise UsageError(f"--{name.replace('_', '-')}: has no effect without {other}")


def _energy(options: dict[str, Any], header: SmvHeader | None) -> float:
    """Photon energy, eV: stated, or from the header's wavelength."""
    from nbnumba.config.constants import HC_EV_ANGSTROM

    if options["energy"] is not None:
        if options["preset"] != "jungfrau":
            raise UsageError(f"--energy: has no effect on --readout {options['preset']}, only on jungfrau")
        return float(options["energy"])
    wavelength = header.value("WAVELENGTH") if header is not None else None
    return HC_EV_ANGSTROM / wavelength if wavelength else 12400.0


def _pixel_size(stated: float | None, header: SmvHeader | None, usual: float | None) -> float | None:
    """Edge of a pixel, µm: stated in mm, the header's, or the detector's."""
    millimetres = stated if stated is not None else header.value("PIXEL_SIZE") if header is not None else None
    return usual if millimetres is None else millimetres * 1000.0


def _number_or_map(text: str, shape: tuple[int, int] | None) -> float | np.ndarray:
    """A number, or the image of that name."""
    try:
        return float(text)
    except ValueError:
        return _read(text, shape)


def _point_spread(options: dict[str, Any], settings: ReadoutSettings) -> PointSpread | None:
    """The point spread of the options, or the detector's with what they change."""
    from nbnumba.readout import PointSpread

    spread, text = settings.point_spread, options["psf"]
    rest = {name: options[f"psf_{name}"] for name in ("radius", "edges") if options[f"psf_{name}"] is not None}
    if text == "none" or (text is None and spread is None):
        if rest:
            raise UsageError(f"--psf-{next(iter(rest))}: there is no point spread; give --psf")
        return None
    if text is None:
        return replace(spread, **rest) if spread is not None else None
    if ":" not in text and Path(text).suffix:
        if "radius" in rest:
            raise UsageError("--psf-radius: has no effect on a kernel from a file")
        return PointSpread(kernel=_read(text, None), **rest)
    return PointSpread.from_text(text, settings.pixel_size, **rest)
