"""Families of parameters: what each changes in an experiment, and how its derivatives follow from the basis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nbnumba.config import Orientation, Spectrum, StructureFactors, UnitCell
from nbnumba.kernels.derivatives import BEAM, CELLS, INDICES, PHOTONS, ROTATION, TRANSLATION, WAVELENGTH
from nbnumba.refine.rotations import crossing, default_axes_slopes, rotation, turning_rates
from nbnumba.setup.mosaic import domain_vectors
from nbnumba.setup.units import ANGSTROM, DEGREES_PER_RADIAN, MM

if TYPE_CHECKING:
    from nbnumba.config import Beam, Experiment, Panel
    from nbnumba.setup.model import Model

PER_DEGREE = 1.0 / DEGREES_PER_RADIAN


@dataclass(frozen=True)
class View:
    """An experiment of certain values, set up.

    Attributes
    ----------
    experiment : Experiment
    model : Model
    columns : int
        Of the basis.
    """

    experiment: Experiment
    model: Model
    columns: int


@dataclass(frozen=True)
class Family:
    """Parameters that belong together.

    Attributes
    ----------
    names : tuple of str
        Of each parameter.
    start : ndarray, shape (n,), float64
        Values of the given experiment, in user units.
    scale : ndarray, shape (n,), float64
        A step of each that changes an image noticeably, same units.
    lower, upper : ndarray, shape (n,), float64
        Bounds, same units.
    """

    names: tuple[str, ...]
    start: np.ndarray
    scale: np.ndarray
    lower: np.ndarray
    upper: np.ndarray

    @property
    def by_panel(self) -> bool:
        """Whether `chain` differs from panel to panel."""
        return False

    def apply(self, experiment: Experiment, values: np.ndarray) -> Experiment:
        """The experiment with these values.

        Parameters
        ----------
        experiment : Experiment
        values : ndarray, shape (n,), float64
        """
        raise NotImplementedError

    def rates(self, view: View, values: np.ndarray) -> np.ndarray:
        """How mosaic domains turn with the parameters beyond what `chain` says.

        Parameters
        ----------
        view : View
        values : ndarray, shape (n,), float64

        Returns
        -------
        ndarray, shape (0 or n, domains, 3), float64
            Rotation vectors, radians per unit of the parameter; shape (0, ...) where they do not.
        """
        return np.zeros((0, len(view.model.mosaic_umats), 3))

    def tables(self, view: View, values: np.ndarray) -> np.ndarray:
        """Derivatives of the kernels' table of structure factors.

        Parameters
        ----------
        view : View
        values : ndarray, shape (n,), float64

        Returns
        -------
        ndarray, shape (0 or n, table), float64
        """
        return np.zeros((0, view.model.params.factors.amplitudes.size))

    def lines(self, view: View) -> np.ndarray | None:
        """To which parameter each source belongs, shape (sources,), int64; None if sources don't matter."""
        return None

    def chain(self, view: View, values: np.ndarray, panel: int, first: int) -> np.ndarray:
        """Derivatives of a pixel by the parameters as sums over the columns of its basis.

        Parameters
        ----------
        view : View
        values : ndarray, shape (n,), float64
        panel : int
            That of the pixel.
        first : int
            The family's own first column, if it has lines.

        Returns
        -------
        ndarray, shape (n, columns), float64
        """
        return np.zeros((len(self.names), view.columns))


class Scale(Family):
    """A factor of all photons of the experiment."""

    def apply(self, experiment: Experiment, values: np.ndarray) -> Experiment:
        beam, factor = experiment.beam, float(values[0])
        return replace(experiment, beam=replace(beam, fluence=beam.fluence * factor, flux=beam.flux * factor))

    def chain(self, view: View, values: np.ndarray, panel: int, first: int) -> np.ndarray:
        chain = super().chain(view, values, panel, first)
        chain[0, PHOTONS] = 1.0 / values[0]
        return chain


def _axes(model: Model) -> np.ndarray:
    """Rows a, b, c at spindle angle zero, Å."""
    return np.array([model.lattice.a, model.lattice.b, model.lattice.c])


