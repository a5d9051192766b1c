"""A run directory: what a person reads afterwards, and what a killed run starts from again.

```
config.toml                       the resolved configuration
run.json                          versions, digests, machine
results.jsonl                     one line a trial; made again from the trials when it is torn
summary.json                      the numbers of the table
reviews.jsonl                     what a person decided of flagged passes, one line a decision; the last one counts
trials/<instance_id>/<attempt>/   trajectory.json  patch.diff  grade.json
trials/<instance_id>/<attempt>.failed-<n>/     tries that the infrastructure failed
trials/<instance_id>/<attempt>.cut-<n>/        messages.jsonl of tries that were cut off; no results, and the last few alone
```
A trial is written beside its place and renamed into it: it is there whole or not at all. Only then its line is added to the index, and the
transcript goes only when the record that holds it is there. One process at a time holds the directory.

Whatever the disk refuses is a StoreError. While work goes on, room is kept on the disk (`.room`): where it is full, a record is written into
that. `trouble` says that it has come to it: no more work should be begun. What finds no room at all stays as the transcript that it has.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from tasks.task import Verdict
from trajectories.disk import Room, append_line, in_words, is_full, replace_file, sync_directory, write
from trajectories.errors import StoreError as StoreError  # those who use a store know it from here
from trajectories.record import read_record
from trajectories.trajectory import Failure, StopReason, Trajectory, Usage
from trajectories.transcript import FILE, Transcript, set_aside


class Result(BaseModel):
    """One line of results.jsonl: what the numbers need of a trial."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    instance_id: str
    attempt: int
    resolved: bool | None
    """None when there is no grade. False for a flagged pass, until a person clears it."""
    verdict: Verdict | None
    stop_reason: StopReason | None
    failure: Failure | None
    turns: int
    usage: Usage
    cost: float | None
    duration_seconds: float
    tries: int
    flagged: bool = False
    """A pass with an integrity finding of weight `flag`; stays so whatever a person decides of it."""
    sha256: str | None = None
    """Of trajectory.json as it was written, in hex; None in lines of before there were digests."""


class Review(BaseModel):
    """One line of reviews.jsonl: what a person decided of a flagged pass."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    instance_id: str
    attempt: int
    decision: Literal["clear", "confirm"]
    """`clear`: it is a solution and counts; `confirm`: it is none and stays out."""
    note: str
    reviewer: str
    reviewed_at: str
    """UTC, ISO 8601."""
    trajectory_sha256: str
    """Of the trajectory.json that was looked at: a trial that is run again is to be looked at again."""


_LINE_SECONDS = 0.5
"""How long a reader waits for the rest of a line of the index, and for the line of a trial that is in its place: a writer's is there by then."""

Line = TypeVar("Line", bound=BaseModel)
T = TypeVar("T")


def result_of(trajectory: Trajectory, sha256: str | None = None) -> Result:
    """Its line of the index, as long as no person has reviewed it. `sha256` is that of its file."""
    grade = trajectory.grade
    return Result(
        instance_id=trajectory.instance_id,
        attempt=trajectory.attempt,
        resolved=None if grade is None else grade.resolved and not grade.flagged,
        verdict=None if grade is None else grade.verdict,
        stop_reason=trajectory.stop_reason,
        failure=trajectory.failure,
        turns=len(trajectory.turns),
        usage=trajectory.usage,
        cost=trajectory.cost,
        duration_seconds=trajectory.duration_seconds,
        tries=trajectory.tries,
        flagged=grade is not None and grade.flagged,
        sha256=sha256,
    )


