"""What a chat model is to the agent: the protocol, its answers, and the classes of what can go wrong with an endpoint."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

from tasks.integrity import printable
from trajectories.trajectory import FailureKind, Message, Usage

_OVERFLOW_WORDS = re.compile(r"context length|context size|model length|max_tokens must be at least 1, got [0-]", re.IGNORECASE)
_OVERFLOW_CODES = ("context_length_exceeded", "exceed_context_size_error")
_QUOTA_CODES = ("insufficient_quota", "billing_hard_limit_reached", "quota_exceeded", "insufficient_credits", "billing_not_active")
_QUOTA_WORDS = re.compile(
    r"exceeded your current quota|insufficient (?:credit|fund|balance)|credit balance is too low|payment required", re.IGNORECASE
)
_DOWN_WORDS = re.compile(r"EngineCore|engine (?:is )?dead|loading model|overloaded|service unavailable|bad gateway", re.IGNORECASE)

Rule = Literal["pause_run", "back_off", "retry_once", "stop_rollout", "stop_run"]

RULES: Final[Mapping[FailureKind, Rule]] = {
    "connection": "pause_run",
    "rate_limit": "back_off",
    "server": "retry_once",
    "protocol": "retry_once",
    "bad_request": "stop_rollout",
    "sandbox": "stop_rollout",
    "disk": "stop_rollout",
    "authentication": "stop_run",
    "quota": "stop_run",
    "not_found": "stop_run",
}
"""What is done about each class. `pause_run`: tried again; when it befalls several requests in a row, nothing is sent until the server is back.
`back_off`: tried again later, with fewer at once. A server error that says that the server is down is `pause_run` too. An overflow of the
context is no failure: it shrinks the conversation, or the answer that is asked for."""


class ChatError(Exception):
    """An endpoint failed a request. Says nothing about the model."""

    def __init__(
        self,
        kind: FailureKind,
        message: str,
        *,
        status: int | None = None,
        retry_after_seconds: float | None = None,
        timed_out: bool = False,
    ) -> None:
        super().__init__(message)
        self.timed_out = timed_out
        self.kind = kind
        self.status = status
        self.retry_after_seconds = retry_after_seconds

    @property
    def rule(self) -> Rule:
        return "pause_run" if self.is_down else RULES[self.kind]

    @property
    def is_down(self) -> bool:
        """Whether it tells of the server and not of the request: others would fail now as well."""
        if self.kind == "connection":
            return True
        return self.kind == "server" and (self.status in (408, 502, 503, 504, 529) or _DOWN_WORDS.search(str(self)) is not None)

    @property
    def can_pass(self) -> bool:
        """Whether the same request may go through later."""
        return self.rule in ("pause_run", "back_off", "retry_once")


@dataclass(frozen=True, slots=True)
class ContextOverflow:
    """The conversation no longer fits the model: an outcome of the rollout, not a failure."""

    message: str


@dataclass(frozen=True, slots=True)
class AnswerTokens:
    """The ids that the server read and wrote, where it tells them (`return_token_ids`)."""

    prompt: tuple[int, ...]
    completion: tuple[int, ...]
    logprobs: tuple[float, ...] | None = None
    """One for each id of `completion`."""


@dataclass(frozen=True, slots=True)
class ChatAnswer:
    message: Message
    finish_reason: str
    """As the server says it: `stop`, `tool_calls`, `length`, …"""
    usage: Usage
    latency_seconds: float
    """Of the request that was answered, without the waits before it."""
    requests: int
    tokens: AnswerTokens | None = None
    received: dict[str, Any] | None = None
    """The message as it came, where `message` does not hold all of it."""
    response_id: str | None = None
    served_model: str | None = None
    history_changed: bool = False
    """What was sent did not begin, byte for byte, with what was sent for the same rollout before."""
    reasoning_field: Literal["reasoning", "reasoning_content"] | None = None
    """What the server calls the thinking."""


@dataclass(slots=True)
class Exchange:
    """What the requests of one rollout have in common."""

    deadline: asyncio.Timeout | None = None
    """Of the rollout. The time that a request waits for its turn, or for a server that is away, is not the rollout's."""
    sent: list[dict[str, Any]] = field(default_factory=list)
    """The messages of the last request, as they went out."""

    def note(self, messages: list[dict[str, Any]]) -> bool:
        """Keep what goes out now; whether it begins with what went out before."""
        before, self.sent = self.sent, messages
        return messages[: len(before)] == before

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """The rollout's clock stands still."""
        when = self.deadline.when() if self.deadline is not None else None
        if self.deadline is None or when is None or self.deadline.expired():
            yield
            return
        clock = asyncio.get_running_loop().time
        started = clock()
        self.deadline.reschedule(None)
        try:
            yield
        finally:
            self.deadline.reschedule(when + clock() - started)


