"""miniCBF images, read by fabio and by this program."""

from __future__ import annotations

from dataclasses import replace

import fabio
import fabio.compression
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scenes import CONVENTIONS, TILT, counts, four_panels, panel, scene, simulation, sweep, tilted_panel

from nbnumba import Convention
from nbnumba.config.detectors import detector_panels
from nbnumba.errors import InputFileError, NbnumbaWarning, UsageError
from nbnumba.io.byte_offset import compress, decompress
from nbnumba.io.cbf import read_cbf, write_cbf
from nbnumba.io.scene import Goniometer
from nbnumba.io.simulated import scene_of
from nbnumba.setup.panels import ray_pixel

FLAT = counts((40, 30))

# no two of them are further apart than 2**31 - 1, the widest difference that fabio's code knows
pixels = st.lists(st.integers(-(2**30), 2**30 - 1) | st.integers(-200, 200) | st.integers(-40000, 40000), min_size=1)


@given(pixels)
def test_compressed_pixels_are_those_of_fabio(values):
    array = np.array(values, dtype=np.int32)
    packed = compress(array)
    assert packed.tobytes() == fabio.compression.compByteOffset(array)
    assert np.array_equal(decompress(packed, len(array)), array)


def test_differences_at_the_edge_of_each_width_are_those_of_fabio():
    edges = np.array([127, 128, 129, 32767, 32768, 32769, 2**31 - 1])
    differences = np.stack([edges, -edges], axis=1)
    # each up and down again
    array = np.cumsum(differences.ravel()).astype(np.int32)
    array = np.concatenate([array, -array])
    assert compress(array).tobytes() == fabio.compression.compByteOffset(array)
    assert np.array_equal(decompress(compress(array), len(array)), array)


@given(pixels, st.integers(0, 10))
def test_bytes_that_end_early_are_noticed(values, kept):
    array = np.array(values, dtype=np.int32)
    assert decompress(compress(array)[:-1][:kept], len(array)) is None


def test_sums_beyond_32_bits_are_noticed():
    step = np.frombuffer(b"\x80\x00\x80" + (2**31 - 1).to_bytes(4, "little"), dtype=np.uint8)
    assert decompress(step, 1).tolist() == [2**31 - 1]
    assert decompress(np.concatenate([step, step]), 2) is None


def test_fabio_reads_the_same_pixels(tmp_path):
    image = FLAT.copy()
    image[0, :4] = (200000, -1, 3000, -2)
    write_cbf(tmp_path / "x_00001.cbf", image, scene())
    # checks the check sum, too
    with fabio.open(tmp_path / "x_00001.cbf") as file:
        assert np.array_equal(file.data, image)
    assert np.array_equal(read_cbf(tmp_path / "x_00001.cbf").images, image)


@pytest.mark.parametrize("convention", [c for c in CONVENTIONS if c is not Convention.ADXV])
def test_the_beam_centre_of_every_convention_is_counted_from_the_corner(tmp_path, convention):
    model = simulation(convention)
    write_cbf(tmp_path / "x_1.cbf", FLAT, scene_of(model))
    again = read_cbf(tmp_path / "x_1.cbf").scene
    expected = np.array([model.geometry.f_beam, model.geometry.s_beam]) / model.geometry.pixel_size
    # nine decimals are written
    assert ray_pixel(again.panels[0], again.unit_s0) == pytest.approx(expected, abs=2e-9)
    assert again.panels[0].origin[2] == pytest.approx(-100.0, abs=1e-9)


def test_a_detector_seen_from_behind_is_written_as_a_still_with_a_word(tmp_path):
    with pytest.warns(NbnumbaWarning, match="seen from behind, .* readers mirror the image, which swaps Friedel mates"):
        write_cbf(tmp_path / "x_1.cbf", FLAT, scene_of(simulation(Convention.ADXV)))


