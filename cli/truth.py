"""The option for the ground truth of an image, for every command that makes images."""

from __future__ import annotations

import click

truth_option = click.option(
    "--truth", is_flag=True, help="Also write what each pixel sees, q and nearest h k l, into NXmx files of --output.",
)  # fmt: skip
"""The command gets it as `truth`."""
