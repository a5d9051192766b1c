"""The record of one rollout: every message as it was received, what each turn cost, how it ended, and its grade.

A rollout ends in one of two ways. It has a `stop_reason` when the agent's part came to an end of its own or of its budget; it has a
`failure` when the infrastructure failed it. A failed rollout has no grade and no reward: it says nothing about the model.

What the model was sent is kept apart from what it wrote: arguments that were mended before they went back stand beside the raw ones, and where
the context was cut down on the way, each segment says which messages the model saw (`trajectories.segments` reads them). How records of
older schemas are read is in `trajectories.record`.
"""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt

from tasks.task import Grade

SCHEMA_VERSION = 2

Role = Literal["system", "user", "assistant", "tool"]

StopReason = Literal[
    "submitted", "turn_limit", "token_limit", "time_limit", "cost_limit", "context_overflow", "gave_up", "malformed_calls", "repeating"
]  # fmt: skip
"""Why the agent's part ended. `gave_up`: answers without a tool call; `repeating`: the same call again and again."""

TurnEvent = Literal[
    "malformed_arguments", "unknown_tool", "empty_answer", "truncated_answer", "repeated_call", "tool_failed", "repaired_arguments", "history_changed"
]  # fmt: skip
"""What went wrong in a turn. Each was fed back to the model, but for `repaired_arguments` (they could be read in one way, and were) and
`history_changed` (what the server was sent did not begin with what it was sent before: its cache of the prefix is of no use)."""

FailureKind = Literal[
    "sandbox", "disk", "connection", "rate_limit", "server", "authentication", "quota", "not_found", "bad_request", "protocol"
]  # fmt: skip
"""What of the infrastructure failed: the box, the disk that the run is kept on, or the endpoint in one of the ways that `harness.chat` tells apart."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ToolCall(_Record):
    """A call as the model wrote it. `arguments` is the raw text, which need not be JSON."""

    id: str
    name: str
    arguments: str
    sent_arguments: str | None = None
    """What stood in their place in the requests after this one, where that was not `arguments`."""


class Message(_Record):
    role: Role
    content: str = ""
    reasoning: str | None = None
    """The model's thinking, where the server tells it apart."""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    cut_bytes: int = 0
    """How much of a tool's output was left out of `content`."""


class Usage(_Record):
    """Tokens as the server counted them; None where it did not say."""

    input_tokens: int | None = None
    cached_input_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    repeated_input_tokens: int | None = None
    """Read a second time for the same answer, where a budget of thinking took two requests. `input_tokens` counts each turn's once."""

    def __add__(self, other: Usage) -> Usage:
        def both(a: int | None, b: int | None) -> int | None:
            return None if a is None and b is None else (a or 0) + (b or 0)

        return Usage(**{name: both(getattr(self, name), getattr(other, name)) for name in type(self).model_fields})


class TurnTokens(_Record):
    """The very tokens of one request and its answer, from a server that tells them (`return_token_ids`)."""

    shared: int = Field(ge=0)
    """How many ids the prompt begins with that the turn before ended with: of its own prompt and answer, one after the other."""
    prompt: tuple[int, ...]
    """The rest of the prompt."""
    completion: tuple[int, ...]
    logprobs: tuple[float, ...] | None = None
    """Natural logarithms, one for each id of `completion`."""


class Turn(_Record):
    """One answer of the model and what its tool calls did."""

    message_index: int
    """Where in `Trajectory.messages` the answer stands; its tool results follow it."""
    finish_reason: str
    usage: Usage
    latency_seconds: float
    tools_seconds: float = 0.0
    requests: int = 1
    """How many requests the answer took, retries included."""
    events: tuple[TurnEvent, ...] = ()
    tokens: TurnTokens | None = None
    received: dict[str, Any] | None = None
    """The answer's message as the server sent it, where `Trajectory.messages` does not hold all of it."""
    response_id: str | None = None
    served_model: str | None = None
    """Which model the server says that it was."""


