"""The compiler settings that grading needs: the repository's own where they serve, else some that are written."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from tasks.configuration import read_settings
from tasks.synthesis.settings import settings_for

SOURCES, TESTS, TYPE_TEST = ["src/shelf.ts"], ["test/shelf.test.ts"], "test/types.test-d.ts"


def written(settings: str | None, **more: str) -> tuple[dict[str, object] | None, Mapping[str, bytes], str]:
    """tsconfig.json as it is written for a type test, all that is written, and why; None where nothing is."""
    files = {path.replace("__", "/").replace("_json", ".json"): text.encode() for path, text in more.items()}
    files |= {"tsconfig.json": settings.encode()} if settings is not None else {}
    made = settings_for(files, SOURCES, TESTS, [TYPE_TEST])
    return (None, {}, "") if made is None else (json.loads(made[0]["tsconfig.json"]), made[0], made[1])


@pytest.mark.parametrize(
    "settings",
    [
        "{}",
        '{"include": ["src", "test"]}',
        '{"include": ["./src/**/*", "./test/*.ts"]}',
        '{"include": ["."], "exclude": ["node_modules"]}',
        '{"files": ["test/types.test-d.ts"], "include": ["src"]}',
        '{"extends": "some-package/tsconfig.json"}',  # which may say it
        "no settings",
    ],
)
def test_settings_that_name_the_type_tests_are_left(settings: str) -> None:
    assert written(settings) == (None, {}, "")


@pytest.mark.parametrize(
    ("settings", "include", "exclude"),
    [
        ('{"include": ["src"]}', ["src"], []),
        ('{"include": ["src", "test"], "exclude": ["node_modules", "test/"]}', ["src", "test"], ["node_modules"]),
        ('{"exclude": ["**/*.test-d.ts", "dist"]}', ["**/*"], ["dist"]),
        ('{"files": ["src/shelf.ts"]}', [], []),
    ],
)
def test_type_tests_that_settings_leave_out_are_brought_into_them(settings: str, include: list[str], exclude: list[str]) -> None:
    made, files, reason = written(settings)
    assert made is not None
    assert (made["include"], made["exclude"]) == ([*include, TYPE_TEST], exclude)
    assert made["extends"] == "./tsconfig.own.json"
    assert files["tsconfig.own.json"] == settings.encode()
    assert "leaves out test/types.test-d.ts" in reason


def test_type_tests_keep_the_settings_beside_them() -> None:
    made, files, _ = written('{"include": ["src"]}', test__tsconfig_json='{"compilerOptions": {"strict": false}}')
    assert made is not None
    assert made["extends"] == "./test/tsconfig.json"
    assert {*files} == {"tsconfig.json"}
    alone, _, _ = written('{"include": ["src"]}', test__tsconfig_json='{"extends": "../../elsewhere.json"}')
    assert alone is not None
    assert alone["extends"] == "./tsconfig.own.json"


def test_settings_are_read_as_the_compiler_does() -> None:
    text = '\ufeff{\n  // why\n  "include": ["src/**/*.ts", "a//b",], /* more */\n  "x": "say \\"/*\\"",\n}'
    assert read_settings(text) == {"include": ["src/**/*.ts", "a//b"], "x": 'say "/*"'}
    assert read_settings("[]") is None
