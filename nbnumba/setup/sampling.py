"""The sampling rules: how a count, a range and a step that may be missing become one regular sampling."""

from __future__ import annotations

import math

from nbnumba.errors import UsageError
from nbnumba.setup.model import StepCounts

MAX_SAMPLES = 1_000_000
"""More samples of one range than this are a mistyped step."""

NOTHING = StepCounts(0.0, 0.0, 1)
"""A single sample of a range of zero width."""


def _given(value: float | None) -> float:
    """The value, or nanoBragg's mark of a missing one."""
    return -1.0 if value is None else value


def _samples_to_cover(width: float, step: float, field: str) -> int:
    """Number of steps that cover a range; `field` is what gives the step."""
    if width > MAX_SAMPLES * step:
        raise UsageError(
            f"{{{field}}}: such a step cuts its range into more than {MAX_SAMPLES} samples; give a larger one"
        )
    return math.ceil(width / step)


def _range_step_count(width: float, step: float, steps: int, field: str) -> tuple[float, float, int]:
    """Fill in what is missing of a divergence or dispersion; negative (or for the count zero) means missing."""
    if steps <= 0:
        if width < 0.0:
            return (0.0, 0.0, 1) if step <= 0.0 else (step, step, 2)
        if step <= 0.0:
            return width, width, 2
        return width, step, _samples_to_cover(width, step, f"{field}.step")
    if width < 0.0:
        return (1.0, 1.0 / steps, steps) if step <= 0.0 else (step, step, 2)
    if step <= 0.0:
        steps = max(steps, 2)
        step = width / (steps - 1)
    return width, step, steps


def angular_or_spectral_samples(
    width: float | None, step: float | None, steps: int | None, field: str
) -> StepCounts:
    """Samples of a divergence or of the dispersion.

    Parameters
    ----------
    width, step : float or None
        Full range and step, radians or a fraction; None or negative means not given.
    steps : int or None
        Number of samples; None or not positive means not given.
    field : str
        What is sampled, for messages: ``Beam.dispersion``.

    Returns
    -------
    StepCounts
        One sample of zero width if any of the three comes out as not positive.

    Raises
    ------
    UsageError
        If the step is absurdly small.
    """
    width, step, steps = _range_step_count(
        _given(width), _given(step), -1 if steps is None else steps, field
    )
    if width <= 0.0 or step <= 0.0 or steps <= 0:
        return NOTHING
    return StepCounts(width, step, steps)


def sensor_layers(thickness: float, layers: int | None, exact: bool) -> StepCounts:
    """Layers of the sensor; the thickness (m) always counts as given, 0 unless set.

    Parameters
    ----------
    thickness : float
        Sensor thickness, m.
    layers : int or None
        Number of layers; None or not positive means not given.
    exact : bool
        Whether n layers are 1/n of the thickness apart (quirk `thick-fencepost`); one layer is possible then.

    Returns
    -------
    StepCounts
        Thickness, layer spacing and layer count. With a count nanoBragg's layers span the thickness from front to back.
    """
    steps = -1 if layers is None else layers
    if thickness < 0.0:
        return NOTHING
    if exact and steps > 0:
        step = thickness / steps
    elif steps <= 0:
        steps = 2
        step = thickness / steps
    else:
        steps = max(steps, 2)
        step = thickness / (steps - 1)
    return StepCounts(thickness, step, steps) if thickness > 0.0 and step > 0.0 else NOTHING


def spindle_steps(oscillation: float | None, step: float | None, steps: int | None, degree: float) -> StepCounts:
    """Steps of the spindle rotation.

    Parameters
    ----------
    oscillation, step : float or None
        Rotation range and step, radians; None or negative means not given.
    steps : int or None
        Number of steps; None or negative means not given, 0 counts as 1.
    degree : float
        One degree in radians, the range when only a count is given.

    Returns
    -------
    StepCounts
        The step may be zero or negative when a user gave it so.

    Raises
    ------
    UsageError
        If the step is absurdly small, or a range of zero is to be cut into steps.
    """
    width, step = _given(oscillation), _given(step)
    if steps is None or steps < 0:
        if width < 0.0:
            return NOTHING if step <= 0.0 else StepCounts(step, step, 2)
        if step <= 0.0:
            return StepCounts(width, width / 2.0, 2)
        if width == 0.0:
            raise UsageError(
                "{Sampling.oscillation=0} with a {Sampling.phi_step} leaves no step to simulate: give one of them, or "
                "{Sampling.phi_steps}"
            )
        return StepCounts(width, step, _samples_to_cover(width, step, "Sampling.phi_step"))
    steps = max(steps, 1)
    if width < 0.0:
        return StepCounts(degree, degree / steps, steps) if step <= 0.0 else StepCounts(step, step, 2)
    return StepCounts(width, width / steps if step < 0.0 else step, steps)


def mosaic_domain_count(spread: float | None, domains: int | None) -> tuple[float, int, str | None]:
    """Mosaic spread and number of domains.

    Parameters
    ----------
    spread : float or None
        Mosaic spread, any angular unit; None or negative means not given.
    domains : int or None
        Number of domains; None or not positive means not given.

    Returns
    -------
    spread : float
        The spread, 0 when not given.
    domains : int
        At least 1.
    warning : str or None
        What was changed against the user's word.
    """
    if domains is None or domains <= 0:
        if spread is None or spread < 0.0 or spread == 0.0:
            return 0.0, 1, None
        return spread, 10, (
            "a mosaic spread was given without a number of domains: using 10 (set {Crystal.mosaic_domains})"
        )
    if spread is None or spread < 0.0:
        return 0.0, 1, "mosaic domains were given without a mosaic spread: using 1 domain (set {Crystal.mosaic_spread})"
    if spread == 0.0:
        return 0.0, 1, "the mosaic spread is zero: using 1 domain"
    return spread, domains, None