def _by_axes(chain: np.ndarray, model: Model, slopes: np.ndarray) -> np.ndarray:
    """Fill a chain with what follows from derivatives of the cell vectors, shape (n, 3, 3), Å per unit."""
    chain[:, INDICES : INDICES + 9] = (slopes @ np.linalg.inv(_axes(model))).reshape(-1, 9)
    return chain


def _rates_of_axes(view: View, slopes: np.ndarray) -> np.ndarray:
    """How domains turn when the axes do about which three mosaic spreads are meant."""
    crystal, domains = view.experiment.crystal, len(view.model.mosaic_umats)
    if not isinstance(crystal.mosaic_spread, tuple) or crystal.mosaic_rotations is not None:
        return np.zeros((0, domains, 3))
    axes = _axes(view.model)
    lengths = np.linalg.norm(axes, axis=1)[:, None]
    units = axes / lengths
    across = slopes - np.sum(slopes * units, axis=2, keepdims=True) * units
    spread = np.radians(crystal.mosaic_spread)[:, None]
    drawn = domain_vectors(crystal, domains)
    turning = turning_rates(drawn @ (spread * units))
    return np.einsum("mij,mk,nkj->nmi", turning, drawn, spread * across / lengths)


class Orient(Family):
    """A rotation vector in the lab that turns the given orientation, degrees."""

    def apply(self, experiment: Experiment, values: np.ndarray) -> Experiment:
        crystal = experiment.crystal
        assert crystal.orientation is not None
        turned = rotation(values * PER_DEGREE) @ crystal.orientation.matrix
        return replace(experiment, crystal=replace(crystal, orientation=Orientation(turned)))

    def _slopes(self, view: View, values: np.ndarray) -> np.ndarray:
        turning = turning_rates((values * PER_DEGREE)[None])[0]
        return PER_DEGREE * np.einsum("nij,kj->nki", crossing(turning.T), _axes(view.model))

    def rates(self, view: View, values: np.ndarray) -> np.ndarray:
        return _rates_of_axes(view, self._slopes(view, values))

    def chain(self, view: View, values: np.ndarray, panel: int, first: int) -> np.ndarray:
        chain = super().chain(view, values, panel, first)
        return _by_axes(chain, view.model, self._slopes(view, values))


@dataclass(frozen=True)
class Cell(Family):
    """The free constants of the unit cell, Å and degrees.

    Attributes
    ----------
    expansion : ndarray, shape (6, n), float64
        The six constants are this times the free ones, plus `constant`.
    constant : ndarray, shape (6,), float64
    """

    expansion: np.ndarray
    constant: np.ndarray

    def apply(self, experiment: Experiment, values: np.ndarray) -> Experiment:
        cell = UnitCell(*(self.expansion @ values + self.constant).tolist())
        return replace(experiment, crystal=replace(experiment.crystal, unit_cell=cell))

    def _slopes(self, view: View) -> np.ndarray:
        crystal = view.experiment.crystal
        cell = crystal.unit_cell
        assert cell is not None
        assert crystal.orientation is not None
        constants = np.array([cell.a, cell.b, cell.c, cell.alpha, cell.beta, cell.gamma], dtype=np.float64)
        constants[3:] *= PER_DEGREE
        slopes = default_axes_slopes(constants) @ crystal.orientation.matrix.T
        slopes[3:] *= PER_DEGREE
        return np.einsum("cn,cij->nij", self.expansion, slopes)

    def rates(self, view: View, values: np.ndarray) -> np.ndarray:
        return _rates_of_axes(view, self._slopes(view))

    def chain(self, view: View, values: np.ndarray, panel: int, first: int) -> np.ndarray:
        return _by_axes(super().chain(view, values, panel, first), view.model, self._slopes(view))


