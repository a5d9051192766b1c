"""What tests import of a build that nobody makes: a line that leads to the source, where it can be told which that is."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.synthesis import synthesise_suite
from tasks.suite import load_suite
from tasks.synthesis.built import missing_entries
from tasks.synthesis.project import Choices
from tasks.synthesis.synth import SynthSettings

EXPORTS = {".": {"types": "./dist/shelf.d.ts", "import": "./dist/shelf.mjs", "require": "./dist/shelf.cjs"}, "./loans": "./dist/loans.js"}


@pytest.mark.parametrize(
    ("package", "specifier", "written"),
    [
        ({"main": "dist/shelf.js", "source": "src/main.ts"}, "..", {"dist/shelf.js": "../src/main.ts"}),
        ({"module": "lib/index.mjs"}, "..", {"lib/index.mjs": "../src/index.ts"}),
        ({"main": "dist/shelf.js"}, "..", {"dist/shelf.js": "../src/shelf.ts"}),
        ({"typings": "index.d.ts"}, "..", {"index.d.ts": "./src/index"}),
        ({}, "../dist/shelf.js", {"dist/shelf.js": "../src/shelf.ts"}),
        ({}, "../lib/deep/one", {"lib/deep/one.js": "../../src/deep/one.ts"}),
        ({"name": "shelf", "exports": EXPORTS}, "shelf/loans", {"dist/loans.js": "../src/loans.ts"}),
        (
            {"name": "shelf", "exports": EXPORTS},
            "shelf",
            {"dist/shelf.d.ts": "../src/shelf", "dist/shelf.mjs": "../src/shelf.ts"},
        ),
        ({"name": "shelf", "exports": EXPORTS}, "shelf-of-others", {}),
        ({}, "../dist/elsewhere.js", {}),  # of no source
        ({}, "../src/index.ts", {}),
    ],
)
def test_a_built_file_that_tests_import_leads_to_its_source(package: Mapping[str, Any], specifier: str, written: Mapping[str, str]) -> None:
    sources = {"src/index.ts": b"", "src/main.ts": b"", "src/shelf.ts": b"", "src/loans.ts": b"", "src/deep/one.ts": b""}
    files = {**sources, "test/shelf.test.ts": f"import {{ fitting }} from '{specifier}';\n".encode()}
    made = missing_entries(package, files, ["test/shelf.test.ts"])
    assert made == {path: f'export * from "{way}";\n' for path, way in written.items()}


def test_a_default_export_is_led_on_and_what_is_there_is_left(make_shelf: Callable[..., dict[str, str]]) -> None:
    files = {"src/shelf.ts": b"export default class Shelf {}\n", "a.test.ts": b"import Shelf from './dist/shelf.js';\n"}
    assert missing_entries({}, files, ["a.test.ts"])["dist/shelf.js"].endswith('export { default } from "../src/shelf.ts";\n')
    assert missing_entries({}, {**files, "dist/shelf.js": b""}, ["a.test.ts"]) == {}


def test_a_name_that_settings_lead_to_the_source_is_left_to_them() -> None:
    files = {"src/shelf.ts": b"", "a.test.ts": b"import 'shelf';\n", "vitest.config.ts": b"export default { resolve: { alias: { shelf: './src/shelf.ts' } } };\n"}  # fmt: skip
    package = {"name": "shelf", "main": "dist/shelf.js"}
    assert missing_entries(package, files, ["a.test.ts"]) == {}
    assert {*missing_entries(package, {**files, "vitest.config.ts": b"export default {};\n"}, ["a.test.ts"])} == {"dist/shelf.js"}


@pytest.mark.slow
async def test_tests_of_a_built_package_give_tasks_of_its_source(
    tmp_path: Path, make_shelf: Callable[..., dict[str, str]], make_tests: Callable[..., str], write_files: Any
) -> None:
    files = make_shelf("mocha")
    package = {**json.loads(files["package.json"]), "main": "dist/shelf.js"}
    tests = make_tests("mocha", source="..")
    write_files(tmp_path / "shelf", {**files, "package.json": json.dumps(package), "test/shelf.test.ts": tests})
    tally = await synthesise_suite(
        tmp_path / "shelf", Choices(), tmp_path / "suite", SynthSettings(limit=1, repeats=1), backend="bubblewrap", deps=None,
        say=lambda line: None, on_progress=lambda tally: None, write=None,
    )  # fmt: skip
    assert tally.kept >= 1
    assert "src/shelf.ts" in load_suite(str(tmp_path / "suite")).tasks[0].patch
