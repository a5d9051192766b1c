"""The grade of a patch: `observe` it in a fresh box, then `judge` what was seen.

The box is filled from the pristine tree. Of the patch only what `filter_patch` keeps is applied, then the hidden tests; compiler, tests
and linter run as the agent's uid with commands of ours. Results come on a file descriptor of their own, never from what is printed; which
tests there are is known beforehand, and what is not reported did not pass. The code under test does share a process with the tests and
their reporter: one that is written to forge that very report is not stopped here, but `tasks.integrity` looks for what it would need.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sandboxes.sandbox import HARNESS_DIRECTORY, ExecResult, Sandbox, SandboxError
from tasks import reports
from tasks.integrity import examine_patch
from tasks.patches import MalformedPatchError, changed_paths, filter_patch, matching
from tasks.task import CheckRun, Finding, Grade, Stripped, Task, TestStatus, Verdict

OpenSandbox = Callable[[], AbstractAsyncContextManager[Sandbox]]
"""Opens a new box of the task's image; the context closes it."""

_REPORTERS: Final = Path(__file__).parent / "reporters"
_PROCESSES_AT_ONCE = 2
_COMPILE_SECONDS = 120.0
_LINT_SECONDS = 60.0
_REPORT_LIMIT_BYTES = 4 * 1024 * 1024
_KEPT_OUTPUT = 4000


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
    """The compiler ran to its end and said what it found."""
    lint_findings: tuple[reports.Diagnostic, ...]
    checks: tuple[CheckRun, ...]
    duration_seconds: float
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
        integrity=seen.integrity,
    )


async def observe(task: Task, patch: str, open_sandbox: OpenSandbox) -> Observation:
    """Apply the patch and the hidden tests in a fresh box and run every check there."""
    started = time.monotonic()
    stripped: tuple[Stripped, ...] = ()
    try:
        kept, stripped = filter_patch(patch, task)
        async with open_sandbox() as sandbox:
            await sandbox.lay(task.tree.snapshot.archive)
            applied = await _apply(sandbox, kept, "patch")
            if applied is None and kept:
                applied = await _refusal(sandbox, task)
            if applied is not None:
                return _rejected(patch, kept, stripped, applied, started)
            hidden = await _apply(sandbox, task.test_patch, "hidden tests")
            if hidden is not None:
                return _rejected(patch, kept, stripped, hidden, started)
            checks = _Checks(sandbox, task)
            try:
                await checks.run()
            except* SandboxError as group:
                raise SandboxError(str(group.exceptions[0])) from group
    except MalformedPatchError as error:
        refused = CheckRun(name="patch", ended="refused", duration_seconds=0.0, output=str(error))
        return _rejected(patch, patch, stripped, refused, started)
    return Observation(
        patch_applied=True,
        patch_is_empty=not kept.strip(),
        stripped=stripped,
        statuses=checks.statuses,
        type_errors=tuple(checks.type_errors),
        compiled=checks.compiled,
        lint_findings=tuple(checks.lint_findings),
        checks=tuple(sorted(checks.runs, key=lambda run: run.name)),
        duration_seconds=time.monotonic() - started,
        integrity=await asyncio.to_thread(examine_patch, kept, stripped, task),
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


def _rejected(patch: str, kept: str, stripped: tuple[Stripped, ...], run: CheckRun, started: float) -> Observation:
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
    )


async def _apply(sandbox: Sandbox, patch: str, name: str) -> CheckRun | None:
    """None when the patch applied, else what git said."""
    if not patch.strip():
        return None
    content = patch.encode("utf-8", "surrogateescape")
    result = await sandbox.exec(["git", "apply", "--whitespace=nowarn", "-"], timeout_seconds=60, stdin=content)
    return None if result.ok else _record(name, result)


def _record(name: str, result: ExecResult) -> CheckRun:
    printed = (result.stdout.text() + result.stderr.text()).strip()
    return CheckRun(
        name=name, ended=result.how_it_ended(), duration_seconds=round(result.duration_seconds, 4), output=printed[-_KEPT_OUTPUT:]
    )


