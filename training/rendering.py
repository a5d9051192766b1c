"""Conversations as tokens, with a mask that is right token by token, by the chat template that the model's tokenizer carries.

What is learnt is what the model would have sampled: for each answer, the prompt that asks for it is rendered, then the conversation up to and with the
answer, and the answer is what the second adds to the first, up to and with the token that ends a turn. This needs no marks in the template. Prompt
and answer are tokenised apart, as a server does.

Templates are not made for this. Where one renders an answer that does not go on from its own prompt, loses something that the model said, or refuses the
conversation, that is an error that names message and cause. Where the next prompt does not begin with all that stood there before (thinking taken away
after a new question, an empty thinking block only in the last answer), or a token of it would reach from a prompt into its answer, the next answer begins a
row of its own, in the context in which a server would have asked for it; `trajectories.rows.token_rows` does the same with recorded tokens.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from training.calls import Call, mended, read_call, written
from training.data_settings import Reasoning
from training.errors import TrainingError
from training.examples import Example, example
from training.recipe import Recipe
from training.rows import ChatRow
from training.turns import end_names

_THINKING: Final = "reasoning_content"
_DIRECTIVES: Final = "aAbBdmyYHMSjp"


class Tokenizer(Protocol):
    """What is used of a tokenizer of transformers."""

    chat_template: Any
    eos_token: Any

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]: ...

    def apply_chat_template(self, conversation: Any, **options: Any) -> Any: ...


@dataclass(frozen=True, slots=True)
class Turn:
    """One answer in the context in which a server asks for it."""

    message: int
    """Its place in the conversation."""
    prompt: str
    answer: str
    """As the model writes it, with the token that ends its turn."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """An answer to be rendered."""

    place: str
    before: list[dict[str, Any]]
    message: dict[str, Any]
    said: Mapping[str, Any]
    """The message as it came."""
    tools: Sequence[Mapping[str, Any]]
    thinks: bool


class Renderer:
    """Renders the conversations of one model."""

    def __init__(self, tokenizer: Tokenizer, recipe: Recipe, *, reasoning: Reasoning = "keep") -> None:
        """`as_sent` makes a row of nearly every answer. TrainingError when the tokenizer has no chat template, or its end of a turn is not known."""
        if not isinstance(tokenizer.chat_template, str):
            raise TrainingError(
                "the tokenizer has no chat template: conversations cannot be rendered, give rows of tokens or another tokenizer"
            )
        self._tokenizer = tokenizer
        self._recipe = recipe
        self._template = _with_date(tokenizer.chat_template, recipe.template.date)
        self._reasoning = reasoning
        self._ends = end_names(recipe, tokenizer)
        if not self._ends:
            raise TrainingError(
                f"recipe {recipe.name} names no template.end and the tokenizer has no eos_token: the end of a turn is not known"
            )

    def examples(self, row: ChatRow) -> list[Example]:
        """In as few rows as hold each context whole; none for a conversation of which nothing is learnt. TrainingError as above."""
        made = []
        pieces: list[tuple[str, bool, bool]] = []  # text, whether it is an answer, whether it is learnt
        stood, changes = "", False
        for turn in self.turns(row):
            if changes or not turn.prompt.startswith(stood):
                made += self._example(row.place, pieces)
                pieces, stood = [], ""
            pieces.append((turn.prompt[len(stood) :], False, False))
            pieces.append((turn.answer, True, row.trained is None or turn.message in row.trained))
            stood, changes = turn.prompt + turn.answer, self._reaches_across(turn)
        return made + self._example(row.place, pieces)

    def turns(self, row: ChatRow) -> Iterator[Turn]:
        """Every answer that the template can render; an answer that is not learnt may be one that it cannot, and malformed calls of it are mended."""
        row, _ = mended(row)
        said = list(row.messages) if self._reasoning != "drop" else _without_reasoning(row.messages)
        messages = [self._message(message, f"{row.place}: message {number}") for number, message in enumerate(said)]
        history = messages
        if self._reasoning == "as_sent" and not row.reasoning_sent:
            history = [self._message(message, row.place) for message in _without_reasoning(said)]
        thinks = any(message.get(_THINKING) for message in said)
        for number, message in enumerate(said):
            if message["role"] != "assistant":
                continue
            learned = row.trained is None or number in row.trained
            place = f"{row.place}: message {number}"
            if learned and any(not read_call(call, place).name for call in message.get("tool_calls") or ()):
                raise TrainingError(f"{place}: a tool call has no name: mask the turn")
            asked = _Asked(place, history[:number], messages[number], message, row.tools, thinks)
            try:
                prompt, answer = self._turn(asked)
            except TrainingError:
                if learned:
                    raise
                continue
            yield Turn(number, prompt, answer)

    def prompt(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]], *, thinking: bool | None) -> str:
        """What a server is asked with. `thinking`: None leaves it to the template."""
        made = [self._message(message, f"message {number}") for number, message in enumerate(messages)]
        return self._render("the conversation", made, tools, thinking=thinking, ask=True)

    def opening(self) -> str:
        """What the turn of each answer begins with, without marks of thinking; empty where the template opens none, or refuses a lone question."""
        try:
            whole, asked = (
                self._render("a question", [{"role": "user", "content": "?"}], (), thinking=None, ask=ask) for ask in (False, True)
            )
        except TrainingError:
            return ""
        added = asked[len(whole) :] if asked.startswith(whole) else ""
        return (added.split(self._recipe.thinking.open)[0] if self._recipe.thinking is not None else added).strip()

    def _turn(self, asked: _Asked) -> tuple[str, str]:
        place = asked.place
        for thinking in self._switches(thinks=asked.thinks):
            prompt = self._render(place, asked.before, asked.tools, thinking=thinking, ask=True)
            whole = self._render(place, [*asked.before, asked.message], asked.tools, thinking=thinking, ask=False)
            if whole.startswith(prompt):
                break
        else:
            raise TrainingError(
                f"{place}: the chat template does not go on from the prompt that asks for this answer, but renders it in another way"
            )
        answer = whole[len(prompt) :]
        last = max((answer.rfind(end) + len(end) for end in self._ends if end in answer), default=0)
        if not last:
            raise TrainingError(
                f"{place}: the answer does not end with {' or '.join(self._ends)}: set template.end of the recipe to what ends a turn"
            )
        if lost := _lost(asked.said, answer[:last]):
            raise TrainingError(f"{place}: the chat template leaves out what the model said: {lost}{self._hint(lost)}")
        return prompt, answer[:last]

    def _hint(self, lost: str) -> str:
        if not lost.startswith(_THINKING):
            return ""
        if self._recipe.thinking is None:
            return f'; {self._recipe.name} keeps no thinking: data.reasoning = "drop" leaves it out of all rows'
        return f"; {self._recipe.name} keeps thinking, with the template that its recipe is for"

    def _reaches_across(self, turn: Turn) -> bool:
        """Whether prompt and answer have other tokens once they are history. Tokens that end turns let none reach across them."""
        begin = max((turn.prompt.rfind(end) + len(end) for end in self._ends if end in turn.prompt), default=0)
        whole, before, after = (self._encoded(text) for text in (turn.prompt[begin:] + turn.answer, turn.prompt[begin:], turn.answer))
        return whole != before + after

    def _encoded(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False)) if text else []

    def _switches(self, *, thinks: bool) -> Sequence[bool | None]:
        if self._recipe.thinking is None or self._recipe.thinking.switch is None:
            return (None,)
        return (thinks, not thinks)

    def _render(
        self, place: str, messages: list[dict[str, Any]], tools: Sequence[Mapping[str, Any]], *, thinking: bool | None, ask: bool
    ) -> str:
        options: dict[str, Any] = dict(self._recipe.template.kwargs)
        if thinking is not None and self._recipe.thinking is not None and self._recipe.thinking.switch is not None:
            options[self._recipe.thinking.switch] = thinking
        if tools:
            options[self._recipe.template.tools] = list(tools)
        try:
            text = self._tokenizer.apply_chat_template(
                messages, chat_template=self._template, add_generation_prompt=ask, tokenize=False, **options
            )
        except Exception as error:  # a template is somebody's program
            raise TrainingError(
                f"{place}: the chat template refuses it: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
            ) from error
        return str(text)

    def _message(self, message: Mapping[str, Any], place: str) -> dict[str, Any]:
        """As this template takes it."""
        template = self._recipe.template
        made = {key: value for key, value in message.items() if key not in (_THINKING, "tool_calls")}
        made.setdefault("content", "")
        calls = [read_call(call, place) for call in message.get("tool_calls") or ()]
        reasoning = message.get(_THINKING)
        if reasoning is not None and template.reasoning == "field":
            made[_THINKING] = reasoning
        in_text = template.calls == "text" or (template.calls == "alone" and (len(calls) > 1 or bool(str(made["content"]).strip())))
        if calls and in_text:
            text = written(calls, self._recipe.serve.tool_format, place)
            made["content"] = f"{made['content']}\n{text}" if made["content"] else text
        elif calls:
            made["tool_calls"] = [self._native(call) for call in calls]
        if reasoning is not None and template.reasoning == "text" and self._recipe.thinking is not None:
            thinking = self._recipe.thinking
            made["content"] = f"{thinking.open}\n{reasoning}\n{thinking.close}\n{made['content']}"
        return made

    def _native(self, call: Call) -> dict[str, Any]:
        arguments: Any = call.arguments
        if self._recipe.template.literals == "json":
            arguments = {
                name: json.dumps(value) if value is None or isinstance(value, bool) else value for name, value in arguments.items()
            }
        if self._recipe.template.arguments == "string":
            arguments = json.dumps(arguments, ensure_ascii=False)
        return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}

    def _example(self, place: str, pieces: Sequence[tuple[str, bool, bool]]) -> list[Example]:
        if not any(learned for _, _, learned in pieces):
            return []
        ids: list[int] = []
        mask: list[bool] = []
        answers = []
        for text, is_answer, learned in pieces:
            tokens = self._encoded(text)
            if is_answer:
                answers.append((len(ids), len(ids) + len(tokens)))
            ids += tokens
            mask += [learned] * len(tokens)
        return [example(place, ids, mask, answers)]


def _without_reasoning(messages: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [{key: value for key, value in message.items() if key != _THINKING} for message in messages]


def _lost(said: Mapping[str, Any], answer: str) -> str | None:
    """What of a message does not stand in its answer: thinking, then content, then each call's name and all that its arguments say in words."""
    at = 0
    for name in (_THINKING, "content"):
        text = said.get(name)
        if isinstance(text, str):
            found = answer.find(text.strip(), at)
            if found < 0:
                return f"{name} {_short(text)!r}"
            at = found + len(text.strip())
    for call in (read_call(each, "") for each in said.get("tool_calls") or ()):
        ends = {string: _end_of(string, answer, at) for string in (call.name, *call.strings)}
        for string, end in ends.items():
            if end is None:
                return f"the call of {call.name}" if string == call.name else f"{_short(string)!r} in the arguments of {call.name}"
            at = max(at, end)
    return None


def _end_of(string: str, answer: str, begin: int) -> int | None:
    """As it is, or as JSON escapes it."""
    for form in (string, json.dumps(string, ensure_ascii=False)[1:-1], json.dumps(string)[1:-1]):
        found = answer.find(form, begin)
        if found >= 0:
            return found + len(form)
    return None


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= 60 else words[:57] + "…"


def _with_date(template: str, date: datetime.date) -> str:
    """The template, with `strftime_now` telling this date: a macro of its own hides the clock."""
    moment = datetime.datetime(date.year, date.month, date.day)  # noqa: DTZ001 - a day, nowhere
    replacements = "".join(f" | replace('%{letter}', {moment.strftime('%' + letter)!r})" for letter in _DIRECTIVES)
    # The empty output keeps a line break with which the template may begin.
    return "{% macro strftime_now(format) %}{{ format" + replacements + ' }}{% endmacro %}{{ "" }}' + template
