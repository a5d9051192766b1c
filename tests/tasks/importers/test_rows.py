"""Rows of the SWE-bench family, as their projects document them: what is read, and what is said not to be honoured."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tasks.errors import TaskError
from tasks.importers import ROW_FORMATS

PATCH = """\
diff --git a/src/a.ts b/src/a.ts
--- a/src/a.ts
+++ b/src/a.ts
@@ -1 +1 @@
-export const a = 1;
+export const a = 2;
"""
TESTS = PATCH.replace("src/a.ts", "test/a.test.ts")
STATEMENT = "The constant is one, and it should be two."

SWE_BENCH: dict[str, Any] = {
    "repo": "owner/name",
    "instance_id": "owner__name-12",
    "base_commit": "a" * 40,
    "patch": PATCH,
    "test_patch": TESTS,
    "problem_statement": STATEMENT,
    "hints_text": "",
    "created_at": "2024-05-01T00:00:00Z",
    "version": "1.0",
    "FAIL_TO_PASS": json.dumps(["a is two"]),
    "PASS_TO_PASS": json.dumps(["b is three", "c's fine"]),
    "environment_setup_commit": "b" * 40,
}
VERSION_5 = {
    **SWE_BENCH, "image": "swebench/x:1", "eval_script": "npm test", "log_parser": "parse_log_jest", "eval_type": "pass_and_fail", "image_assets": "[]",
}  # fmt: skip
MULTI: dict[str, Any] = {
    "org": "vuejs", "repo": "core", "number": 8365, "state": "closed", "title": "fix: a", "body": "closes #1", "lang": "typescript",
    "base": {"label": "vuejs:main", "ref": "main", "sha": "c" * 40},
    "resolved_issues": [{"number": 1, "title": "A is one", "body": STATEMENT}],
    "fix_patch": PATCH, "test_patch": TESTS,
    "fixed_tests": {"a is two": {"run": "FAIL", "test": "FAIL", "fix": "PASS"}},
    "p2p_tests": {"b is three": {"run": "PASS", "test": "PASS", "fix": "PASS"}},
    "f2p_tests": {"a is two": {"run": "FAIL", "test": "FAIL", "fix": "PASS"}}, "s2p_tests": {}, "n2p_tests": {"new": {"run": "NONE", "test": "NONE", "fix": "PASS"}},
    "run_result": {"passed_count": 1}, "test_patch_result": {"passed_count": 1}, "fix_patch_result": {"passed_count": 2},
}  # fmt: skip
POLY = {
    "instance_id": "mui__material-ui-7444", "repo": "mui/material-ui", "base_commit": "d" * 40, "language": "TypeScript", "patch": PATCH,
    "test_patch": TESTS, "problem_statement": STATEMENT, "Dockerfile": "FROM node:18", "test_command": "npm test",
    "F2P": "['a is two', \"it's\"]", "P2P": "['b']", "modified_nodes": "[]", "task_category": "Bug Fix",
}  # fmt: skip
REBENCH = {
    "instance_id": "owner__name-3", "repo": "owner/name", "base_commit": "e" * 40, "patch": PATCH, "test_patch": TESTS,
    "problem_statement": STATEMENT, "image_name": "swerebench/x", "language": "ts", "FAIL_TO_PASS": ["a is two"], "PASS_TO_PASS": [],
    "install_config": {"install": "npm ci", "test_cmd": "npm test", "log_parser": "parse_log_js", "base_image_name": "node"},
    "meta": {"difficulty": "easy"}, "interface": "",
}  # fmt: skip
SMITH = {
    "instance_id": "owner__name.1234abcd.func_pm_op__x", "repo": "swesmith/owner__name.1234abcd", "patch": PATCH, "FAIL_TO_PASS": ["a"],
    "PASS_TO_PASS": ["b"], "image_name": "swesmith/x", "problem_statement": STATEMENT,
}  # fmt: skip


def test_swe_bench_of_version_4() -> None:
    task = ROW_FORMATS["swe-bench"](SWE_BENCH)
    assert (task.instance_id, task.repo, task.base_commit) == ("owner-name-12", "owner/name", "a" * 40)
    assert (task.patch, task.test_patch) == (PATCH, TESTS)
    assert (task.fail_to_pass, task.pass_to_pass) == (("a is two",), ("b is three", "c's fine"))
    assert task.not_honoured == ()


def test_swe_bench_of_version_5_has_an_image_and_a_script_that_are_not_used() -> None:
    said = " ".join(ROW_FORMATS["swe-bench"](VERSION_5).not_honoured)
    assert "swebench/x:1" in said
    assert "eval_script" in said
    assert "log_parser" in said
    other = ROW_FORMATS["swe-bench"]({**VERSION_5, "eval_type": "fail_only"}).not_honoured
    assert any("fail_only" in line for line in other)


def test_multi_swe_bench_is_stated_by_its_issues_and_its_image_which_holds_the_fix_is_never_used() -> None:
    task = ROW_FORMATS["multi-swe-bench"](MULTI)
    assert (task.instance_id, task.repo, task.base_commit) == ("vuejs-core-8365", "vuejs/core", "c" * 40)
    assert task.problem_statement == f"A is one\n\n{STATEMENT}"
    assert task.fail_to_pass == ("a is two", "new")
    assert task.image is None
    assert any("/home/fix.patch" in line for line in task.not_honoured)
    with pytest.raises(TaskError, match="no sha"):
        ROW_FORMATS["multi-swe-bench"]({**MULTI, "base": {}})
    with pytest.raises(TaskError, match="its language is rust"):
        ROW_FORMATS["multi-swe-bench"]({**MULTI, "lang": "rust"})


def test_polybench_lists_are_python_s() -> None:
    task = ROW_FORMATS["swe-polybench"](POLY)
    assert task.fail_to_pass == ("a is two", "it's")
    assert any("Dockerfile" in line for line in task.not_honoured)
    assert any("test_command" in line for line in task.not_honoured)


def test_rebench_lists_may_be_lists() -> None:
    task = ROW_FORMATS["swe-rebench"](REBENCH)
    assert task.fail_to_pass == ("a is two",)
    assert sum("install_config" in line for line in task.not_honoured) == 3


def test_smith_s_patch_is_the_bug() -> None:
    task = ROW_FORMATS["swe-smith"](SMITH)
    assert (task.repo, task.base_commit) == ("owner/name", "1234abcd")
    assert (task.bug_patch, task.patch) == (PATCH, "")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"patch": ""}, "its patch is empty"),
        ({"patch": "diff --git nonsense"}, "cannot be read"),
        ({"FAIL_TO_PASS": "not a list"}, "FAIL_TO_PASS is no list"),
        ({"base_commit": None}, "'base_commit' is missing"),
        ({"instance_id": 3}, "'instance_id' is missing"),
    ],
)
def test_a_row_that_is_not_well_formed_is_named(change: dict[str, Any], words: str) -> None:
    with pytest.raises(TaskError, match=words):
        ROW_FORMATS["swe-bench"]({**SWE_BENCH, **change})
