"""How the command lines of noisify and nonBragg are read: what an argument stands for, and what is refused."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from nbnumba.errors import UsageError
from nbnumba.flags import effects as do
from nbnumba.flags.companion import CompanionFlags
from nbnumba.flags.flag import Flag
from nbnumba.flags.parse import apply
from nbnumba.flags.settings import Entries
from nbnumba.flags.values import FILE, NUMBER, VECTOR


@dataclass(frozen=True)
class Said(Entries):
    """Entries that the flags below change."""

    axis: tuple[float, ...] = ()
    twotheta: float = 0.0
    phi: float = 0.0
    gain: float = 1.0
    path: object = None
    quiet: bool = False


FLAGS = CompanionFlags(
    command="nbnumba companion",
    topics={
        "Angles": (
            Flag(("-twotheta_axis",), VECTOR, do.put("axis"), "axis"),
            Flag(("-twotheta",), (NUMBER,), do.put("twotheta"), "angle"),
            Flag(("-phi=",), (NUMBER,), do.put("phi"), "start"),
        ),
        "Rest": (
            Flag(("-gain",), (NUMBER,), do.put("gain"), "gain"),
            Flag(("-floatfile", "-bin"), (FILE,), do.put("path"), "input"),
            Flag(("-quiet",), (), do.fix("quiet", True), "say less"),
        ),
    },
    bare_flag=Flag(("-floatfile",), (FILE,), do.put("path"), "input"),
    bare_names=r"float\.bin",
)


def said(*arguments: str) -> Said:
    return apply(FLAGS.tokenise(arguments), Said())


@pytest.mark.parametrize("typed", ["-gain", "-gains", "--gain", "-my-gain_of_it"])
def test_an_argument_stands_for_every_flag_that_it_contains(typed):
    assert said(typed, "2.5").gain == 2.5


def test_all_flags_that_an_argument_contains_act_and_share_what_follows():
    assert said("-twotheta_axis", "1", "2", "3") == Said(axis=(1.0, 2.0, 3.0), twotheta=1.0)
    assert said("-twotheta-gain", "7", "-quiet") == Said(twotheta=7.0, gain=7.0, quiet=True)


def test_a_spelling_that_must_be_whole_is_no_part_of_a_longer_one():
    assert said("-phi", "3").phi == 3.0
    with pytest.raises(UsageError, match="unknown flag -phistep: did you mean -phi"):
        said("-phistep", "3")


def test_later_flags_win_and_values_may_be_negative():
    assert said("-gain", "1", "-phi", "-4", "-gain", "-.5").gain == -0.5


def test_a_name_that_needs_no_flag_is_found_where_a_flag_could_stand():
    assert str(said("my_float.bin", "-quiet").path) == "my_float.bin"
    assert str(said("-gain", "2", "-bin_float.bin").path) == "-bin_float.bin"
    # a value stays the value of its flag
    assert str(said("-bin", "x_float.bin").path) == "x_float.bin"


@pytest.mark.parametrize(("arguments", "message"), [
    (["-gian", "2"], r"unknown flag -gian: did you mean -gain.*\(nbnumba companion --help lists all\)"),
    (["-gain"], "-gain: the value is missing: give a number"),
    (["-gain", "-quiet"], "-gain: the value is missing before -quiet: give a number"),
    (["-gain", "two"], "-gain: the value must be a number, not 'two'"),
    (["-twotheta_axis", "1", "2"], "-twotheta_axis: value 3 of 3 is missing"),
    (["other.img"], "'other.img' is not a flag"),
    (["-quiet", "5"], "'5' belongs to no flag: -quiet takes no value"),
    (["-gain", "2", "3"], "'3' belongs to no flag: -gain takes one value"),
])  # fmt: skip
def test_what_c_ignores_is_an_error(arguments, message):
    with pytest.raises(UsageError, match=message):
        said(*arguments)
