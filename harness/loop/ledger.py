"""The ledger: one line for each step that was done, and the directories of the rounds beside it.

```
loop.toml           the configuration of the last start, resolved
ledger.jsonl        one line a step, in the order in which they were done; of two of the same step the later counts
round-<n>/<step>    what the step made
round-<n>/.<step>.json     what it was begun with, and the seconds that it took in sittings that were broken off
stale/              what steps made whose inputs have changed since, with what it was begun with; `harness loop gc` removes it
```
A step is done when its line is there, with the digest of the inputs that it has now, and its place is there and was begun with them. So a killed
loop goes on where it was, and a changed setting does again what depends on it and nothing else; changed back, it has again what it had.
One process at a time holds the directory.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.config import ConfigError
from harness.loop.digests import digest_of
from harness.loop.entry import Done, Entry, Split
from harness.loop.errors import LoopStoppedError
from harness.loop.numbers import KINDS, Step
from tasks.toml_file import first_complaint
from trajectories.disk import replace_file

STEPS: Final = tuple(KINDS)
"""In their order."""

_FILE: Final = "ledger.jsonl"
_STALE: Final = "stale"
_TICK_SECONDS: Final = 20.0
"""A loop that is killed loses at most so much of its count of time."""


class Begun(BaseModel):
    """What a step was begun with."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    inputs: str
    """sha256 in hex."""
    seconds: float = Field(ge=0)
    """Of sittings that were broken off."""


class Ledger:
    """The one writer of a loop's directory; close it to let another process in."""

    def __init__(self, directory: Path) -> None:
        """Make the directory or take it up again. ConfigError when another process holds it, or it is something else."""
        self.directory = directory
        if directory.is_dir() and any(directory.iterdir()) and not (directory / ".lock").exists():
            raise ConfigError(f"{directory} is no loop's directory, and not empty: give another `directory`")
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._lock = open(directory / ".lock", "w", encoding="utf-8")  # noqa: SIM115 - held until close()
        except OSError as error:
            raise ConfigError(f"{directory}: cannot be written to ({(error.strerror or str(error)).lower()})") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            raise ConfigError(f"{directory}: another process is at work in this loop") from error
        self.entries = read_ledger(directory)
        self._mend()

    def close(self) -> None:
        self._lock.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def place(self, number: int, step: Step) -> Path:
        return place_of(self.directory, number, step)

    def find(self, number: int, step: Step) -> Entry | None:
        return find(self.entries, number, step)

    def done(self, number: int, step: Step, inputs: object) -> Entry | None:
        """The step's line, where it was done with these inputs and what it made is there; or where it is put aside, from where it is taken back."""
        digest = digest_of(inputs)
        place = self.place(number, step)
        begun = begun_with(place)
        with _told_in_a_line(self.directory):
            if begun is not None and begun.inputs != digest and not self._take_back(place, digest):
                return None
        last = self.find(number, step)
        entry = next((each for each in reversed(self.entries) if (each.round, each.step, each.inputs) == (number, step, digest)), None)
        if entry is None or not place.exists() or (begun is None and entry is not last):
            return None
        if entry is not last:
            with _told_in_a_line(self.directory):
                self._append(entry)
        return entry

    async def do(self, number: int, step: Step, inputs: object, work: Callable[[Path], Awaitable[Done]]) -> Entry:
        """Do what is not done, and write its line. `work` is given the step's place, which holds what a sitting before began with the same inputs.

        LoopStoppedError when the disk is full.
        """
        digest = digest_of(inputs)
        place = self.place(number, step)
        began = time.monotonic()
        with _told_in_a_line(self.directory):
            sitting = self._begin(place, digest)
            async with _counting(place, digest, sitting, began):
                done = await work(place)
            here = time.monotonic() - began
            split = done.split.model_copy(update={"own": done.split.own + max(0.0, here - done.split.total)})
            # Of broken sittings only the length is known: their seconds went where those of this one went.
            share = (sitting + here) / max(split.total, 1e-9)
            entry = Entry(
                round=number,
                step=step,
                inputs=digest,
                outputs=done.outputs,
                words=done.words,
                numbers=done.numbers,
                seconds=round(sitting + here, 3),
                split=Split(**{name: round(value * share, 3) for name, value in split.model_dump().items()}),
                tokens=done.tokens,
                cost=done.cost,
                at=datetime.now(UTC).isoformat(timespec="seconds"),
            )
            self._append(entry)
        with contextlib.suppress(OSError):
            _remember(place, Begun(inputs=digest, seconds=0.0))  # they are in the line: done again, it begins at nothing
        return entry

    def unfinished_seconds(self) -> float:
        """Of sittings that were broken off, of steps that are not done yet."""
        seconds = 0.0
        for file in self.directory.glob("round-*/.*.json"):
            begun = begun_with(file.with_name(file.name[1:].removesuffix(".json")))
            lines = {entry.inputs for entry in self.entries if _note(self.place(entry.round, entry.step)) == file}
            if begun is not None and begun.inputs not in lines:
                seconds += begun.seconds
        return seconds

    def _begin(self, place: Path, digest: str) -> float:
        """Seconds of the sittings before. What other inputs have made is put aside."""
        place.parent.mkdir(parents=True, exist_ok=True)
        begun = begun_with(place)
        if begun is None or begun.inputs != digest:
            self._put_aside(place)
            begun = Begun(inputs=digest, seconds=0.0)
        _remember(place, begun)
        return begun.seconds

    def _put_aside(self, place: Path) -> None:
        """With its note, which goes last: killed in between, it is of nobody knows what, and is never taken back."""
        if not place.exists():
            _note(place).unlink(missing_ok=True)
            return
        stale = self.directory / _STALE
        stale.mkdir(exist_ok=True)
        name = f"{place.parent.name}-{place.name}"
        aside = next(free for number in range(1, 1_000_000) if not (free := stale / f"{name}-{number}").exists())
        place.rename(aside)
        if _note(place).exists():
            _note(place).rename(_note(aside))

    def _take_back(self, place: Path, digest: str) -> bool:
        """Whether there was something. Whoever uses it compares it with the line's outputs, as anything else that is there."""
        for aside in sorted((self.directory / _STALE).glob(f"{place.parent.name}-{place.name}-*")):
            begun = begun_with(aside)
            if begun is not None and begun.inputs == digest:
                self._put_aside(place)
                _note(aside).rename(_note(place))
                aside.rename(place)
                return True
        return False

    def _append(self, entry: Entry) -> None:
        with open(self.directory / _FILE, "a", encoding="utf-8") as lines:
            lines.write(entry.model_dump_json() + "\n")
            lines.flush()
            os.fsync(lines.fileno())
        self.entries.append(entry)

    def _mend(self) -> None:
        """A line that was being written when the machine went down is written again without it."""
        file = self.directory / _FILE
        if file.exists() and (content := file.read_bytes()) and not content.endswith(b"\n"):
            replace_file(file, "".join(entry.model_dump_json() + "\n" for entry in self.entries).encode())


