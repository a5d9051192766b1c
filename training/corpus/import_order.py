"""The files of a repository in the order in which they build on one another: what is imported comes before what imports it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from ahocorasick_rs import BytesAhoCorasick

_LONGEST: Final = 300
_BEFORE: Final = [f"{words}{quote}".encode() for words in ("from ", "from", "import ", "import", "require(", "import(") for quote in "'\""]
_SUFFIXES: Final = (".ts", ".tsx", ".mts", ".cts", ".d.ts", ".js", ".jsx", ".mjs", ".cjs", ".json")
_COMPILED: Final = {".js": (".ts", ".tsx"), ".jsx": (".tsx",), ".mjs": (".mts",), ".cjs": (".cts",)}
"""What an import of a compiled file's name means in TypeScript."""

_AUTOMATON: Final = BytesAhoCorasick(_BEFORE)


def imported(content: bytes) -> list[str]:
    """The paths relative to the file that it imports, in their order. A string that looks like one may be among them: it resolves to nothing."""
    found: dict[str, None] = {}
    for _, _, end in _AUTOMATON.find_matches_as_indexes(content):
        if content[end : end + 1] == b".":
            close = content.find(content[end - 1 : end], end, end + _LONGEST)
            if close > 0:
                found[content[end:close].decode("utf-8", "replace")] = None
    return list(found)


def in_import_order(imports: Mapping[str, Sequence[str]]) -> list[str]:
    """The paths that are the keys; `imports` has what each imports, relative to it. Where files import one another in a circle, the first by path that
    is met stays behind the others. The order depends on nothing but paths and imports."""
    order: list[str] = []
    state: dict[str, bool] = {}  # False: being visited, True: done
    for first in sorted(imports):
        if first in state:
            continue
        state[first] = False
        stack = [(first, iter(_targets(first, imports)))]
        while stack:
            path, rest = stack[-1]
            following = next((each for each in rest if each not in state), None)
            if following is None:
                stack.pop()
                state[path] = True
                order.append(path)
            else:
                state[following] = False
                stack.append((following, iter(_targets(following, imports))))
    return order


def _targets(path: str, imports: Mapping[str, Sequence[str]]) -> list[str]:
    found = (resolve(path, each, imports) for each in imports[path])
    return [each for each in found if each is not None]


def resolve(path: str, specifier: str, files: Mapping[str, object]) -> str | None:
    """The file that `specifier` means in the file at `path`; None when it is not among `files`."""
    base = posixpath.normpath(posixpath.join(posixpath.dirname(path), specifier))
    return next((each for each in _candidates(base) if each in files and each != path), None)


def _candidates(base: str) -> Iterator[str]:
    yield base
    stem, suffix = posixpath.splitext(base)
    yield from (stem + other for other in _COMPILED.get(suffix, ()))
    yield from (base + each for each in _SUFFIXES)
    yield from (f"{base}/index{each}" for each in _SUFFIXES)
