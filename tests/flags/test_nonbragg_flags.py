"""nonBragg's flags: what each means, what is refused, and what is said about those without effect."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from golden import GOLDEN_DATA

from nbnumba.background.experiment import AmorphousExperiment
from nbnumba.config import Convention, Pivot
from nbnumba.config.amorphous import AmorphousSample
from nbnumba.errors import InputFileError, UsageError
from nbnumba.flags.nonbragg import NonBraggRequest, interpret_nonbragg
from nbnumba.flags.nonbragg_table import NONBRAGG_FLAGS, NonBraggSettings
from nbnumba.flags.parse import apply
from nbnumba.flags.values import PIVOT

INPUTS = GOLDEN_DATA / "nonbragg" / "inputs"
WATER = ["-stol", str(INPUTS / "water.stol")]


def said(*arguments: str) -> NonBraggSettings:
    return apply(NONBRAGG_FLAGS.tokenise(arguments), NonBraggSettings())


def asked(*arguments: str) -> NonBraggRequest:
    return interpret_nonbragg([*WATER, *arguments])


@pytest.mark.parametrize(("arguments", "path", "value"), [
    ("-samplesize 0.3", "sample", AmorphousSample(0.3, 0.3, 0.3)),
    ("-sample_size 0.3", "sample", AmorphousSample(0.3, 0.3, 0.3)),
    ("-thick 2", "sample.thickness", 2.0),
    ("-thickness 2", "sample.thickness", 2.0),
    ("-thicksteps 2", "sample.thickness", 2.0),
    ("-sample_thickness 2", "sample.thickness", 2.0),
    ("-sample_x 2", "sample.thickness", 2.0),
    ("-width 2", "sample.width", 2.0),
    ("-sample_y 2", "sample.width", 2.0),
    ("-height 2", "sample.height", 2.0),
    ("-sample_z 2", "sample.height", 2.0),
    ("-density 0.92", "sample.density", 0.92),
    ("-sample_density 0.92", "sample.density", 0.92),
    ("-MW 28.8", "sample.molar_mass", 28.8),
    ("-molecular_weight 28.8", "sample.molar_mass", 28.8),
    ("-molecules 1e6", "sample.molecules", 1e6),
    ("-sample_molecules 1e6", "sample.molecules", 1e6),
    ("-lambda 1.5", "beam.wavelength", 1.5),
    ("-wavelength 1.5", "beam.wavelength", 1.5),
    ("-energy 12398.42", "beam.wavelength", 1.0),
    ("-nopolar", "beam.polarization", False),
    ("-nopolar -polar 0.9", "beam.polarization", True),
    ("-polar 0.9", "beam.kahn_factor", 0.9),
    ("-divergence 2", "beam.vertical_divergence.range", 2.0),
    ("-divsteps 3", "beam.horizontal_divergence.steps", 3),
    ("-vdivstep 0.1", "beam.vertical_divergence.step", 0.1),
    ("-source_distance 500", "source_distance", 500.0),
    ("-detpixels 50", "detector.pixels_slow", 50),
    ("-detpixels_x 50", "detector.pixels_fast", 50),
    ("-detpixels_s 50", "detector.pixels_slow", 50),
    ("-detsize 30", "detector.size_fast", 30.0),
    ("-detsize_y 30", "detector.size_slow", 30.0),
    ("-ORGX 30.5", "detector.origin_pixels", (30.5, None)),
    ("-Yclose 7", "detector.close_point", (None, 7.0)),
    ("-distance 77", "detector.frame.pivot", Pivot.BEAM),
    ("-distance 77 -twotheta 5", "detector.frame.pivot", Pivot.SAMPLE),
    ("-twotheta 5 -pivot beam", "detector.frame.pivot", Pivot.BEAM),
    ("-twotheta_axis 0 0 1", "detector.frame.twotheta_axis", (0.0, 0.0, 1.0)),
    ("-twotheta_axis 3 0 1", "detector.twotheta", 3.0),
    ("-beam_vector 1 0.1 0", "detector.frame.convention", Convention.CUSTOM),
    ("-curved_det", "detector.curved", True),
    ("-roi 1 2 3 -4", "sampling.roi", (1, 2, 3, -4)),
    ("-oversample 4", "sampling.oversample", 4),
    ("-phistep 0.5", "sampling.phi_step", 0.5),
    ("-oscillation 2", "sampling.oscillation", 2.0),
    ("-Fmap", "amplitude_map", True),
    ("-floatimage f.bin", "files.images.float_path", Path("f.bin")),
    ("-nonoise -noiseimage n.img", "writes_noise", True),
    ("-stolout o.stol", "files.curve_path", Path("o.stol")),
    ("-ignore 1 -ignore 65535", "ignored", (1, 65535)),
    ("-gain 0.5", "gain", 0.5),
    ("-printout_pixel 3 4", "printout", True),
    ("-printout_pixel 3 4", "printout_pixel", (3, 4)),
    ("--seed 5", "files.images.noise_seed", 5),
])  # fmt: skip
def test_a_flag_and_its_synonyms_set(arguments, path, value):
    entry = said(*arguments.split())
    for name in path.split("."):
        entry = getattr(entry, name)
    assert entry == value


@pytest.mark.parametrize(("flag", "abscissa"), [("-stol", "stol"), ("-4stol", "4stol"), ("-Q", "Q")])
def test_the_flag_of_the_curve_says_what_its_abscissa_is(flag, abscissa):
    experiment = interpret_nonbragg(["-stol", "overruled", flag, str(INPUTS / "Qunits.stol")]).experiment
    assert experiment.abscissa == abscissa
    assert experiment.points[1].tolist() == [0.502655, 2.6]


def test_without_further_flags_everything_is_nonbraggs_default():
    request = asked()
    assert request.experiment == AmorphousExperiment(request.experiment.points)
    assert (request.warnings, request.printout, request.progress) == ((), False, None)
    assert request.inputs == (("curve", INPUTS / "water.stol"),)


def test_an_image_gives_the_start_values_and_flags_overrule_them():
    image = str(INPUTS / "water128.img")
    request = asked("-img", image, "-lambda", "0.9", "-ignore", "3")
    detector = request.experiment.detector
    assert (detector.pixels_fast, detector.pixels_slow, detector.pixel_size) == (128, 128, 0.5)
    # BEAM_CENTER_Y counts from the other edge: 64 - 31.75
    assert detector.beam_center == (31.75, 32.25)
    assert detector.origin_pixels == (63.5, 64.5)
    assert detector.frame.pivot is Pivot.BEAM
    assert request.experiment.beam.wavelength == 0.9
    extraction = request.experiment.extraction
    assert (extraction.image.shape, extraction.ignored, extraction.gain) == ((128, 128), (3,), 1.0)


@pytest.mark.parametrize(("arguments", "message"), [
    ("-stl x", "unknown flag -stl: did you mean -stol"),
    ("-mosflm", "unknown flag -mosflm"),
    ("-dmin 2", "unknown flag -dmin"),
    ("-phistepping 2", "unknown flag -phistepping: did you mean -phistep"),
    ("-thick", "-thick: the value is missing: give a number above zero"),
    ("-thick 0", "-thick: the value must be a number above zero, not '0'"),
    ("-MW -18", "-MW: the value must be a number above zero, not '-18'"),
    ("-density nan", "-density: the value must be a number of zero or more, not 'nan'"),
    ("-detpixels 1e3", "-detpixels: the value must be a whole number above zero, not '1e3'"),
    ("-lambda 1,0", "-lambda: the value must be a number above zero, not '1,0'"),
    ("-ignore 65536", "-ignore: the value must be a whole number from 0 to 65535, not '65536'"),
    ("-ignore 1.5", "-ignore: the value must be a whole number from 0 to 65535, not '1.5'"),
    ("-gain 0", "-gain: the value must be a number above zero"),
    ("-roi 1 2 3", "-roi: value 4 of 4 is missing"),
    ("-pivot here", "-pivot: the value must be sample or beam, not 'here'"),
    ("-distance 100 200", "'200' belongs to no flag: -distance takes one value"),
    ("-distance -adc 3", "-distance: the value is missing before -adc"),
    ("-fluence 1e300", "-fluence: the value is too large to compute with"),
    ("-sdet_vector 0 0 0", "has no direction"),
])  # fmt: skip
def test_what_c_ignores_or_misreads_is_an_error(arguments, message):
    with pytest.raises(UsageError, match=message):
        asked(*arguments.split())


def test_a_curve_is_needed():
    with pytest.raises(UsageError, match="no curve: give -stol, -4stol or -Q"):
        interpret_nonbragg(["-distance", "100"])


@pytest.mark.parametrize(("arguments", "warning"), [
    ("-nopgm", "-nopgm has no effect: nonBragg always writes its PGM image"),
    ("-odet_vector 1 0 0", "-odet_vector has no effect, as in nonBragg: the outward axis is fast × slow"),
    ("-pix0_vector 1 0 0", "-pix0_vector has no effect, as in nonBragg"),
    ("-spindle_axis 1 0 0", "-spindle_axis has no effect, as in nonBragg"),
    ("-coherent -coherent", "-coherent has no effect, as in nonBragg"),
    ("-noreject", "-noreject has no effect, as in nonBragg"),
    ("-thicksteps 2", "-thicksteps is read as -thick, the sample's thickness in mm, as in nonBragg: its sensor has no "
                      "layers"),
    ("-detsize 50 -detpixels 100", "-detsize: the 100 pixels along the fast axis count; 50 mm do not"),
    ("-energy 12.4", "-energy 12.4 is read in eV: 12.4 keV would be 12400"),
    ("-gain 2", "-gain has no effect without -img: there is no image to extract a curve from"),
    ("-exposure 5", "-exposure has no effect without -flux: -fluence counts"),
    ("-density 0", "-density 0: there is no molecule in the beam"),
    ("-density 997", "-density 997 is read in g/cm³: 997 kg/m³ would be 0.997"),
    ("-stolout o", "-stolout has no effect without -img: there is no image to extract a curve from"),
])  # fmt: skip
def test_what_has_no_effect_says_so(arguments, warning):
    assert asked(*arguments.split()).warnings[0] == warning


def test_a_curve_that_a_later_flag_puts_aside_is_said(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_text("0 1\n1 2\n")
    first, second = str(tmp_path / "a"), str(tmp_path / "b")
    (warning,) = interpret_nonbragg(["-stol", first, "-Q", second]).warnings
    assert warning == f"-stol {first} has no effect: -Q comes later"


def test_every_flag_that_does_nothing_has_a_warning():
    for flag in NONBRAGG_FLAGS.flags:
        values = [Pivot.SAMPLE if kind is PIVOT else 3.0 for kind in flag.values]
        unchanged = flag.effect(NonBraggSettings(), values) == NonBraggSettings()
        # these restore what another flag changed
        takes_back = flag.name in ("-round_div", "-noprogress", "-nonoise")
        assert not unchanged or flag.warning or takes_back, flag.name


def test_words_in_a_table_are_named_by_their_lines(tmp_path):
    table = tmp_path / "t.stol"
    table.write_text("# F of ice\n0 2\n0.1 three\n\n0.2 4\n")
    request = interpret_nonbragg(["-stol", str(table)])
    assert np.array_equal(request.experiment.points, [[0, 0], [0, 2], [0.1, 0], [0.2, 4]])
    assert request.warnings == (
        f"{table}: lines 1, 3 hold words where numbers belong; they are read as 0, as in nonBragg",
    )


@pytest.mark.parametrize(("text", "message"), [
    ("", "holds no data"),
    ("0 1\ninf 2\n", "holds a number that is not finite"),
    ("0 1\n1 -inf\n", "holds a number that is not finite"),
    ("nan 1\n", "holds a number that is not finite"),
])  # fmt: skip
def test_tables_without_points_or_with_infinite_ones_are_refused(tmp_path, text, message):
    table = tmp_path / "t.stol"
    table.write_text(text)
    with pytest.raises(InputFileError, match=f"t.stol: {message}"):
        interpret_nonbragg(["-Q", str(table)])
