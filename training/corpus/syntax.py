"""What only a parser can tell of source: whether it parses, and where a long file may be cut. tree-sitter, which never fails on broken source."""

from __future__ import annotations

from functools import cache
from typing import Final

import tree_sitter

Node = tree_sitter.Node

_DEPTH: Final = 6
"""How deep borders are looked for: statements, a class's members, the statements of a method, and what lies between these in the tree."""


def errors(content: bytes, path: str) -> int | None:
    """How many places do not parse; None for a language without a grammar here. Counted up to a thousand."""
    parser = _parser_of(path)
    if parser is None:
        return None
    root = parser.parse(content).root_node
    if not root.has_error:
        return 0
    count = 0
    rest = [root]
    while rest and count < 1_000:
        node = rest.pop()
        count += node.is_error or node.is_missing
        rest += [child for child in node.children if child.has_error]
    return max(1, count)


def cut(content: bytes, path: str, largest: int) -> list[bytes]:
    """Consecutive pieces of at most `largest` bytes that add up to the whole: at borders of statements, else of lines, else of characters."""
    if len(content) <= largest:
        return [content]
    parser = _parser_of(path)
    borders = _borders(parser.parse(content).root_node, largest) if parser is not None else []
    pieces = []
    start = 0
    at = 0
    for border in [*borders, len(content)]:
        border = _with_line_end(content, border)
        if border - start > largest:
            if at > start:
                pieces.append(content[start:at])
                start = at
            while border - start > largest:
                end = _plain_border(content, start, start + largest)
                pieces.append(content[start:end])
                start = end
        at = max(at, border)
    if start < len(content):
        pieces.append(content[start:])
    return pieces


def _borders(root: Node, largest: int) -> list[int]:
    """Ends of nodes on lines of their own, in order; into a node only where it is too large itself. A comment stays with what follows it."""
    found: list[int] = []
    rest: list[tuple[Node, int]] = [(root, 0)]
    while rest:
        node, depth = rest.pop()
        if depth:
            previous = node.prev_sibling
            if previous is None or previous.type != "comment":
                found.append(node.start_byte)
        if node.end_byte - node.start_byte > largest and depth < _DEPTH and node.type not in ("template_string", "string", "comment"):
            rest += [(child, depth + 1) for child in reversed(node.children) if child.is_named]
    return sorted(set(found))


def _with_line_end(content: bytes, border: int) -> int:
    """The beginning of the line that a border stands on, when only white space is before it."""
    line = content.rfind(b"\n", 0, border) + 1
    return line if not content[line:border].strip() else border


def _plain_border(content: bytes, start: int, end: int) -> int:
    line = content.rfind(b"\n", start, end) + 1
    if line > start:
        return line
    while end > start + 1 and content[end] & 0xC0 == 0x80:  # not into a character of several bytes
        end -= 1
    return end


def _parser_of(path: str) -> tree_sitter.Parser | None:
    suffix = path.rpartition(".")[2].lower()
    if suffix in ("ts", "mts", "cts"):
        return _parser("typescript")
    if suffix in (
        "tsx",
        "js",
        "jsx",
        "mjs",
        "cjs",
    ):  # JavaScript is parsed as TypeScript, whose types a few of its files have in Flow's way
        return _parser("tsx")
    return None


@cache
def _parser(name: str) -> tree_sitter.Parser:
    import tree_sitter_typescript as grammars

    grammar = grammars.language_typescript() if name == "typescript" else grammars.language_tsx()
    return tree_sitter.Parser(tree_sitter.Language(grammar))
