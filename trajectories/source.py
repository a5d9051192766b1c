"""Where trajectories lie: run directories, and files of imported ones. They are found by their index, read one at a time, and each is
checked against the digest that was taken when it was written. What cannot be believed is told, with the reason, and left out.

Takes no lock: a run that goes on can be read. A trial is put in its place by one rename, so it is read whole or not at all.
A file of imported records has a line `{"sha256":"<of the record's bytes>","record":{…}}` for each.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from trajectories.record import read_record
from trajectories.segments import contexts
from trajectories.store import Result, StoreError, moments, read_index, read_reviews, reviewed, trial_directory
from trajectories.trajectory import Trajectory

_LINE_START = b'{"sha256":"'
_RECORD_START = b'","record":'
_RECORD_PLACE = len(_LINE_START) + 64 + len(_RECORD_START)


class Place(BaseModel):
    """Where a record's bytes are, and their digest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    offset: int = 0
    length: int | None = None
    """None: up to the end."""
    sha256: str | None
    """In hex; None for records of before there were digests."""


class Unreadable(BaseModel):
    """Something that is there and was left out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    offset: int = 0
    reason: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A record that can be read."""

    place: Place
    run: str
    """The name of the run directory or of the file."""
    result: Result | None
    """Its line of the index, with what a person decided; None for an imported one."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A record that was read, and what counts of it."""

    entry: Entry
    trajectory: Trajectory

    @property
    def resolved(self) -> bool | None:
        """Passed, and not flagged or cleared by a person. None where there is no grade."""
        return self.entry.result.resolved if self.entry.result is not None else None

    @property
    def cleared(self) -> bool:
        """Whether a person looked at a flagged pass and found it to be a solution."""
        return bool(self.entry.result is not None and self.entry.result.flagged and self.entry.result.resolved)


def find(paths: Iterable[Path]) -> Iterator[Entry | Unreadable]:
    """Every record of the run directories and files, each once. StoreError for a path that is neither."""
    seen: set[Path] = set()
    for path in paths:
        if (where := path.resolve()) in seen:
            continue
        seen.add(where)
        if (path / "config.toml").is_file():
            yield from _of_run(path)
        elif path.is_file():
            yield from _of_file(path)
        else:
            raise StoreError(f"{path}: neither a run directory nor a file of imported trajectories")


def load(entry: Entry) -> Candidate:
    """Read and check a record. ValueError, in one line, when it is not what was written."""
    trajectory = read_place(entry.place)
    result = entry.result
    if result is not None and (trajectory.instance_id, trajectory.attempt) != (result.instance_id, result.attempt):
        raise ValueError(f"it is the record of {trajectory.instance_id}#{trajectory.attempt}")
    if any(not _is_answer(trajectory, turn.message_index) for turn in trajectory.turns):
        raise ValueError("a turn names a message that is no answer")
    contexts(trajectory)  # says whether its segments fit
    return Candidate(entry, trajectory)


def read_place(place: Place) -> Trajectory:
    """The record there. ValueError, in one line, when it is not what was written."""
    return read_record(read_bytes(place))


def read_bytes(place: Place) -> bytes:
    """The record's bytes. ValueError, in one line, when they are not those that were written."""
    try:
        with open(place.file, "rb") as stream:
            stream.seek(place.offset)
            content = stream.read() if place.length is None else stream.read(place.length)
    except OSError as error:
        raise ValueError((error.strerror or str(error)).lower()) from error
    if place.sha256 is not None and hashlib.sha256(content).hexdigest() != place.sha256:
        if place.length is not None and len(content) < place.length:
            raise ValueError("it is cut off")
        raise ValueError("its bytes are not those that were written (another sha256)")
    return content


def to_line(trajectory: Trajectory) -> bytes:
    """A record as a line of a file of imported ones."""
    content = trajectory.model_dump_json(exclude_defaults=True).encode()
    content = f'{{"schema_version":{trajectory.schema_version},'.encode() + content[1:]
    return _LINE_START + hashlib.sha256(content).hexdigest().encode() + _RECORD_START + content + b"}\n"


def _is_answer(trajectory: Trajectory, place: int) -> bool:
    return 0 <= place < len(trajectory.messages) and trajectory.messages[place].role == "assistant"


def _of_run(directory: Path) -> Iterator[Entry | Unreadable]:
    index = directory / "results.jsonl"
    results, torn, unknown = _indexed(directory)
    if torn:
        yield Unreadable(file=str(index), reason="a line cannot be read; the run's own command mends it")
    reviews = read_reviews(directory)
    for result in results:
        trial = trial_directory(directory, result)
        place = Place(file=str(trial / "trajectory.json"), sha256=result.sha256)
        review = reviews.get((result.instance_id, result.attempt))
        yield Entry(place, directory.name, reviewed(result, review, trial))
    for instance_id, attempt in unknown:
        file = directory / "trials" / instance_id / attempt / "trajectory.json"
        yield Unreadable(file=str(file), reason="not in the run's index; the run's own command mends it")


def _indexed(directory: Path) -> tuple[list[Result], bool, list[tuple[str, str]]]:
    """The trials of the index, whether a line of it cannot be read, and the trials that are in their place without a line.

    A trial is in its place before its line is written: one whose line is missing is given the time for it.
    """
    there = list(_trials(directory / "trials"))
    for _ in moments():
        results, torn = read_index(directory)
        known = {(result.instance_id, str(result.attempt)) for result in results}
        unknown = [trial for trial in there if trial not in known]
        if torn or not unknown:
            break
    return results, torn, unknown


def _trials(directory: Path) -> Iterator[tuple[str, str]]:
    if not directory.is_dir():
        return
    with os.scandir(directory) as tasks:
        for task in tasks:
            if task.is_dir():
                with os.scandir(task.path) as attempts:
                    yield from ((task.name, attempt.name) for attempt in attempts if attempt.name.isdigit())


def _of_file(file: Path) -> Iterator[Entry | Unreadable]:
    offset = 0
    with open(file, "rb") as lines:
        for line in lines:
            start, offset = offset, offset + len(line)
            digest = line[len(_LINE_START) : len(_LINE_START) + 64]
            rest = line[len(_LINE_START) + 64 : _RECORD_PLACE]
            if not line.startswith(_LINE_START) or rest != _RECORD_START or not line.endswith(b"}\n"):
                yield Unreadable(file=str(file), offset=start, reason="not a line of imported trajectories, or cut off")
                continue
            place = Place(
                file=str(file),
                offset=start + _RECORD_PLACE,
                length=len(line) - _RECORD_PLACE - len(b"}\n"),
                sha256=digest.decode("ascii", "replace"),
            )
            yield Entry(place, file.name, None)
