"""The options for spectra and mosaic domains, for every command that simulates."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from nbnumba.config import MosaicDistribution
from nbnumba.flags.additions import Additions
from nbnumba.flags.names import named_by_flags

Result = TypeVar("Result")


def addition_options(command: Callable[..., Result]) -> Callable[..., Result]:
    """Add the options, which the command gets as one argument, `additions`.

    Parameters
    ----------
    command : callable
        What click shall make a command of.
    """

    @functools.wraps(command)
    def with_additions(
        *arguments: Any, spectrum: Path | None, spectrum_unit: str | None, mosaic_distribution: str | None,
        mosaic_file: Path | None, **others: Any,
    ) -> Result:  # fmt: skip
        distribution = None if mosaic_distribution is None else MosaicDistribution(mosaic_distribution)
        with named_by_flags():
            additions = Additions(spectrum, spectrum_unit, distribution, mosaic_file)
        return command(*arguments, additions=additions, **others)

    options = (
        click.option("--spectrum", type=Path, metavar="FILE", help="Wavelengths or photon energies, and weights."),
        click.option("--spectrum-unit", type=click.Choice(("eV", "angstrom"), case_sensitive=False),
                     help="Unit of --spectrum.  [default: what a comment in it says]"),
        click.option("--mosaic-distribution", type=click.Choice([kind.value for kind in MosaicDistribution]),
                     help="How rotations of mosaic domains are distributed.  [default: nanobragg]"),
        click.option("--mosaic_file", type=Path, metavar="FILE",
                     help="Rotation matrices of the mosaic domains, nine numbers a line."),
    )  # fmt: skip
    for option in reversed(options):
        option(with_additions)
    return with_additions