EXCHANGE: ContextVar[Exchange | None] = ContextVar("exchange", default=None)
"""Of the rollout that is going on in this task."""


@contextlib.contextmanager
def waiting() -> Iterator[None]:
    """The clock of the rollout that is going on stands still."""
    exchange = EXCHANGE.get()
    with exchange.waiting() if exchange is not None else contextlib.nullcontext():
        yield


class ChatModel(Protocol):
    name: str

    @property
    def reasoning_sent(self) -> bool:
        """Whether the thinking of earlier turns goes back to the model."""
        ...

    def sampling(self, seed: int | None) -> dict[str, Any]:
        """What is sent with each request besides messages and tools: for the record."""
        ...

    async def complete(
        self, messages: Sequence[Message], tools: Sequence[dict[str, Any]], *, seed: int | None = None
    ) -> ChatAnswer | ContextOverflow:
        """The model's next message. ChatError when the endpoint fails for good."""
        ...


def classify(status: int, body: str, *, retry_after_seconds: float | None = None) -> ChatError | ContextOverflow:
    """What an error answer means. Bodies come in three shapes (`error` object or text, flat, `detail`), or are no JSON at all."""
    codes, message = _read_error(body)
    if any(code in _OVERFLOW_CODES for code in codes) or (status in (400, 413, 422) and _OVERFLOW_WORDS.search(message)):
        return ContextOverflow(message)
    kind: FailureKind
    if status in (401, 403):
        kind = "authentication"
    elif status == 402 or any(code in _QUOTA_CODES for code in codes) or (status == 429 and _QUOTA_WORDS.search(message)):
        kind = "quota"
    elif status == 429:
        kind = "rate_limit"
    elif status in (404, 405):
        kind = "not_found"
    elif status == 408 or status >= 500:
        kind = "server"
    else:
        kind = "bad_request"
    return ChatError(kind, f"{status}: {message}", status=status, retry_after_seconds=retry_after_seconds)


_LIMITS = re.compile(
    r"maximum context length is (\d{1,12}) tokens|max_model_len=(\d{1,12})\b|context length is only (\d{1,12}) tokens", re.IGNORECASE
)
_PROMPT = re.compile(r"prompt contains (?:at least )?(\d+) input tokens|passed (\d+) input tokens|\((\d+) in the messages", re.IGNORECASE)
_ASKED = re.compile(r"requested (\d+) (?:output )?tokens|(\d+) in the completion|max_tokens=(\d+) cannot be greater", re.IGNORECASE)


def context_limit(message: str) -> int | None:
    """How many tokens a model takes in all, by the server's words."""
    found = _LIMITS.search(message) or re.search(r"context (?:length|size)[^\d]{0,30}\(?(\d{1,12}) tokens", message, re.IGNORECASE)
    return int(next(number for number in found.groups() if number)) if found else None


def fitting_length(message: str) -> int | None:
    """The longest answer that would have been allowed, where a server says that prompt and answer do not fit together. None: it does not say."""
    limit, asked, prompt = context_limit(message), _ASKED.search(message), _PROMPT.search(message)
    if limit is None or asked is None:
        return None
    wanted = int(next(number for number in asked.groups() if number))
    used = int(next(number for number in prompt.groups() if number)) if prompt else 0
    left = limit - used if prompt else limit // 2
    return left if 0 < left < wanted else None


def _read_error(body: str) -> tuple[list[str], str]:
    """Codes and types, and the message, of an error body in any of its shapes. The message is one line that can be shown and written."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return [], printable(" ".join(body.split())[:300]) or "(empty answer)"
    error = content.get("error", content) if isinstance(content, dict) else content
    if isinstance(error, dict):
        codes = [str(error[name]) for name in ("code", "type") if error.get(name) is not None]
        message = error.get("message") or error.get("detail") or error
    else:
        codes, message = [], error
    return codes, printable(" ".join(str(message).split())[:500])
