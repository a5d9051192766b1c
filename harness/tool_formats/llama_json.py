"""Llama 3's way: the answer is `{"name": …, "parameters": {…}}`, after `<|python_tag|>` or bare; several are parted by `;` or lines.

A bare object is a call where it begins a line and names one of the tools; any other is what the model said.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final

from harness.tool_formats.repair import repair_value
from harness.tool_formats.text import Call, Taken, read_call, template, to_json, tool_schemas

_TAG: Final = "<|python_tag|>"
_LINE: Final = re.compile(r"(?:(?<=[\n;])|\A)[ \t]*\{")
_PARTS: Final = ("", "\n", ";")
_DECODER: Final = json.JSONDecoder()


class LlamaJson:
    name = "llama_json"

    def instructions(self, tools: Sequence[dict[str, Any]]) -> str:
        return template(self.name).replace("{tools}", "\n".join(to_json(tool) for tool in tools))

    def write(self, calls: Sequence[tuple[str, str]]) -> str:
        return "\n".join(f'{{"name": {to_json(name)}, "parameters": {arguments}}}' for name, arguments in calls)

    def write_results(self, results: Sequence[str]) -> str:
        return "\n".join(to_json({"output": result}) for result in results)

    def find(self, text: str, before: str) -> tuple[int, bool]:
        tag = text.find(_TAG)
        objects = _LINE.finditer(text, 0, len(text) if tag < 0 else tag)  # not beyond the tag, for many tags would be much to read again
        line = next((found.start() for found in objects if found.start() or before in _PARTS), -1)
        places = [place for place in (tag, line) if place >= 0]
        if places:
            return min(places), True
        blank = len(text) - len(text.rstrip(" \t"))
        start = len(text) - blank
        if blank and (text[start - 1] if start else before) in _PARTS:
            return start, False  # an object may begin after it
        for length in range(min(len(_TAG) - 1, len(text)), 0, -1):
            if _TAG.startswith(text[-length:]):
                return len(text) - length, False
        return len(text), False

    def take(self, text: str, tools: Sequence[dict[str, Any]], *, ended: bool) -> Taken | None:
        if text.startswith(_TAG):
            rest = text[len(_TAG) :].lstrip()
            if not rest and not ended:
                return None
            if rest[:1] != "{":
                return Taken(len(_TAG), ())
            start = len(text) - len(rest)
        else:
            start = text.index("{")
        try:
            (value, end), whole = _DECODER.raw_decode(text, start), True
        except (ValueError, RecursionError):
            if not ended:
                return None
            value, end, whole = repair_value(text[start:]), len(text), False
        call = read_call(value)
        known = tool_schemas(tools)
        if isinstance(call, Call) and (text.startswith(_TAG) or call.name in known or not known):
            return Taken(end, (call,))
        return Taken(end if whole else start + 1, ())
