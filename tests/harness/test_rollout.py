"""One rollout: what it records, and that no failure of the infrastructure gets out of it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import datetime

import pytest

from harness.agent import ToolAgent
from harness.chat import ChatError
from harness.config import AgentLimits, Prices
from harness.rollout import Setting, rollout
from sandboxes.sandbox import REPOSITORY, SandboxError
from tasks.suite import task_digest
from tests.harness.fakes import MemoryBox, MemoryEngine, ScriptModel, answer
from trajectories.errors import StoreError
from trajectories.trajectory import Failure, Trajectory

SETTING = Setting(sandbox="memory", image="sha256:0", harness_version="1", harness_commit=None)
SUBMIT = answer(("submit", {}))
LOOK = answer(("bash", {"command": "ls"}))


@pytest.fixture
def task(mini):
    return next(task for task in mini.tasks if task.instance_id == "sums-single")


def agent_of(*steps) -> ToolAgent:
    return ToolAgent(ScriptModel(*steps), AgentLimits(turns=5), Prices(input=1e5, output=0))


async def roll(task, open_sandbox, *steps, **how) -> Trajectory:
    return await rollout(task, agent_of(*steps), open_sandbox, SETTING, **how)


async def test_an_edit_that_solves_the_task_is_graded_as_resolved(task, open_sandbox):
    old = task.tree.files["src/sum.ts"].decode()
    new = "export function sum(values: readonly number[]): number {\n  return values.reduce((a, b) => a + b, 0);\n}\n"
    edit = answer(("edit", {"command": "replace", "path": "src/sum.ts", "old_text": old, "new_text": new}))
    trajectory = await roll(task, open_sandbox, edit, SUBMIT, attempt=2, tries=3, seed=9)
    assert trajectory.grade is not None
    assert (trajectory.grade.verdict, trajectory.reward, trajectory.failure) == ("resolved", 1.0, None)
    assert "+  return values.reduce" in trajectory.patch
    assert trajectory.stop_reason == "submitted"


async def test_the_record_says_what_was_run(task):
    engine = MemoryEngine()
    told = []
    trajectory = await roll(task, engine.sandbox, LOOK, SUBMIT, attempt=2, tries=3, seed=9, on_messages=told.extend)
    assert (trajectory.instance_id, trajectory.attempt, trajectory.tries) == ("sums-single", 2, 3)
    assert (trajectory.model, trajectory.sampling) == ("script", {"max_tokens": 16, "seed": 9})
    assert [message.role for message in trajectory.messages] == ["system", "user", "assistant", "tool", "assistant", "tool"]
    assert trajectory.messages[1].content == task.problem_statement
    assert tuple(told) == trajectory.messages
    assert len(trajectory.turns) == 2
    assert trajectory.cost == pytest.approx(2.0)
    assert trajectory.provenance.model_dump(exclude_none=True) == {
        "task_digest": task_digest(task),
        "base_commit": task.base_commit,
        "sandbox": "memory",
        "image": "sha256:0",
        "harness_version": "1",
        "repo": "sums",
    }
    assert datetime.fromisoformat(trajectory.started_at).utcoffset().total_seconds() == 0
    assert Trajectory.model_validate_json(trajectory.model_dump_json()) == trajectory


async def test_what_boxes_take_and_the_wait_to_be_graded_is_told_apart(task):
    engine = MemoryEngine()
    slot = asyncio.Semaphore(0)

    @asynccontextmanager
    async def slow():
        if not engine.opened:  # the agent's box
            opened = asyncio.Event()
            asyncio.get_running_loop().call_later(0.05, opened.set)
            await opened.wait()
        async with engine.sandbox() as box:
            yield box

    def submit(messages):
        if messages[-1].role == "tool":
            asyncio.get_running_loop().call_later(0.05, slot.release)

    trajectory = await roll(task, slow, SUBMIT, grading=slot, on_messages=submit)
    assert 0.099 <= trajectory.box_seconds <= trajectory.duration_seconds


async def test_work_that_changes_nothing_has_no_patch_and_no_reward_but_a_grade(task):
    engine = MemoryEngine()
    trajectory = await roll(task, engine.sandbox, SUBMIT)
    assert trajectory.grade is not None
    assert (trajectory.patch, trajectory.grade.verdict, trajectory.reward) == ("", "no_patch", 0.0)
    assert len(engine.opened) == 2  # the agent's box and another for the grade
    assert all(box.closed for box in engine.opened)


async def test_work_that_hits_a_limit_is_graded_too(task):
    trajectory = await rollout(task, ToolAgent(ScriptModel(LOOK), AgentLimits(turns=2)), MemoryEngine().sandbox, SETTING)
    assert trajectory.stop_reason == "turn_limit"
    assert trajectory.grade is not None


@pytest.mark.parametrize("kind", ["connection", "server", "rate_limit", "authentication", "quota", "not_found", "bad_request", "protocol"])
async def test_a_failure_of_the_endpoint_is_on_the_record_with_all_that_came_before(task, kind):
    engine = MemoryEngine()
    trajectory = await roll(task, engine.sandbox, LOOK, ChatError(kind, "it said no"))
    assert trajectory.failure == Failure(kind=kind, during="agent", message="it said no")
    assert (trajectory.grade, trajectory.reward, trajectory.stop_reason) == (None, None, None)
    assert len(trajectory.turns) == 1
    assert engine.openings == 1
    assert engine.opened[0].closed


@pytest.mark.parametrize(("refused", "roles"), [(0, "su"), (1, "suat"), (2, "suat"), (3, "suatat")])
async def test_messages_that_cannot_be_kept_are_a_failure_with_all_that_was_said(task, open_sandbox, refused, roles):
    calls = 0

    def keep(messages):
        nonlocal calls
        calls += 1
        if calls > refused:  # 0: what the rollout begins with; then an answer and its result in turns
            raise StoreError("no space left")

    trajectory = await roll(task, open_sandbox, WRITE, SUBMIT, on_messages=keep)
    assert trajectory.failure == Failure(kind="disk", during="agent", message="no space left")
    assert "".join(message.role[0] for message in trajectory.messages) == roles
    assert len(trajectory.turns) == roles.count("a"), "each answer that was paid for has its turn"
    assert ("+++ b/made.ts" in trajectory.patch) == (refused > 1)
    assert trajectory.grade is None


async def test_a_box_that_does_not_open_is_on_the_record(task):
    trajectory = await roll(task, MemoryEngine(fails=lambda number: number == 0).sandbox, SUBMIT)
    assert trajectory.failure == Failure(kind="sandbox", during="agent", message="no more boxes")
    assert trajectory.grade is None


async def test_a_grading_box_that_does_not_open_leaves_the_work_ungraded(task):
    trajectory = await roll(task, MemoryEngine(fails=lambda number: number == 1).sandbox, SUBMIT)
    assert trajectory.failure == Failure(kind="sandbox", during="grading", message="no more boxes")
    assert (trajectory.stop_reason, trajectory.grade, trajectory.reward) == ("submitted", None, None)


class ClosingModel(ScriptModel):
    """Closes the box before its second answer, as a daemon that dies would."""

    box = None

    async def complete(self, messages, tools, *, seed=None):
        if len(self.sent) == 1:
            await self.box.close()
        return await super().complete(messages, tools, seed=seed)


async def test_a_live_box_that_is_closed_in_the_middle_is_a_failure(task, open_sandbox):
    model = ClosingModel(LOOK, LOOK)
    opened = []

    @asynccontextmanager
    async def open_and_keep():
        async with open_sandbox() as box:
            opened.append(box)
            model.box = box
            yield box

    trajectory = await rollout(task, ToolAgent(model, AgentLimits(turns=5)), open_and_keep, SETTING)
    assert trajectory.failure is not None
    assert (trajectory.failure.kind, trajectory.failure.during) == ("sandbox", "agent")
    assert len(trajectory.turns) == 2
    assert len(opened) == 1


WRITE = answer(("bash", {"command": "echo 1 > made.ts"}))
LATER = answer(("bash", {"command": "echo 2 > later.ts"}))


async def test_work_whose_endpoint_dies_keeps_its_diff_and_has_no_grade(task, open_sandbox):
    trajectory = await roll(task, open_sandbox, WRITE, ChatError("connection", "gone"))
    assert trajectory.failure == Failure(kind="connection", during="agent", message="gone")
    assert "+++ b/made.ts" in trajectory.patch
    assert (trajectory.grade, trajectory.reward) == (None, None)


class ThinkingModel(ClosingModel):
    """Closes the box before its third answer, and takes its time for the second."""

    async def complete(self, messages, tools, *, seed=None):
        if len(self.sent) == 1:
            await asyncio.sleep(self.think_seconds)
        if len(self.sent) == 2:
            await self.box.close()
        return await ScriptModel.complete(self, messages, tools, seed=seed)


@pytest.mark.parametrize(("think_seconds", "saved"), [(3.0, True), (0.0, False)])
async def test_work_whose_box_dies_keeps_the_last_diff_that_there_was_time_for(task, open_sandbox, think_seconds, saved):
    model = ThinkingModel(WRITE, LATER, LOOK)
    model.think_seconds = think_seconds

    @asynccontextmanager
    async def open_and_keep():
        async with open_sandbox() as box:
            model.box = box
            yield box

    agent = ToolAgent(model, AgentLimits(turns=5), save_diff_seconds=0.0)
    trajectory = await rollout(task, agent, open_and_keep, SETTING)
    assert trajectory.failure is not None
    assert (trajectory.failure.kind, trajectory.grade) == ("sandbox", None)
    assert ("+++ b/made.ts" in trajectory.patch) == saved
    assert "later.ts" not in trajectory.patch
    assert [message.content for message in trajectory.messages if message.role == "tool"][:2] == ["[exit code 0]"] * 2


class DyingBox(MemoryBox):
    """Fails when its patch is taken."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    async def diff(self, **how):
        raise self.error


