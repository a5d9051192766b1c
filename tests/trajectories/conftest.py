"""What the tests of this room share: a trajectory of which each field can be given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tasks.task import Grade
from trajectories.trajectory import Message, Provenance, ToolCall, Trajectory, Turn, Usage


@pytest.fixture
def make_grade() -> Callable[..., Grade]:
    def make(**fields: Any) -> Grade:
        given: dict[str, Any] = {
            "resolved": True,
            "verdict": "resolved",
            "tests": {"test/a.test.ts::a": "passed"},
            "new_type_errors": (),
            "new_lint_findings": (),
            "stripped": (),
            "checks": (),
            "duration_seconds": 1.5,
        }
        return Grade(**(given | fields))

    return make


@pytest.fixture
def make_trajectory(make_grade: Callable[..., Grade]) -> Callable[..., Trajectory]:
    def make(instance_id: str = "a-task", attempt: int = 0, **fields: Any) -> Trajectory:
        usage = Usage(input_tokens=10, output_tokens=5)
        given: dict[str, Any] = {
            "model": "a-model",
            "sampling": {"temperature": 0.2},
            "tools": ({"type": "function"},),
            "messages": (
                Message(role="system", content="You repair."),
                Message(role="user", content="Repair it."),
                Message(role="assistant", tool_calls=(ToolCall(id="1", name="submit", arguments="{not json"),)),
            ),
            "turns": (Turn(message_index=2, finish_reason="tool_calls", usage=usage, latency_seconds=0.5),),
            "stop_reason": "submitted",
            "patch": "diff --git a/x b/x\n",
            "grade": make_grade(),
            "usage": usage,
            "started_at": "2026-11-20T12:00:00Z",
            "duration_seconds": 3.0,
            "provenance": Provenance(task_digest="d", base_commit="c", sandbox="docker", image="i", harness_version="0"),
        }
        return Trajectory(instance_id=instance_id, attempt=attempt, **(given | fields))

    return make
