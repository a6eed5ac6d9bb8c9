"""Packages that only some formats need: imported when such a file is met, and named when they are missing."""

from __future__ import annotations

import importlib
import os
from types import ModuleType

from nbnumba.errors import MissingPackageError, UsageError


def optional_package(module: str, extra: str, path: str | os.PathLike[str]) -> ModuleType:
    """Import a package that may be missing.

    Parameters
    ----------
    module : str
        Its import name.
    extra : str
        The extra of this package that brings it.
    path : path
        The file that needs it.

    Returns
    -------
    module

    Raises
    ------
    MissingPackageError
        If it is not installed; the message says how to install it.
    UsageError
        If it refuses its settings, as matplotlib does those of the environment.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingPackageError(
            f"{path}: needs {error.name or module}, which is not installed: pip install 'nbnumba[{extra}]'"
        ) from error
    except ValueError as error:
        # matplotlib reads MPLBACKEND when it is imported
        raise UsageError(f"{path}: {module} can't be imported: {error}") from error