def one_of(box: MemoryBox):
    @asynccontextmanager
    async def open_sandbox():
        yield box

    return open_sandbox


async def test_a_box_that_dies_before_its_patch_is_taken_is_a_failure(task):
    trajectory = await roll(task, one_of(DyingBox(SandboxError("gone"))), SUBMIT)
    assert trajectory.failure == Failure(kind="sandbox", during="agent", message="gone")


async def test_a_patch_that_is_too_large_is_no_patch(task):
    trajectory = await roll(task, one_of(DyingBox(OSError(27, "too large"))), SUBMIT)
    assert trajectory.grade is not None
    assert (trajectory.stop_reason, trajectory.patch, trajectory.grade.verdict) == ("submitted", "", "no_patch")


async def test_a_patch_that_is_not_utf8_is_kept_readable(task):
    class Latin(MemoryBox):
        async def diff(self, **how):
            return b"caf\xe9"

    trajectory = await roll(task, one_of(Latin()), SUBMIT)
    assert trajectory.patch == "caf\ufffd"
    assert trajectory.grade is not None
    assert trajectory.grade.verdict == "patch_rejected"


async def test_our_own_bugs_are_not_hidden(task):
    with pytest.raises(ZeroDivisionError):
        await roll(task, one_of(DyingBox(ZeroDivisionError())), SUBMIT)


async def test_a_live_box_holds_the_task_and_neither_its_solution_nor_its_tests(task, open_sandbox):
    command = (
        f"cat {REPOSITORY}/src/sum.ts; find {REPOSITORY} / -name '*single*' -not -path '/proc/*' 2>/dev/null; git log --oneline | wc -l"
    )
    trajectory = await roll(task, open_sandbox, answer(("bash", {"command": command})), SUBMIT)
    said = trajectory.messages[3].content
    assert task.tree.files["src/sum.ts"].decode() in said
    assert "single.test.ts" not in said
    assert "\n1\n[exit code" in said