class Cells(Family):
    """Numbers of unit cells along a, b and c."""

    def apply(self, experiment: Experiment, values: np.ndarray) -> Experiment:
        return replace(experiment, crystal=replace(experiment.crystal, cells=tuple(values.tolist())))

    def chain(self, view: View, values: np.ndarray, panel: int, first: int) -> np.ndarray:
        chain = super().chain(view, values, panel, first)
        chain[np.arange(3), CELLS + np.arange(3)] = 1.0 / values
        return chain


class MosaicSpread(Family):
    """The mosaic spread, or three, degrees; the domains stay the ones that their seed draws."""

    def apply(self, experiment: Experiment, values: np.ndarray) -> Experiment:
        spread = tuple(values.tolist()) if len(values) == 3 else float(values[0])
        return replace(experiment, crystal=replace(experiment.crystal, mosaic_spread=spread))

    def rates(self, view: View, values: np.ndarray) -> np.ndarray:
        drawn = domain_vectors(view.experiment.crystal, len(view.model.mosaic_umats))
        if len(values) == 1:
            return PER_DEGREE * drawn[None]
        axes = _axes(view.model)
        axes = axes / np.linalg.norm(axes, axis=1)[:, None]
        turning = turning_rates(drawn @ (np.radians(values)[:, None] * axes))
        return PER_DEGREE * np.einsum("mij,mn,nj->nmi", turning, drawn, axes)


def _moved(panel: Panel, shift: np.ndarray) -> Panel:
    return replace(panel, origin=tuple((np.array(panel.origin) + shift).tolist()))


def _with_panels(experiment: Experiment, panels: Sequence[Panel]) -> Experiment:
    return replace(experiment, detector=replace(experiment.detector, panels=tuple(panels)))


@dataclass(frozen=True)
class Distance(Family):
    """How far all panels are shifted along the beam, mm; stated as the distance of the first one along it.

    Attributes
    ----------
    direction : ndarray, shape (3,), float64
        Of the beam at the start.
    """

    direction: np.ndarray

    def apply(self, experiment: Experiment, values: np.ndarray) -> Experiment:
        shift = (values[0] - self.start[0]) * self.direction
        return _with_panels(experiment, [_moved(panel, shift) for panel in experiment.detector.panels or ()])

    def chain(self, view: View, values: np.ndarray, panel: int, first: int) -> np.ndarray:
        chain = super().chain(view, values, panel, first)
        chain[0, TRANSLATION : TRANSLATION + 3] = self.direction / MM
        return chain


class Origins(Family):
    """Shifts of each panel along lab x, y and z, stated as its origin, mm."""

    @property
    def by_panel(self) -> bool:
        return True

    def apply(self, experiment: Experiment, values: np.ndarray) -> Experiment:
        panels, shifts = experiment.detector.panels or (), (values - self.start).reshape(-1, 3)
        return _with_panels(experiment, [_moved(panel, shift) for panel, shift in zip(panels, shifts, strict=True)])

    def chain(self, view: View, values: np.ndarray, panel: int, first: int) -> np.ndarray:
        chain = super().chain(view, values, panel, first)
        chain[3 * panel : 3 * panel + 3, TRANSLATION : TRANSLATION + 3] = np.eye(3) / MM
        return chain


def _frame(panel: Panel) -> np.ndarray:
    """Columns fast, slow and normal."""
    return np.column_stack([panel.fast, panel.slow, np.cross(panel.fast, panel.slow)])


def _to_centre(panel: Panel) -> np.ndarray:
    """From a panel's origin to its centre, mm."""
    edges = 0.5 * np.array(panel.image_size) * panel.pixel_size
    return edges[0] * np.array(panel.fast) + edges[1] * np.array(panel.slow)


