"""What the commands say about themselves."""

from __future__ import annotations

import pytest
from golden import ROOT
from nbnumba_cli.main import COMMANDS, run

from nbnumba import __version__
from nbnumba.flags.noisify_table import NOISIFY
from nbnumba.flags.table import FLAGS, TOPICS


@pytest.fixture
def help_text(monkeypatch, capsys):
    """The help of a command on a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")

    def call(*arguments: str) -> str:
        assert run([*arguments, "--help"]) == 0
        return capsys.readouterr().out

    return call


def test_the_readme_shows_the_help(help_text):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"```\n$ nbnumba --help\n{help_text()}```\n" in readme


def test_every_command_is_listed_with_a_whole_sentence(help_text):
    lines = help_text().split("Commands:\n")[1].splitlines()
    assert [line.split()[0] for line in lines] == list(COMMANDS)
    assert all(line.endswith(".") and not line.endswith("...") for line in lines)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(help_text, name):
    assert help_text(name).startswith(f"Usage: nbnumba {name} ")


@pytest.mark.parametrize(("name", "topics"), [("simulate", TOPICS), ("noisify", NOISIFY.topics)])
def test_the_help_lists_every_flag_in_its_topic_with_unit_default_and_spellings(help_text, name, topics):
    text = help_text(name)
    for topic, flags in topics.items():
        section = text.split(f"\n{topic}:\n")[1].split("\n\n")[0]
        entries = [" ".join(entry.split()) for entry in f"\n{section}".split("\n  -")[1:]]
        assert [f"-{entry.split()[0]}" for entry in entries] == [flag.name for flag in flags]
        for flag, entry in zip(flags, entries, strict=True):
            assert flag.unit in entry
            assert flag.default in entry
            words = f"-{entry}".replace("(", "").replace(")", "").split()
            for spelling in flag.names:
                assert any(word.startswith(spelling) for word in words), (spelling, entry)


NEEDS_NO_DEFAULT = {"-cell", "-pix0_vector", "-printout_pixel", "-trace_pixel"}
"""What must be given, or has no effect where it is missing."""


def test_every_flag_with_numbers_has_a_default():
    silent = {flag.name for flag in FLAGS if any("number" in kind.meaning for kind in flag.values) and not flag.default}
    unused = {flag.name for flag in TOPICS["Read, but without effect on the image"]}
    assert silent - unused == NEEDS_NO_DEFAULT


def test_lengths_angles_and_energies_have_units():
    unit = {flag.name: flag.unit for flag in FLAGS}
    assert unit["-distance"] == unit["-pixel"] == unit["-Xbeam"] == unit["-xtalsize"] == "mm"
    assert unit["-lambda"] == unit["-dmin"] == "Å"
    assert unit["-phi"] == unit["-mosaic"] == unit["-twotheta"] == "°"
    assert (unit["-energy"], unit["-hdivrange"], unit["-dispersion"]) == ("eV", "mrad", "%")
    assert (unit["-detector_thick"], unit["-water"], unit["-fluence"]) == ("µm", "µm", "photons/m²")


def test_no_line_of_the_help_is_wider_than_the_terminal(help_text):
    for arguments in ((), ("simulate",), ("noisify",)):
        assert max(map(len, help_text(*arguments).splitlines())) <= 80


def test_without_arguments_the_help_is_shown(capsys):
    assert run([]) == 0
    assert capsys.readouterr().out.startswith("Usage: nbnumba [OPTIONS] COMMAND")
    assert run(["simulate"]) == 0
    assert capsys.readouterr().out.startswith("Usage: nbnumba simulate")


def test_the_version_is_that_of_the_package(capsys):
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"nbnumba {__version__}\n"
