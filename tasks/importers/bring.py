"""A suite of foreign tasks: the repository of each at its commit, its packages, and what its tests say here.

What a row lists as FAIL_TO_PASS is another runner's words for tests; here they are found by running them, and the row is told how many of its
own were found again. Rows that cannot be used are named with the reason, and nothing of them is written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sandboxes.images.recipe import Say
from tasks.errors import TaskError
from tasks.importers.foreign import Foreign
from tasks.patches import MalformedPatchError, changed_paths, patch_between
from tasks.synthesis.baseline import bare_task
from tasks.synthesis.clone import Clone, open_clone
from tasks.synthesis.environment import Environment, make_environment
from tasks.synthesis.project import Choices, Project, describe, slug
from tasks.synthesis.settling import RefusedError, settle
from tasks.synthesis.synth import OpenImage
from tasks.task import Task
from tasks.tree import RepositoryTree
from tasks.writing import NewRepository, NewTask, Origin, SuiteWriter

_SECONDS: Final = 120.0
_STATEMENT: Final = 20


@dataclass(slots=True)
class Brought:
    """What became of the rows."""

    kept: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    """Reasons by id."""
    not_honoured: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By id: what a row asked for and did not get."""


async def bring(
    tasks: Iterable[Foreign | TaskError],
    output: Path,
    open_image: OpenImage,
    *,
    clones: Path | None,
    repeats: int,
    say: Say,
    on_task: Callable[[str, str], None] = lambda _id, _words: None,
) -> Brought:
    """Write those that are fair into the suite at `output`; those that are there already stay. `on_task` is told of each. SandboxError."""
    writer = SuiteWriter(output, name=output.name, description="Imported by harness tasks import", licence="see provenance.toml")
    brought = Brought()
    for number, foreign in enumerate(tasks):
        if isinstance(foreign, TaskError):
            brought.refused[f"row {number + 1}"] = str(foreign)
            on_task(f"row {number + 1}", str(foreign))
            continue
        brought.not_honoured[foreign.instance_id] = foreign.not_honoured
        if await asyncio.to_thread((output / "tasks" / foreign.instance_id).is_dir):
            brought.kept.append(foreign.instance_id)
            continue
        try:
            notes = await _bring_one(foreign, writer, open_image, clones=clones, repeats=repeats, say=say)
        except (TaskError, RefusedError) as error:
            brought.refused[foreign.instance_id] = str(error)
            on_task(foreign.instance_id, f"refused: {error}")
            continue
        brought.kept.append(foreign.instance_id)
        brought.not_honoured[foreign.instance_id] += notes
        on_task(foreign.instance_id, "brought")
    return brought


async def _bring_one(
    foreign: Foreign, writer: SuiteWriter, open_image: OpenImage, *, clones: Path | None, repeats: int, say: Say
) -> tuple[str, ...]:
    """Its notes beside what the row could not be honoured in."""
    if len(foreign.problem_statement.strip()) < _STATEMENT:
        raise TaskError(f"{foreign.instance_id}: it has no problem statement")
    project, environment = await asyncio.to_thread(_project, foreign, clones, say)
    task, base, patch = _task(foreign, project, environment)
    files = [path for path in _tests(foreign, task, project) if path not in project.type_test_files]
    async with open_image(environment.image) as open_sandbox:
        settled = await settle(task, files, open_sandbox, repeats=repeats)
    expected = settled.expected
    hidden = sorted({test.partition("::")[0] for test in expected.fail_to_pass}) if not foreign.test_patch else []
    notes = _found_again(foreign, (*expected.fail_to_pass, *expected.pass_to_pass))
    writer.begin()
    name = foreign.instance_id if foreign.base_commit is None else f"{project.name}-{foreign.base_commit[:8]}"
    repository = NewRepository(
        name=name,
        description=str(project.package.get("description") or foreign.repo),
        licence=project.licence if foreign.licence == "unknown" else foreign.licence,
        runner=task.runner,
        test_files=task.test_files,
        type_test_files=task.type_test_files,
        image=environment.image,
        test_timeout_seconds=_SECONDS,
        origin=foreign.repo,
        commit=foreign.base_commit,
        made_by=f"harness tasks import, {foreign.format}",
        notes=(*project.notes, *environment.notes),
    )
    new = NewTask(
        instance_id=foreign.instance_id,
        repo=name,
        title=foreign.problem_statement.strip().splitlines()[0].strip("# ")[:120],
        kind="feature" if foreign.format in ("functions", "exercism") else "bug",
        difficulty="medium",
        created_at=(foreign.created_at or datetime.now(UTC).date().isoformat())[:10],
        problem_statement=foreign.problem_statement,
        patch=patch,
        base_patch=base,
        test_patch=foreign.test_patch,
        hidden=tuple(hidden),
        expected=expected,
        origin=Origin(
            made_by=foreign.format, commit=foreign.base_commit, failing_tests=len(expected.fail_to_pass), files=len(changed_paths(patch)),
            told="row", statement_by="row", notes=(*foreign.not_honoured, *notes),
        ),
    )  # fmt: skip
    packages = (environment.package, environment.lock) if environment.package else None
    await asyncio.to_thread(writer.add_repository, repository, project.tree, packages)
    await asyncio.to_thread(writer.add_task, new)
    return notes


