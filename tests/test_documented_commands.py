"""Every command, flag, target and extra that a document names exists; what takes seconds runs as it is printed."""

from __future__ import annotations

import configparser
import gzip
import importlib
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import pytest
from campaign.plans import STILLS
from documents import Command, commands, mentions, pages, spans
from golden import ROOT
from nbnumba_cli.main import COMMANDS, run

from nbnumba.campaign.running import part_of
from nbnumba.flags.noisify_table import NOISIFY
from nbnumba.flags.nonbragg_table import NONBRAGG_FLAGS
from nbnumba.flags.parse import find_flag

ER1 = ROOT / "nbnumba" / "data" / "er1"
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
NAMED = [command for page in pages() for command in (*commands(page), *mentions(page))]
PROGRAM = {"nonbragg": NONBRAGG_FLAGS.find, "noisify": NOISIFY.find}
"""What finds the flags of a command that takes those of another program than nanoBragg."""


def words_of(line: str) -> list[str]:
    """The words of a line, as a shell takes them."""
    return shlex.split(line.replace(" | ", " '|' "), comments=True)


def unknown(line: str) -> list[str]:
    """What does not exist of a line; for pip and make targets and extras, for Python scripts."""
    first, *words = words_of(line)
    checks: dict[str, Callable[[list[str]], list[str]]] = {
        "nbnumba": unknown_options, "nb-compare": lambda words: unknown_options(["compare", *words]),
        "make": unknown_targets, "pip": unknown_extras, "sbatch": lambda words: unknown(words[-1]),
    }  # fmt: skip
    return checks.get(first, unknown_scripts)(words)


def unknown_options(words: list[str]) -> list[str]:
    """Commands and options that nbnumba does not have."""
    if not words or words[0] in ("...", "FLAGS", "--help", "--version"):
        words = ["simulate", *words[words[:1] == ["FLAGS"] :]]
    name = words.pop(0) if not words[0].startswith("-") else "simulate"
    if name not in COMMANDS:
        return [name]
    command = importlib.import_module(COMMANDS[name]).command
    if isinstance(command, click.Group) and words:
        subs = words.pop(0).split("|")
        missing = [sub for sub in subs if sub not in command.commands]
        return missing or [word for sub in subs for word in unknown_to(command.commands[sub], sub, words)]
    return unknown_to(command, name, words)


def unknown_to(command: click.Command, name: str, words: list[str]) -> list[str]:
    """Options that one command does not have."""
    own = {"--help", "--"}.union(*(option.opts + option.secondary_opts for option in command.params))
    takes_flags = any(isinstance(given, click.Argument) and given.name == "flags" for given in command.params)
    find = PROGRAM.get(name, find_flag) if takes_flags else lambda word: None
    options = [word.partition("=")[0] for word in words if re.match(r"--?[a-zA-Z]", word)]
    return [word for word in options if word not in own and not find(word)]


def leaves() -> list[tuple[str, click.Command]]:
    """All commands, those of groups one by one."""
    found = [(name, importlib.import_module(module).command) for name, module in COMMANDS.items()]
    return [leaf for name, each in found
            for leaf in (each.commands.items() if isinstance(each, click.Group) else [(name, each)])]  # fmt: skip


def unknown_targets(words: list[str]) -> list[str]:
    """Targets that the Makefile does not have."""
    return [word for word in words if "=" not in word and not re.search(rf"^{word}:", MAKEFILE, re.M)]


def unknown_extras(words: list[str]) -> list[str]:
    """Extras that setup.cfg does not have."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    extras = [extra for word in words for found in re.findall(r"\[(.*)\]", word) for extra in found.split(",")]
    return [extra for extra in extras if extra not in setup["options.extras_require"]]


def unknown_scripts(words: list[str]) -> list[str]:
    """Scripts that are not there."""
    folders = (ROOT, ROOT / "examples" / "campaigns")
    scripts = [word for word in words if word.endswith(".py") or word.startswith("tests/")]
    return [word for word in scripts if not any((folder / word).exists() for folder in folders)]


def test_documents_name_commands():
    assert len(NAMED) > 150


@pytest.mark.parametrize("page", sorted({command.page for command in NAMED}))
def test_what_a_document_says_to_type_exists(page):
    named = [command.line for command in NAMED if command.page == page]
    assert {line: words for line in named if (words := unknown(line))} == {}


OTHERS = {
    "-O2", "-O3", "-fopenmp", "-ffast-math",  # of compilers
    "-h", "-help", "-version", "--version",  # of nbnumba itself
    "-detector_thickness",  # no flag, in an example
    "-sf.cif",  # the end of a name
}  # fmt: skip


@pytest.mark.parametrize("page", pages())
def test_flags_that_a_text_names_exist(page):
    named = {word.partition("=")[0] for span in spans(page) for word in span.split() if span.startswith("-")}
    flags = {word for word in named if re.match(r"--?[a-zA-Z]", word)} - OTHERS
    assert {flag for flag in flags if all(unknown_to(command, name, [flag]) for name, command in leaves())} == set()


@pytest.mark.parametrize(("line", "word"), [
    ("nbnumba -mat A.mat --fluff 3", "--fluff"), ("nbnumba -flufence 3", "-flufence"), ("nbnumba shwo i.nxs", "shwo"),
    ("nbnumba noisify -N 3 i.bin", "-N"), ("nbnumba campaign rnu plan.toml", "rnu"), ("make tets", "tets"),
    ("nbnumba campaign plan|run plan.toml --shard 1/2", "--shard"), ("pip install 'nbnumba[plot]'", "plot"),
    ("sbatch --wrap 'nbnumba campaign run p.toml --shrad 1/8'", "--shrad"), ("python look_at.py x", "look_at.py"),
])  # fmt: skip
def test_what_does_not_exist_is_found(line, word):
    assert unknown(line) == [word]


NOT_RUN = {
    r"\.\.\.|FLAGS|SLOW FAST": "stands for what the reader has",
    r"--c-bin|--noisify-bin": "needs the C programs",
    r"^nbnumba bench(?! --list)": "takes minutes",
    r"^nbnumba refine|resonet\.toml": "takes a minute, and has tests of its own",
    r"^(make|pip|python|\.venv/bin/python) ": "makes environments, or runs what has tests of its own",
    r"^sbatch|^dials\.": "needs SLURM or DIALS",
    r"data\.mtz": "needs measured data",
}
"""What of a line keeps a test from running it, and why; all other lines run."""


def runnable(page: str) -> list[Command]:
    """The commands in a page's blocks that run here."""
    lines = [(command, " ".join(words_of(command.line))) for command in commands(page)]
    kept = [command for command, line in lines if not any(re.search(pattern, line) for pattern in NOT_RUN)]
    return [command for command in kept if not command.why_not]


