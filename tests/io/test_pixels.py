"""Images on their way into files."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scenes import counts, panel

from nbnumba.errors import NbnumbaWarning, UsageError
from nbnumba.io.names import numbered_names
from nbnumba.io.pixels import bad_bands, mark_masked, mask_without, panel_images, split_frames, whole_counts

ONE = (panel(),)
TWO = (panel(image_size=(30, 10)), panel(image_size=(30, 10)))
UNEQUAL = (panel(image_size=(30, 10)), panel(image_size=(30, 12)))


def shapes(frames):
    return [[image.shape for image in frame] for frame in frames]


@pytest.mark.parametrize(("images", "panels", "frames"), [
    (counts((40, 30)), ONE, 1),
    (counts((3, 40, 30)), ONE, 3),
    (counts((40, 30)).tolist(), ONE, 1),
    (counts((3, 40, 30)).tolist(), ONE, 3),
    ([counts((40, 30))], ONE, 1),
    ([counts((40, 30)), counts((40, 30))], ONE, 2),
    (counts((2, 10, 30)), TWO, 1),
    (counts((20, 30)), TWO, 1),
    (counts((600,)), TWO, 1),
    (counts((3, 660)), UNEQUAL, 3),
    (counts((3, 20, 30)), TWO, 3),
    (counts((2, 20, 30)), TWO, 2),
    (counts((3, 2, 10, 30)), TWO, 3),
    ([counts((10, 30)), counts((12, 30))], UNEQUAL, 1),
    (counts((22, 30)), UNEQUAL, 1),
    ([[counts((10, 30)), counts((12, 30))]] * 2, UNEQUAL, 2),
])  # fmt: skip
def test_frames_and_panels_are_told_apart_by_their_shapes(images, panels, frames):
    expected = [panel.image_size[::-1] for panel in panels]
    assert shapes(split_frames(images, panels)) == [expected] * frames


def test_panels_of_a_slab_are_its_rows():
    slab = counts((22, 30))
    first, second = panel_images(slab, UNEQUAL)
    assert np.array_equal(first, slab[:10])
    assert np.array_equal(second, slab[10:])


@pytest.mark.parametrize(("images", "panels", "message"), [
    (counts((30, 40)), ONE, r"images of shape 30 x 40 don't fit a detector of 1 panel\(s\) with 40 x 30 \(slow x"),
    (counts((3, 2, 40, 30)), ONE, "images of shape 3 x 2 x 40 x 30 don't fit"),
    (counts((3, 10, 30)), TWO, "images of shape 3 x 10 x 30 don't fit"),
    ([counts((10, 30))], UNEQUAL, r"images of shape 1 x \(10 x 30\) don't fit .* 10 x 30 or 12 x 30"),
    (counts((40,)), ONE, "images of shape 40 don't fit"),
    ([], ONE, "images of shape 0 don't fit"),
    (counts((40, 30)) > 3, ONE, "images are bool: whole or floating-point numbers are needed"),
])  # fmt: skip
def test_what_does_not_fit_is_refused(images, panels, message):
    with pytest.raises(UsageError, match=message):
        split_frames(images, panels)


def test_photons_are_rounded_and_clipped_with_a_word():
    with pytest.warns(NbnumbaWarning) as caught:
        whole = whole_counts(np.array([0.5, 1.5, 2.6, -3.0, 70000.0, np.nan]), np.uint16, "x.img")
    assert whole.tolist() == [0, 2, 3, 0, 65535, 0]
    assert whole.dtype == np.uint16
    assert [str(warning.message) for warning in caught] == [
        "x.img: 1 pixel(s) are no numbers, and 0 stands there", "x.img: holds whole numbers only: photons were rounded",
        "x.img: 2 pixel(s) outside 0 to 65535 were clipped",
    ]  # fmt: skip


def test_the_largest_float_below_the_limit_stays_below_it():
    with pytest.warns(NbnumbaWarning, match="clipped"):
        assert whole_counts(np.array([3e9], dtype=np.float32), np.int32, "x").tolist() == [2**31 - 1]


def test_whole_numbers_in_range_pass_without_a_word():
    assert whole_counts(np.array([1.0, 7.0]), np.int32, "x").tolist() == [1, 7]
    assert whole_counts(np.array([1, 7], dtype=np.uint64), np.int32, "x").dtype == np.int32


def test_masked_pixels_say_so():
    mask = np.ones((40, 30), bool)
    mask[2, 3] = False
    image = counts((40, 30))
    marked = mark_masked(image, panel(mask=mask))
    assert marked[2, 3] == -1
    assert np.array_equal(marked[mask], image[mask])
    assert mark_masked(image, panel()) is image


@given(st.sets(st.integers(0, 29)), st.sets(st.integers(0, 19)))
def test_bands_of_bad_rows_and_columns_are_found_again(columns, rows):
    mask = np.ones((20, 30), bool)
    mask[:, sorted(columns)] = False
    mask[sorted(rows)] = False
    bands, complete = bad_bands(mask)
    found = mask_without(bands, (30, 20))
    assert complete
    assert np.array_equal(mask, np.ones_like(mask) if found is None else found)


def test_a_single_bad_pixel_is_no_band():
    mask = np.ones((20, 30), bool)
    mask[3, 3] = False
    assert bad_bands(mask) == ([], False)


def test_numbers_take_the_place_of_their_signs():
    assert numbered_names("a/x_###.cbf", 2, first=9) == ["a/x_009.cbf", "a/x_010.cbf"]
    assert numbered_names("x.cbf", 1) == ["x.cbf"]
    assert numbered_names("#.cbf", 11)[-1] == "11.cbf"
    with pytest.raises(UsageError, match=r"x\.cbf: 3 frames need as many files: put ##### for their number"):
        numbered_names("x.cbf", 3)
