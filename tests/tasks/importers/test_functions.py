"""A function to complete becomes a repository of one source."""

from __future__ import annotations

import pytest

from tasks.errors import TaskError
from tasks.importers.functions import read_function_row

ROW = {
    "name": "HumanEval_23_strlen",
    "language": "ts",
    "prompt": "//Return length of given string\n// >>> strlen(\"abc\")\n// 3\nfunction strlen(string: string): number {\n",
    "doctests": "transform",
    "tests": "declare var require: any;\nconst assert = require('node:assert');\n\n\nfunction test() {\n  let candidate = strlen;\n  assert.deepEqual(candidate(\"\"),0);\n}\n\ntest();",
    "stop_tokens": ["\nfunction "],
    "canonical_solution": "  return string.length;\n}\n",
}  # fmt: skip


def test_the_body_is_the_gold_patch_and_the_tests_are_hidden() -> None:
    task = read_function_row(ROW)
    assert b"throw new Error" in task.files["src/solution.ts"]
    assert b"export { strlen };" in task.files["src/solution.ts"]
    assert "+  return string.length;" in task.patch
    assert "test/solution.test.ts" in task.test_patch
    assert "require" not in task.test_patch
    assert "test/solution.test.ts" not in task.files
    assert "Return length of given string" in task.problem_statement


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"prompt": "def strlen(string: str) -> int:\n    \"\"\"Length\"\"\"\n"}, "a Python function"),
        ({"language": "py"}, "a Python function"),
        ({"canonical_solution": None}, "no canonical_solution"),
        ({"prompt": "// nothing\n"}, "names no function"),
        ({"tests": None}, "'tests' is missing"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_task_is_said(change: dict[str, object], words: str) -> None:
    with pytest.raises(TaskError, match=words):
        read_function_row({**ROW, **change})
