"""gemmi, imported when it is needed: it is an optional package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbnumba.errors import MissingPackageError

if TYPE_CHECKING:
    from types import ModuleType


def gemmi_library() -> ModuleType:
    """The module gemmi.

    Returns
    -------
    module

    Raises
    ------
    MissingPackageError
        If it is not installed.
    """
    try:
        import gemmi
    except ImportError:
        raise MissingPackageError(
            "models, reflection data and space groups need the package gemmi: pip install 'nbnumba[models]'"
        ) from None
    return gemmi
