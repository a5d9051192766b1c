"""Bugs injected into a repository, each made a task: `synthesise` from the project to the suite on disk.

```
mutants (Stryker's and ours) ─► reached by a test? ─► trial in a shared box ─► 1 to 10 tests fail? ─► the house's grading ─► suite
                                  coverage, once        the tests that reach it                      no patch, and the gold patch
```
The cheap steps come first: most mutants end in a trial of a fraction of a second. What is kept has failed the same tests three times, in the
trial, in a grading and in a trial again, compiles, and is resolved by its gold patch.
"""

from __future__ import annotations

import asyncio
import random
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from sandboxes.images.recipe import Say
from sandboxes.sandbox import SandboxError
from tasks.errors import TaskError
from tasks.grading import Observation, OpenSandbox, judge, observe
from tasks.patches import patch_of_files, protected_paths
from tasks.reports import TYPECHECK, beyond, file_of
from tasks.synthesis.baseline import Baseline, anchored, bare_task, observe_baseline, timeout_of
from tasks.synthesis.environment import Environment
from tasks.synthesis.ledger import Ledger
from tasks.synthesis.mutants import Change, Mutant, MutantList, Reach, change_of, in_turn, list_mutants
from tasks.synthesis.project import Project
from tasks.synthesis.statements import Facts, Statement, Told, WriteStatement, from_model, from_template, told_by_chance
from tasks.synthesis.workbench import Bench, TestRun, open_bench
from tasks.task import Difficulty, Expected, Task
from tasks.tree import RepositoryTree
from tasks.writing import NewRepository, NewTask, Origin, SuiteWriter

OpenImage = Callable[[str], AbstractAsyncContextManager[OpenSandbox]]
"""An engine of an image by its name, as a context in which boxes can be opened."""

_MOST_FAILING: Final = 10
_EASY_TO_COMBINE: Final = 5
_TRIES_TO_COMBINE: Final = 20
_SINGLES_A_COMBINED: Final = 4

Cached = TypeVar("Cached", bound=BaseModel)


class SynthSettings(BaseModel):
    """What a person chooses. All of it but `limit` and `jobs` decides which tasks come out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: int | None = None
    per_function: int = 4
    """Tasks made in one function at most."""
    seed: int = 0
    jobs: int = 2
    repeats: int = 3
    """Runs of the tests as they are, before anything is changed."""
    statements_by: str | None = None
    """A model's name, or None for templates."""


@dataclass(slots=True)
class Tally:
    """How far the work is."""

    mutants: int = 0
    usable: int = 0
    """Reached by a test."""
    tried: int = 0
    kept: int = 0
    combined: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    """Why others were not kept."""


async def synthesise(
    project: Project,
    environment: Environment,
    output: Path,
    settings: SynthSettings,
    open_image: OpenImage,
    *,
    say: Say,
    origin: str,
    on_progress: Callable[[Tally], None] = lambda _: None,
    write: WriteStatement | None = None,
) -> Tally:
    """Make tasks of the project's mutants in the suite at `output`, going on where an earlier run stopped.

    TaskError when nothing can be made of it, SandboxError when a box fails; what is written stays.
    """
    writer = SuiteWriter(
        output, name=output.name, description=f"Bugs injected into {project.name}, by harness tasks synth", licence=project.licence
    )
    about = {
        "tree": project.tree.digest, "image": environment.image, "runner": project.runner,
        **settings.model_dump(exclude={"limit", "jobs"}),
    }  # fmt: skip
    ledger = Ledger(output / ".work" / "ledger.jsonl", about)
    try:
        async with open_image(environment.image) as open_sandbox:
            observing = partial(observe_baseline, project, environment.image, open_sandbox, say, repeats=settings.repeats)
            baseline = await _cached(output / ".work/baseline.json", Baseline, observing)
            listed = await _cached(output / ".work/mutants.json", MutantList, lambda: _list(project, open_image, say))
            reach = await _cached(output / ".work/reach.json", Reach, lambda: _reach(project, listed, baseline, open_sandbox, say))
            writer.begin()
            writer.add_repository(_repository(project, environment, baseline, origin), project.tree, _packages(environment))
            work = _Synthesis(project, environment, baseline, reach, listed, settings, ledger, writer, open_sandbox, on_progress, write)
            await work.run()
            return work.tally
    finally:
        ledger.close()


def discard_if_empty(output: Path) -> None:
    """Take away the directory of work that came to nothing: one that holds no task, and no outcome to go on from."""
    ledger = output / ".work" / "ledger.jsonl"
    begun = ledger.exists() and len(ledger.read_text(encoding="utf-8").splitlines()) > 1
    if output.is_dir() and not begun and not any((output / "tasks").glob("*")):
        shutil.rmtree(output)


