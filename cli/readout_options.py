"""The options that say what a detector makes of photons, for every command that reads out, and what they stand for."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from nbnumba.errors import NbnumbaError, UsageError, with_names
from nbnumba.readout.names import DTYPES, EDGES, GENERATORS, NOISIFY, PRESETS

if TYPE_CHECKING:
    import numpy as np

    from nbnumba.readout import PointSpread, Readout, ReadoutSettings, Stage

Command = TypeVar("Command", bound=Callable[..., Any])

FLAGS = {
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
    "header": "--header",
}  # fmt: skip
"""Field of the library -> option that sets it."""

_OPTIONS = (
    click.option("--readout", "preset", type=click.Choice(PRESETS),
                 help="Detector whose figures hold where no option says otherwise.  [default: counting]"),
    click.option("--fluctuation", type=float, metavar="RMS", help="Of the source, a fraction: one factor an image."),
    click.option("--psf", metavar="PROFILE:FWHM",
                 help="Point spread: fiber:80um, gauss:1.5px, none, or a kernel's file."),
    click.option("--psf-radius", type=int, metavar="PIXELS", help="Where it ends.  [default: where little is left]"),
    click.option("--psf-edges", type=click.Choice(EDGES), help="Photons beyond the edges.  [default: lose]"),
    click.option("--counting/--no-counting", default=None, help="Poisson statistics of photons.  [default: counting]"),
    click.option("--calibration", metavar="RMS|FILE", help="Error of each pixel's gain, a fraction, or factors."),
    click.option("--gain", type=float, metavar="ADU", help="Detector units per photon.  [default: 1]"),
    click.option("--readout-noise", type=float, metavar="ADU", help="Noise of the electronics, rms."),
    click.option("--offset", type=float, metavar="ADU", help="Added to every pixel."),
    click.option("--saturation", type=float, metavar="ADU", help="Largest value of a pixel."),
    click.option("--hot", "hot_pixels", metavar="FRACTION|FILE", help="Hot pixels: how many, or where (not 0)."),
    click.option("--dead", "dead_pixels", metavar="FRACTION|FILE", help="Dead pixels: how many, or where (not 0)."),
    click.option("--dead-value", type=float, metavar="ADU", help="What dead pixels report."),
    click.option("--gaps/--no-gaps", default=None, help="Gaps between modules.  [default: the detector's]"),
    click.option("--masked-value", type=float, metavar="ADU", help="What stands in gaps and masked pixels."),
    click.option("--dtype", type=click.Choice(DTYPES), help="Type of the pixels.  [default: the detector's]"),
    click.option("--generator", type=click.Choice(GENERATORS),
                 help="Random numbers: of each pixel, or the sequence of nanoBragg.c or noisify.c.  [default: philox]"),
    click.option("--source-seed", type=int, metavar="N", help="Of the fluctuation alone."),
    click.option("--photon-seed", type=int, metavar="N", help="Of the photons alone."),
    click.option("--readout-seed", type=int, metavar="N", help="Of the readout noise alone."),
    click.option("--calibration-seed", type=int, metavar="N", help="Which detector: calibration error.  [default: 0]"),
    click.option("--pixel-seed", type=int, metavar="N", help="Which detector: dead and hot pixels.  [default: 0]"),
)  # fmt: skip

NAMES = (
    "preset", "fluctuation", "psf", "psf_radius", "psf_edges", "counting", "calibration", "gain", "readout_noise",
    "offset", "saturation", "hot_pixels", "dead_pixels", "dead_value", "gaps", "masked_value", "dtype", "generator",
    "source_seed", "photon_seed", "readout_seed", "calibration_seed", "pixel_seed",
)  # fmt: skip
"""What a command gets them as; None where one is not given."""

_AS_IS = (
    "fluctuation", "counting", "readout_noise", "offset", "saturation", "dead_value", "masked_value", "dtype",
    "generator", "source_seed", "photon_seed", "readout_seed", "calibration_seed", "pixel_seed",
)  # fmt: skip
"""Options that are fields of `ReadoutSettings`."""


def readout_options(command: Command) -> Command:
    """Add the options, which the command gets under NAMES.

    Parameters
    ----------
    command : callable
        What click shall make a command of.
    """
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@contextlib.contextmanager
def named_by_options(others: Mapping[str, str] | None = None) -> Iterator[None]:
    """Errors that are raised inside name options in place of the library's fields.

    Parameters
    ----------
    others : mapping or None
        Names that differ from those of `nbnumba readout`.

    Raises
    ------
    NbnumbaError
        Of the same kind.
    """
    from nbnumba.flags.names import flag_of

    names = {**FLAGS, **(others or {})}
    try:
        yield
    except NbnumbaError as error:
        raise type(error)(with_names(error.message, lambda field: names.get(field) or flag_of(field))) from error


@dataclass(frozen=True)
class Detected:
    """What is known of the photons and the pixels that they land on.

    Attributes
    ----------
    pixel_size : float or None
        Edge of a pixel, µm; None takes the detector's.
    energy : float
        Of a photon, eV.
    mask : ndarray or None
        0 where there is no sensor.
    read : callable
        Reads an image by name.
    """

    pixel_size: float | None
    energy: float
    mask: np.ndarray | None
    read: Callable[[str], np.ndarray]


def readout_settings(options: Mapping[str, Any], detected: Detected) -> ReadoutSettings:
    """The detector's figures with what the options change.

    Parameters
    ----------
    options : mapping
        Under NAMES.
    detected : Detected
        What the options leave open.

    Returns
    -------
    ReadoutSettings

    Raises
    ------
    UsageError
        If an option is impossible or would change nothing.
    """
    from nbnumba.readout.settings import preset_settings

    preset = options["preset"] or PRESETS[0]
    gain = 1.0 if options["gain"] is None else options["gain"]
    settings = preset_settings(preset, detected.energy, gain)
    changes = {name: options[name] for name in _AS_IS if options[name] is not None}
    for name in ("calibration", "hot_pixels", "dead_pixels"):
        if options[name] is not None:
            changes[name] = _number_or_map(name, options[name], detected)
    if detected.mask is not None:
        changes["mask"] = detected.mask
    if options["gaps"] is False:
        changes["gaps"] = None
    elif options["gaps"] and settings.gaps is None:
        raise UsageError(f"--gaps: --readout {preset} has no modules; give {{Gaps.mask}} FILE")
    pixel = settings.pixel_size if detected.pixel_size is None else detected.pixel_size
    settings = replace(settings, pixel_size=pixel, **changes)
    settings = replace(settings, point_spread=_point_spread(options, settings, detected))
    _refuse_idle(options, settings)
    return settings


def named_files(options: Mapping[str, Any]) -> tuple[tuple[str, Path], ...]:
    """The files that options name, which no output may replace.

    Parameters
    ----------
    options : mapping
        Under NAMES.

    Returns
    -------
    tuple of (str, Path)
        What each is, and its name.
    """
    words = {"calibration": "calibration", "hot_pixels": "hot pixels", "dead_pixels": "dead pixels", "psf": "kernel"}
    named = ((word, options[name]) for name, word in words.items() if options[name] is not None)
    return tuple((word, Path(text)) for word, text in named if Path(text).is_file())


def readout_hints(settings: ReadoutSettings) -> list[str]:
    """What is probably not meant, in the words of the options.

    Parameters
    ----------
    settings : ReadoutSettings
        From `readout_settings`.

    Returns
    -------
    list of str
    """
    return [with_names(hint, lambda field: FLAGS.get(field, field)) for hint in settings.hints()]


def _refuse_idle(options: Mapping[str, Any], settings: ReadoutSettings) -> None:
    """Refuse options that would change nothing."""
    import numpy as np

    needs = {
        "source_seed": (settings.fluctuation, "--fluctuation"), "photon_seed": (settings.counting, "--counting"),
        "readout_seed": (settings.readout_noise, "--readout-noise"),
        "calibration_seed": (isinstance(settings.calibration, float) and settings.calibration, "--calibration RMS"),
        "pixel_seed": (options["hot_pixels"] or options["dead_pixels"], "--hot or --dead"),
        "dead_value": (options["dead_pixels"], "--dead"),
        "generator": (settings.counting or settings.generator == NOISIFY, "--counting"),
        "masked_value": (settings.gaps is not None or settings.mask is not None, "a mask or --gaps"),
    }  # fmt: skip
    for name, (used, other) in needs.items():
        if options[name] is not None and not used:
            raise UsageError(f"--{name.replace('_', '-')}: has no effect without {other}")
    largest = np.iinfo(settings.dtype).max
    if options["saturation"] is not None and settings.saturation is not None and settings.saturation > largest:
        raise UsageError(f"--saturation {settings.saturation:g}: has no effect, {settings.dtype} ends at {largest}")


def _number_or_map(name: str, text: str, detected: Detected) -> float | np.ndarray:
    """A number, or the image of that name."""
    try:
        return float(text)
    except ValueError:
        pass
    if not Path(text).suffix and not Path(text).exists():
        raise UsageError(f"--{name.partition('_')[0]} {text}: is neither a number nor the name of a file")
    return detected.read(text)


def _point_spread(options: Mapping[str, Any], settings: ReadoutSettings, detected: Detected) -> PointSpread | None:
    """The point spread of the options, or the detector's with what they change."""
    from nbnumba.io.plane import read_plane
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
        return PointSpread(kernel=read_plane(text), **rest)
    return PointSpread.from_text(text, settings.pixel_size, **rest)


