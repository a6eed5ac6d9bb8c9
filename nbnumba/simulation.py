"""From experiments to images: the calls that the command line and the Python API share."""

from __future__ import annotations

import functools
import math
import os
import threading
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import numpy as np

from nbnumba.engine.registry import AUTOMATIC, PRECISIONS, make_engine
from nbnumba.engine.scan import Progress, Rendering, ScanState, render, run_interruptible
from nbnumba.engine.sequence import Job, in_order
from nbnumba.engine.sparse import FULL, render_cut_off
from nbnumba.engine.truth import Truth, truth_of
from nbnumba.errors import NbnumbaWarning, UsageError
from nbnumba.kernels.params import last_pixel
from nbnumba.memory import machine_memory
from nbnumba.output.report import model_warnings, result_warnings
from nbnumba.setup.lowering import lower

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import DTypeLike

    from nbnumba.config import Experiment
    from nbnumba.engine.registry import Engine
    from nbnumba.output.statistics import ImageStatistics
    from nbnumba.prediction import Spots
    from nbnumba.setup.model import Model

IMAGE_TYPES = (np.float32, np.float64)
"""What an image can be made of."""

SMALL_STEPS = 1 << 28
"""Steps of an image, about a second of a thread, up to which threads make an image each rather than a part of it."""

SMALL_PIXELS = 1 << 23
"""Pixels of such an image at most: of these many are in memory at the same time."""


