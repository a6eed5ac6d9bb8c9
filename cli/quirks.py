"""nbnumba quirks: where nanoBragg and its companions depart from the physics, and by how much."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from nbnumba.quirks import Quirk

PLAIN_WIDTH = 120
"""Columns of a table that goes into a file or pipe."""


@click.command("quirks", short_help="List nanoBragg's departures from the physics.")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON: a list, or an object for one quirk.")
def command(name: str | None, as_json: bool) -> None:
    """List the quirks: what nanoBragg and its companions compute, what is right, and how much that changes.

    With a NAME only that one. simulate, trace and compare switch those of nanoBragg off with --fix NAME, or all with
    --physics exact.
    """
    from nbnumba.quirks import QUIRKS, find_quirk

    chosen = list(QUIRKS.values()) if name is None else [find_quirk(name)]
    if as_json:
        from nbnumba.io.json_text import to_json

        plain = [asdict(quirk) for quirk in chosen]
        click.echo(to_json(plain if name is None else plain[0]), nl=False)
    elif name is None:
        _print_table(chosen)
    else:
        _print_one(chosen[0])


def _print_table(quirks: Sequence[Quirk]) -> None:
    """A row for each."""
    from rich.console import Console
    from rich.table import Table

    table = Table(show_lines=True)
    for column in ("name", "program", "what C does", "what is right", "how much it changes"):
        table.add_column(column, no_wrap=column in ("name", "program"))
    for quirk in quirks:
        table.add_row(
            quirk.name, "\n".join(quirk.programs), quirk.c_behaviour, quirk.correct_behaviour, quirk.effect
        )
    console = Console(file=sys.stdout, highlight=False, markup=False)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    console.print(table)


def _print_one(quirk: Quirk) -> None:
    """A line for each entry."""
    for label, text in (
        ("quirk", quirk.name), ("programs", ", ".join(quirk.programs)), ("what C does", quirk.c_behaviour),
        ("what is right", quirk.correct_behaviour), ("how much", quirk.effect),
    ):  # fmt: skip
        if text:
            click.echo(f"{label:16s}{text}")
