"""A model of pixels as a function of a vector of parameters, with its derivatives."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nbnumba.engine.derivatives import PixelList, add_weighted, apply_chain, derivative_engine
from nbnumba.engine.threads import share_out, thread_count
from nbnumba.errors import UsageError
from nbnumba.kernels.derivatives import BASIS, Extras, column_count
from nbnumba.kernels.params import PIXELS_PER_BLOCK
from nbnumba.refine.factor_slopes import StructureFactorSlopes, structure_factor_slopes
from nbnumba.refine.families import Family, View
from nbnumba.refine.prepare import prepared
from nbnumba.refine.registry import OF_GEOMETRY, OF_SPECTRUM, check_names, make_families
from nbnumba.setup.lowering import lower

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from nbnumba.config import Experiment
    from nbnumba.setup.model import Model

Pullback = Callable[["ArrayLike"], np.ndarray]


_BACKGROUND = Family(("background",), np.ones(1), np.full(1, 0.1), np.zeros(1), np.full(1, np.inf))
"""The factor of the background, which is no part of the experiment."""


class _Part(NamedTuple):
    """Some pixels of one panel and the derivatives by their chain."""

    place: np.ndarray  # of each in the caller's order
    basis: np.ndarray
    panel: int


class PixelModel:
    """Photons of chosen pixels as a function of a vector of parameters, and the derivatives.

    A vector holds each parameter in units of its scale: ``values = vector * scales``. Every value of the model is the
    pixel of an image: ``simulate(model.experiment(x), dtype=float64)`` has the same, but for the background.

    Parameters
    ----------
    experiment : Experiment
        Where to start; exact physics. Its crystal is a gauss, round or square one.
    parameters : sequence of str
        What to vary: "scale", "orientation" (rotation vector in the lab, degrees), "cell" (Å, degrees), "N",
        "mosaic_spread" (degrees), "distance" (of all panels along the beam, mm), "origin" (of each panel, mm),
        "panel_rotation" (of each panel about its centre, degrees), "beam_direction" (degrees), "wavelength_shift" (Å),
        "wavelength_scale", "spectrum" (weight of each line), "B" (Å²), "background" (factor of `background`).
    pixels : array_like, shape (n, 3), or tuple of 3 array_like of shape (n,), int, or None
        Panel, slow and fast index of each pixel; None takes all that are inside the regions of interest and not masked.
    crystal_system : str
        Which constants of the cell are free: "triclinic" (all), "monoclinic" (b unique), "orthorhombic", "tetragonal",
        "hexagonal", "rhombohedral" or "cubic".
    background : array_like, shape (n,), or None
        Photons that are added to each pixel.
    engine : str
        "cpu", "reference", or "cuda" on an NVIDIA GPU.
    threads : int or None
        CPU threads; None takes all cores.

    Attributes
    ----------
    names : tuple of str
        Of each entry of a vector.
    start : ndarray, shape (k,), float64
        The vector of the given experiment.
    scales : ndarray, shape (k,), float64
        In user units.
    bounds : tuple of 2 ndarray, shape (k,), float64
        Smallest and largest vector.
    pixels : ndarray, shape (n, 3), int64
        Panel, slow and fast index of each pixel.

    Raises
    ------
    UsageError
        If the experiment has no derivatives, a parameter does nothing, or a pixel is none.

    Examples
    --------
    >>> model = PixelModel(experiment, ["scale", "orientation", "cell"])
    >>> photons, jacobian = model.value_and_jacobian(model.start)
    """

    def __init__(
        self,
        experiment: Experiment,
        parameters: Sequence[str],
        pixels: ArrayLike | tuple[ArrayLike, ArrayLike, ArrayLike] | None = None,
        *,
        crystal_system: str = "triclinic",
        background: ArrayLike | None = None,
        engine: str = "cpu",
        threads: int | None = None,
    ) -> None:
        names = check_names(parameters)
        self._base = prepared(experiment, bool(OF_GEOMETRY & set(names)), bool(OF_SPECTRUM & set(names)))
        model = lower(self._base)
        self._families = make_families(names, self._base, model, crystal_system)
        self.pixels = _all_pixels(model) if pixels is None else _checked_pixels(pixels, model)
        self._list = PixelList.of(*self.pixels.T)
        self._background = _checked_background(background, len(self.pixels), "background" in names)
        self._engine = derivative_engine(engine)
        self._threads = thread_count(threads) if self._engine.several_threads else 1
        self._set_vector("background" in names)

    def _set_vector(self, scales_background: bool) -> None:
        """Join the families' numbers."""
        last = [_BACKGROUND] if scales_background else []
        parts = [*self._families, *last]
        self.names: tuple[str, ...] = tuple(name for part in parts for name in part.names)
        start, self.scales, lower_bound, upper_bound = (
            np.concatenate([getattr(part, field) for part in parts]) for field in ("start", "scale", "lower", "upper")
        )
        self.start = start / self.scales
        self.bounds = lower_bound / self.scales, upper_bound / self.scales
        self._scales_background = scales_background

    def _vector(self, x: ArrayLike) -> np.ndarray:
        """Values in user units."""
        vector = np.asarray(x, dtype=np.float64)
        if vector.shape != self.start.shape:
            raise UsageError(f"{{x}} has the shape {vector.shape}; there are {len(self.names)} parameters")
        if not np.isfinite(vector).all():
            raise UsageError(f"{{x}}: {self.names[int(np.argmin(np.isfinite(vector)))]} is not a finite number")
        return np.asarray(vector * self.scales)

    def _values(self, x: ArrayLike) -> list[np.ndarray]:
        """Values of each family."""
        vector, values, first = self._vector(x), [], 0
        for family in self._families:
            values.append(vector[first : first + len(family.names)])
            first += len(family.names)
        return values

    def values(self, x: ArrayLike) -> dict[str, float]:
        """The parameters in user units.

        Parameters
        ----------
        x : array_like, shape (k,)
            The vector.

        Returns
        -------
        dict
            Name -> value; see `PixelModel` for the units.
        """
        return dict(zip(self.names, self._vector(x).tolist(), strict=True))

    def experiment(self, x: ArrayLike) -> Experiment:
        """The experiment with these parameters.

        Parameters
        ----------
        x : array_like, shape (k,)
            The vector.

        Returns
        -------
        Experiment
            With unit cell and orientation, and a detector of panels where its geometry is refined.
        """
        experiment = self._base
        for family, values in zip(self._families, self._values(x), strict=True):
            experiment = family.apply(experiment, values)
        return experiment

    def __call__(self, x: ArrayLike) -> np.ndarray:
        """Photons of each pixel.

        Parameters
        ----------
        x : array_like, shape (k,)
            The vector.

        Returns
        -------
        ndarray, shape (n,), float64
        """
        params = lower(self.experiment(x)).params
        ordered, photons = np.empty(len(self.pixels)), np.empty(len(self.pixels))

        def compute(first: int, end: int) -> None:
            self._engine.photons(params, self._list, first, end, ordered[self._list.blocks[first, 0] :])

        share_out(compute, len(self._list.blocks), self._threads)
        photons[self._list.place] = ordered
        return self._with_background(x, photons)

    def _with_background(self, x: ArrayLike, photons: np.ndarray) -> np.ndarray:
        if self._background is None:
            return photons
        factor = self._vector(x)[-1] if self._scales_background else 1.0
        return np.asarray(photons + factor * self._background)

    def value_and_jacobian(self, x: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Photons of each pixel and their derivatives by the vector.

        Parameters
        ----------
        x : array_like, shape (k,)
            The vector.

        Returns
        -------
        photons : ndarray, shape (n,), float64
        jacobian : ndarray, shape (n, k), float64
        """
        chains = self._chains(x)
        photons, jacobian = np.empty(len(self.pixels)), np.empty((len(self.pixels), len(self.names)))
        own = self.scales[: chains.count]

        def compute(first: int, end: int) -> None:
            for part in self._parts(chains, first, end):
                apply_chain(part.basis, chains.of_panel(part.panel), part.place, own, photons, jacobian)

        share_out(compute, len(self._list.blocks), self._threads)
        if self._scales_background:
            jacobian[:, -1] = self._background * self.scales[-1]
        return self._with_background(x, photons), jacobian

    def vjp(self, x: ArrayLike) -> tuple[np.ndarray, Pullback]:
        """Photons of each pixel, and the function that takes weights of pixels to the gradient of their weighted sum.

        Parameters
        ----------
        x : array_like, shape (k,)
            The vector.

        Returns
        -------
        photons : ndarray, shape (n,), float64
        pullback : callable
            From weights, shape (n,), to Jᵀ·weights, shape (k,). It needs no memory for J.
        """
        point = np.array(x, dtype=np.float64)
        return self(point), lambda weights: self._pulled_back(point, np.asarray(weights, dtype=np.float64))

    def _pulled_back(self, x: np.ndarray, weights: np.ndarray) -> np.ndarray:
        if weights.shape != (len(self.pixels),):
            raise UsageError(f"{{weights}} has the shape {weights.shape}; there are {len(self.pixels)} pixels")
        chains = self._chains(x)
        gradient, turn = np.zeros(len(self.names)), threading.Lock()

        def compute(first: int, end: int) -> None:
            for part in self._parts(chains, first, end):
                total = np.zeros(chains.columns)
                add_weighted(part.basis, weights, part.place, total)
                with turn:
                    gradient[: chains.count] += chains.of_panel(part.panel) @ total

        share_out(compute, len(self._list.blocks), self._threads)
        if self._scales_background:
            gradient[-1] = weights @ self._background
        return np.asarray(gradient * self.scales)

    def structure_factor_slopes(self, x: ArrayLike) -> StructureFactorSlopes:
        """Derivatives of each pixel by the amplitude of each reflection, dI/dF: a sparse matrix.

        A term F²·L² belongs to the nearest reflection, so its derivative is 2·F·L², and a pixel has few reflections.
        Each entry of the table counts by itself: what symmetry makes equal is the sum of its columns. One whose F is
        zero changes no pixel to first order and has no column, nor has one outside of the table, whose amplitude is
        `default_F`. Computed on the processor, whatever the engine.

        Parameters
        ----------
        x : array_like, shape (k,)
            The vector.

        Returns
        -------
        StructureFactorSlopes
            ``matrix``, scipy.sparse.csr_array of shape (n, m), float64, photons per electron: a row for each pixel, a
            column for each reflection that reaches one; ``miller_index``, shape (m, 3), of each column.

        Raises
        ------
        UsageError
            If there is no table of structure factors, or it is interpolated.
        """
        return structure_factor_slopes(lower(self.experiment(x)).params, self._list, self._threads)

    def _chains(self, x: ArrayLike) -> _Chains:
        experiment = self.experiment(x)
        return _Chains(self._families, self._values(x), lower(experiment), experiment)

    def _parts(self, chains: _Chains, first: int, end: int) -> Iterator[_Part]:
        """The basis of a range of blocks, piece by piece."""
        blocks, size = self._list.blocks, self._engine.blocks_at_once
        basis = np.empty((min(size, end - first) * PIXELS_PER_BLOCK, chains.columns))
        for begin in range(first, end, size):
            stop = min(begin + size, end)
            self._engine.basis(chains.params, chains.extras, self._list, begin, stop, basis)
            start, last = int(blocks[begin, 0]), int(blocks[stop - 1, :2].sum())
            panels = self._list.panel[start:last]
            borders = (np.flatnonzero(np.diff(panels)) + 1).tolist() if chains.by_panel else []
            edges = [0, *borders, last - start]
            for low, high in zip(edges[:-1], edges[1:], strict=True):
                yield _Part(self._list.place[start + low : start + high], basis[low:high], int(panels[low]))


class _Chains:
    """The chain rule at one point: from columns of the basis to parameters."""

    def __init__(
        self, families: Sequence[Family], values: Sequence[np.ndarray], model: Model, experiment: Experiment
    ) -> None:
        self._families, self._values, self.params = families, values, model.params
        unknown = View(experiment, model, 0)
        rates = [family.rates(unknown, own) for family, own in zip(families, values, strict=True)]
        tables = [family.tables(unknown, own) for family, own in zip(families, values, strict=True)]
        lines = [family.lines(unknown) for family in families]
        counted = [(family, own) for family, own in zip(families, lines, strict=True) if own is not None]
        none = np.full(len(model.params.sources.table), -1, dtype=np.int64)
        self.extras = Extras(
            np.ascontiguousarray(np.concatenate(rates).transpose(1, 0, 2)), np.concatenate(tables),
            counted[0][1] if counted else none, len(counted[0][0].names) if counted else 0,
        )  # fmt: skip
        self.columns = column_count(self.extras)
        self.count = sum(len(family.names) for family in families)
        self.by_panel = any(family.by_panel for family in families)
        self._view = View(experiment, model, self.columns)
        self._rates, self._tables = [len(own) for own in rates], [len(own) for own in tables]
        self._known: dict[int, np.ndarray] = {}

    def of_panel(self, panel: int) -> np.ndarray:
        """Derivatives by the parameters as sums over the columns: shape (parameters, columns)."""
        panel = panel if self.by_panel else 0
        known = self._known.get(panel)
        if known is None:
            # of one panel at a time: those of hundreds of panels are large
            known = self._made(panel)
            self._known = {panel: known}
        return known

    def _made(self, panel: int) -> np.ndarray:
        rows = []
        rate, table = BASIS, BASIS + sum(self._rates)
        lines = table + sum(self._tables)
        for family, values, rates, tables in zip(self._families, self._values, self._rates, self._tables, strict=True):
            chain = family.chain(self._view, values, panel, lines)
            chain[np.arange(rates), rate + np.arange(rates)] = 1.0
            chain[np.arange(tables), table + np.arange(tables)] = 1.0
            rate, table = rate + rates, table + tables
            rows.append(chain)
        return np.concatenate(rows) if rows else np.zeros((0, self.columns))


def _all_pixels(model: Model) -> np.ndarray:
    """Every pixel inside the regions of interest that is not masked."""
    pixels, offset = [], 0
    mask = model.params.panels.mask if model.params.panels.has_mask else None
    for number, (window, (height, width)) in enumerate(zip(model.windows, model.shapes, strict=True)):
        slow, fast = np.mgrid[window.slow_start : window.slow_stop, window.fast_start : window.fast_stop]
        chosen = np.column_stack([np.full(slow.size, number), slow.ravel(), fast.ravel()])
        if mask is not None:
            chosen = chosen[mask[offset + chosen[:, 1] * width + chosen[:, 2]] != 0]
        pixels.append(chosen)
        offset += height * width
    joined = np.concatenate(pixels).astype(np.int64)
    if len(joined) == 0:
        raise UsageError("{Detector.mask}: every pixel is masked")
    return joined


def _checked_pixels(pixels: Any, model: Model) -> np.ndarray:
    """Panel, slow and fast index of pixels that there are."""
    given = np.column_stack(pixels) if isinstance(pixels, tuple) else np.asarray(pixels)
    if given.ndim != 2 or given.shape[1] != 3 or given.dtype.kind not in "iu" or len(given) == 0:
        raise UsageError("{pixels}: give panel, slow and fast index of one pixel or more, whole numbers")
    chosen = given.astype(np.int64)
    shapes = np.array(model.shapes)
    panel = chosen[:, 0]
    size = shapes[np.clip(panel, 0, len(shapes) - 1)]
    outside = (panel < 0) | (panel >= len(shapes)) | np.any((chosen[:, 1:] < 0) | (chosen[:, 1:] >= size), axis=1)
    if outside.any():
        raise UsageError(
            f"{{pixels}}: panel, slow, fast = {tuple(chosen[int(outside.argmax())].tolist())} lies outside of "
            f"{len(shapes)} panel(s) of {' '.join(f'{s} x {f}' for s, f in shapes[:3].tolist())} (slow x fast)"
        )
    if model.params.panels.has_mask:
        offsets = np.concatenate([[0], np.cumsum(shapes.prod(axis=1))])
        masked = model.params.panels.mask[offsets[panel] + chosen[:, 1] * size[:, 1] + chosen[:, 2]] == 0
        if masked.any():
            pixel = tuple(chosen[int(masked.argmax())].tolist())
            raise UsageError(f"{{pixels}}: panel, slow, fast = {pixel} is masked; leave it out")
    return chosen


def _checked_background(background: ArrayLike | None, count: int, scaled: bool) -> np.ndarray | None:
    if background is None:
        if scaled:
            raise UsageError("{parameters}: the scale of a background needs one: give {background}")
        return None
    photons = np.asarray(background, dtype=np.float64).ravel()
    if len(photons) != count:
        raise UsageError(f"{{background}} has {len(photons)} pixels; the model has {count}")
    return photons
