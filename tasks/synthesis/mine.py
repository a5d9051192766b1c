"""Real fixes from a repository's history, each made a task: `mine` from the clone to the suite on disk.

The agent sees the parent of the commit, without its history; the gold patch is what the commit did to the sources, the hidden tests what it did
to the tests. One environment serves the whole history: a commit that needs another one is refused by its tests, and named.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from sandboxes.images.recipe import Say
from sandboxes.sandbox import SandboxError
from tasks.errors import TaskError
from tasks.grading import Observation, OpenSandbox
from tasks.patches import anchored
from tasks.synthesis.baseline import bare_task
from tasks.synthesis.clone import Clone, Commit
from tasks.synthesis.environment import Environment
from tasks.synthesis.history import (
    Bounds,
    Candidate,
    direct_importers,
    promising,
    statement_of,
    take_apart,
    tree_patch,
)
from tasks.synthesis.ledger import Ledger
from tasks.synthesis.project import Choices, Project
from tasks.synthesis.settling import RefusedError, settle
from tasks.synthesis.statements import Facts, from_template, leaks
from tasks.synthesis.synth import OpenImage
from tasks.task import Difficulty, Expected, Kind, Task
from tasks.tree import RepositoryTree, read_tree
from tasks.writing import NewRepository, NewTask, Origin, SuiteWriter

_ALL_TESTS: Final = 25
"""Test files up to which all are run; beyond that those that are touched, and those that import what is."""
_LEAST_STATEMENT: Final = 60
_TEST_SECONDS: Final = 120.0


class MineSettings(BaseModel):
    """What a person chooses; `jobs` and `limit` decide nothing of what a commit gives."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: int | None = None
    jobs: int = 2
    repeats: int = 3


@dataclass(slots=True)
class MineTally:
    """How far the work is."""

    commits: int = 0
    candidates: int = 0
    tried: int = 0
    kept: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    refused: dict[str, str] = field(default_factory=dict)
    """Reasons by commit, of those that were looked at one by one."""


async def mine(
    clone: Clone,
    project: Project,
    environment: Environment,
    output: Path,
    choices: Choices,
    bounds: Bounds,
    settings: MineSettings,
    open_image: OpenImage,
    *,
    say: Say,
    origin: str,
    exactly: Sequence[str] = (),
    issues: Mapping[str, str] | None = None,
    on_progress: Callable[[MineTally], None] = lambda _: None,
) -> MineTally:
    """Make tasks of the commits that can be, or of `exactly` those that are named; goes on where an earlier run stopped.

    TaskError when nothing can be mined, SandboxError when a box fails; what is written stays.
    """
    if clone.is_shallow():
        say("the clone is shallow: commits whose parents it lacks are left out")
    tally = MineTally()
    if exactly:
        commits = [await asyncio.to_thread(clone.commit, name) for name in exactly]
        tally.commits = len(commits)
    else:
        found = await asyncio.to_thread(clone.commits, since=bounds.since, below=choices.package.strip("/"))
        tally.commits = len(found)
        commits, reasons = promising(found, choices, bounds)
        tally.reasons.update(reasons)
    tally.candidates = len(commits)
    if not commits:
        raise TaskError(
            f"{project.name}: none of {tally.commits} commits changes sources and tests within the bounds (--since, --max-files)"
        )
    about = {"repository": project.name, "image": environment.image, "repeats": settings.repeats, **choices_said(choices), "max_lines": bounds.max_lines, "max_files": bounds.max_files}  # fmt: skip
    ledger = Ledger(output / ".work" / "ledger.jsonl", about)
    writer = SuiteWriter(output, name=output.name, description=f"Fixes of {project.name}, by harness tasks mine", licence=project.licence)
    try:
        async with open_image(environment.image) as open_sandbox:
            work = _Mining(
                clone, project, environment, choices, bounds, settings, ledger, writer, open_sandbox, origin, issues or {}, tally
            )
            await work.run(commits, on_progress)
    finally:
        ledger.close()
    return tally


def choices_said(choices: Choices) -> dict[str, Any]:
    return {"package": choices.package, "runner": choices.runner, "test_files": list(choices.test_files)}


