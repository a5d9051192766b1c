"""Mistral's ways: `[TOOL_CALLS] [{"name": …, "arguments": {…}}]`, and the later `[TOOL_CALLS]NAME[ARGS]{…}`, one mark a call."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final

from harness.tool_formats.repair import repair_value
from harness.tool_formats.text import Call, Taken, find_mark, read_calls, template, to_json

_MARK: Final = "[TOOL_CALLS]"
_NAMED: Final = re.compile(r"\s*([A-Za-z0-9_.-]{1,100})(?:\[CALL_ID\][A-Za-z0-9_-]{0,100})?(?:\[ARGS\])?\s*(?=\{)")
_NAME_BEGUN: Final = re.compile(r"\s*(?:[A-Za-z0-9_.-]{1,100}(?:\[[A-Za-z0-9_\]-]{0,120})?\s*)?")
_DECODER: Final = json.JSONDecoder()


class Mistral:
    name = "mistral"

    def instructions(self, tools: Sequence[dict[str, Any]]) -> str:
        return template(self.name).replace("{tools}", to_json(list(tools)))

    def write(self, calls: Sequence[tuple[str, str]]) -> str:
        entries = [f'{{"name": {to_json(name)}, "arguments": {arguments}}}' for name, arguments in calls]
        return f"{_MARK} [{', '.join(entries)}]"

    def write_results(self, results: Sequence[str]) -> str:
        return "\n".join(f"[TOOL_RESULTS] {to_json({'content': result})}[/TOOL_RESULTS]" for result in results)

    def find(self, text: str, before: str) -> tuple[int, bool]:
        return find_mark(text, (_MARK,))

    def take(self, text: str, tools: Sequence[dict[str, Any]], *, ended: bool) -> Taken | None:
        start = len(_MARK)
        rest = text[start:].lstrip()
        if rest[:1] in ("[", "{"):
            return _list(text, len(text) - len(rest), ended=ended)
        named = _NAMED.match(text, start)
        if named is None:
            begun = _NAME_BEGUN.fullmatch(text, start) is not None
            return None if begun and not ended else Taken(start, ())
        try:
            value, end = _DECODER.raw_decode(text, named.end())
        except (ValueError, RecursionError):
            if not ended:
                return None
            end = _next_mark(text, start)
            value = repair_value(text[named.end() : end])
        if isinstance(value, dict):
            return Taken(end, (Call(named[1], to_json(value)),))
        return Taken(end, (Call(named[1], text[named.end() : end].strip(), readable=False),))


def _list(text: str, start: int, *, ended: bool) -> Taken | None:
    try:
        value, end = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        if not ended:
            return None
        end = _next_mark(text, start)
        value = repair_value(text[start:end])
    calls = read_calls(value)
    if calls is None:
        name = re.search(r"""["']name["']\s*:\s*["']([^"'\\\n]{1,100})["']""", text[start:end])
        calls = (Call(name[1] if name else "", text[start:end].strip(), readable=False),)
    return Taken(end, calls)


def _next_mark(text: str, start: int) -> int:
    place = text.find(_MARK, start)
    return place if place >= 0 else len(text)
