"""Text with tool calls in it, as pieces: what a format has to know, and the reader that all of them share.

A reader takes text as it comes, in portions of any size, and gives the same pieces for all of them. It never raises: what looks like a call
and cannot be read is a call that is not `readable`, and everything else is what the model said.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol

from harness.tool_formats.repair import repair_value

_CLOSES_LOOKED_AT: Final = 16
"""Of one call: more marks than that inside of its strings and it is taken as broken, so that no text costs more than its length."""


@dataclass(frozen=True, slots=True)
class Said:
    text: str


@dataclass(frozen=True, slots=True)
class Call:
    name: str
    arguments: str
    """JSON where the call is readable, else what stood there."""
    readable: bool = True


Piece = Said | Call


@dataclass(frozen=True, slots=True)
class Taken:
    """What a format made of the text from one of its marks on: how many characters, and what they are. No pieces: it was said."""

    length: int
    pieces: tuple[Piece, ...]


class ToolFormat(Protocol):
    name: str

    def instructions(self, tools: Sequence[dict[str, Any]]) -> str:
        """What the system prompt says of the tools and of how they are called."""
        ...

    def write(self, calls: Sequence[tuple[str, str]]) -> str:
        """Calls, each a name and a JSON object, as the model would write them."""
        ...

    def write_results(self, results: Sequence[str]) -> str:
        """What the tools answered, as one message to the model."""
        ...

    def find(self, text: str, before: str) -> tuple[int, bool]:
        """Where the next call may begin, and whether its mark is there whole. (len(text), False) when nothing of it may be one.

        `before` is the last character that came before the text, empty at its beginning.
        """
        ...

    def take(self, text: str, tools: Sequence[dict[str, Any]], *, ended: bool) -> Taken | None:
        """The call that the text begins with; None when more text is needed to tell. What is told does not depend on what follows."""
        ...


class Reader:
    def __init__(self, form: ToolFormat, tools: Sequence[dict[str, Any]] = ()) -> None:
        self._form = form
        self._tools = tools
        self._rest = ""
        self._before = ""

    def feed(self, text: str) -> list[Piece]:
        """The pieces that are certain by now."""
        self._rest += text
        return self._read(ended=False)

    def close(self) -> list[Piece]:
        """What is left, at the end of the text."""
        return self._read(ended=True)

    def _read(self, *, ended: bool) -> list[Piece]:
        pieces: list[Piece] = []
        while self._rest:
            place, whole = self._form.find(self._rest, self._before)
            self._say(pieces, place)
            if not self._rest:
                break
            if not whole:
                if ended:
                    self._say(pieces, len(self._rest))
                break
            taken = self._form.take(self._rest, self._tools, ended=ended)
            if taken is None:
                if ended:
                    self._say(pieces, 1)
                    continue
                break
            if taken.pieces:
                pieces += taken.pieces
                self._drop(taken.length)
            else:
                self._say(pieces, taken.length)
        return pieces

    def _say(self, pieces: list[Piece], length: int) -> None:
        if length:
            pieces.append(Said(self._rest[:length]))
            self._drop(length)

    def _drop(self, length: int) -> None:
        self._before = self._rest[length - 1]
        self._rest = self._rest[length:]


def read_all(form: ToolFormat, text: str, tools: Sequence[dict[str, Any]] = ()) -> tuple[str, list[Call]]:
    """What is said in a whole text, less the calls; and the calls."""
    reader = Reader(form, tools)
    pieces = reader.feed(text) + reader.close()
    said = "".join(piece.text for piece in pieces if isinstance(piece, Said))
    return said, [piece for piece in pieces if isinstance(piece, Call)]


def find_mark(text: str, marks: Sequence[str]) -> tuple[int, bool]:
    """As `ToolFormat.find`, for marks that may stand anywhere."""
    places = [place for mark in marks if (place := text.find(mark)) >= 0]
    if places:
        return min(places), True
    for length in range(min(max(map(len, marks)) - 1, len(text)), 0, -1):
        if any(mark.startswith(text[-length:]) for mark in marks):
            return len(text) - length, False
    return len(text), False


def take_marked(text: str, opening: str, closing: str, *, ended: bool) -> Taken | None:
    """A call, or a list of them, as JSON between two marks. A mark inside of one of its strings does not close it."""
    start = len(opening)
    inside = text[start:].lstrip()
    if not inside:
        return Taken(start, ()) if ended else None
    if inside[0] not in "{[`":
        return Taken(start, ())  # the mark is spoken of
    looked_at = 0
    place = text.find(closing, start)
    while place >= 0 and looked_at < _CLOSES_LOOKED_AT:
        inside = text[start:place]
        calls = read_calls(repair_value(inside))
        if calls is None and not _ends_in_a_string(inside):
            calls = (_broken(inside),)
        if calls is not None:
            return Taken(place + len(closing), calls)
        looked_at += 1
        place = text.find(closing, place + len(closing))
    if looked_at < _CLOSES_LOOKED_AT and not ended:
        return None
    first = text.find(closing, start)
    if first >= 0:
        return Taken(first + len(closing), (_broken(text[start:first]),))
    inside = text[start:]  # many servers cut the last mark off together with the end of the turn
    return Taken(len(text), read_calls(repair_value(inside)) or (_broken(inside),))


def read_calls(value: object) -> tuple[Call, ...] | None:
    """The calls that a JSON value is; None when it is none."""
    entries = value if isinstance(value, list) else [value]
    calls = [read_call(entry) for entry in entries]
    return tuple(call for call in calls if call is not None) if entries and all(calls) else None


def read_call(value: object) -> Call | None:
    """`{"name": …, "arguments": {…}}`, the object under `parameters`, or all of it under `function`."""
    if not isinstance(value, dict):
        return None
    named: dict[str, object] = value["function"] if isinstance(value.get("function"), dict) else value
    name = named.get("name")
    if not isinstance(name, str) or not name:
        return None
    arguments = named.get("arguments", named.get("parameters", {}))
    if isinstance(arguments, str):
        inner = repair_value(arguments)
        return Call(name, arguments, readable=False) if not isinstance(inner, dict) else Call(name, to_json(inner))
    if arguments is None:
        arguments = {}
    return Call(name, to_json(arguments), readable=isinstance(arguments, dict))


def tool_schemas(tools: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The properties of each tool's parameters, by the tool's name."""
    return {str(tool["function"]["name"]): tool["function"].get("parameters", {}).get("properties", {}) for tool in tools}


def to_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


@cache
def template(name: str) -> str:
    """The instructions of a format, a file beside it."""
    return (Path(__file__).parent / f"{name}.md").read_text(encoding="utf-8").strip()


def _broken(inside: str) -> Call:
    name = re.search(r"""["']name["']\s*:\s*["']([^"'\\\n]{1,100})["']""", inside)
    return Call(name[1] if name else "", inside.strip(), readable=False)


_STRINGS: Final = {
    "double": re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL),
    "both": re.compile(r""""(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+'""", re.DOTALL),
}


def _ends_in_a_string(inside: str) -> bool:
    single = re.match(r"\s*[\[{\s]*'", inside)
    left = _STRINGS["both" if single else "double"].sub("", inside)
    return '"' in left or (single is not None and "'" in left)