async def _cached(file: Path, model: type[Cached], make: Callable[[], Awaitable[Cached]]) -> Cached:
    """What an earlier run wrote, or what is made and written now."""
    return _read(file, model) or _written(file, await make())


def _read(file: Path, model: type[Cached]) -> Cached | None:
    try:
        return model.model_validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return None


def _written(file: Path, made: Cached) -> Cached:
    staging = file.with_suffix(".new")
    staging.write_text(made.model_dump_json(), encoding="utf-8")
    staging.replace(file)
    return made


async def _list(project: Project, open_image: OpenImage, say: Say) -> MutantList:
    protected = protected_paths(bare_task(project, "node24"))
    sources = [path for path in project.sources if not protected.match_file(path)]
    if not sources:
        raise TaskError(f"{project.name}: all of its sources are where patches may not go, such as {project.sources[0]}")
    say(f"listing the mutants of {len(sources)} sources")
    async with open_image("synthesis") as open_sandbox, open_sandbox() as box:
        return await list_mutants(box, project.tree, sources)


async def _reach(project: Project, listed: MutantList, baseline: Baseline, open_sandbox: OpenSandbox, say: Say) -> Reach:
    say(f"running the tests on {len(listed.instrumented)} instrumented sources: which test reaches which of {len(listed.mutants)} mutants")
    async with open_bench(project, open_sandbox) as bench:
        reach = await bench.reach(listed.instrumented, max(60.0, 20 * baseline.test_seconds))
    if not reach.reached:
        raise TaskError(f"{project.name}: its tests do not run on instrumented sources, so it is not known what they reach")
    return reach


def _repository(project: Project, environment: Environment, baseline: Baseline, origin: str) -> NewRepository:
    said = [*project.notes, *environment.notes]
    said += [f"{len(tests)} tests {words}, such as {tests[0]}" for words, tests in (
        ("fail at its head and are not used", baseline.failing),
        ("are flaky at its head and are not used", baseline.flaky),
        ("do not pass apart from their source and are not used", baseline.lost),
    ) if tests]  # fmt: skip
    return NewRepository(
        name=project.name,
        description=str(project.package.get("description") or project.name),
        licence=project.licence,
        runner=project.is_graded_by,
        test_files=tuple(anchored(path) for path in project.test_files),
        type_test_files=tuple(anchored(path) for path in project.type_test_files),
        image=environment.image,
        test_timeout_seconds=timeout_of(baseline),
        origin=origin,
        commit=project.commit,
        made_by="harness tasks synth",
        notes=tuple(said),
    )


def _packages(environment: Environment) -> tuple[bytes, bytes] | None:
    return (environment.package, environment.lock) if environment.package else None


