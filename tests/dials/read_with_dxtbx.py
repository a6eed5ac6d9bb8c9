"""Run by the Python of DIALS: prints as JSON what dxtbx makes of image files and experiment lists."""

from __future__ import annotations

import json
import sys

import dxtbx
from dxtbx.model.experiment_list import ExperimentListFactory


def panel(model, s0):
    """A panel in the lab frame, mm."""
    return {
        "origin": model.get_origin(), "fast": model.get_fast_axis(), "slow": model.get_slow_axis(),
        "pixel_size": model.get_pixel_size(), "image_size": model.get_image_size(),
        "thickness": model.get_thickness(), "gain": model.get_gain(), "pedestal": model.get_pedestal(),
        "beam_centre": model.get_beam_centre_px(s0), "beam_mm": model.get_ray_intersection(s0),
    }  # fmt: skip


def models(thing):
    """Detector, beam, goniometer and scan of an image file or an experiment."""
    get = {name: getattr(thing, f"get_{name}", None) for name in ("detector", "beam", "goniometer", "scan")}
    detector, beam, goniometer, scan = (
        call() if call is not None else getattr(thing, name) for name, call in get.items()
    )
    row = {
        "panels": [panel(p, beam.get_s0()) for p in detector], "wavelength": beam.get_wavelength(),
        "unit_s0": beam.get_unit_s0(), "scan": None if scan is None else [*scan.get_oscillation(), len(scan)],
    }  # fmt: skip
    if goniometer is not None:
        row["axis"] = goniometer.get_rotation_axis_datum()
        row["fixed"], row["setting"] = goniometer.get_fixed_rotation(), goniometer.get_setting_rotation()
    return row


def image(path):
    """An image file: models, and the sum and first pixels of its first frame."""
    thing = dxtbx.load(path)
    row = models(thing)
    raw = thing.get_raw_data(0) if path.endswith((".nxs", ".h5")) else thing.get_raw_data()
    pixels = [data.as_numpy_array() for data in (raw if isinstance(raw, tuple) else (raw,))]
    row["format"] = type(thing).__name__
    row["sums"] = [float(data.sum()) for data in pixels]
    row["corner"] = [data[:2, :3].tolist() for data in pixels]
    return row


def geometry(path):
    """A file without pixels."""
    return models(dxtbx.load(path))


def experiment_list(path):
    """The first experiment of a list, with its crystal in the middle of each image."""
    experiment = ExperimentListFactory.from_json_file(path, check_format=False)[0]
    row = models(experiment)
    crystal = experiment.crystal
    if crystal is not None:
        row["A"] = crystal.get_A()
        row["cell"] = crystal.get_unit_cell().parameters()
    return row


READERS = {".expt": experiment_list, ".XDS": geometry}

print(json.dumps([READERS.get(path[path.rindex(".") :], image)(path) for path in sys.argv[1:]]))
