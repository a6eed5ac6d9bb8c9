"""Detectors that can be had: their modules, gaps, pixels and sensors by name, and their panels before the sample.

Sizes and gaps are the makers'. The image that a hybrid-pixel detector writes is its grid of modules, gaps included.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbnumba.config.panel import Panel
from nbnumba.config.rules import NUMBER, Rule, UnfitError, several
from nbnumba.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    from nbnumba.config.panel import Vector

_SATURATION_16_BIT = 65533.0
"""Of 16-bit images of hybrid pixels: the two values above stand for masked pixels."""


@dataclass(frozen=True)
class Tiling:
    """Equal pieces of a module that stand apart, such as the chips of a JUNGFRAU without their wider border pixels.

    Attributes
    ----------
    counts : tuple of 2 int
        Pieces along fast and slow.
    size : tuple of 2 int
        Pixels of one piece along fast and slow.
    pitch : int
        Pixels from one piece to the next.
    first : int
        Pixels from the module's edge to the first piece.
    """

    counts: tuple[int, int]
    size: tuple[int, int]
    pitch: int
    first: int


@dataclass(frozen=True)
class DetectorModel:
    """A detector as its maker describes it.

    Attributes
    ----------
    name : str
        Maker's name.
    modules : tuple of 2 int
        Modules along fast and slow.
    module_size : tuple of 2 int
        Pixels of a module along fast and slow.
    gap : tuple of 2 int
        Pixels between neighbouring modules along fast and slow.
    pixel_size : float
        Pixel edge, mm.
    thickness : float
        Sensor, mm; 0 for a phosphor, whose depth is not resolved.
    material : str
        Sensor material; empty for a phosphor.
    saturation : float
        Largest pixel value that is a measurement.
    tiling : Tiling or None
        Pieces of each module that become panels of their own; None makes one panel of the whole detector.
    """

    name: str
    modules: tuple[int, int]
    module_size: tuple[int, int]
    gap: tuple[int, int]
    pixel_size: float
    thickness: float
    material: str
    saturation: float
    tiling: Tiling | None = None

    @property
    def image_size(self) -> tuple[int, int]:
        """Pixels along fast and slow, gaps included: n modules and n - 1 gaps."""
        fast, slow = (
            size * count + gap * (count - 1)
            for size, count, gap in zip(self.module_size, self.modules, self.gap, strict=True)
        )
        return fast, slow

    def module_corners(self) -> list[tuple[int, int]]:
        """The first pixel (fast, slow) of every module, row by row."""
        steps = (self.module_size[0] + self.gap[0], self.module_size[1] + self.gap[1])
        return [(i * steps[0], j * steps[1]) for j in range(self.modules[1]) for i in range(self.modules[0])]


def _pilatus(name: str, modules: tuple[int, int]) -> DetectorModel:
    """Modules of 487 x 195 pixels of 0.172 mm; a counter has 20 bits."""
    return DetectorModel(f"PILATUS {name}", modules, (487, 195), (7, 17), 0.172, 0.32, "Si", 2.0**20 - 1.0)


def _eiger(name: str, modules: tuple[int, int]) -> DetectorModel:
    return DetectorModel(f"EIGER {name}", modules, (1030, 514), (10, 37), 0.075, 0.45, "Si", _SATURATION_16_BIT)


def _eiger2(name: str, modules: tuple[int, int]) -> DetectorModel:
    return DetectorModel(f"EIGER2 {name}", modules, (1028, 512), (12, 38), 0.075, 0.45, "Si", _SATURATION_16_BIT)


def _jungfrau(name: str, modules: tuple[int, int]) -> DetectorModel:
    """Modules of 2 x 4 chips with 256 x 256 pixels, of which those at a border between chips are twice as wide.

    On the regular grid of 0.075 mm a module is thus 1030 x 514 pixels; the chips without any border pixel are the
    panels. The gaps are those of the 4M at the Swiss Light Source. Saturation: 10⁴ photons of 12 keV.
    """
    chips = Tiling(counts=(4, 2), size=(254, 254), pitch=258, first=1)
    return DetectorModel(f"JUNGFRAU {name}", modules, (1030, 514), (8, 36), 0.075, 0.32, "Si", 1e4, chips)


def _rayonix(name: str, pixels: int, pixel_size: float) -> DetectorModel:
    """A phosphor before tapers and CCDs, without gaps; read with 2 x 2 pixels as one, the usual way."""
    return DetectorModel(f"Rayonix {name}", (1, 1), (pixels, pixels), (0, 0), pixel_size, 0.0, "", 65535.0)


DETECTORS = {
    model.name.lower().replace(" ", "-"): model
    for model in (
        *(_pilatus(*row) for row in (
            ("100K", (1, 1)), ("300K", (1, 3)), ("300K-W", (3, 1)), ("1M", (2, 5)), ("2M", (3, 8)), ("6M", (5, 12)),
        )),
        *(_eiger(*row) for row in (("500K", (1, 1)), ("1M", (1, 2)), ("4M", (2, 4)), ("9M", (3, 6)), ("16M", (4, 8)))),
        *(_eiger2(*row) for row in (("500K", (1, 1)), ("1M", (1, 2)), ("4M", (2, 4)), ("9M", (3, 6)), ("16M", (4, 8)))),
        *(_jungfrau(*row) for row in (("4M", (2, 4)), ("16M", (4, 8)))),
        *(_rayonix(*row) for row in (
            ("MX170-HS", 1920, 0.0885417), ("MX225", 3072, 0.073242), ("MX225-HS", 2880, 0.078125),
            ("MX300", 4096, 0.073242), ("MX300-HS", 3840, 0.078125), ("MX325", 4096, 0.079346),
            ("MX340-HS", 3840, 0.0885417),
        )),
    )
}  # fmt: skip
"""Name -> detector; names are the makers', in small letters with hyphens."""


