"""JSON that a model nearly wrote, made JSON where there is one way to do it.

Mended: Python's literals, single quotes, trailing commas, control characters inside of strings, code fences around, JSON inside of a JSON
string. Not mended, because more than one text could be meant: quotes left open, objects cut off, backslashes before ordinary letters,
words after the end.
"""

from __future__ import annotations

import json
import re
from typing import Final

_FENCE: Final = re.compile(r"\A\s*```[A-Za-z0-9_-]*[ \t]*\n(.*?)\n?[ \t]*```\s*\Z", re.DOTALL)
_NUMBER: Final = re.compile(r"-?(?:0|[1-9]\d{0,300})(?:\.\d{1,300})?(?:[eE][+-]?\d{1,3})?(?![\w.])")
_WORD: Final = re.compile(r"(?:true|false|null|True|False|None)(?!\w)")
_WORDS: Final[dict[str, bool | None]] = {"true": True, "True": True, "false": False, "False": False, "null": None, "None": None}
_SPACE: Final = re.compile(r"\s*")
_PLAIN: Final = {quote: re.compile(rf"[^\\{quote}]*") for quote in "\"'"}
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "\\": "\\", "/": "/", '"': '"', "'": "'"}
_DEEPEST: Final = 100
_ENCODINGS: Final = 3

NOTHING: Final = object()
"""No value could be read. None is one: it is JSON's null."""


def repair_object(text: str) -> str | None:
    """A JSON object for a text that is none yet; None when it is one already, and when it cannot be told which is meant."""
    try:
        if isinstance(json.loads(text), dict):
            return None
    except (ValueError, RecursionError):
        pass
    value = repair_value(text)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else None


def repair_value(text: str) -> object:
    """The value of a text that is JSON or nearly so; NOTHING when it cannot be told. A string that holds an object or a list is read once more."""
    value = _value(text)
    for _ in range(_ENCODINGS):
        if not isinstance(value, str):
            break
        inner = _value(value)
        if not isinstance(inner, dict | list | str):
            break
        value = inner
    return value


def _value(text: str) -> object:
    if fenced := _FENCE.match(text):
        text = fenced[1]
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        reading = _Reading(text)
        value = reading.value(0)
        reading.skip()
        return value if reading.place == len(text) else NOTHING
    except _UnclearError:
        return NOTHING


class _UnclearError(Exception):
    """More than one thing could be meant, or nothing."""


class _Reading:
    """Reads one value, more freely than JSON is."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0

    def skip(self) -> None:
        found = _SPACE.match(self.text, self.place)
        assert found is not None
        self.place = found.end()

    def value(self, depth: int) -> object:
        self.skip()
        first = self.text[self.place : self.place + 1]
        if depth > _DEEPEST:
            raise _UnclearError
        if first == "{":
            return self._object(depth)
        if first == "[":
            return self._list(depth)
        if first and first in "\"'":
            return self._string(first)
        if word := _WORD.match(self.text, self.place):
            self.place = word.end()
            return _WORDS[word[0]]
        if number := _NUMBER.match(self.text, self.place):
            self.place = number.end()
            return json.loads(number[0])
        raise _UnclearError

    def _object(self, depth: int) -> dict[str, object]:
        made: dict[str, object] = {}
        self.place += 1
        while not self._ends("}", first=not made):
            quote = self.text[self.place : self.place + 1]
            if not quote or quote not in "\"'":
                raise _UnclearError
            name = self._string(quote)
            self.skip()
            if self.text[self.place : self.place + 1] != ":" or name in made:
                raise _UnclearError
            self.place += 1
            made[name] = self.value(depth + 1)
        return made

    def _list(self, depth: int) -> list[object]:
        made: list[object] = []
        self.place += 1
        while not self._ends("]", first=not made):
            made.append(self.value(depth + 1))
        return made

    def _ends(self, bracket: str, *, first: bool) -> bool:
        """Whether the bracket is next; if not, the comma before the next entry is read. One comma may stand before the bracket."""
        self.skip()
        if not first:
            if self.text[self.place : self.place + 1] == ",":
                self.place += 1
                self.skip()
            elif self.text[self.place : self.place + 1] != bracket:
                raise _UnclearError
        if self.text[self.place : self.place + 1] != bracket:
            return False
        self.place += 1
        return True

    def _string(self, quote: str) -> str:
        parts: list[str] = []
        self.place += 1
        while True:
            plain = _PLAIN[quote].match(self.text, self.place)
            assert plain is not None
            parts.append(plain[0])
            self.place = plain.end()
            mark = self.text[self.place : self.place + 1]
            self.place += 1
            if mark == quote:
                break
            if not mark:
                raise _UnclearError
            escaped = self.text[self.place : self.place + 1]
            self.place += 1
            if escaped == "u" and re.fullmatch(r"[0-9a-fA-F]{4}", self.text[self.place : self.place + 4]):
                parts.append(chr(int(self.text[self.place : self.place + 4], 16)))
                self.place += 4
            elif escaped and escaped in _ESCAPES:
                parts.append(_ESCAPES[escaped])
            else:
                raise _UnclearError
        return "".join(parts).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
