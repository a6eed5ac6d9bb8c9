"""SMV images: header values as nanoBragg finds them, headers as it prints them."""

from __future__ import annotations

import math
import re
import warnings
from dataclasses import replace

import numpy as np
import pytest
from golden import golden_cases, input_file

from nbnumba.config import Beam, Convention, Crystal, Detector, Experiment, LabFrame, Physics, Pivot, Sampling, UnitCell
from nbnumba.config.physics import SWITCHES
from nbnumba.errors import InputFileError
from nbnumba.io.smv import read_smv, read_smv_header, write_smv_rows
from nbnumba.io.smv_headers import smv_header, states_its_size
from nbnumba.output.files import OutputFiles
from nbnumba.output.write import write_outputs
from nbnumba.setup.lowering import lower

HEADER = b"{\nHEADER_BYTES=512;\nDIM=2;\nBYTE_ORDER=little_endian;\nTYPE=unsigned_short;\nSIZE1=3;\nSIZE2=2;\n}\f"
PIXELS = np.arange(6, dtype=np.uint16).reshape(2, 3)
CRYSTAL = Crystal(unit_cell=UnitCell(100.0), default_F=100.0)


@pytest.fixture
def smv_file(tmp_path):
    """Writes a header and pixels and returns the path."""

    def write(header: bytes, data: bytes = PIXELS.tobytes(), size: int = 512):
        path = tmp_path / "image.img"
        path.write_bytes(header.ljust(size) + data)
        return path

    return write


def test_the_golden_header_is_understood():
    image = read_smv(input_file("header_96x80.img"))
    assert (image.header.width, image.header.height, image.header.size) == (96, 80, 512)
    assert image.data.shape == (80, 96)
    assert image.header.value("PIXEL_SIZE") == 0.2
    assert image.header.value("BEAM_CENTER_X") == 8.7
    assert image.header.value("ORGX") is None


def test_the_last_occurrence_counts_even_inside_another_keyword():
    header = read_smv_header(input_file("header_96x80.img"))
    assert header.value("DISTANCE") == 148.0  # of CLOSE_DISTANCE, which follows DISTANCE=150


@pytest.mark.parametrize(("line", "value"), [
    (b"PHI= 12.5 deg;\n", 12.5), (b"PHI=1;\nPHI=-2e1;\n", -20.0), (b"OSC_PHI=3;\n", 3.0), (b"PHI_START=4;\n", 4.0),
    (b"PHI=none;\n", 0.0), (b"", None), (b"\0PHI=5;\n", None),
])  # fmt: skip
def test_values_follow_nanobraggs_search(smv_file, line, value):
    assert read_smv_header(smv_file(HEADER[:-2] + line + b"}\f")).value("PHI") == value


def test_a_keyword_takes_the_next_equal_sign(smv_file):
    assert read_smv_header(smv_file(HEADER[:-2] + b"PHI;\nOMEGA=7;\n}\f")).value("PHI") == 7.0


def test_pixels_are_read_and_written_back(smv_file, tmp_path):
    path = smv_file(HEADER)
    assert np.array_equal(read_smv(path).data, PIXELS)
    write_smv_rows(tmp_path / "again.img", HEADER.ljust(512), [PIXELS[:1], PIXELS[1:]])
    assert (tmp_path / "again.img").read_bytes() == path.read_bytes()


def test_pixels_of_the_other_byte_order_are_swapped(smv_file):
    header = HEADER.replace(b"little", b"big")
    assert np.array_equal(read_smv(smv_file(header, PIXELS.astype(">u2").tobytes())).data, PIXELS)


@pytest.mark.parametrize(("stated", "kind"), [
    (b"unsigned_short", "u2"), (b"signed_short", "i2"), (b"short int", "i2"), (b"long_integer", "i4"),
    (b"signed_long", "i4"), (b"unsigned_long", "u4"), (b"unsigned_char", "u1"), (b"signed_char", "i1"),
    (b"float", "f4"),
])  # fmt: skip
@pytest.mark.parametrize(("order", "sign"), [(b"little_endian", "<"), (b"big_endian", ">")])
def test_pixels_are_what_type_and_byte_order_say(smv_file, stated, kind, order, sign):
    limits = np.iinfo(kind) if kind != "f4" else np.finfo(kind)
    pixels = np.array([[limits.min, 0, 1], [2, 99, limits.max]], dtype=kind)
    header = HEADER.replace(b"unsigned_short", stated).replace(b"little_endian", order)
    found = read_smv(smv_file(header, pixels.astype(sign + kind).tobytes())).data
    assert found.dtype == np.dtype(kind)
    assert np.array_equal(found, pixels)


