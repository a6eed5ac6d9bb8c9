"""Every crystal shape, and the shape transforms of all of them behind one name each."""

from __future__ import annotations

from nbnumba.numerics.jit import device_jit, pass_jit
from nbnumba.shapes.gauss import GAUSS
from nbnumba.shapes.round import ROUND
from nbnumba.shapes.shape import by_shape, taking_lattice
from nbnumba.shapes.square import SQUARE
from nbnumba.shapes.tophat import TOPHAT

SHAPES = (SQUARE, ROUND, GAUSS, TOPHAT)
"""All shapes in the order of `nbnumba.config.CrystalShape`; `Lattice.shape` is a position here."""

lattice_factor = by_shape([shape.factor for shape in SHAPES], device_jit)
reduced_lattice_factor = by_shape([shape.reduced for shape in SHAPES], device_jit)
single_lattice_factor = by_shape([shape.single for shape in SHAPES], device_jit)
lattice_slope = by_shape([taking_lattice(shape.slope) for shape in SHAPES], device_jit)
lattice_factor_lanes = by_shape([shape.lanes for shape in SHAPES], pass_jit)
spot_lanes = by_shape([shape.spot for shape in SHAPES], pass_jit)
