"""A Docker daemon that is killed under rollouts: named failures at once, with what was done kept, and no box left when it is back."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.agent import ToolAgent
from harness.config import AgentLimits
from harness.engines import choose_engine
from harness.rollout import Setting, rollout
from sandboxes.sandbox import Limits, Sandbox, SandboxEngine, SandboxError, opener
from tests.conftest import DOCKER_PROBLEM
from tests.harness.fakes import ScriptModel, answer
from tests.sandboxes.boxes import left
from tests.sandboxes.relay import Relay
from trajectories.store import RunStore, read_trajectory

pytestmark = [pytest.mark.docker, pytest.mark.skipif(DOCKER_PROBLEM is not None, reason=DOCKER_PROBLEM or "")]

SETTING = Setting(sandbox="docker", image="sha256:0", harness_version="1", harness_commit=None)
SMALL = Limits(memory_bytes=512 * 1024 * 1024)
MAKE = answer(("bash", {"command": "echo 1 > made.ts"}))
WAIT = answer(("bash", {"command": "sleep 300", "timeout_seconds": 300}))


@pytest.fixture
def relay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Relay]:
    with Relay(tmp_path / "docker.sock") as between:
        monkeypatch.setenv("DOCKER_HOST", between.address)
        yield between


@pytest.fixture
async def warm(relay: Relay, said: list[str]) -> AsyncIterator[SandboxEngine]:
    """Boxes as a run has them: some wait in the pool when the daemon goes."""
    engine = choose_engine("docker", "node24", said.append, concurrency=2)
    await engine.start()
    yield engine
    await engine.close()


@pytest.fixture
def said() -> list[str]:
    return []


class Watched:
    """A box that tells when its diff has been taken."""

    def __init__(self, box: Sandbox) -> None:
        self._box = box
        self.saved = asyncio.Event()

    async def diff(self, **how: Any) -> bytes:
        content = await self._box.diff(**how)
        self.saved.set()
        return content

    def __getattr__(self, name: str) -> Any:
        return getattr(self._box, name)


class WaitingModel(ScriptModel):
    """Thinks about its second answer until the diff is saved."""

    def __init__(self) -> None:
        super().__init__(MAKE, WAIT)
        self.box: Watched | None = None
        self.waits = asyncio.Event()

    async def complete(self, messages, tools, *, seed=None):
        if self.sent:
            assert self.box is not None
            await self.box.saved.wait()
            self.waits.set()
        return await super().complete(messages, tools, seed=seed)


async def test_a_daemon_that_is_killed_ends_rollouts_by_name_and_leaves_no_box_when_it_is_back(
    mini, relay: Relay, warm: SandboxEngine, said: list[str], tmp_path: Path
):
    model = WaitingModel()

    @contextlib.asynccontextmanager
    async def open_and_watch() -> AsyncIterator[Sandbox]:
        async with opener(warm, SMALL)() as box:
            model.box = Watched(box)
            yield model.box

    with RunStore(tmp_path / "run") as store:
        task = mini.tasks[0]
        agent = ToolAgent(model, AgentLimits(turns=5), save_diff_seconds=0.0)
        keep = store.transcript(task.instance_id, 0).add
        going = asyncio.create_task(rollout(task, agent, open_and_watch, SETTING, on_messages=keep))
        async with asyncio.timeout(100):
            await model.waits.wait()
        relay.cut()
        async with asyncio.timeout(20):  # long before the command's own deadline
            store.save(await going)
            with pytest.raises(SandboxError, match=r"a container could not be made: .*refused") as refused:
                await warm.open(SMALL)
    assert "\n" not in str(refused.value)
    kept = read_trajectory(tmp_path / "run/trials" / task.instance_id / "0")
    assert kept.failure is not None
    assert (kept.failure.kind, kept.failure.during) == ("sandbox", "agent")
    assert re.match("the box (ended in the middle of its work|is gone)", kept.failure.message)
    assert "".join(message.role[0] for message in kept.messages) == "suatat"
    assert "+++ b/made.ts" in kept.patch

    relay.mend()
    box = await warm.open(SMALL)
    assert (await box.exec(["true"], timeout_seconds=20)).ok
    await box.close()
    await warm.close()
    assert left("docker") == []
    assert said == []


async def test_an_engine_that_is_closed_without_its_daemon_says_what_is_left_and_sweeps_it_later(
    relay: Relay, warm: SandboxEngine, said: list[str]
):
    box = await warm.open(SMALL)
    relay.cut()
    async with asyncio.timeout(30):
        await box.close()
        await warm.close()
    (line,) = said
    assert "boxes are left there; `harness gc` removes them" in line
    with pytest.raises(SandboxError, match="no Docker daemon answers"):
        await warm.sweep()
    relay.mend()
    assert box.name in left("docker")
    assert box.name in await warm.sweep()
    assert left("docker") == []
