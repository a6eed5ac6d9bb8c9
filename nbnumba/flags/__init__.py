"""nanoBragg's command line: flags to an experiment, output files and options."""

from nbnumba.flags.parse import parse_flags
from nbnumba.flags.request import Request, interpret

__all__ = ["Request", "interpret", "parse_flags"]
