"""The errors and warnings of nbnumba: one clear line each, which names fields of the description, never flags.

A message writes a field as ``{Beam.wavelength}``, an argument of a function as ``{threads}`` and either with a value as
``{engine=cpu}``. Python users read what stands in the braces; `nbnumba.flags.names` puts the flag that sets it there.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_FIELD = re.compile(r"\{([A-Za-z_]\w*(?:\.\w+)*(?:\[\d\])?(?:=[\w.+-]+)?)\}")


def with_names(message: str, name: Callable[[str], str] = str) -> str:
    """A message with every field under the name that its reader knows.

    Parameters
    ----------
    message : str
        Fields stand as ``{Class.field}``, arguments of a function as ``{argument}``; ``=value`` may follow.
    name : callable
        What stands in the braces -> name.

    Returns
    -------
    str
    """
    return _FIELD.sub(lambda field: name(field.group(1)), message)


class _Worded(Exception):  # noqa: N818  (the base of warnings, too)
    """A message whose fields can be renamed.

    Attributes
    ----------
    message : str
        As written, with fields in braces.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return with_names(self.message)

    @property
    def lines(self) -> tuple[str, ...]:
        """The message as lines, of which nearly all have one."""
        return (self.message,)


class NbnumbaError(_Worded):
    """Base of every error that nbnumba raises on purpose; the command line exits with `exit_status`."""

    exit_status = 1


class UsageError(NbnumbaError, ValueError):
    """A value is unknown, incomplete or impossible."""

    exit_status = 2


class InputFileError(NbnumbaError):
    """An input file is missing, unreadable or not what it is needed for."""


class OutputFileError(NbnumbaError):
    """An output file can't be written."""


class MissingPackageError(NbnumbaError):
    """An optional package is not installed."""


class EngineUnavailableError(NbnumbaError):
    """The chosen engine can't run on this machine."""


class EngineFailedError(NbnumbaError):
    """The engine started and could not finish."""


class NbnumbaWarning(_Worded, UserWarning):
    """What a user should know about an image that is made all the same."""
