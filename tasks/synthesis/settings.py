"""The compiler settings that grading needs: the repository's own, or some that are written where it has none, where they need files that are not
in the package, or where its type tests are outside of them, so that the compiler would have nothing to say of these.

A settings file is read as the compiler does, comments and all, and never run.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Final

from tasks.configuration import read_settings
from tasks.patches import matching

ROOT: Final = "tsconfig.json"
_OWN: Final = "tsconfig.own.json"
"""Where the repository's own settings are when others extend them."""
_WRITTEN: Final = {
    "compilerOptions": {
        "target": "esnext", "module": "nodenext", "moduleResolution": "nodenext", "strict": True, "noEmit": True, "skipLibCheck": True,
        "allowImportingTsExtensions": True,
    },
}  # fmt: skip
_LENIENT: Final = {"noEmit": True, "noUnusedLocals": False, "noUnusedParameters": False, "rootDir": "."}
"""A type test uses nothing of what it declares, and lies outside of the sources."""


def settings_for(
    files: Mapping[str, bytes], sources: Sequence[str], tests: Sequence[str], type_tests: Sequence[str]
) -> tuple[dict[str, bytes], str] | None:
    """Files to write, and why; None where the repository's own settings serve."""
    own = files.get(ROOT)
    if own is None:
        return {ROOT: _written(sources, tests)}, "it has none"
    text = own.decode("utf-8", "replace")
    if (base := _out_of_reach(text, files)) is not None:
        return {ROOT: _written(sources, tests)}, f"its own extends {base}, which is not in the package"
    settings = read_settings(text)
    if settings is None:
        return None
    outside = [path for path in type_tests if path not in _covered(settings, [path])]
    if not outside:
        return None
    return _with_type_tests(files, settings, own, outside), f"its own leaves out {outside[0]}, which the compiler is to judge"


def _written(sources: Sequence[str], tests: Sequence[str]) -> bytes:
    return _json({**_WRITTEN, "include": sorted({PurePosixPath(path).parts[0] for path in (*sources, *tests)})})


def _json(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=2) + "\n").encode()


def _out_of_reach(text: str, files: Mapping[str, bytes]) -> str | None:
    """What the settings extend and is not there; of packages nothing is known."""
    bases = re.findall(r'"extends"\s*:\s*"([^"]+)"', text)
    return next(
        (
            base
            for base in bases
            if base.startswith("..")
            or (base.startswith("./") and str(PurePosixPath(base)) not in files and f"{PurePosixPath(base)}.json" not in files)
        ),
        None,
    )


def _covered(settings: Mapping[str, Any], paths: Sequence[str]) -> list[str]:
    """The paths that the settings name."""
    named = {posixpath.normpath(path) for path in _strings(settings, "files")}
    include = _strings(settings, "include") or ([] if "files" in settings or "extends" in settings else ["**/*"])
    if not include and not named:
        return list(paths)  # what they extend says it
    inside = {*matching(paths, [_pattern(one) for one in include])} - {*matching(paths, [_pattern(one) for one in _excluded(settings)])}
    return [path for path in paths if path in inside or path in named]


def _excluded(settings: Mapping[str, Any]) -> list[str]:
    return _strings(settings, "exclude")


def _strings(settings: Mapping[str, Any], key: str) -> list[str]:
    said = settings.get(key)
    return [one for one in said if isinstance(one, str)] if isinstance(said, list) else []


def _pattern(said: str) -> str:
    """In .gitignore's syntax, from the repository's root: a directory's name stands for all that is in it in either."""
    path = posixpath.normpath(said.replace("${configDir}/", ""))
    return "/**" if path == "." else f"/{path}"


def _with_type_tests(files: Mapping[str, bytes], settings: Mapping[str, Any], own: bytes, outside: Sequence[str]) -> dict[str, bytes]:
    """The repository's own settings, or those beside its type tests, which these were written under, with the type tests in them."""
    beside = sorted(
        path
        for path in files
        if posixpath.dirname(path) == posixpath.dirname(outside[0]) and path != ROOT and re.search(r"(?:^|/)tsconfig[^/]*\.json$", path)
    )
    reachable = [path for path in beside if _out_of_reach(files[path].decode("utf-8", "replace"), files) is None]
    include = _strings(settings, "include") or ([] if "files" in settings else ["**/*"])
    content: dict[str, Any] = {
        "extends": f"./{reachable[0]}" if reachable else f"./{_OWN}",
        "compilerOptions": _LENIENT,
        **({"files": settings["files"]} if "files" in settings else {}),
        "include": [*include, *outside],
        "exclude": [one for one in _excluded(settings) if not matching(outside, [_pattern(one)])],
    }
    return {ROOT: _json(content), **({} if reachable else {_OWN: own})}
