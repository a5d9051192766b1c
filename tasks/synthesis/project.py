"""What kind of repository it is: its sources, its tests and their runner, its licence; and what cannot be used, in words.

Nothing of the repository runs for this. What is read of it is its files.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Final, Literal, get_args

from tasks.errors import TaskError
from tasks.patches import matching
from tasks.synthesis.built import missing_entries
from tasks.synthesis.clone import open_clone
from tasks.synthesis.settings import ROOT, settings_for
from tasks.tree import RepositoryTree, read_tree

SourceRunner = Literal["node:test", "vitest", "jest", "mocha"]
"""What the repository's own tests are written for."""

_COMPATIBLE: Final = Path(__file__).parent / "compat"
_MODULE: Final = re.compile(r"\.[cm]?tsx?$")
_DECLARATIONS: Final = re.compile(r"\.d\.[cm]?ts$")
_TEST_NAME: Final = re.compile(
    r"(?:^|/)(?:[^/]+[._-](?:test|tests|spec)\.[cm]?[jt]sx?|(?:tests?|specs?|__tests__)/(?:.*/)?[^/]+\.[cm]?[jt]sx?)$"
)
_TYPE_TEST: Final = re.compile(r"[._-]test-d\.[cm]?tsx?$")
_CONFIG_NAME: Final = re.compile(
    r"(?:^|/)(?:[\w.-]+\.config\.[cm]?[jt]s|\.[^/]+|(?:scripts?|examples?|benchmarks?|bench|docs?|website|fixtures?|__fixtures__|dist|build|lib/types)/.*)$"
)
_NAMED_TYPE_TEST: Final = re.compile(
    r"(?:^|/)(?:tests?|specs?|__tests__)/(?:[^/]*/)*[^/]*(?:types?|typings|typecheck)\b[^/]*\.[cm]?tsx?$|(?:^|[._/-])(?:type-?tests?|test-?types)[^/]*\.[cm]?tsx?$"
)
_TESTS: Final = re.compile(r"(?<!function )(?<![\w.$])(?:describe|it|test|suite)(?:\.\w+)?\s*(?:<[^>(]*>)?\(")
_IMPORT: Final = re.compile(r"""(?:\bfrom|\bimport|\brequire\s*\(|\bimport\s*\()\s*['"]([^'"\n]+)['"]""")
_IMPORTED_RUNNERS: Final[dict[str, SourceRunner]] = {
    "node:test": "node:test",
    "vitest": "vitest",
    "@jest/globals": "jest",
    "mocha": "mocha",
}
_UNKNOWN_RUNNERS: Final = (
    "ava",
    "tap",
    "uvu",
    "tape",
    "jasmine",
    "bun:test",
    "karma",
    "qunit",
    "@japa/runner",
    "lab",
    "@playwright/test",
    "cypress",
)
_LICENCE_FILE: Final = re.compile(r"^(?:licen[cs]e|copying|unlicense)(?:[.-].*)?$", re.IGNORECASE)
_LICENCES: Final = {
    "MIT": "Permission is hereby granted, free of charge, to any person obtaining a copy",
    "Apache-2.0": "Apache License",
    "ISC": "Permission to use, copy, modify, and/or distribute this software for any",
    "GPL-3.0": "GNU GENERAL PUBLIC LICENSE",
    "BSD-3-Clause": "Neither the name of",
    "BSD-2-Clause": "Redistributions in binary form must reproduce",
    "Unlicense": "This is free and unencumbered software",
    "MPL-2.0": "Mozilla Public License",
}


@dataclass(frozen=True, slots=True)
class Project:
    """A repository, or one package of it, at one commit."""

    name: str
    """In words that an instance_id can begin with."""
    tree: RepositoryTree
    commit: str | None
    """None where it is a directory without a git history."""
    package: dict[str, Any]
    runner: SourceRunner
    test_files: tuple[str, ...]
    type_test_files: tuple[str, ...]
    sources: tuple[str, ...]
    licence: str
    notes: tuple[str, ...]
    """What was left out of it or laid to it, and why."""

    @property
    def is_graded_by(self) -> Literal["node:test", "vitest"]:
        """The runner that grades: jest's and mocha's tests run under vitest, which can be kept apart from the source."""
        return "node:test" if self.runner == "node:test" else "vitest"


@dataclass(frozen=True, slots=True)
class Choices:
    """What a person may choose of a repository instead of what is found."""

    package: str = ""
    """A directory of it, taken as the whole."""
    runner: SourceRunner | None = None
    test_files: tuple[str, ...] = ()


def read_project(repository: Path, choices: Choices, *, revision: str = "HEAD") -> Project:
    """The repository in a directory: a bare or a normal clone, or plain files. TaskError when no tasks can be made of it."""
    if not repository.is_dir():
        raise TaskError(f"{repository}: there is no such directory; give a clone of a repository")
    below = choices.package.strip("/")
    clone = open_clone(repository)
    commit = None
    left_out: tuple[str, ...] = ()
    if clone is not None:
        commit = clone.resolve(revision)
        tree, left_out = clone.tree(commit, below)
    else:
        tree = read_tree(repository / below, skip=("node_modules",))
    name = slug(repository.name if repository.name not in ("repo", ".git") else repository.parent.name)
    name = f"{name}-{slug(PurePosixPath(below).name)}" if below else name
    return describe(name, tree, commit, choices, left_out)


