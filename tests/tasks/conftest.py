"""What the tests of this room share: a task without a suite, a suite to spoil, and a box that plays a script."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sandboxes.sandbox import ExecResult, Output, SandboxError
from tasks.grading import OpenSandbox
from tasks.patches import patch_of_files
from tasks.reports import sealed_line
from tasks.separation import STRIP
from tasks.suite import Suite
from tasks.task import Expected, Task
from tasks.tree import RepositoryTree

FILES = {
    "src/sum.ts": b"export const sum = 1;\n",
    "test/old.test.ts": b"old\n",
    "package.json": b"{}\n",
    "tsconfig.json": b"{}\n",
}


@pytest.fixture
def suite_directory(mini: Suite, tmp_path: Path) -> Path:
    """A copy of the mini suite that a test may spoil."""
    return Path(shutil.copytree(mini.directory, tmp_path / "suite"))


@pytest.fixture
def make_task() -> Callable[..., Task]:
    """A well-formed task of node:test on a tiny tree; each field can be given."""

    def make(**fields: Any) -> Task:
        given: dict[str, Any] = {
            "instance_id": "tiny-task",
            "repo": "tiny",
            "title": "A tiny task",
            "kind": "bug",
            "difficulty": "easy",
            "created_at": "2026-11-20",
            "problem_statement": "The sum is one, and it should be two.",
            "patch": patch_of_files(FILES, {"src/sum.ts": b"export const sum = 2;\n"}),
            "test_patch": patch_of_files(FILES, {"test/new.test.ts": b"new\n"}),
            "expected": Expected(fail_to_pass=("test/new.test.ts::new",), pass_to_pass=("test/old.test.ts::old",)),
            "runner": "node:test",
            "test_files": ("test/**/*.test.ts",),
            "type_test_files": ("test/**/*.test-d.ts",),
            "tree": RepositoryTree(FILES),
        }
        return Task(**(given | fields))

    return make


def ended(code: int | None = 0, stdout: str = "", report: bytes | None = b"", *, timed_out: bool = False) -> ExecResult:
    """How a command ended; a report of None is one too long to keep."""
    return ExecResult(
        exit_code=code,
        signal=None if code is not None else "SIGKILL",
        timed_out=timed_out,
        out_of_memory=False,
        duration_seconds=0.01,
        stdout=Output(head=stdout.encode()),
        report=Output(dropped_bytes=1) if report is None else Output(head=report),
    )


def report_of(statuses: Mapping[str, str], *, end: bool = True) -> bytes:
    """A node:test report with one test a title."""
    lines: list[dict[str, Any]] = [{"path": [title], "status": status} for title, status in statuses.items()]
    if end:
        lines.append({"end": True, "tests": len(statuses)})
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def sealed(result: ExecResult, job: bytes) -> ExecResult:
    """The same from a hardened process, which has its job: its report signed, with the canary's failure before the last line."""
    about = json.loads(job)
    lines = [json.loads(line) for line in (result.report.complete or b"").splitlines()]
    if lines and lines[-1].get("end"):
        canary = {"path": [about["canary"]["name"]], "status": "failed", "message": about["canary"]["value"]}
        lines[-1:] = [canary, {"end": True, "tests": lines[-1]["tests"] + 1}]
    report = "".join(sealed_line(about["key"], number, json.dumps(line)) + "\n" for number, line in enumerate(lines))
    return replace(result, exit_code=1, report=Output(head=report.encode()))


@dataclass
class ScriptedBox:
    """A box in which nothing runs. Commands are answered by their program or, for Node's, by the last argument: a test process's file."""

    answers: Mapping[str, ExecResult | SandboxError] = field(default_factory=dict)
    changed: bytes | OSError = b""
    """What `diff` gives."""
    name: str = "scripted"
    one_user: bool = False
    commands: list[list[str]] = field(default_factory=list)
    stdins: list[bytes] = field(default_factory=list)

    async def exec(self, argv: Sequence[str], *, timeout_seconds: float, stdin: bytes = b"", **_: object) -> ExecResult:
        self.commands.append(list(argv))
        if stdin:
            self.stdins.append(stdin)
        silent = ended(stdout='{"diagnostics": []}') if argv[0] == "oxlint" else ended()
        answer = self.answers.get(argv[-1] if argv[0] == "node" else argv[0], silent)
        if isinstance(answer, SandboxError):
            raise answer
        return sealed(answer, stdin) if argv[0] == "node" and stdin and stdin != STRIP else answer

    async def read(self, path: str, **_: object) -> bytes:
        raise FileNotFoundError(path)

    async def write(self, path: str, content: bytes, **_: object) -> None:
        pass

    async def lay(self, snapshot: bytes, **_: object) -> None:
        pass

    async def diff(self, **_: object) -> bytes:
        if isinstance(self.changed, OSError):
            raise self.changed
        return self.changed

    async def close(self) -> None:
        pass


def open_in_turn(*boxes: ScriptedBox) -> OpenSandbox:
    """Opens one box after the other, and begins again after the last."""
    opened = 0

    @asynccontextmanager
    async def open_sandbox() -> AsyncIterator[ScriptedBox]:
        nonlocal opened
        opened += 1
        yield boxes[(opened - 1) % len(boxes)]

    return open_sandbox


@pytest.fixture
def script() -> SimpleNamespace:
    """The above, for tests, which cannot import it from here."""
    return SimpleNamespace(box=ScriptedBox, ended=ended, report_of=report_of, open_in_turn=open_in_turn)