@dataclass(frozen=True)
class Rotations(Family):
    """Rotation vectors of each panel about its centre along its own fast and slow axes and normal, degrees.

    Attributes
    ----------
    axes : tuple of ndarray, shape (3, 3)
        Columns: the axes of each panel at the start.
    """

    axes: tuple[np.ndarray, ...]

    @property
    def by_panel(self) -> bool:
        return True

    def apply(self, experiment: Experiment, values: np.ndarray) -> Experiment:
        vectors = values.reshape(-1, 3) * PER_DEGREE
        turned = zip(experiment.detector.panels or (), self.axes, vectors, strict=True)
        return _with_panels(experiment, [_turned(panel, rotation(axes @ vector)) for panel, axes, vector in turned])

    def chain(self, view: View, values: np.ndarray, panel: int, first: int) -> np.ndarray:
        chain = super().chain(view, values, panel, first)
        assert view.experiment.detector.panels is not None
        here, axes = view.experiment.detector.panels[panel], self.axes[panel]
        vector = axes @ values[3 * panel : 3 * panel + 3] * PER_DEGREE
        rates = PER_DEGREE * turning_rates(vector[None])[0] @ axes
        centre = np.array(here.origin) + _to_centre(here)
        rows = slice(3 * panel, 3 * panel + 3)
        chain[rows, ROTATION : ROTATION + 3] = rates.T
        chain[rows, TRANSLATION : TRANSLATION + 3] = -np.cross(rates.T, centre) / MM
        return chain


def _turned(panel: Panel, turn: np.ndarray) -> Panel:
    """A panel turned about its centre."""
    to_centre = _to_centre(panel)
    origin = np.array(panel.origin) + to_centre - turn @ to_centre
    # axes that stay orthonormal however often they are turned
    fast = turn @ panel.fast
    fast = fast / np.linalg.norm(fast)
    slow = turn @ panel.slow
    slow = slow - (slow @ fast) * fast
    return replace(panel, origin=tuple(origin), fast=tuple(fast), slow=tuple(slow / np.linalg.norm(slow)))


@dataclass(frozen=True)
class BeamDirection(Family):
    """A rotation of the beam, its E-vector and its sources: about the vertical and about the E-vector, degrees.

    Attributes
    ----------
    axes : ndarray, shape (2, 3), float64
        Rows: those two axes at the start.
    """

    axes: np.ndarray

    def apply(self, experiment: Experiment, values: np.ndarray) -> Experiment:
        turn = rotation(values * PER_DEGREE @ self.axes)
        frame, beam = experiment.detector.lab_frame, experiment.beam
        turned = replace(frame, beam=_tuple(turn @ frame.beam), polar=_tuple(turn @ frame.polar))
        return replace(
            experiment, detector=replace(experiment.detector, frame=turned),
            beam=beam if beam.sources is None else replace(beam, sources=_turned_sources(beam.sources, turn)),
        )  # fmt: skip

    def chain(self, view: View, values: np.ndarray, panel: int, first: int) -> np.ndarray:
        chain = super().chain(view, values, panel, first)
        turning = turning_rates((values * PER_DEGREE @ self.axes)[None])[0]
        chain[:, BEAM : BEAM + 3] = PER_DEGREE * self.axes @ turning.T
        return chain


def _tuple(vector: np.ndarray) -> tuple[Any, ...]:
    return tuple(vector.tolist())


def _turned_sources(sources: np.ndarray, turn: np.ndarray) -> np.ndarray:
    turned = np.array(sources)
    # NaN stands for the beam, which turns by itself
    turned[:, :3] = np.where(np.isnan(turned[:, :3]), np.nan, np.nan_to_num(turned[:, :3]) @ turn.T)
    return turned


@dataclass(frozen=True)
class Wavelengths(Family):
    """What is added to all wavelengths, Å, and a factor that multiplies them before; one of them or both.

    Attributes
    ----------
    shifts, scales : bool
        Which.
    """

    shifts: bool
    scales: bool

    def _shift_and_factor(self, values: np.ndarray) -> tuple[float, float]:
        return (float(values[0]) if self.shifts else 0.0), (float(values[-1]) if self.scales else 1.0)

    def apply(self, experiment: Experiment, values: np.ndarray) -> Experiment:
        return replace(experiment, beam=_of_wavelengths(experiment.beam, *self._shift_and_factor(values)))

    def chain(self, view: View, values: np.ndarray, panel: int, first: int) -> np.ndarray:
        chain = super().chain(view, values, panel, first)
        shift, factor = self._shift_and_factor(values)
        if self.shifts:
            chain[0, WAVELENGTH] = 1.0 / ANGSTROM
        if self.scales:
            # by each wavelength as it was: λ less the shift, over the factor
            chain[-1, WAVELENGTH : WAVELENGTH + 2] = -shift / ANGSTROM / factor, 1.0 / factor
        return chain


