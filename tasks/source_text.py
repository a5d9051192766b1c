"""TypeScript source as text in which code, comments and strings are told apart. A scanner, not a parser: it never fails.

A slash begins a regular expression where an operand may stand, judged by what stands before it. After a closing bracket that cannot be
told without a parser; there it divides.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

_NEXT = re.compile(r"//|/\*|['\"`{}/]")
_LINE_END = re.compile(r"[\n\r\u2028\u2029]")
_QUOTED = {quote: re.compile(rf"{quote}(?:\\.|[^{quote}\\\n\r])*{quote}?", re.DOTALL) for quote in "'\""}
_TEMPLATE = re.compile(r"(?:[^`\\$]|\\.|\$(?!\{))*(`|\$\{)", re.DOTALL)
_REGULAR_EXPRESSION = re.compile(r"/(?![*/])(?:\\[^\n]|\[(?:\\[^\n]|[^\]\\\n]){0,400}\]|[^/\\\[\n]){1,1000}/[a-z]{0,9}")
"""Bounded: the text is an agent's, and one that never closes a bracket would take long."""
_OPERAND_FOLLOWS = re.compile(r"(?:^|[(,=:\[!&|?{};+\-*%>~^]|\b(?:return|typeof|case|in|of|delete|void|throw|else|do|yield|await))\Z")


@dataclass(frozen=True)
class SourceText:
    """A text and its two shadows of the same length: without comments, and without comments and what stands in quotes."""

    text: str
    without_comments: str
    code: str

    def is_code(self, place: int) -> bool:
        """For a place that is not white space."""
        return self.code[place] == self.text[place]

    def is_comment(self, place: int) -> bool:
        """For a place that is not white space."""
        return self.without_comments[place] != self.text[place]

    def line_of(self, place: int) -> int:
        """From 1."""
        return bisect_right(self._line_starts, place)

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *accumulate(len(line) + 1 for line in self.text.split("\n"))][:-1]


def read_source(text: str) -> SourceText:
    comments, quoted = _scan(text)
    without_comments = _blanked(text, comments)
    return SourceText(text, without_comments, _blanked(without_comments, quoted))


def _scan(text: str) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Where comments and where the insides of strings, templates and regular expressions begin and end."""
    comments: list[tuple[int, int]] = []
    quoted: list[tuple[int, int]] = []
    braces: list[int] = []  # open braces in each `${` that is open
    place = 0
    while found := _NEXT.search(text, place):
        start, mark = found.start(), found.group()
        place = found.end()
        if mark == "//":
            end = _LINE_END.search(text, start)
            place = end.start() if end else len(text)
            comments.append((start, place))
        elif mark == "/*":
            closing = text.find("*/", place)
            place = len(text) if closing < 0 else closing + 2
            comments.append((start, place))
        elif mark in _QUOTED:
            string = _QUOTED[mark].match(text, start)
            place = string.end() if string else place
            quoted.append((start + 1, place - 1 if text[place - 1] == mark and place - 1 > start else place))
        elif mark == "{" and braces:
            braces[-1] += 1
        elif mark == "}" and braces and braces[-1] > 0:
            braces[-1] -= 1
        elif mark == "`" or (mark == "}" and braces):
            if mark == "}":
                braces.pop()
            rest = _TEMPLATE.match(text, place)
            if rest is None:
                continue  # it has no end: then it is no template, and what follows is read as code
            quoted.append((place, rest.start(1)))
            place = rest.end()
            if rest.group(1) == "${":
                braces.append(0)
        elif mark == "/" and _OPERAND_FOLLOWS.search(_before(text, start, comments)):
            expression = _REGULAR_EXPRESSION.match(text, start)
            if expression:
                place = expression.end()
                quoted.append((start + 1, place))
    return comments, quoted


def _before(text: str, place: int, comments: list[tuple[int, int]]) -> str:
    """The last characters of code before a place."""
    index = len(comments)
    while True:
        while place > 0 and text[place - 1].isspace():
            place -= 1
        if index and comments[index - 1][1] == place:
            index -= 1
            place = comments[index][0]
        else:
            return text[max(0, place - 12) : place]


def _blanked(text: str, ranges: list[tuple[int, int]]) -> str:
    """The text with spaces in the ranges; line feeds stay."""
    parts = []
    place = 0
    for start, end in ranges:
        parts += [text[place:start], re.sub(r"[^\n]", " ", text[start:end])]
        place = end
    parts.append(text[place:])
    return "".join(parts)