def test_only_a_line_of_its_own_states_the_type_and_dtreks_own_key_counts_more(smv_file):
    pixels = PIXELS.astype(np.int32)
    header = HEADER.replace(b"unsigned_short", b"mad;\nData_type=long int;\nDETECTOR_TYPE=unsigned_short")
    assert np.array_equal(read_smv(smv_file(header, pixels.tobytes())).data, pixels)
    without = HEADER.replace(b"TYPE=unsigned_short", b"BIN_TYPE=HW").replace(b"BYTE_ORDER", b"ORDER")
    assert np.array_equal(read_smv(smv_file(without)).data, PIXELS)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_any_editors_header_is_read(smv_file, mark, end):
    text = HEADER.replace(b"\n}", b"\nBEAMLINE=fake;\nPHI=3.5;\n}").replace(b"\n", end)
    # put in front of the file, or written with the header
    for written, size in ((mark + text.ljust(512), 0), ((mark + text).ljust(512), 512)):
        image = read_smv(smv_file(written, size=size))
        assert np.array_equal(image.data, PIXELS)
        assert image.header.value("PHI") == 3.5
        assert image.header.is_simulated


def test_pixels_start_where_the_header_says(smv_file):
    header = HEADER.replace(b"=512;", b"=1024;").ljust(1000) + b"PHI=9;"
    image = read_smv(smv_file(header, size=1024))
    assert np.array_equal(image.data, PIXELS)
    assert image.header.value("PHI") == 9.0


def test_detector_dimensions_serve_when_the_size_is_zero(smv_file):
    header = HEADER.replace(b"SIZE1=3;\nSIZE2=2", b"SIZE1=0;\nDETECTOR_DIMENSIONS=2")
    assert read_smv(smv_file(header)).data.shape == (2, 2)


def test_a_header_without_pixels_is_enough_for_its_values(smv_file):
    assert read_smv_header(smv_file(HEADER, b"")).width == 3


@pytest.mark.parametrize(("header", "data", "message"), [
    (b"P5\n3 2\n255\n", b"", "is no SMV image"),
    (HEADER.replace(b"=512", b"=2048"), b"", "HEADER_BYTES=2048"),
    (HEADER.replace(b"=512", b"=none"), b"", "HEADER_BYTES=0"),
    (HEADER.replace(b"SIZE2=2", b"SIZE2=-2"), b"", "states no size"),
    (HEADER.replace(b"SIZE1", b"SIZE3"), b"", "states no size"),
    (HEADER.replace(b"SIZE1=3", b"SIZE1=1e300"), b"", "states no size"),
    (HEADER.replace(b"unsigned_short", b"double\x1b" + 99 * b"x"), PIXELS.tobytes(), r"type 'double.x{33}…'; what"),
    (HEADER.replace(b"little_endian", b"pdp_endian"), PIXELS.tobytes(), "BYTE_ORDER='pdp_endian'; give little_endian"),
    (HEADER.replace(b"unsigned_short", b"long_integer"), PIXELS.tobytes(), "pixels need 24 bytes .* 12 are there"),
    (HEADER, bytes(11), "is cut off: 3 x 2 pixels need 12 bytes behind the header, 11 are there"),
])  # fmt: skip
def test_bad_images_are_refused(smv_file, header, data, message):
    with pytest.raises(InputFileError, match=message):
        read_smv(smv_file(header, data))


def test_a_file_that_ends_in_its_header_is_refused(tmp_path):
    (tmp_path / "short.img").write_bytes(HEADER)
    with pytest.raises(InputFileError, match="header is cut off"):
        read_smv(tmp_path / "short.img")