class _Synthesis:
    """What the workers of one run share."""

    def __init__(
        self,
        project: Project,
        environment: Environment,
        baseline: Baseline,
        reach: Reach,
        listed: MutantList,
        settings: SynthSettings,
        ledger: Ledger,
        writer: SuiteWriter,
        open_sandbox: OpenSandbox,
        on_progress: Callable[[Tally], None],
        write: WriteStatement | None,
    ) -> None:
        self._project = project
        self._environment = environment
        self._baseline = baseline
        self._reach = reach
        self._settings = settings
        self._ledger = ledger
        self._writer = writer
        self._open_sandbox = open_sandbox
        self._on_progress = on_progress
        self._write = write
        self._chance = random.Random(settings.seed)  # noqa: S311 - a choice, no secret
        self._by_id = {mutant.id: mutant for mutant in listed.mutants}
        self._in_function: Counter[tuple[str, str | None]] = Counter()
        self._singles: dict[str, int] = {}
        """Kept single mutants by id, and how many tests each fails."""
        self._seen: set[str] = set()
        self._passing = set(baseline.tests)
        self._since_combined = 0
        usable = [mutant for mutant in listed.mutants if self._reaching(mutant)]
        self.tally = Tally(mutants=len(listed.mutants), usable=len(usable))
        self.tally.reasons["no test reaches it"] = len(listed.mutants) - len(usable)
        self._order: Iterator[Mutant] = iter(in_turn(usable, seed=settings.seed))
        for digest, entry in ledger.entries.items():
            self._count(digest, entry)

    async def run(self) -> None:
        self._on_progress(self.tally)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._settings.jobs):
                    group.create_task(self._go_on())
        except* (SandboxError, TaskError) as failed:
            raise failed.exceptions[0] from None

    async def _go_on(self) -> None:
        async with open_bench(self._project, self._open_sandbox) as bench:
            for change in self._changes():
                try:
                    reason, entry = await self._make(bench, change)
                except SandboxError:  # once more, in other boxes
                    await bench.close()
                    reason, entry = await self._make(bench, change)
                entry = {"mutants": [mutant.id for mutant in change.mutants], "reason": reason, **entry}
                self._ledger.add(change.digest, entry)
                self._count(change.digest, entry)
                self._on_progress(self.tally)
                if self._is_done():
                    return

    def _is_done(self) -> bool:
        return self._settings.limit is not None and self.tally.kept >= self._settings.limit

    def _changes(self) -> Iterator[Change]:
        """What is tried next: mutants in their order, and now and then some together that were kept alone."""
        while not self._is_done():
            if self._since_combined >= _SINGLES_A_COMBINED and (combined := self._combine()) is not None:
                self._since_combined = 0
                yield combined
                continue
            mutant = next(self._order, None)
            if mutant is None:
                combined = self._combine() if self.tally.combined * _SINGLES_A_COMBINED < len(self._singles) else None
                if combined is None:
                    return
                yield combined
                continue
            if self._in_function[mutant.file, mutant.function] >= self._settings.per_function:
                self.tally.reasons["enough of its function"] += 1
                continue
            change = change_of([mutant], self._project.tree.files)
            if change is None or not self._is_new(change):
                continue
            yield change

    def _combine(self) -> Change | None:
        """Two or three mutants of different functions, each of which fails tests alone, and few."""
        few = [key for key, failing in self._singles.items() if failing <= _EASY_TO_COMBINE]
        for _ in range(_TRIES_TO_COMBINE):
            count = self._chance.choice((2, 2, 3))
            if len(few) < 2 * count:
                return None
            mutants = [self._by_id[key] for key in self._chance.sample(sorted(few), count)]
            if len({(mutant.file, mutant.function) for mutant in mutants}) < count or any(mutant.kind == "feature" for mutant in mutants):
                continue
            change = change_of(mutants, self._project.tree.files)
            if change is not None and change.digest not in self._seen:
                self._seen.add(change.digest)
                return change
        return None

    def _is_new(self, change: Change) -> bool:
        if change.digest in self._seen:
            if change.digest not in self._ledger.entries:
                self.tally.reasons["a duplicate"] += 1
            return False
        self._seen.add(change.digest)
        return True

    def _count(self, digest: str, entry: Mapping[str, Any]) -> None:
        """Take an outcome into what the next choices rest on."""
        self._seen.add(digest)
        self.tally.tried += 1
        if entry["reason"]:
            self.tally.reasons[entry["reason"]] += 1
            return
        mutants = [self._by_id[key] for key in entry["mutants"] if key in self._by_id]
        self.tally.kept += 1
        if len(mutants) == 1:
            self._singles[mutants[0].id] = entry["failing"]
            self._in_function[mutants[0].file, mutants[0].function] += 1
            self._since_combined += 1
        else:
            self.tally.combined += 1

    def _reaching(self, mutant: Mutant) -> list[str]:
        """Test files that may notice it; a type is noticed by type tests alone."""
        return list(self._project.type_test_files) if mutant.kind == "types" else self._reach.files(mutant)

    async def _make(self, bench: Bench, change: Change) -> tuple[str, dict[str, Any]]:
        """Why it is not kept, or an empty reason and what is known of the task that was written."""
        run = await self._try(bench, change)
        if run.timed_out:
            return "the tests do not end", {}
        if run.problem:
            return "the tests end before they are done", {}
        failing = self._failing(change, run)
        if not failing:
            return "no test fails", {}
        if len(failing) > _MOST_FAILING:
            return f"more than {_MOST_FAILING} tests fail", {}
        task, hidden = self._task(change, failing)
        noop = await observe(task, "", self._open_sandbox)
        if not noop.compiled or beyond(noop.type_errors, self._baseline.type_errors):
            return "it does not compile", {}
        if unexpected := {*_not_passed(task, noop)} ^ {*failing}:
            if not all(test.endswith(f"::{TYPECHECK}") for test in unexpected):  # which the trial may not have asked about
                return "not the same tests fail each time", {}
            failing = _not_passed(task, noop)
            if not 1 <= len(failing) <= _MOST_FAILING:
                return f"more than {_MOST_FAILING} tests fail" if failing else "no test fails", {}
            task, hidden = self._task(change, failing)
        again = self._failing(change, await self._try(bench, change))
        if [test for test in failing if not test.endswith(f"::{TYPECHECK}")] != [
            test for test in again if not test.endswith(f"::{TYPECHECK}")
        ]:
            return "not the same tests fail each time", {}
        lint = [diagnostic.text for diagnostic in noop.lint_findings]
        lint += [text for text in self._baseline.lint_findings if text not in lint]
        said = {"type_errors": tuple(diagnostic.text for diagnostic in noop.type_errors), "lint_findings": tuple(lint)}
        task = task.model_copy(update={"expected": task.expected.model_copy(update=said)})
        gold = await observe(task, task.patch, self._open_sandbox)
        if any(finding.weight == "flag" for finding in gold.integrity):
            return "its gold patch would be flagged", {}
        grade = judge(task, gold)
        if not grade.resolved or gold.stripped or grade.new_lint_findings:
            return "its gold patch does not resolve it", {}
        return "", await self._keep(change, task, hidden, failing, run)

    async def _try(self, bench: Bench, change: Change) -> TestRun:
        files = sorted({file for mutant in change.mutants if mutant.kind != "types" for file in self._reach.files(mutant)})
        seconds = 2.0 + 3 * self._baseline.test_seconds
        return await bench.try_change(change, files, seconds, typecheck=_concerns_types(change), most=_MOST_FAILING)

    def _failing(self, change: Change, run: TestRun) -> list[str]:
        """Of the tests that can be relied on, those that a trial asked and that did not pass."""
        files = {file for mutant in change.mutants if mutant.kind != "types" for file in self._reach.files(mutant)}
        files |= {*self._project.type_test_files} if _concerns_types(change) else set()
        return sorted(test for test in self._passing if file_of(test) in files and run.statuses.get(test, "missing") != "passed")

    def _task(self, change: Change, failing: list[str]) -> tuple[Task, tuple[str, ...]]:
        """The task of a change, and the files that are hidden for it: those whose tests fail, and their snapshots."""
        files = self._project.tree.files
        in_question = {file_of(test) for test in failing}
        hidden = sorted(path for path in files if path in in_question or _is_snapshot_of(path, in_question))
        loading = self._reach.loading(change.mutants)
        graded = [test for test in self._baseline.tests if file_of(test) in loading | in_question or test.endswith(f"::{TYPECHECK}")]
        if len(graded) == len(failing):
            graded = list(self._baseline.tests)
        base = {path: change.files.get(path, content) for path, content in files.items() if path not in hidden}
        task = bare_task(self._project, self._environment.image, seconds=timeout_of(self._baseline)).model_copy(
            update={
                "instance_id": f"{self._project.name}-{change.digest[:10]}",
                "patch": patch_of_files(base, {path: files[path] for path in change.files}),
                "test_patch": patch_of_files(base, {path: files[path] for path in hidden}),
                "kind": change.kind,
                "expected": Expected(
                    mode=self._baseline.mode,
                    fail_to_pass=tuple(failing),
                    pass_to_pass=tuple(test for test in graded if test not in failing),
                ),
                "tree": RepositoryTree(base, self._project.tree.executables - {*hidden}),
            }
        )
        return task, tuple(hidden)

    async def _keep(self, change: Change, task: Task, hidden: tuple[str, ...], failing: list[str], run: TestRun) -> dict[str, Any]:
        functions = tuple(dict.fromkeys(mutant.function for mutant in change.mutants if mutant.function))
        facts = Facts(
            repo=self._project.name,
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
            commit=self._project.commit,
            operators=tuple(mutant.operator for mutant in change.mutants),
            functions=functions,
            failing_tests=len(failing),
            files=len(change.files),
            combined=len(change.mutants),
            told=statement.told,
            statement_by=statement.written_by,
            notes=tuple(notes),
        )
        new = NewTask(
            instance_id=task.instance_id,
            repo=self._project.name,
            title=statement.title,
            kind=change.kind,
            difficulty=difficulty_of(origin, change.kind),
            created_at=datetime.now(UTC).date().isoformat(),
            problem_statement=statement.text,
            patch=task.patch,
            base_patch=patch_of_files(self._project.tree.files, change.files),
            hidden=hidden,
            expected=task.expected,
            origin=origin,
        )
        await asyncio.to_thread(self._writer.add_task, new)
        return {"failing": len(failing), "instance_id": task.instance_id}

    async def _statement(self, facts: Facts, told: Told) -> tuple[Statement, list[str]]:
        if self._write is None:
            return from_template(facts, told), []
        statement, leaked = await from_model(facts, told, self._write, self._settings.statements_by or "model")
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
