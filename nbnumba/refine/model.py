"""A model of pixels as a function of a vector of parameters, with its derivatives."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nbnumba.engine.derivatives import PixelList, add_weighted, apply_chain, derivative_engine
from nbnumba.engine.threads import share_out, thread_count
from nbnumba.errors import UsageError
from nbnumba.kernels.derivatives import BASIS, PHOTONS, Extras, column_count
from nbnumba.kernels.params import PIXELS_PER_BLOCK
from nbnumba.memory import machine_memory
from nbnumba.refine.amplitudes import make_amplitudes
from nbnumba.refine.background import PixelBackground, check_background
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


class _Part(NamedTuple):
    """Some pixels of one panel and the derivatives by their chain."""

    place: np.ndarray  # of each in the caller's order
    basis: np.ndarray
    panel: int


class PixelModel:
    """Photons of chosen pixels as a function of a vector of parameters, and the derivatives.

    A vector holds each parameter in units of its scale: ``values = vector * scales``. Every value of the model is the
    pixel of an image: ``simulate(model.experiment(x), dtype=float64)`` has the same, but for `background`.

    Parameters
    ----------
    experiment : Experiment
        Where to start; exact physics. Its crystal is a gauss, round or square one.
    parameters : sequence of str
        What to vary: "scale", "orientation" (rotation vector in the lab, degrees), "cell" (Å, degrees), "N",
        "mosaic_spread" (degrees), "distance" (of all panels along the beam, mm), "origin" (of each panel, mm),
        "panel_rotation" (of each panel about its centre, degrees), "beam_direction" (degrees), "wavelength_shift" (Å),
        "wavelength_scale", "spectrum" (weight of each line), "B" (Å²), "F" (amplitude of each reflection that reaches
        the pixels, electrons) or "F:h,k,l" (of one), "background" (factors of the thickness of each material of
        ``experiment.background``, and of `background`). Amplitudes and backgrounds stand last in a vector.
    pixels : array_like, shape (n, 3), or tuple of 3 array_like of shape (n,), int, or None
        Panel, slow and fast index of each pixel; None takes all that are inside the regions of interest and not masked.
    crystal_system : str
        Which constants of the cell are free: "triclinic" (all), "monoclinic" (b unique), "orthorhombic", "tetragonal",
        "hexagonal", "rhombohedral" or "cubic".
    background : array_like, shape (n,), or None
        Photons that are added to each pixel as they are, whatever the fluence.
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
        check_background(experiment, background is not None, names)
        self._base = prepared(experiment, bool(OF_GEOMETRY & set(names)), bool(OF_SPECTRUM & set(names)))
        model = lower(self._base)
        self._families = make_families(names, self._base, model, crystal_system)
        self.pixels = _all_pixels(model) if pixels is None else _checked_pixels(pixels, model)
        self._list = PixelList.of(*self.pixels.T)
        self._engine = derivative_engine(engine)
        self._threads = thread_count(threads) if self._engine.several_threads else 1
        self._amplitudes = make_amplitudes(names, self._base, model, lambda: self._factor_slopes(model))
        moves = bool((OF_GEOMETRY | OF_SPECTRUM) & set(names))
        self._background = PixelBackground(model, background, self._list, self._threads, moves)
        self._factors = self._background.family if "background" in names else None
        self._join()

    def _join(self) -> None:
        """Join the families' numbers: those that follow from the basis, amplitudes, the background's."""
        self._all: list[Family] = [*self._families, *filter(None, (self._amplitudes, self._factors))]
        self.names: tuple[str, ...] = tuple(name for part in self._all for name in part.names)
        start, self.scales, lower_bound, upper_bound = (
            np.concatenate([getattr(part, field) for part in self._all])
            for field in ("start", "scale", "lower", "upper")
        )
        self.start = start / self.scales
        self.bounds = lower_bound / self.scales, upper_bound / self.scales

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
        ends = np.cumsum([len(family.names) for family in self._all])
        return np.split(self._vector(x), ends[:-1])

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
        for family, values in zip(self._all, self._values(x), strict=True):
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
        model = lower(self.experiment(x))
        ordered, photons = np.empty(len(self.pixels)), np.empty(len(self.pixels))

        def compute(first: int, end: int) -> None:
            self._engine.photons(model.params, self._list, first, end, ordered[self._list.blocks[first, 0] :])

        share_out(compute, len(self._list.blocks), self._threads)
        photons[self._list.place] = ordered
        materials = self._background.of_materials(model)
        return self._with_image(x, photons if materials is None else photons + materials)

    def _with_image(self, x: ArrayLike, photons: np.ndarray) -> np.ndarray:
        """With the photons of the image that is added."""
        factors = None if self._factors is None else self._values(x)[-1]
        return np.asarray(photons + self._background.of_image(factors))

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

        Raises
        ------
        UsageError
            If the derivatives are larger than the machine's memory.
        """
        self._check_memory()
        chains = self._chains(x)
        photons, jacobian = np.empty(len(self.pixels)), np.empty((len(self.pixels), len(self.names)))
        own = self.scales[: chains.count]

        def compute(first: int, end: int) -> None:
            for part in self._parts(chains, first, end):
                apply_chain(part.basis, chains.of_panel(part.panel), part.place, own, photons, jacobian)

        share_out(compute, len(self._list.blocks), self._threads)
        for columns, rates in self._other_columns(x, chains):
            jacobian[:, columns] = (rates if isinstance(rates, np.ndarray) else rates.toarray()) * self.scales[columns]
        return self._with_image(x, photons), jacobian

    def _check_memory(self) -> None:
        needed = 8 * len(self.pixels) * len(self.names)
        if needed > machine_memory():
            raise UsageError(
                f"derivatives of {len(self.pixels)} pixels by {len(self.names)} parameters need {needed / 1e9:.3g} GB, "
                f"this machine has {machine_memory() / 1e9:.3g}: take fewer of either, or vjp, which keeps none"
            )

    def _other_columns(self, x: ArrayLike, chains: _Chains) -> Iterator[tuple[slice, Any]]:
        """Derivatives by amplitudes and by factors of the background: where they stand, and a (sparse) matrix."""
        values, first = self._values(x), chains.count
        if self._amplitudes is not None:
            own, slopes = values[len(self._families)], self._factor_slopes(chains.model)
            yield slice(first, first + len(own)), self._amplitudes.columns(slopes, chains.model.experiment, own)
            first += len(own)
        if self._factors is not None:
            yield slice(first, len(self.names)), self._background.columns(chains.model, values[-1])

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
        for columns, rates in self._other_columns(x, chains):
            gradient[columns] = rates.T @ weights
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
        return self._factor_slopes(lower(self.experiment(x)))

    def _factor_slopes(self, model: Model) -> StructureFactorSlopes:
        return structure_factor_slopes(model.params, self._list, self._threads)

    def _chains(self, x: ArrayLike) -> _Chains:
        model = lower(self.experiment(x))
        materials = None if self._background.moves else self._background.of_materials(model)
        return _Chains(self._families, self._values(x)[: len(self._families)], model, materials)

    def _parts(self, chains: _Chains, first: int, end: int) -> Iterator[_Part]:
        """The basis of a range of blocks, piece by piece."""
        blocks, size = self._list.blocks, self._engine.blocks_at_once
        basis = np.empty((min(size, end - first) * PIXELS_PER_BLOCK, chains.columns))
        for begin in range(first, end, size):
            stop = min(begin + size, end)
            self._engine.basis(chains.model.params, chains.extras, self._list, begin, stop, basis)
            start, last = int(blocks[begin, 0]), int(blocks[stop - 1, :2].sum())
            if self._background.moves:
                self._background.add_slopes(chains.model, chains.extras, (begin, stop), basis)
            elif chains.materials is not None:
                # linear in the fluence as the crystal's photons are; nothing else of the crystal changes them
                basis[: last - start, PHOTONS] += chains.materials[self._list.place[start:last]]
            panels = self._list.panel[start:last]
            borders = (np.flatnonzero(np.diff(panels)) + 1).tolist() if chains.by_panel else []
            edges = [0, *borders, last - start]
            for low, high in zip(edges[:-1], edges[1:], strict=True):
                yield _Part(self._list.place[start + low : start + high], basis[low:high], int(panels[low]))


class _Chains:
    """The chain rule at one point: from columns of the basis to parameters."""

    def __init__(
        self, families: Sequence[Family], values: Sequence[np.ndarray], model: Model, materials: np.ndarray | None
    ) -> None:
        self._families, self._values, self.model, self.materials = families, values, model, materials
        unknown = View(model.experiment, model, 0)
        rates = [family.rates(unknown, own) for family, own in zip(families, values, strict=True)]
        tables = [family.tables(unknown, own) for family, own in zip(families, values, strict=True)]
        lines = [family.lines(unknown) for family in families]
        counted = [(family, own) for family, own in zip(families, lines, strict=True) if own is not None]
        none = np.full(len(model.params.sources.table), -1, dtype=np.int64)
        nothing = np.zeros(0)
        idle = Family((), nothing, nothing, nothing, nothing)
        self.extras = Extras(
            np.ascontiguousarray(np.concatenate([idle.rates(unknown, nothing), *rates]).transpose(1, 0, 2)),
            np.concatenate([idle.tables(unknown, nothing), *tables]),
            counted[0][1] if counted else none, len(counted[0][0].names) if counted else 0,
        )  # fmt: skip
        self.columns = column_count(self.extras)
        self.count = sum(len(family.names) for family in families)
        self.by_panel = any(family.by_panel for family in families)
        self._view = View(model.experiment, model, self.columns)
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
