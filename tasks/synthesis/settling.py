"""What a task that comes from elsewhere expects: found by running its tests with the gold patch and without, plain first, then as grading does.

A fix from a history and a row of another format are settled alike. What cannot be a task is refused, with the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.grading import Observation, OpenSandbox, judge, observe, observe_again
from tasks.reports import beyond, test_id
from tasks.task import Expected, RecordedMode, Task
from tasks.validate import expectation, modes_for


class RefusedError(Exception):
    """Why something is no task, in words."""


@dataclass(frozen=True, slots=True)
class Settled:
    expected: Expected
    plain_noop: Observation
    """The tests without the gold patch, by themselves: what they printed."""
    grade_seconds: float
    """Of the gold patch: the median of its tests' runs, and before them compiler and linter, which are asked once."""


async def settle(task: Task, files: Sequence[str], open_sandbox: OpenSandbox, *, repeats: int) -> Settled:
    """What the test files say, each time, in the strongest mode in which one still comes to pass. RefusedError, SandboxError."""
    noop = await observe(_asking(task, "separate", files), "", open_sandbox, plain=True)
    gold = await observe(_asking(task, "separate", files), task.patch, open_sandbox, plain=True)
    if not gold.patch_applied:
        raise RefusedError(f"its parts do not apply: {words_of(gold)}")
    if gold.stripped:
        raise RefusedError(f"its sources are where no patch may go: {gold.stripped[0].path}")
    plain = expectation([gold], [noop])
    if not plain.fail_to_pass:
        broken = not any(status == "passed" for status in gold.statuses.values())
        raise RefusedError(f"no test passes after it: {words_of(gold)}" if broken else "no test fails before it and passes after it")
    if flag := next((finding for finding in gold.integrity if finding.weight == "flag"), None):
        raise RefusedError(f"its gold patch would be flagged ({flag.rule.replace('_', ' ')})")
    for mode in modes_for(task.runner):
        asking = _asking(task, mode, files)
        golds, noops = [], []
        for _ in range(repeats):
            golds.append(await observe_again(gold, asking, task.patch, open_sandbox))
            noops.append(await observe_again(noop, asking, "", open_sandbox))
        there = expectation(golds, noops)
        if fail_to_pass := tuple(test for test in there.fail_to_pass if test in plain.fail_to_pass):
            lint = dict.fromkeys(diagnostic.text for seen in (noops[0], golds[0]) for diagnostic in seen.lint_findings)
            expected = there.model_copy(
                update={
                    "mode": mode,
                    "fail_to_pass": fail_to_pass,
                    "pass_to_pass": tuple(test for test in there.pass_to_pass if test in plain.pass_to_pass),
                    "lint_findings": tuple(lint),
                }
            )
            _check(task.model_copy(update={"expected": expected}), golds)
            tests_seconds = sorted(seen.duration_seconds for seen in golds)[len(golds) // 2]
            before = max((run.duration_seconds for run in gold.checks if run.name in ("compile", "lint")), default=0.0)
            return Settled(expected, noop, tests_seconds + before)
    raise RefusedError("its tests do not pass apart from their source")


def words_of(seen: Observation) -> str:
    """The line in which the tests' process says what is wrong."""
    run = next((run for run in seen.checks if run.name not in ("compile", "lint") and run.output), None)
    lines = [line.strip() for line in (run.output if run else "").splitlines() if line.strip()]
    said = (line for line in lines if "rror:" in line or "rror [" in line or "Cannot" in line)
    return next(said, lines[-1] if lines else "the runner reported no test")[:200]


def _check(task: Task, golds: Sequence[Observation]) -> None:
    if not task.expected.pass_to_pass and task.runner != "reward":
        raise RefusedError("no test passes both before and after it")
    if new := next((errors for gold in golds if (errors := beyond(gold.type_errors, task.expected.type_errors))), None):
        raise RefusedError(f"it brings type errors: {new[0][:160]}")
    if not all(judge(task, gold).resolved for gold in golds):
        raise RefusedError("what its tests say is not the same each time")


def _asking(task: Task, mode: RecordedMode, files: Sequence[str]) -> Task:
    """The task with an expectation that names the files to run, and no test in them."""
    names = tuple(test_id(path, [""]) for path in files)
    return task.model_copy(update={"expected": Expected(mode=mode, pass_to_pass=names)})
