"""Tool calls of conversations: name and arguments as templates take them, and those that a model wrote so badly that no template can.

Such a call is an error where it would be learnt. Where it is only read, as history, `{}` stands in the place of its arguments, and an empty name in that
of one that is not there. A rollout's requests say the same, since servers refuse a history with broken arguments.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from training.errors import TrainingError
from training.messages import check_characters
from training.rows import ChatRow


@dataclass(frozen=True, slots=True)
class Call:
    id: str | None
    name: str
    arguments: Mapping[str, Any]

    @property
    def strings(self) -> Iterator[str]:
        """All that its arguments say in words, names among them."""
        return _strings(self.arguments)


def read_call(call: Mapping[str, Any], place: str) -> Call:
    """Without a name, its name is empty. TrainingError when its arguments are no object, neither as one nor as text."""
    function = call.get("function", call)
    name, arguments = function.get("name") or "", _arguments(function.get("arguments"))
    if arguments is None:
        raise TrainingError(f"{place}: the arguments of {name} are no JSON object: mask the turn, and {{}} stands in their place")
    return Call(call.get("id"), name, arguments)


def mended(row: ChatRow) -> tuple[ChatRow, int]:
    """With the calls of its turns that are not learnt as a template can render them, and how many had to be changed."""
    if row.trained is None:
        return row, 0
    count = 0
    messages = []
    for number, message in enumerate(row.messages):
        calls = [call if number in row.trained or _is_whole(call) else _mended(call) for call in message.get("tool_calls") or ()]
        changed = sum(call is not old for call, old in zip(calls, message.get("tool_calls") or (), strict=True))
        messages.append({**message, "tool_calls": calls} if changed else message)
        count += changed
    return (replace(row, messages=tuple(messages)), count) if count else (row, 0)


def written(calls: Sequence[Call], form: str | None, place: str) -> str:
    """As text, for templates that do not write calls. TrainingError for a form that is not known."""
    if form == "llama_json":
        return "; ".join(json.dumps({"name": call.name, "parameters": call.arguments}, ensure_ascii=False) for call in calls)
    if form == "hermes":
        bodies = [json.dumps({"name": call.name, "arguments": call.arguments}, ensure_ascii=False) for call in calls]
        return "\n".join(f"<tool_call>\n{body}\n</tool_call>" for body in bodies)
    raise TrainingError(
        f"{place}: the chat template writes no such tool calls, and the recipe's serve.tool_format {form!r} cannot be written into the text"
    )


def _arguments(content: object) -> dict[str, Any] | None:
    try:
        arguments = json.loads(content or "{}") if isinstance(content, str) else content
        check_characters(arguments, "arguments")
    except (ValueError, RecursionError):  # a model that loops may write thousands of brackets
        return None
    return arguments if isinstance(arguments, dict) else None


def _is_whole(call: Mapping[str, Any]) -> bool:
    function = call.get("function", call)
    return bool(function.get("name")) and _arguments(function.get("arguments")) is not None


def _mended(call: Mapping[str, Any]) -> dict[str, Any]:
    function = call.get("function", call)
    arguments = function.get("arguments") if _arguments(function.get("arguments")) is not None else "{}"
    return {"id": call.get("id"), "type": "function", "function": {"name": function.get("name") or "", "arguments": arguments}}


def _strings(content: object) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, Mapping):
        for name, each in content.items():
            yield name
            yield from _strings(each)
    elif isinstance(content, list):
        for each in content:
            yield from _strings(each)
