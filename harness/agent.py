"""The agent: a tool-calling loop over a chat model and a box.

Whatever the model does is answered, in words that it can act on, and named in the record; what the infrastructure does is raised.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from harness.chat import EXCHANGE, AnswerTokens, ChatAnswer, ChatModel, ContextOverflow, Exchange
from harness.config import AgentLimits, ContextSettings, Prices
from harness.context import first_segment, make_room
from harness.tool_formats.repair import repair_object
from harness.tools import SUBMIT, TOOLS, ToolLimits, ToolOutput, schemas
from sandboxes.sandbox import Sandbox, SandboxError
from trajectories.segments import shared_length
from trajectories.trajectory import Message, Segment, StopReason, ToolCall, Turn, TurnEvent, TurnTokens, Usage

SYSTEM_PROMPT: Final = (Path(__file__).parent / "system_prompt.md").read_text(encoding="utf-8").strip()

_EMPTY_ANSWERS = 3  # in a row: then the model has given up
_MALFORMED_TURNS = 5  # in a row
_REPEATS_TOLD = 3  # the same calls this often in a row: the model is told so
_REPEATS_STOPPED = 6

NO_CALL = "There was no tool call in your answer. Call a tool to go on, or `submit` when the work is done."
NO_RESULT = "[This call has no result: the work had ended.]"
CUT_OFF = "Your answer was cut off at the longest that an answer may be. Write less at once."
REPEATED = "[This is the same call as before, with the same result to expect. Do something else.]"


@dataclass
class Conversation:
    """What was said so far; kept by the caller, so that it survives whatever ends the agent's work."""

    messages: list[Message]
    tools: list[dict[str, Any]]
    turns: list[Turn] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    on_messages: Callable[[Sequence[Message]], None] = lambda messages: None
    """Called with every message as it is added."""
    last_diff: bytes = b""
    """The changes as they were when they were last saved: all that is left of them if the box dies."""

    segments: list[Segment] = field(default_factory=list)
    """Empty as long as the model sees everything."""
    last_ids: tuple[int, ...] = ()
    """Of the last prompt and its answer, where the server tells them."""
    worked_seconds: float = 0.0
    """That the agent was at work, in its box."""

    def add(self, *messages: Message) -> None:
        self.messages.extend(messages)
        self.on_messages(messages)

    def parts(self) -> tuple[int | Message, ...]:
        """What the model sees: places in `messages`, and what stands in the place of some."""
        if not self.segments:
            return tuple(range(len(self.messages)))
        return (*self.segments[-1].opening, *range(self.segments[-1].start, len(self.messages)))

    def seen(self) -> list[Message]:
        return [self.messages[part] if isinstance(part, int) else part for part in self.parts()] if self.segments else self.messages

    def begin_segment(self, opening: tuple[int | Message, ...]) -> None:
        """From the next turn on the model sees `opening` and what is added after it."""
        if not self.segments:
            self.segments.append(first_segment())
        self.segments.append(Segment(first_turn=len(self.turns), start=len(self.messages), opening=opening))

    def take_tokens(self, tokens: AnswerTokens | None) -> TurnTokens | None:
        """The tokens of the next turn, less those that the turn before has already."""
        if tokens is None:
            self.last_ids = ()
            return None
        shared = shared_length(self.last_ids, tokens.prompt)
        self.last_ids = tokens.prompt + tokens.completion
        return TurnTokens(shared=shared, prompt=tokens.prompt[shared:], completion=tokens.completion, logprobs=tokens.logprobs)