def _project(foreign: Foreign, clones: Path | None, say: Say) -> tuple[Project, Environment]:
    """The project without its hidden tests, as their runner needs it, and the packages that it and they need."""
    if foreign.files:
        tree, commit = RepositoryTree(foreign.files), None
    else:
        clone = _clone(foreign, clones)
        commit = clone.resolve(foreign.base_commit or "HEAD")
        tree = clone.tree(commit)[0]
    name = slug(foreign.repo.rpartition("/")[2])
    if foreign.runner == "reward":
        bare = Project(name, tree, commit, {}, "node:test", (), (), (), foreign.licence, ())
        return bare, make_environment(bare, say)
    try:
        whole = tree.patched(foreign.test_patch) if foreign.test_patch.strip() else tree
    except TaskError as error:
        raise TaskError(f"{foreign.instance_id}: its test_patch does not apply to its commit: {error}") from error
    described = describe(name, whole, commit, Choices())
    laid = {path: content for path, content in described.tree.files.items() if whole.files.get(path) != content}
    without = replace(described, tree=RepositoryTree({**tree.files, **laid}, tree.executables))
    return without, make_environment(described, say)


def _task(foreign: Foreign, project: Project, environment: Environment) -> tuple[Task, str, str]:
    """The task, the patch that makes its tree, and the gold patch."""
    base, patch, tree = "", foreign.patch, project.tree
    if foreign.bug_patch:
        try:
            tree = project.tree.patched(foreign.bug_patch)
        except TaskError as error:
            raise TaskError(f"{foreign.instance_id}: its bug does not apply to its commit: {error}") from error
        base = foreign.bug_patch
        try:
            patch = patch_between(
                {path: tree.files[path] for path in tree.files if tree.files[path] != project.tree.files.get(path)},
                {path: project.tree.files[path] for path in project.tree.files if tree.files.get(path) != project.tree.files[path]},
            )
        except (UnicodeDecodeError, ValueError, MalformedPatchError) as error:
            raise TaskError(f"{foreign.instance_id}: its bug cannot be turned round: {error}") from error
    task = bare_task(project, environment.image, seconds=_SECONDS).model_copy(
        update={"instance_id": foreign.instance_id, "patch": patch, "test_patch": foreign.test_patch, "tree": tree}
    )
    if foreign.test_files:
        task = task.model_copy(update={"test_files": foreign.test_files, "runner": foreign.runner or task.runner})
    return task, base, patch


def _tests(foreign: Foreign, task: Task, project: Project) -> list[str]:
    """The test files that grade: those of the hidden tests and, where they are few, all others."""
    touched = changed_paths(task.test_patch) if task.test_patch.strip() else []
    if foreign.runner == "reward":
        return [path for path in touched if f"/{path}" in foreign.test_files]
    known = {*project.test_files}
    return sorted(known if len(known) <= 40 or not touched else {path for path in touched if path in known})


def _found_again(foreign: Foreign, found: tuple[str, ...]) -> tuple[str, ...]:
    listed = (*foreign.fail_to_pass, *foreign.pass_to_pass)
    if not listed:
        return ()
    titles = {_title(test) for test in found}
    again = sum(_title(test) in titles or any(_title(test).endswith(title) for title in titles) for test in listed)
    return (f"{again} of the {len(listed)} tests that it lists are among the {len(found)} found here",)


def _title(test: str) -> str:
    return "".join(character for character in test.rpartition("::")[2].lower() if character.isalnum())


def _clone(foreign: Foreign, clones: Path | None) -> Clone:
    """The clone of a repository in a directory of clones: owner/name, owner+name, owner__name or name, `.git` or not."""
    if clones is None:
        raise TaskError(
            f"{foreign.instance_id}: its repository {foreign.repo} is not in the row: give a directory with its clone, --clones DIR"
        )
    owner, _, name = foreign.repo.rpartition("/")
    names = [f"{owner}/{name}", f"{owner}+{name}", f"{owner}__{name}", name]
    for place in (clones / f"{each}{ending}" for each in names for ending in ("", ".git", "/repo")):
        if place.is_dir() and (clone := open_clone(place)) is not None:
            return clone
    raise TaskError(f"{foreign.instance_id}: there is no clone of {foreign.repo} in {clones} (as {', '.join(names)})")
