"""What lies in the folder in which a test runs."""

from pathlib import Path


def files() -> list[str]:
    """Names of all files, sorted."""
    return sorted(path.name for path in Path().iterdir())
