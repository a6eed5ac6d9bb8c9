"""The flags as nanoBragg.c reads them: spellings, values, side effects, order, and what is refused."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbnumba.config import Convention, CrystalShape, Pivot
from nbnumba.errors import UsageError
from nbnumba.flags import parse_flags
from nbnumba.flags.flag import Flag
from nbnumba.flags.parse import find_flag, nearest_names, tokenise
from nbnumba.flags.settings import Settings
from nbnumba.flags.table import FLAGS

SPELLINGS = """
-mat -matrix -matfile
-cell
-hkl -hklfile
-dump -dumpfile
-default_F
-misset -missets
-N
-Na
-Nb
-Nc -Ncells
-xtalsize -samplesize -sample_size -xtal_size
-xtal_thick -sample_thick -sample_x -xtal_x -sample_thickness -xtal_thickness
-xtal_width -sample_width -sample_y -xtal_y -width
-xtal_height -xtal_heigh -sample_height -sample_heigh -sample_z -xtal_z -heigh -height
-density -sample_den -sample_density
-MW -molec -molecular_weight
-square_xtal
-round_xtal
-gauss_xtal
-tophat_spots -binary_spots
-fudge
-mosaic -mosaici -mosaicity -mosaic_spr -mosaic_spread
-mosaic_domains -mosaic_dom
-phi
-osc -oscillation
-phistep
-phisteps
-spindle_axis
-distance
-close_distance
-Xbeam
-Ybeam
-Xclose
-Yclose
-ORGX
-ORGY
-pivot
-mosflm
-adxv
-denzo
-xds
-dials
-fdet_vector
-sdet_vector
-odet_vector
-beam_vector
-polar_vector
-twotheta_axis
-pix0_vector
-pix0_vector_mm
-twotheta
-detector_rotx
-detector_roty
-detector_rotz
-pixel -pixel_size
-detsize
-detsize_f -detsize_fast
-detsize_s -detsize_slow
-detpixels
-detpixels_f -detpixels_x -detpixels_fast
-detpixels_s -detpixels_y -detpixels_slow
-detector_abs -detector_absorb -detector_absorption
-detector_thick
-detector_thicksteps -thicksteps
-curved_det -curved_detector
-point_pixel
-nopolar
-polar
-oversample
-oversample_thick
-oversample_polar
-oversample_omega
-roi
-img -imgfile
-mask -maskfile
-lambda -wave -wavelength
-energy
-fluence
-flux
-exposure
-beamsize
-dispersion
-dispsteps
-divergence
-hdivrange
-vdivrange
-hdivstep
-vdivstep
-hdivsteps
-vdivsteps
-divsteps
-round_div
-square_div
-sourcefile
-dmin
-water
-interpolate
-nointerpolate
-stol -4stol -Q
-stolout
-floatfile -floatimage
-intfile -intimage
-pgmfile -pgmimage
-pgmscale
-nopgm
-noisefile -noiseimage
-nonoise
-scale
-adc
-seed
-mosaic_seed
-misset_seed
-printout
-printout_pixel
-progress
-noprogress
-coherent
-hdiv
-vdiv
-dispstep
-detsize_x
-detsize_y
-xdet_vector
-ydet_vector
-zdet_vector
"""
"""The flags of nanoBragg.c, each with spellings that the program takes for it; the first is our name for it. The last
eight stand in its documentation alone."""

GROUPS = [line.split() for line in SPELLINGS.split("\n") if line]

UNKNOWN_TO_NANOBRAGG = [
    "-detector_thickness", "-mosaics", "-phistart", "-detpixel", "-hdivstep_size", "-polarization", "-phi0", "-Nd",
    "-NN", "-stolen", "-Qmax", "-4stolx", "-detsizes", "-MWt", "-dispstep_", "-hdivs", "-lamda", "-Distance",
]  # fmt: skip
"""Spellings that differ from every flag, some in what must match whole."""


def flag(name: str) -> Flag:
    return next(candidate for candidate in FLAGS if candidate.name == name)


def parse(text: str) -> Settings:
    return parse_flags(text.split())


# --- spellings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("names", GROUPS, ids=lambda names: names[0])
def test_every_spelling_of_nanobragg_stands_for_its_flag(names):
    assert {spelling: found.name if (found := find_flag(spelling)) else None for spelling in names} == dict.fromkeys(
        names, names[0]
    )


def test_the_registry_holds_nanobraggs_flags_and_one_of_our_own():
    assert {one.name for one in FLAGS} == {names[0] for names in GROUPS} | {"-trace_pixel"}


@pytest.mark.parametrize("typed", UNKNOWN_TO_NANOBRAGG)
def test_what_nanobragg_ignores_is_refused_by_its_name_with_the_nearest_flags(typed):
    with pytest.raises(UsageError, match=rf"^unknown flag {typed}: did you mean -") as refusal:
        parse_flags([typed, "1"])
    _, _, proposals = str(refusal.value).partition("did you mean ")
    named = proposals.partition("?")[0].replace(" or ", ", ").split(", ")
    assert all(find_flag(name) is not None for name in named)


@pytest.mark.parametrize(("typed", "meant"), [
    ("-lamda", "-lambda"), ("-lmabda", "-lambda"), ("-Distance", "-distance"), ("-distnace", "-distance"),
    ("-detpixel", "-detpixels"), ("-mosaics", "-mosaic"), ("-mosiac", "-mosaic"), ("-mosaicdomains", "-mosaic_domains"),
    ("-detector_thickness", "-detector_thick"), ("-float", "-floatfile"), ("-wvae", "-wave"), ("-fluance", "-fluence"),
    ("-phi_step", "-phistep"), ("-xbeam", "-Xbeam"), ("-hlk", "-hkl"), ("-oversmaple", "-oversample"),
])  # fmt: skip
def test_the_flag_that_was_meant_is_the_first_that_is_proposed(typed, meant):
    with pytest.raises(UsageError, match=rf"did you mean {meant}(\?|,| or )"):
        parse_flags([typed])


def test_nothing_is_proposed_that_is_much_less_alike():
    assert nearest_names("-mosiac") == "-mosaic"
    assert nearest_names("-distnace") == "-distance"
    assert nearest_names("-Xbaem") == "-Xbeam"


def test_spellings_of_one_flag_are_proposed_once():
    assert nearest_names("-hkll") == "-hkl"
    assert nearest_names("-phi_steps") == "-phisteps or -phistep"


# --- values ---------------------------------------------------------------------------------------------------------


def written(value: float) -> st.SearchStrategy[str]:
    """Ways to type a number that stand for the very same double."""
    text = repr(value)
    forms = [text, f"{value:.17e}", f"{value:.17g}"]
    if value > 0:
        forms.append(f"+{text}")
    if text.startswith(("0.", "-0.")):
        forms.append(text.replace("0.", ".", 1))
    if value == int(value) and abs(value) < 1e9:
        forms += [f"{int(value)}", f"{int(value)}."]
    return st.sampled_from(forms)


ordinary = st.floats(-1e6, 1e6, allow_subnormal=False) | st.integers(-1000, 1000).map(float)


@given(data=st.data(), value=ordinary)
def test_a_number_is_read_as_it_was_typed_negative_ones_too(data, value):
    settings = parse_flags(["-detector_rotx", data.draw(written(value)), "-Xbeam", data.draw(written(value))])
    assert (settings.detector.rotation[0], settings.detector.beam_center[0]) == (value, value)


@given(values=st.lists(ordinary, min_size=3, max_size=3), data=st.data())
def test_three_numbers_follow_a_vector(values, data):
    typed = [data.draw(written(value)) for value in values]
    assert parse_flags(["-misset", *typed, "-N", "3"]).crystal.misset == tuple(values)
    if any(values):
        assert parse_flags(["-N", "3", "-beam_vector", *typed]).detector.frame.beam == tuple(values)


@given(values=st.lists(st.floats(1.0, 150.0), min_size=1, max_size=6))
def test_a_cell_has_one_to_six_numbers(values):
    cell = tuple(values) + (None,) * (6 - len(values))
    typed = [repr(value) for value in values]
    assert parse_flags(["-cell", *typed]).cell == cell
    # an argument that begins with a dash ends it
    assert parse_flags(["-cell", *typed, "-N", "4"]).cell == cell


def test_a_second_cell_replaces_only_what_it_states():
    assert parse("-cell 10 20 30 80 85 95 -cell 11 21").cell == (11, 21, 30, 80, 85, 95)


@pytest.mark.parametrize("word", ["random", "rand", "a_random_one"])
def test_a_random_orientation_needs_no_angles(word):
    settings = parse_flags(["-misset", word, "-N", "3"])
    assert (settings.crystal.random_misset, settings.crystal.misset, settings.crystal.cells) == (True, None, (3, 3, 3))


def _sample(one: Flag, values: st.SearchStrategy[float]) -> st.SearchStrategy[list[str]]:
    """An occurrence of a flag with values that it takes."""

    def value(kind) -> st.SearchStrategy[str]:
        if kind.metavar in ("FILE", "sample|beam"):
            return st.sampled_from(["beam.txt", "a beam", "./beam"])
        whole = not kind.metavar.startswith(("NUMBER", "X", "Y", "Z", "a", "b", "c", "g")) or "whole" in kind.meaning
        return st.integers(1, 500).map(str) if whole else values.map(lambda number: f"{abs(number) + 0.5:.6g}")

    return st.tuples(st.sampled_from(one.names), *map(value, one.values)).map(list)


occurrences = st.sampled_from(FLAGS).flatmap(lambda one: _sample(one, st.floats(0.0, 90.0)))
command_lines = st.lists(occurrences, max_size=8)


@given(parts=command_lines)
def test_a_command_line_splits_into_the_flags_it_was_made_of(parts):
    found = tokenise([word for part in parts for word in part])
    assert [item.typed for item in found] == [part[0] for part in parts]
    assert [len(item.values) for item in found] == [len(part) - 1 for part in parts]


@given(parts=command_lines)
def test_what_comes_later_counts_and_repeating_changes_nothing(parts):
    # pixels to trace add up; all else is set
    words = [word for part in parts if part[0] != "-trace_pixel" for word in part]
    assert parse_flags(words + words) == parse_flags(words)


@given(parts=command_lines, data=st.data())
def test_a_missing_value_is_an_error_that_names_the_flag(parts, data):
    last = data.draw(st.sampled_from([one for one in FLAGS if one.values]).flatmap(
        lambda one: _sample(one, st.floats(0.0, 90.0)).map(lambda part: (one, part))
    ))  # fmt: skip
    one, part = last
    kept = data.draw(st.integers(0, len(one.values) - one.optional - 1))
    words = [word for before in parts for word in before] + part[: 1 + kept]
    with pytest.raises(UsageError, match=rf"^{part[0]}: .*missing"):
        parse_flags(words)
    with pytest.raises(UsageError, match=rf"^{part[0]}: .*missing before -nopgm"):
        parse_flags([*words, "-nopgm"])


NO_NUMBERS = ["abc", "", "1e", "0x10", "1,5", "--1", "1.2.3", "e5", ".", "-", "١", "1_000", "nan",
              "inf", "-inf", "1e999"]  # fmt: skip


@pytest.mark.parametrize("one", [one for one in FLAGS if any("number" in k.meaning for k in one.values)],
                         ids=lambda one: one.name)
def test_what_is_no_number_is_an_error_that_names_the_flag(one):
    for position, kind in enumerate(one.values):
        for text in NO_NUMBERS:
            if "number" not in kind.meaning or ("inf" in text and kind.metavar.endswith("inf")):
                continue
            words = ["1"] * len(one.values)
            words[position] = text
            optional = position >= len(one.values) - one.optional
            if optional and text.startswith("-"):
                continue  # ends the list of values
            with pytest.raises(UsageError, match=rf"^{one.name}: .*value"):
                parse_flags([one.name, *words])


IMPOSSIBLE = """
-pixel 0
-pixel -0.1
-detpixels 0
-detpixels -5
-detpixels 3.5
-detpixels 1e3
-detpixels_f 0
-detpixels_s -1
-detsize 0
-detsize_f -1
-detsize_s 0
-lambda 0
-lambda -1
-energy 0
-energy -5
-cell 0
-cell nan
-fluence -1
-flux -1
-exposure -1
-water -1
-dmin -1
-fudge -1
-xtalsize -1
-detector_thick -1
-detector_abs -1
-distance 1e200
-lambda 1e-200
-N 2147483648
-N 1e3
-N 2.5
-seed 1.5
-trace_pixel -1 5
-pivot corner
-floatfile folder/
"""


@pytest.mark.parametrize("text", IMPOSSIBLE.strip().split("\n"))
def test_an_impossible_value_is_an_error_that_names_flag_and_value(text):
    name, *values = text.split()
    with pytest.raises(UsageError, match=rf"^{name}: .*'{values[0]}'$"):
        parse(text)


ACCEPTED = {
    "-N 0": ("crystal.cells", (0, 0, 0)),
    "-N -3": ("crystal.cells", (-3, -3, -3)),
    "-polar -0.5": ("beam.kahn_factor", -0.5),
    "-cell 100 0 0 0 0 0": ("cell", (100, 0, 0, 0, 0, 0)),
    "-roi 0 99999 -1 -1": ("sampling.roi", (0, 99999, -1, -1)),
    "-mosaic -1": ("crystal.mosaic_spread", -1),
    "-mosaic_domains 0": ("crystal.mosaic_domains", 0),
    "-oversample 0": ("sampling.oversample", 0),
    "-phisteps 0": ("sampling.phi_steps", 0),
    "-seed -5": ("files.noise_seed", -5),
    "-beamsize -1": ("beam.size", -1),
    "-exposure 0": ("beam.exposure", 0),
    "-adc -20.5": ("files.adc_offset", -20.5),
    "-detector_abs inf": ("detector.sensor.attenuation_depth", math.inf),
    "-detector_abs infinite": ("detector.sensor.attenuation_depth", math.inf),
    "-detector_abs 0": ("detector.sensor.attenuation_depth", math.inf),
    "-detpixels 8.0": ("detector.pixels_fast", 8),
    "-printout_pixel -1 -1": ("printout_pixel", (-1, -1)),
}
"""What nanoBragg accepts and means something by."""


def entry(settings: Settings, path: str) -> object:
    """An entry of the settings by its dotted name."""
    value: object = settings
    for name in path.split("."):
        value = getattr(value, name)
    return value


@pytest.mark.parametrize("text", ACCEPTED)
def test_what_means_something_to_nanobragg_is_accepted(text):
    path, value = ACCEPTED[text]
    assert entry(parse(text), path) == value


@pytest.mark.parametrize(("text", "message"), [
    ("-N 3 4", "'4' belongs to no flag: -N takes one value"),
    ("-nopgm x", "'x' belongs to no flag: -nopgm takes no value"),
    ("-roi 0 1 2 3 4", "'4' belongs to no flag: -roi takes 4 values"),
    ("-N 3 -4", "'-4' belongs to no flag: -N takes one value"),
    ("x", "'x' is not a flag"),
])  # fmt: skip
def test_an_argument_too_many_is_refused(text, message):
    with pytest.raises(UsageError, match=message):
        parse(text)


# --- side effects and order -----------------------------------------------------------------------------------------


BEAM_FLAGS = ("-distance 9", "-Xbeam 9", "-Ybeam 9", "-mosflm", "-adxv", "-denzo", "-dials")
SAMPLE_FLAGS = ("-close_distance 9", "-Xclose 9", "-Yclose 9", "-ORGX 9", "-ORGY 9", "-twotheta 9", "-xds")
CUSTOM_FLAGS = tuple(
    f"{name} 0 1 0"
    for name in ("-fdet_vector", "-sdet_vector", "-odet_vector", "-beam_vector", "-polar_vector", "-spindle_axis",
                 "-pix0_vector", "-pix0_vector_mm", "-twotheta_axis")
)  # fmt: skip


def pivot(text: str) -> Pivot:
    return parse(text).detector.frame.pivot


@pytest.mark.parametrize("text", BEAM_FLAGS)
def test_the_pivot_becomes_the_beam(text):
    assert pivot(f"-pivot sample {text}") is Pivot.BEAM
    assert pivot(f"{text} -pivot sample") is Pivot.SAMPLE


@pytest.mark.parametrize("text", [*SAMPLE_FLAGS, "-twotheta_axis 0 1 0"])
def test_the_pivot_becomes_the_sample(text):
    assert pivot(f"-pivot beam {text}") is Pivot.SAMPLE
    assert pivot(f"{text} -pivot beam") is Pivot.BEAM


@pytest.mark.parametrize("text", CUSTOM_FLAGS)
def test_a_lab_axis_selects_the_custom_convention_until_another_is_chosen(text):
    assert parse(f"-xds {text}").detector.frame.convention is Convention.CUSTOM
    assert parse(f"{text} -xds").detector.frame.convention is Convention.XDS


@pytest.mark.parametrize("convention", [one for one in Convention if one is not Convention.CUSTOM])
def test_the_last_convention_counts(convention):
    assert parse(f"-mosflm -xds -{convention.value}").detector.frame.convention is convention


def test_the_twotheta_axis_is_also_read_as_an_angle():
    settings = parse("-twotheta 5 -twotheta_axis 0.5 1 0")
    assert settings.detector.frame.twotheta_axis == (0.5, 1.0, 0.0)
    assert settings.detector.twotheta == 0.5
    assert parse("-twotheta_axis 0.5 1 0 -twotheta 5").detector.twotheta == 5.0


def test_no_absorption_takes_away_the_thickness_that_stands_before_it():
    assert parse("-detector_thick 50 -detector_abs inf").detector.sensor.thickness == 0.0
    assert parse("-detector_abs 0 -detector_thick 50").detector.sensor.thickness == 50.0
    assert parse("-detector_thick 50 -detector_abs 20").detector.sensor.thickness == 50.0


def _set_to(name: str, path: str, value: object) -> pytest.param:
    return pytest.param(name, path, value, id=f"{name} sets {path}")


@pytest.mark.parametrize(("text", "path", "value"), [
    _set_to("-N 4 -Nb 7", "crystal.cells", (4, 7, 4)),
    _set_to("-Nb 7 -N 4", "crystal.cells", (4, 4, 4)),
    _set_to("-xtalsize 2 -width 1", "crystal.size", (2, 1, 2)),
    _set_to("-sample_x 1 -sample_y 2 -sample_z 3", "crystal.size", (1, 2, 3)),
    _set_to("-lambda 2 -energy 12398.42", "beam.wavelength", 1.0),
    _set_to("-energy 12398.42 -lambda 2", "beam.wavelength", 2.0),
    _set_to("-nopolar -polar 0.9", "beam.polarization", True),
    _set_to("-polar 0.9 -nopolar", "beam.polarization", False),
    _set_to("-divergence 2 -hdivrange 1", "beam.horizontal_divergence.range", 1.0),
    _set_to("-divergence 2 -hdivrange 1", "beam.vertical_divergence.range", 2.0),
    _set_to("-hdivsteps 3 -divsteps 5", "beam.horizontal_divergence.steps", 5),
    _set_to("-divsteps 5 -vdivsteps 3", "beam.vertical_divergence.steps", 3),
    _set_to("-square_div -round_div", "beam.round_divergence", True),
    _set_to("-round_div -square_div", "beam.round_divergence", False),
    _set_to("-misset random -misset 1 2 3", "crystal.random_misset", False),
    _set_to("-misset 1 2 3 -misset random", "crystal.misset", None),
    _set_to("-nonoise -noisefile n.img", "writes_noise", True),
    _set_to("-noisefile n.img -nonoise", "writes_noise", False),
    _set_to("-nopgm -pgmscale 2", "writes_pgm", True),
    _set_to("-nopgm -pgmfile p.pgm", "writes_pgm", True),
    _set_to("-pgmfile p.pgm -nopgm", "writes_pgm", False),
    _set_to("-printout_pixel 3 4", "printout", True),
    _set_to("-printout_pixel 3 4", "printout_pixel", (3, 4)),
    _set_to("-progress -noprogress", "progress", False),
    _set_to("-noprogress -progress", "progress", True),
    _set_to("-interpolate -nointerpolate", "crystal.interpolate", False),
    _set_to("-gauss_xtal -binary_spots", "crystal.shape", CrystalShape.TOPHAT),
    _set_to("-tophat_spots -round_xtal", "crystal.shape", CrystalShape.ROUND),
    _set_to("-oversample 3 -oversample_polar", "sampling.oversample", 3),
    _set_to("-oversample_omega -oversample 3", "sampling.oversample_omega", True),
    _set_to("-detpixels 8 -detpixels_x 9", "detector.pixels_fast", 9),
    _set_to("-detpixels 8 -detpixels_x 9", "detector.pixels_slow", 8),
    _set_to("-detsize 8 -detsize_s 9", "detector.size_slow", 9.0),
    _set_to("-detector_rotz 1 -detector_roty 2", "detector.rotation", (0.0, 2.0, 1.0)),
    _set_to("-ORGY 3", "detector.origin_pixels", (None, 3.0)),
    _set_to("-trace_pixel 1 2 -trace_pixel 3 4", "trace_pixels", ((1, 2), (3, 4))),
    _set_to("-pivot sample_or_beam", "detector.frame.pivot", Pivot.BEAM),
    _set_to("-misset_seed 5", "crystal.misset", None),
])  # fmt: skip
def test_flags_act_from_left_to_right(text, path, value):
    assert entry(parse(text), path) == value


@pytest.mark.parametrize("name", [
    "-density", "-MW", "-stol", "-stolout", "-coherent", "-hdiv", "-vdiv", "-dispstep", "-detsize_x",
    "-detsize_y", "-xdet_vector", "-ydet_vector", "-zdet_vector",
])  # fmt: skip
def test_flags_without_effect_on_the_image_say_so(name):
    assert "nanoBragg" in flag(name).warning
