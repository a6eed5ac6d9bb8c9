"""NXmx files, read by programs of others: nxmx, the validator of nexusformat, fabio; and by this one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from dataclasses import replace

import fabio
import h5py
import hdf5plugin  # noqa: F401  (registers bitshuffle)
import numpy as np
import nxmx
import pytest
from scenes import TILT, counts, four_panels, panel, scene, simulation, sweep, tilted_panel

from nbnumba import Beam, Crystal, Detector, Experiment, Sampling, Spectrum, UnitCell, simulate
from nbnumba.config.detectors import detector_panels
from nbnumba.errors import InputFileError, NbnumbaWarning, OutputFileError, UsageError
from nbnumba.io.formats import COMPRESSIONS
from nbnumba.io.nxmx import NXmxWriter, write_nxmx
from nbnumba.io.nxmx_reader import read_nxmx
from nbnumba.io.scene import CrystalModel, Goniometer, axis_rotation
from nbnumba.io.simulated import scene_of
from nbnumba.setup.frames import DIALS_TO_NEXUS

FLAT = counts((40, 30))
SPECTRUM = Spectrum(wavelengths=[1.09, 1.1, 1.11], weights=[0.2, 0.5, 0.3])

KINDS = {
    "flat still": (scene(), FLAT),
    "tilted still": (scene(tilted_panel()), FLAT),
    "four panels": (scene(*four_panels()), FLAT),
    "sweep": (sweep(), counts((3, 40, 30))),
    "sweep on three axes": (sweep(goniometer=Goniometer((0.6, 0.0, 0.8), TILT, axis_rotation((0, 1, 0), 9.0))), FLAT),
    "thick and masked": (scene(panel(thickness=0.45, material="CdTe", mask=FLAT > 3, gain=2.0, pedestal=40.0)), FLAT),
    "spectrum": (scene(spectrum=SPECTRUM), FLAT),
    "polarized aslant": (scene(polarization_normal=(0.6, 0.8, 0.0), polarization_fraction=0.9), FLAT),
    "float": (scene(), FLAT + 0.25),
    "simulated": (scene_of(simulation(oscillation=1.0, phi_steps=2)), FLAT),
}  # fmt: skip


@pytest.fixture(params=KINDS, ids=str)
def written(request, tmp_path):
    """A file of each kind, its scene and its images."""
    made, images = KINDS[request.param]
    write_nxmx(tmp_path / "x.nxs", images, made)
    return tmp_path / "x.nxs", made, images


def entry(file):
    return nxmx.NXmx(file).entries[0]


def test_nxmx_finds_every_panel_where_it_is(written):
    path, made, _ = written
    with h5py.File(path) as file:
        modules = entry(file).instruments[0].detectors[0].modules
        assert len(modules) == len(made.panels)
        for module, expected in zip(modules, made.panels, strict=True):
            fast = module.fast_pixel_direction
            chain = nxmx.get_dependency_chain(fast.depends_on)
            origin = nxmx.get_cumulative_transformation(chain)[0, :3, 3]
            # what is written is what was given, but for the sum of matrices that are zero elsewhere
            assert DIALS_TO_NEXUS @ origin == pytest.approx(expected.origin, abs=1e-12)
            assert DIALS_TO_NEXUS @ fast.vector == pytest.approx(expected.fast, abs=1e-15)
            assert DIALS_TO_NEXUS @ module.slow_pixel_direction.vector == pytest.approx(expected.slow, abs=1e-15)
            assert fast[()].to("mm").magnitude == pytest.approx(expected.pixel_size[0], abs=0)
            assert tuple(module.data_size[::-1]) == expected.image_size


def test_each_panel_finds_its_rows_in_the_data(tmp_path):
    panels = four_panels()
    write_nxmx(tmp_path / "x.nxs", FLAT, scene(*panels))
    with h5py.File(tmp_path / "x.nxs") as file:
        modules = entry(file).instruments[0].detectors[0].modules
        for k, module in enumerate(modules):
            place = tuple(slice(a, a + n) for a, n in zip(module.data_origin, module.data_size, strict=True))
            assert np.array_equal(file["entry/data/data"][(0, *place)], FLAT[10 * k : 10 * k + 10])


def test_the_validator_of_nexus_finds_no_error(written):
    from nexusformat.nexus.validate import validate_application

    _, errors = validate_application(str(written[0]))
    assert errors == 0


def test_it_reads_back_as_it_was(written):
    path, made, images = written
    again = read_nxmx(path)
    good = made.panels[0].mask
    expected = np.reshape(images, (-1, 40, 30)).astype(np.float32 if images.dtype.kind == "f" else np.int32)
    assert np.array_equal(again.images, expected if good is None else np.where(good, expected, -1))
    assert again.images.dtype == expected.dtype
    for found, panel_given in zip(again.scene.panels, made.panels, strict=True):
        for field in ("origin", "fast", "slow", "pixel_size", "image_size", "trusted_range", "thickness", "gain"):
            assert getattr(found, field) == pytest.approx(getattr(panel_given, field), abs=1e-12)
        assert found.pedestal == panel_given.pedestal
        assert (found.mask is None) == (panel_given.mask is None)
    if good is not None:
        assert np.array_equal(again.scene.panels[0].mask, good)
    for field in ("wavelength", "flux", "exposure", "polarization_fraction"):
        assert getattr(again.scene, field) == pytest.approx(getattr(made, field), rel=1e-12)
    assert again.scene.polarization_normal == pytest.approx(made.polarization_normal, abs=1e-12)
    assert (again.scene.scan is None) == (made.scan is None)
    if made.scan is not None:
        assert again.scene.scan == replace(made.scan, images=len(expected), start=again.scene.scan.start)
        for angle in (0.0, 33.0):
            assert again.scene.goniometer.rotation(angle) == pytest.approx(made.goniometer.rotation(angle), abs=1e-12)


@pytest.mark.parametrize("kind", ["flat still", "four panels", "float"])
def test_fabio_sees_the_same_pixels(kind, tmp_path):
    made, images = KINDS[kind]
    write_nxmx(tmp_path / "x.nxs", images, made)
    with fabio.open(f"{tmp_path}/x.nxs::/entry/data/data") as file:
        assert np.array_equal(file.data, images.astype(np.float32) if kind == "float" else images)


def test_photons_of_every_panel_end_in_its_rows(tmp_path):
    result = simulate(Experiment(
        Crystal(unit_cell=UnitCell(70.0), cells=(5, 5, 5), default_F=100.0), Beam(wavelength=1.1),
        Detector(panels=four_panels()), Sampling(oversample=1),
    ))  # fmt: skip
    write_nxmx(tmp_path / "x.nxs", result.image, scene_of(result.model))
    again = read_nxmx(tmp_path / "x.nxs")
    assert np.array_equal(again.images[0], np.concatenate(result.panels))
    assert again.scene.panels[2].origin == pytest.approx(four_panels()[2].origin, abs=1e-12)


def test_angles_of_a_sweep_follow_each_other(tmp_path):
    write_nxmx(tmp_path / "x.nxs", counts((3, 40, 30)), sweep())
    with h5py.File(tmp_path / "x.nxs") as file:
        axes = file["entry/sample/transformations"]
        assert axes["omega"][:].tolist() == [10.0, 10.5, 11.0]
        assert axes["omega_end"][:].tolist() == [10.5, 11.0, 11.5]
        assert axes["omega"].attrs["vector"].tolist() == [-1.0, 0.0, 0.0]
        assert file["entry/instrument/detector/detectorSpecific/nimages"][()] == 3
    assert read_nxmx(tmp_path / "x.nxs", slice(1, None)).scene.scan.start == pytest.approx(10.5)


@pytest.mark.parametrize(("given", "stored", "bits"), [
    (np.uint8, np.uint16, 16), (np.uint16, np.uint16, 16), (np.int16, np.int32, 32), (np.int32, np.int32, 32),
    (np.uint32, np.int32, 32), (np.int64, np.int32, 32), (np.float32, np.float32, None), (np.float64, np.float32, None),
])  # fmt: skip
def test_pixels_take_a_type_that_dxtbx_reads(tmp_path, given, stored, bits):
    write_nxmx(tmp_path / "x.nxs", FLAT.astype(given), scene())
    with h5py.File(tmp_path / "x.nxs") as file:
        assert file["entry/data/data"].dtype == stored
        assert np.array_equal(file["entry/data/data"][0], FLAT)
        depth = file.get("entry/instrument/detector/bit_depth_readout")
        assert (None if depth is None else depth[()]) == bits


def test_counts_beyond_the_type_are_clipped_with_a_word(tmp_path):
    image = FLAT.astype(np.int64)
    image[0, 0] = 2**40
    with pytest.warns(NbnumbaWarning, match=r"x\.nxs: 1 pixel\(s\) outside .* were clipped"):
        write_nxmx(tmp_path / "x.nxs", image, scene())


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_every_compression_gives_the_pixels_back(tmp_path, compression):
    write_nxmx(tmp_path / "x.nxs", FLAT, scene(), compression=compression)
    assert np.array_equal(read_nxmx(tmp_path / "x.nxs").images[0], FLAT)
    with h5py.File(tmp_path / "x.nxs") as file:
        data = file["entry/data/data"]
        assert data.chunks == (1, 40, 30)
        properties = data.id.get_create_plist()
        filters = [properties.get_filter(k)[0] for k in range(properties.get_nfilters())]
        # numbers of the HDF Group: bitshuffle; shuffle and deflate
        assert filters == {"bslz4": [32008], "gzip": [2, 1], "none": []}[compression]


def test_masked_16_bit_pixels_hold_what_detectors_write(tmp_path):
    mask = FLAT > 3
    write_nxmx(tmp_path / "x.nxs", FLAT.astype(np.uint16), scene(panel(mask=mask)))
    assert np.array_equal(read_nxmx(tmp_path / "x.nxs").images[0], np.where(mask, FLAT, 65535))


def test_masked_pixels_of_several_panels_are_marked_in_the_data_only(tmp_path):
    panels = four_panels()
    mask = np.ones((10, 30), bool)
    mask[0, 0] = False
    write_nxmx(tmp_path / "x.nxs", FLAT, scene(panels[0], replace(panels[1], mask=mask), *panels[2:]))
    with h5py.File(tmp_path / "x.nxs") as file:
        assert "pixel_mask" not in file["entry/instrument/detector"]
        assert np.argwhere(file["entry/data/data"][0] == -1).tolist() == [[10, 0]]


def test_panels_can_be_stacked(tmp_path):
    panels = four_panels()
    mask = np.ones((10, 30), bool)
    mask[1, 2] = False
    made = scene(panels[0], replace(panels[1], mask=mask), *panels[2:])
    write_nxmx(tmp_path / "x.nxs", FLAT.reshape(4, 10, 30), made, layout="stacked")
    again = read_nxmx(tmp_path / "x.nxs")
    assert again.images.shape == (1, 4, 10, 30)
    assert np.array_equal(again.scene.panels[1].mask, mask)
    assert again.scene.panels[2].mask is None
    assert again.scene.panels[3].origin == pytest.approx(panels[3].origin, abs=1e-12)


def test_a_beam_off_the_axis_is_squared(tmp_path):
    made = scene(unit_s0=(0.0, 0.02, -np.sqrt(1 - 4e-4)))
    write_nxmx(tmp_path / "x.nxs", FLAT, made)
    again = read_nxmx(tmp_path / "x.nxs").scene
    assert again.unit_s0 == (0.0, 0.0, -1.0)
    # the angle between beam and fast axis is what counts, not the frame
    for axis in ("fast", "slow"):
        found, given = (np.dot(s.unit_s0, getattr(s.panels[0], axis)) for s in (again, made))
        assert found == pytest.approx(given, abs=1e-12)


def test_stills_may_differ_in_wavelength_spectrum_and_crystal(tmp_path):
    first = scene(spectrum=SPECTRUM, crystal=CrystalModel(np.eye(3) / 50.0))
    second = replace(first, wavelength=1.2, spectrum=Spectrum(SPECTRUM.wavelengths, weights=[1.0, 0.0, 0.0]),
                     crystal=CrystalModel(np.eye(3) / 60.0))  # fmt: skip
    with NXmxWriter(tmp_path / "x.nxs", first) as writer:
        writer.append(FLAT)
        writer.append(FLAT, second)
    again = read_nxmx(tmp_path / "x.nxs", slice(1, 2)).scene
    assert again.wavelength == 1.2
    assert again.spectrum.weights.tolist() == [1.0, 0.0, 0.0]
    assert np.array_equal(again.crystal.A, np.eye(3) / 60.0)
    assert read_nxmx(tmp_path / "x.nxs").scene.wavelength == 1.1


def test_what_holds_for_the_whole_file_can_t_differ(tmp_path):
    with NXmxWriter(tmp_path / "x.nxs", scene(spectrum=SPECTRUM)) as writer:
        writer.append(FLAT)
        with pytest.raises(UsageError, match=r"x\.nxs: Scene\.panels can't change"):
            writer.append(FLAT, scene(panel()))
    given = sweep()
    with NXmxWriter(tmp_path / "y.nxs", given) as writer:
        writer.append(FLAT)
        with pytest.raises(UsageError, match="one sweep"):
            writer.append(FLAT, replace(given, wavelength=2.0))


def test_a_still_that_lacks_what_the_first_had_is_refused(tmp_path):
    given = scene(spectrum=SPECTRUM)
    with NXmxWriter(tmp_path / "x.nxs", given) as writer:
        writer.append(FLAT)
        with pytest.raises(UsageError, match="frame 2: incident_wavelength_spectrum_weights is missing"):
            writer.append(FLAT, replace(given, spectrum=None))
    assert len(read_nxmx(tmp_path / "x.nxs").images) == 1


def test_the_file_takes_its_name_when_it_is_complete_and_is_whole_after_each_flush(tmp_path):
    frames = counts((3, 40, 30))
    with NXmxWriter(tmp_path / "x.nxs", sweep()) as writer:
        for count, frame in enumerate(frames, start=1):
            writer.append(frame)
            writer.flush()
            (unfinished,) = tmp_path.glob(".nbnumba-*")
            shutil.copy(unfinished, tmp_path / "copy.nxs")
            again = read_nxmx(tmp_path / "copy.nxs")
            assert np.array_equal(again.images, frames[:count])
            assert again.scene.scan.images == count
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.nxs", "x.nxs"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, FileNotFoundError])
def test_nothing_stays_behind_after_an_error_which_keeps_its_name(tmp_path, error):
    (tmp_path / "x.nxs").write_bytes(b"old")

    def write_half():
        with NXmxWriter(tmp_path / "x.nxs", scene()) as writer:
            writer.append(FLAT)
            raise error("elsewhere")

    with pytest.raises(error, match="elsewhere"):
        write_half()
    assert [path.name for path in tmp_path.iterdir()] == ["x.nxs"]
    assert (tmp_path / "x.nxs").read_bytes() == b"old"


def test_a_file_without_frames_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"x\.nxs: no frame was written"), NXmxWriter(tmp_path / "x.nxs", scene()):
        pass
    assert not any(tmp_path.iterdir())


def test_a_full_disk_is_one_clear_line(tmp_path):
    # a limit on the size of files acts like a full disk, and only on a process of its own
    code = textwrap.dedent("""
        import resource, sys
        import numpy as np
        from scenes import scene
        from nbnumba.errors import OutputFileError
        from nbnumba.io.nxmx import write_nxmx
        resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
        image = np.random.default_rng(1).integers(0, 2**31 - 1, (60, 40, 30), dtype=np.int32)
        try:
            write_nxmx("x.nxs", image, scene(), compression="none")
        except OutputFileError as error:
            print(error)
    """)
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False,
                         env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})  # fmt: skip
    assert run.stdout == "x.nxs: can't be written: File too large\n", run.stderr[-2000:]
    # HDF5 crashes at the end of a process if it can't write what it still holds
    assert run.returncode == 0
    assert not any(tmp_path.iterdir())


def test_impossible_targets_are_refused(tmp_path):
    with pytest.raises(OutputFileError, match="missing does not exist"):
        write_nxmx(tmp_path / "missing" / "x.nxs", FLAT, scene())
    with pytest.raises(OutputFileError, match="/dev/null: this format needs a regular file"):
        write_nxmx("/dev/null", FLAT, scene())


@pytest.mark.parametrize(("panels", "options", "message"), [
    ((panel(), panel(image_size=(31, 40))), {}, "panels of 30 and 31 pixels along fast don't fit below each other"),
    ((panel(), panel(image_size=(30, 41))), {"layout": "stacked"}, "panels of different sizes can't be stacked"),
    ((panel(), panel(thickness=0.3)), {}, r"Panel\.thickness differs between panels; NXmx has one for all"),
    ((panel(),), {"layout": "tiled"}, "layout is 'tiled': slab or stacked is needed"),
    ((panel(),), {"compression": "zip"}, "compression is 'zip': bslz4 or gzip or none is needed"),
])  # fmt: skip
def test_what_the_layout_can_t_hold_is_refused(tmp_path, panels, options, message):
    with pytest.raises(UsageError, match=message):
        NXmxWriter(tmp_path / "x.nxs", scene(*panels), **options)
    assert not any(tmp_path.iterdir())


def test_a_detector_before_the_sample_is_pointed_out(tmp_path):
    with pytest.warns(NbnumbaWarning, match="stands between source and sample"):
        NXmxWriter(tmp_path / "x.nxs", scene(panel(origin=(-3.7, 2.9, 100.0))))


def test_the_gaps_of_a_detector_by_name_are_in_the_mask(tmp_path):
    (eiger,) = detector_panels("eiger-1m", 100.0)
    write_nxmx(tmp_path / "x.nxs", np.zeros((1065, 1030), np.uint16), scene(eiger))
    with h5py.File(tmp_path / "x.nxs") as file:
        mask = file["entry/instrument/detector/pixel_mask"][()]
        # 37 rows between two modules
        assert mask.sum() == 37 * 1030
        assert np.array_equal(file["entry/instrument/detector/detectorSpecific/pixel_mask"][()], mask)


def test_the_file_says_how_it_was_made(tmp_path):
    write_nxmx(tmp_path / "x.nxs", FLAT, scene_of(simulation()))
    with h5py.File(tmp_path / "x.nxs") as file:
        arguments = json.loads(file["entry/nbnumba/arguments"].asstr()[()])
    assert arguments["experiment"]["beam"]["wavelength"] == 1.1
    assert read_nxmx(tmp_path / "x.nxs").scene.provenance["experiment"] == arguments["experiment"]


def test_data_in_files_of_their_own_are_joined(tmp_path):
    """As the master files of EIGER detectors have them."""
    frames = counts((5, 40, 30))
    write_nxmx(tmp_path / "x_master.h5", frames, sweep(), compression="none")
    with h5py.File(tmp_path / "x_master.h5", "a") as master:
        group = master["entry/data"]
        del group["data"]
        for number, rows in ((1, frames[:3]), (2, frames[3:])):
            with h5py.File(tmp_path / f"x_data_{number:06d}.h5", "w") as file:
                file["entry/data/data"] = rows
            group[f"data_{number:06d}"] = h5py.ExternalLink(f"x_data_{number:06d}.h5", "/entry/data/data")
    assert np.array_equal(read_nxmx(tmp_path / "x_master.h5").images, frames)
    assert np.array_equal(read_nxmx(tmp_path / "x_master.h5", slice(2, 4)).images, frames[2:4])


@pytest.mark.parametrize("size", [0, 100, 3000, -1])
def test_truncated_files_are_refused(tmp_path, size):
    write_nxmx(tmp_path / "x.nxs", FLAT, scene())
    whole = (tmp_path / "x.nxs").read_bytes()
    (tmp_path / "x.nxs").write_bytes(whole[:size])
    with pytest.raises(InputFileError, match=r"x\.nxs: can't be read: [^\n]+$"):
        read_nxmx(tmp_path / "x.nxs")


@pytest.mark.parametrize(("missing", "message"), [
    ("entry/data/data", "is no complete NXmx file: .*holds no data"),
    ("entry/instrument/detector/sensor_thickness", "is no complete NXmx file: .*sensor_thickness"),
    ("entry/instrument/detector/module/fast_pixel_direction", "is no complete NXmx file: .*fast_pixel_direction"),
    ("entry/instrument/beam/incident_wavelength", "is no complete NXmx file: .*incident_wavelength"),
    ("entry/instrument", "is no complete NXmx file"),
    ("entry/sample", "is no complete NXmx file"),
    ("entry/definition", "is no NXmx file: no entry has the definition NXmx"),
])  # fmt: skip
def test_files_that_lack_something_are_refused_in_one_line(tmp_path, missing, message):
    write_nxmx(tmp_path / "x.nxs", FLAT, scene())
    with h5py.File(tmp_path / "x.nxs", "a") as file:
        del file[missing]
    with pytest.raises(InputFileError, match=rf"^{tmp_path}/x\.nxs: {message}[^\n]*$"):
        read_nxmx(tmp_path / "x.nxs")


def test_frames_that_are_not_there_are_refused(tmp_path):
    write_nxmx(tmp_path / "x.nxs", FLAT, scene())
    with pytest.raises(InputFileError, match=r"holds 1 frame\(s\), none of those"):
        read_nxmx(tmp_path / "x.nxs", slice(3, 5))
