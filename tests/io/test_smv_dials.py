"""SMV images with the header that dxtbx reads rightly."""

from __future__ import annotations

from dataclasses import replace

import fabio
import numpy as np
import pytest
from scenes import CONVENTIONS, counts, four_panels, panel, scene, simulation, sweep, tilted_panel

from nbnumba import Convention
from nbnumba.errors import NbnumbaWarning, UsageError
from nbnumba.io.simulated import scene_of
from nbnumba.io.smv_dials import read_smv_image, write_smv_images
from nbnumba.io.smv_headers import smv_header

FLAT = counts((40, 30)).astype(np.uint16)


@pytest.mark.parametrize("convention", [c for c in CONVENTIONS if c is not Convention.ADXV])
def test_the_beam_centre_of_every_convention_is_the_one_that_adsc_means(tmp_path, convention):
    model = simulation(convention)
    write_smv_images(tmp_path / "x_1.img", FLAT, scene_of(model))
    with fabio.open(tmp_path / "x_1.img") as file:
        assert np.array_equal(file.data, FLAT)
        header = file.header
    # from the outer corner, mm: X along slow, Y along fast
    assert float(header["BEAM_CENTER_X"]) == pytest.approx(model.geometry.s_beam * 1e3, abs=1e-9)
    assert float(header["BEAM_CENTER_Y"]) == pytest.approx(model.geometry.f_beam * 1e3, abs=1e-9)
    assert float(header["DISTANCE"]) == pytest.approx(100.0)
    assert header["BEAMLINE"] != "fake"
    # what nanoBragg prints for the other programs
    known = dict(line.split("=") for line in smv_header(model).decode().split("\n") if "=" in line)
    for key in ("DENZO_X_BEAM", "DENZO_Y_BEAM", "MOSFLM_CENTER_X", "MOSFLM_CENTER_Y", "ADXV_CENTER_X", "ADXV_CENTER_Y",
                "XDS_ORGX", "XDS_ORGY"):  # fmt: skip
        # C prints six digits
        assert float(header[key]) == pytest.approx(float(known[key].strip(";")), rel=5e-6)


def test_the_scene_reads_back(tmp_path):
    made = sweep(panel(gain=3.0, pedestal=40.0, trusted_range=(0, 65535)))
    write_smv_images(tmp_path / "x_##.img", np.stack([FLAT, FLAT]), made)
    image = read_smv_image(tmp_path / "x_02.img")
    assert np.array_equal(image.images, FLAT)
    assert image.scene.panels[0] == replace(made.panels[0], name="detector", origin=image.scene.panels[0].origin)
    assert image.scene.panels[0].origin == pytest.approx(made.panels[0].origin, abs=1e-9)
    assert (image.scene.wavelength, image.scene.exposure) == (1.1, 0.25)
    assert image.scene.scan.start == 10.5


def test_pedestal_and_gain_stand_under_the_keys_of_both_readers(tmp_path):
    write_smv_images(tmp_path / "x_1.img", FLAT, scene(panel(gain=3.0, pedestal=40.0)))
    text = (tmp_path / "x_1.img").read_bytes()[:1024].decode()
    for line in ("HEADER_BYTES=1024;", "ADC_OFFSET=40;", "IMAGE_PEDESTAL=40;", "GAIN=3;", "TIME=0.25;"):
        assert f"\n{line}\n" in text
    assert len((tmp_path / "x_1.img").read_bytes()) == 1024 + 2 * 40 * 30


def test_each_record_has_one_equal_sign(tmp_path):
    """dxtbx splits there."""
    write_smv_images(tmp_path / "x_1.img", FLAT, scene())
    lines = (tmp_path / "x_1.img").read_bytes()[:1024].decode().split("}")[0].splitlines()[1:]
    assert all(line.count("=") == 1 and line.endswith(";") for line in lines)


def test_another_header_can_be_given(tmp_path):
    model = simulation()
    write_smv_images(tmp_path / "x.img", FLAT, scene_of(model), header=smv_header(model))
    assert (tmp_path / "x.img").read_bytes() == smv_header(model) + FLAT.tobytes()
    # whose beam centre it holds depends on the convention
    assert read_smv_image(tmp_path / "x.img").scene is None


def test_masked_pixels_hold_0(tmp_path):
    mask = FLAT > 3
    write_smv_images(tmp_path / "x_1.img", FLAT, scene(panel(mask=mask)))
    assert np.array_equal(read_smv_image(tmp_path / "x_1.img").images, np.where(mask, FLAT, 0))


def test_counts_beyond_16_bits_are_clipped_with_a_word(tmp_path):
    with pytest.warns(NbnumbaWarning, match=r"1 pixel\(s\) outside 0 to 65535 were clipped"):
        write_smv_images(tmp_path / "x_1.img", np.where(np.arange(1200).reshape(40, 30), 0, 70000), scene())


@pytest.mark.parametrize(("given", "message"), [
    (scene(tilted_panel()), "tilted by"), (scene(*four_panels()), "one panel, not 4"),
    (scene(panel(pixel_size=(0.2, 0.1))), r"square pixels only, Panel\.pixel_size is \(0\.2, 0\.1\)"),
])  # fmt: skip
def test_what_the_header_can_t_say_is_refused_and_nothing_written(tmp_path, given, message):
    with pytest.raises(UsageError, match=message):
        write_smv_images(tmp_path / "x_1.img", FLAT, given)
    assert not any(tmp_path.iterdir())
