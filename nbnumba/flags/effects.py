"""What flags do to the settings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from nbnumba.config import Convention, Pivot
from nbnumba.config.constants import HC_EV_ANGSTROM
from nbnumba.flags.flag import Effect
from nbnumba.flags.settings import Entries, Settings


def put(*paths: str) -> Effect:
    """The value (a tuple if there are several) becomes that of each entry."""

    def effect(settings: Entries, values: Sequence[Any]) -> Entries:
        value = values[0] if len(values) == 1 else tuple(values)
        for path in paths:
            settings = settings.put(path, value)
        return settings

    return effect


def put_at(path: str, *positions: int) -> Effect:
    """The value takes these places in a tuple."""

    def effect(settings: Entries, values: Sequence[Any]) -> Entries:
        owner: Any = settings
        for name in path.split("."):
            owner = getattr(owner, name)
        return settings.put(path, tuple(values[0] if i in positions else old for i, old in enumerate(owner)))

    return effect


def fix(path: str, value: object) -> Effect:
    """The entry gets a fixed value."""
    return lambda settings, _: settings.put(path, value)


def several(*effects: Effect) -> Effect:
    """One effect after the other."""

    def effect(settings: Entries, values: Sequence[Any]) -> Entries:
        for single in effects:
            settings = single(settings, values)
        return settings

    return effect


def nothing(settings: Entries, values: Sequence[Any]) -> Entries:
    """Read, as nanoBragg does, and never used."""
    return settings


PIVOT_BEAM = fix("detector.frame.pivot", Pivot.BEAM)
PIVOT_SAMPLE = fix("detector.frame.pivot", Pivot.SAMPLE)
CUSTOM = fix("detector.frame.convention", Convention.CUSTOM)


def convention(name: Convention) -> Effect:
    """Select a convention and the pivot that comes with it."""
    pivot = PIVOT_SAMPLE if name is Convention.XDS else PIVOT_BEAM
    return several(fix("detector.frame.convention", name), pivot)


def axis(name: str) -> Effect:
    """A vector of the lab frame; selects the custom convention."""
    return several(put(f"detector.frame.{name}"), CUSTOM)


def twotheta_from_axis(settings: Settings, values: Sequence[Any]) -> Settings:
    """nanoBragg finds -twotheta in -twotheta_axis too, and takes the x component for the angle."""
    turned: Settings = PIVOT_SAMPLE(settings.put("detector.twotheta", values[0]), values)
    return turned


def cell(settings: Settings, values: Sequence[Any]) -> Settings:
    """The first numbers of the cell; those that are not given stay."""
    return settings.put("cell", (*values, *settings.cell[len(values) :]))


def misset(settings: Settings, values: Sequence[Any]) -> Settings:
    """Three angles, or none for a random orientation."""
    angles = tuple(values) if values else None
    return settings.put("crystal.misset", angles).put("crystal.random_misset", angles is None)


def energy(settings: Settings, values: Sequence[Any]) -> Settings:
    """Photon energy to wavelength."""
    return settings.put("beam.wavelength", HC_EV_ANGSTROM / values[0])


def attenuation(settings: Settings, values: Sequence[Any]) -> Settings:
    """Attenuation depth; without end, or zero, it also takes the sensor's thickness away."""
    depth = values[0]
    if depth == 0.0 or math.isinf(depth):
        return settings.put("detector.sensor.thickness", 0.0).put("detector.sensor.attenuation_depth", math.inf)
    return settings.put("detector.sensor.attenuation_depth", depth)


def trace_pixel(settings: Settings, values: Sequence[Any]) -> Settings:
    """One more pixel to trace."""
    return settings.put("trace_pixels", (*settings.trace_pixels, (values[0], values[1])))
