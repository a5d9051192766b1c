"""The checks of one patched tree in its box: compiler, linter, tests; which processes run, and what they found.

Compiler and linter run before the source does, as the grader. Tests run in the task's mode, each process with a report on a file descriptor
of its own; what is printed is kept for people and read by nobody.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final

from sandboxes.sandbox import HARNESS_DIRECTORY, REPOSITORY, ExecResult, Sandbox, User
from tasks import reports
from tasks.configuration import lint_settings
from tasks.hardening import Hardening
from tasks.patches import matching, protected_paths, split_patch
from tasks.separation import PLACE, STRIP, Separation
from tasks.task import CheckRun, GradingMode, Task, TestStatus

_REPORTERS: Final = Path(__file__).parent / "reporters"
_PROCESSES_AT_ONCE = 2
_FILES_A_PROCESS = 25
"""Of vitest: each file has its time then, however many there are, and a process that breaks off takes no more than these with it."""
_COMPILE_SECONDS = 120.0
_LINT_SECONDS = 60.0
_LITTLE_COLLECTION: Final = {"GOGC": "off", "GOMEMLIMIT": "256MiB"}
"""A compiler in Go collects garbage only beyond this much: half of its time for a small repository."""
_OUTPUT_LIMIT_BYTES = 4 * 1024 * 1024
_REPORT_LIMIT_BYTES = 4 * 1024 * 1024
_STRIPPED_LIMIT_BYTES = 16 * 1024 * 1024
_KEPT_OUTPUT = 4000
_LISTED: Final = re.compile(rf"^{re.escape(REPOSITORY)}/([^\n]*)$", re.MULTILINE)
"""The compiler's list of the files that it read, as far as they are the repository's."""
_GIVE_REWARD = """
mkdir -p /tmp/logs/verifier
bash "$1"
cd /tmp/logs/verifier && cat reward.json 2>/dev/null >&3 || cat reward.txt >&3
"""
_CONFIGURATIONS = [f"{name}.config.{ending}" for name in ("vitest", "vite") for ending in ("ts", "mts", "cts", "js", "mjs", "cjs")]


def check_run(name: str, result: ExecResult, shown: Callable[[str], str] = str) -> CheckRun:
    printed = shown(result.stdout.text() + result.stderr.text()).strip()
    return CheckRun(
        name=name, ended=result.how_it_ended(), duration_seconds=round(result.duration_seconds, 4), output=printed[-_KEPT_OUTPUT:]
    )


class Checks:
    """What the checks of one tree found, after `run`."""

    def __init__(self, sandbox: Sandbox, task: Task, *, plain: bool = False, tests_only: bool = False) -> None:
        self._sandbox = sandbox
        self._task = task
        self._slots = asyncio.Semaphore(_PROCESSES_AT_ONCE)
        parts = list(split_patch(task.test_patch))
        gone = {path for part in parts for path in part.gone}
        self._hidden = [part.paths[-1] for part in parts if part.paths[-1] not in gone]
        self._paths = {*task.tree.files, *self._hidden} - gone
        self._type_test_files = set(matching(self._paths, task.type_test_files))
        self._tests_only = tests_only
        self.mode: GradingMode = "plain" if plain else task.expected.mode
        if task.runner == "reward":
            self.mode = "plain"
        if self.mode == "separate" and sandbox.one_user:
            self.mode = "bridged"
        self.runs: list[CheckRun] = []
        self.statuses: dict[str, TestStatus] = {}
        self.type_errors: list[reports.Diagnostic] = []
        self.lint_findings: list[reports.Diagnostic] = []
        self.compiled = False
        self._stripped: dict[str, Any] = {}

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            if not self._tests_only:
                group.create_task(self._compile())
                group.create_task(self._lint())
            if self.mode == "separate":
                group.create_task(self._strip())
        wanted = {reports.file_of(test) for test in (*self._task.expected.fail_to_pass, *self._task.expected.pass_to_pass)}
        tests = [file for file in matching(self._paths, self._task.test_files) if file not in self._type_test_files]
        files = [file for file in tests if not wanted or file in wanted]
        if not files:
            return
        if self._task.runner == "reward":
            await self._reward(files)
            return
        if self.mode == "hardened":
            await self._test_hardened(files)
            return
        reporter = f"{HARNESS_DIRECTORY}/{self._task.runner.replace(':', '-')}.mjs"
        await self._sandbox.write(reporter, (_REPORTERS / PurePosixPath(reporter).name).read_bytes(), user="root")
        if self.mode == "plain":
            await self._test_plainly(files, reporter)
        else:
            await self._test_apart(files, reporter)

    async def _exec(
        self,
        name: str,
        argv: list[str],
        timeout_seconds: float,
        *,
        user: User = "grader",
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        shown: Callable[[str], str] = str,
    ) -> ExecResult:
        """`shown` of what it printed is kept for people."""
        async with self._slots:
            result = await self._sandbox.exec(
                argv,
                timeout_seconds=timeout_seconds,
                user=user,
                env=env,
                stdin=stdin,
                output_limit_bytes=_OUTPUT_LIMIT_BYTES,
                report_limit_bytes=_REPORT_LIMIT_BYTES,
            )
        self.runs.append(check_run(name, result, shown))
        return result

    async def _compile(self) -> None:
        argv = ["tsc", "--noEmit", "--pretty", "false"]
        if self._type_test_files:
            argv.append("--listFiles")  # a file beside a type test may take its place in the program
        result = await self._exec("compile", argv, _COMPILE_SECONDS, env=_LITTLE_COLLECTION, shown=_without_files)
        printed = result.stdout.text()
        diagnostics = reports.parse_tsc(printed)
        ended = result.exit_code == 0 or (result.exit_code is not None and not result.timed_out and bool(diagnostics))
        self.compiled = ended and result.stdout.complete is not None
        faulty = {diagnostic.file for diagnostic in diagnostics}
        everything = "" in faulty or not self.compiled
        read = {*_LISTED.findall(printed)}
        for file in self._type_test_files:
            status: TestStatus = "failed" if everything or file in faulty or file not in read else "passed"
            self.statuses[reports.test_id(file, [reports.TYPECHECK])] = status
        # Hidden test files are judged by running them, type tests by the status above; all others must compile.
        apart = self._type_test_files.union(self._hidden)
        self.type_errors = [diagnostic for diagnostic in diagnostics if diagnostic.file not in apart]

    async def _lint(self) -> None:
        # Without settings that are named it would look for them, and run those that are modules.
        settings = lint_settings(self._task.tree.files)
        if settings is None:
            settings = f"{HARNESS_DIRECTORY}/oxlintrc.json"
            await self._sandbox.write(settings, b"{}", user="root")
        result = await self._exec("lint", ["oxlint", f"--config={settings}", "--format", "json", "."], _LINT_SECONDS)
        try:
            self.lint_findings = reports.parse_oxlint(result.stdout.text())
        except ValueError:
            self.lint_findings = [reports.Diagnostic("", f"the linter gave no report ({result.how_it_ended()})")]

    async def _strip(self) -> None:
        """Takes only time when it fails: then each process does it for itself."""
        mode = "transform" if self._task.runner == "vitest" else "strip"  # as each runner does it
        # What strips is WebAssembly: compiling it well takes longer than it is ever used.
        argv = ["node", "--no-warnings", "--liftoff-only", "--input-type=module", "-", mode]
        async with self._slots:
            result = await self._sandbox.exec(
                argv, timeout_seconds=_LINT_SECONDS, user="grader", stdin=STRIP, report_limit_bytes=_STRIPPED_LIMIT_BYTES
            )
        if result.ok and result.report.complete:
            with contextlib.suppress(ValueError):
                self._stripped = json.loads(result.report.complete)

    async def _test_plainly(self, files: Sequence[str], reporter: str) -> None:
        if self._task.runner == "vitest":
            await self._vitest(files, [f"--reporter={reporter}"], user="agent")
            return
        async with asyncio.TaskGroup() as group:
            for file in files:
                group.create_task(self._node_test(file, [f"--test-reporter={reporter}"], user="agent"))

    async def _reward(self, files: Sequence[str]) -> None:
        """Scripts that write a reward: passed where it is one or more."""
        for file in files:
            argv = ["bash", "-c", _GIVE_REWARD, "bash", file]
            result = await self._exec(file, argv, self._task.test_timeout_seconds, user="agent")
            given = reports.parse_reward(result.report.complete)
            status: TestStatus = "timed_out" if result.timed_out else "passed" if given is not None and given >= 1 else "failed"
            self.statuses[reports.test_id(file, [reports.REWARD])] = status

    async def _test_hardened(self, files: Sequence[str]) -> None:
        hardening = Hardening(self._sandbox, self._trusted(), self._hidden)
        await hardening.prepare(files)

        async def test(file: str) -> None:
            job = hardening.job(file)
            result = await self._exec(file, job.argv, self._task.test_timeout_seconds, user="agent", stdin=job.stdin)
            # The canary's failure is one: a process that ends otherwise did not end by itself.
            self._take(result, reports.parse_sealed_report(result.report.complete, file=file, seal=job.seal), [file], failing=True)

        async with asyncio.TaskGroup() as group:
            for file in files:
                group.create_task(test(file))

    async def _test_apart(self, files: Sequence[str], reporter: str) -> None:
        separation = Separation(
            self._sandbox,
            self._trusted(),
            self._hidden,
            places=len(files),
            configuration=next((name for name in _CONFIGURATIONS if name in self._paths), None),
            stripped=self._stripped,
        )
        await separation.prepare()
        vitest = self._task.runner == "vitest"
        flags = ["--experimental-transform-types"] if vitest else []  # as `_strip`
        processes = len(_groups(files)) if vitest else len(files)
        seconds = self._task.test_timeout_seconds * processes + _LINT_SECONDS
        async with separation.launcher(flags, timeout_seconds=seconds) as printed:
            if vitest:
                await self._vitest(
                    files,
                    ["--configLoader=native", f"--config={PLACE}/vitest.config.mjs", f"--root={REPOSITORY}", f"--reporter={reporter}"],
                )
            else:
                async with asyncio.TaskGroup() as group:
                    for place, file in enumerate(files):
                        options = [f"--import={PLACE}/tests.mjs", f"--test-reporter={reporter}"]
                        group.create_task(self._node_test(file, options, env={"HARNESS_PLACE": str(place)}))
        self.runs += [check_run("source", result) for result in printed]

    async def _node_test(self, file: str, options: Sequence[str], *, user: User = "grader", env: Mapping[str, str] | None = None) -> None:
        argv = ["node", *options, "--test-reporter-destination=stdout", file]
        result = await self._exec(file, argv, self._task.test_timeout_seconds, user=user, env=env)
        self._take(result, reports.parse_report(result.report.complete, file=file), [file])

    async def _vitest(self, files: Sequence[str], options: Sequence[str], *, user: User = "grader") -> None:
        groups = _groups(files)

        async def test(number: int, some: Sequence[str]) -> None:
            argv = ["vitest", "run", *options, "--no-file-parallelism", "--no-cache", *some]
            name = "vitest" if len(groups) == 1 else f"vitest {number} of {len(groups)}"
            result = await self._exec(name, argv, self._task.test_timeout_seconds, user=user)
            self._take(result, reports.parse_report(result.report.complete), some)

        async with asyncio.TaskGroup() as group:
            for number, some in enumerate(groups, start=1):
                group.create_task(test(number, some))

    def _trusted(self) -> list[str]:
        """The files that no patch can change."""
        protected = protected_paths(self._task)
        return sorted(path for path in self._paths if protected.match_file(path))

    def _take(self, result: ExecResult, report: reports.Report, files: Sequence[str], *, failing: bool = False) -> None:
        """With `failing` the process ends as one does whose tests failed, whatever they said."""
        statuses = {test: status for test, status in report.statuses.items() if reports.file_of(test) in files}
        statuses |= {test: "failed" for test in statuses if reports.file_of(test) in report.broken_files}
        failed = bool(report.broken_files) or any(status in ("failed", "timed_out") for status in report.statuses.values())
        ended_well = result.exit_code == 1 if failing else (result.exit_code != 0) == failed
        if report.problem or not ended_well or (report.stray_errors and not failed):
            # The report is not whole, or it and the process's end do not agree: none of its passes can be believed.
            statuses = dict.fromkeys(statuses, "timed_out" if result.timed_out else "failed")
        self.statuses.update(statuses)


def _without_files(printed: str) -> str:
    """What the compiler says, without its list of the files that it read."""
    return re.sub(r"^/[^\n]*\n?", "", printed, flags=re.MULTILINE)


def _groups(files: Sequence[str]) -> list[Sequence[str]]:
    return [files[at : at + _FILES_A_PROCESS] for at in range(0, len(files), _FILES_A_PROCESS)]
