"""How one server is spoken to: native tool calls or calls as text, thinking switched, budgeted and kept, and its answers read accordingly.

The wire form of a message depends on the message and, where thinking is kept since the last user message only, on what came after it:
else every request begins with the one before it, byte for byte.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from harness.chat import AnswerTokens, ChatAnswer
from harness.config import ModelSettings, ThinkingSettings
from harness.tool_formats import FORMATS, Call, read_all
from harness.wire import sent_in_place_of, to_wire
from trajectories.trajectory import Message, ToolCall, Usage


class Dialect:
    def __init__(self, settings: ModelSettings) -> None:
        self._thinking = settings.thinking or ThinkingSettings()
        self._told = settings.thinking is not None
        self._form = FORMATS.get(settings.tool_format or "native")
        self._rescue = FORMATS.get(settings.rescue_format or "native")
        self._field = self._thinking.field
        self._given = settings.sampling.chat_template_kwargs

    @property
    def keep(self) -> str:
        return self._thinking.keep

    @property
    def budget_tokens(self) -> int | None:
        """Of thinking, where it is held here."""
        return self._thinking.budget_tokens if self._thinking.budget_field is None else None

    def fields(self) -> dict[str, Any]:
        """What thinking adds to every request."""
        wanted = self._thinking
        added: dict[str, Any] = {}
        if wanted.switch is not None and wanted.mode != "server":
            added["chat_template_kwargs"] = {wanted.switch: wanted.mode == "on", **self._given}
        if wanted.budget_tokens is not None and wanted.budget_field is not None:
            place, _, name = wanted.budget_field.rpartition(".")
            if place:
                added[place] = {**self._given, **added.get(place, {}), name: wanted.budget_tokens}
            else:
                added[name] = wanted.budget_tokens
        return added

    def body(self, messages: Sequence[Message], tools: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """`messages`, and `tools` where the server knows of them."""
        if self._form is None or not tools:
            wire = [to_wire(message) for message in messages]
            self._add_thinking(messages, wire)
            return {"messages": wire, "tools": list(tools)} if tools else {"messages": wire}
        return {"messages": self._as_text(messages, tools)}

    def read(self, answer: ChatAnswer, tools: Sequence[dict[str, Any]]) -> ChatAnswer:
        """The answer with its thinking and its calls in their places. What came is kept where that changes it."""
        message = self._without_tags(answer.message)
        self._learn_field(answer)
        form = self._form or (self._rescue if tools and not message.tool_calls else None)
        calls: list[Call] = []
        said = message.content
        if form is not None and message.content:
            said, calls = read_all(form, message.content, tools)
        if calls:
            made = [*message.tool_calls, *(_tool_call(call, number) for number, call in enumerate(calls, len(message.tool_calls)))]
            message = message.model_copy(update={"content": said.strip(), "tool_calls": tuple(made)})
        if message is answer.message:
            return answer
        received = answer.received or {"role": "assistant", "content": answer.message.content}
        return dataclasses.replace(answer, message=message, received=received)

    def after_budget(self, body: dict[str, Any], answer: ChatAnswer, longest: int) -> dict[str, Any] | None:
        """The request that goes on after a first one that ended at the budget; None where there is nothing to go on with.

        The thinking is closed and stands at the beginning of the same turn. An answer that had begun after it is written once more: calls
        that were cut off cannot be gone on with.
        """
        if answer.finish_reason != "length":
            return None
        used = answer.usage.output_tokens
        left = longest - (used if used is not None else self._thinking.budget_tokens or 0)
        if left <= 0:
            return None
        message = self._without_tags(answer.message)
        if message.reasoning is None:
            begun = message.content if not message.tool_calls and self._thinking.open not in message.content else ""
        else:
            begun = self._closed(message.reasoning)
        more = {name: value for name, value in body.items() if name not in ("max_tokens", "max_completion_tokens")}
        if begun:
            more |= {"add_generation_prompt": False, "continue_final_message": True}
            more["messages"] = [*body["messages"], {"role": "assistant", "content": begun}]
        return more | {"max_tokens": left}

    def join(self, first: ChatAnswer, rest: ChatAnswer) -> ChatAnswer:
        """Two requests' answers as the one turn that they are. Tokens are counted once each: what was read twice is told apart."""
        thought = self._without_tags(first.message)
        told = self._without_tags(rest.message)
        content, reasoning = told.content, thought.reasoning
        if not content and not told.tool_calls and told.reasoning:
            content = told.reasoning  # a parser that did not see the thinking begin takes all that follows for more of it
        if thought.reasoning is None and not thought.tool_calls:
            content = thought.content + content
        thinking_tokens = first.usage.reasoning_tokens
        if thinking_tokens is None and thought.reasoning is not None and not thought.content and not thought.tool_calls:
            thinking_tokens = first.usage.output_tokens
        counted = Usage(
            input_tokens=first.usage.input_tokens,
            cached_input_tokens=first.usage.cached_input_tokens,
            output_tokens=rest.usage.output_tokens,
            reasoning_tokens=thinking_tokens,
            repeated_input_tokens=rest.usage.input_tokens,
        )
        return dataclasses.replace(
            rest,
            message=told.model_copy(update={"content": content, "reasoning": reasoning}),
            usage=counted + Usage(output_tokens=first.usage.output_tokens),
            latency_seconds=first.latency_seconds + rest.latency_seconds,
            tokens=_joined(first.tokens, rest.tokens),
            received={"first": first.received or first.message.model_dump(), "then": rest.received or rest.message.model_dump()},
        )

    def _add_thinking(self, messages: Sequence[Message], wire: list[dict[str, Any]]) -> None:
        """Put the thinking of the turns that keep it into their wire form."""
        if self.keep == "none":
            return
        since = 0
        if self.keep == "since_last_user":
            since = max((place for place, message in enumerate(messages) if message.role == "user"), default=0)
        for place in range(since, len(messages)):
            if (thinking := messages[place].reasoning) is not None:
                wire[place][self._field or "reasoning_content"] = thinking

    def _as_text(self, messages: Sequence[Message], tools: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """The conversation for a server that knows of no tools: roles take turns, as many templates insist."""
        assert self._form is not None
        since = 0
        if self.keep == "since_last_user":
            since = max((place for place, message in enumerate(messages) if message.role == "user"), default=0)
        told = self._form.instructions(tools)
        wire: list[dict[str, Any]] = []
        results: list[str] = []
        for place, message in enumerate(messages):
            if message.role == "tool":
                results.append(message.content)
                continue
            _add(wire, "user", self._form.write_results(results) if results else "")
            results = []
            if message.role == "system":
                _add(wire, "system", f"{message.content}\n\n{told}")
            elif message.role == "user":
                _add(wire, "user", message.content)
            else:
                written = self._form.write([(call.name, _sent(call)) for call in message.tool_calls]) if message.tool_calls else ""
                thinking = message.reasoning if self.keep != "none" and place >= since else None
                before = "" if thinking is None else self._closed(thinking)
                _add(wire, "assistant", before + "\n".join(part for part in (message.content, written) if part))
        _add(wire, "user", self._form.write_results(results) if results else "")
        return wire

    def _closed(self, thinking: str) -> str:
        return f"{self._thinking.open}\n{thinking.strip()}\n{self._thinking.close}\n\n"

    def _without_tags(self, message: Message) -> Message:
        """The message with its thinking apart, where the server left it in the text. A template may have opened it in the prompt."""
        if not self._told or message.reasoning is not None or not message.content:
            return message
        opened = message.content.lstrip().startswith(self._thinking.open)
        before, closed, after = message.content.partition(self._thinking.close)
        if not opened and not closed:
            return message
        thinking = before.replace(self._thinking.open, "", 1).strip()
        return message.model_copy(update={"reasoning": thinking, "content": after.lstrip()})

    def _learn_field(self, answer: ChatAnswer) -> None:
        if self._field is None and answer.reasoning_field is not None:
            self._field = answer.reasoning_field


def _add(wire: list[dict[str, Any]], role: str, content: str) -> None:
    """One more message, or more of the last one where that is of the same role."""
    if role == "user" and not content:
        return
    if wire and wire[-1]["role"] == role:
        wire[-1] = {"role": role, "content": f"{wire[-1]['content']}\n\n{content}"}
    else:
        wire.append({"role": role, "content": content})


def _tool_call(call: Call, number: int) -> ToolCall:
    arguments = call.arguments
    return ToolCall(id=f"call_{number}", name=call.name, arguments=arguments, sent_arguments=sent_in_place_of(arguments))


def _sent(call: ToolCall) -> str:
    return call.sent_arguments or sent_in_place_of(call.arguments) or call.arguments


def _joined(first: AnswerTokens | None, rest: AnswerTokens | None) -> AnswerTokens | None:
    """The turn's tokens, what closed the thinking among them: it was not sampled, so there are no logprobs."""
    if first is None or rest is None or rest.prompt[: len(first.prompt)] != first.prompt:
        return None
    return AnswerTokens(first.prompt, rest.prompt[len(first.prompt) :] + rest.completion)