class _Mining:
    """What the workers of one run share."""

    def __init__(
        self,
        clone: Clone,
        project: Project,
        environment: Environment,
        choices: Choices,
        bounds: Bounds,
        settings: MineSettings,
        ledger: Ledger,
        writer: SuiteWriter,
        open_sandbox: OpenSandbox,
        origin: str,
        issues: Mapping[str, str],
        tally: MineTally,
    ) -> None:
        self._clone = clone
        self._project = project
        self._environment = environment
        self._choices = choices
        self._bounds = bounds
        self._settings = settings
        self._ledger = ledger
        self._writer = writer
        self._open_sandbox = open_sandbox
        self._origin = origin
        self._issues = issues
        self._tally = tally
        self._anchors: dict[str, RepositoryTree] = {}
        self._writing = asyncio.Lock()

    async def run(self, commits: Sequence[Commit], on_progress: Callable[[MineTally], None]) -> None:
        left = []
        for commit in commits:
            if commit.sha in self._ledger.entries:
                self._count(commit, self._ledger.entries[commit.sha]["reason"])
            else:
                left.append(commit)
        waiting = iter(left)

        async def go_on() -> None:
            for commit in waiting:
                if self._settings.limit is not None and self._tally.kept >= self._settings.limit:
                    return
                try:
                    candidate = await asyncio.to_thread(take_apart, self._clone, commit, self._project.name, self._choices, self._bounds)
                    instance_id = await self._make(candidate)
                except RefusedError as refused:
                    reason, entry = str(refused), {}
                else:
                    reason, entry = "", {"instance_id": instance_id}
                self._ledger.add(commit.sha, {"reason": reason, **entry})
                self._count(commit, reason)
                on_progress(self._tally)

        on_progress(self._tally)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._settings.jobs):
                    group.create_task(go_on())
        except* (SandboxError, TaskError) as failed:
            raise failed.exceptions[0] from None

    def _count(self, commit: Commit, reason: str) -> None:
        self._tally.tried += 1
        if reason:
            self._tally.reasons[reason.partition(":")[0]] += 1
            self._tally.refused[commit.sha] = reason
        else:
            self._tally.kept += 1

    async def _make(self, candidate: Candidate) -> str:
        """Validate the candidate as the house does, and write it; its id. RefusedError says why not."""
        task = self._task(candidate)
        settled = await settle(task, _asked(candidate, self._project), self._open_sandbox, repeats=self._settings.repeats)
        expected, noop = settled.expected, settled.plain_noop
        statement, title, told = self._statement(candidate, expected, noop)
        instance_id = f"{self._project.name}-{candidate.commit.sha[:10]}"
        async with self._writing:
            repo, base_patch = await asyncio.to_thread(self._anchored, candidate)
            new = NewTask(
                instance_id=instance_id,
                repo=repo,
                title=title,
                kind=_kind(candidate, expected),
                difficulty=_difficulty(candidate, told),
                created_at=candidate.commit.when[:10],
                problem_statement=statement,
                patch=candidate.patch,
                base_patch=base_patch,
                test_patch=candidate.test_patch,
                expected=expected,
                origin=Origin(
                    made_by="mine",
                    commit=candidate.commit.sha,
                    failing_tests=len(expected.fail_to_pass),
                    files=len(candidate.sources),
                    told=told,
                    statement_by=told,
                    notes=(f"a grade takes {settled.grade_seconds:.1f} s",),
                ),
            )
            await asyncio.to_thread(self._writer.add_task, new)
        return instance_id

    def _task(self, candidate: Candidate) -> Task:
        return bare_task(candidate.before, self._environment.image, seconds=_TEST_SECONDS).model_copy(
            update={
                "patch": candidate.patch,
                "test_patch": candidate.test_patch,
                "test_files": tuple(anchored(path) for path in _tests(candidate)),
                "type_test_files": tuple(anchored(path) for path in candidate.type_tests),
            }
        )

    def _statement(self, candidate: Candidate, expected: Expected, noop: Observation) -> tuple[str, str, str]:
        """Text, title and whence it is: the issue's, the commit's, or the commit's and what is seen of it in the failing tests."""
        title, text = statement_of(candidate.commit, self._issues)
        facts = Facts(
            repo=self._project.name,
            kind="bug",
            functions=(),
            files=candidate.sources,
            docs=(),
            failing=expected.fail_to_pass,
            messages=tuple(run.output[-600:] for run in noop.checks if run.name not in ("compile", "lint", "source") and run.output)[:1],
            patch=candidate.patch,
        )
        if leaks(title, facts):
            title = f"A change of {self._project.name}"
        if leaks(text, facts):
            text = "\n".join(line for line in text.splitlines() if not leaks(line, facts))
            text = "" if leaks(text, facts) else text
        whence = "issue" if any(text and text in issue for issue in self._issues.values()) else "commit"
        if len(title) + len(text) < _LEAST_STATEMENT:
            general = from_template(facts, "symptom").text
            return f"{title}.\n\n{text}\n\n{general}".replace("\n\n\n\n", "\n\n"), title, f"{whence} and template"
        return f"{title}.\n\n{text}", title, whence

    def _anchored(self, candidate: Candidate) -> tuple[str, str]:
        """A repository of the suite and the patch that makes the candidate's tree of it; a new one where no patch can."""
        tree = candidate.before.tree
        for name, anchor in self._anchors.items():
            if (patch := tree_patch(anchor, tree)) is not None:
                return name, patch
        name = self._project.name if not self._anchors else f"{self._project.name}-{candidate.commit.sha[:8]}"
        place = self._writer.directory / "repos" / name
        if place.is_dir():  # of an earlier run
            self._anchors[name] = read_tree(place)
            return self._anchored(candidate)
        self._writer.begin()
        packages = (self._environment.package, self._environment.lock) if self._environment.package else None
        self._writer.add_repository(self._repository(name, candidate), tree, packages)
        self._anchors[name] = tree
        return name, ""

    def _repository(self, name: str, candidate: Candidate) -> NewRepository:
        return NewRepository(
            name=name,
            description=str(self._project.package.get("description") or self._project.name),
            licence=self._project.licence,
            runner=candidate.before.is_graded_by,
            test_files=("*.test.*", "*.spec.*", "*_test.*", *sorted({*map(_pattern, candidate.before.test_files)})),
            type_test_files=("*.test-d.*", *sorted(anchored(path) for path in {*self._project.type_test_files, *candidate.type_tests})),
            image=self._environment.image,
            test_timeout_seconds=_TEST_SECONDS,
            origin=self._origin,
            commit=candidate.commit.parent,
            made_by="harness tasks mine",
            notes=(*self._project.notes, *self._environment.notes),
        )


