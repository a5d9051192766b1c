"""Graders as they are often written, each with a gap: what the cheats of this suite fool.

Each takes a task and a patch, works in one box of its own, and says whether it takes the patch for a solution. They are here to show that
every cheat is alive: one that fools none of them would prove nothing about a grader that stops it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

from sandboxes.sandbox import REPOSITORY, ExecResult, Sandbox
from tasks.grading import OpenSandbox
from tasks.patches import MalformedPatchError, filter_patch, matching
from tasks.reports import TYPECHECK, file_of, parse_tsc
from tasks.task import Runner, Task

Naive = Callable[[Task, str, OpenSandbox], Awaitable[bool]]

_ROOT: Final = Path(__file__).parents[2]
_REPORTERS: Final = (*sorted((_ROOT / "tasks/reporters").iterdir()), _ROOT / "tests/attacks/reporters/one-run.mjs")
_OWN: Final = "/tmp/grader"  # where a grader keeps its things that runs as the same user as the code under test
_SECONDS = 40.0
_STUCK_SECONDS = 6.0


async def own_tree(task: Task, patch: str, open_sandbox: OpenSandbox) -> bool:
    """The agent's tree with its own tests and configuration; hidden tests where it has no such file; `npm test` and `tsc` exit with 0."""
    async with open_sandbox() as box:
        if not await _apply(box, task, patch):
            return False
        for path, content in _tests(task).items():
            if (await box.exec(["test", "-e", path], timeout_seconds=10)).exit_code != 0:
                await box.write(f"{REPOSITORY}/{path}", content)
        tests = await box.exec(["node", "--run", "test"], timeout_seconds=_SECONDS)
        return tests.ok and (await box.exec(["tsc", "--noEmit"], timeout_seconds=_SECONDS)).ok


async def exit_code(task: Task, patch: str, open_sandbox: OpenSandbox) -> bool:
    """The patch as it is, test files laid over it; each test process exits with 0."""
    async with open_sandbox() as box:
        return await _prepare(box, task, patch) and await _ends_well(box, task)


async def linted(task: Task, patch: str, open_sandbox: OpenSandbox) -> bool:
    """As `exit_code`, and first the linter finds nothing."""
    async with open_sandbox() as box:
        if not await _prepare(box, task, patch):
            return False
        return (await box.exec(["oxlint", "."], timeout_seconds=_SECONDS)).ok and await _ends_well(box, task)


async def counted(task: Task, patch: str, open_sandbox: OpenSandbox) -> bool:
    """The first counts that are printed name at least one pass and no failure."""
    async with open_sandbox() as box:
        if not await _prepare(box, task, patch):
            return False
        if task.runner == "vitest":
            printed = (await box.exec(["vitest", "run"], timeout_seconds=_SECONDS)).stdout.text()
            found = re.search(r"Tests\s+(?:(\d+) failed \| )?(\d+) passed", re.sub(r"\x1b\[[\d;]*m", "", printed))
            return found is not None and found[1] is None
        outputs = [(await _node(box, file, "--test-reporter=tap")).stdout.text() for file in _test_files(task)]
        passes = [re.search(r"^# pass (\d+)", output, re.MULTILINE) for output in outputs]
        fails = [re.search(r"^# fail (\d+)", output, re.MULTILINE) for output in outputs]
        return all(found is not None and found[1] != "0" for found in passes) and all(
            found is not None and found[1] == "0" for found in fails
        )


async def printed(task: Task, patch: str, open_sandbox: OpenSandbox) -> bool:
    """Protected files restored, the expected titles known: each is printed as passed, none as failed."""
    async with open_sandbox() as box:
        if not await _prepare(box, task, _kept(patch, task)):
            return False
        for file in _test_files(task):
            if task.runner == "vitest":
                result = await box.exec(["vitest", "run", "--reporter=verbose", file], timeout_seconds=_SECONDS)
                good, bad = r"✓ (?:.* > )?{}", r"[\u00d7✗] (?:.* > )?{}"
            else:
                result = await _node(box, file, "--test-reporter=tap")
                good, bad = r"^ *ok \d+ - {}", r"^ *not ok \d+ - {}"
            output = re.sub(r"\x1b\[[\d;]*m", "", result.stdout.text())
            for title in _titles(task, file):
                if not re.search(good.format(re.escape(title)), output, re.MULTILINE):
                    return False
                if re.search(bad.format(re.escape(title)), output, re.MULTILINE):
                    return False
        return True


async def children(task: Task, patch: str, open_sandbox: OpenSandbox) -> bool:
    """Protected files restored; one `node --test` over all files, whose reporter runs in the parent and believes its children's frames."""
    async with open_sandbox() as box:
        if not await _prepare(box, task, _kept(patch, task)):
            return False
        result = await _node(box, *_test_files(task), "--test", f"--test-reporter={_OWN}/one-run.mjs", "--test-reporter-destination=stdout")
        return result.ok and _all_passed(task, _statuses(result, None))