class RunStore:
    """The one writer of a run directory; close it to let another process in."""

    def __init__(self, directory: Path) -> None:
        """Make the directory or take it up again. StoreError when another process holds it."""
        self.directory = directory
        self.trouble: StoreError | None = None
        """What the disk refused first, also where a record was got over it in the room that was kept."""
        self._room = Room(directory / ".room")
        try:
            directory.mkdir(parents=True, exist_ok=True)
            (directory / ".lock").touch()
            self._lock = open(directory / ".lock", "w", encoding="utf-8")  # noqa: SIM115 - held until close()
        except OSError as error:
            raise StoreError(f"{directory}: cannot be written to ({(error.strerror or str(error)).lower()})") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            raise StoreError(f"{directory}: another process is working in this run") from error
        try:
            with self._naming():
                self._room.give_up()  # of a process that was killed
                for partial in sorted(directory.glob("trials/*/.*.partial")):
                    set_aside(partial)
                self.results: dict[tuple[str, int], Result] = {
                    (result.instance_id, result.attempt): result for result in self._read_index()
                }
        except BaseException:
            self._lock.close()
            raise

    def close(self) -> None:
        self._room.give_up()
        self._lock.close()

    def __enter__(self) -> RunStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def keep_room(self, size_bytes: int) -> None:
        """Keep as much of the disk, until the store is closed, for what must be written when it is full. StoreError when there is not as much."""
        with self._naming():
            self._room.keep(size_bytes)

    def read_config(self) -> str | None:
        """config.toml as it was written, or None in a new directory."""
        file = self.directory / "config.toml"
        with self._naming():
            return file.read_text(encoding="utf-8") if file.exists() else None

    def write(self, name: str, content: str) -> None:
        """Replace a file at the top of the directory, whole or not at all."""
        self._must(lambda: replace_file(self.directory / name, content.encode()))

    def transcript(self, instance_id: str, attempt: int) -> Transcript:
        """Where a trial that goes on keeps its messages, should it be cut off. The room that is kept is not for them."""
        partial = self._partial(instance_id, attempt)
        with self._naming():
            if partial.exists():
                set_aside(partial)
            partial.mkdir(parents=True)
        return Transcript(partial / FILE, self._naming)

    def save(self, trajectory: Trajectory) -> Result:
        """Put a finished trial in its place; its line. A try that the infrastructure failed before it is kept beside it."""
        content = (trajectory.model_dump_json(indent=1) + "\n").encode()
        self._must(lambda: self._fill(trajectory, content))
        self._must(lambda: self._put_in_place(trajectory))
        result = result_of(trajectory, hashlib.sha256(content).hexdigest())
        self._add(result)
        return result

    def review(self, review: Review) -> None:
        """Keep a decision on a flagged pass, and count it. The index follows the decision, also after a kill between the two."""
        self._must(lambda: append_line(self.directory / "reviews.jsonl", review.model_dump_json().encode()))
        result = self.results[review.instance_id, review.attempt]
        self._add(reviewed(result, review, trial_directory(self.directory, result)))

    @contextlib.contextmanager
    def _naming(self) -> Iterator[None]:
        """What the disk refuses becomes this store's trouble, in one line."""
        try:
            yield
        except OSError as error:
            raise self._name(error) from error

    def _name(self, error: OSError) -> StoreError:
        if is_full(error):
            named = StoreError(f"{self.directory}: no space left on the disk; free some and start the same command again")
        else:
            named = StoreError(
                f"{self.directory}: the disk does not do its work ({in_words(error)}); mend that and start the same command again"
            )
        self.trouble = self.trouble or named
        return named

    def _must(self, step: Callable[[], T]) -> T:
        """A step that may be begun again: where the disk is full it is, in the room that was kept."""
        with self._naming():
            try:
                return step()
            except OSError as error:
                if not (is_full(error) and self._room.give_up()):
                    raise
                self._name(error)
            return step()

    def _fill(self, trajectory: Trajectory, content: bytes) -> None:
        """Write all that is a trial's, the small first; then its transcript is needed no more."""
        partial = self._partial(trajectory.instance_id, trajectory.attempt)
        partial.mkdir(parents=True, exist_ok=True)
        write(partial / "patch.diff", trajectory.patch.encode("utf-8", "surrogateescape"))
        if trajectory.grade is not None:
            write(partial / "grade.json", (trajectory.grade.model_dump_json(indent=1) + "\n").encode())
        write(partial / "trajectory.json", content)
        (partial / FILE).unlink(missing_ok=True)

    def _put_in_place(self, trajectory: Trajectory) -> None:
        partial = self._partial(trajectory.instance_id, trajectory.attempt)
        target = self._trial(trajectory.instance_id, trajectory.attempt)
        if partial.exists():
            if target.exists():
                kept = sum(1 for _ in target.parent.glob(f"{trajectory.attempt}.failed-*"))
                target.rename(target.with_name(f"{trajectory.attempt}.failed-{kept + 1}"))
            partial.rename(target)
        sync_directory(target.parent)

    def _add(self, result: Result) -> None:
        self._must(lambda: append_line(self.directory / "results.jsonl", result.model_dump_json().encode()))
        self.results[result.instance_id, result.attempt] = result

    def _trial(self, instance_id: str, attempt: int) -> Path:
        return self.directory / "trials" / instance_id / str(attempt)

    def _partial(self, instance_id: str, attempt: int) -> Path:
        return self._trial(instance_id, attempt).with_name(f".{attempt}.partial")

    def _read_index(self) -> Iterator[Result]:
        """Results by the index, mended where the last process was killed between a trial and its line."""
        lines, torn = _read_lines(_content(self.directory / "results.jsonl"), Result)
        reviews = read_reviews(self.directory)
        known = {(result.instance_id, result.attempt): result for result in lines}
        found = {}
        for place in sorted(self.directory.glob("trials/*/*")):
            if not place.name.isdigit():
                continue
            key = (place.parent.name, int(place.name))
            if key in known and not torn and known[key].failure is None:  # after a failed try another may have come without its line
                found[key] = known[key]
            else:
                found[key] = result_of(read_trajectory(place), digest_of_trial(place))
                if (
                    key in known and known[key].failure is None
                ):  # the record has not been written since: a digest that differs tells of damage
                    found[key] = found[key].model_copy(update={"sha256": known[key].sha256})
            found[key] = reviewed(found[key], reviews.get(key), place)
        if torn or found != known:
            replace_file(self.directory / "results.jsonl", "".join(result.model_dump_json() + "\n" for result in found.values()).encode())
        yield from found.values()


