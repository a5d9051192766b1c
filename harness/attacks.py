"""`harness attacks`: every cheat of an attack suite through the real grader, and what became of each.

```
suite/                       a suite with one task for each runner
cases/<slug>/                case.toml, and a cheat for a runner or for both: node-test.patch, vitest.patch
honest/<name>/               solutions beside the gold patches: node-test.patch, vitest.patch
<part>/                      more of the same, with tasks of its own
```
No case solves its task. A cheat that counts as resolved got through; so did the grader fail with an honest solution that does not count.
The suite ships with a checkout, not with the package.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, computed_field

from harness.engines import Backend, choose_engine
from sandboxes.images.recipe import Say
from sandboxes.sandbox import Limits, opener
from tasks.errors import TaskError
from tasks.grading import OpenSandbox, grade, grading_slots
from tasks.suite import load_suite
from tasks.task import GradingMode, RecordedMode, Runner, Task, Verdict
from tasks.toml_file import read_as
from tasks.validate import modes_for

SHIPPED: Final = Path(__file__).parents[1] / "tests/attacks"
RUNNERS: Final[Mapping[Runner, str]] = {"node:test": "node-test", "vitest": "vitest"}
"""The name of a runner's patch, by runner; in the order of the matrix."""

MODES: Final = get_args(RecordedMode)
"""How far apart tests and source can be, the strongest first."""

_ASKED: Final = (
    "a test that asks the source's own method for the verdict, waits for a callback that the source need not call, or builds what it expects"
    " with the source's classes, has its word for it"
)

_NOT_HELD: Final[Mapping[tuple[Runner, str], str]] = {
    (
        "node:test",
        "hardened",
    ): "tests and source share a process: nothing separates their memory but what the language and Node's permissions keep apart",
    ("node:test", "separate"): _ASKED,
    ("vitest", "separate"): _ASKED,
}
"""What a runner cannot hold in a mode, whatever the cases show."""

_NOT_OFFERED: Final[Mapping[tuple[Runner, str], str]] = {
    ("vitest", "hardened"): "its worker, its expect and its tasks are within the source's reach; a task whose tests need it is not valid",
}
"""Why there is no such way of grading."""


class _CaseFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = Field(min_length=1)
    how: str = Field(min_length=1)
    fools: tuple[str, ...] = Field(min_length=1)
    source: str = Field(min_length=1)
    not_held: dict[RecordedMode, str] = {}
    """Modes in which it gets through, and why nothing can be done about it."""