@dataclass(frozen=True)
class ToolAgent:
    """Works on a task with every tool in TOOLS until it submits or a limit is reached."""

    model: ChatModel
    limits: AgentLimits
    prices: Prices | None = None
    context: ContextSettings | None = None
    save_diff_seconds: float = 20.0
    """How often at most the diff is saved while the model thinks. It costs the box some 20 ms of CPU."""

    def begin(self, problem_statement: str) -> Conversation:
        opening = [Message(role="system", content=SYSTEM_PROMPT), Message(role="user", content=problem_statement)]
        return Conversation(messages=opening, tools=schemas())

    async def work(self, conversation: Conversation, sandbox: Sandbox, *, seed: int | None = None) -> StopReason:
        """Go on from the conversation to the end. SandboxError and ChatError when the infrastructure fails."""
        started = time.monotonic()
        try:
            async with asyncio.timeout(self.limits.seconds) as deadline:
                EXCHANGE.set(Exchange(deadline))
                return await self._loop(conversation, sandbox, seed)
        except TimeoutError:
            if not deadline.expired():
                raise
            return "time_limit"
        finally:
            conversation.worked_seconds += time.monotonic() - started

    async def _loop(self, conversation: Conversation, sandbox: Sandbox, seed: int | None) -> StopReason:
        streaks = _Streaks()
        savings = _Savings(conversation, sandbox, self.save_diff_seconds)
        while (limit := self._reached_limit(conversation)) is None:
            if self.context is not None and await make_room(conversation, self.model, self.context, seed=seed, overflowed=False):
                continue  # a summary is a turn too: the limits are looked at again
            async with savings.meanwhile():
                answer = await self.model.complete(conversation.seen(), conversation.tools, seed=seed)
            if isinstance(answer, ContextOverflow):
                if self.context is not None and await make_room(conversation, self.model, self.context, seed=seed, overflowed=True):
                    continue
                return "context_overflow"
            savings.note(answer.message.tool_calls)
            submitted, events = await self._take(conversation, answer, sandbox, streaks)
            if submitted:
                return "submitted"
            if stop := streaks.stop(events):
                return stop
        return limit

    async def _take(
        self, conversation: Conversation, answer: ChatAnswer, sandbox: Sandbox, streaks: _Streaks
    ) -> tuple[bool, tuple[TurnEvent, ...]]:
        """Record one answer, run its calls, and answer them."""
        index = len(conversation.messages)
        conversation.usage += answer.usage
        started = time.monotonic()
        events: list[TurnEvent] = ["truncated_answer"] if answer.finish_reason == "length" else []
        if answer.history_changed:
            events.append("history_changed")
        repeats = streaks.count_repeats(answer.message.tool_calls)
        submitted = False
        try:
            conversation.add(answer.message)
            if not answer.message.tool_calls:
                events.append("empty_answer")
                conversation.add(Message(role="user", content=CUT_OFF if answer.finish_reason == "length" else NO_CALL))
            for call in answer.message.tool_calls:
                output, event = await self._run(call, sandbox)
                if event is not None:
                    events.append(event)
                text = output.text
                if repeats >= _REPEATS_TOLD:
                    events.append("repeated_call")
                    text += f"\n{REPEATED}"
                conversation.add(Message(role="tool", tool_call_id=call.id, content=text, cut_bytes=output.cut_bytes))
                if call.name == SUBMIT and event in (None, "repaired_arguments"):
                    submitted = True
                    break
        finally:
            # Also when the time is up in the middle of a command, or the message cannot be kept: the turn was answered and paid for.
            turn = Turn(
                message_index=index,
                finish_reason=answer.finish_reason,
                usage=answer.usage,
                latency_seconds=round(answer.latency_seconds, 4),
                tools_seconds=round(time.monotonic() - started, 4),
                requests=answer.requests,
                events=tuple(dict.fromkeys(events)),
                tokens=conversation.take_tokens(answer.tokens),
                received=answer.received,
                response_id=answer.response_id,
                served_model=answer.served_model,
            )
            conversation.turns.append(turn)
            # What came after a submission or was cut off is answered too: a history with open calls is refused by servers and templates.
            left = answer.message.tool_calls[len(conversation.messages) - index - 1 :]
            if left:
                conversation.add(*(Message(role="tool", tool_call_id=call.id, content=NO_RESULT) for call in left))
        return submitted, turn.events

    async def _run(self, call: ToolCall, sandbox: Sandbox) -> tuple[ToolOutput, TurnEvent | None]:
        tool = TOOLS.get(call.name)
        if tool is None:
            return ToolOutput(f"There is no tool {call.name!r}. The tools are: {', '.join(TOOLS)}.", failed=True), "unknown_tool"
        repaired = repair_object(call.arguments) if call.arguments else None
        try:
            arguments = tool.model_validate_json(repaired or call.arguments or "{}")
        except ValidationError as error:
            complaint = error.errors()[0]
            place = ".".join(str(part) for part in complaint["loc"])
            reason = f"{place}: {complaint['msg']}" if place else complaint["msg"]
            return ToolOutput(
                f"The arguments of {call.name} cannot be used: {reason}. They must be one JSON object.", failed=True
            ), "malformed_arguments"
        output = await arguments.run(sandbox, ToolLimits(self.limits.command_seconds, self.limits.output_characters))
        return output, "tool_failed" if output.failed else "repaired_arguments" if repaired else None

    def _reached_limit(self, conversation: Conversation) -> StopReason | None:
        if len(conversation.turns) >= self.limits.turns:
            return "turn_limit"
        if self.limits.output_tokens is not None and (conversation.usage.output_tokens or 0) >= self.limits.output_tokens:
            return "token_limit"
        spent = cost(conversation.usage, self.prices)
        if self.limits.cost is not None and spent is not None and spent >= self.limits.cost:
            return "cost_limit"
        return None