def _pattern(path: str) -> str:
    """The files of a test directory that end as this one does, or the file itself."""
    first, _, rest = path.partition("/")
    if rest and first in ("test", "tests", "__tests__", "spec"):
        return f"/{first}/**/*.{path.rpartition('.')[2]}"
    return anchored(path)


def _tests(candidate: Candidate) -> list[str]:
    """The test files that grade: all where they are few, else those that the commit touches and those that import what it changes."""
    project = candidate.before
    known = [*project.test_files]
    if len(known) > _ALL_TESTS:
        known = direct_importers(project, candidate.sources, known)[:_ALL_TESTS]
    touched = [path for path in candidate.touched_tests if path not in candidate.type_tests]
    return sorted({*known, *touched})


def _asked(candidate: Candidate, project: Project) -> list[str]:
    """The test files to run; type tests are asked of the compiler."""
    type_tests = {*project.type_test_files, *candidate.type_tests}
    return [path for path in _tests(candidate) if path not in type_tests]


def _kind(candidate: Candidate, expected: Expected) -> Kind:
    if all(test.endswith("::typecheck") for test in expected.fail_to_pass):
        return "types"
    return "bug" if candidate.is_fix else "feature"


def _difficulty(candidate: Candidate, told: str) -> Difficulty:
    lines = sum(line[:1] in "+-" for line in candidate.patch.splitlines())
    points = (lines > 15) + (lines > 50) + (len(candidate.sources) > 1) + ("template" in told)
    return "easy" if points == 0 else "medium" if points <= 2 else "hard"
