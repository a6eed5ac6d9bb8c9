"""NXmx files: images of macromolecular crystallography in HDF5, written frame by frame.

The layout is what dxtbx, nxmx, fabio and the XDS plugins read: one stack of frames, in which several panels stand one
below the other. Geometry goes into the frame of NeXus (beam along +z), in mm except where readers expect metres.
"""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from nbnumba.errors import NbnumbaWarning, OutputFileError, UsageError
from nbnumba.io.atomic import atomic_path, reason
from nbnumba.io.extras import optional_package
from nbnumba.io.formats import COMPRESSIONS, LAYOUTS
from nbnumba.io.nxmx_metadata import PerFrame, write_metadata
from nbnumba.io.nxmx_truth import TruthSets
from nbnumba.io.pixels import mark_masked, panel_images, split_frames, whole_counts
from nbnumba.io.scene import Scene, square_to_beam, squaring_turn
from nbnumba.io.steady_stream import SteadyStream
from nbnumba.setup.panels import panel_normal

if TYPE_CHECKING:
    import h5py

    from nbnumba.config import Panel
    from nbnumba.engine.truth import Truth

_MASKED_16_BIT = 65535
"""What detectors of 16 bits write for a pixel that measures nothing."""

_GZIP_LEVEL = 4

_SHARED = ("pixel_size", "trusted_range", "thickness", "material", "gain", "pedestal")
"""Fields of panels of which an NXmx detector has but one."""


