"""Boxes that die under rollouts: each is a named failure with its transcript kept, and nothing stays on the machine."""

from __future__ import annotations

import asyncio
import random

import pytest

from harness.agent import ToolAgent
from harness.config import AgentLimits
from harness.engines import sweep_all
from harness.rollout import Setting, rollout
from sandboxes.pool import WarmEngine
from sandboxes.sandbox import Limits, SandboxEngine, opener
from tasks.grading import OpenSandbox
from tests.harness.fakes import ScriptModel, answer
from tests.sandboxes.boxes import kill_a_box, left

SETTING = Setting(sandbox="any", image="sha256:0", harness_version="1", harness_commit=None)
LOOK = answer(("bash", {"command": "echo looked; ls"}))
WAIT = answer(("bash", {"command": "touch waiting; sleep 60"}))
SUBMIT = answer(("submit", {}))


async def test_a_box_that_dies_in_a_rollout_is_a_failure_with_its_transcript(mini, engine: SandboxEngine, open_sandbox: OpenSandbox):
    model = ScriptModel(LOOK, WAIT, SUBMIT)
    going = asyncio.create_task(rollout(mini.tasks[0], ToolAgent(model, AgentLimits(turns=5)), open_sandbox, SETTING))
    while len(model.sent) < 2:
        await asyncio.sleep(0.02)
    await asyncio.to_thread(kill_a_box, engine.name)
    async with asyncio.timeout(50):
        trajectory = await going
    assert trajectory.failure is not None
    assert (trajectory.failure.kind, trajectory.failure.during) == ("sandbox", "agent")
    assert "\n" not in trajectory.failure.message
    assert trajectory.grade is None
    assert [message.role for message in trajectory.messages] == ["system", "user", "assistant", "tool", "assistant", "tool"]
    assert "looked" in (trajectory.messages[3].content or "")
    assert left(engine.name) == []


@pytest.mark.slow
async def test_forty_rollouts_among_dying_boxes_all_come_to_an_end(mini, engine: SandboxEngine):
    warm = WarmEngine(engine, spare=1, keep=4)
    await warm.start()
    open_sandbox = opener(warm, Limits(memory_bytes=1024 * 1024 * 1024))
    abreast = asyncio.Semaphore(4)

    async def one(number: int):
        async with abreast:
            agent = ToolAgent(ScriptModel(LOOK, LOOK, SUBMIT), AgentLimits(turns=5))
            return await rollout(mini.tasks[number % len(mini.tasks)], agent, open_sandbox, SETTING, attempt=number)

    async def kill() -> None:
        while True:
            await asyncio.sleep(random.uniform(0.1, 0.3))
            if random.random() < 0.3:
                await asyncio.to_thread(kill_a_box, engine.name)

    killing = asyncio.create_task(kill())
    ended = await asyncio.gather(*(one(number) for number in range(40)))
    killing.cancel()
    await asyncio.wait([killing])
    await warm.close()
    assert left(engine.name) == []
    await sweep_all(lambda line: None)
    assert left(engine.name) == []
    for trajectory in ended:
        assert (trajectory.grade is None) == (trajectory.failure is not None)
        if trajectory.failure is not None:
            assert trajectory.failure.kind == "sandbox"
            assert "\n" not in trajectory.failure.message
    assert {trajectory.failure is None for trajectory in ended} == {True, False}
