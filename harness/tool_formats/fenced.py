"""A plain protocol for any model: one fenced block a call, as all of them write them in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from harness.tool_formats.text import Taken, find_mark, take_marked, template, to_json

_OPENING: Final = "```tool_call\n"


class Fenced:
    name = "fenced"

    def instructions(self, tools: Sequence[dict[str, Any]]) -> str:
        return template(self.name).replace("{tools}", "\n".join(to_json(tool["function"]) for tool in tools))

    def write(self, calls: Sequence[tuple[str, str]]) -> str:
        return "\n".join(f'{_OPENING}{{"name": {to_json(name)}, "arguments": {arguments}}}\n```' for name, arguments in calls)

    def write_results(self, results: Sequence[str]) -> str:
        return "\n".join(f"```tool_result\n{result}\n```" for result in results)

    def find(self, text: str, before: str) -> tuple[int, bool]:
        return find_mark(text, (_OPENING,))

    def take(self, text: str, tools: Sequence[dict[str, Any]], *, ended: bool) -> Taken | None:
        return take_marked(text, _OPENING, "```", ended=ended)