@dataclass(frozen=True)
class SimulationResult:
    """A simulated image and what it was computed from.

    Attributes
    ----------
    model : Model
        Everything derived from the experiment, SI units.
    image : ndarray, shape (slow, fast), float32 or float64
        Photons per pixel; 0 outside the region of interest and where masked. Of a detector of panels it is flat, one
        panel after the other: see `panels`, `slab` and `assembled`.
    solid_angle_sr : float
        Solid angle of the evaluated pixels as nanoBragg reports it, steradian.
    engine : str
        Which engine rendered.
    seconds : float
        Wall time of the rendering, without what it takes to compile or load the kernels and to bring the parameters to
        a GPU.
    scan : ScanState
        Where the states that nanoBragg carries along its scan changed.
    summed : str
        "full", or "sparse" where only the spots that reach a pixel were added up (`Sampling.cutoff`).
    full_because : str
        Why the sum is full in spite of a cutoff.
    """

    model: Model
    image: np.ndarray
    solid_angle_sr: float
    engine: str
    seconds: float
    scan: ScanState
    summed: str = FULL
    full_because: str = ""

    @property
    def panels(self) -> list[np.ndarray]:
        """The image of each panel, shape (slow, fast): views of `image`."""
        flat, images, offset = self.image.reshape(-1), [], 0
        for slow, fast in self.model.shapes:
            images.append(flat[offset : offset + slow * fast].reshape(slow, fast))
            offset += slow * fast
        return images

    def slab(self) -> np.ndarray:
        """The images of equal panels in one array, one below the other, as HDF5 files hold them.

        Returns
        -------
        ndarray, shape (panels · slow, fast)
            A view of `image`.

        Raises
        ------
        UsageError
            If the panels differ in size.
        """
        shapes = set(self.model.shapes)
        if len(shapes) > 1:
            raise UsageError(f"panels of {len(shapes)} sizes make no slab: take them one by one from `panels`")
        return self.image.reshape(-1, self.model.shapes[0][1])

    def assembled(self, fill: float = np.nan) -> np.ndarray:
        """The panels where they stand, as seen along the beam: for looking at.

        Parameters
        ----------
        fill : float
            Value between panels.

        Returns
        -------
        ndarray, shape (slow, fast), float32
            Pixels of the size of the first panel's; each shows the nearest pixel of a panel.
        """
        from nbnumba.setup.panels import assemble

        return assemble(self.model, self.panels, fill)

    def statistics(self) -> ImageStatistics:
        """Maximum, mean, rms and rmsd of the region of interest, as nanoBragg reports them.

        Returns
        -------
        ImageStatistics

        Raises
        ------
        UsageError
            If there are several panels.
        """
        from nbnumba.output.write import simulated_statistics

        if len(self.model.shapes) > 1:
            raise UsageError("nanoBragg knows one panel: take `nbnumba.output.image_statistics` of each of `panels`")
        return simulated_statistics(self.model, self.panels[0].astype(np.float32, copy=False))

    @functools.cached_property
    def spots(self) -> Spots:
        """Where the spots lie and how many photons each has: `nbnumba.spots` of this image's experiment."""
        from nbnumba.prediction import predicted

        return predicted(self.model)

    def truth(self, threads: int | None = None) -> Truth:
        """What the centre of every pixel sees: the ground truth of the image, without rendering.

        Parameters
        ----------
        threads : int or None
            CPU threads; None takes all cores.

        Returns
        -------
        Truth
            `q`, the scattering vector in 1/Å, and `hkl`, the nearest Miller indices: at the surface of the sensor, for
            the nominal wavelength, and the lattice in the middle of the rotation without mosaic domains. Regions of
            interest and masks make no difference.
        """
        return truth_of(self.model, threads)

    def save(self, path: str | os.PathLike[str], compression: str | None = None, truth: bool = False) -> None:
        """Write the photons in the format that the file's suffix says: .nxs, .h5, .cbf, .img, .tif, .npy, .bin, .png.

        Parameters
        ----------
        path : path
            File to write; one of that name is replaced once the new one is complete.
        compression : {"bslz4", "gzip", "none"} or None
            Of NXmx files; None takes bitshuffle with LZ4.
        truth : bool
            Write `truth` into an NXmx file, too.

        Raises
        ------
        UsageError
            If no format belongs to the suffix, or the format can't describe the detector or has no such compression.
        MissingPackageError
            If the format's library is not installed.
        OutputFileError
            If the file can't be written.
        """
        from nbnumba.output.images import ImageOutputs

        outputs = ImageOutputs((Path(path),), compression, truth=truth)
        outputs.check_formats(self.model)
        outputs.write(self.model, self.panels if len(self.model.shapes) > 1 else self.panels[0])

    def show(self, linear: bool = False, rings: bool = True, labels: int = 10) -> Figure:
        """Draw the image: panels where they stand, resolution rings, beam centre, Miller indices of strong spots.

        Masked pixels are gaps.

        Parameters
        ----------
        linear : bool
            Linear greys instead of logarithmic ones.
        rings : bool
            Draw the beam centre and rings of equal resolution; a curved detector has none.
        labels : int
            So many of the strongest spots are labelled.

        Returns
        -------
        Figure
            Of matplotlib: notebooks show it, ``figure.savefig("spots.png")`` writes it.

        Raises
        ------
        MissingPackageError
            If matplotlib is not installed.
        UsageError
            If labels are no whole number.
        """
        from nbnumba.io.extras import optional_package
        from nbnumba.io.simulated import scene_of

        optional_package("matplotlib", "plots", "a figure")
        from nbnumba.pictures.figure import image_figure

        scene = None if self.model.experiment.detector.curved else scene_of(self.model)
        return image_figure(self.panels, scene, linear=linear, rings=rings, labels=labels)


