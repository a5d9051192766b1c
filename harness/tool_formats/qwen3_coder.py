"""Qwen3-Coder's and Nemotron 3's way: `<tool_call><function=NAME><parameter=NAME>VALUE</parameter></function></tool_call>`.

Values are plain text, whose type is the schema's. One line break at each end belongs to the mark and not to the value; a value cannot
hold `</parameter>` with another mark after it. The outer mark may be missing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final

from harness.tool_formats.repair import NOTHING, repair_value
from harness.tool_formats.text import Call, Taken, find_mark, template, to_json, tool_schemas

_OPENING: Final = "<tool_call>"
_CLOSING: Final = "</tool_call>"
_FUNCTION: Final = re.compile(r"\s*<function=([^<>\n]{1,200})>\s*")
_PARAMETER: Final = re.compile(r"\s*<parameter=([^<>\n]{1,200})>\n?")
_END: Final = "</function>"
_VALUE_END: Final = re.compile(r"\n?</parameter>(?=\s*(?:<parameter=|</function>))")


class Qwen3Coder:
    name = "qwen3_coder"

    def instructions(self, tools: Sequence[dict[str, Any]]) -> str:
        return template(self.name).replace("{tools}", "\n".join(to_json(tool) for tool in tools))

    def write(self, calls: Sequence[tuple[str, str]]) -> str:
        return "\n".join(_written(name, json.loads(arguments)) for name, arguments in calls)

    def write_results(self, results: Sequence[str]) -> str:
        return "\n".join(f"<tool_response>\n{result}\n</tool_response>" for result in results)

    def find(self, text: str, before: str) -> tuple[int, bool]:
        return find_mark(text, (_OPENING, "<function="))

    def take(self, text: str, tools: Sequence[dict[str, Any]], *, ended: bool) -> Taken | None:
        outer = len(_OPENING) if text.startswith(_OPENING) else 0
        function = _FUNCTION.match(text, outer)
        if function is None:
            undecided = _FUNCTION.match(text + "x>", outer) is not None or _may_become(text[outer:].lstrip(), "<function=")
            return None if undecided and not ended else Taken(outer or len("<function="), ())
        if function.end() == len(text):
            return _cut_off(function[1], text) if ended else None
        given: dict[str, str] = {}
        place = function.end()
        while parameter := _PARAMETER.match(text, place):
            end = _VALUE_END.search(text, parameter.end())
            if end is None:
                return _cut_off(function[1], text) if ended else None
            given[parameter[1]] = text[parameter.end() : end.start()]
            place = end.end()
        while place < len(text) and text[place].isspace():
            place += 1
        left = text[place:]
        if not left.startswith(_END):
            waits = _may_become(left, _END) or _may_become(left, "<parameter=") or left.startswith("<parameter=")
            return None if waits and not ended else _cut_off(function[1], text[:place])
        place += len(_END)
        if outer:
            after = text[place:].lstrip()
            if after.startswith(_CLOSING):
                place = len(text) - len(after) + len(_CLOSING)
            elif _may_become(after, _CLOSING) and not ended:
                return None
        return Taken(place, (Call(function[1].strip(), _typed(given, tool_schemas(tools).get(function[1].strip(), {}))),))


def _written(name: str, arguments: dict[str, Any]) -> str:
    lines = [f"<parameter={key}>\n{value if isinstance(value, str) else to_json(value)}\n</parameter>" for key, value in arguments.items()]
    return "\n".join(["<tool_call>", f"<function={name}>", *lines, "</function>", "</tool_call>"])


def _typed(given: dict[str, str], properties: dict[str, Any]) -> str:
    """The values as JSON. What the schema calls a string, or does not know, stays text; so does what is not what it calls for."""
    made: dict[str, object] = {}
    for name, text in given.items():
        kind = properties.get(name, {}).get("type", "string")
        value = text if kind == "string" else repair_value(text.strip())
        made[name] = text if value is NOTHING else value
    return to_json(made)


def _may_become(text: str, mark: str) -> bool:
    return len(text) < len(mark) and mark.startswith(text)


def _cut_off(name: str, text: str) -> Taken:
    return Taken(len(text), (Call(name.strip(), text, readable=False),))