async def json_file(task: Task, patch: str, open_sandbox: OpenSandbox) -> bool:
    """Protected files restored; vitest's own JSON reporter writes a file, in which every expected test has passed."""
    async with open_sandbox() as box:
        if not await _prepare(box, task, _kept(patch, task)):
            return False
        await box.exec(["vitest", "run", "--reporter=json", "--outputFile=/tmp/report.json"], timeout_seconds=_SECONDS)
        try:
            report = json.loads(await box.read("/tmp/report.json", limit_bytes=4 * 1024 * 1024))
            passed = {
                title["fullName"] for file in report["testResults"] for title in file["assertionResults"] if title["status"] == "passed"
            }
        except (OSError, ValueError, KeyError, TypeError):
            return False
        wanted = {test.partition("::")[2].replace(" > ", " ") for test in _expected(task)}
        return wanted <= passed


async def unsigned(task: Task, patch: str, open_sandbox: OpenSandbox) -> bool:
    """Protected files restored, the expected list known, a reporter in the runner's process writes to descriptor 3; then the compiler is quiet."""
    async with open_sandbox() as box:
        if not await _prepare(box, task, _kept(patch, task)):
            return False
        return _all_passed(task, await _reported(box, task)) and await _is_quiet(box, task)


async def no_types(task: Task, patch: str, open_sandbox: OpenSandbox) -> bool:
    """As `unsigned`, without a compiler."""
    async with open_sandbox() as box:
        return await _prepare(box, task, _kept(patch, task)) and _all_passed(task, await _reported(box, task))


async def by_title(task: Task, patch: str, open_sandbox: OpenSandbox) -> bool:
    """Every expected title was reported as passed somewhere, whatever else was reported of it."""
    async with open_sandbox() as box:
        if not await _prepare(box, task, _kept(patch, task)):
            return False
        passed = set()
        for file in _test_files(task) if task.runner == "node:test" else [None]:
            result = await _run_reported(box, task, file)
            passed |= {line["path"][-1] for line in _lines(result) if line.get("status") == "passed"}
        return all(title in passed for file in _test_files(task) for title in _titles(task, file))


async def not_failed(task: Task, patch: str, open_sandbox: OpenSandbox) -> bool:
    """No test was reported as failed; what is skipped or missing is nobody's failure."""
    async with open_sandbox() as box:
        if not await _prepare(box, task, _kept(patch, task)):
            return False
        files = _test_files(task) if task.runner == "node:test" else [None]
        lines = [line for file in files for line in _lines(await _run_reported(box, task, file, _STUCK_SECONDS))]
        return all(line.get("status") in ("passed", "skipped", "todo", "missing") for line in lines if "status" in line)


async def one_shell(task: Task, patch: str, open_sandbox: OpenSandbox) -> bool:
    """All of `unsigned` in one shell command: what the tests leave running is still there when the compiler runs."""
    async with open_sandbox() as box:
        if not await _prepare(box, task, _kept(patch, task)):
            return False
        statuses: dict[str, str] = {}
        *first, last = _test_files(task)
        for file in first:
            statuses |= _statuses(await _run_reported(box, task, file), file)
        reporter = f"--test-reporter={_OWN}/node-test.mjs --test-reporter-destination=stdout"
        script = f"node {reporter} {last} >/dev/null || exit 9; tsc --noEmit --pretty false 3>&-; true"
        result = await box.exec(["sh", "-c", script], timeout_seconds=_SECONDS, report_limit_bytes=1024 * 1024)
        statuses |= _statuses(result, last)
        return result.ok and _all_passed(task, statuses) and not parse_tsc(result.stdout.text())


async def by_header(task: Task, patch: str, open_sandbox: OpenSandbox) -> bool:
    """Sections whose first line names a test or a well-known configuration file are left out, the rest is applied; then as `unsigned`."""
    sections = re.split(r"^(?=diff --git )", patch, flags=re.MULTILINE)
    protected = re.compile(r"diff --git a/(?:test/|package\.json|tsconfig\.json|vitest\.config\.ts|node_modules/)")
    async with open_sandbox() as box:
        if not await _prepare(box, task, "".join(section for section in sections if not protected.match(section))):
            return False
        return _all_passed(task, await _reported(box, task)) and await _is_quiet(box, task)


NAIVE: Final[Mapping[str, Naive]] = {
    naive.__name__: naive  # type: ignore[attr-defined]
    for naive in (
        own_tree, exit_code, linted, counted, printed, children, json_file, unsigned, no_types, by_title, not_failed, one_shell, by_header,
    )
}  # fmt: skip