class Renderer:
    """Renders image after image and keeps what they share: kernels, buffers, arrays on a GPU.

    It may be used from several threads, which take turns; threads that shall work at the same time take one each.

    Parameters
    ----------
    engine : str
        "cpu", "cuda", "reference", or "auto": the GPU where there is one.
    precision : str
        "double"; on a GPU also "single", float32 sums, or "mixed", the same with Miller indices in float64.
    threads : int or None
        CPU threads; None takes all cores, more than there are count as all.

    Raises
    ------
    UsageError
        If an option is impossible.
    EngineUnavailableError
        If the engine can't run here.

    Examples
    --------
    >>> with Renderer() as renderer:
    ...     images = [renderer.render(experiment).image for experiment in experiments]
    """

    def __init__(self, engine: str = AUTOMATIC, precision: str = PRECISIONS[0], threads: int | None = None) -> None:
        self._engine = make_engine(engine, precision, threads)
        self._beside: list[Engine] = []
        self._idle: SimpleQueue[Engine] = SimpleQueue()
        self._turn = threading.Lock()
        self._open = True

    def __enter__(self) -> Renderer:
        self._refuse_if_closed()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def engine(self) -> str:
        """Which engine renders."""
        return self._engine.name

    def close(self) -> None:
        """Give back what is kept; the renderer can't be used any more."""
        with self._turn:
            self._open = False
            for engine in (self._engine, *self._beside):
                engine.release()

    def render(
        self, experiment: Experiment, dtype: DTypeLike = np.float32, progress: Progress | None = None
    ) -> SimulationResult:
        """Simulate the diffraction image of an experiment.

        Parameters
        ----------
        experiment : Experiment
            What to simulate, in user units.
        dtype : dtype
            Of the image: float32, or float64 for those who take differences.
        progress : callable or None
            Called with the pixels done and the pixels in all.

        Returns
        -------
        SimulationResult

        Raises
        ------
        UsageError
            If the experiment is impossible.
        MemoryError
            If the image does not fit into this machine.

        Warns
        -----
        NbnumbaWarning
            Where the image is not what was asked for, or where somebody should know how it was made.
        """
        model = lower(experiment)
        _warn(model_warnings(model))
        result = self.render_model(model, dtype, progress)
        _warn(result_warnings(result))
        return result

    def render_many(
        self, experiments: Iterable[Experiment], dtype: DTypeLike = np.float32
    ) -> Iterator[SimulationResult]:
        """Simulate image after image, each equal to the bit to that of `render`.

        On a CPU the threads make small images side by side, and large ones together, one after the other. On a GPU one
        image is computed while another is set up or copied. The next images are made while the caller works with one:
        up to two for each thread (on a GPU, four) are begun ahead, of large images one; with one CPU thread there is
        nobody to do so. Experiments are taken from the iterable as they are needed, so it may be endless; whoever
        stops early closes the iterator, or just leaves the loop.

        Parameters
        ----------
        experiments : iterable of Experiment
            What to simulate, in user units.
        dtype : dtype
            Of the images: float32 or float64.

        Yields
        ------
        SimulationResult
            In the order of the experiments.

        Raises
        ------
        UsageError, MemoryError
            As `render` does, once the images before are yielded.

        Warns
        -----
        NbnumbaWarning
            As `render` does, before a result is yielded.

        Examples
        --------
        >>> with Renderer() as renderer:
        ...     for number, result in enumerate(renderer.render_many(experiments)):
        ...         result.save(f"image_{number:05d}.cbf")
        """
        if not isinstance(experiments, Iterable):
            raise UsageError(f"experiments are needed, as a list or another iterable, not {type(experiments).__name__}")
        threads = self._begin_side_by_side()
        jobs = (self._job(experiment, dtype) for experiment in experiments)
        for result in in_order(jobs, threads) if threads > 1 else (job.work() for job in jobs):
            _warn([*model_warnings(result.model), *result_warnings(result)], stacklevel=3)
            yield result

    def _begin_side_by_side(self) -> int:
        """Have the engines for images that are made at the same time; how many these are."""
        with self._turn:
            self._refuse_if_closed()
            if not self._beside:
                self._beside = self._engine.side_by_side()
                for engine in self._beside:
                    self._idle.put(engine)
            return len(self._beside)

    def _job(self, experiment: Experiment, dtype: DTypeLike) -> Job[SimulationResult]:
        """What makes an image of a sequence."""
        model = lower(experiment)
        if _is_small(model, getattr(self._engine, "SMALL_STEPS", SMALL_STEPS)):
            return Job(lambda: self._render_beside_others(model, dtype), small=True)
        return Job(lambda: self._render_in_turn(model, dtype, None), small=False)

    def _render_beside_others(self, model: Model, dtype: DTypeLike) -> SimulationResult:
        """Render with an engine that nobody uses: there is one for each image that is made at the same time."""
        engine = self._idle.get()
        try:
            self._refuse_if_closed()
            image = _blank_image(model, dtype)
            return self._finished(model, _rendered(model, engine, image))
        finally:
            self._idle.put(engine)

    def render_model(
        self, model: Model, dtype: DTypeLike = np.float32, progress: Progress | None = None
    ) -> SimulationResult:
        """Simulate from a model that is already set up, without a word of warning; see `render`.

        Parameters
        ----------
        model : Model
            From `nbnumba.lower`.
        dtype, progress
            As in `render`.

        Returns
        -------
        SimulationResult
        """
        result: SimulationResult = run_interruptible(self._render_in_turn, model, dtype, progress)
        return result

    def _render_in_turn(self, model: Model, dtype: DTypeLike, progress: Progress | None) -> SimulationResult:
        """Render with all threads, or the GPU."""
        image = _blank_image(model, dtype)
        with self._turn:
            self._refuse_if_closed()
            return self._finished(model, _rendered(model, self._engine, image, progress))

    def _refuse_if_closed(self) -> None:
        if not self._open:
            raise UsageError("this renderer is closed: make a new one")

    def _finished(self, model: Model, rendering: Rendering) -> SimulationResult:
        return SimulationResult(
            model=model,
            image=rendering.image,
            solid_angle_sr=rendering.omega_sum / model.params.scale.steps,
            engine=self._engine.name,
            seconds=rendering.seconds,
            scan=rendering.scan,
            summed=rendering.summed,
            full_because=rendering.full_because,
        )