def simulated(name: str) -> None:
    """A still, in the format of the suffix, beside nanoBragg's files."""
    flags = "-cell 54 23 23 90 110 90 -default_F 100 -N 5 -distance 60 -detpixels 64 -pixel 1"
    assert run([*flags.split(), *(["--output", name] if name not in NANOBRAGG else [])]) == 0


def unpacked(name: str) -> None:
    """The model of Er-1."""
    Path(name).write_bytes(gzip.decompress((ER1 / "2ERL.pdb.gz").read_bytes()))


def copied(folder: Path) -> Callable[[str], object]:
    """What copies a file of that name."""
    return lambda name: shutil.copy(folder / name, name)


def even(name: str) -> None:
    """A large image, the same everywhere."""
    np.full((3072, 3072), 2.0, np.float32).tofile(name)


NANOBRAGG = ("floatimage.bin", "intimage.img")
SWEEP = ROOT / "golden_data" / "dials" / "sweep_tilted_setting.expt"
TRACE = ROOT / "traces" / "shape_round" / "trace_40_90.log"

INPUTS: dict[str, Callable[[str], object]] = {
    "er1_1.0.mat": copied(ER1), "er1_P1.hkl": copied(ER1), "2ERL.pdb.gz": copied(ER1),
    "2ERL.pdb": unpacked, "model.pdb": unpacked,
    "nbnumba/data/er1/2ERL.pdb.gz": lambda name: Path("nbnumba").symlink_to(ROOT / "nbnumba"),
    "water.stol": copied(ROOT / "nbnumba" / "data" / "curves"),
    "unique.hkl": lambda name: Path(name).write_text("1 1 1 20.5\n2 0 2 7.0\n", encoding="utf-8"),
    "plan.toml": lambda name: Path(name).write_text(STILLS, encoding="utf-8"),
    "refined.expt": lambda name: shutil.copy(SWEEP, name),
    "trace_c.log": lambda name: shutil.copy(TRACE, name), "port.log": lambda name: shutil.copy(TRACE, name),
    "indexed.expt": simulated, "truth.expt": simulated, "still.nxs": simulated,
    "photons.nxs": simulated, "photons.npy": simulated, **dict.fromkeys(NANOBRAGG, simulated),
    "spots.bin": even, "background.bin:0.5": lambda name: even("background.bin"),
}  # fmt: skip
"""What makes the files that documents suppose."""


@pytest.mark.parametrize("page", [page for page in pages() if runnable(page)])
def test_commands_of_a_page_run_as_printed(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    for command in runnable(page):
        words = words_of(command.line)[1:]
        for name in words:
            # files of the commands before it stay
            if name in INPUTS and not Path(name).exists():
                INPUTS[name](name)
        if ">" in words:
            words = words[: words.index(">")]
        capsys.readouterr()
        assert run(words) == 0, command.line
        said = [line.strip() for line in "\n".join(capsys.readouterr()).splitlines()]
        assert [line for line in command.printed if line.strip() not in said] == []


def test_the_job_array_of_the_cluster_page_makes_every_shard_once():
    (command,) = commands("docs/jobs/cluster.md")
    found = re.fullmatch(r"sbatch --array=(\d+)-(\d+) .* --shard \$SLURM_ARRAY_TASK_ID/(\d+)'", command.line)
    first, last, parts = map(int, found.groups())
    made = [shard for part in range(first, last + 1) for shard in part_of(range(30), (part, parts))]
    assert made == list(range(30))
