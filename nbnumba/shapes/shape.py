"""What a crystal shape has to offer, and the choice between shapes inside a kernel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from nbnumba.numerics.jit import device_jit

Compiled = Callable[..., Any]
"""A function that other compiled functions call."""


@dataclass(frozen=True)
class Shape:
    """The shape transform F_latt of one crystal shape.

    Attributes
    ----------
    name : str
        As in `nbnumba.config.CrystalShape`.
    trace_keys : tuple of str
        Trace lines of the numbers that F_latt is made of.
    factor : compiled function
        ``factor(lattice, h, k, l, h0, k0, l0)`` -> F_latt and those numbers, a tuple of 3 float64; C's operations.
    reduced : compiled function
        ``reduced(lattice, h, k, l, h0, k0, l0, fma)`` -> F_latt with its sign left open, without libm's sine.
    single : compiled function
        ``single(lattice, h, k, l, distance, angles, quotient)`` -> the same in float32. Of the indices, in whatever
        form, ``distance(h)`` is the distance from the nearest whole number, ``angles(h, cells)`` that of `cells` times
        the index and of the index from any whole number, all float32; ``quotient(x, y)`` divides.
    lanes : compiled function
        ``lanes(lattice, every_evaluation, lanes, s)`` assigns LATTICE, its sign left open, to the lanes of a block;
        False if no lane adds anything, the factors are not set then.
    slope : compiled function
        ``slope(size, dh, dk, dl)`` -> F_latt² and its derivatives by the three indices, a tuple of 3 float64, from
        Na, Nb, Nc and the fudge and the distances from the nearest reflection. It has neither branches nor calls of a
        library, so that a loop over lanes becomes vector instructions. Spots are measured in 1/N of an index.
    spot : compiled function or None
        ``spot(lattice, axes, spot, first, lanes, s)`` adds F_cell²·F_latt² of one reflection to lanes from `first` on,
        where it is the nearest one; `axes` are a, b, c (m), `spot` is F_cell, h, k, l. None where spots have no end.
    """

    name: str
    trace_keys: tuple[str, ...]
    factor: Compiled
    reduced: Compiled
    single: Compiled
    lanes: Compiled
    slope: Compiled
    spot: Compiled | None = None


def factor_alone(factor: Compiled) -> Compiled:
    """`Shape.reduced` of a shape for which C's own operations are fast enough.

    Parameters
    ----------
    factor : compiled function
        See `Shape.factor`.

    Returns
    -------
    compiled function
    """

    @device_jit
    def reduced(lattice, h, k, l, h0, k0, l0, fma):  # noqa: E741
        return factor(lattice, h, k, l, h0, k0, l0)[0]

    return reduced


@device_jit
def size_and_fudge(lattice):
    """What `Shape.slope` reads of a lattice.

    Parameters
    ----------
    lattice : Lattice

    Returns
    -------
    tuple of 4 float64
    """
    cells = lattice.cells
    return (cells[0], cells[1], cells[2], lattice.fudge)


def taking_lattice(slope: Compiled) -> Compiled:
    """`Shape.slope` with the lattice as its first argument.

    Parameters
    ----------
    slope : compiled function
        See `Shape.slope`.

    Returns
    -------
    compiled function
    """

    @device_jit
    def of_lattice(lattice, dh, dk, dl):
        return slope(size_and_fudge(lattice), dh, dk, dl)

    return of_lattice


def by_shape(functions: Sequence[Compiled | None], compiler: Callable[[Compiled], Compiled]) -> Compiled:
    """One compiled function that calls the one at the position `lattice.shape`.

    Parameters
    ----------
    functions : sequence of compiled functions
        Their first argument is the lattice. None stands for that of a shape for which nobody calls it.
    compiler : callable
        Decorator of the function that is made.

    Returns
    -------
    compiled function
    """
    offered = [(position, function) for position, function in enumerate(functions) if function is not None]
    choice = offered.pop()[1]
    for position, function in reversed(offered):
        choice = compiler(_either(position, function, choice))
    return choice


def _either(position: int, this: Compiled, others: Compiled) -> Compiled:
    def choose(lattice, *arguments):
        if lattice.shape == position:
            return this(lattice, *arguments)
        return others(lattice, *arguments)

    return choose