def test_the_scene_reads_back(tmp_path):
    made = sweep(panel(thickness=0.45, material="Si", trusted_range=(0, 65000)), polarization_fraction=0.99)
    write_cbf(tmp_path / "x_##.cbf", counts((2, 40, 30)), made)
    again = read_cbf(tmp_path / "x_02.cbf").scene
    assert again.panels[0] == replace(made.panels[0], name="detector", origin=again.panels[0].origin)
    assert again.panels[0].origin == pytest.approx(made.panels[0].origin, abs=1e-9)
    assert again.scan.start == pytest.approx(10.5)
    assert again.scan.width == pytest.approx(0.5)
    assert (again.wavelength, again.exposure, again.flux, again.polarization_fraction) == (1.1, 0.25, 1e12, 0.99)


@pytest.mark.parametrize(("name", "convention", "detector"), [
    ("pilatus-300k", "PILATUS_1.2", "PILATUS 300K"), ("eiger-1m", "PILATUS_1.2", "Dectris EIGER 1M"),
    ("eiger2-500k", "PILATUS_1.2", "Dectris EIGER2 500K"),
])  # fmt: skip
def test_images_of_real_detectors_say_whose_they_are(tmp_path, name, convention, detector):
    (made,) = detector_panels(name, 100.0)
    write_cbf(tmp_path / "x_1.cbf", np.zeros(made.image_size[::-1], np.int32), scene(made))
    text = (tmp_path / "x_1.cbf").read_bytes()
    assert f'_array_data.header_convention "{convention}"'.encode() in text
    assert f"# Detector: {detector}, S/N".encode() in text


def test_fabio_understands_the_header_of_a_pilatus(tmp_path):
    (made,) = detector_panels("pilatus-300k", 150.0, (40.1, 50.2))
    write_cbf(tmp_path / "x_1.cbf", np.zeros((619, 487), np.int32), sweep(made))
    with fabio.open(tmp_path / "x_1.cbf") as file:
        header = file.pilatus_headers
    assert header["Detector_distance"] == 0.15
    assert header["Beam_xy"] == pytest.approx((40.1 / 0.172, 50.2 / 0.172))
    assert header["Pixel_size"] == pytest.approx((172e-6, 172e-6))
    assert header["Wavelength"] == 1.1
    assert (header["Start_angle"], header["Angle_increment"]) == (10.0, 0.5)


def test_a_size_that_no_detector_has_is_called_generic(tmp_path):
    write_cbf(tmp_path / "x_1.cbf", FLAT, scene())
    text = (tmp_path / "x_1.cbf").read_bytes()
    assert b'_array_data.header_convention "GENERIC_MINI"' in text
    # without a line about the sensor dxtbx takes it for thin
    assert b"sensor" not in text


def test_a_thin_sensor_of_an_eiger_is_written_as_the_thinnest(tmp_path):
    (made,) = detector_panels("eiger2-500k", 100.0)
    write_cbf(tmp_path / "x_1.cbf", np.zeros((512, 1028), np.int32), scene(replace(made, thickness=0.0)))
    assert b"# Silicon sensor, thickness 0.000000001000 m" in (tmp_path / "x_1.cbf").read_bytes()
    assert read_cbf(tmp_path / "x_1.cbf").scene.panels[0].thickness == 0.0


def test_masked_pixels_hold_minus_one(tmp_path):
    mask = FLAT > 3
    write_cbf(tmp_path / "x_1.cbf", FLAT, scene(panel(mask=mask)))
    assert np.array_equal(read_cbf(tmp_path / "x_1.cbf").images, np.where(mask, FLAT, -1))


@pytest.mark.parametrize(("given", "message"), [
    (scene(tilted_panel()), r"can't describe a detector that is tilted by \d+\.\d+ degrees; write NXmx"),
    (scene(*four_panels()), "describes one panel, not 4; write NXmx"),
    (scene(panel(origin=(-3.7, 2.9, 100.0))), "does not stand behind the sample"),
    (sweep(goniometer=Goniometer((0.0, 1.0, 0.0))), "the spindle lies along the fast axis"),
    (sweep(goniometer=Goniometer((-1.0, 0.0, 0.0))), "the spindle lies along the fast axis"),
    (sweep(goniometer=Goniometer(setting_rotation=TILT)), "the spindle lies along the fast axis"),
    (sweep(panel(slow=(0.0, 1.0, 0.0), origin=(-3.7, -2.9, -100.0))), "of a detector seen from the sample"),
])  # fmt: skip
def test_what_the_header_can_t_say_is_refused_and_nothing_written(tmp_path, given, message):
    with pytest.raises(UsageError, match=rf"x_1\.cbf: .*{message}"):
        write_cbf(tmp_path / "x_1.cbf", counts((40, 30)), given)
    assert not any(tmp_path.iterdir())


