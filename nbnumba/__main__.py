"""python -m nbnumba: the command line, which the library otherwise knows nothing of."""

from __future__ import annotations

from nbnumba_cli.__main__ import main

main()
