"""Patches as data, on the host: split by file, protected paths taken out, files turned into patches. Nothing is applied here."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath

import pathspec
from unidiff import PatchSet
from unidiff.errors import UnidiffParseError

from tasks.configuration import extended_settings
from tasks.task import Stripped, Task

_CONFIGURATION = (
    "package.json", "package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "pnpm-workspace.yaml", "yarn.lock",
    "tsconfig*.json", "jsconfig*.json", "vitest.config.*", "vitest.workspace.*", "vite.config.*", "jest.config.*", "babel.config.*",
    "eslint.config.*", "oxlint.config.*", "node_modules", ".*",
)  # fmt: skip
"""What decides how code is compiled, tested and linted: comes from the pristine tree. Dotfiles too."""
_TESTS = (
    "test/", "tests/", "spec/", "specs/", "fixtures/", "__tests__/", "__snapshots__/", "__fixtures__/", "__mocks__/", "*.test.*", "*.spec.*",
    "*.test-d.*", "*.snap", "test[-_.]util*", "testUtil*", "test[-_.]helper*", "testHelper*", "test[-_.]setup*", "testSetup*", "setup[-_.]test*",
    "setupTest*",
)  # fmt: skip
"""Wherever they are: what lies beside tests, or says that it is for them, is what they are written with."""
_HEADER = re.compile(r"^diff --git ", re.MULTILINE)
_RENAMED = re.compile(r"^rename from (.+)$", re.MULTILINE)
_MOVED = re.compile(r"^(?:rename|copy) (?:from|to) (.+)$", re.MULTILINE)
_PATTERN_CHARACTER = re.compile(r"[\\\[\]*?! ]")
_SPECIAL_MODE = re.compile(r"^(?:new file mode|new mode|old mode|deleted file mode) (?!100(?:644|755)$)\d+$", re.MULTILINE)


class MalformedPatchError(ValueError):
    """The text is not a patch that can be read."""


@dataclass(frozen=True, slots=True)
class FilePatch:
    """The part of a patch that changes one file."""

    text: str
    paths: tuple[str, ...]
    """The file's path; for a rename or a copy the old one as well."""
    gone: tuple[str, ...] = ()
    """Those of them at which there is no file afterwards."""


def split_patch(patch: str) -> Iterator[FilePatch]:
    """The patch file by file, in its own words. MalformedPatchError where it cannot be read as a git or unified diff."""
    starts = [found.start() for found in _HEADER.finditer(patch)]
    if starts:
        sections = [patch[start:end] for start, end in zip(starts, [*starts[1:], len(patch)], strict=True)]
    else:
        sections = [patch] if patch.strip() else []
    for section in sections:
        try:
            parsed = PatchSet(section)
        except (UnidiffParseError, ValueError, NameError, TypeError, AttributeError, IndexError) as error:  # unidiff trips over some texts
            raise MalformedPatchError(str(error)) from error
        if not parsed:
            raise MalformedPatchError(f"no change in: {section.splitlines()[0][:120]!r}" if section.strip() else "empty section")
        if starts and len(parsed) != 1:
            raise MalformedPatchError("one `diff --git` header over several files")
        for file in parsed:
            header = section.partition("\n@@")[0]
            names = [*_MOVED.findall(header), file.source_file, file.target_file]
            try:
                paths = tuple(dict.fromkeys(_plain(name) for name in names if name and name != "/dev/null"))
            except UnicodeError as error:
                raise MalformedPatchError(f"a quoted name that cannot be read: {section.splitlines()[0][:120]!r}") from error
            if not paths:
                raise MalformedPatchError(f"no file is named in: {section.splitlines()[0][:120]!r}")
            gone = (paths[-1],) if file.is_removed_file else tuple(_plain(name) for name in _RENAMED.findall(header))
            yield FilePatch(section if len(parsed) == 1 else str(file), paths, gone)