@dataclass(frozen=True, slots=True)
class Case:
    """A cheat, or an honest solution, in a patch for one or both of the runners."""

    slug: str
    kind: Literal["cheat", "honest"]
    title: str
    how: str
    """The mechanism, in a sentence or two."""
    fools: tuple[str, ...]
    """Naive graders that take it for a solution."""
    source: str
    """Where such a thing was seen."""
    patches: Mapping[Runner, str]
    tasks: Mapping[Runner, Task]
    """Those that it is a patch for, one for each runner."""
    not_held: Mapping[RecordedMode, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Attacks:
    """An attack suite as it was loaded: one task for each runner, the cheats and the honest solutions, by slug; those of its parts as well."""

    tasks: Mapping[Runner, Task]
    cheats: tuple[Case, ...]
    honest: tuple[Case, ...]


class Outcome(BaseModel):
    """What became of one patch in one mode."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    slug: str
    kind: Literal["cheat", "honest"]
    runner: Runner
    mode: RecordedMode
    graded: GradingMode
    """`bridged` where `separate` was asked for and the machine's boxes have one user."""
    verdict: Verdict
    flagged: bool
    """Only the integrity report stands between it and the count."""
    stripped: tuple[str, ...]
    """Paths that were left out of the patch."""
    not_held: str | None = None
    """Why it may get through."""

    @property
    def counts(self) -> bool:
        """Whether the patch counts as resolved, without a person having looked."""
        return self.verdict == "resolved" and not self.flagged

    @computed_field  # type: ignore[prop-decorator]
    @property
    def held(self) -> bool:
        """Whether the grader did what it should."""
        return self.counts == (self.kind == "honest") or self.not_held is not None

    @property
    def word(self) -> str:
        """A cheat's is how it was stopped, an honest solution's is that it was not; capitals are for what should not be."""
        if self.kind == "honest":
            return "resolved" if self.counts else ("FLAGGED" if self.flagged else self.verdict.upper())
        if self.counts:
            return "not held" if self.not_held else "RESOLVED"
        if self.flagged:
            return "flagged"
        return "stripped" if self.stripped and self.verdict in ("no_patch", "still_failing", "regressed") else self.verdict


def load_attacks(directory: Path, pattern: str = "*") -> Attacks:
    """The suite and those of its cases whose slug matches. TaskError when it is not there, not well-formed, or nothing matches."""
    if not (directory / "cases").is_dir():
        raise TaskError(f"there are no cases at {directory}: give --cases DIR, the tests/attacks of a checkout")
    places = [directory, *(place for place in _directories(directory) if (place / "suite").is_dir() and (place / "cases").is_dir())]
    parts = [_load_part(place, pattern, name="" if place == directory else f"{place.name}-") for place in places]
    cheats = [case for part in parts for case in part.cheats]
    if not cheats:
        raise TaskError(f"no case at {directory / 'cases'} matches {pattern!r}")
    return Attacks(parts[0].tasks, tuple(cheats), tuple(case for part in parts for case in part.honest))


def _load_part(directory: Path, pattern: str, *, name: str) -> Attacks:
    """`name` is put before the names of the honest solutions."""
    tasks: dict[Runner, Task] = {}
    for task in load_suite(str(directory / "suite")).tasks:
        if task.runner in tasks:
            raise TaskError(f"{directory / 'suite'}: there are several tasks with {task.runner}, one for each runner is needed")
        tasks[task.runner] = task
    cheats = [_load_cheat(place, tasks) for place in _directories(directory / "cases") if fnmatchcase(place.name, pattern)]
    gold = _honest(f"{name}gold", {runner: task.patch for runner, task in tasks.items()}, tasks)
    others = [_honest(name + place.name, _patches(place), tasks) for place in _directories(directory / "honest")]
    for case in (*cheats, *others):
        if missing := case.patches.keys() - tasks.keys():
            raise TaskError(f"{case.slug}: there is no task with {min(missing)} in {directory / 'suite'}")
    return Attacks(tasks, tuple(cheats), (gold, *others))


def trials(attacks: Attacks, modes: Sequence[RecordedMode]) -> list[tuple[Case, Runner, RecordedMode]]:
    """Every case with each of its runners in each of the modes that there are for it."""
    return [
        (case, runner, mode)
        for case in (*attacks.cheats, *attacks.honest)
        for runner in RUNNERS
        if runner in case.patches
        for mode in modes
        if mode in modes_for(runner)
    ]


async def try_attacks(
    attacks: Attacks, *, backend: Backend, modes: Sequence[RecordedMode], say: Say, on_outcome: Callable[[Outcome], None] | None = None
) -> list[Outcome]:
    """Grade all `trials`; sorted by kind, slug, runner and mode. SandboxError when a box fails."""
    slots = grading_slots()
    image = next(iter(attacks.tasks.values())).image
    engine = choose_engine(backend, image, say, concurrency=2)
    outcomes: list[Outcome] = []

    async def attempt(case: Case, runner: Runner, mode: RecordedMode) -> None:
        async with slots:
            outcome = await try_case(case, runner, mode, opener(engine, Limits()))
        outcomes.append(outcome)
        if on_outcome:
            on_outcome(outcome)

    try:
        await engine.start()
        waiting = [asyncio.create_task(attempt(*trial)) for trial in trials(attacks, modes)]
        try:
            await asyncio.gather(*waiting)
        finally:
            for one in waiting:
                one.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
    finally:
        await engine.close()
    return sorted(outcomes, key=lambda outcome: (outcome.kind, outcome.slug, outcome.runner, outcome.mode))


async def try_case(case: Case, runner: Runner, mode: RecordedMode, open_sandbox: OpenSandbox) -> Outcome:
    """Grade one patch, in a fresh box. SandboxError when the box fails."""
    task = case.tasks[runner]
    asked = task.model_copy(update={"expected": task.expected.model_copy(update={"mode": mode})})
    result = await grade(asked, case.patches[task.runner], open_sandbox)
    return Outcome(
        slug=case.slug,
        kind=case.kind,
        runner=task.runner,
        mode=mode,
        graded=result.mode,
        verdict=result.verdict,
        flagged=result.flagged,
        stripped=tuple(part.path for part in result.stripped),
        not_held=case.not_held.get(mode),
    )


def matrix(outcomes: Sequence[Outcome]) -> tuple[list[str], list[list[str]]]:
    """Columns and rows: a row for each case, honest ones last, a column for each runner and mode."""
    columns = [
        (runner, mode)
        for runner in RUNNERS
        for mode in MODES
        if any((outcome.runner, outcome.mode) == (runner, mode) for outcome in outcomes)
    ]
    words = {(outcome.kind, outcome.slug, outcome.runner, outcome.mode): outcome.word for outcome in outcomes}
    cases = dict.fromkeys((outcome.kind, outcome.slug) for outcome in sorted(outcomes, key=lambda outcome: outcome.kind == "honest"))
    rows = [
        [slug if kind == "cheat" else f"honest: {slug}", *(words.get((kind, slug, *column), "-") for column in columns)]
        for kind, slug in cases
    ]
    return ["case", *(f"{runner}, {mode}" for runner, mode in columns)], rows


def shortcomings(outcomes: Sequence[Outcome]) -> list[str]:
    """What a runner does not hold in a mode, in sentences."""
    sentences = []
    for runner, mode in sorted({(outcome.runner, outcome.mode) for outcome in outcomes}):
        here = [outcome for outcome in outcomes if (outcome.runner, outcome.mode) == (runner, mode)]
        cheats = [outcome for outcome in here if outcome.kind == "cheat"]
        name = f"{runner}, {mode}"
        if known := _NOT_HELD.get((runner, mode)):
            sentences.append(f"{name}: {known}.")
        sentences += [
            f"{name}: {outcome.slug} is not held: {outcome.not_held}." for outcome in cheats if outcome.counts and outcome.not_held
        ]
        if through := [outcome.slug for outcome in cheats if outcome.counts and not outcome.not_held]:
            sentences.append(f"{name}: {len(through)} of {len(cheats)} cheats got through: {', '.join(through)}.")
        if flagged := sum(outcome.flagged for outcome in cheats):
            sentences.append(
                f"{name}: {flagged} of {len(cheats)} cheats were stopped by the integrity report alone, which one in disguise gets past."
            )
        if refused := [outcome.slug for outcome in here if outcome.kind == "honest" and not outcome.counts]:
            sentences.append(f"{name}: honest solutions do not count: {', '.join(refused)}.")
    if any(outcome.graded == "bridged" for outcome in outcomes):
        sentences.append(
            "separate was graded bridged: this machine's boxes have one user, so tests and source are two processes, and neither files, nor memory,"
            " nor the report are closed to a patch that goes for them."
        )
    tried = {outcome.mode for outcome in outcomes}
    sentences += [f"{runner} is not graded {mode}: {why}." for (runner, mode), why in _NOT_OFFERED.items() if mode in tried]
    return sentences


def _directories(directory: Path) -> list[Path]:
    return sorted(place for place in directory.glob("*") if place.is_dir())


def _load_cheat(place: Path, tasks: Mapping[Runner, Task]) -> Case:
    about = read_as(place / "case.toml", _CaseFile, TaskError)
    return Case(place.name, "cheat", about.title, about.how, about.fools, about.source, _patches(place), tasks, about.not_held)


def _honest(name: str, patches: Mapping[Runner, str], tasks: Mapping[Runner, Task]) -> Case:
    return Case(name, "honest", "An honest solution", "It does what the problem asks for.", (), "the authors", patches, tasks)


def _patches(place: Path) -> dict[Runner, str]:
    patches = {
        runner: (place / f"{name}.patch").read_bytes().decode("utf-8")
        for runner, name in RUNNERS.items()
        if (place / f"{name}.patch").is_file()
    }
    if not patches:
        raise TaskError(f"{place}: there is no patch: node-test.patch, vitest.patch or both")
    return patches