def read_trajectory(trial: Path) -> Trajectory:
    """A trial's trajectory, of any schema so far. StoreError when it cannot be read."""
    file = trial / "trajectory.json"
    try:
        return read_record(file.read_bytes())
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise StoreError(f"{file}: not a trajectory ({reason}); remove {trial} to run that attempt again") from error


def read_results(directory: Path) -> list[Result]:
    """The finished trials of a run, for readers: takes no lock, so that a running run can be looked at."""
    return read_index(directory)[0]


def read_index(directory: Path) -> tuple[list[Result], bool]:
    """The finished trials, and whether a line of the index cannot be read. Takes no lock: a line that is being written is waited for."""
    if not (directory / "config.toml").exists():
        raise StoreError(f"{directory}: not a run directory (there is no config.toml in it)")
    content = b""
    for _ in moments():
        content = _content(directory / "results.jsonl")
        if not content or content.endswith(b"\n"):
            break
    lines, torn = _read_lines(content, Result)
    latest = {(result.instance_id, result.attempt): result for result in lines}
    return [latest[key] for key in sorted(latest)], torn


def moments() -> Iterator[None]:
    """At once, and again and again for as long as a writer may be about to end what a reader misses."""
    until = time.monotonic() + _LINE_SECONDS
    yield
    while time.monotonic() < until:
        time.sleep(_LINE_SECONDS / 50)
        yield


def read_reviews(directory: Path) -> dict[tuple[str, int], Review]:
    """The last decision on each trial. A line that cannot be read decides nothing: what it was about stays flagged."""
    lines, _ = _read_lines(_content(directory / "reviews.jsonl"), Review)
    return {(review.instance_id, review.attempt): review for review in lines}


def trial_directory(directory: Path, result: Result) -> Path:
    """Where the record of a trial lies in a run directory."""
    return directory / "trials" / result.instance_id / str(result.attempt)


def reviewed(result: Result, review: Review | None, trial: Path) -> Result:
    """The result as a person's decision on this very record makes it."""
    if not result.flagged:
        return result
    cleared = review is not None and review.decision == "clear" and review.trajectory_sha256 == digest_of_trial(trial)
    return result.model_copy(update={"resolved": cleared})


def digest_of_trial(trial: Path) -> str | None:
    """sha256 in hex of the trial's record, which a review names; None where there is none."""
    try:
        return hashlib.sha256((trial / "trajectory.json").read_bytes()).hexdigest()
    except OSError:
        return None


def to_json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _content(file: Path) -> bytes:
    """Of a file that need not be there."""
    return file.read_bytes() if file.exists() else b""


def _read_lines(content: bytes, model: type[Line]) -> tuple[list[Line], bool]:
    """The lines that can be read, and whether there was one that cannot or that has no end."""
    read = []
    *lines, rest = content.split(b"\n")  # only there: a message may hold U+2028 and its like
    torn = rest != b""  # the next line would be added to it
    with _no_collection():
        for line in [*lines, rest] if torn else lines:
            try:
                read.append(model.model_validate_json(line))
            except ValidationError:
                torn = True
    return read, torn


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """While very many objects without cycles are made: looking for cycles among them would take most of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
