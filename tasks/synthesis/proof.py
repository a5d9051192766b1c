"""What a change has to go through before it is a task: trials on a shared box, the house's grading without a patch and with the gold one, a statement."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Final

from tasks.grading import Observation, OpenSandbox, judge, observe
from tasks.patches import patch_of_files
from tasks.reports import TYPECHECK, beyond, file_of
from tasks.synthesis.baseline import Baseline, bare_task, timeout_of
from tasks.synthesis.mutants import Change, Reach
from tasks.synthesis.project import Project
from tasks.synthesis.statements import Facts, Statement, Told, WriteStatement, from_model, from_template, told_by_chance
from tasks.synthesis.workbench import Bench, TestRun
from tasks.task import Difficulty, Expected, Task, TestStatus
from tasks.tree import RepositoryTree
from tasks.writing import NewTask, Origin

_MOST_FAILING: Final = 10
_MOST_GRADED: Final = 20
"""Test files of a task: those in question, then those that reach what is changed, then those that load its source."""


@dataclass(frozen=True, slots=True)
class Proof:
    """All that it takes, for the changes of one project."""

    project: Project
    image: str
    baseline: Baseline
    reach: Reach
    open_sandbox: OpenSandbox
    """Of a box to grade in."""
    write: WriteStatement | None
    """None: statements are from templates."""
    statements_by: str | None

    async def made(self, bench: Bench, change: Change) -> tuple[str, NewTask | None]:
        """Why it is no task, or an empty reason and the task."""
        run = await self._try(bench, change)
        if run.timed_out:
            return "the tests do not end", None
        if run.problem:
            return "the tests end before they are done", None
        failing = self._failing(change, run)
        if not failing:
            return "no test fails", None
        if len(failing) > _MOST_FAILING:
            return f"more than {_MOST_FAILING} tests fail", None
        task, hidden = self._task(change, failing)
        noop = await observe(task, "", self.open_sandbox)
        if not noop.compiled or beyond(noop.type_errors, self.baseline.type_errors):
            return "it does not compile", None
        if unexpected := {*_not_passed(task, noop)} ^ {*failing}:
            if not all(test.endswith(f"::{TYPECHECK}") for test in unexpected):  # which the trial may not have asked about
                return "not the same tests fail each time", None
            failing = _not_passed(task, noop)
            if not 1 <= len(failing) <= _MOST_FAILING:
                return f"more than {_MOST_FAILING} tests fail" if failing else "no test fails", None
            task, hidden = self._task(change, failing)
        again = self._failing(change, await self._try(bench, change))
        if [test for test in failing if not test.endswith(f"::{TYPECHECK}")] != [
            test for test in again if not test.endswith(f"::{TYPECHECK}")
        ]:
            return "not the same tests fail each time", None
        lint = [diagnostic.text for diagnostic in noop.lint_findings]
        lint += [text for text in self.baseline.lint_findings if text not in lint]
        said = {"type_errors": tuple(diagnostic.text for diagnostic in noop.type_errors), "lint_findings": tuple(lint)}
        task = task.model_copy(update={"expected": task.expected.model_copy(update=said)})
        gold = await self._gold(task)
        if any(finding.weight == "flag" for finding in gold.integrity):
            return "its gold patch would be flagged", None
        grade = judge(task, gold)
        if not grade.resolved or gold.stripped or grade.new_lint_findings:
            return "its gold patch does not resolve it", None
        return "", await self._told(change, task, hidden, failing, run)

    async def _gold(self, task: Task) -> Observation:
        """With the gold patch the tree is the repository's own again, of which compiler and linter have said all in the baseline."""
        if task.tree.patched(task.patch).patched(task.test_patch).files != self.project.tree.files:
            return await observe(task, task.patch, self.open_sandbox)
        seen = await observe(task, task.patch, self.open_sandbox, tests_only=True)
        said: dict[str, TestStatus] = {test: "passed" for test in self.baseline.tests if test.endswith(f"::{TYPECHECK}")}
        return replace(seen, statuses={**seen.statuses, **said}, compiled=True)

    async def _try(self, bench: Bench, change: Change) -> TestRun:
        files = sorted({file for mutant in change.mutants if mutant.kind != "types" for file in self.reach.files(mutant)})
        seconds = 5.0 + 3 * self.baseline.trial_seconds
        return await bench.try_change(change, files, seconds, typecheck=_concerns_types(change), most=_MOST_FAILING)

    def _failing(self, change: Change, run: TestRun) -> list[str]:
        """Of the tests that can be relied on, those that a trial asked and that did not pass."""
        files = {file for mutant in change.mutants if mutant.kind != "types" for file in self.reach.files(mutant)}
        files |= {*self.project.type_test_files} if _concerns_types(change) else set()
        return sorted(test for test in {*self.baseline.tests} if file_of(test) in files and run.statuses.get(test, "missing") != "passed")

    def _task(self, change: Change, failing: list[str]) -> tuple[Task, tuple[str, ...]]:
        """The task of a change, and the files that are hidden for it: those whose tests fail, and their snapshots."""
        files = self.project.tree.files
        in_question = {file_of(test) for test in failing}
        hidden = sorted(path for path in files if path in in_question or _is_snapshot_of(path, in_question))
        graded_files = self._graded_files(change, in_question)
        graded = [test for test in self.baseline.tests if file_of(test) in graded_files or test.endswith(f"::{TYPECHECK}")]
        if len(graded) == len(failing):
            graded = list(self.baseline.tests)
        base = {path: change.files.get(path, content) for path, content in files.items() if path not in hidden}
        task = bare_task(self.project, self.image, seconds=timeout_of(self.baseline)).model_copy(
            update={
                "instance_id": f"{self.project.name}-{change.digest[:10]}",
                "patch": patch_of_files(base, {path: files[path] for path in change.files}),
                "test_patch": patch_of_files(base, {path: files[path] for path in hidden}),
                "kind": change.kind,
                "expected": Expected(
                    mode=self.baseline.mode,
                    fail_to_pass=tuple(failing),
                    pass_to_pass=tuple(test for test in graded if test not in failing),
                ),
                "tree": RepositoryTree(base, self.project.tree.executables - {*hidden}),
            }
        )
        return task, tuple(hidden)

    def _graded_files(self, change: Change, in_question: set[str]) -> set[str]:
        reaching = {file for mutant in change.mutants for file in self.reach.files(mutant)}
        in_turn = [*sorted(in_question), *sorted(reaching), *sorted(self.reach.loading(change.mutants))]
        return {*list(dict.fromkeys(in_turn))[: max(_MOST_GRADED, len(in_question))]}

    async def _told(self, change: Change, task: Task, hidden: tuple[str, ...], failing: list[str], run: TestRun) -> NewTask:
        functions = tuple(dict.fromkeys(mutant.function for mutant in change.mutants if mutant.function))
        facts = Facts(
            repo=self.project.name,
            kind=change.kind,
            functions=functions,
            files=tuple(sorted(change.files)),
            docs=tuple(mutant.doc for mutant in change.mutants if mutant.doc),
            failing=tuple(failing),
            messages=tuple(dict.fromkeys(run.messages[test] for test in failing if run.messages.get(test))),
            patch=task.patch,
        )
        statement, notes = await self._statement(facts, told_by_chance(change.digest))
        origin = Origin(
            made_by="synth",
            commit=self.project.commit,
            operators=tuple(mutant.operator for mutant in change.mutants),
            functions=functions,
            failing_tests=len(failing),
            files=len(change.files),
            combined=len(change.mutants),
            told=statement.told,
            statement_by=statement.written_by,
            notes=tuple(notes),
        )
        return NewTask(
            instance_id=task.instance_id,
            repo=self.project.name,
            title=statement.title,
            kind=change.kind,
            difficulty=difficulty_of(origin, change.kind),
            created_at=datetime.now(UTC).date().isoformat(),
            problem_statement=statement.text,
            patch=task.patch,
            base_patch=patch_of_files(self.project.tree.files, change.files),
            hidden=hidden,
            expected=task.expected,
            origin=origin,
        )

    async def _statement(self, facts: Facts, told: Told) -> tuple[Statement, list[str]]:
        if self.write is None:
            return from_template(facts, told), []
        statement, leaked = await from_model(facts, told, self.write, self.statements_by or "model")
        return statement, [f"the model's statement leaked: {words}" for words in leaked]


def difficulty_of(origin: Origin, kind: str) -> Difficulty:
    """By what is known before anybody has tried it: mutants together, files, what is told, how many tests show it."""
    points = 2 * (origin.combined - 1) + (origin.files - 1) + {"symptom": 2, "assertion": 1}.get(origin.told, 0)
    points += 1 if kind in ("feature", "async", "types") else 0
    points += 1 if origin.failing_tests == 1 else 0
    return "easy" if points <= 1 else "medium" if points <= 3 else "hard"


def _concerns_types(change: Change) -> bool:
    return any(mutant.kind == "types" for mutant in change.mutants)


def _not_passed(task: Task, seen: Observation) -> list[str]:
    graded = (*task.expected.fail_to_pass, *task.expected.pass_to_pass)
    return sorted(test for test in graded if seen.statuses.get(test, "missing") != "passed")


def _is_snapshot_of(path: str, files: set[str]) -> bool:
    pure = PurePosixPath(path)
    return pure.suffix == ".snap" and any(pure.stem == PurePosixPath(file).name for file in files)
