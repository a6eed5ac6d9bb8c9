"""A click option that takes several values after one flag: ``--sizes 256 512 1024``."""

from __future__ import annotations

from typing import Any

import click


class VariadicOption(click.Option):
    """Takes every argument up to the next one that begins with a dash; may also be repeated."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "multiple": True})

    @classmethod
    def spell_out(cls, command: click.Command, arguments: list[str]) -> list[str]:
        """Repeat the flag before each further value, so that click's own parser reads them."""
        flags = {flag for option in command.params if isinstance(option, cls) for flag in option.opts}
        spelled: list[str] = []
        current, values = None, 0
        for argument in arguments:
            if argument.startswith("-"):
                current, values = (argument if argument in flags else None), 0
            elif current is not None:
                if values:
                    spelled.append(current)
                values += 1
            spelled.append(argument)
        return spelled


class VariadicCommand(click.Command):
    """A command whose `VariadicOption`s may take several values."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse after repeating the flags of variadic options."""
        return super().parse_args(ctx, VariadicOption.spell_out(self, args))
