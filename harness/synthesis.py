"""`harness tasks synth | mine`: a repository made a suite, with boxes of its own packages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from harness.engines import Backend, choose_engine
from sandboxes.images.recipe import Say
from sandboxes.sandbox import Limits, opener
from tasks.errors import TaskError
from tasks.grading import OpenSandbox
from tasks.synthesis.choice import Tally
from tasks.synthesis.clone import open_clone
from tasks.synthesis.environment import make_environment
from tasks.synthesis.history import Bounds, read_commits, read_issues
from tasks.synthesis.mine import MineSettings, MineTally, mine
from tasks.synthesis.project import Choices, origin_of, read_project
from tasks.synthesis.statements import WriteStatement
from tasks.synthesis.synth import OpenImage, SynthSettings, discard_if_empty, synthesise


def images(backend: Backend, say: Say, *, jobs: int) -> OpenImage:
    """Engines by image, each started when it is asked for and closed with its context."""

    @asynccontextmanager
    async def open_image(image: str) -> AsyncIterator[OpenSandbox]:
        engine = choose_engine(backend, image, say, concurrency=jobs)
        try:
            await engine.start()
            yield opener(engine, Limits())
        finally:
            await engine.close()

    def lent(image: str) -> AbstractAsyncContextManager[OpenSandbox]:
        return open_image(image)

    return lent


async def synthesise_suite(
    repository: Path,
    choices: Choices,
    output: Path,
    settings: SynthSettings,
    *,
    backend: Backend,
    deps: Path | None,
    say: Say,
    on_progress: Callable[[Tally], None],
    write: WriteStatement | None,
) -> Tally:
    """Everything of `harness tasks synth` but its words. What cannot be used leaves nothing behind."""
    existed = await asyncio.to_thread(output.exists)
    project = await asyncio.to_thread(read_project, repository, choices)
    try:
        environment = await asyncio.to_thread(make_environment, project, say, deps=deps)
        return await synthesise(
            project,
            environment,
            output,
            settings,
            images(backend, say, jobs=settings.jobs),
            say=say,
            origin=origin_of(project, repository),
            on_progress=on_progress,
            write=write,
        )
    finally:
        if not existed:
            discard_if_empty(output)


async def mine_suite(
    repository: Path,
    choices: Choices,
    output: Path,
    bounds: Bounds,
    settings: MineSettings,
    *,
    backend: Backend,
    deps: Path | None,
    commits: Path | None,
    issues: Path | None,
    say: Say,
    on_progress: Callable[[MineTally], None],
) -> MineTally:
    """Everything of `harness tasks mine` but its words. What cannot be used leaves nothing behind."""
    existed = await asyncio.to_thread(output.exists)
    clone = await asyncio.to_thread(open_clone, repository)
    if clone is None:
        raise TaskError(f"{repository}: it is no git repository, so it has no history to mine; for its files: harness tasks synth")
    exactly: Sequence[str] = read_commits(commits) if commits else ()
    known = read_issues(issues) if issues else {}
    project = await asyncio.to_thread(read_project, repository, choices)
    try:
        environment = await asyncio.to_thread(make_environment, project, say, deps=deps)
        open_image = images(backend, say, jobs=settings.jobs)
        return await mine(
            clone,
            project,
            environment,
            output,
            choices,
            bounds,
            settings,
            open_image,
            say=say,
            origin=origin_of(project, repository),
            exactly=exactly,
            issues=known,
            on_progress=on_progress,
        )
    finally:
        if not existed:
            discard_if_empty(output)
