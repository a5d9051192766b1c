"""A task, and the grade of a patch for it.

Field names are SWE-bench's in lower case. A test's id is `file::suite > name`; a type-test file, which passes when the compiler has
nothing to say of it, is one test with the id `file::typecheck`.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SkipValidation

from tasks.tree import RepositoryTree

Kind = Literal["bug", "feature", "types", "async", "refactor"]
Difficulty = Literal["easy", "medium", "hard"]
Runner = Literal["node:test", "vitest"]

TestStatus = Literal["passed", "failed", "skipped", "todo", "timed_out", "missing", "duplicate"]
"""What became of a test. Only `passed` counts as a pass; `missing` is a test that was expected and not reported."""

Verdict = Literal["resolved", "no_patch", "patch_rejected", "type_errors", "still_failing", "regressed"]
"""Why a patch is or is not a solution: the first that applies, read from left to right, `resolved` last."""


class Expected(BaseModel):
    """What the tests say before and after the gold patch: recorded by `harness tasks validate --record`, never written by hand."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fail_to_pass: tuple[str, ...] = ()
    pass_to_pass: tuple[str, ...] = ()
    type_errors: tuple[str, ...] = ()
    """Of the base tree, as `file: TS1234: message`: known before the patch, so not the patch's doing."""
    lint_findings: tuple[str, ...] = ()


class Task(BaseModel):
    """One problem on one repository tree."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    instance_id: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=120)
    repo: str
    title: str
    kind: Kind
    difficulty: Difficulty
    created_at: str
    problem_statement: str = Field(min_length=20)
    patch: str
    """The gold patch. Never enters the agent's box."""
    test_patch: str
    """The hidden tests. Never enters the agent's box."""
    expected: Expected
    runner: Runner
    test_files: tuple[str, ...]
    """Which files hold tests: patterns in .gitignore's syntax."""
    type_test_files: tuple[str, ...] = ()
    editable: tuple[str, ...] = ()
    """Protected paths that this task's patches may change all the same, such as package.json."""
    image: str = "node24"
    test_timeout_seconds: float = Field(default=120.0, gt=0)
    """For each test process in grading."""
    tree: SkipValidation[RepositoryTree] = Field(exclude=True, repr=False)

    @property
    def base_commit(self) -> str:
        """The one commit of the agent's repository."""
        return self.tree.snapshot.commit


class Stripped(BaseModel):
    """A part of a patch that grading left out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    reason: Literal["protected", "not_a_regular_file", "outside"]


class CheckRun(BaseModel):
    """One process of a grading: which, how it ended, and the end of what it printed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    ended: str
    duration_seconds: float
    output: str


class Grade(BaseModel):
    """The verdict on one patch, with all that it rests on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    resolved: bool
    verdict: Verdict
    tests: dict[str, TestStatus]
    """Every expected test."""
    new_type_errors: tuple[str, ...]
    new_lint_findings: tuple[str, ...]
    """Reported; they decide nothing."""
    stripped: tuple[Stripped, ...]
    checks: tuple[CheckRun, ...]
    duration_seconds: float
