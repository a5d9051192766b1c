"""Boxes and servers that die under rollouts: each is a named failure with its transcript kept, and nothing stays on the machine."""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path

import pytest

from benchmarks.faults import Record
from benchmarks.soak import not_kept, soak
from harness.agent import ToolAgent
from harness.chat import ChatError
from harness.config import AgentLimits
from harness.engines import sweep_all
from harness.rollout import Setting, rollout
from sandboxes.sandbox import SandboxEngine
from tasks.grading import OpenSandbox
from tests.conftest import BACKENDS
from tests.harness.fakes import MemoryEngine, ScriptModel, answer
from tests.sandboxes.boxes import kill_a_box, left
from trajectories.store import RunStore
from trajectories.transcript import read_transcript

SETTING = Setting(sandbox="any", image="sha256:0", harness_version="1", harness_commit=None)
LOOK = answer(("bash", {"command": "echo looked; ls"}))
WAIT = answer(("bash", {"command": "touch waiting; sleep 60"}))
SUBMIT = answer(("submit", {}))


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    if request.param == "bubblewrap" and os.geteuid() != 0:
        pytest.skip("the boxes of bubblewrap are known by their control groups, which only root can make")
    return str(request.param)


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
async def test_rollouts_among_faults_are_resolved_or_named_and_leave_nothing(backend: str, tmp_path: Path):
    soaked = await soak(backend, 20, tmp_path, at_once=4, seed=random.randrange(1000))
    assert soaked.wrong == [], soaked
    assert soaked.outcomes["submitted, resolved"] > 0
    assert soaked.faults.total() > 0
    assert await sweep_all(lambda line: None) == []


def test_a_rollout_that_fails_for_nothing_is_told_of():
    record = Record(
        box_faults={"a": "box killed"},
        held={1: {"a"}, 2: {"b"}},
        server_faults={3: "one 500", 4: "500s for good"},
        disk_faults={5},
    )
    assert [record.befell(number) for number in range(6)] == [[], ["box killed"], [], [], ["500s for good"], ["disk full"]]
    assert record.before_anybody_had_it() == 0


async def test_a_failed_rollout_that_lost_something_is_told_of(mini, tmp_path: Path):
    record = Record()
    agent = ToolAgent(ScriptModel(LOOK, ChatError("connection", "gone")), AgentLimits(turns=5))
    with RunStore(tmp_path) as store:
        transcript = store.transcript(mini.tasks[0].instance_id, 0)
        open_sandbox = record.watch(0, MemoryEngine().sandbox)
        kept = await rollout(mini.tasks[0], agent, open_sandbox, SETTING, on_messages=transcript.add)
        said = read_transcript(transcript.file)
        store.save(kept)
    place = tmp_path / "trials" / mini.tasks[0].instance_id / "0"
    assert record.last_diffs == {0: b""}, "the endpoint failed, and the box was still asked"
    assert list(not_kept(place, kept, said, record)) == []
    assert "has 3 of 4 messages" in " ".join(not_kept(place, kept, said[:-1], record))
    assert "the last diff has 4" in " ".join(not_kept(place, kept, said, Record(last_diffs={0: b"diff"})))
    assert "patch on the disk is another" in " ".join(not_kept(place, kept.model_copy(update={"patch": "x"}), said, record))
    cut = kept.model_copy(update={"messages": kept.messages[:-1]})
    assert "1 calls and 0 results" in " ".join(not_kept(place, cut, None, record))
