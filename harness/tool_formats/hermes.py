"""Hermes' and Qwen's way: `<tool_call>{"name": …, "arguments": {…}}</tool_call>`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.tool_formats.text import Taken, find_mark, take_marked, template, to_json


class Hermes:
    name = "hermes"

    def instructions(self, tools: Sequence[dict[str, Any]]) -> str:
        return template(self.name).replace("{tools}", "\n".join(to_json(tool) for tool in tools))

    def write(self, calls: Sequence[tuple[str, str]]) -> str:
        return "\n".join(f'<tool_call>\n{{"name": {to_json(name)}, "arguments": {arguments}}}\n</tool_call>' for name, arguments in calls)

    def write_results(self, results: Sequence[str]) -> str:
        return "\n".join(f"<tool_response>\n{result}\n</tool_response>" for result in results)

    def find(self, text: str, before: str) -> tuple[int, bool]:
        return find_mark(text, ("<tool_call>",))

    def take(self, text: str, tools: Sequence[dict[str, Any]], *, ended: bool) -> Taken | None:
        return take_marked(text, "<tool_call>", "</tool_call>", ended=ended)