def simulate(
    experiment: Experiment,
    engine: str = AUTOMATIC,
    threads: int | None = None,
    progress: Progress | None = None,
    precision: str = PRECISIONS[0],
    dtype: DTypeLike = np.float32,
) -> SimulationResult:
    """Simulate the diffraction image of an experiment: one image of a `Renderer`.

    Parameters
    ----------
    experiment : Experiment
        What to simulate, in user units.
    engine, threads
        As in `Renderer`.
    progress
        As in `Renderer.render`.
    precision
        As in `Renderer`.
    dtype
        As in `Renderer.render`.

    Returns
    -------
    SimulationResult

    Raises
    ------
    UsageError, EngineUnavailableError, MemoryError
        As in `Renderer` and `Renderer.render`.
    """
    with Renderer(engine, precision, threads) as renderer:
        return renderer.render(experiment, dtype, progress)


def simulate_model(
    model: Model, engine: str = AUTOMATIC, threads: int | None = None, **options: Any
) -> SimulationResult:
    """Simulate from a model that is already set up; see `Renderer.render_model`.

    Parameters
    ----------
    model : Model
        From `nbnumba.lower`.
    engine, threads
        As in `Renderer`.
    **options
        `precision` of the renderer; `dtype` and `progress` of the image.

    Returns
    -------
    SimulationResult
    """
    precision = options.pop("precision", PRECISIONS[0])
    with Renderer(engine, precision, threads) as renderer:
        return renderer.render_model(model, **options)


def _rendered(model: Model, engine: Engine, image: np.ndarray, progress: Progress | None = None) -> Rendering:
    """The image, with a cutoff if the experiment has one."""
    cutoff = model.experiment.sampling.cutoff
    if cutoff is None:
        return render(model.params, engine, image, progress, scatterers=model.scatterers)
    return render_cut_off(model.params, cutoff, engine, image, progress, model.scatterers)


def _is_small(model: Model, most_steps: int) -> bool:
    """Whether an image is worth no more than one thread while there are others to make."""
    pixels = last_pixel(model.params.panels)
    return pixels <= SMALL_PIXELS and pixels * model.params.scale.steps * model.params.sampling.layers <= most_steps


def _warn(messages: list[str], stacklevel: int = 4) -> None:
    """Say what the user should know, where the caller of the library called it."""
    for message in messages:
        warnings.warn(NbnumbaWarning(message), stacklevel=stacklevel)


def _blank_image(model: Model, dtype: DTypeLike) -> np.ndarray:
    """Zeros, if there is room for them."""
    if dtype not in IMAGE_TYPES:
        raise UsageError(f"{{dtype}} {np.dtype(dtype)}: an image is made of float32 or float64")
    needed = (np.dtype(dtype).itemsize + 8 * len(model.scatterers)) * math.prod(model.image_shape)
    if needed > machine_memory():
        size = " + ".join(f"{fast} x {slow}" for slow, fast in model.shapes[:3]) + " ..." * (len(model.shapes) > 3)
        raise MemoryError(
            f"an image of {size} pixels needs {needed / 1e9:.3g} GB, this machine has "
            f"{machine_memory() / 1e9:.3g}: take fewer or larger pixels"
        )
    return np.zeros(model.image_shape, dtype=dtype)
