"""Pages of the site that follow from the code: commands and flags, quirks, and every public name."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
from nbnumba_cli.main import COMMANDS

from nbnumba.flags.flag import Flag
from nbnumba.quirks import QUIRKS

PACKAGES = (
    "nbnumba", "nbnumba.io", "nbnumba.readout", "nbnumba.pictures", "nbnumba.campaign", "nbnumba.refine",
    "nbnumba.background", "nbnumba.output", "nbnumba.trace", "nbnumba.compare",
)  # fmt: skip


def write_pages(folder: Path) -> None:
    """Write all generated pages.

    Parameters
    ----------
    folder : Path
        Where; made if it is missing.
    """
    folder.mkdir(exist_ok=True)
    pages = {"commands.md": _commands(), "quirks.md": _quirks(), **{f"{name}.rst": _api(name) for name in PACKAGES}}
    for name, lines in pages.items():
        text = "\n".join(lines) + "\n"
        path = folder / name
        # a page that stays the same is not read anew
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def _commands() -> Iterator[str]:
    """Every command's help, and its flags as tables."""
    yield "# Command line\n\nMade from the commands and the registry of flags themselves.\n"
    for name, module in COMMANDS.items():
        command = importlib.import_module(module).command
        yield f"## nbnumba {name}\n"
        yield from _one_command(f"nbnumba {name}", command)


def _one_command(name: str, command: click.Command) -> Iterator[str]:
    topics = getattr(command, "topics", {})
    context = click.Context(command, info_name=name, terminal_width=72)
    formatter = context.make_formatter()
    command.format_usage(context, formatter)
    command.format_help_text(context, formatter)
    click.Command.format_options(command, context, formatter)
    yield f"```text\n{formatter.getvalue().rstrip()}\n```\n"
    for topic, flags in topics.items():
        yield from _flag_table(topic, flags)
    if isinstance(command, click.Group):
        for sub in command.list_commands(context):
            found = command.get_command(context, sub)
            assert found is not None
            yield f"### {name} {sub}\n"
            yield from _one_command(f"{name} {sub}", found)


def _flag_table(topic: str, flags: Sequence[Flag]) -> Iterator[str]:
    yield f"**{topic}**\n\n| flag | sets | unit | default |\n|---|---|---|---|"
    for flag in flags:
        values = " ".join(kind.metavar for kind in flag.values)
        names = ", ".join(f"`{name}`" for name in flag.names)
        cells = (f"{names} {values}", flag.help, flag.unit, flag.default)
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    yield ""


def _quirks() -> Iterator[str]:
    """The registry of quirks."""
    yield (
        "# Quirks\n\nWhere nanoBragg and its companions depart from the physics, from the registry that the code\n"
        "itself uses (`nbnumba quirks`). How each is mended, and what holds it: [Physics](../physics.md).\n"
    )
    for quirk in QUIRKS.values():
        yield f"## {quirk.name}\n\n{', '.join(quirk.programs)}\n"
        yield f"C\n: {quirk.c_behaviour}\n\nright\n: {quirk.correct_behaviour}\n"
        if quirk.effect:
            yield f"size\n: {quirk.effect}\n"


def _api(package: str) -> Iterator[str]:
    """Every public name of a package, with its documentation."""
    module = importlib.import_module(package)
    yield f"{package}\n{'=' * len(package)}\n\n.. currentmodule:: {package}\n"
    if package != "nbnumba":
        yield f"{inspect.getdoc(module)}\n"
    names = [name for name in sorted(module.__all__) if not inspect.ismodule(getattr(module, name))]
    yield ".. autosummary::\n   :nosignatures:\n" + "".join(f"\n   {name}" for name in names) + "\n"
    for name in names:
        yield from _api_of(package, name, getattr(module, name))


def _api_of(package: str, name: str, item: object) -> Iterator[str]:
    if inspect.isclass(item):
        yield f".. autoclass:: {package}.{name}\n   :members:\n"
    elif callable(item):
        yield f".. autofunction:: {package}.{name}\n"
    else:
        yield f".. autodata:: {package}.{name}\n   :no-value:\n"
