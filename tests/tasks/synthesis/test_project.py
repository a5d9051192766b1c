"""What kind of repository it is, and a clear line for each that cannot be used."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tasks.errors import TaskError
from tasks.synthesis.project import Choices, describe, imports_of, origin_of, read_project
from tasks.tree import RepositoryTree

MakeShelf = Callable[..., dict[str, str]]


def tree_of(files: Mapping[str, str | bytes]) -> RepositoryTree:
    return RepositoryTree({path: content if isinstance(content, bytes) else content.encode() for path, content in files.items()})


@pytest.mark.parametrize(
    ("runner", "graded_by"), [("node:test", "node:test"), ("vitest", "vitest"), ("jest", "vitest"), ("mocha", "vitest")]
)
def test_the_runner_is_what_the_tests_are_written_for(make_shelf: MakeShelf, runner: str, graded_by: str) -> None:
    project = describe("shelf", tree_of(make_shelf(runner)), None, Choices())
    assert (project.runner, project.is_graded_by) == (runner, graded_by)
    assert project.sources == ("src/shelf.ts",)
    assert project.test_files == ("test/shelf.test.ts",)
    assert project.licence == "MIT"


def test_a_runner_behind_chained_scripts_and_npx_is_found(make_shelf: MakeShelf) -> None:
    files = make_shelf("mocha")  # whose tests import no runner
    package = {"scripts": {"test": "npm run lint && npm run test:unit", "lint": "eslint .", "test:unit": "npx --yes vitest run"}}
    assert describe("shelf", tree_of({**files, "package.json": json.dumps(package)}), None, Choices()).runner == "vitest"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"test/shelf.test.ts": None}, "there are no tests in it"),
        ({"src/shelf.ts": None}, "no TypeScript source"),
        ({"package.json": None}, "there is no package.json in it"),
        ({"package.json": "{"}, "not JSON"),
        ({"binding.gyp": "{}"}, "native code"),
        (
            {"test/shelf.test.ts": "import test from 'ava';\ntest('x', (t) => t.pass());\n", "package.json": "{}"},
            "run with ava, which is not known",
        ),
        (
            {
                "test/shelf.test.ts": "import { it } from 'node:test';\nimport '../src/one.js';\nit('x', () => {});\n",
                "src/one.js": "",
                "src/one.d.ts": "",
            },
            r"its tests import JavaScript \(src/one.js\) and none of its TypeScript",
        ),
        ({"test/shelf.test.ts": "import { it } from './own.ts';\nit('x', () => {});\n", "package.json": "{}"}, "say it with --runner"),
    ],
)
def test_a_repository_that_cannot_be_used_is_named_with_the_reason(
    make_shelf: MakeShelf, change: Mapping[str, str | None], words: str
) -> None:
    files = {path: content for path, content in {**make_shelf(), **change}.items() if content is not None}
    with pytest.raises(TaskError, match=words):
        describe("shelf", tree_of(files), None, Choices())


def test_a_monorepo_says_which_packages_it_has(make_shelf: MakeShelf, tmp_path: Path, make_commit: Any) -> None:
    files = {f"packages/shelf/{path}": content for path, content in make_shelf().items()}
    make_commit(tmp_path / "mono", "All", {**files, "package.json": '{"workspaces": ["packages/*"]}'})
    project = read_project(tmp_path / "mono", Choices(package="packages/shelf"))
    assert project.name == "mono-shelf"
    assert project.sources == ("src/shelf.ts",)
    with pytest.raises(TaskError, match="--package: packages/shelf"):
        describe("mono", tree_of({"packages/shelf/package.json": "{}", "README.md": ""}), None, Choices())


def test_files_that_are_not_utf_8_are_left_out_and_named(make_shelf: MakeShelf) -> None:
    project = describe("shelf", tree_of({**make_shelf(), "src/old.ts": b"export const \xe9 = 1;\n"}), None, Choices())
    assert project.sources == ("src/shelf.ts",)
    assert "left out of sources and tests: src/old.ts: not UTF-8" in project.notes
    assert "src/old.ts" in project.tree.files


def test_settings_that_are_missing_or_out_of_reach_are_written_and_named(make_shelf: MakeShelf) -> None:
    files = make_shelf()
    del files["tsconfig.json"]
    project = describe("shelf", tree_of(files), None, Choices())
    assert json.loads(project.tree.files["tsconfig.json"])["include"] == ["src", "test"]
    outside = describe("shelf", tree_of({**files, "tsconfig.json": '{"extends": "../../tsconfig.base.json"}'}), None, Choices())
    assert "its own extends ../../tsconfig.base.json" in outside.notes[-1]


def test_a_directory_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="no such directory"):
        read_project(tmp_path / "nothing", Choices())


def test_imports_are_packages_and_builtin_modules() -> None:
    text = "import a from '@scope/one/deep';\nimport 'two';\nconst b = require('three/x');\nexport * from './four';\nawait import(\"node:fs\");\n"
    assert imports_of(text) == {"@scope/one", "two", "three", "node:fs"}


@pytest.mark.parametrize(
    ("said", "origin"),
    [
        ({"url": "git+https://host/owner/shelf.git"}, "git+https://host/owner/shelf.git"),
        ("owner/shelf", "owner/shelf"),
        (None, "/clones/shelf"),
        ({}, "/clones/shelf"),
    ],
)
def test_a_repository_is_known_by_its_address_or_by_where_it_lies(make_shelf: MakeShelf, said: object, origin: str) -> None:
    files = make_shelf()
    files["package.json"] = json.dumps({**json.loads(files["package.json"]), "repository": said})
    assert origin_of(describe("shelf", tree_of(files), None, Choices()), Path("/clones/shelf")) == origin


@pytest.mark.parametrize(
    ("path", "text", "is_one"),
    [
        ("test/shelf.test-d.ts", "", True),
        ("test/typecheck-tests.ts", "import '../src/shelf.ts';\n(function describe() {})();\n", True),
        ("test/test-types-compilation.ts", "import { sorted } from '../src/shelf.ts';\n", True),
        ("src/type-tests.ts", "import { sorted } from './shelf.ts';\n", True),
        ("test/types.ts", "export type Book = string;\n", False),  # what others import
        ("test/types.ts", "import { it } from 'node:test';\nit('is a type', () => {});\n", False),
        ("test/imported-types.ts", "import { sorted } from '../src/shelf.ts';\n", False),
        ("src/types.ts", "import { sorted } from './shelf.ts';\n", False),
    ],
)
def test_a_file_that_only_the_compiler_judges_is_a_type_test(make_shelf: MakeShelf, path: str, text: str, is_one: bool) -> None:
    files = {
        **make_shelf(),
        path: text,
        "test/more.test.ts": "import { it } from 'node:test';\nimport './imported-types.ts';\nit('x', () => {});\n",
    }
    project = describe("shelf", tree_of(files), None, Choices())
    assert project.type_test_files == ((path,) if is_one else ())
    assert not ({path} & {*project.test_files}) or not is_one
