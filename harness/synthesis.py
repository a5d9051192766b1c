"""`harness tasks synth`: a repository made a suite, with boxes of its own packages, progress, and a model for its statements."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from harness.engines import Backend, choose_engine
from sandboxes.images.recipe import Say
from sandboxes.sandbox import Limits, opener
from tasks.grading import OpenSandbox
from tasks.synthesis.environment import make_environment
from tasks.synthesis.project import Choices, read_project
from tasks.synthesis.statements import WriteStatement
from tasks.synthesis.synth import OpenImage, SynthSettings, Tally, discard_if_empty, synthesise


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
            origin=str(repository),
            on_progress=on_progress,
            write=write,
        )
    finally:
        if not existed:
            discard_if_empty(output)
