"""What a repository's tests import of its build, which nobody makes here: the entries that are missing, each a line that leads to its source.

A test may say `from ".."`, `from "../dist/shelf.js"` or the package's own name. What that is once it is built, package.json tells; which source
it is built from, the `source` in package.json or the same name below `src`. Where there is no such source nothing is written, nor for a name of the
package's own that its settings lead to the source already.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Final

_SPECIFIER: Final = re.compile(r"""(?:\bfrom|\bimport|\brequire\s*\(|\bimport\s*\()\s*['"]([^'"\n]+)['"]""")
_MODULE: Final = re.compile(r"(?:\.d)?\.m?[jt]s$")  # what is required as CommonJS cannot lead to a module
_DECLARATIONS: Final = re.compile(r"\.d\.[cm]?ts$")
_DEFAULT: Final = re.compile(r"^export\s+default\b|\bas\s+default\b|^export\s*\{[^}]*\bdefault\b[^}]*\}\s*from", re.MULTILINE)
_SETTINGS: Final = re.compile(r"^(?:(?:vitest|vite|jest)\.config\.[^/]+|tsconfig[^/]*\.json|package\.json)$")
_ALIASES: Final = re.compile(r"\balias\b|\bpaths\b|\bmoduleNameMapper\b")
_BUILD: Final = frozenset({"dist", "lib", "build", "out", "es", "esm", "cjs", "output"})
_ENDINGS: Final = (".ts", ".tsx", ".mts", "/index.ts", "/index.tsx", "/index.mts")


def missing_entries(package: Mapping[str, Any], files: Mapping[str, bytes], tests: Sequence[str]) -> dict[str, str]:
    """Texts by the path of each built file that the tests import and that is not there, where its source is."""
    found: dict[str, str] = {}
    for target in sorted(set(_targets(package, files, tests))):
        if target in files or not _MODULE.search(target):
            continue
        source = _source_of(target, package, files)
        if source is not None:
            found[target] = _leading(target, source, files[source])
    return found


def _targets(package: Mapping[str, Any], files: Mapping[str, bytes], tests: Sequence[str]) -> Iterable[str]:
    own = package.get("name")
    own = own if isinstance(own, str) and own and not _is_aliased(own, files) else None
    for path in tests:
        for specifier in _SPECIFIER.findall(files[path].decode("utf-8", "replace")):
            if own is not None and (specifier == own or specifier.startswith(f"{own}/")):
                yield from _entries(package, f".{specifier[len(own) :]}")
            elif specifier.startswith("."):
                place = posixpath.normpath(posixpath.join(posixpath.dirname(path), specifier))
                if place == ".":
                    yield from _entries(package, ".")
                elif PurePosixPath(place).parts[0] in _BUILD:
                    yield from (place,) if _MODULE.search(place) else (f"{place}.js", f"{place}/index.js")


def _is_aliased(name: str, files: Mapping[str, bytes]) -> bool:
    texts = [files[path].decode("utf-8", "replace") for path in files if _SETTINGS.match(path)]
    return any((found := _ALIASES.search(text)) and name in text[found.start() :] for text in texts)


def _entries(package: Mapping[str, Any], name: str) -> Iterable[str]:
    """The files that package.json names for one of its entries, those of types too."""
    exports = package.get("exports")
    if isinstance(exports, dict) and any(key.startswith(".") for key in exports):
        exports = exports.get(name)
    elif name != ".":
        exports = None
    said = list(_leaves(exports))
    if name == ".":
        said += [str(package[key]) for key in ("module", "main", "types", "typings") if isinstance(package.get(key), str)]
    for target in said:
        yield posixpath.normpath(target)


def _leaves(exports: object) -> Iterable[str]:
    if isinstance(exports, str):
        yield exports
    elif isinstance(exports, dict):
        for value in exports.values():
            yield from _leaves(value)


def _source_of(target: str, package: Mapping[str, Any], files: Mapping[str, bytes]) -> str | None:
    """The source that a built file comes of, or None where none can be told."""
    is_main = target in {*_entries(package, ".")}
    said = package.get("source")
    if is_main and isinstance(said, str) and posixpath.normpath(said) in files:
        return posixpath.normpath(said)
    parts = PurePosixPath(_MODULE.sub("", target)).parts
    inside = "/".join(part for number, part in enumerate(parts) if number or part not in _BUILD)
    stems = [f"src/{inside}", *([f"src/{parts[-1]}", "src/index"] if is_main else [])]
    return next((stem + ending for stem in stems for ending in _ENDINGS if stem + ending in files), None)


def _leading(target: str, source: str, content: bytes) -> str:
    way = posixpath.relpath(source, posixpath.dirname(target) or ".")
    way = way if way.startswith(".") else f"./{way}"
    if _DECLARATIONS.search(target):  # where an ending of TypeScript may not be said
        way = re.sub(r"\.[cm]?tsx?$", lambda found: {".mts": ".mjs"}.get(found[0], ""), way)
    lines = [f'export * from "{way}";']
    if _DEFAULT.search(content.decode("utf-8", "replace")):
        lines.append(f'export {{ default }} from "{way}";')
    return "\n".join(lines) + "\n"
