"""python -m nbnumba_cli."""

from nbnumba_cli.main import main

main()