def readout_facts(
    readout: Readout, saturation: float | None, photons: np.ndarray, counts: np.ndarray, seed: int
) -> list[tuple[str, str]]:
    """What was read out, for the console.

    Parameters
    ----------
    readout : Readout
        The stages.
    saturation : float or None
        Largest value that a pixel can have, unless its type's is smaller.
    photons, counts : ndarray, of the same shape
        Before and behind.
    seed : int
        Of the random numbers.

    Returns
    -------
    list of (str, str)
        A word, and what there is to say.
    """
    import numpy as np

    values, total = (np.sum(array, dtype=np.float64) for array in (counts, photons))
    most = min(np.iinfo(counts.dtype).max, np.inf if saturation is None else saturation)
    size = f"{counts.shape[-2]} x {counts.shape[-1]} (slow x fast) pixels"
    return [
        ("expected", f"{total:.10g} photons on {size}{f' of {len(counts)} panels' if counts.ndim > 2 else ''}"),
        *(("" if i else "stages", _stage_text(stage)) for i, stage in enumerate(readout.stages)),
        ("seed", str(seed)),
        ("pixels", f"{counts.min()} to {counts.max()}, sum {values:.10g}, "
                   f"{np.count_nonzero(counts >= np.floor(most))} at the largest value"),
    ]  # fmt: skip


def _stage_text(stage: Stage) -> str:
    """A stage with its figures, of arrays the size."""
    import numpy as np

    arrays = {name: value for name, value in vars(stage).items() if isinstance(value, np.ndarray)}
    sizes = "".join(f", {name}={' x '.join(map(str, array.shape))} values" for name, array in arrays.items())
    return f"{repr(stage)[:-1]}{sizes})" if arrays else repr(stage)