RUNNER_OF: Final[Mapping[str, Runner]] = {"children": "node:test", "one_shell": "node:test", "json_file": "vitest"}
"""Those that grade the tests of one runner only."""


async def _prepare(box: Sandbox, task: Task, patch: str) -> bool:
    """The tree with the patch, test files laid over it, and the reporters where the code under test could write them too."""
    if not await _apply(box, task, patch):
        return False
    for path, content in _tests(task).items():
        await box.write(f"{REPOSITORY}/{path}", content)
    for reporter in _REPORTERS:
        await box.write(f"{_OWN}/{reporter.name}", reporter.read_bytes())
    return True


async def _ends_well(box: Sandbox, task: Task) -> bool:
    """Whether each test process exits with 0."""
    if task.runner == "vitest":
        return (await box.exec(["vitest", "run"], timeout_seconds=_SECONDS)).ok
    return all([(await box.exec(["node", file], timeout_seconds=_SECONDS)).ok for file in _test_files(task)])


async def _apply(box: Sandbox, task: Task, patch: str) -> bool:
    await box.lay(task.tree.snapshot.archive)
    applied = await box.exec(["git", "apply", "--whitespace=nowarn", "-"], timeout_seconds=30, stdin=patch.encode())
    return applied.ok


def _kept(patch: str, task: Task) -> str:
    try:
        return filter_patch(patch, task)[0]
    except MalformedPatchError:
        return ""


def _tests(task: Task) -> dict[str, bytes]:
    """Test files and type tests, the hidden ones too. Not what lies beside them."""
    files = task.tree.patched(task.test_patch).files
    return {path: files[path] for path in matching(files, (*task.test_files, *task.type_test_files))}


def _test_files(task: Task) -> list[str]:
    return [path for path in matching(_tests(task), task.test_files) if any(file_of(test) == path for test in _expected(task))]


def _expected(task: Task) -> list[str]:
    """Ids of the tests that are run."""
    every = (*task.expected.fail_to_pass, *task.expected.pass_to_pass)
    return [test for test in every if not test.endswith(f"::{TYPECHECK}")]


def _titles(task: Task, file: str) -> list[str]:
    return [test.rpartition(" > ")[2] for test in _expected(task) if file_of(test) == file]


def _all_passed(task: Task, statuses: Mapping[str, str]) -> bool:
    return all(statuses.get(test) == "passed" for test in _expected(task))


async def _reported(box: Sandbox, task: Task) -> dict[str, str]:
    statuses: dict[str, str] = {}
    for file in _test_files(task) if task.runner == "node:test" else [None]:
        result = await _run_reported(box, task, file)
        if result.exit_code == 0:
            statuses |= _statuses(result, file)
    return statuses


async def _run_reported(box: Sandbox, task: Task, file: str | None, timeout_seconds: float = _SECONDS) -> ExecResult:
    """One process with our reporter; one file of node:test, or all that vitest finds."""
    if file is None:
        argv = ["vitest", "run", f"--reporter={_OWN}/vitest.mjs", "--no-file-parallelism", *_test_files(task)]
        return await box.exec(argv, timeout_seconds=timeout_seconds, report_limit_bytes=1024 * 1024)
    reporter = (f"--test-reporter={_OWN}/node-test.mjs", "--test-reporter-destination=stdout")
    return await _node(box, file, *reporter, timeout_seconds=timeout_seconds)


async def _node(box: Sandbox, *words: str, timeout_seconds: float = _SECONDS) -> ExecResult:
    options = [word for word in words if word.startswith("-")]
    argv = ["node", *options, *(word for word in words if not word.startswith("-"))]
    return await box.exec(argv, timeout_seconds=timeout_seconds, output_limit_bytes=1024 * 1024, report_limit_bytes=1024 * 1024)


def _lines(result: ExecResult) -> list[dict[str, object]]:
    try:
        return [json.loads(line) for line in (result.report.complete or b"").splitlines()]
    except ValueError:
        return []


def _statuses(result: ExecResult, file: str | None) -> dict[str, str]:
    """By test id; one that is reported twice is a duplicate."""
    statuses: dict[str, str] = {}
    for line in _lines(result):
        if "path" in line:
            identifier = f"{file or line['file']}::{' > '.join(line['path'])}"
            statuses[identifier] = "duplicate" if identifier in statuses else line["status"]
    return statuses


async def _is_quiet(box: Sandbox, task: Task) -> bool:
    compiled = await box.exec(["tsc", "--noEmit", "--pretty", "false"], timeout_seconds=_SECONDS)
    return not parse_tsc(compiled.stdout.text())
