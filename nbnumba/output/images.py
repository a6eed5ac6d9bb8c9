"""The images that a user asks for by file names of any format, besides nanoBragg's own files."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbnumba.engine.truth import truth_of
from nbnumba.errors import UsageError
from nbnumba.io.atomic import check_distinct
from nbnumba.io.formats import COMPRESSIONS, check_image, format_of, write_image
from nbnumba.io.smv_headers import smv_header
from nbnumba.output.files import DIALS, SMV_HEADERS
from nbnumba.output.smv_header import header_for
from nbnumba.setup.panels import assemble

if TYPE_CHECKING:
    import numpy as np

    from nbnumba.engine.truth import Truth
    from nbnumba.io.scene import Scene
    from nbnumba.output.files import OutputFiles
    from nbnumba.readout.readout import Readout
    from nbnumba.setup.model import Model


@dataclass(frozen=True)
class ImageOutputs:
    """Files of photons in any format, by their suffix.

    Attributes
    ----------
    paths : tuple of Path
        Files to write.
    compression : str or None
        Of NXmx files, see `nbnumba.io.formats.COMPRESSIONS`; None takes the default.
    smv_header : str
        One of `nbnumba.output.files.SMV_HEADERS`.
    readout : Readout or None
        What makes counts of the photons, which the files then hold; None for files of photons.
    truth : bool
        Write what each pixel sees into NXmx files, see `nbnumba.SimulationResult.truth`.
    """

    paths: tuple[Path, ...] = ()
    compression: str | None = None
    smv_header: str = SMV_HEADERS[0]
    readout: Readout | None = None
    truth: bool = False

    def check(self, model: Model, files: OutputFiles | None, inputs: Iterable[Path]) -> None:
        """Raise now what would go wrong after the simulation.

        Parameters
        ----------
        model : Model
            The simulation.
        files : OutputFiles or None
            The other files that will be written; None if there are none.
        inputs : iterable of Path
            Input files, which must not be overwritten.

        Raises
        ------
        UsageError
            If a format can't describe the detector, names coincide, or an option has no effect.
        MissingPackageError
            If a library is not installed.
        OutputFileError
            If a file can't be written.
        """
        if files is not None:
            with warnings.catch_warnings():
                # they come when it is written
                warnings.simplefilter("ignore")
                header_for(files.int_path, model, files)
        outputs = {f"{{output[{i}]}}": path for i, path in enumerate(self.paths)}
        check_distinct(outputs, inputs)
        if outputs and files is not None:
            check_distinct({**files.by_field(), **outputs})
        self.check_formats(model)

    def check_formats(self, model: Model) -> None:
        """Raise if a format has no place for the image.

        Parameters
        ----------
        model : Model
            The simulation.

        Raises
        ------
        UsageError
            If a format can't describe the detector, a suffix is unknown, or an option has no effect.
        MissingPackageError
            If a library is not installed.
        OutputFileError
            If a file can't be written.
        """
        idle = [f"{{compression}} {self.compression}"] * (self.compression is not None) + ["{truth}"] * self.truth
        if idle and not any("compression" in format_of(path).options for path in self.paths):
            raise UsageError(f"{idle[0]}: has no effect without an NXmx file (.nxs, .h5) in {{output}}")
        scene = self._scene(model)
        for path in self.paths:
            _check_panels(path, model)
            check_image(path, scene, **self._options(path, model))

    def write(self, model: Model, images: np.ndarray | Sequence[np.ndarray]) -> tuple[Path, ...]:
        """Write all files.

        Parameters
        ----------
        model : Model
            The simulation.
        images : ndarray, shape (slow, fast), or sequence of them
            Photons per pixel, or the counts of the readout; of a detector of panels, of each.

        Returns
        -------
        tuple of Path
            What was written.

        Raises
        ------
        OutputFileError
            If a file can't be written; those before it stand.
        """
        scene = self._scene(model)
        for path in self.paths:
            shown = assemble(model, list(images), 0.0) if format_of(path).picture and len(model.shapes) > 1 else images
            truth = {"truth": self._truth(model)} if self.truth and "truth" in format_of(path).options else {}
            write_image(path, shown, scene, **self._options(path, model), **truth)
        return self.paths

    def _truth(self, model: Model) -> Truth:
        """What each pixel sees, in the frame of the files."""
        from nbnumba.io.simulated import frame_of

        return truth_of(model).turned(frame_of(model))

    def _scene(self, model: Model) -> Scene | None:
        """What is around the pixels, if a format asks for it: not every detector can be described."""
        if not any(format_of(path).scene for path in self.paths):
            return None
        from nbnumba.io.simulated import scene_of
        from nbnumba.readout.scene import scene_of_counts

        scene = scene_of(model)
        return scene if self.readout is None else scene_of_counts(scene, self.readout)

    def _options(self, path: Path, model: Model) -> dict[str, Any]:
        """What this format knows of the options."""
        known = format_of(path).options
        options: dict[str, Any] = {}
        if "compression" in known:
            options["compression"] = self.compression or COMPRESSIONS[0]
        if "header" in known and self.smv_header != DIALS:
            options["header"] = smv_header(model)
        return options


def _check_panels(path: Path, model: Model) -> None:
    """Refuse panels of several sizes in a format that knows pixels alone: it would need one array of them."""
    known, sizes = format_of(path), len(set(model.shapes))
    if sizes > 1 and not known.scene and not known.picture:
        raise UsageError(
            f"{path}: {known.name} files hold one array, but the panels have {sizes} sizes: write .nxs, or panel by "
            "panel (`SimulationResult.panels`)"
        )
