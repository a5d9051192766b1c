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
import shutil
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from sandboxes.images.recipe import Say
from sandboxes.sandbox import SandboxError
from tasks.errors import TaskError
from tasks.grading import OpenSandbox
from tasks.patches import anchored, protected_paths
from tasks.synthesis.baseline import Baseline, bare_task, observe_baseline, timeout_of
from tasks.synthesis.choice import Choice, Tally
from tasks.synthesis.environment import Environment
from tasks.synthesis.ledger import Ledger
from tasks.synthesis.mutants import Change, MutantList, Reach, list_mutants
from tasks.synthesis.project import Project
from tasks.synthesis.proof import Proof
from tasks.synthesis.statements import WriteStatement
from tasks.synthesis.workbench import Bench, open_bench
from tasks.writing import NewRepository, SuiteWriter

OpenImage = Callable[[str], AbstractAsyncContextManager[OpenSandbox]]
"""An engine of an image by its name, as a context in which boxes can be opened."""

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
            choice = Choice(
                project.tree.files, listed, reach, ledger,
                type_tests=bool(project.type_test_files), limit=settings.limit, per_function=settings.per_function, seed=settings.seed,
            )  # fmt: skip
            proof = Proof(project, environment.image, baseline, reach, open_sandbox, write, settings.statements_by)
            await _Synthesis(project, choice, proof, ledger, writer, jobs=settings.jobs, on_progress=on_progress).run()
            return choice.tally
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
        choice: Choice,
        proof: Proof,
        ledger: Ledger,
        writer: SuiteWriter,
        *,
        jobs: int,
        on_progress: Callable[[Tally], None],
    ) -> None:
        self._project = project
        self._choice = choice
        self._proof = proof
        self._ledger = ledger
        self._writer = writer
        self._jobs = jobs
        self._on_progress = on_progress

    async def run(self) -> None:
        self._on_progress(self._choice.tally)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._jobs):
                    group.create_task(self._go_on())
        except* (SandboxError, TaskError) as failed:
            raise failed.exceptions[0] from None

    async def _go_on(self) -> None:
        async with open_bench(self._project, self._proof.open_sandbox, one_worker=self._proof.baseline.one_worker) as bench:
            for change in self._choice.changes():
                try:
                    entry = await self._outcome(bench, change)
                except SandboxError:  # once more, in other boxes
                    await bench.close()
                    entry = await self._outcome(bench, change)
                self._ledger.add(change.digest, entry)
                self._choice.count(change.digest, entry)
                self._on_progress(self._choice.tally)
                if self._choice.is_done:
                    return

    async def _outcome(self, bench: Bench, change: Change) -> dict[str, Any]:
        """Of one change, as the ledger keeps it; a task that it makes is written first."""
        reason, task = await self._proof.made(bench, change)
        entry: dict[str, Any] = {"mutants": [mutant.id for mutant in change.mutants], "reason": reason}
        if task is not None:
            await asyncio.to_thread(self._writer.add_task, task)
            entry |= {"failing": len(task.expected.fail_to_pass), "instance_id": task.instance_id}
        return entry