def filter_patch(patch: str, task: Task) -> tuple[str, tuple[Stripped, ...]]:
    """What of an agent's patch reaches the grading box, and what was taken out of it and why."""
    protected = protected_paths(task)
    kept = []
    stripped = []
    for part in split_patch(patch):
        if any(_is_outside(path) for path in part.paths):
            stripped.append(Stripped(path=part.paths[-1], reason="outside"))
        elif _SPECIAL_MODE.search(part.text.partition("\n@@")[0]):
            stripped.append(Stripped(path=part.paths[-1], reason="not_a_regular_file"))
        elif any(protected.match_file(path) for path in part.paths):
            stripped.append(Stripped(path=part.paths[-1], reason="protected"))
        elif not all(map(_is_readable, part.paths)):
            stripped.append(Stripped(path=part.paths[-1], reason="unreadable_name"))
        else:
            kept.append(part.text)
    return "".join(kept), tuple(stripped)


def protected_paths(task: Task) -> pathspec.GitIgnoreSpec:
    """Tests, configuration, what that extends, and dotfiles, every file that the hidden tests touch, less what the task lets a patch edit."""
    configuration = map(anchored, extended_settings(task.tree.files))
    return _protected(task.test_patch, (*task.test_files, *task.type_test_files, *configuration), tuple(task.editable))


@lru_cache(maxsize=64)  # one grade asks several times
def _protected(test_patch: str, more: tuple[str, ...], editable: tuple[str, ...]) -> pathspec.GitIgnoreSpec:
    hidden = [anchored(path) for part in split_patch(test_patch) for path in part.paths]
    allowed = [f"!{pattern}" for pattern in editable]
    return pathspec.GitIgnoreSpec.from_lines([*_TESTS, *_CONFIGURATION, *more, *allowed, *hidden])


def patch_of_files(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> str:
    """A git patch that lays the text files `new` over the tree `old`. UnicodeDecodeError for a file that is not text."""
    parts = []
    for path in sorted(new):
        before = old.get(path)
        if before == new[path]:
            continue
        header = f"diff --git a/{path} b/{path}\n" + ("new file mode 100644\n" if before is None else "")
        lines = difflib.unified_diff(
            _lines(before or b""), _lines(new[path]), "/dev/null" if before is None else f"a/{path}", f"b/{path}", lineterm="\n"
        )
        parts.append(header + "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines))
    return "".join(parts)


def patch_between(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> str:
    """A git patch that makes the tree `new` of the tree `old`, files that are gone with it. UnicodeDecodeError where one is not text;
    ValueError where an empty file comes or goes, which has no lines to say so with."""
    gone = [path for path in old if path not in new]
    if any(not old[path] for path in gone) or any(not new[path] and path not in old for path in new):
        raise ValueError("an empty file comes or goes")
    parts = {path: patch_of_files(old, {path: new[path]}) for path in new if old.get(path) != new[path]}
    for path in gone:
        lines = difflib.unified_diff(_lines(old[path]), [], f"a/{path}", "/dev/null", lineterm="\n")
        text = "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
        parts[path] = f"diff --git a/{path} b/{path}\ndeleted file mode 100644\n{text}"
    return "".join(parts[path] for path in sorted(parts))


def changed_paths(patch: str) -> list[str]:
    """The files that a patch changes, in its order. MalformedPatchError as `split_patch`."""
    return [part.paths[-1] for part in split_patch(patch)]


def matching(paths: Iterable[str], patterns: Iterable[str]) -> list[str]:
    """Those of the paths that match patterns in .gitignore's syntax, sorted."""
    return sorted(pathspec.GitIgnoreSpec.from_lines(patterns).match_files(paths))


def anchored(path: str) -> str:
    """The pattern, in .gitignore's syntax, of this one path of a repository."""
    return "/" + _PATTERN_CHARACTER.sub(r"\\\g<0>", path)


def _lines(content: bytes) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+\Z", content.decode("utf-8"))


def _plain(name: str) -> str:
    if name.startswith('"') and name.endswith('"'):  # git quotes names as C strings
        name = name[1:-1].encode().decode("unicode_escape").encode("latin-1").decode("utf-8", "replace")
    return name[2:] if name.startswith(("a/", "b/")) else name


def _is_readable(path: str) -> bool:
    """In a list with a file a line it would not be another, nor two."""
    return path.isprintable() and path == path.strip()


def _is_outside(path: str) -> bool:
    pure = PurePosixPath(path)
    return pure.is_absolute() or ".." in pure.parts or ".git" in pure.parts