class _Checks:
    """The checks of one patched tree, and what they found."""

    def __init__(self, sandbox: Sandbox, task: Task) -> None:
        self._sandbox = sandbox
        self._task = task
        self._slots = asyncio.Semaphore(_PROCESSES_AT_ONCE)
        self._hidden = changed_paths(task.test_patch)
        paths = {*task.tree.files, *self._hidden}
        self._test_files = matching(paths, task.test_files)
        self._type_test_files = set(matching(paths, task.type_test_files))
        self.runs: list[CheckRun] = []
        self.statuses: dict[str, TestStatus] = {}
        self.type_errors: list[reports.Diagnostic] = []
        self.lint_findings: list[reports.Diagnostic] = []
        self.compiled = False

    async def run(self) -> None:
        wanted = {reports.file_of(test) for test in (*self._task.expected.fail_to_pass, *self._task.expected.pass_to_pass)}
        files = [file for file in self._test_files if not wanted or file in wanted]
        async with asyncio.TaskGroup() as group:
            group.create_task(self._compile())
            if self._task.runner == "node:test":
                await self._bring("node-test.mjs")
                for file in files:
                    group.create_task(self._node_test(file))
            elif files:
                await self._bring("vitest.mjs")
                group.create_task(self._vitest(files))
            group.create_task(self._lint())

    async def _bring(self, reporter: str) -> None:
        await self._sandbox.write(f"{HARNESS_DIRECTORY}/{reporter}", (_REPORTERS / reporter).read_bytes(), user="root")

    async def _exec(self, name: str, argv: list[str], timeout_seconds: float) -> ExecResult:
        async with self._slots:
            result = await self._sandbox.exec(
                argv, timeout_seconds=timeout_seconds, output_limit_bytes=1024 * 1024, report_limit_bytes=_REPORT_LIMIT_BYTES
            )
        self.runs.append(_record(name, result))
        return result

    async def _compile(self) -> None:
        result = await self._exec("compile", ["tsc", "--noEmit", "--pretty", "false"], _COMPILE_SECONDS)
        diagnostics = reports.parse_tsc(result.stdout.text())
        self.compiled = result.exit_code == 0 or (result.exit_code is not None and not result.timed_out and bool(diagnostics))
        faulty = {diagnostic.file for diagnostic in diagnostics}
        everything = "" in faulty or not self.compiled
        for file in self._type_test_files:
            status: TestStatus = "failed" if everything or file in faulty else "passed"
            self.statuses[reports.test_id(file, [reports.TYPECHECK])] = status
        # Hidden test files are judged by running them, type tests by the status above; all others must compile.
        apart = self._type_test_files.union(self._hidden)
        self.type_errors = [diagnostic for diagnostic in diagnostics if diagnostic.file not in apart]

    async def _node_test(self, file: str) -> None:
        reporter = [f"--test-reporter={HARNESS_DIRECTORY}/node-test.mjs", "--test-reporter-destination=stdout"]
        result = await self._exec(file, ["node", *reporter, file], self._task.test_timeout_seconds)
        self._take(result, reports.parse_report(result.report.complete, file=file), [file])

    async def _vitest(self, files: list[str]) -> None:
        argv = ["vitest", "run", f"--reporter={HARNESS_DIRECTORY}/vitest.mjs", "--no-file-parallelism", "--no-cache", *files]
        result = await self._exec("vitest", argv, self._task.test_timeout_seconds)
        self._take(result, reports.parse_report(result.report.complete), files)

    def _take(self, result: ExecResult, report: reports.Report, files: list[str]) -> None:
        statuses = {test: status for test, status in report.statuses.items() if reports.file_of(test) in files}
        statuses |= {test: "failed" for test in statuses if reports.file_of(test) in report.broken_files}
        failed = bool(report.broken_files) or any(status in ("failed", "timed_out") for status in report.statuses.values())
        ended_badly = result.exit_code != 0
        if report.problem or ended_badly != (failed or bool(report.stray_errors)) or (report.stray_errors and not failed):
            # The report is not whole, or it and the process's end do not agree: none of its passes can be believed.
            statuses = dict.fromkeys(statuses, "timed_out" if result.timed_out else "failed")
        self.statuses.update(statuses)

    async def _lint(self) -> None:
        result = await self._exec("lint", ["oxlint", "--format", "json", "."], _LINT_SECONDS)
        try:
            self.lint_findings = reports.parse_oxlint(result.stdout.text())
        except ValueError:
            self.lint_findings = [reports.Diagnostic("", f"the linter gave no report ({result.how_it_ended()})")]