class NXmxWriter:
    """Writes an NXmx file frame by frame; a context manager. The file takes its name when the block ends without error.

    Pixels are kept as the first frame has them: floats as float32, integers as uint16 if they are unsigned and not
    wider, otherwise as int32. Masked pixels hold -1, or 65535 in uint16.

    Parameters
    ----------
    path : path
        File to write.
    scene : Scene
        Detector, beam, goniometer; with a scan the frames are one sweep, without they are stills. It is turned so that
        the beam travels exactly along z.
    compression : str
        "bslz4", "gzip" or "none".
    layout : str
        "slab", panels one below the other, or "stacked", along an axis of their own; old versions of dxtbx and fabio
        read the slab only.

    Raises
    ------
    UsageError
        If a name is unknown or panels don't fit the layout.
    MissingPackageError
        If h5py or hdf5plugin is not installed.
    """

    def __init__(
        self, path: str | os.PathLike[str], scene: Scene, compression: str = "bslz4", layout: str = "slab"
    ) -> None:
        _check_choice("compression", compression, COMPRESSIONS)
        _check_choice("layout", layout, LAYOUTS)
        _check_shapes(path, scene.panels, layout)
        self._path, self._layout = path, layout
        self._given, self._scene = scene, square_to_beam(scene)
        self._h5py = optional_package("h5py", "hdf5", path)
        self._filter = filter_options(compression, path)
        self._dtype: type[np.generic] | None = None
        self._frames = 0
        self._truth: TruthSets | None = None
        _warn_of_inversion(path, self._scene.panels)

    def __enter__(self) -> NXmxWriter:
        with contextlib.ExitStack() as opening:
            temporary = opening.enter_context(atomic_path(self._path))
            # exits run backwards: a last look once all is closed, before the file takes its name
            opening.push(self._refuse_if_unwritten)
            self._stream = SteadyStream(opening.enter_context(temporary.open("r+b", buffering=0)))
            self._file = opening.enter_context(self._h5py.File(self._stream, "w"))
            opening.push(self._refuse_if_empty)
            self._context = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._context.__exit__(kind, error, trace)

    def _refuse_if_empty(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None and self._frames == 0:
            raise UsageError(f"{self._path}: no frame was written")

    def _refuse_if_unwritten(self, kind: type[BaseException] | None = None, *_: object) -> None:
        """Say what the disk did not take, unless something else is said already."""
        failure = self._stream.failure
        if kind is None and failure is not None:
            raise OutputFileError(f"{self._path}: can't be written: {reason(failure)}") from failure

    def append(
        self, frame: np.ndarray | Sequence[np.ndarray], scene: Scene | None = None, truth: Truth | None = None
    ) -> None:
        """Write the next frame.

        Parameters
        ----------
        frame : ndarray or sequence of ndarray
            (slow, fast); of several panels (panel, slow, fast), a sequence of images, a slab or flat.
        scene : Scene or None
            The scene of this frame, where wavelength, spectrum or crystal differ from still to still; None takes the
            writer's.
        truth : Truth or None
            What the pixels see, in the lab frame of the scene that was given; of all frames or of none.

        Raises
        ------
        UsageError
            If shapes don't fit, or the scene differs in what holds for the whole file.
        OutputFileError
            If the file can't be written.
        """
        turn = squaring_turn(self._given if scene is None else scene)
        scene = self._scene if scene is None else self._same_detector(scene)
        images = panel_images(frame, scene.panels)
        if self._dtype is None:
            self._dtype = _stored_type(images)
            self._begin(self._dtype, truth is not None)
        self._refuse_other_truth(truth)
        pixels = self._arranged([self._stored(image, panel) for image, panel in zip(images, scene.panels, strict=True)])
        # refuses a scene that lacks something before anything is written
        self._per_frame.append(scene)
        self._data.resize(self._frames + 1, axis=0)
        self._data[self._frames] = pixels
        if self._truth is not None and truth is not None:
            self._truth.append(truth.turned(turn))
        self._refuse_if_unwritten()
        self._frames += 1

    def collection(self, name: str) -> h5py.Group:
        """A group beside the images for what NXmx has no words for; there must be a frame.

        Parameters
        ----------
        name : str
            Its name in /entry.

        Returns
        -------
        h5py.Group
            Empty, of the class NXcollection.
        """
        group = self._file["entry"].create_group(name)
        group.attrs["NX_class"] = "NXcollection"
        return group

    def flush(self) -> None:
        """Bring everything so far onto the disk: what lies there is then a complete file of these frames.

        Raises
        ------
        OutputFileError
            If the file can't be written.
        """
        self._file.flush()
        self._refuse_if_unwritten()

    def _same_detector(self, scene: Scene) -> Scene:
        """A frame's own scene, squared; refused if it is another experiment."""
        if scene.panels is not self._given.panels:
            raise UsageError(f"{self._path}: {{Scene.panels}} can't change within one file; begin another one")
        if self._scene.scan is not None:
            raise UsageError(f"{self._path}: the frames are one sweep, whose scene can't change from frame to frame")
        return square_to_beam(scene)

    def _refuse_other_truth(self, truth: Truth | None) -> None:
        """Refuse frames of which some have a ground truth, some none."""
        if (truth is None) != (self._truth is None):
            raise UsageError(f"{self._path}: frame {self._frames + 1}: give {{truth}} of all frames, or of none")

    def _begin(self, dtype: type[np.generic], with_truth: bool) -> None:
        """Everything but the frames."""
        shape = _frame_shape(self._scene.panels, self._layout)
        chunk = (1, *shape) if self._layout == "slab" else (1, 1, *shape[1:])
        entry = self._file.create_group("entry")
        data = entry.create_group("data")
        self._data = data.create_dataset(
            "data", shape=(0, *shape), maxshape=(None, *shape), dtype=dtype, chunks=chunk, **self._filter
        )
        self._per_frame = PerFrame(self._scene)
        write_metadata(self._file, self._scene, self._layout, np.dtype(dtype), self._per_frame)
        if with_truth:
            self._truth = TruthSets(entry, shape, self._filter)

    def _stored(self, image: np.ndarray, panel: Panel) -> np.ndarray:
        """A panel's pixels as the file keeps them."""
        if self._dtype is np.float32:
            return mark_masked(image.astype(np.float32, copy=False), panel)
        counts = whole_counts(image, np.int32 if self._dtype is np.int32 else np.uint16, self._path)
        return mark_masked(counts, panel, _MASKED_16_BIT if self._dtype is np.uint16 else -1)

    def _arranged(self, pixels: list[np.ndarray]) -> np.ndarray:
        if self._layout == "stacked":
            return np.stack(pixels)
        return np.concatenate(pixels) if len(pixels) > 1 else pixels[0]


def write_nxmx(
    path: str | os.PathLike[str], images: np.ndarray | Sequence[np.ndarray], scene: Scene,
    compression: str = "bslz4", layout: str = "slab", truth: Truth | None = None,
) -> None:
    """Write frames that are all there; see `NXmxWriter`.

    Parameters
    ----------
    path : path
        File to write.
    images : ndarray or sequence of ndarray
        A frame, as `NXmxWriter.append` takes it, or several along the first axis.
    scene, compression, layout
        As in `NXmxWriter`.
    truth : Truth or None
        What the pixels of each frame see, see `NXmxWriter.append`.

    Raises
    ------
    UsageError, MissingPackageError, OutputFileError
        As in `NXmxWriter`.
    """
    new = NXmxWriter(path, scene, compression, layout)
    frames = split_frames(images, scene.panels)
    with new as writer:
        for frame in frames:
            writer.append(frame if len(frame) > 1 else frame[0], truth=truth)


def check_nxmx(
    path: str | os.PathLike[str], scene: Scene, compression: str = "bslz4", layout: str = "slab",
    truth: Truth | None = None,
) -> None:
    """Raise what `NXmxWriter` would.

    Parameters
    ----------
    path, scene, compression, layout
        As in `NXmxWriter`.
    truth : Truth or None
        As in `write_nxmx`.

    Raises
    ------
    UsageError, MissingPackageError
        As in `NXmxWriter`.
    """
    NXmxWriter(path, scene, compression, layout)


def _check_choice(name: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise UsageError(f"{{{name}}} is {value!r}: {' or '.join(known)} is needed")


def _check_shapes(path: str | os.PathLike[str], panels: Sequence[Panel], layout: str) -> None:
    """Refuse panels that can't stand in one array."""
    widths = sorted({panel.image_size[0] for panel in panels})
    if layout == "slab" and len(widths) > 1:
        raise UsageError(
            f"{path}: panels of {' and '.join(map(str, widths))} pixels along fast don't fit below each other; "
            "write files of equal panels"
        )
    if layout == "stacked" and len({panel.image_size for panel in panels}) > 1:
        raise UsageError(f"{path}: panels of different sizes can't be stacked; take the slab layout or equal panels")
    for field in _SHARED:
        if len({getattr(panel, field) for panel in panels}) > 1:
            raise UsageError(f"{path}: {{Panel.{field}}} differs between panels; NXmx has one for all")


def _frame_shape(panels: Sequence[Panel], layout: str) -> tuple[int, ...]:
    if layout == "stacked":
        return (len(panels), *panels[0].image_size[::-1])
    return (sum(panel.image_size[1] for panel in panels), panels[0].image_size[0])


def filter_options(compression: str, path: str | os.PathLike[str]) -> dict[str, Any]:
    """h5py's options for a compression.

    Parameters
    ----------
    compression : str
        One of `nbnumba.io.formats.COMPRESSIONS`.
    path : path
        File that is written, for messages.

    Returns
    -------
    dict
        Of ``create_dataset``.
    """
    if compression == "bslz4":
        return dict(optional_package("hdf5plugin", "hdf5", path).Bitshuffle(cname="lz4"))
    if compression == "gzip":
        return {"compression": "gzip", "compression_opts": _GZIP_LEVEL, "shuffle": True}
    return {}


def _stored_type(images: Sequence[np.ndarray]) -> type[np.generic]:
    """What readers of NXmx take: of the integers, dxtbx takes none that is wider."""
    kinds = np.result_type(*images)
    if kinds.kind == "f":
        return np.float32
    return np.uint16 if kinds.kind == "u" and kinds.itemsize <= 2 else np.int32


def _warn_of_inversion(path: str | os.PathLike[str], panels: Sequence[Panel]) -> None:
    """dxtbx takes a single panel before the sample for a mistake, and puts it behind without a word."""
    if len(panels) == 1 and abs(panel_normal(panels[0])[2]) > 0.99 and panels[0].origin[2] > 0.0:
        warnings.warn(
            NbnumbaWarning(f"{path}: the detector stands between source and sample; dxtbx reads it as standing behind"),
            stacklevel=3,
        )
