"""docs/physics.md's table of quirks, and its pictures.

Usage: python tests/physics_document.py
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from corrected import corrected_cases
from golden import ROOT, input_file
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from nbnumba.config import Physics
from nbnumba.config.physics import SWITCHES
from nbnumba.flags import interpret
from nbnumba.quirks import QUIRKS
from nbnumba.simulation import simulate

DOCUMENT = ROOT / "docs" / "physics.md"
PICTURES = ROOT / "docs" / "physics"

CHECKS = {
    "pivot": ("test_the_point_about_which_a_detector_turns_stays",),
    "pix0": ("test_the_corner_of_the_first_pixel_stands_where_it_was_put",),
    "triclinic": ("test_the_axes_have_the_metric_tensor_of_any_cell",),
    "misset-random": (
        "test_random_orientations_are_uniform", "test_random_orientations_are_shoemakes_of_nanobraggs_random_numbers",
    ),
    "interp-sticky": ("test_a_region_of_interest_is_a_part_of_the_image",),
    "interp-size": ("test_the_cells_that_a_crystal_has_decide_on_interpolation",),
    "phi-carryover": ("test_a_region_of_interest_is_a_part_of_the_image",),
    "weights": ("test_equal_weights_are_no_weights", "test_an_image_is_the_weighted_mean_of_its_sources_images"),
    "curved": (
        "test_a_curved_detector_makes_one_image_in_every_convention",
        "test_the_pixels_of_a_curved_detector_see_its_solid_angle",
    ),
    "point-pixel": ("test_a_point_pixel_is_seen_square_on_from_everywhere",),
    "oversample-compound": ("test_a_coarse_pixel_holds_what_its_parts_hold",),
    "last-layer": ("test_the_layers_of_a_sensor_absorb_what_does_not_pass_through",),
    "water": ("test_water_scatters_what_its_molecules_scatter", "test_more_steps_do_not_change_the_water"),
    "first-subpixel": ("test_a_coarse_pixel_holds_what_its_parts_hold",),
    "gauss-radius": ("test_soft_spots_hold_what_those_of_a_square_crystal_hold",),
    "thick-fencepost": ("test_the_layers_of_a_sensor_absorb_what_does_not_pass_through",),
    "layer-front": ("test_a_layer_absorbs_at_its_mean_depth",),
    "xclose-ignored": ("test_close_point_and_beam_centre_place_a_detector_of_xds",),
    "twotheta-header": ("test_the_distance_of_a_swung_detector_is_where_the_beam_meets_it",),
    "long-header": ("test_a_header_of_any_length_tells_where_the_pixels_start",),
}  # fmt: skip
"""Quirk -> tests of laws that its correction obeys, beside the mended images."""

_TABLE = re.compile(r"(<!-- quirks -->\n).*?(<!-- end -->)", flags=re.DOTALL)


def quirk_table() -> str:
    """Markdown: what every quirk of an image is, what it changes, and what holds its correction."""
    heading = ("quirk", "nanoBragg.c", "exact", "how much it changes", "what holds the correction")
    lines = [f"| {' | '.join(heading)} |", "|---|---|---|---|---|"]
    for name in SWITCHES:
        quirk = QUIRKS[name]
        images = [case.name for case in corrected_cases() if name in case.fix]
        held = [check.removeprefix("test_").replace("_", " ") for check in CHECKS[name]]
        if images:
            held.append(f"mended images: {', '.join(images)}")
        cells = (f"`{name}`", quirk.c_behaviour, quirk.correct_behaviour, quirk.effect, "; ".join(held))
        lines.append(f"| {' | '.join(cells)} |")
    return "".join(f"{line}\n" for line in lines)


def document_with(table: str) -> str:
    """The document with this table in its place."""
    return _TABLE.sub(lambda found: f"{found[1]}{table}{found[2]}", DOCUMENT.read_text(encoding="utf-8"))


CRYSTAL = f"-mat {input_file('er1_1.0.mat')} -hkl {input_file('er1_P1.hkl')} -lambda 1 -oversample 1 -fluence 3e28"
WATER = (
    "-Na 5 -Nb 12 -Nc 12 -detpixels 400 -pixel 0.4 -distance 90 -phi 30 -osc 4 -phisteps 40 -mosaic 0.5 "
    "-mosaic_domains 12 -water 0.04"
)
FLAT = (
    "-N 6 -detpixels 280 -pixel 0.4 -distance 60 -Xbeam 50 -Ybeam 62 -phi 30 -osc 2 -phisteps 20 -mosaic 1 "
    "-mosaic_domains 10"
)
CURVED = f"{FLAT} -curved_det"


def main() -> None:
    """Write the table anew and draw the pictures."""
    DOCUMENT.write_text(document_with(quirk_table()), encoding="utf-8")
    PICTURES.mkdir(exist_ok=True)
    mended = Physics("nanobragg", fix=["water"])
    _draw(PICTURES / "water.png", [
        ("-water 0.04 (quirk water)", _image(WATER, Physics("nanobragg"))),
        ("-water 0.04 --fix water", _image(WATER, mended)),
    ])  # fmt: skip
    _draw(PICTURES / "curved.png", [
        ("flat", _image(FLAT, Physics("nanobragg"))),
        ("-curved_det (quirk curved)", _image(CURVED, Physics("nanobragg"))),
        ("-curved_det --fix curved", _image(CURVED, Physics("nanobragg", fix=["curved"]))),
    ])  # fmt: skip


def _image(flags: str, physics: Physics) -> np.ndarray:
    return simulate(interpret(f"{CRYSTAL} {flags}".split(), physics).experiment).image


def _draw(path: Path, images: Sequence[tuple[str, np.ndarray]]) -> None:
    """Images side by side in one scale of logarithmic greys, dark where there are photons."""
    top = max(float(np.quantile(image, 0.9995)) for _, image in images)
    figure = Figure(figsize=(4.6 * len(images), 4.4), layout="constrained")
    FigureCanvasAgg(figure)
    for place, (title, image) in enumerate(images, start=1):
        axes = figure.add_subplot(1, len(images), place)
        shown = axes.imshow(np.log10(np.maximum(image, 1.0)), cmap="gray_r", vmin=0.0, vmax=np.log10(top))
        axes.set_title(title, family="monospace")
        axes.set_xlabel("fast, pixels")
        axes.set_ylabel("slow, pixels")
    figure.colorbar(shown, ax=figure.axes, label="log₁₀ of photons per pixel", shrink=0.8)
    figure.savefig(path, dpi=100)


if __name__ == "__main__":
    main()
