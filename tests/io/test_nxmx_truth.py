"""Ground truth in NXmx files: data sets of documented names, in the layout of the images and the frame of DIALS."""

from __future__ import annotations

import numpy as np
import pytest
from scenes import four_panels, simulation

from nbnumba import Convention, Crystal, Detector, Experiment, NbnumbaError, Sampling, UnitCell, simulate
from nbnumba.engine.truth import truth_of
from nbnumba.errors import UsageError
from nbnumba.io.nxmx import NXmxWriter
from nbnumba.io.simulated import frame_of, scene_of

h5py = pytest.importorskip("h5py")


def stored(path):
    with h5py.File(path) as file:
        group = file["entry/truth"]
        assert group.attrs["NX_class"] == "NXcollection"
        assert group["q"].attrs["units"] == "1/angstrom"
        return group["q"][()], group["hkl"][()], file["entry/nbnumba/crystal_A"][()]


def test_every_panel_has_its_truth_where_its_pixels_stand(tmp_path):
    crystal = Crystal(unit_cell=UnitCell(60.0, 70.0, 80.0), misset=(10.0, 20.0, 30.0), default_F=100.0)
    result = simulate(Experiment(crystal, detector=Detector(panels=four_panels()), sampling=Sampling(oversample=1)))
    result.save(tmp_path / "x.nxs", compression="gzip", truth=True)
    q, hkl, _ = stored(tmp_path / "x.nxs")
    truth = result.truth()
    assert (q.dtype, hkl.dtype) == (np.float32, np.int32)
    assert q.shape == hkl.shape == (1, 40, 30, 3)
    for number, panel in enumerate(truth.panels):
        rows = slice(10 * number, 10 * number + 10)
        # float32
        assert q[0, rows] == pytest.approx(panel.q, abs=1e-7)
        assert np.array_equal(hkl[0, rows], panel.hkl)


@pytest.mark.parametrize("convention", [Convention.MOSFLM, Convention.DIALS])
def test_indices_follow_from_what_the_file_says(tmp_path, convention):
    model = simulation(convention)
    truth = truth_of(model).turned(frame_of(model))
    with NXmxWriter(tmp_path / "x.nxs", scene_of(model), compression="gzip") as writer:
        writer.append(np.zeros(model.image_shape), truth=truth)
    q, hkl, matrices = stored(tmp_path / "x.nxs")
    # a still: A of its only frame, in the same lab frame
    index = q[0].astype(float) @ np.linalg.inv(matrices[0]).T
    close = np.abs(index - np.rint(index)).max(axis=-1) < 0.49
    assert close.any()
    assert np.array_equal(hkl[0][close], np.rint(index)[close])


def write_two_frames_of_which_one_has_a_truth(path):
    model = simulation()
    with NXmxWriter(path, scene_of(model), compression="gzip") as writer:
        writer.append(np.zeros(model.image_shape), truth=truth_of(model))
        writer.append(np.zeros(model.image_shape))


def test_some_frames_with_and_some_without_are_refused(tmp_path):
    with pytest.raises(UsageError, match="frame 2: give truth of all frames, or of none"):
        write_two_frames_of_which_one_has_a_truth(tmp_path / "x.nxs")
    assert not list(tmp_path.iterdir())


def test_other_files_have_no_place_for_it(tmp_path):
    crystal = Crystal(unit_cell=UnitCell(60.0), default_F=100.0)
    small = Detector(pixels_fast=8, pixels_slow=8)
    result = simulate(Experiment(crystal, detector=small, sampling=Sampling(oversample=1)))
    with pytest.raises(NbnumbaError, match=r"truth: has no effect without an NXmx file"):
        result.save(tmp_path / "x.npy", truth=True)
