"""Fixtures that several rooms share: the mini suite, and live engines of both backends."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from harness.engines import bare_engine
from sandboxes.docker import connect
from sandboxes.sandbox import Limits, Sandbox, SandboxEngine, SandboxError, opener
from tasks.grading import OpenSandbox
from tasks.suite import Suite, load_suite

# There is a worker for each core: threads of torch's, here and in what tests start, would only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

MINI = Path(__file__).parent / "mini"


def _docker_problem() -> str | None:
    try:
        connect().close()
    except SandboxError as error:
        return str(error)
    return None


DOCKER_PROBLEM = _docker_problem()

BACKENDS = [
    pytest.param("docker", marks=[pytest.mark.docker, pytest.mark.skipif(DOCKER_PROBLEM is not None, reason=DOCKER_PROBLEM or "")]),
    pytest.param("bubblewrap"),
]


@pytest.fixture(scope="session")
def mini() -> Suite:
    """Three tasks on two tiny repositories: node:test, type tests, vitest."""
    return load_suite(str(MINI))


@pytest.fixture
def notes() -> list[str]:
    """What an engine said while it started."""
    return []


@pytest.fixture(params=BACKENDS)
async def engine(request: pytest.FixtureRequest, notes: list[str]) -> AsyncIterator[SandboxEngine]:
    """A started engine, once for each backend."""
    started = bare_engine(request.param, "node24", notes.append)
    await started.start()
    yield started
    await started.close()


@pytest.fixture
def open_sandbox(engine: SandboxEngine) -> OpenSandbox:
    return opener(engine, Limits(memory_bytes=512 * 1024 * 1024))


@pytest.fixture
async def sandbox(open_sandbox: OpenSandbox) -> AsyncIterator[Sandbox]:
    """An open box, empty."""
    async with open_sandbox() as box:
        yield box
