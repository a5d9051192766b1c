"""The messages and tools of a row, in the one form that templates are given: content is a text, thinking is `reasoning_content`, calls are objects.

Rows come from many programs. What has one meaning is brought into this form: parts of text are joined as servers join them for templates that take
texts, and `reasoning` is what vLLM calls thinking. What a template would drop without a word is refused by its name, as are characters that are none.
Whether a call's name and arguments can be rendered is not asked here: a model may have written them badly in a turn that is not learnt.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

Message = Mapping[str, Any]

_OLD_CALLS: Final = "function_call"


def read_messages(content: object, name: str, *, from_table: bool) -> tuple[Message, ...]:
    """ValueError names the message that is of another form. Names that hold nothing are left out: templates ask whether one is there."""
    if not isinstance(content, list):
        raise ValueError(f"{name} is a list of messages, and here {_kind(content)}")
    return tuple(_message(each, f"{name}[{number}]", from_table=from_table) for number, each in enumerate(content))


def read_tools(content: object, *, from_table: bool) -> tuple[Mapping[str, Any], ...]:
    """They may be a text in JSON, and are in a table."""
    if from_table and content is not None and not isinstance(content, str):
        raise ValueError("a table fills tools that are objects with the names of other tools: write them as text in JSON, or as JSON lines")
    tools = json.loads(content) if isinstance(content, str) else content
    if tools is None:
        return ()
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        raise ValueError("tools are a list of objects")
    check_characters(tools, "tools")
    return tuple(tools)


def check_characters(content: object, place: str) -> None:
    """ValueError for half of a surrogate pair in any text: JSON can name one, and no tokenizer can read it."""
    if isinstance(content, str):
        try:
            content.encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"{place}: {content[error.start]!r} at character {error.start} is half of a surrogate pair") from error
    elif isinstance(content, Mapping):
        for name, each in content.items():
            check_characters(name, place)
            check_characters(each, place)
    elif isinstance(content, list):
        for each in content:
            check_characters(each, place)


def _message(content: object, place: str, *, from_table: bool) -> Message:
    if not isinstance(content, dict):
        raise ValueError(f"{place} is a message, which is an object, and here {_kind(content)}")
    message = {key: value for key, value in content.items() if value is not None}
    if not isinstance(message.get("role"), str):
        raise ValueError(f"{place} has no role")
    if _OLD_CALLS in message:
        raise ValueError(f"{place}: {_OLD_CALLS} is the old form of a call, which templates leave out: write tool_calls")
    check_characters(message, place)
    if "content" in message:
        message["content"] = _text(message["content"], f"{place}.content")
    thoughts = {_text(message.pop(name), f"{place}.{name}") for name in ("reasoning_content", "reasoning") if name in message}
    if len(thoughts) > 1:
        raise ValueError(f"{place}: reasoning and reasoning_content differ")
    if thoughts:
        message["reasoning_content"] = thoughts.pop()
    calls = message.pop("tool_calls", None)
    if calls:
        message["tool_calls"] = _calls(calls, f"{place}.tool_calls", from_table=from_table)
    return message


def _text(content: object, place: str) -> str:
    """Parts of text make one, with line breaks between them."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise ValueError(f"{place} is a text or a list of parts, and here {_kind(content)}")
    texts = []
    for number, part in enumerate(content):
        kind = part.get("type") or "text" if isinstance(part, dict) else _kind(part)
        if kind != "text":
            raise ValueError(f"{place}[{number}] is {kind}: of parts, only text can be learnt or read here")
        if not isinstance(part.get("text"), str):
            raise ValueError(f"{place}[{number}] is a part of text without a text")
        texts.append(part["text"])
    return "\n".join(texts)


def _calls(content: object, place: str, *, from_table: bool) -> list[dict[str, Any]]:
    if not isinstance(content, list):
        raise ValueError(f"{place} is a list of calls, and here {_kind(content)}")
    for number, call in enumerate(content):
        function = call.get("function", call) if isinstance(call, dict) else None
        if not isinstance(function, dict):
            raise ValueError(f"{place}[{number}] is no object that holds a function's name and arguments")
        if not isinstance(function.get("name"), str | None):
            raise ValueError(f"{place}[{number}]: a function's name is a text")
        if from_table and isinstance(function.get("arguments"), dict):
            raise ValueError(
                f"{place}[{number}]: a table fills arguments that are objects with the names of other calls: export them as strings, or as JSON lines"
            )
    return content


def _kind(content: object) -> str:
    """As JSON calls it."""
    if content is None or isinstance(content, bool):
        return {None: "null", True: "true", False: "false"}[content]
    names = {dict: "an object", list: "a list", str: "a text", int: "a number", float: "a number"}
    return names.get(type(content), type(content).__name__)