NANOBRAGG = {"crystal": CRYSTAL, "physics": "nanobragg"}
EXPERIMENTS = {
    "detector_rect": Experiment(
        **NANOBRAGG, detector=Detector(pixel_size=0.1, pixels_fast=150, pixels_slow=90, distance=80.0)
    ),
    "phi_osc": Experiment(
        **NANOBRAGG,
        detector=Detector(pixel_size=0.1, pixels_fast=128, pixels_slow=128),
        sampling=Sampling(phi=12.0, oscillation=1.5, phi_steps=6),
    ),
    "er1_pilatus_6M": Experiment(
        **NANOBRAGG,
        beam=Beam(wavelength=0.9768),
        detector=Detector(
            frame=LabFrame(
                convention=Convention.CUSTOM,
                pivot=Pivot.SAMPLE,
                beam=(0.00051387949, 0.0, -0.99999986),
                fdet=(0.999982, -0.005998, -0.000118),
                sdet=(-0.005998, -0.999970, -0.004913),
                odet=(-0.000088, 0.004914, -0.999988),
                spindle=(-1.0, 0.0, 0.0),
            ),
            pixel_size=0.172, pixels_fast=2463, pixels_slow=2527, distance=231.274660,
            beam_center=(217.742295, 213.907080),
        ),
        sampling=Sampling(oscillation=0.1, phi_steps=10, oversample=1),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_headers_equal_nanobraggs(name):
    expected = next(case.header for case in golden_cases() if case.name == name)
    assert smv_header(lower(EXPERIMENTS[name])) == (expected.encode() + b"\f").ljust(512)


def test_a_long_header_is_not_cut_while_it_still_says_512():
    header = smv_header(lower(EXPERIMENTS["er1_pilatus_6M"]))
    assert len(header) == 518
    assert header.startswith(b"{\nHEADER_BYTES=512;\n")


# --- physics --------------------------------------------------------------------------------------------------------

LONG = EXPERIMENTS["er1_pilatus_6M"]
SHORT = EXPERIMENTS["detector_rect"]


def _in(experiment: Experiment, base: str, *names: str) -> Experiment:
    """An experiment in some physics with exceptions."""
    return replace(experiment, physics=Physics(base, **{"fix" if base == "nanobragg" else "keep": names}))


@pytest.mark.parametrize("experiment", [
    _in(LONG, "nanobragg", "long-header"), _in(LONG, "exact"), _in(SHORT, "exact"), _in(SHORT, "nanobragg", "water"),
    # words enough to need another block
    _in(SHORT, "nanobragg", *SWITCHES), _in(LONG, "exact", *(name for name in SWITCHES if name != "long-header")),
])  # fmt: skip
def test_a_header_of_any_length_tells_where_the_pixels_start(tmp_path, experiment):
    model = lower(experiment)
    header = smv_header(model)
    text, _, padding = header.partition(b"\f")
    size = int(re.match(rb"\{\nHEADER_BYTES=(\d+);", header)[1])
    # the smallest multiple of 512 that holds the text
    assert size == len(header) == math.ceil((len(text) + 1) / 512) * 512
    assert padding.strip() == b""
    assert f"PHYSICS={experiment.physics};\n" in text.decode()
    pixels = np.arange(model.geometry.pixels_slow * model.geometry.pixels_fast, dtype=np.uint16)
    write_smv_rows(tmp_path / "i.img", header, [pixels.reshape(-1, model.geometry.pixels_fast)])
    image = read_smv(tmp_path / "i.img")
    assert np.array_equal(image.data.ravel(), pixels)
    assert image.header.value("DISTANCE") == read_smv_header(tmp_path / "i.img").value("DISTANCE")


def test_headers_are_read_by_fabio(tmp_path):
    fabio = pytest.importorskip("fabio")
    model = lower(_in(replace(LONG, detector=replace(LONG.detector, pixels_fast=30, pixels_slow=20)), "exact"))
    pixels = np.arange(600, dtype=np.uint16).reshape(20, 30)
    write_smv_rows(tmp_path / "i.img", smv_header(model), [pixels])
    image = fabio.open(tmp_path / "i.img")
    assert np.array_equal(image.data, pixels)
    assert image.header["PHYSICS"] == "exact"
    assert image.header["HEADER_BYTES"] == "1024"


def test_a_line_of_our_own_never_makes_a_header_lie():
    # nanoBragg's own text fits into 512 bytes, with our line it does not
    experiment = _in(SHORT, "nanobragg", *(name for name in SWITCHES if name != "long-header"))
    header = smv_header(lower(experiment))
    assert header.startswith(b"{\nHEADER_BYTES=1024;\n")
    assert states_its_size(header)


def test_a_header_that_lies_is_a_warning_that_names_the_quirk(tmp_path):
    files = OutputFiles(
        float_path=tmp_path / "f.bin", int_path=tmp_path / "i.img", pgm_path=None, noise_path=None,
        dump_path=tmp_path / "F.bin",
    )  # fmt: skip
    small = replace(LONG, detector=replace(LONG.detector, pixels_fast=4, pixels_slow=4))
    for experiment, is_said in ((small, True), (_in(small, "nanobragg", "long-header"), False), (SHORT, False)):
        model = lower(experiment)
        image = np.ones((model.geometry.pixels_slow, model.geometry.pixels_fast), dtype=np.float32)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            write_outputs(model, image, files)
        said = [str(item.message) for item in caught]
        assert said == is_said * [
            "the header of SMV images is longer than its HEADER_BYTES says, so that programs misread the pixels (quirk "
            "long-header); Physics.fix=long-header mends it"
        ]
