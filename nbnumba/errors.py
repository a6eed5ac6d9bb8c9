"""The errors that a user can mend: one clear line each, never a traceback on the command line."""

from __future__ import annotations


class NbnumbaError(Exception):
    """Base of every error that nbnumba raises on purpose; the command line exits with `exit_status`."""

    exit_status = 1


class UsageError(NbnumbaError):
    """A flag or argument is unknown, incomplete or impossible."""

    exit_status = 2


class InputFileError(NbnumbaError):
    """An input file is missing, unreadable or not what its flag needs."""


class OutputFileError(NbnumbaError):
    """An output file can't be written."""


class EngineUnavailableError(NbnumbaError):
    """The chosen engine can't run on this machine."""



class EngineFailedError(NbnumbaError):
    """The engine started and could not finish."""
