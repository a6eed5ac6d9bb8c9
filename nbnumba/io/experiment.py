"""The experiment of a scene: what simulates an image that a file describes. The way back is `nbnumba.io.simulated`."""

from __future__ import annotations

import math
import os
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nbnumba.config import Beam, Crystal, Detector, Experiment, Sampling
from nbnumba.config.detector import DIALS_LAB
from nbnumba.config.rules import INTEGER, argument
from nbnumba.errors import InputFileError, NbnumbaWarning, UsageError
from nbnumba.io.expt import INDEX_FIRST, DialsExperiment, read_expt, write_expt
from nbnumba.io.scene import Scene, as_vector, lattice_in_lab

LARGEST_STEP = 0.02
"""Degrees between spindle steps at most: a tenth of the narrowest rocking curves of ordinary crystals."""


def experiment_of(scene: Scene, image: int = 0) -> Experiment:
    """The experiment of one image of a scene, in exact physics.

    Parameters
    ----------
    scene : Scene
        With a crystal.
    image : int
        Image of the scan, from 0; stills have only that.

    Returns
    -------
    Experiment
        In the scene's lab frame: its panels, its beam with the polarization, its lattice at spindle angle zero, and the
        rotation of this image in steps of at most `LARGEST_STEP`. What a scene does not hold is left at its default:
        structure factors, size and mosaicity of the crystal. A fluence follows from the scene's flux and exposure, if
        it has both, and `Beam.size`.

    Raises
    ------
    UsageError
        If the scene has no crystal or no such image.
    """
    _check_image(scene, image)
    normal, beam = np.array(scene.polarization_normal), np.array(scene.unit_s0)
    frame: dict[str, Any] = {"beam": scene.unit_s0, "polar": as_vector(np.cross(normal, beam))}
    matrix, sampling = lattice_in_lab(scene, image), Sampling()
    if scene.goniometer is not None and scene.scan is not None:
        start, width = scene.scan.start + image * scene.scan.width, scene.scan.width
        # against the axis is with the opposite one; the setting's rotation turns the axis itself
        sense = math.copysign(1.0, width)
        axis = scene.goniometer.setting_rotation @ scene.goniometer.axis
        frame["spindle"] = as_vector(sense * axis)
        matrix = scene.goniometer.rotation(0.0) @ scene.crystal.A_of_image(image)  # type: ignore[union-attr]
        sampling = Sampling(
            phi=sense * start, oscillation=sense * width, phi_steps=math.ceil(sense * width / LARGEST_STEP - 1e-9)
        )
    return Experiment(
        crystal=Crystal(reciprocal_matrix=matrix * scene.wavelength),
        beam=_beam(scene),
        detector=Detector(panels=scene.panels, frame=replace(DIALS_LAB, **frame)),
        sampling=sampling,
    )


def _check_image(scene: Scene, image: int) -> None:
    """Refuse images that are not there."""
    argument("image", INTEGER, image)
    if scene.crystal is None:
        raise UsageError("{Scene.crystal}: there is none")
    images = 1 if scene.scan is None else scene.scan.images
    if not 0 <= image < images:
        kind = "a still has only image 0" if scene.scan is None else f"there are {images}, from 0 to {images - 1}"
        raise UsageError(f"{{image={image}}}: {kind}")


def _beam(scene: Scene) -> Beam:
    polarization: dict[str, Any] = {"polarization": False}
    if scene.polarization_fraction is not None:
        polarization = {"kahn_factor": 2.0 * scene.polarization_fraction - 1.0}
    photons: dict[str, Any] = {}
    if scene.flux > 0.0 and scene.exposure > 0.0:
        photons = {"flux": scene.flux, "exposure": scene.exposure}
    return Beam(wavelength=scene.wavelength, spectrum=scene.spectrum, **polarization, **photons)


def read_experiment(path: str | os.PathLike[str], experiment: int = 0, image: int = 0) -> Experiment:
    """The experiment of an image that DIALS describes: see `nbnumba.Experiment.from_dials`.

    Parameters
    ----------
    path : path
        .expt file.
    experiment, image : int
        From 0.

    Returns
    -------
    Experiment

    Raises
    ------
    InputFileError
        If the file can't be read or lacks something.
    UsageError
        If there is no such experiment or image.
    """
    scene = pick_experiment(path, experiment).scene
    if scene.flux > 0.0 and scene.exposure == 0.0:
        message = f"{path}: states {scene.flux:g} photons/s but no exposure, as stills do: the fluence is the default"
        warnings.warn(NbnumbaWarning(message), stacklevel=3)
    return experiment_of(scene, image)


def pick_experiment(path: str | os.PathLike[str], number: int) -> DialsExperiment:
    """One experiment of a list.

    Parameters
    ----------
    path : path
        .expt file; only this experiment needs a crystal.
    number : int
        From 0.

    Returns
    -------
    DialsExperiment

    Raises
    ------
    InputFileError
        If the file can't be read, or the experiment has no crystal.
    UsageError
        If there is no such experiment.
    """
    number = argument("experiment", INTEGER, number)
    experiments = read_expt(path, need_crystal=False)
    if not 0 <= number < len(experiments):
        last = len(experiments) - 1
        there = f"there are {last + 1}, from 0 to {last}" if last else "there is only 0"
        raise UsageError(f"{path}: {{experiment={number}}}: {there}")
    if experiments[number].scene.crystal is None:
        raise InputFileError(f"{path}: experiment {number} has no crystal: {INDEX_FIRST}")
    return experiments[number]


def write_experiment(path: str | os.PathLike[str], experiment: Experiment) -> None:
    """Write an experiment for DIALS: see `nbnumba.Experiment.to_dials`.

    Parameters
    ----------
    path : path
        .expt file.
    experiment : Experiment
        Of one image.

    Raises
    ------
    UsageError
        If the experiment is impossible, its detector curved, or the suffix another.
    OutputFileError
        If the file can't be written.
    """
    if Path(path).suffix not in (".expt", ".json"):
        raise UsageError(f"{path}: an experiment list of DIALS has the suffix .expt")
    from nbnumba.io.simulated import scene_of
    from nbnumba.setup.lowering import lower

    write_expt(path, [DialsExperiment(scene_of(lower(experiment)))])
