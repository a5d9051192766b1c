"""A task, and the grade of a patch for it.

Field names are SWE-bench's in lower case. A test's id is `file::suite > name`; a type-test file, which passes when the compiler has
nothing to say of it, is one test with the id `file::typecheck`.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SkipValidation, model_validator

from tasks.tree import RepositoryTree

Kind = Literal["bug", "feature", "types", "async", "refactor"]
Difficulty = Literal["easy", "medium", "hard"]
Runner = Literal["node:test", "vitest", "reward"]
"""`reward` is no test runner: a script of the task's that writes a reward, as Harbor has it. It runs the source in processes of one user with
itself, so a grade by it is in the mode `plain`: no better than what it was made for."""

GradingMode = Literal["separate", "bridged", "hardened", "plain"]
"""How far the tests were from the source that they judge. `separate`: in a process of another user, with the source's exports bridged; the
source can neither read the hidden tests nor touch their process. `bridged`: two processes, but of one user, because the box has no other.
`hardened`: in one process, where what they share is frozen, what reaches the runner is denied to the source, and the report is signed; for
node:test alone. `plain`: in one process, as the test runner does it by itself; to observe what the tests say, not to grade."""

RecordedMode = Literal["separate", "hardened"]
"""Those that a task can ask for."""

TestStatus = Literal["passed", "failed", "skipped", "todo", "timed_out", "missing", "duplicate"]
"""What became of a test. Only `passed` counts as a pass; `missing` is a test that was expected and not reported."""

Verdict = Literal["resolved", "no_patch", "patch_rejected", "type_errors", "still_failing", "regressed"]
"""Why a patch is or is not a solution: the first that applies, read from left to right, `resolved` last."""


class Expected(BaseModel):
    """What the tests say before and after the gold patch: recorded by `harness tasks validate --record`, never written by hand."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: RecordedMode = "separate"
    """The strongest in which every test says what it says by itself."""
    flaky: tuple[str, ...] = ()
    """Tests that did not say the same each time when this was recorded. They decide nothing."""
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
    test_timeout_seconds: float = Field(default=60.0, gt=0)
    """For each test process in grading."""
    tree: SkipValidation[RepositoryTree] = Field(exclude=True, repr=False)

    @model_validator(mode="after")
    def _has_a_mode_for_its_runner(self) -> Self:
        if self.expected.mode == "hardened" and self.runner != "node:test":
            raise ValueError(f"{self.runner} cannot be hardened: record the task again, its tests must pass apart from their source")
        return self

    @property
    def base_commit(self) -> str:
        """The one commit of the agent's repository."""
        return self.tree.snapshot.commit


class Stripped(BaseModel):
    """A part of a patch that grading left out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    reason: Literal["protected", "not_a_regular_file", "outside", "unreadable_name"]


class CheckRun(BaseModel):
    """One process of a grading: which, how it ended, and the end of what it printed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    ended: str
    duration_seconds: float
    output: str


Rule = Literal[
    "process_exit", "module_hooks", "runner_access", "descriptor_access", "heap_access", "prototype_tampering", "child_process",
    "test_detection", "stack_inspection", "type_suppression", "unsafe_cast", "lint_suppression", "dynamic_code", "escaped_name", "ambient_module",
    "protected_path",
    "git_history", "answer_search", "network_attempt", "memory_access", "kill_everything", "dependency_write",
]  # fmt: skip
"""What a finding is about: of a patch (`tasks.integrity`) up to `protected_path`, of a transcript (`trajectories.integrity`) after it."""


Weight = Literal["flag", "note"]


class Finding(BaseModel):
    """A place in a patch or a transcript that a person should look at before the pass is believed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: Rule
    weight: Weight
    """A `flag` takes a pass out of the count until a person has cleared it; a `note` only stands in the record."""
    path: str
    """The file; for what stands in a transcript `messages[<index>]`."""
    line: int | None
    """In the patched file."""
    excerpt: str = Field(max_length=200)
    """In one line and without control characters. Not to be trusted: the agent wrote it."""


class Grade(BaseModel):
    """The verdict on one patch, with all that it rests on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    resolved: bool
    verdict: Verdict
    tests: dict[str, TestStatus]
    """Every expected test."""
    new_type_errors: tuple[str, ...]
    """What the compiler says of the patched tree and not of the base, and the comments that the patch keeps it from saying more with."""
    new_lint_findings: tuple[str, ...]
    """Reported; they decide nothing."""
    stripped: tuple[Stripped, ...]
    checks: tuple[CheckRun, ...]
    duration_seconds: float
    mode: GradingMode = "plain"
    """`plain` in a record that says nothing of it."""
    integrity: tuple[Finding, ...] = ()
    """What the patch and, in a rollout, the transcript hold that no solution needs. It changes neither `resolved` nor the verdict."""

    @property
    def flagged(self) -> bool:
        """Whether this is a pass that does not count until a person has looked at it."""
        return self.resolved and any(finding.weight == "flag" for finding in self.integrity)