def detector_model(name: str) -> DetectorModel:
    """A detector by name.

    Parameters
    ----------
    name : str
        As in `DETECTORS`; capitals, and spaces or underscores for hyphens, make no difference.

    Returns
    -------
    DetectorModel

    Raises
    ------
    UsageError
        If the name is unknown; the message holds the nearest ones.
    """
    if not isinstance(name, str):
        raise UsageError(f"{{name}} must be that of a detector, such as eiger-16m, not {name!r}")
    key = name.strip().lower().replace(" ", "-").replace("_", "-")
    if key not in DETECTORS:
        nearest = difflib.get_close_matches(key, DETECTORS, n=3, cutoff=0.0)
        raise UsageError(f"unknown detector {name!r}: did you mean {', '.join(nearest)}?")
    return DETECTORS[key]


def detector_panels(
    name: str, distance: float, beam_centre: tuple[float, float] | None = None
) -> tuple[Panel, ...]:
    """The panels of a detector that stands square to the beam, in the lab frame of DIALS.

    Parameters
    ----------
    name : str
        Detector, see `detector_model`.
    distance : float
        Sample to detector, mm.
    beam_centre : tuple of 2 float or None
        Where the beam meets the detector: fast, slow, mm from the outer corner of the first pixel; None means its
        middle.

    Returns
    -------
    tuple of Panel
        One panel with a mask of its gaps, or one for each piece where pieces stand apart.

    Raises
    ------
    UsageError
        If the name is unknown or a number impossible.
    """
    model = detector_model(name)
    distance = _read("distance", NUMBER, distance)
    if not distance > 0.0:
        raise UsageError(f"{{distance}} is {distance}: the detector must stand behind the sample")
    middle = (model.image_size[0] * model.pixel_size / 2.0, model.image_size[1] * model.pixel_size / 2.0)
    fast, slow = middle if beam_centre is None else _read("beam_centre", several(2, NUMBER), beam_centre)
    corner = (-fast, slow, -distance)
    if model.tiling is None:
        return (_panel(model, model.name, corner, (0, 0), model.image_size, _gap_mask(model)),)
    return tuple(
        _panel(model, f"module{m:02d}chip{t}", corner, (m_fast + t_fast, m_slow + t_slow), model.tiling.size, None)
        for m, (m_fast, m_slow) in enumerate(model.module_corners())
        for t, (t_fast, t_slow) in enumerate(_tile_corners(model.tiling))
    )


def _read(name: str, rule: Rule, value: Any) -> Any:
    """An argument as its rule reads it."""
    try:
        return rule(value)
    except UnfitError as error:
        raise UsageError(f"{{{name}}} {error}") from None


def _tile_corners(tiling: Tiling) -> list[tuple[int, int]]:
    """The first pixel (fast, slow) of each piece, counted from the module's corner."""
    columns, rows = ([tiling.first + i * tiling.pitch for i in range(count)] for count in tiling.counts)
    return [(fast, slow) for slow in rows for fast in columns]


def _panel(
    model: DetectorModel, name: str, corner: Vector, first: tuple[int, int], size: tuple[int, int],
    mask: np.ndarray | None,
) -> Panel:
    """A piece of the detector that begins at a pixel."""
    pixel = model.pixel_size
    return Panel(
        origin=(corner[0] + first[0] * pixel, corner[1] - first[1] * pixel, corner[2]),
        fast=(1.0, 0.0, 0.0), slow=(0.0, -1.0, 0.0), pixel_size=(pixel, pixel), image_size=size, name=name,
        trusted_range=(0.0, model.saturation), thickness=model.thickness, material=model.material, mask=mask,
    )


def _gap_mask(model: DetectorModel) -> np.ndarray | None:
    """True inside modules; None for a single module."""
    return None if model.modules == (1, 1) else _mask_of(model, model.module_corners(), model.module_size)


def measuring_pixels(model: DetectorModel) -> np.ndarray | None:
    """Which pixels of the detector's whole grid measure: those of its panels, as one plane.

    Parameters
    ----------
    model : DetectorModel
        From `detector_model`.

    Returns
    -------
    ndarray, shape (slow, fast), bool, or None
        False in gaps; None if there are none.
    """
    if model.tiling is None:
        return _gap_mask(model)
    tiles = [
        (m_fast + t_fast, m_slow + t_slow)
        for m_fast, m_slow in model.module_corners() for t_fast, t_slow in _tile_corners(model.tiling)
    ]  # fmt: skip
    return _mask_of(model, tiles, model.tiling.size)


def _mask_of(model: DetectorModel, corners: Iterable[tuple[int, int]], size: tuple[int, int]) -> np.ndarray:
    """True in rectangles of one size."""
    import numpy as np

    mask = np.zeros(model.image_size[::-1], dtype=np.bool_)
    for fast, slow in corners:
        mask[slow : slow + size[1], fast : fast + size[0]] = True
    return mask
