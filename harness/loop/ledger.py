"""The ledger: one line for each step that was done, and the directories of the rounds beside it.

```
loop.toml           the configuration of the last start, resolved
ledger.jsonl        one line a step, in the order in which they were done; of two of the same step the later counts
round-<n>/<step>    what the step made
round-<n>/.<step>.json     what it was begun with, and the seconds that it took in sittings that were broken off
stale/              what steps made whose inputs have changed since; `harness loop gc` removes it
```
A step is done when its line is there, with the digest of the inputs that it has now, and its place is there. So a killed loop goes on where it
was, and a changed setting does again what depends on it and nothing else. One process at a time holds the directory.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from harness.config import ConfigError
from harness.loop.errors import LoopStoppedError

STEPS: Final = ("base", "choose", "sample", "demonstrations", "rows", "train", "expect", "export", "evaluation", "verdict")
"""In their order."""
Step = Literal["base", "choose", "sample", "demonstrations", "rows", "train", "expect", "export", "evaluation", "verdict"]

_FILE: Final = "ledger.jsonl"
_STALE: Final = "stale"


class Split(BaseModel):
    """Seconds of the clock, by what they went to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: float = 0.0
    """Its answers, and the server's starts."""
    tests: float = 0.0
    """Commands in boxes, and grading."""
    training: float = 0.0
    """Training, exporting, and what the trainer computes for the parity check."""
    own: float = 0.0
    """All else."""

    def __add__(self, other: Split) -> Split:
        return Split(
            model=self.model + other.model,
            tests=self.tests + other.tests,
            training=self.training + other.training,
            own=self.own + other.own,
        )

    @property
    def total(self) -> float:
        return self.model + self.tests + self.training + self.own


class Entry(BaseModel):
    """One line: a step that is done."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    round: int
    step: Step
    inputs: str
    """sha256 in hex, over all that decides it."""
    outputs: str
    """sha256 in hex, over what came of it."""
    words: str
    numbers: dict[str, Any]
    seconds: float
    """Of all its sittings."""
    split: Split
    tokens: int = 0
    cost: float | None = None
    at: str
    """UTC, ISO 8601."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a step says of itself when it is done."""

    outputs: str
    words: str
    numbers: Mapping[str, Any] = field(default_factory=dict)
    split: Split = field(default_factory=Split)
    """Of this sitting, as far as the step knows: the rest of its time is the loop's own."""
    tokens: int = 0
    cost: float | None = None


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
        """The step's line, where it was done with these inputs and what it made is there."""
        entry = self.find(number, step)
        return entry if entry is not None and entry.inputs == digest_of(inputs) and self.place(number, step).exists() else None

    async def do(self, number: int, step: Step, inputs: object, work: Callable[[Path], Awaitable[Done]]) -> Entry:
        """Do what is not done, and write its line. `work` is given the step's place, which holds what a sitting before began with the same inputs.

        LoopStoppedError when the disk is full.
        """
        digest = digest_of(inputs)
        began = time.monotonic()
        try:
            sitting = self._begin(number, step, digest)
            try:
                done = await work(self.place(number, step))
            except BaseException:
                with contextlib.suppress(OSError):  # on a disk that is full, why it ended counts for more than how long it took
                    self._remember(number, step, sitting + time.monotonic() - began, digest)
                raise
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
                numbers=dict(done.numbers),
                seconds=round(sitting + here, 3),
                split=Split(**{name: round(value * share, 3) for name, value in split.model_dump().items()}),
                tokens=done.tokens,
                cost=done.cost,
                at=datetime.now(UTC).isoformat(timespec="seconds"),
            )
            self._append(entry)
        except OSError as error:
            raise LoopStoppedError(f"{error.strerror or error} ({error.filename or self.directory})") from error
        return entry

    def _begin(self, number: int, step: Step, digest: str) -> float:
        """Seconds of the sittings before. What other inputs have made is put aside."""
        place = self.place(number, step)
        place.parent.mkdir(parents=True, exist_ok=True)
        note = _note(place)
        try:
            begun = json.loads(note.read_text(encoding="utf-8"))
            same = begun["inputs"] == digest
            seconds = float(begun["seconds"]) if same else 0.0
        except (OSError, ValueError, KeyError, TypeError):
            same, seconds = False, 0.0
        if not same and place.exists():
            self._put_aside(place)
        self._remember(number, step, seconds, digest)
        return seconds

    def _put_aside(self, place: Path) -> None:
        stale = self.directory / _STALE
        stale.mkdir(exist_ok=True)
        name = f"{place.parent.name}-{place.name}"
        place.rename(next(free for number in range(1, 1_000_000) if not (free := stale / f"{name}-{number}").exists()))

    def _remember(self, number: int, step: Step, seconds: float, digest: str) -> None:
        note = _note(self.place(number, step))
        replace(note, json.dumps({"inputs": digest, "seconds": round(seconds, 3)}) + "\n")

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
            replace(file, "".join(entry.model_dump_json() + "\n" for entry in self.entries))


def read_ledger(directory: Path) -> list[Entry]:
    """The steps that are done; takes no lock. ConfigError for a line that is none, unless it is the last, which may be torn."""
    file = directory / _FILE
    try:
        lines = file.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    entries = []
    for number, line in enumerate(lines, 1):
        try:
            if line:
                entries.append(Entry.model_validate_json(line))
        except ValidationError as error:
            if number < len(lines):
                raise ConfigError(f"{file}:{number}: not a line of a ledger ({error.errors()[0]['msg'].lower()})") from error
    return entries


def find(entries: list[Entry], number: int, step: Step) -> Entry | None:
    return next((entry for entry in reversed(entries) if (entry.round, entry.step) == (number, step)), None)


def current(entries: list[Entry]) -> Iterator[Entry]:
    """Those that count, by round and step."""
    last = {(entry.round, STEPS.index(entry.step)): entry for entry in entries}
    return iter(last[key] for key in sorted(last))


def place_of(directory: Path, number: int, step: Step) -> Path:
    return directory / f"round-{number}" / step


def digest_of(content: object) -> str:
    """sha256 in hex over JSON of the content; paths and models as their text."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=_plain).encode()).hexdigest()


def digest_of_files(*files: Path) -> str:
    """sha256 in hex over names and contents."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name}\0{file.stat().st_size}\0".encode())
        with open(file, "rb") as content:
            digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()


def take_away(place: Path) -> None:
    """A directory or a file, if it is there."""
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)


def _note(place: Path) -> Path:
    return place.with_name(f".{place.name}.json")


def replace(file: Path, content: str) -> None:
    """There whole or as it was."""
    beside = file.with_name(f"{file.name}.partial")
    with open(beside, "w", encoding="utf-8") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    beside.rename(file)


def _plain(value: object) -> object:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else str(value)
