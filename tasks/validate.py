"""Is a task fair? Its gold patch resolves it and no patch does not, each time; what every test says is the same each time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from tasks.grading import Observation, OpenSandbox, judge, observe
from tasks.task import Expected, Task


@dataclass(frozen=True, slots=True)
class Validation:
    """What the repeats showed of one task."""

    task: Task
    problems: tuple[str, ...]
    """Empty when the task is fair."""
    observed: Expected
    """What the expectation is by these repeats."""
    grade_seconds: float
    """Median of the gold grades."""


async def validate(
    tasks: Sequence[Task], open_sandbox: OpenSandbox, *, repeats: int, concurrency: int, record: bool = False
) -> AsyncIterator[Validation]:
    """Validate the tasks in parallel; in the order in which they are done.

    With `record` the task's own expectation is not asked: the observed one is judged for being fair. SandboxError when a box fails.
    """
    slots = asyncio.Semaphore(concurrency)
    waiting = [asyncio.create_task(_validate(task, open_sandbox, slots, repeats, record=record)) for task in tasks]
    try:
        for done in asyncio.as_completed(waiting):
            yield await done
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def _validate(task: Task, open_sandbox: OpenSandbox, slots: asyncio.Semaphore, repeats: int, *, record: bool) -> Validation:
    asked = task.model_copy(update={"expected": Expected()}) if record else task

    golds: list[Observation] = []
    noops: list[Observation] = []
    async with slots:  # for all of its repeats: a task is done before the next one begins
        for _ in range(repeats):
            golds.append(await observe(asked, task.patch, open_sandbox))
            noops.append(await observe(asked, "", open_sandbox))
    observed = expectation(golds, noops)
    judged = task.model_copy(update={"expected": observed}) if record else task
    seconds = sorted(gold.duration_seconds for gold in golds)[len(golds) // 2]
    return Validation(task, tuple(dict.fromkeys(_problems(judged, golds, noops))), observed, seconds)


def expectation(golds: Sequence[Observation], noops: Sequence[Observation]) -> Expected:
    """Tests that pass with every gold; those that never pass without it are fail_to_pass, those that always do pass_to_pass."""
    passing = sorted(set.intersection(*({test for test, status in gold.statuses.items() if status == "passed"} for gold in golds)))
    before = [{test for test, status in noop.statuses.items() if status == "passed"} for noop in noops]
    return Expected(
        fail_to_pass=tuple(test for test in passing if not any(test in seen for seen in before)),
        pass_to_pass=tuple(test for test in passing if all(test in seen for seen in before)),
        type_errors=tuple(diagnostic.text for diagnostic in noops[0].type_errors),
        lint_findings=tuple(diagnostic.text for diagnostic in noops[0].lint_findings),
    )


def _problems(task: Task, golds: Sequence[Observation], noops: Sequence[Observation]) -> list[str]:
    problems = []
    if not task.expected.fail_to_pass:
        problems.append("no test fails before the gold patch and passes after it")
    if not task.expected.pass_to_pass:
        problems.append("no test passes both before and after the gold patch")
    for gold in golds:
        grade = judge(task, gold)
        if gold.stripped:
            problems.append(f"the gold patch changes {gold.stripped[0].path}, which is {gold.stripped[0].reason.replace('_', ' ')}")
        if not grade.resolved:
            failing = [test for test, status in grade.tests.items() if status != "passed"]
            detail = "; ".join(
                [*failing[:3], *grade.new_type_errors[:2], *(run.output[-200:] for run in grade.checks if run.ended == "refused")]
            )
            problems.append(f"the gold patch does not resolve it ({grade.verdict}): {detail}")
        if grade.new_lint_findings:
            problems.append(f"the gold patch has lint findings: {grade.new_lint_findings[0]}")
    for noop in noops:
        already = [test for test in task.expected.fail_to_pass if noop.statuses.get(test) == "passed"]
        broken = [test for test in task.expected.pass_to_pass if noop.statuses.get(test) != "passed"]
        if already:
            problems.append(f"passes without any patch: {already[0]}")
        if broken:
            problems.append(f"fails before the patch, though it is listed as passing: {broken[0]}")
    for name, seen in (("with", golds), ("without", noops)):
        unsteady = {test for one in seen for test in one.statuses if len({other.statuses.get(test) for other in seen}) > 1}
        if unsteady:
            problems.append(f"not the same each time {name} the gold patch: {min(unsteady)}")
    return problems
