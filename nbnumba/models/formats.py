"""What a file is, and its content through gemmi, with errors of one line."""

from __future__ import annotations

import gzip
import os
import re
import warnings
import zlib
from typing import TYPE_CHECKING, NoReturn, TypeGuard

from nbnumba.errors import InputFileError, NbnumbaWarning
from nbnumba.io.reading import read_input
from nbnumba.models.library import gemmi_library
from nbnumba.models.names import CIF_SUFFIXES, MTZ_SUFFIX, suffix_of
from nbnumba.models.small_molecule import model_of_small_molecule

if TYPE_CHECKING:
    import gemmi

_CIF_START = re.compile(rb"(\s|#[^\n]*(\n|$))*data_", re.IGNORECASE)
_GZIP_MAGIC = b"\x1f\x8b"
_END_OF_MTZ = b"MTZENDOFHEADERS"


def read_file(path: str | os.PathLike[str]) -> gemmi.Structure | gemmi.Mtz:
    """A model, or reflection data in MTZ's form.

    Parameters
    ----------
    path : path
        PDB, mmCIF (coordinates or structure factors) or MTZ file, also compressed by gzip.

    Returns
    -------
    gemmi.Structure or gemmi.Mtz

    Raises
    ------
    InputFileError
        If the file can't be read or holds neither.
    """
    data = _uncompressed(path)
    if suffix_of(path) == MTZ_SUFFIX:
        return _read_mtz(path, data)
    if _CIF_START.match(data):
        return _read_cif(path, data)
    if suffix_of(path) in CIF_SUFFIXES:
        raise InputFileError(f"{path}: is no CIF: it does not begin with 'data_'")
    return _read_pdb(path, data)


def is_model(content: gemmi.Structure | gemmi.Mtz) -> TypeGuard[gemmi.Structure]:
    """Whether a file held a model, not reflection data.

    Parameters
    ----------
    content : gemmi.Structure or gemmi.Mtz
        From `read_file`.

    Returns
    -------
    bool
    """
    return isinstance(content, gemmi_library().Structure)


def _uncompressed(path: str | os.PathLike[str]) -> bytes:
    """The bytes of a file, without gzip's compression."""
    data = read_input(path)
    if not data.startswith(_GZIP_MAGIC):
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise InputFileError(f"{path}: the compressed file is damaged or cut short: {error}") from None


def _read_mtz(path: str | os.PathLike[str], data: bytes) -> gemmi.Mtz:
    if not data.startswith(b"MTZ "):
        raise InputFileError(f"{path}: is no MTZ file: it does not begin with 'MTZ'")
    if _END_OF_MTZ not in data:
        raise InputFileError(f"{path}: the MTZ file is cut short: the end of its header is missing")
    try:
        mtz: gemmi.Mtz = gemmi_library().read_mtz_file(os.fspath(path))
    except (RuntimeError, ValueError) as error:
        _refuse(path, "MTZ", error)
    if mtz.batches:
        raise InputFileError(
            f"{path}: holds unmerged observations ({len(mtz.batches)} batches); merge them first (aimless, dials.merge)"
        )
    return mtz


def _read_cif(path: str | os.PathLike[str], data: bytes) -> gemmi.Structure | gemmi.Mtz:
    """Coordinates if there are some, else reflections."""
    library = gemmi_library()
    try:
        document = library.cif.read_string(data)
        structure = next(filter(None, map(_model_in, document)), None)
    except (RuntimeError, ValueError, UnicodeDecodeError) as error:
        _refuse(path, "CIF", error)
    return structure or _read_refln(path, document)


def _model_in(block: gemmi.cif.Block) -> gemmi.Structure | None:
    if block.find_loop("_atom_site.Cartn_x"):
        structure: gemmi.Structure = gemmi_library().make_structure_from_block(block)
        return structure
    return model_of_small_molecule(block)


def _read_refln(path: str | os.PathLike[str], document: gemmi.cif.Document) -> gemmi.Mtz:
    """The first block with merged reflections, under the column names and types that MTZ files have."""
    library = gemmi_library()
    blocks = [block for block in library.as_refln_blocks(document) if block.default_loop is not None]
    merged = [block for block in blocks if not block.is_unmerged()]
    if not merged:
        reason = (
            "holds unmerged observations only; merge them first" if blocks else
            "holds neither coordinates (_atom_site) nor reflections (_refln.index_h)"
        )  # fmt: skip
        raise InputFileError(f"{path}: {reason}")
    name = merged[0].block.name
    if len(blocks) > 1:
        warnings.warn(
            NbnumbaWarning(f"{path}: block {name} of {len(blocks)} with reflections is taken"), stacklevel=4
        )
    try:
        mtz: gemmi.Mtz = library.CifToMtz().convert_block_to_mtz(merged[0])
    except (RuntimeError, ValueError) as error:
        raise InputFileError(f"{path}: block {name}: {_one_line(error)}") from None
    return mtz


def _read_pdb(path: str | os.PathLike[str], data: bytes) -> gemmi.Structure:
    try:
        structure: gemmi.Structure = gemmi_library().read_pdb_string(data)
    except (RuntimeError, ValueError, UnicodeDecodeError) as error:
        _refuse(path, "PDB", error)
    return structure


def _refuse(path: str | os.PathLike[str], kind: str, error: Exception) -> NoReturn:
    raise InputFileError(f"{path}: can't be read as {kind}: {_one_line(error)}") from None


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 160 else f"{text[:160]}..."