def describe(name: str, tree: RepositoryTree, commit: str | None, choices: Choices, left_out: Sequence[str] = ()) -> Project:
    """What kind of repository a tree is. TaskError when it is none that tasks can be made of."""
    notes = [f"left out: {words}" for words in left_out]
    package = _package(name, tree)
    texts, unreadable = _texts(tree)
    notes += [f"left out of sources and tests: {path}: not UTF-8" for path in unreadable]
    if any(path.rpartition("/")[2] == "binding.gyp" for path in tree.files):
        raise TaskError(
            f"{name}: it is built from native code (binding.gyp), and nothing of a repository is built here; choose another, or a --package of it"
        )
    type_tests = tuple(sorted(path for path in texts if _TYPE_TEST.search(path) or _is_type_test(path, texts)))
    tests = choices.test_files and tuple(matching(texts, choices.test_files))
    if not tests:
        tests = tuple(
            sorted(
                path
                for path, text in texts.items()
                if _TEST_NAME.search(path) and path not in type_tests and not _DECLARATIONS.search(path) and _TESTS.search(text)
            )
        )
    runner = choices.runner or _runner(name, package, tree, {path: texts[path] for path in tests})
    if not tests:
        raise TaskError(f"{name}: there are no test files in it{_packages_hint(tree)}; name them with --test-files 'PATTERN'")
    sources = tuple(
        sorted(
            path for path in texts
            if _MODULE.search(path) and not _DECLARATIONS.search(path) and path not in tests and path not in type_tests
            and not _TEST_NAME.search(path) and not _CONFIG_NAME.search(path) and not texts[path].startswith("\ufeff")
        )
    )  # fmt: skip
    if not sources:
        raise TaskError(f"{name}: there is no TypeScript source in it: tasks are made of .ts files")
    if (other := _javascript_alone({path: texts[path] for path in tests}, texts, sources)) is not None:
        raise TaskError(f"{name}: its tests import JavaScript ({other}) and none of its TypeScript: tasks are made of .ts files")
    project = Project(name, tree, commit, package, runner, tests, type_tests, sources, _licence(package, tree), tuple(notes))
    return _with_settings(_with_entries(_with_names(project)))


def _is_type_test(path: str, texts: Mapping[str, str]) -> bool:
    """By its name among the tests, though it holds none that a runner runs, and nothing imports it: what the compiler says of it is the test."""
    if not _NAMED_TYPE_TEST.search(path) or _DECLARATIONS.search(path) or _TESTS.search(texts[path]) or not _IMPORT.search(texts[path]):
        return False
    stem = re.escape(re.sub(r"\.[cm]?tsx?$", "", path).rpartition("/")[2])
    imported = re.compile(rf"""['"][^'"\n]*/{stem}(?:\.[cm]?[jt]sx?)?['"]""")
    return not any(imported.search(text) for other, text in texts.items() if other != path)


def _javascript_alone(tests: Mapping[str, str], texts: Mapping[str, str], sources: Sequence[str]) -> str | None:
    """A JavaScript source that tests name beside them, where they name no TypeScript one: its types are declared apart, if at all."""
    found = None
    for path, text in tests.items():
        for specifier in _IMPORT.findall(text):
            if not specifier.startswith("."):
                continue
            place = posixpath.normpath(posixpath.join(posixpath.dirname(path), specifier))
            stem = re.sub(r"\.[cm]?[jt]sx?$", "", place)
            if any(re.sub(r"(?:/index)?\.[cm]?tsx?$", "", source) in (stem, place, stem.removesuffix("/index")) for source in sources):
                return None
            if re.search(r"\.[cm]?js$", place) and place in texts and place not in tests and not _TEST_NAME.search(place):
                found = found or place
            elif not re.search(r"\.(?:json|css)$", place) and place not in texts:
                return None  # what it is cannot be told
    return found


def origin_of(project: Project, repository: Path) -> str:
    """Whence a repository is: the address in its package.json, so that two clones of it are known as one, else where it lies."""
    said = project.package.get("repository")
    address = said.get("url") if isinstance(said, dict) else said
    return address if isinstance(address, str) and address else str(repository)


def slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower().removesuffix(".git")).strip("-")[:40] or "repository"


def imports_of(text: str) -> set[str]:
    """The packages and builtin modules that a module's text names: `@scope/name`, `name`, `node:test`."""
    found = set()
    for specifier in _IMPORT.findall(text):
        if not specifier.startswith((".", "/", "#")):
            parts = specifier.split("/")
            found.add("/".join(parts[:2]) if specifier.startswith("@") else specifier if specifier.startswith("node:") else parts[0])
    return found


