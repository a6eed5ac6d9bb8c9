"""Where every start of the command line begins: signals are heard before anything slow is imported."""

from __future__ import annotations

from nbnumba_cli.process import prepare


def main() -> None:
    """Entry point of nbnumba."""
    prepare()
    from nbnumba_cli.main import main as run_commands

    run_commands()


def compare() -> None:
    """Entry point of nb-compare."""
    prepare()
    from nbnumba_cli.main import main as run_commands

    run_commands("compare")


if __name__ == "__main__":
    main()