def read_ledger(directory: Path) -> list[Entry]:
    """The steps that are done; takes no lock. ConfigError for a line that is none, unless it is the last, which may be torn, and for a file that is none."""
    file = directory / _FILE
    try:
        lines = file.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ConfigError(f"{file}: {(error.strerror or str(error)).lower()}") from error
    entries = []
    for number, line in enumerate(lines, 1):
        try:
            if line:
                entries.append(Entry.model_validate_json(line))
        except ValidationError as error:
            if number < len(lines):
                raise ConfigError(f"{file}:{number}: not a line of a ledger ({first_complaint(error)})") from error
    return entries


def find(entries: list[Entry], number: int, step: Step) -> Entry | None:
    return next((entry for entry in reversed(entries) if (entry.round, entry.step) == (number, step)), None)


def current(entries: list[Entry]) -> Iterator[Entry]:
    """Those that count, by round and step."""
    last = {(entry.round, STEPS.index(entry.step)): entry for entry in entries}
    return iter(last[key] for key in sorted(last))


def place_of(directory: Path, number: int, step: Step) -> Path:
    return directory / f"round-{number}" / step


def take_away(place: Path) -> None:
    """A directory or a file, if it is there."""
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)


def begun_with(place: Path) -> Begun | None:
    """None where nothing tells."""
    with contextlib.suppress(OSError, ValidationError):
        return Begun.model_validate_json(_note(place).read_bytes())
    return None


@contextlib.contextmanager
def _told_in_a_line(directory: Path) -> Iterator[None]:
    """What the disk refuses."""
    try:
        yield
    except OSError as error:
        raise LoopStoppedError(f"{error.strerror or error} ({error.filename or directory})") from error


@contextlib.asynccontextmanager
async def _counting(place: Path, digest: str, sitting: float, began: float) -> AsyncIterator[None]:
    """Keep the seconds of a sitting while it goes on, and those of one that is broken off."""

    def remember() -> None:
        with contextlib.suppress(OSError):  # on a disk that is full, why it ended counts for more than how long it took
            _remember(place, Begun(inputs=digest, seconds=round(sitting + time.monotonic() - began, 3)))

    async def tick() -> None:
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            remember()

    ticking = asyncio.create_task(tick())
    try:
        yield
    except BaseException:
        remember()
        raise
    finally:
        ticking.cancel()


def _note(place: Path) -> Path:
    return place.with_name(f".{place.name}.json")


def _remember(place: Path, begun: Begun) -> None:
    replace_file(_note(place), begun.model_dump_json().encode() + b"\n")
