"""Tests in a box as their runner runs them by itself: cheap, many times over in one box, and worth nothing as a grade.

A bench is one box with the repository in it. What a trial changes is put back after it; a box whose trial did not end by itself is left.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sandboxes.sandbox import HARNESS_DIRECTORY, MIB, REPOSITORY, Sandbox
from tasks import reports
from tasks.errors import TaskError
from tasks.grading import OpenSandbox
from tasks.synthesis.mutants import Change, Reach
from tasks.synthesis.project import Project
from tasks.task import TestStatus

_REPORTERS: Final = Path(__file__).parents[1] / "reporters"
_PROGRAMS: Final = Path(__file__).parent / "programs"
_REPORT_LIMIT_BYTES: Final = 8 * MIB
_TRIALS_A_BOX: Final = 60
_COVERAGE_LIMIT_BYTES: Final = 120 * MIB
_COMPILE_SECONDS: Final = 120.0
_FILES_A_PROCESS: Final = 25
_FILES_A_WORKER: Final = 100
"""Where one worker runs them all, which takes a tenth of the time."""
CONFIGURATIONS: Final = [f"{name}.config.{ending}" for name in ("vitest", "vite") for ending in ("ts", "mts", "cts", "js", "mjs", "cjs")]


@dataclass(slots=True)
class TestRun:
    """What test files said."""

    __test__ = False  # it is none

    statuses: dict[str, TestStatus] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)
    timed_out: bool = False
    problem: str | None = None
    seconds: float = 0.0
    """The longest process."""


class Bench:
    """Opens its box when it is first needed, and a new one when the old one is spent."""

    def __init__(self, project: Project, open_sandbox: OpenSandbox, *, one_worker: bool = False) -> None:
        """With `one_worker` vitest's test files share one, which some repositories' cannot."""
        self._project = project
        self._one_worker = one_worker
        self._open_sandbox = open_sandbox
        self._stack = AsyncExitStack()
        self._box: Sandbox | None = None
        self._trials = 0

    async def close(self) -> None:
        self._box = None
        await self._stack.aclose()

    async def box(self) -> Sandbox:
        if self._box is None:
            box = await self._stack.enter_async_context(self._open_sandbox())
            await box.lay(self._project.tree.snapshot.archive)
            reporter = f"{self._project.is_graded_by.replace(':', '-')}.mjs"
            await box.write(f"{HARNESS_DIRECTORY}/{reporter}", (_REPORTERS / reporter).read_bytes(), user="root")
            await box.write(f"{HARNESS_DIRECTORY}/resolve.mjs", (_PROGRAMS / "resolve.mjs").read_bytes(), user="root")
            self._box, self._trials = box, 0
        return self._box

    async def try_change(self, change: Change, files: Sequence[str], seconds: float, *, typecheck: bool, most: int) -> TestRun:
        """What the test files say of a changed source, up to the file in which more than `most` tests fail. The box is as before, after it."""
        if self._trials >= _TRIALS_A_BOX:
            await self.close()
        box = await self.box()
        self._trials += 1
        for path, content in change.files.items():
            await box.write(f"{REPOSITORY}/{path}", content)
        found = TestRun()
        if typecheck:
            found.statuses |= await self.type_tests()
        if files:
            for some in self._groups(files):
                run = await self.run(some, seconds, bail=most + 1)
                found.statuses |= run.statuses
                found.messages |= run.messages
                found.timed_out = found.timed_out or run.timed_out
                found.problem = found.problem or run.problem
                if run.timed_out or sum(status != "passed" for status in run.statuses.values()) > most:
                    break
        if found.timed_out or found.problem:
            await self.close()
        else:
            for path in change.files:
                await box.write(f"{REPOSITORY}/{path}", self._project.tree.files[path])
        return found

    async def try_all(self, seconds: float) -> TestRun:
        """What all test files say of the sources as they are, in the way of a trial; `seconds` for each process."""
        found = TestRun()
        for some in self._groups(self._project.test_files):
            run = await self.run(some, seconds)
            found.statuses |= run.statuses
            found.timed_out = found.timed_out or run.timed_out
            found.problem = found.problem or run.problem
            found.seconds = max(found.seconds, run.seconds)
        return found

    async def run(
        self, files: Sequence[str], seconds: float, *, bail: int = 0, options: Iterable[str] = (), env: Mapping[str, str] | None = None
    ) -> TestRun:
        """Test files in one process: one alone with node:test, any number with vitest."""
        box = await self.box()
        reporter = f"{HARNESS_DIRECTORY}/{self._project.is_graded_by.replace(':', '-')}.mjs"
        if self._project.is_graded_by == "node:test":
            argv = [
                "node",
                f"--import={HARNESS_DIRECTORY}/resolve.mjs",
                *options,
                f"--test-reporter={reporter}",
                "--test-reporter-destination=stdout",
                *files,
            ]
        else:
            bailing = [f"--bail={bail}"] if bail else []
            sharing = ["--no-isolate"] if self._one_worker else []
            argv = ["vitest", "run", *sharing, *options, f"--reporter={reporter}", "--no-file-parallelism", "--no-cache", *bailing, *files]
        result = await box.exec(
            argv, timeout_seconds=seconds, report_limit_bytes=_REPORT_LIMIT_BYTES, output_limit_bytes=64 * 1024, env=env
        )
        report = reports.parse_report(result.report.complete, file=files[0] if self._project.is_graded_by == "node:test" else None)
        printed = (result.stdout.text() + result.stderr.text()).strip()
        said = f"{report.problem} ({result.how_it_ended()}): {printed[-300:]}" if report.problem else None
        found = TestRun(dict(report.statuses), dict(report.messages), result.timed_out, said, result.duration_seconds)
        for file, why in report.broken_files.items():
            found.messages.setdefault(f"{file}::", why)
        return found

    async def type_tests(self) -> dict[str, TestStatus]:
        """The type-test files: passed where the compiler has nothing to say of them."""
        if not self._project.type_test_files:
            return {}
        box = await self.box()
        result = await box.exec(["tsc", "--noEmit", "--pretty", "false"], timeout_seconds=_COMPILE_SECONDS, output_limit_bytes=4 * MIB)
        faulty = {diagnostic.file for diagnostic in reports.parse_tsc(result.stdout.text())}
        everything = "" in faulty or (result.exit_code != 0 and not faulty)
        return {
            reports.test_id(file, [reports.TYPECHECK]): "failed" if everything or file in faulty else "passed"
            for file in self._project.type_test_files
        }  # fmt: skip

    async def reach(self, instrumented: Mapping[str, str], seconds: float) -> Reach:
        """Which tests reach which mutants: the test files, on the sources that the instrumenter left. The box is spent after it."""
        box = await self.box()
        for path, text in instrumented.items():
            await box.write(f"{REPOSITORY}/{path}", text.encode())
        for name in ("coverage.mjs", "coverage-node-test.mjs", "coverage-vitest.mjs", "coverage.config.mjs", "reached.mjs"):
            await box.write(f"{REPOSITORY}/.coverage/{name}", (_PROGRAMS / name).read_bytes())
        if self._project.is_graded_by == "node:test":
            for file in self._project.test_files:
                await self.run([file], seconds, options=[f"--import={REPOSITORY}/.coverage/coverage-node-test.mjs"])
        else:
            own = next((name for name in CONFIGURATIONS if name in self._project.tree.files), "")
            for some in self._groups(self._project.test_files):
                await self.run(
                    some,
                    seconds,
                    options=["--configLoader=native", f"--config={REPOSITORY}/.coverage/coverage.config.mjs", f"--root={REPOSITORY}"],
                    env={"HARNESS_CONFIG": own},
                )
        found = await box.exec(["node", ".coverage/reached.mjs"], timeout_seconds=60, report_limit_bytes=_COVERAGE_LIMIT_BYTES)
        await self.close()
        if not found.report.complete:
            raise TaskError(f"{self._project.name}: what its tests reach cannot be read ({found.how_it_ended()})")
        return Reach.model_validate_json(found.report.complete)

    def _groups(self, files: Sequence[str]) -> list[Sequence[str]]:
        """The files of each process."""
        most = 1 if self._project.is_graded_by == "node:test" else _FILES_A_WORKER if self._one_worker else _FILES_A_PROCESS
        return [files[at : at + most] for at in range(0, len(files), most)]


@asynccontextmanager
async def open_bench(project: Project, open_sandbox: OpenSandbox, *, one_worker: bool = False) -> AsyncIterator[Bench]:
    bench = Bench(project, open_sandbox, one_worker=one_worker)
    try:
        yield bench
    finally:
        await bench.close()
