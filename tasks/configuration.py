"""A repository's configuration as its checks see it: what the compiler's settings extend, and which of the linter's settings run nothing.

Read as data, on the host. Whoever decides how code is judged must not be a patch's to change, under whatever name: a settings file may draw on
another of any name, and a linter runs modules that its settings name, as the user who grades.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

_LINT_SETTINGS: Final = (".oxlintrc.json", ".oxlintrc.jsonc")
_COMPILER_SETTINGS: Final = re.compile(r"(?:ts|js)config[^/]*\.json$")
_PARTS: Final = re.compile(r'("(?:\\.|[^"\\\n])*")|//[^\n]*|/\*.*?\*/|,(?=\s*[}\]])', re.DOTALL)
_RUN: Final = frozenset({"extends", "jsPlugins"})
"""Of the linter's settings: a file that may name modules, and modules."""


def read_settings(text: str) -> dict[str, Any] | None:
    """A settings file's object; its comments and last commas are no JSON. None where it is something else."""
    try:
        settings = json.loads(_PARTS.sub(lambda found: found[1] or "", text.removeprefix("\ufeff")))
    except (ValueError, RecursionError):
        return None
    return settings if isinstance(settings, dict) else None


def extended_settings(files: Mapping[str, bytes]) -> tuple[str, ...]:
    """The paths of what the compiler's settings of a tree extend, one after the other, and of what would be read in its place if it were there."""
    waiting = [path for path in files if path.endswith(".json") and _COMPILER_SETTINGS.match(posixpath.basename(path))]
    seen = {*waiting}
    places = set()
    while waiting:
        path = waiting.pop()
        for base in _bases(files[path]):
            for place in _places(base, path, files):
                places.add(place)
                if place in files and place not in seen:
                    seen.add(place)
                    waiting.append(place)
    return tuple(sorted(places))


def lint_settings(files: Mapping[str, bytes]) -> str | None:
    """The linter's settings at the root of a tree, where they are data and nothing else. Others, and those of directories, are not honoured."""
    path = next((path for path in _LINT_SETTINGS if path in files), None)
    if path is None:
        return None
    settings = read_settings(files[path].decode("utf-8", "replace"))
    return None if settings is None or not _RUN.isdisjoint(_names(settings)) else path


def _bases(content: bytes) -> list[str]:
    text = content.decode("utf-8", "replace")
    settings = read_settings(text)
    if settings is None:
        return re.findall(r'"extends"\s*:\s*\[?\s*"([^"]+)"', text)
    said = settings.get("extends")
    return [base for base in (said if isinstance(said, list) else [said]) if isinstance(base, str)]


def _places(base: str, path: str, files: Mapping[str, bytes]) -> Iterator[str]:
    """Where the compiler looks for what a settings file extends, as far as that is in the repository."""
    if re.match(r"\.{1,2}(?:/|\Z)", base):
        place = posixpath.normpath(posixpath.join(posixpath.dirname(path), base))
        yield from (place, f"{place}.json")
        return
    for manifest in files:  # a package of the same repository may be meant; which of its files is for the package to say
        if posixpath.basename(manifest) != "package.json":
            continue
        name = (read_settings(files[manifest].decode("utf-8", "replace")) or {}).get("name")
        if isinstance(name, str) and name and (base == name or base.startswith(f"{name}/")):
            directory = posixpath.dirname(manifest)
            place = posixpath.normpath(posixpath.join(directory, base[len(name) :].lstrip("/")))
            yield from (place, f"{place}.json")
            yield from (file for file in files if file.endswith(".json") and (not directory or file.startswith(f"{directory}/")))


def _names(value: object) -> Iterator[str]:
    """The names of all that is in a value of JSON."""
    waiting = [value]
    while waiting:
        here = waiting.pop()
        if isinstance(here, dict):
            yield from here
            waiting += here.values()
        elif isinstance(here, list):
            waiting += here
