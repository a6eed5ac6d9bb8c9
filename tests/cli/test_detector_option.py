"""--detector: the pixels and gaps of a detector that can be had, before every flag."""

from __future__ import annotations

import numpy as np


def test_a_detector_by_name_brings_its_pixels_and_gaps(nbnumba, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    crystal = ("-cell", "60", "70", "80", "90", "90", "90", "-default_F", "100", "-N", "1", "-oversample", "1")
    files = ("-nopgm", "-nonoise", "--output", "x.npy")
    status, out, errors = nbnumba("--detector", "pilatus-300k", *crystal, "-distance", "80", *files)
    assert (status, "warning" in errors) == (0, False)
    assert "PILATUS 300K; its sensor, 0.32 mm Si, counts with -detector_thick and -detector_abs" in out
    image = np.load("x.npy")
    # three modules of 487 x 195 pixels, 17 rows between them
    assert image.shape == (619, 487)
    assert [image[rows].any() for rows in (194, slice(195, 212), 212)] == [True, False, True]
    status, _, errors = nbnumba("--detector", "pilatus-300k", *crystal, "-mask", "intimage.img", *files)
    assert (status, errors.count("\n")) == (2, 1)
    assert "--detector pilatus-300k brings the mask of its gaps: leave -mask out, or the name" in errors


def test_an_unknown_detector_is_one_line_with_the_nearest_names(nbnumba):
    status, _, errors = nbnumba("--detector", "pilatos-6m", "-cell", "60", "70", "80", "90", "90", "90")
    assert (status, errors.count("\n")) == (2, 1)
    assert "unknown detector 'pilatos-6m': did you mean pilatus-6m" in errors


def test_other_pixels_than_the_detectors_are_one_line(nbnumba):
    cell = ("-cell", "60", "70", "80", "90", "90", "90", "-default_F", "1")
    status, _, errors = nbnumba("--detector", "eiger-1m", "-detpixels", "100", *cell)
    assert (status, errors.count("\n")) == (2, 1)
    assert "--detector eiger-1m has 1030 x 1065 pixels: leave -detpixels out, or render a part with -roi" in errors


def test_a_readout_marks_the_gaps_of_the_detector_that_is_named_not_its_own(nbnumba, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = ("-cell", "60", "70", "80", "90", "90", "90", "-default_F", "1", "-oversample", "1", "-nopgm", "-nonoise")
    for more, first in (((), 195), (("--gaps",), 514)):
        status, _, _ = nbnumba("--detector", "pilatus-300k", *flags, "--readout", "eiger", *more, "--output", "x.npy")
        assert status == 0
        rows = np.flatnonzero((np.load("x.npy") == -1).all(axis=1))
        # rows of two gaps of 17; those of an EIGER only if they are asked for
        assert first in rows
        assert rows.size == (34 + 37 if more else 34)
