"""The grade of a patch: `observe` it in a fresh box, then `judge` what was seen.

The box is filled from the pristine tree. Of the patch only what `filter_patch` keeps is applied, then the hidden tests; `tasks.checks` runs
compiler, linter and tests. Which tests there are is known beforehand, and what is not reported did not pass.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace

from sandboxes.sandbox import Sandbox, SandboxError
from tasks import reports
from tasks.checks import Checks, check_run
from tasks.integrity import examine_patch
from tasks.patches import MalformedPatchError, filter_patch
from tasks.task import CheckRun, Finding, Grade, GradingMode, Stripped, Task, TestStatus, Verdict

OpenSandbox = Callable[[], AbstractAsyncContextManager[Sandbox]]
"""Opens a new box of the task's image; the context closes it."""


def grading_slots() -> asyncio.Semaphore:
    """As many grades at once as there are cores: more of them only take each other's time, and bring the tests nearer to their deadlines."""
    return asyncio.Semaphore(os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class Observation:
    """What was seen of a patch in the grading box."""

    patch_applied: bool
    patch_is_empty: bool
    stripped: tuple[Stripped, ...]
    statuses: dict[str, TestStatus]
    type_errors: tuple[reports.Diagnostic, ...]
    """Outside of type-test files."""
    compiled: bool
    """The compiler ran to its end, and all that it found was read."""
    lint_findings: tuple[reports.Diagnostic, ...]
    checks: tuple[CheckRun, ...]
    duration_seconds: float
    mode: GradingMode
    integrity: tuple[Finding, ...] = ()


async def grade(task: Task, patch: str, open_sandbox: OpenSandbox) -> Grade:
    """Judge `patch` in a fresh box. SandboxError when the box fails: then there is no grade."""
    return judge(task, await observe(task, patch, open_sandbox))


def judge(task: Task, seen: Observation) -> Grade:
    """The verdict on what was seen. Pure."""
    expected = task.expected
    wanted = (*expected.fail_to_pass, *expected.pass_to_pass)
    tests = {identifier: seen.statuses.get(identifier, "missing") for identifier in wanted}
    type_errors = reports.beyond(seen.type_errors, expected.type_errors)
    if not seen.compiled:
        type_errors.append("the compiler did not end by itself")
    verdict: Verdict
    if seen.patch_is_empty:
        verdict = "no_patch"
    elif not seen.patch_applied:
        verdict = "patch_rejected"
    elif type_errors:
        verdict = "type_errors"
    elif any(tests[identifier] != "passed" for identifier in expected.fail_to_pass):
        verdict = "still_failing"
    elif any(tests[identifier] != "passed" for identifier in expected.pass_to_pass):
        verdict = "regressed"
    else:
        verdict = "resolved" if expected.fail_to_pass else "still_failing"
    return Grade(
        resolved=verdict == "resolved",
        verdict=verdict,
        tests=tests,
        new_type_errors=tuple(type_errors),
        new_lint_findings=tuple(reports.beyond(seen.lint_findings, expected.lint_findings)),
        stripped=seen.stripped,
        checks=seen.checks,
        duration_seconds=seen.duration_seconds,
        mode=seen.mode,
        integrity=seen.integrity,
    )


async def observe_again(first: Observation, task: Task, patch: str, open_sandbox: OpenSandbox) -> Observation:
    """The tests once more, in the task's mode, of a tree of which compiler and linter have said all: they say the same of the same files."""
    seen = await observe(task, patch, open_sandbox, tests_only=True)
    said = {test: status for test, status in first.statuses.items() if test.endswith(f"::{reports.TYPECHECK}")}
    return replace(
        seen,
        statuses={**said, **seen.statuses},
        type_errors=first.type_errors,
        compiled=first.compiled,
        lint_findings=first.lint_findings,
    )


async def observe(task: Task, patch: str, open_sandbox: OpenSandbox, *, plain: bool = False, tests_only: bool = False) -> Observation:
    """Apply the patch and the hidden tests in a fresh box and run every check there, in the task's mode.

    With `plain` the tests run as their runner runs them by itself. What they say of a patch that nobody trusts is then worth nothing. With
    `tests_only` neither compiler nor linter is asked, so that it is no grade: see `observe_again`.
    """
    started = time.monotonic()
    stripped: tuple[Stripped, ...] = ()
    try:
        kept, stripped = filter_patch(patch, task)
        async with open_sandbox() as sandbox:
            await sandbox.lay(task.tree.snapshot.archive, user="grader")
            applied = await _apply(sandbox, kept, "patch")
            if applied is None and kept:
                applied = await _refusal(sandbox, task)
            if applied is not None:
                return _rejected(task, patch, kept, stripped, applied, started)
            hidden = await _apply(sandbox, task.test_patch, "hidden tests")
            if hidden is not None:
                return _rejected(task, patch, kept, stripped, hidden, started)
            checks = Checks(sandbox, task, plain=plain, tests_only=tests_only)
            try:
                await checks.run()
            except* SandboxError as group:
                raise SandboxError(str(group.exceptions[0])) from group
    except MalformedPatchError as error:
        refused = CheckRun(name="patch", ended="refused", duration_seconds=0.0, output=str(error))
        return _rejected(task, patch, patch, stripped, refused, started)
    integrity = await asyncio.to_thread(examine_patch, kept, stripped, task)
    silenced = [
        reports.Diagnostic(finding.path, f"{finding.path}: the compiler is told to be silent: {finding.excerpt}")
        for finding in integrity
        if finding.rule == "type_suppression"
    ]
    return Observation(
        patch_applied=True,
        patch_is_empty=not kept.strip(),
        stripped=stripped,
        statuses=checks.statuses,
        type_errors=(*checks.type_errors, *silenced),
        compiled=checks.compiled,
        lint_findings=tuple(checks.lint_findings),
        checks=tuple(sorted(checks.runs, key=lambda run: run.name)),
        duration_seconds=time.monotonic() - started,
        mode=checks.mode,
        integrity=integrity,
    )


async def _refusal(sandbox: Sandbox, task: Task) -> CheckRun | None:
    """What the applied patch really did is asked of git: no patch may be read one way on the host and another way in the box."""
    try:
        _, slipped = filter_patch((await sandbox.diff()).decode("utf-8", "surrogateescape"), task)
    except OSError as error:
        reason = str(error)
    else:
        if not slipped:
            return None
        reason = f"it also changes {slipped[0].path}"
    return CheckRun(name="patch", ended="refused", duration_seconds=0.0, output=reason)


def _rejected(task: Task, patch: str, kept: str, stripped: tuple[Stripped, ...], run: CheckRun, started: float) -> Observation:
    return Observation(
        patch_applied=False,
        patch_is_empty=not patch.strip() or not kept.strip(),
        stripped=stripped,
        statuses={},
        type_errors=(),
        compiled=True,
        lint_findings=(),
        checks=(run,),
        duration_seconds=time.monotonic() - started,
        mode=task.expected.mode,  # in which nothing was run
    )


async def _apply(sandbox: Sandbox, patch: str, name: str) -> CheckRun | None:
    """None when the patch applied, else what git said."""
    if not patch.strip():
        return None
    content = patch.encode("utf-8", "surrogateescape")
    result = await sandbox.exec(["git", "apply", "--whitespace=nowarn", "-"], timeout_seconds=60, stdin=content, user="grader")
    return None if result.ok else check_run(name, result)
