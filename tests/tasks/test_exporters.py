"""Suites in other formats, and the predictions of others."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from sandboxes.sandbox import Sandbox
from tasks.errors import TaskError
from tasks.exporters import read_predictions, to_harbor, to_predictions, to_swe_bench
from tasks.grading import OpenSandbox
from tasks.suite import Suite


def test_a_row_of_swe_bench_has_its_documented_fields(mini: Suite) -> None:
    row = to_swe_bench(mini.tasks[0])
    assert set(row) == {
        "repo", "instance_id", "base_commit", "patch", "test_patch", "problem_statement", "hints_text", "created_at", "version", "FAIL_TO_PASS",
        "PASS_TO_PASS", "environment_setup_commit",
    }  # fmt: skip
    assert json.loads(row["FAIL_TO_PASS"]) == list(mini.tasks[0].expected.fail_to_pass)
    assert row["base_commit"] == mini.tasks[0].base_commit


def test_a_harbor_directory_is_whole_and_the_agent_s_part_holds_neither_tests_nor_solution(mini: Suite, tmp_path: Path) -> None:
    task = mini.tasks[0]
    place = to_harbor(task, tmp_path)
    about = tomllib.loads((place / "task.toml").read_text())
    assert about["task"]["name"] == f"harness/{task.instance_id}"
    assert (place / "instruction.md").read_text() == task.problem_statement
    assert "npm install" in (place / "environment/Dockerfile").read_text()
    seen = b"".join(file.read_bytes() for file in (place / "environment").rglob("*") if file.is_file())
    for line in task.test_patch.splitlines():
        if line.startswith("+") and '("' in line and not line.startswith("+++"):
            assert line[1:].encode() not in seen
    with pytest.raises(TaskError, match="there already"):
        to_harbor(task, tmp_path)


@pytest.mark.slow
async def test_the_script_of_a_harbor_directory_tells_the_solution_from_nothing(
    mini: Suite, tmp_path: Path, open_sandbox: OpenSandbox
) -> None:
    """As its container would run it: in the directory of the repository, the tests beside it."""
    for task in mini.tasks:
        tests = to_harbor(task, tmp_path) / "tests"
        async with open_sandbox() as box:
            await box.lay(task.tree.snapshot.archive)
            for file in tests.iterdir():
                await box.write(f"/tmp/tests/{file.name}", file.read_bytes())

            async def verify(box: Sandbox = box) -> int | None:
                return (await box.exec(["node", "/tmp/tests/verify.mjs", "/tmp/tests"], timeout_seconds=60)).exit_code

            assert await verify() == 1
            assert (await box.exec(["git", "apply", "-"], timeout_seconds=20, stdin=task.patch.encode())).ok
            assert await verify() == 0


@pytest.mark.parametrize(
    "text",
    [
        '{"instance_id": "a", "model_patch": "p", "model_name_or_path": "m"}\n{"instance_id": "b", "model_patch": null}\n',
        '[{"instance_id": "a", "model_patch": "p"}, {"instance_id": "b", "model_patch": ""}]',
        '{"a": {"model_patch": "p", "model_name_or_path": "m"}, "b": {"model_patch": null}}',
    ],
    ids=["lines", "list", "object by id"],
)
def test_predictions_are_read_in_each_of_their_forms(tmp_path: Path, text: str) -> None:
    (tmp_path / "preds").write_text(text)
    assert read_predictions(tmp_path / "preds") == {"a": "p", "b": ""}


def test_predictions_of_multi_swe_bench_are_read_and_ours_come_back(tmp_path: Path) -> None:
    file = tmp_path / "preds.jsonl"
    file.write_text('{"org": "vuejs", "repo": "core", "number": 1, "fix_patch": "p"}\n')
    assert read_predictions(file) == {"vuejs__core-1": "p"}
    file.write_text(to_predictions({"a": "p\u2028q"}, "m"))
    assert read_predictions(file) == {"a": "p\u2028q"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "neither JSON"),
        ('[{"model_patch": "p"}]', "no instance_id"),
        ('[{"instance_id": "a"}, {"instance_id": "a"}]', "twice"),
        ("[3]", "no object"),
    ],
)
def test_predictions_that_are_none_are_named(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "preds").write_text(text)
    with pytest.raises(TaskError, match=words):
        read_predictions(tmp_path / "preds")