def test_a_still_may_be_turned_about_the_beam(tmp_path):
    turned = panel(fast=(0.0, 1.0, 0.0), slow=(1.0, 0.0, 0.0), origin=(-2.9, -3.7, -100.0))
    write_cbf(tmp_path / "x_1.cbf", FLAT, scene(turned))
    again = read_cbf(tmp_path / "x_1.cbf").scene
    assert ray_pixel(again.panels[0], again.unit_s0) == pytest.approx((18.5, 14.5), abs=1e-8)


def test_a_name_without_a_number_is_pointed_out(tmp_path):
    with pytest.warns(NbnumbaWarning, match="DIALS needs a number at the end of the name, as in x_00001"):
        write_cbf(tmp_path / "x.cbf", FLAT, scene())


def test_counts_so_large_that_readers_fail_are_clipped_with_a_word(tmp_path):
    image = FLAT.copy()
    image[0, 0] = 2**31 - 1
    with pytest.warns(NbnumbaWarning, match=r"1 pixel\(s\) outside -1073741824 to 1073741823"):
        write_cbf(tmp_path / "x_1.cbf", image, scene())


@pytest.mark.parametrize(("change", "message"), [
    (lambda data: b"", "is no CBF image"),
    (lambda data: data[:200], "is no CBF image"),
    (lambda data: data[:1400], "is cut off or damaged"),
    (lambda data: data.replace(b"\xd5\x05\x00", b"\xd5\x06\x00"), "is cut off or damaged: .* check sum"),
    (lambda data: data.replace(b"X-Binary-Size-Second-Dimension: 40", b"X-Binary-Size-Second-Dimension: 90"),
     "is cut off or damaged: 30 x 90 pixels"),
    (lambda data: data.replace(b"X-Binary-Size: ", b"X-Binary-Zize: "), "the header lacks X-Binary-Size"),
    (lambda data: data.replace(b"x-CBF_BYTE_OFFSET", b"x-CBF_PACKED"), "only the compression by byte offset is read"),
])  # fmt: skip
def test_damaged_files_are_refused(tmp_path, change, message):
    write_cbf(tmp_path / "x_1.cbf", np.full((40, 30), 5, np.int32), scene())
    whole = (tmp_path / "x_1.cbf").read_bytes()
    assert change(whole) != whole
    (tmp_path / "x_1.cbf").write_bytes(change(whole))
    with pytest.raises(InputFileError, match=rf"x_1\.cbf: {message}"):
        read_cbf(tmp_path / "x_1.cbf")


def test_a_header_without_geometry_gives_pixels_alone(tmp_path):
    write_cbf(tmp_path / "x_1.cbf", FLAT, scene())
    data = (tmp_path / "x_1.cbf").read_bytes().replace(b"# Beam_xy", b"# Beam")
    (tmp_path / "x_1.cbf").write_bytes(data)
    again = read_cbf(tmp_path / "x_1.cbf")
    assert again.scene is None
    assert np.array_equal(again.images, FLAT)


def test_a_gain_or_pedestal_that_the_format_has_no_place_for_comes_with_a_warning(tmp_path):
    panels = tuple(replace(each, gain=2.0, pedestal=10.0) for each in scene().panels)
    with pytest.warns(NbnumbaWarning, match="can't say that a photon is 2 and none is 10; NXmx"):
        write_cbf(tmp_path / "x_1.cbf", counts(panels[0].image_size[::-1]), replace(scene(), panels=panels))
