"""The folder of a campaign: its names, whose plan it belongs to, what is complete, and what is being done."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nbnumba.campaign.errors import ShardsError
from nbnumba.campaign.inputs import file_digest
from nbnumba.campaign.plan import Plan
from nbnumba.campaign.shots import Prepared, plan_digest
from nbnumba.campaign.toml import plan_text, read_plan
from nbnumba.errors import InputFileError, OutputFileError, UsageError
from nbnumba.io.atomic import atomic_write, reason

PLAN_FILE, INDEX_FILE, LOG_FILE, WORK_FOLDER = "plan.toml", "campaign.json", "log.jsonl", "in_progress"
TABLE_STEM, SPOTS_STEM, MASTER_STEM = "labels", "spots", "master"

_OWN_NAMES = (PLAN_FILE, LOG_FILE, "shard_*", *(f"{stem}.*" for stem in (TABLE_STEM, SPOTS_STEM, MASTER_STEM)))
"""What a campaign writes over."""

STALE_SECONDS = 900.0
"""After which nobody on another machine works any more on a shard whose count does not move."""

_WRITE_SECONDS = 0.5
"""Between two notes of how far a shard is."""


@dataclass(frozen=True)
class Work:
    """A shard in the making.

    Attributes
    ----------
    shard : int
        Number, from 0.
    images : int
        Images done.
    seconds : float
        Since it was begun.
    process : str
        Machine and process.
    """

    shard: int
    images: int
    seconds: float
    process: str


class Folder:
    """The output of a campaign.

    Parameters
    ----------
    path : path
        The folder.
    plan : Plan
        Its plan.
    digest : str
        Of plan and input files.
    """

    def __init__(self, path: str | os.PathLike[str], plan: Plan, digest: str) -> None:
        self.path, self.plan, self.digest = Path(path), plan, digest

    @classmethod
    def create(cls, path: str | os.PathLike[str], prepared: Prepared) -> Folder:
        """The folder of a plan, made if it is not there.

        Parameters
        ----------
        path : path
            New, or of the same campaign; what else lies there stays.
        prepared : Prepared

        Returns
        -------
        Folder

        Raises
        ------
        UsageError
            If it holds another plan's output, or files of others with names that a campaign writes.
        OutputFileError
            If it can't be made.
        """
        folder = cls(path, prepared.plan, prepared.digest)
        if (folder.path / INDEX_FILE).exists():
            found = read_index(folder.path)
            if found["plan_hash"] != prepared.digest:
                raise UsageError(
                    f"{path}: holds images of another plan (or its input files have changed); choose another output "
                    "folder, or remove this one"
                )
            return folder
        try:
            folder.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputFileError(f"{path}: the folder can't be made: {reason(error)}") from None
        if not folder._has_its_plan():
            folder._refuse_files_of_others()
            with atomic_write(folder.path / PLAN_FILE) as stream:
                stream.write(plan_text(prepared.plan).encode())
        with atomic_write(folder.path / INDEX_FILE) as stream:
            stream.write(json.dumps(folder._index(prepared), indent=1).encode())
        return folder

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Folder:
        """The folder of a campaign that was begun.

        Parameters
        ----------
        path : path

        Returns
        -------
        Folder

        Raises
        ------
        InputFileError
            If it is none.
        """
        index = read_index(Path(path))
        return cls(path, read_plan(Path(path) / PLAN_FILE), index["plan_hash"])

    def _has_its_plan(self) -> bool:
        """Whether a run was cut off when it had written its plan and nothing else."""
        try:
            return (self.path / PLAN_FILE).read_bytes() == plan_text(self.plan).encode()
        except OSError:
            return False

    def _refuse_files_of_others(self) -> None:
        """Refuse to write over what no campaign has written."""
        found = sorted(path.name for name in _OWN_NAMES for path in self.path.glob(name))
        if found:
            raise UsageError(
                f"{self.path}: holds {', '.join(found[:3])}{', ...' if len(found) > 3 else ''}, which a campaign would "
                "write over; choose another output folder"
            )

    def check_plan(self, plan: Plan, beside: Path) -> None:
        """Refuse a plan that the images of this folder do not follow.

        Parameters
        ----------
        plan : Plan
        beside : Path
            To which its paths are relative.

        Raises
        ------
        UsageError
            If plan or input files have changed.
        InputFileError
            If an input file can't be read.
        """
        digests = {name: file_digest(beside / name) for name in read_index(self.path)["inputs"]}
        if plan_digest(plan, digests) != self.digest:
            raise UsageError(
                f"{self.path}: holds images of another plan (or its input files have changed); give the folder in "
                "place of the plan"
            )

    def _index(self, prepared: Prepared) -> dict[str, Any]:
        from nbnumba import __version__

        return {
            "plan_hash": self.digest, "version": __version__, "shots": self.plan.campaign.shots,
            "shards": [self.shard_path(number).name for number in range(self.plan.shards)],
            "inputs": prepared.inputs.digests,
        }  # fmt: skip

    def shard_path(self, shard: int) -> Path:
        """File of a shard.

        Parameters
        ----------
        shard : int
            From 0.
        """
        return self.path / f"shard_{shard:05d}.{'nxs' if self.plan.image.is_nxmx else 'h5'}"

    def is_complete(self, shard: int) -> bool:
        """Whether a shard is there: a file takes its name when it is whole.

        Parameters
        ----------
        shard : int
            From 0.

        Raises
        ------
        UsageError
            If another plan's shard has its name.
        """
        from nbnumba.campaign.shards import recorded_hash

        path = self.shard_path(shard)
        if not path.exists():
            return False
        if recorded_hash(path) != self.digest:
            raise UsageError(f"{path}: is a shard of another plan; choose another output folder, or remove it")
        return True

    def complete(self, shards: Iterable[int] | None = None) -> list[int]:
        """Numbers of the shards that are there.

        Parameters
        ----------
        shards : iterable of int or None
            Which to look at; None looks at all.

        Raises
        ------
        ShardsError
            If some are damaged or another plan's; all of them are named.
        """
        there, problems = [], []
        for shard in range(self.plan.shards) if shards is None else shards:
            try:
                if self.is_complete(shard):
                    there.append(shard)
            except (UsageError, InputFileError) as error:
                problems.append(error.message)
        if problems:
            raise ShardsError(problems)
        return there

    def log(self, event: str, **entries: Any) -> None:
        """Write a line about what happened.

        Parameters
        ----------
        event : str
            What.
        **entries
            More, in JSON's types.
        """
        line = json.dumps({"time": time.time(), "event": event, **entries}) + "\n"
        with contextlib.suppress(OSError), (self.path / LOG_FILE).open("ab", buffering=0) as stream:
            stream.write(line.encode())

    def events(self) -> list[dict[str, Any]]:
        """What `log` wrote, in order."""
        events = []
        with contextlib.suppress(OSError):
            for line in (self.path / LOG_FILE).read_text(encoding="utf-8", errors="replace").splitlines():
                # a full disk may have cut one short
                with contextlib.suppress(ValueError):
                    events.append(json.loads(line))
        return [event for event in events if isinstance(event, dict) and {"time", "event"} <= event.keys()]

    @contextlib.contextmanager
    def working(self, shard: int) -> Iterator[WorkNote]:
        """Note how far a shard is, for those who ask meanwhile.

        Parameters
        ----------
        shard : int
            From 0.

        Yields
        ------
        WorkNote
            To be called with the images done.
        """
        note = WorkNote(self.path / WORK_FOLDER, shard)
        note(0)
        try:
            yield note
        finally:
            note.remove()

    def in_progress(self) -> list[Work]:
        """Shards that somebody works on."""
        works = [work for path in (self.path / WORK_FOLDER).glob("*.json") if (work := _living(path)) is not None]
        return sorted(works, key=lambda work: work.shard)

    def forget_the_dead(self) -> None:
        """Remove the notes of processes that were killed, and their folder when nobody works."""
        notes = self.path / WORK_FOLDER
        with contextlib.suppress(OSError):
            for path in notes.iterdir():
                if _living(path) is None:
                    path.unlink(missing_ok=True)
            notes.rmdir()


class WorkNote:
    """A small file that says how far a shard is; it is no output, and a disk without room for it stops nothing.

    Parameters
    ----------
    folder : Path
        Of such files.
    shard : int
        From 0.
    """

    def __init__(self, folder: Path, shard: int) -> None:
        self._shard, self._began, self._written = shard, time.monotonic(), -_WRITE_SECONDS
        self._process = f"{os.uname().nodename}-{os.getpid()}"
        self._path = folder / f"{self._process}-{shard:05d}.json"

    def __call__(self, images: int) -> None:
        """Note the images done."""
        now = time.monotonic()
        if now - self._written < _WRITE_SECONDS:
            return
        self._written = now
        work = Work(self._shard, images, now - self._began, self._process)
        new = self._path.with_suffix(".new")
        with contextlib.suppress(OSError):
            new.parent.mkdir(exist_ok=True)
            new.write_text(json.dumps(asdict(work)), encoding="utf-8")
            new.replace(self._path)

    def remove(self) -> None:
        """Nobody works on it any more."""
        for path in (self._path, self._path.with_suffix(".new")):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


def _living(path: Path) -> Work | None:
    """What a note says, if whoever wrote it still works."""
    with contextlib.suppress(OSError, ValueError, TypeError):
        work = Work(**json.loads(path.read_text(encoding="utf-8")))
        if _is_alive(work.process, time.time() - path.stat().st_mtime):
            return work
    return None


def _is_alive(process: str, age: float) -> bool:
    """Whether a process still works, as far as this machine can know: of its own it asks the system."""
    machine, _, number = process.rpartition("-")
    if machine != os.uname().nodename:
        return age < STALE_SECONDS
    try:
        # behind the name, which may hold anything, stands the state: Z has ended
        return Path(f"/proc/{number}/stat").read_bytes().rpartition(b") ")[2][:1] != b"Z"
    except OSError:
        return False


def read_index(path: Path) -> dict[str, Any]:
    """What a campaign's folder says of itself.

    Parameters
    ----------
    path : Path
        The folder.

    Raises
    ------
    InputFileError
        If it is none.
    """
    try:
        index = json.loads((path / INDEX_FILE).read_text(encoding="utf-8"))
    except OSError:
        raise InputFileError(f"{path}: is no folder of a campaign: {INDEX_FILE} is missing") from None
    except ValueError as error:
        raise InputFileError(f"{path / INDEX_FILE}: is damaged: {error}") from None
    entries = index if isinstance(index, dict) else {}
    if not isinstance(entries.get("plan_hash"), str) or not isinstance(entries.get("inputs"), dict):
        raise InputFileError(f"{path / INDEX_FILE}: is no list of a campaign: it names no plan_hash or inputs")
    return entries


def output_folder(plan: Plan, plan_path: str | os.PathLike[str], output: str | None = None) -> Path:
    """Where a plan's output goes.

    Parameters
    ----------
    plan : Plan
    plan_path : path
        Its file.
    output : str or None
        In place of the plan's own, relative to the working folder.

    Returns
    -------
    Path
    """
    return Path(output) if output is not None else Path(plan_path).parent / plan.campaign.output