class Segment(_Record):
    """A stretch of turns that were made in one context. What the model saw is `opening`, and all messages from `start` on up to its turn."""

    first_turn: int = Field(ge=0)
    start: int = Field(ge=0)
    opening: tuple[NonNegativeInt | Message, ...]
    """Places in `Trajectory.messages`, or what stood instead: a shortened observation, a summary."""


class Failure(_Record):
    kind: FailureKind
    during: Literal["agent", "grading"]
    message: str


class Imported(_Record):
    """Where a record of another program comes from. Nothing of it was checked here."""

    format: str
    source: str
    """The file's name, without its directory."""
    row: int
    """From 0."""
    key: str | None = None
    """What the row is called there."""
    licence: str | None = None
    claimed_resolved: bool | None = None
    """What the source says of it; no verdict of ours."""


class Provenance(_Record):
    """What the rollout was made with: digests and versions, so that it can be told apart from any other. None where nobody knows."""

    task_digest: str | None = None
    base_commit: str | None = None
    sandbox: str | None = None
    image: str | None = None
    harness_version: str | None = None
    harness_commit: str | None = None
    code_digest: str | None = None
    """sha256 in hex over the harness's own source."""
    config_digest: str | None = None
    """sha256 in hex over the settings that decide a run's results."""
    suite: str | None = None
    server: str | None = None
    """Software and version behind the endpoint, as far as it told."""
    repo: str | None = None
    imported: Imported | None = None
    """Set on what another program recorded."""


class Trajectory(_Record):
    """Self-contained: needs neither the run nor the task to be read."""

    schema_version: Literal[2] = 2
    instance_id: str
    attempt: int
    """From 0; which of the run's k attempts at the task."""
    tries: int = 1
    """How often the attempt was begun: more than 1 after infrastructure failures."""
    model: str
    sampling: dict[str, Any]
    """What was sent with every request besides messages and tools."""
    tools: tuple[dict[str, Any], ...]
    """As sent, in OpenAI's form."""
    messages: tuple[Message, ...]
    """All that was said, in the order in which it was said."""
    turns: tuple[Turn, ...]
    segments: tuple[Segment, ...] = ()
    """Empty when the model saw everything at every turn. The first segment begins with turn 0."""
    reasoning_sent: bool = False
    """Whether the reasoning of earlier turns went back to the server."""
    stop_reason: StopReason | None = None
    failure: Failure | None = None
    patch: str = ""
    """What the agent left. With a failure during the agent's part: the last diff that was saved, for a person to look at. It may lack what
    the last messages changed, and is never graded."""
    grade: Grade | None = None
    fail_to_pass: tuple[str, ...] | None = None
    """Which of the grade's tests had to come to pass; the others passed before."""
    usage: Usage = Field(default_factory=Usage)
    cost: float | None = None
    """In the currency of the configured prices; None without prices or token counts."""
    started_at: str
    """UTC, ISO 8601."""
    duration_seconds: float
    box_seconds: float | None = None
    """Of these: making, filling and reading the agent's box, and the wait for a slot to be graded in. None in records of before this was told."""
    provenance: Provenance

    @property
    def reward(self) -> float | None:
        """1.0 for a resolved task, 0.0 for another; None when there is no grade, and for a pass that is flagged.

        A flagged pass is neither a success nor a failure to learn from. That a person clears it makes it count (`Result.resolved`, which
        is what the filters of training data ask); the record does not change.
        """
        return None if self.grade is None or self.grade.flagged else float(self.grade.resolved)


def mended_arguments(arguments: str) -> str | None:
    """What goes out in place of a call's arguments: `{}` when they are no JSON object, None when they go out as they are.

    Servers refuse a history with broken arguments, or choke on it.
    """
    try:
        return None if isinstance(json.loads(arguments), dict) else "{}"
    except (ValueError, RecursionError):  # a model that loops may write thousands of brackets
        return "{}"
