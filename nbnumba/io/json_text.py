"""JSON that every reader accepts."""

from __future__ import annotations

import json
import math
from typing import Any


def to_json(data: Any) -> str:
    """Data as JSON text; the format has no word for NaN, which becomes null, and infinities, which become text.

    Parameters
    ----------
    data : dict, list, tuple, str, number or None
        Nested as one likes.

    Returns
    -------
    str
        Indented, ending in a line feed.
    """
    return json.dumps(_finite(data), indent=1, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    """The same data without numbers that JSON does not know."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value
