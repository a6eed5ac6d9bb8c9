"""Commands that take the flags of one of nanoBragg's programs, with one dash, and list them in their help."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from nbnumba.errors import UsageError
from nbnumba.flags.parse import nearest_names

if TYPE_CHECKING:
    from nbnumba.flags.flag import Flag


class FlagCommand(click.Command):
    """A command that leaves flags with one dash to the program's own parser, and lists them in its help."""

    topics: Mapping[str, Sequence[Flag]] = {}
    """Flags by topic, in the order of the help."""

    def is_flag(self, argument: str) -> bool:
        """Whether the program's own parser takes an argument that begins with two dashes."""
        return False

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse unknown options with two dashes."""
        spellings = (name for option in self.get_params(ctx) for name in (*option.opts, *option.secondary_opts))
        own = {name for name in spellings if name.startswith("-")}
        for argument in args[: args.index("--") if "--" in args else None]:
            name = argument.partition("=")[0]
            if name.startswith("--") and name not in own and not self.is_flag(argument):
                flags = [flag for flags in self.topics.values() for flag in flags]
                raise UsageError(f"unknown option {name}: did you mean {nearest_names(name, own, flags)}?")
        return super().parse_args(ctx, args or ["--help"])

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Options with two dashes, then all flags by topic."""
        super().format_options(ctx, formatter)
        for topic, flags in self.topics.items():
            with formatter.section(topic):
                formatter.write_dl([(_usage(flag), _explanation(flag)) for flag in flags], col_max=40)


def _usage(flag: Flag) -> str:
    """A flag with its values."""
    required = len(flag.values) - flag.optional
    words = [kind.metavar if i < required else f"[{kind.metavar}]" for i, kind in enumerate(flag.values)]
    return " ".join((flag.name, *words))


def _explanation(flag: Flag) -> str:
    """What a flag sets, its unit, its default and its other spellings."""
    facts = [flag.unit, f"default {flag.default}" if flag.default else ""]
    known = "; ".join(filter(None, facts))
    # of a name that may be cut short, only the whole
    others = [name for name in flag.names[1:] if not any(o != name and o.startswith(name) for o in flag.names)]
    return " ".join(filter(None, (
        flag.help, f"[{known}]" if known else "", f"(also {' '.join(others)})" if others else "",
    )))  # fmt: skip