def _of_wavelengths(beam: Beam, shift: float, factor: float) -> Beam:
    """A beam of which every wavelength is multiplied and shifted, Å."""
    wavelength = beam.nominal_wavelength * factor + shift
    if beam.sources is not None:
        sources = np.array(beam.sources[:, :5])
        sources[:, 4] = np.where(np.isnan(sources[:, 4]), beam.nominal_wavelength, sources[:, 4]) * factor + shift
        return replace(beam, sources=sources, wavelength=wavelength)
    assert beam.spectrum is not None
    spectrum = Spectrum(wavelengths=beam.spectrum.angstroms * factor + shift, weights=beam.spectrum.weights)
    return replace(beam, spectrum=spectrum, wavelength=wavelength)


class SpectrumWeights(Family):
    """The share of the fluence that each wavelength of the spectrum carries, all of them 1 at the start."""

    def apply(self, experiment: Experiment, values: np.ndarray) -> Experiment:
        beam = experiment.beam
        assert beam.spectrum is not None
        spectrum = Spectrum(wavelengths=beam.spectrum.angstroms, weights=values)
        total = float(values.sum())
        return replace(
            experiment,
            beam=replace(beam, spectrum=spectrum, fluence=beam.fluence * total, flux=beam.flux * total),
        )

    def lines(self, view: View) -> np.ndarray:
        return np.arange(len(view.model.params.sources.table), dtype=np.int64) % len(self.names)

    def chain(self, view: View, values: np.ndarray, panel: int, first: int) -> np.ndarray:
        chain = super().chain(view, values, panel, first)
        weights = view.model.params.sources.table[: len(values), 4]
        chain[np.arange(len(values)), first + np.arange(len(values))] = weights / values
        return chain


@dataclass(frozen=True)
class BFactor(Family):
    """A Debye-Waller factor of the table of amplitudes, exp(-B·sin²θ/λ²), Å².

    Attributes
    ----------
    reciprocal : ndarray, shape (3, 3), float64
        Columns a*, b*, c* of the given cell, 1/Å.
    """

    reciprocal: np.ndarray

    def apply(self, experiment: Experiment, values: np.ndarray) -> Experiment:
        factors = experiment.crystal.structure_factors
        assert factors is not None
        spacing = self._spacing(factors)
        scaled = replace_amplitudes(factors, factors.amplitudes * np.exp(-values[0] * spacing))
        return replace(experiment, crystal=replace(experiment.crystal, structure_factors=scaled))

    def _spacing(self, factors: StructureFactors) -> np.ndarray:
        """sin²θ/λ² of each amplitude, 1/Å²."""
        indices = np.stack(np.meshgrid(
            *(first + np.arange(count) for first, count in
              zip((factors.h_min, factors.k_min, factors.l_min), factors.amplitudes.shape, strict=True)),
            indexing="ij",
        ), axis=-1)  # fmt: skip
        return np.asarray(np.sum((indices @ self.reciprocal.T) ** 2, axis=-1) / 4.0)

    def tables(self, view: View, values: np.ndarray) -> np.ndarray:
        factors = view.experiment.crystal.structure_factors
        assert factors is not None
        change = replace_amplitudes(factors, -factors.amplitudes * self._spacing(factors))
        return change.table.reshape(1, -1)


def replace_amplitudes(factors: StructureFactors, amplitudes: np.ndarray) -> StructureFactors:
    """The same reflections with other amplitudes.

    Parameters
    ----------
    factors : StructureFactors
    amplitudes : ndarray, shape as those of `factors`, float64
        Electrons.
    """
    return StructureFactors(amplitudes, factors.h_min, factors.k_min, factors.l_min)

