"""The command line, run in this process."""

import pytest
from nbnumba_cli.main import run


@pytest.fixture
def nbnumba(capsys):
    """Runs the command; returns exit status, stdout and stderr."""

    def call(*arguments: str) -> tuple[int, str, str]:
        status = run(arguments)
        said = capsys.readouterr()
        return status, said.out, said.err

    return call
