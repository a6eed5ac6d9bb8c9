"""nbnumba hkl: structure factors in P1 from a model, from reflection data or from a list with a space group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from nbnumba_cli.console import say, warn
from nbnumba_cli.startup import import_numba, require_working_folder, show_reports

from nbnumba.errors import NbnumbaError, UsageError, with_names

if TYPE_CHECKING:
    from nbnumba.models.options import SourceOptions
    from nbnumba.models.reflections import Reflections

_LABEL_WIDTH = 20


@click.command("hkl", short_help="Make structure factors from a model or reflection data.")
@click.argument("source", metavar="FILE")
@click.option("-o", "--output", required=True, metavar="FILE", help="Text list of h k l F to write.")
@click.option("--d-min", type=float, metavar="Å", help="Finest spacing: a model needs it, data are cut there.")
@click.option("--k-sol", type=float, metavar="e/Å³", help="Bulk solvent of a model; 0: none.  [default: 0.35]")
@click.option("--b-sol", type=float, metavar="Å²", help="B factor of its edge.  [default: 46]")
@click.option("--wavelength", type=float, metavar="Å", help="For f' and f'' of a model's atoms.  [default: left out]")
@click.option("--energy", type=float, metavar="eV", help="The same as photon energy.")
@click.option("--column", metavar="LABEL", help="Column of reflection data.  [default: chosen by type]")
@click.option("--spacegroup", metavar="NAME", help="Of a text list, or of a file that names none.")
@click.option("--F000", "F000", type=float, metavar="ELECTRONS", help="F(0,0,0).  [default: as in FILE]")
@click.option("--model", metavar="FILE", help="Compare the scale of data with this model of the crystal.")
def command(source: str, output: str, model: str | None, **settings: Any) -> None:
    """Write structure factors as nanoBragg reads them: h k l F in P1, Friedel mates and systematic absences included.

    FILE is a model (.pdb, .ent, .cif, .mmcif), reflection data (.mtz, structure factors in .cif) or, with --spacegroup,
    a text list of h k l F. All but text lists may be compressed (.gz).
    """
    require_working_folder()
    from nbnumba.io.atomic import check_distinct, check_target
    from nbnumba.io.hkl import write_reflections

    check_target(output)
    check_distinct({"--output": output}, filter(None, (source, model)))
    if output.lower().endswith((".mtz", ".cif", ".pdb")):
        raise UsageError(f"--output {output}: a text list of h k l F is written, usually .hkl")
    try:
        reflections = _read(source, model, _options(**settings))
    except NbnumbaError as error:
        wavelength = "energy" if settings["energy"] is not None else "wavelength"
        message = error.message.replace("{wavelength}", f"{{{wavelength}}}")
        raise type(error)(with_names(message, _option_name)) from None
    write_reflections(output, reflections.hkl, reflections.amplitudes)
    say(f"{label:{_LABEL_WIDTH}s}{text}" for label, text in (*reflections.facts, ("written", output)))


def _option_name(field: str) -> str:
    """The option that sets an argument of the library."""
    return f"--{field.replace('_', '-')}"


def _options(
    k_sol: float | None, b_sol: float | None, wavelength: float | None, energy: float | None, **others: Any
) -> SourceOptions:
    """The library's options."""
    from nbnumba.config.constants import HC_EV_ANGSTROM
    from nbnumba.config.units import energy_hint
    from nbnumba.models.options import Solvent, SourceOptions, check_positive

    if energy is not None:
        check_positive("energy", energy, "eV")
        if wavelength is not None:
            raise UsageError("--energy and --wavelength say the same: leave one out")
        warn(energy_hint("--energy", energy))
        wavelength = HC_EV_ANGSTROM / energy
    given = {name: value for name, value in (("k_sol", k_sol), ("b_sol", b_sol)) if value is not None}
    solvent = Solvent(**given) if given else None
    return SourceOptions(solvent=solvent, wavelength=wavelength, **others)


def _read(source: str, model: str | None, options: SourceOptions) -> Reflections:
    """Amplitudes in P1, with their scale if there is a model to compare with."""
    import_numba()
    show_reports()
    from nbnumba.models.assemble import with_scale
    from nbnumba.models.read import read_contents, read_source

    contents = None if model is None else read_contents(model)
    reflections = read_source(source, options)
    return reflections if contents is None else with_scale(reflections, contents)
