"""What fits into this machine: Linux grants more memory than there is and ends the process when it is used."""

from __future__ import annotations

import os


def machine_memory() -> int:
    """Physical memory, bytes."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
