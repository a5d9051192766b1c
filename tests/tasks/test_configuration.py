"""What decides how a repository's code is judged, under whatever name it is there; and that none of it runs."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from sandboxes.sandbox import REPOSITORY
from tasks.configuration import extended_settings, lint_settings
from tasks.grading import OpenSandbox, observe
from tasks.patches import patch_of_files
from tasks.task import Task
from tasks.tree import RepositoryTree

MakeTask = Callable[..., Task]

FORGED = b"""\
import { writeFileSync } from "node:fs";
writeFileSync("/tmp/has-run", "");
export default { rules: { "no-debugger": "off" } };
"""
FAULTY = b"export function stop(): void {\n  debugger;\n}\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"tsconfig.json": "{}"}, []),
        ({"tsconfig.json": '{"extends": "./base.json"}'}, ["base.json", "base.json.json"]),
        ({"a/tsconfig.json": '{ // so\n "extends": "../base", }'}, ["base", "base.json"]),
        ({"tsconfig.json": '{"extends": ["./a.json", "./b.json"]}'}, ["a.json", "a.json.json", "b.json", "b.json.json"]),
        ({"tsconfig.json": '{"extends": "./a"}', "a.json": '{"extends": "./b/c"}'}, ["a", "a.json", "b/c", "b/c.json"]),
        ({"tsconfig.json": '{"extends": "./a.json"}', "a.json": '{"extends": "./tsconfig.json"}'}, ["a.json", "a.json.json", "tsconfig.json", "tsconfig.json.json"]),
        ({"tsconfig.json": '{"extends": "./base.json" and more}'}, ["base.json", "base.json.json"]),
        ({"tsconfig.json": '{"extends": "@tsconfig/node24/tsconfig.json"}'}, []),
        ({"tsconfig.json": '{"extends": "a/strict"}', "p/package.json": '{"name": "a"}', "p/x.json": "{}"}, ["p/package.json", "p/strict", "p/strict.json", "p/x.json"]),
        ({"src/config.json": '{"extends": "./base.json"}'}, []),
    ],
)  # fmt: skip
def test_what_the_compilers_settings_extend_is_found(files: dict[str, str], expected: list[str]) -> None:
    assert extended_settings({path: text.encode() for path, text in files.items()}) == tuple(expected)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, None),
        ({"src/.oxlintrc.json": "{}"}, None),
        ({"oxlint.config.ts": "export default {};"}, None),
        ({".oxlintrc.json": '{"rules": {"no-debugger": "off"}} // so'}, ".oxlintrc.json"),
        ({".oxlintrc.jsonc": "{}"}, ".oxlintrc.jsonc"),
        ({".oxlintrc.json": '{"extends": ["./base.json"]}'}, None),
        ({".oxlintrc.json": '{"overrides": [{"files": ["*"], "jsPlugins": ["./plugin.js"]}]}'}, None),
        ({".oxlintrc.json": "export default {};"}, None),
    ],
)
def test_settings_of_the_linter_are_honoured_where_they_are_data(files: dict[str, str], expected: str | None) -> None:
    assert lint_settings({path: text.encode() for path, text in files.items()}) == expected


@pytest.mark.parametrize("path", ["oxlint.config.ts", "src/oxlint.config.mts"])
async def test_no_settings_that_are_a_module_run_even_where_a_patch_may_bring_them(
    make_task: MakeTask, open_sandbox: OpenSandbox, path: str
) -> None:
    """Neither the names of protected files stand between it and the linter here, nor the repository's own settings."""
    tree = RepositoryTree({"tsconfig.json": b'{"include": ["src"]}', "src/stop.ts": b"export {};\n"})
    task = make_task(tree=tree, test_patch="", editable=("oxlint.config.*",))
    seen = await observe(task, patch_of_files(tree.files, {"src/stop.ts": FAULTY, path: FORGED}), open_sandbox)
    assert seen.patch_applied
    assert [finding.text for finding in seen.lint_findings if "debugger" in finding.text]


async def test_the_repositorys_own_settings_of_the_linter_are_used(make_task: MakeTask, open_sandbox: OpenSandbox) -> None:
    own = json.dumps({"rules": {"no-debugger": "off"}}).encode()
    tree = RepositoryTree({"tsconfig.json": b'{"include": ["src"]}', "src/stop.ts": b"export {};\n", ".oxlintrc.json": own})
    seen = await observe(make_task(tree=tree, test_patch=""), patch_of_files(tree.files, {"src/stop.ts": FAULTY}), open_sandbox)
    assert seen.patch_applied
    assert seen.lint_findings == ()


async def test_the_linter_does_run_a_module_that_it_finds_by_itself(open_sandbox: OpenSandbox) -> None:
    """Else nothing would be shown by the above."""
    async with open_sandbox() as box:
        await box.lay(RepositoryTree({"oxlint.config.ts": FORGED, "src/stop.ts": FAULTY}).snapshot.archive)
        await box.exec(["oxlint", "."], timeout_seconds=60, cwd=REPOSITORY)
        assert (await box.exec(["test", "-e", "/tmp/has-run"], timeout_seconds=10)).ok
