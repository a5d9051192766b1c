"""Is a task fair? Its gold patch resolves it and no patch does not, each time; what every test says is the same each time.

The repeats of all tasks run side by side, more of them than there are cores, so that a test that only holds on an idle machine is found.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sandboxes.sandbox import SandboxError
from tasks.grading import Observation, OpenSandbox, judge, observe
from tasks.task import Expected, RecordedMode, Runner, Task

_NOT_HELD: Final[Mapping[Runner, str]] = {
    "reward": "its script does not give the same reward each time",
    "node:test": "no mode of grading holds its tests, such as {}: they need what neither crosses between two processes nor is left "
    "in one that is hardened; test what the source returns, throws and does with data, callbacks and promises",
    "vitest": "its tests do not pass apart from their source, such as {}, and with vitest there is no other mode, for its worker and expect "
    "are within the source's reach: write them with node:test, or without what does not cross between two processes",
}


@dataclass(frozen=True, slots=True)
class Validation:
    """What the repeats showed of one task."""

    task: Task
    problems: tuple[str, ...]
    """Empty when the task is fair."""
    expected: Expected
    """The task's own, or with `record` what it is by these repeats."""
    grade_seconds: float
    """Median of the gold grades."""


async def validate(
    tasks: Sequence[Task], open_sandbox: OpenSandbox, *, repeats: int, concurrency: int, record: bool = False
) -> AsyncIterator[Validation]:
    """Validate the tasks with `concurrency` grades at once; in the order in which they are done.

    With `record` the task's own expectation is not asked: the observed one is judged for being fair, in the strongest mode that gives it.
    SandboxError when a box fails.
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
    if not record:
        golds, noops = await _repeat(task, open_sandbox, slots, repeats)
        return _validation(task, task.expected, golds, noops)
    golds, noops = await _repeat(_asking(task, Expected()), open_sandbox, slots, repeats, plain=True)
    plain = expectation(golds, noops)
    lost: set[str] = set()
    for mode in modes_for(task.runner):
        golds_there, noops_there = await _repeat(_asking(task, Expected(mode=mode)), open_sandbox, slots, repeats)
        there = expectation(golds_there, noops_there)
        if not (lost := _lost(plain, there)):
            return _validation(task, _in_mode(mode, plain, there), golds_there, noops_there)
    validation = _validation(task, plain, golds, noops)
    return replace(validation, problems=(_NOT_HELD[task.runner].format(min(lost)), *validation.problems))


def modes_for(runner: Runner) -> tuple[RecordedMode, ...]:
    """How far tests and source can be apart with it, the strongest first."""
    return ("separate", "hardened") if runner == "node:test" else ("separate",)


def _asking(task: Task, expected: Expected) -> Task:
    return task.model_copy(update={"expected": expected})


async def _repeat(
    task: Task, open_sandbox: OpenSandbox, slots: asyncio.Semaphore, repeats: int, *, plain: bool = False
) -> tuple[list[Observation], list[Observation]]:
    """The gold patch and no patch, `repeats` times each."""

    async def one(patch: str) -> Observation:
        async with slots:
            return await observe(task, patch, open_sandbox, plain=plain)

    try:
        async with asyncio.TaskGroup() as group:
            running = [(group.create_task(one(task.patch)), group.create_task(one(""))) for _ in range(repeats)]
    except* SandboxError as failed:
        raise SandboxError(str(failed.exceptions[0])) from failed
    return [gold.result() for gold, _ in running], [noop.result() for _, noop in running]


def _lost(plain: Expected, there: Expected) -> set[str]:
    """Tests that say something by themselves and do not say it there; what is flaky there says nothing."""
    flaky = {*there.flaky}
    return ({*plain.fail_to_pass} - {*there.fail_to_pass} - flaky) | ({*plain.pass_to_pass} - {*there.pass_to_pass} - flaky)


def _in_mode(mode: RecordedMode, plain: Expected, there: Expected) -> Expected:
    """What is seen in the mode, without the tests that were flaky by themselves."""
    flaky = {*plain.flaky, *there.flaky}
    return there.model_copy(
        update={
            "mode": mode,
            "flaky": tuple(sorted(flaky)),
            "fail_to_pass": tuple(test for test in there.fail_to_pass if test not in flaky),
            "pass_to_pass": tuple(test for test in there.pass_to_pass if test not in flaky),
        }
    )


def _validation(task: Task, expected: Expected, golds: Sequence[Observation], noops: Sequence[Observation]) -> Validation:
    judged = _asking(task, expected)
    seconds = sorted(gold.duration_seconds for gold in golds)[len(golds) // 2]
    return Validation(task, tuple(dict.fromkeys(_problems(judged, golds, noops))), expected, seconds)


def expectation(golds: Sequence[Observation], noops: Sequence[Observation]) -> Expected:
    """Tests that pass with every gold; those that never pass without it are fail_to_pass, those that always do pass_to_pass.

    A test that did not say the same each time, with the gold patch or without, is `flaky` and none of these.
    """
    flaky = _unsteady(golds) | _unsteady(noops)
    passing = sorted(set.intersection(*({test for test, status in gold.statuses.items() if status == "passed"} for gold in golds)) - flaky)
    before = {test for test, status in noops[0].statuses.items() if status == "passed"}
    return Expected(
        fail_to_pass=tuple(test for test in passing if test not in before),
        pass_to_pass=tuple(test for test in passing if test in before),
        flaky=tuple(sorted(flaky)),
        type_errors=tuple(diagnostic.text for diagnostic in noops[0].type_errors),
        lint_findings=tuple(diagnostic.text for diagnostic in noops[0].lint_findings),
    )


def _unsteady(seen: Sequence[Observation]) -> set[str]:
    return {test for one in seen for test in one.statuses if len({other.statuses.get(test) for other in seen}) > 1}


def _problems(task: Task, golds: Sequence[Observation], noops: Sequence[Observation]) -> list[str]:
    problems = []
    if not task.expected.fail_to_pass:
        problems.append("no test fails before the gold patch and passes after it")
    if not task.expected.pass_to_pass and task.runner != "reward":
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
        if flag := next((finding for finding in gold.integrity if finding.weight == "flag"), None):
            problems.append(f"the gold patch would be flagged ({flag.rule.replace('_', ' ')}): {flag.path}: {flag.excerpt}")
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
        # Those that are known to be flaky decide nothing.
        if unsteady := _unsteady(seen) - {*task.expected.flaky}:
            problems.append(f"not the same each time {name} the gold patch: {min(unsteady)}")
    return problems