def cost(usage: Usage, prices: Prices | None) -> float | None:
    """What the tokens cost. None without prices or without the server's counts."""
    if prices is None or usage.input_tokens is None or usage.output_tokens is None:
        return None
    cached = usage.cached_input_tokens or 0
    cached_price = prices.input if prices.cached_input is None else prices.cached_input
    cached += usage.repeated_input_tokens or 0  # the server has just read them
    paid = (usage.input_tokens - (usage.cached_input_tokens or 0)) * prices.input + cached * cached_price
    return (paid + usage.output_tokens * prices.output) / 1e6


class _Savings:
    """Saves the diff now and then while the model thinks and the box has nothing to do."""

    def __init__(self, conversation: Conversation, sandbox: Sandbox, seconds: float) -> None:
        self._conversation = conversation
        self._sandbox = sandbox
        self._seconds = seconds
        self._due_at = time.monotonic() + seconds
        self._changed = False

    def note(self, calls: Sequence[ToolCall]) -> None:
        """These calls are about to be run."""
        self._changed = self._changed or any(call.name in TOOLS and TOOLS[call.name].changes_files for call in calls)

    @contextlib.asynccontextmanager
    async def meanwhile(self) -> AsyncIterator[None]:
        if not self._changed or time.monotonic() < self._due_at:
            yield
            return
        saving = asyncio.create_task(self._save(), name="save the diff")
        try:
            yield
        finally:
            saving.cancel()  # not done yet: the model's next command does not wait for it, and it is tried again
            await asyncio.wait([saving])
            if not saving.cancelled():
                saving.result()

    async def _save(self) -> None:
        # A box that is gone is told of by the next command, a tree that gives no diff by the last one.
        with contextlib.suppress(SandboxError, OSError):
            self._conversation.last_diff = await self._sandbox.diff()
            self._changed = False
        self._due_at = time.monotonic() + self._seconds


class _Streaks:
    """How often in a row the same thing went wrong."""

    def __init__(self) -> None:
        self._empty = 0
        self._malformed = 0
        self._repeats = 0
        self._last: tuple[tuple[str, str], ...] = ()

    def count_repeats(self, calls: Sequence[ToolCall]) -> int:
        """How often these calls have now come in a row."""
        made = tuple((call.name, call.arguments) for call in calls)
        self._repeats = self._repeats + 1 if made and made == self._last else min(len(made), 1)
        self._last = made
        return self._repeats

    def stop(self, events: Sequence[TurnEvent]) -> StopReason | None:
        """Whether the turn that had these events was one too many."""
        self._empty = self._empty + 1 if "empty_answer" in events else 0
        self._malformed = self._malformed + 1 if {"malformed_arguments", "unknown_tool"} & set(events) else 0
        if self._empty >= _EMPTY_ANSWERS:
            return "gave_up"
        if self._malformed >= _MALFORMED_TURNS:
            return "malformed_calls"
        if self._repeats >= _REPEATS_STOPPED:
            return "repeating"
        return None
