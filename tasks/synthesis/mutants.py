"""Mutants of a repository: which there are, what the source is with one or several of them, and which tests reach them."""

from __future__ import annotations

import hashlib
import itertools
import json
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from sandboxes.sandbox import HARNESS_DIRECTORY, MIB, Sandbox, SandboxError
from tasks.errors import TaskError
from tasks.task import Kind
from tasks.tree import RepositoryTree

_PROGRAMS: Final = Path(__file__).parent / "programs"
_LIST_SECONDS: Final = 300.0
_REPORT_LIMIT_BYTES: Final = 200 * MIB


class Mutant(BaseModel):
    """One change of one place of a source."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    file: str
    operator: str
    start: int
    """In UTF-16 units, as `end`."""
    end: int
    replacement: str
    kind: Literal["bug", "feature", "types", "async"]
    reach: str | None
    """The mutant of the instrumenter that is reached when this one is; None when that is not known, as for a type."""
    function: str | None
    doc: str | None

    @property
    def source(self) -> str:
        """What the ids of all mutants of its file begin with."""
        return self.id.partition(":")[0]


class MutantList(BaseModel):
    """What `programs/mutants.mjs` writes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mutants: tuple[Mutant, ...]
    instrumented: dict[str, str]
    """Sources with every mutant of the instrumenter in them, none of them active, as they say which was reached."""
    skipped: dict[str, str]
    """Sources that could not be read, and why."""


@dataclass(frozen=True, slots=True)
class Change:
    """One mutant, or several together: what a task is made of."""

    mutants: tuple[Mutant, ...]
    files: Mapping[str, bytes]
    """The sources that it changes, as they are with it."""

    @property
    def digest(self) -> str:
        """Of what the sources say then; white space counts for nothing."""
        digest = hashlib.sha256()
        for path in sorted(self.files):
            digest.update(f"{path}\0".encode() + b"".join(self.files[path].split()) + b"\0")
        return digest.hexdigest()

    @property
    def kind(self) -> Kind:
        kinds = {mutant.kind for mutant in self.mutants}
        return next((kind for kind in ("feature", "async", "types") if kind in kinds), "bug")


class Reach(BaseModel):
    """Which test files have a test that reaches which mutants of the instrumenter."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    test_files: tuple[str, ...] = ()
    reached: dict[str, tuple[int, ...]] = Field(default_factory=dict)
    """Numbers of test files by mutant: those with a test that reaches it, and those that do as they are loaded."""
    loaded: dict[str, tuple[int, ...]] = Field(default_factory=dict)
    """Numbers of test files by source, as mutants' ids begin: those that reach anything of it."""

    def files(self, mutant: Mutant) -> list[str]:
        """The test files that reach a mutant. Where it is not known which, all that load its source."""
        numbers = self.loaded.get(mutant.source, ()) if mutant.reach is None else self.reached.get(mutant.reach, ())
        return sorted(self.test_files[number] for number in numbers)

    def loading(self, mutants: Iterable[Mutant]) -> set[str]:
        """The test files that load a source of one of the mutants."""
        return {self.test_files[number] for mutant in mutants for number in self.loaded.get(mutant.source, ())}


async def list_mutants(sandbox: Sandbox, tree: RepositoryTree, sources: Sequence[str]) -> MutantList:
    """The mutants of the sources, by the programs in a box of the image `synthesis`. TaskError when they give no list."""
    await sandbox.lay(tree.snapshot.archive)
    for name in ("mutants.mjs", "operators.mjs"):
        await sandbox.write(f"{HARNESS_DIRECTORY}/{name}", (_PROGRAMS / name).read_bytes(), user="root")
    result = await sandbox.exec(
        ["node", "--max-old-space-size=1500", f"{HARNESS_DIRECTORY}/mutants.mjs"],
        timeout_seconds=_LIST_SECONDS,
        stdin=json.dumps({"sources": list(sources)}).encode(),
        report_limit_bytes=_REPORT_LIMIT_BYTES,
    )
    report = result.report.complete
    if not result.ok or not report:
        raise TaskError(f"the mutants could not be listed ({result.how_it_ended()}): {result.stderr.text().strip()[-300:]}")
    try:
        return MutantList.model_validate_json(report)
    except ValueError as error:
        raise SandboxError(f"the list of mutants cannot be read: {error}") from error


def change_of(mutants: Sequence[Mutant], files: Mapping[str, bytes]) -> Change | None:
    """The sources with these mutants, or None where two of them touch the same place, or nothing is changed."""
    by_file: dict[str, list[Mutant]] = defaultdict(list)
    for mutant in mutants:
        by_file[mutant.file].append(mutant)
    changed = {}
    for path, inside in by_file.items():
        text = files[path].decode("utf-8").encode("utf-16-le")  # the places are counted in its units
        inside.sort(key=lambda mutant: mutant.start, reverse=True)
        if any(later.start < earlier.end for later, earlier in itertools.pairwise(inside)):
            return None
        for mutant in inside:
            text = text[: 2 * mutant.start] + _as_in(files[path], mutant.replacement).encode("utf-16-le") + text[2 * mutant.end :]
        changed[path] = text.decode("utf-16-le").encode()
        if changed[path].split() == files[path].split():
            return None
    return Change(tuple(mutants), changed)


def in_turn(mutants: Iterable[Mutant], *, seed: int) -> list[Mutant]:
    """In the order in which they are tried: by chance, the operators in turn, so that what comes first is a bit of everything."""
    by_operator: dict[str, list[Mutant]] = defaultdict(list)
    for mutant in mutants:
        by_operator[mutant.operator].append(mutant)
    chance = random.Random(seed)  # noqa: S311 - an order, no secret
    lists = []
    for operator in sorted(by_operator):
        chance.shuffle(by_operator[operator])
        lists.append(by_operator[operator])
    # Each list is spread evenly over the whole, so that a frequent operator does not come last alone.
    spread = [((at + chance.random()) / len(one), mutant) for one in lists for at, mutant in enumerate(one)]
    return [mutant for _, mutant in sorted(spread, key=lambda pair: pair[0])]


def _as_in(content: bytes, replacement: str) -> str:
    """With the line ends of the file."""
    return replacement.replace("\r\n", "\n").replace("\n", "\r\n") if b"\r\n" in content else replacement