def _package(name: str, tree: RepositoryTree) -> dict[str, Any]:
    raw = tree.files.get("package.json")
    if raw is None:
        raise TaskError(f"{name}: there is no package.json in it{_packages_hint(tree)}")
    try:
        package = json.loads(raw)
    except ValueError as error:
        raise TaskError(f"{name}: package.json: not JSON: {error}") from error
    if not isinstance(package, dict):
        raise TaskError(f"{name}: package.json: not a JSON object")
    return package


def _packages_hint(tree: RepositoryTree) -> str:
    packages = sorted(
        str(PurePosixPath(path).parent) for path in tree.files if path.endswith("/package.json") and "node_modules" not in path
    )
    return f" (choose one of its packages with --package: {', '.join(packages[:8])})" if packages else ""


def _texts(tree: RepositoryTree) -> tuple[dict[str, str], list[str]]:
    texts = {}
    unreadable = []
    for path, content in tree.files.items():
        if not re.search(r"\.[cm]?[jt]sx?$", path) or "node_modules/" in path:
            continue
        try:
            texts[path] = content.decode("utf-8")
        except UnicodeDecodeError:
            unreadable.append(path)
    return texts, unreadable


def _runner(name: str, package: dict[str, Any], tree: RepositoryTree, tests: dict[str, str]) -> SourceRunner:
    """What most test files are written for; what they import counts before what the package depends on."""
    imported = Counter(_IMPORTED_RUNNERS[module] for text in tests.values() for module in imports_of(text) if module in _IMPORTED_RUNNERS)
    if imported:
        return imported.most_common(1)[0][0]
    depends = {**package.get("dependencies", {}), **package.get("devDependencies", {})}
    scripts = " ".join(str(script) for script in package.get("scripts", {}).values())
    names = {path.rpartition("/")[2] for path in tree.files if path.count("/") == 0}
    signs: dict[SourceRunner, bool] = {
        "vitest": "vitest" in depends or any(file.startswith("vitest.config.") for file in names) or "vitest" in scripts,
        "jest": any(key in depends for key in ("jest", "ts-jest"))
        or "jest" in package
        or any(file.startswith("jest.config.") for file in names),
        "mocha": "mocha" in depends or "mocha" in package or any(file.startswith(".mocharc") for file in names),
        "node:test": bool(re.search(r"\bnode\b[^&|]*--test\b", scripts)),
    }
    for runner, found in signs.items():
        if found:
            return runner
    unknown = {module for text in tests.values() for module in imports_of(text)} | set(depends) | set(scripts.split())
    named = [other for other in _UNKNOWN_RUNNERS if other in unknown]
    if named:
        raise TaskError(f"{name}: its tests run with {named[0]}, which is not known here; known are {', '.join(get_args(SourceRunner))}")
    if not tests:
        raise TaskError(f"{name}: there are no tests in it{_packages_hint(tree)}; name the test files with --test-files 'PATTERN'")
    raise TaskError(f"{name}: nothing says what runs its tests; say it with --runner ({', '.join(get_args(SourceRunner))})")


def _licence(package: dict[str, Any], tree: RepositoryTree) -> str:
    """An SPDX name where one can be told, else `unknown`."""
    said = package.get("license")
    if isinstance(said, str) and said and not said.upper().startswith("SEE "):
        return said
    for path, content in tree.files.items():
        if _LICENCE_FILE.match(path):
            text = content.decode("utf-8", "replace")
            return next((name for name, words in _LICENCES.items() if words in text), "unknown")
    return "unknown"


def _with_names(project: Project) -> Project:
    """With vitest's configuration for tests that were written for jest or mocha, which say the same there or are left out."""
    if project.runner not in ("jest", "mocha"):
        return project
    files = dict(project.tree.files)
    files["vitest.config.mjs"] = (_COMPATIBLE / "vitest.config.mjs").read_bytes()
    files[".vitest/names.mjs"] = (_COMPATIBLE / "names.mjs").read_bytes()
    note = f"{project.runner}'s tests are run and graded under vitest (vitest.config.mjs, .vitest/names.mjs)"
    return replace(project, tree=RepositoryTree(files, project.tree.executables), notes=(*project.notes, note))


def _with_entries(project: Project) -> Project:
    """With the built files that tests import, each of which leads to its source: nothing of a repository is built here."""
    entries = missing_entries(project.package, project.tree.files, (*project.test_files, *project.type_test_files))
    if not entries:
        return project
    files = {**project.tree.files, **{path: text.encode() for path, text in entries.items()}}
    note = f"written, for its tests import what it builds of its sources: {', '.join(entries)}"
    return replace(project, tree=RepositoryTree(files, project.tree.executables), notes=(*project.notes, note))


def _with_settings(project: Project) -> Project:
    """With the compiler settings that grading needs."""
    made = settings_for(project.tree.files, project.sources, project.test_files, project.type_test_files)
    if made is None:
        return project
    written, reason = made
    tree = RepositoryTree({**project.tree.files, **written}, project.tree.executables)
    return replace(project, tree=tree, notes=(*project.notes, f"{ROOT} was written: {reason}"))
