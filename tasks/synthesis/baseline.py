"""What a repository's tests say at its head, before anything is changed: which of them can be relied on, in which mode they are graded, and which
of them reach what."""

from __future__ import annotations

import asyncio
from typing import Final

from pydantic import BaseModel, ConfigDict

from sandboxes.images.recipe import Say
from sandboxes.sandbox import SandboxError
from tasks.errors import TaskError
from tasks.grading import Observation, OpenSandbox, grading_slots, observe, observe_again
from tasks.patches import anchored
from tasks.reports import TYPECHECK
from tasks.synthesis.project import Project
from tasks.synthesis.workbench import open_bench
from tasks.task import Expected, RecordedMode, Task
from tasks.validate import modes_for

_FIRST_SECONDS: Final = 300.0
_LEAST_SECONDS: Final = 30.0


class Baseline(BaseModel):
    """Of the repository as it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: RecordedMode
    tests: tuple[str, ...]
    """Pass each time, by themselves and in the mode: all that a task may rest on."""
    failing: tuple[str, ...]
    flaky: tuple[str, ...]
    lost: tuple[str, ...]
    """Pass by themselves and not in the mode."""
    type_errors: tuple[str, ...]
    lint_findings: tuple[str, ...]
    test_seconds: float
    """The longest test process."""
    one_worker: bool
    """The tests pass with one worker for all files too, so trials may run so."""
    trial_seconds: float
    """The longest process in the way of a trial, with nothing changed."""


def bare_task(project: Project, image: str, *, mode: RecordedMode = "separate", seconds: float = _FIRST_SECONDS) -> Task:
    """A task that asks nothing yet: the repository as it is, with all of its tests."""
    return Task(
        instance_id=project.name,
        repo=project.name,
        title=project.name,
        kind="bug",
        difficulty="easy",
        created_at="2026-01-01",
        problem_statement=f"The repository {project.name} as it is.",
        patch="",
        test_patch="",
        expected=Expected(mode=mode),
        runner=project.is_graded_by,
        test_files=tuple(anchored(path) for path in project.test_files),
        type_test_files=tuple(anchored(path) for path in project.type_test_files),
        image=image,
        test_timeout_seconds=seconds,
        tree=project.tree,
    )


async def observe_baseline(project: Project, image: str, open_sandbox: OpenSandbox, say: Say, *, repeats: int = 3) -> Baseline:
    """Once by themselves and the other times in the mode. TaskError when no test passes, each time and in a mode that can grade."""
    say(f"running {len(project.test_files)} test files as they are, {repeats} times")
    apart = max(1, repeats - 1)
    task = bare_task(project, image)
    plain = [await observe(task, "", open_sandbox, plain=True)]
    passing, failing, flaky = _sort(plain)
    if not passing and project.is_graded_by == "node:test":  # its imports may be a bundler's, which grading resolves and Node does not
        passing, failing, flaky = _sort(await _repeat(plain[0], bare_task(project, image), open_sandbox, apart))
    if not passing:
        _refuse(project, plain, flaky)
    chosen: tuple[RecordedMode, set[str], set[str]] | None = None
    for mode in modes_for(project.is_graded_by):
        there = await _repeat(plain[0], bare_task(project, image, mode=mode), open_sandbox, apart)
        passing_there, _, flaky_there = _sort(there)
        held = passing & passing_there
        if chosen is None or len(held) > len(chosen[1]):
            chosen = (mode, held, flaky_there)
        if held == passing:
            break
    assert chosen is not None
    mode, held, flaky_there = chosen
    if not held and (unsteady := passing & flaky_there):
        raise TaskError(f"{project.name}: none of its tests says the same each time: such as {min(unsteady)}")
    if not held:
        raise TaskError(
            f"{project.name}: no test of it passes apart from its source, so nothing of it can be graded: such as {min(passing)}"
        )
    test_seconds = max((run.duration_seconds for seen in plain for run in seen.checks if run.name not in ("compile", "lint")), default=1.0)
    one_worker, trial_seconds = await _in_one_worker(project, held, open_sandbox, test_seconds)
    return Baseline(
        mode=mode,
        tests=tuple(sorted(held)),
        failing=tuple(sorted(failing)),
        flaky=tuple(sorted(flaky | flaky_there)),
        lost=tuple(sorted(passing - held - flaky_there)),
        type_errors=tuple(diagnostic.text for diagnostic in plain[0].type_errors),
        lint_findings=tuple(diagnostic.text for diagnostic in plain[0].lint_findings),
        test_seconds=test_seconds,
        one_worker=one_worker,
        trial_seconds=trial_seconds,
    )


def timeout_of(baseline: Baseline) -> float:
    """For each test process in grading, seconds: on a machine that is busy, and between two processes."""
    return float(max(_LEAST_SECONDS, round(baseline.test_seconds * 10)))


async def _in_one_worker(project: Project, tests: set[str], open_sandbox: OpenSandbox, test_seconds: float) -> tuple[bool, float]:
    """Whether vitest's test files may share a worker, a tenth of the time where there are many; and how long a process of a trial takes."""
    if project.is_graded_by != "vitest":
        return False, test_seconds
    async with open_bench(project, open_sandbox, one_worker=True) as bench:
        run = await bench.try_all(max(_LEAST_SECONDS, 3 * test_seconds))
    asked = {test for test in tests if not test.endswith(f"::{TYPECHECK}")}
    if run.timed_out or run.problem or not all(run.statuses.get(test) == "passed" for test in asked):
        return False, test_seconds
    return True, run.seconds


async def _repeat(first: Observation, task: Task, open_sandbox: OpenSandbox, repeats: int) -> list[Observation]:
    """As many at once as there are cores: more of them would only bring each other nearer to their deadlines."""
    slots = grading_slots()

    async def one() -> Observation:
        async with slots:
            return await observe_again(first, task, "", open_sandbox)

    try:
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(one()) for _ in range(repeats)]
    except* SandboxError as failed:
        raise SandboxError(str(failed.exceptions[0])) from failed
    return [one.result() for one in running]


def _sort(seen: list[Observation]) -> tuple[set[str], set[str], set[str]]:
    """Tests that pass each time, fail each time, and say different things."""
    names = {test for one in seen for test in one.statuses}
    statuses = {test: {one.statuses.get(test, "missing") for one in seen} for test in names}
    passing = {test for test, said in statuses.items() if said == {"passed"}}
    flaky = {test for test, said in statuses.items() if len(said) > 1}
    return passing, names - passing - flaky, flaky


def _refuse(project: Project, seen: list[Observation], flaky: set[str]) -> None:
    if flaky:
        raise TaskError(f"{project.name}: none of its tests says the same each time: such as {min(flaky)}")
    ended = next((run for run in seen[0].checks if run.name not in ("compile", "lint") and run.output), None)
    lines = [line.strip() for line in (ended.output if ended else "").splitlines() if line.strip()]
    said = next((line for line in lines if "Error" in line or "error" in line), lines[-1] if lines else "the runner reported no test")
    hint = (
        "; " + "; ".join(note for note in project.notes if "native" in note or "environment" in note)
        if any("nat" in note for note in project.notes)
        else ""
    )
    raise TaskError(f"{project.name}: no test of it passes at its head: {said[:300]}{hint}; what they need can be given with --deps DIR")
