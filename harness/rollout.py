"""One rollout: the agent at work in its box, its patch, the grade in another box, and the record of it all.

The one place where a failure of the infrastructure is caught: it becomes a `Failure` on the trajectory.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime

from harness.agent import Conversation, ToolAgent, cost
from harness.chat import ChatError
from sandboxes.sandbox import SandboxError
from tasks.grading import OpenSandbox, grade
from tasks.suite import task_digest
from tasks.task import Grade, Task
from trajectories.errors import StoreError
from trajectories.integrity import examine_transcript
from trajectories.trajectory import Failure, FailureKind, Message, Provenance, StopReason, Trajectory


@dataclass(frozen=True, slots=True)
class Setting:
    """What the rollouts of a run have in common besides agent and boxes; goes into every record."""

    sandbox: str
    image: str
    harness_version: str
    harness_commit: str | None
    code_digest: str | None = None
    config_digest: str | None = None
    suite: str | None = None
    server: str | None = None
    """Software and version behind the endpoint, as far as it tells."""


async def rollout(
    task: Task,
    agent: ToolAgent,
    open_sandbox: OpenSandbox,
    setting: Setting,
    *,
    attempt: int = 0,
    tries: int = 1,
    seed: int | None = None,
    on_messages: Callable[[Sequence[Message]], None] = lambda messages: None,
    grading: AbstractAsyncContextManager[object] | None = None,
) -> Trajectory:
    """Let the agent work on the task and grade what it leaves. Never raises for what agent, model or infrastructure do.

    `on_messages` keeps them as they come; its StoreError is a failure of the infrastructure, and all that was said is in the record. `grading` is
    held while the patch is graded: the slots that the rollouts of a run share.
    """
    started = time.monotonic()
    started_at = datetime.now(UTC)
    conversation = agent.begin(task.problem_statement)
    conversation.on_messages = on_messages
    stop_reason: StopReason | None = None
    failure: Failure | None = None
    patch = ""
    verdict: Grade | None = None
    try:
        on_messages(conversation.messages)
        stop_reason, patch = await _attempt(task, agent, conversation, open_sandbox, seed)
    except (SandboxError, ChatError, StoreError) as error:
        failure = _failure(error, "agent")
        patch = conversation.last_diff.decode("utf-8", "replace")
    ended = time.monotonic()
    boxes = ended - started - conversation.worked_seconds
    if failure is None:
        try:
            async with grading or contextlib.nullcontext():
                boxes += time.monotonic() - ended
                verdict = await grade(task, patch, open_sandbox)
            done = await asyncio.to_thread(examine_transcript, tuple(conversation.messages))
            verdict = verdict.model_copy(update={"integrity": (*verdict.integrity, *done)})
        except SandboxError as error:
            failure = _failure(error, "grading")
    return Trajectory(
        instance_id=task.instance_id,
        attempt=attempt,
        tries=tries,
        model=agent.model.name,
        sampling=agent.model.sampling(seed),
        tools=tuple(conversation.tools),
        messages=tuple(conversation.messages),
        turns=tuple(conversation.turns),
        segments=tuple(conversation.segments),
        reasoning_sent=agent.model.reasoning_sent,
        stop_reason=stop_reason,
        failure=failure,
        patch=patch,
        grade=verdict,
        fail_to_pass=task.expected.fail_to_pass,
        usage=conversation.usage,
        cost=cost(conversation.usage, agent.prices),
        started_at=started_at.isoformat(timespec="milliseconds"),
        duration_seconds=round(time.monotonic() - started, 3),
        box_seconds=round(boxes, 3),
        provenance=Provenance(
            task_digest=task_digest(task),
            base_commit=task.base_commit,
            sandbox=setting.sandbox,
            image=setting.image,
            harness_version=setting.harness_version,
            harness_commit=setting.harness_commit,
            code_digest=setting.code_digest,
            config_digest=setting.config_digest,
            suite=setting.suite,
            server=setting.server,
            repo=task.repo,
        ),
    )


async def _attempt(
    task: Task, agent: ToolAgent, conversation: Conversation, open_sandbox: OpenSandbox, seed: int | None
) -> tuple[StopReason, str]:
    """The agent's part, in its own box: why it ended, and the patch it left."""
    async with open_sandbox() as sandbox:
        await sandbox.lay(task.tree.snapshot.archive)
        try:
            stop_reason = await agent.work(conversation, sandbox, seed=seed)
        except (ChatError, StoreError):
            with contextlib.suppress(SandboxError, OSError):  # the box has not failed, and most likely still answers
                conversation.last_diff = await sandbox.diff()
            raise
        try:
            patch = await sandbox.diff()
        except OSError:  # larger than any patch may be: nothing of it can be graded
            return stop_reason, ""
        return stop_reason, patch.decode("utf-8", "replace")


def _failure(error: SandboxError | ChatError | StoreError, during: str) -> Failure:
    kind: FailureKind = error.kind if isinstance(error, ChatError) else "disk" if isinstance(error, StoreError) else "sandbox"
    return Failure(kind=kind, during="agent" if during == "agent" else "grading", message=str(error))
