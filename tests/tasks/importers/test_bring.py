"""Foreign tasks become a suite: those that are fair, with what was not honoured; the others are named."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.suites import grade_predictions, import_suite, read_foreign, report_of
from harness.synthesis import images
from tasks.exporters import to_swe_bench
from tasks.grading import grade
from tasks.importers.bring import Brought
from tasks.suite import Suite, load_suite
from tasks.task import Grade


def write(root: Path, files: Mapping[str, str]) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def committed(root: Path) -> str:
    """The directory made a clone of one commit; its name."""
    who = {f"GIT_{role}_{what}": "a@b" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **who}
    for command in (["init", "--quiet"], ["add", "--all", "--force", "."], ["commit", "--quiet", "--message=Base"]):
        subprocess.run(["git", *command], cwd=root, env=environment, check=True)
    return subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, check=True, capture_output=True, text=True).stdout.strip()


async def brought(form: str, source: Path, output: Path, clones: Path | None = None) -> Brought:
    found = read_foreign(form, str(source))
    return await import_suite(
        found, output, backend="bubblewrap", clones=clones, repeats=1, say=lambda line: None, on_task=lambda name, words: None
    )


@pytest.mark.slow
async def test_a_suite_exported_as_swe_bench_comes_back_and_its_gold_patches_resolve(mini: Suite, tmp_path: Path) -> None:
    task = mini.select([mini.tasks[0].instance_id]).tasks[0]
    clone = tmp_path / "clones" / task.repo
    write(clone, {path: content.decode() for path, content in task.tree.files.items()})
    sha = committed(clone)
    row = {**to_swe_bench(task), "base_commit": sha}
    broken = {**row, "instance_id": "broken", "test_patch": ""}
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(each) + "\n" for each in (row, broken, {"instance_id": "empty"})))
    result = await brought("swe-bench", tmp_path / "rows.jsonl", tmp_path / "suite", tmp_path / "clones")
    assert result.kept == [task.instance_id]
    assert set(result.refused) == {"broken", "row 3"}
    suite = load_suite(str(tmp_path / "suite"))
    back = suite.tasks[0]
    assert back.expected.fail_to_pass == task.expected.fail_to_pass
    assert "are among" in result.not_honoured[task.instance_id][-1]

    predictions = tmp_path / "predictions.json"
    predictions.write_text(json.dumps({task.instance_id: {"model_name_or_path": "m", "model_patch": task.patch}}))
    seen: list[str] = []

    def told(name: str, one: Grade) -> None:
        seen.append(f"{name} {one.verdict}")

    grades = await grade_predictions(suite, predictions, backend="bubblewrap", concurrency=1, say=lambda line: None, on_grade=told)
    assert seen == [f"{task.instance_id} resolved"]
    report = report_of(suite, grades)[task.instance_id]
    assert report["resolved"]
    assert report["tests_status"]["FAIL_TO_PASS"]["failure"] == []


@pytest.mark.slow
async def test_a_function_and_an_exercise_become_tasks(tmp_path: Path) -> None:
    row = {
        "name": "strlen", "language": "ts", "prompt": "//Return length\nfunction strlen(string: string): number {\n",
        "tests": "const assert = require('node:assert');\nfunction test() {\n  assert.deepEqual(strlen('abc'), 3);\n}\ntest();",
        "canonical_solution": "  return string.length;\n",
    }  # fmt: skip
    (tmp_path / "rows.json").write_text(json.dumps([row]))
    result = await brought("functions", tmp_path / "rows.json", tmp_path / "suite")
    assert (result.kept, result.refused) == (["strlen"], {})

    write(
        tmp_path / "track",
        {
            "config.json": json.dumps({"exercises": {"practice": [{"slug": "leap", "difficulty": 1}, {"slug": "gone", "difficulty": 2}]}}),
            "exercises/practice/leap/.meta/config.json": json.dumps(
                {"files": {"solution": ["leap.ts"], "test": ["leap.test.ts"], "example": [".meta/proof.ci.ts"]}, "blurb": "Leap years"}
            ),
            "exercises/practice/leap/.meta/proof.ci.ts": "export function isLeap(year: number): boolean {\n  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)\n}\n",
            "exercises/practice/leap/leap.ts": "export function isLeap(year: number): boolean {\n  throw new Error('Remove this line and implement the function')\n}\n",
            "exercises/practice/leap/leap.test.ts": "import { describe, it, expect, xit } from '@jest/globals'\nimport { isLeap } from './leap.ts'\n\ndescribe('Leap', () => {\n  it('divisible by 4', () => { expect(isLeap(1996)).toBe(true) })\n  xit('not by 100', () => { expect(isLeap(1900)).toBe(false) })\n})\n",
            "exercises/practice/leap/.docs/instructions.md": "# Instructions\n\nSay whether a year is a leap year.\n",
        },
    )  # fmt: skip
    exercises = await brought("exercism", tmp_path / "track", tmp_path / "exercises")
    assert exercises.kept == ["exercism-leap"]
    assert "files.solution" in exercises.refused["row 2"]
    assert len(load_suite(str(tmp_path / "exercises")).tasks[0].expected.fail_to_pass) == 2


HARBOR = {
    "task.toml": 'schema_version = "1.0"\n[task]\nname = "org/double-it"\n[verifier]\ntimeout_sec = 60.0\n[agent]\nuser = "root"\n[environment]\ncpus = 2\n',
    "instruction.md": "Make double.sh print twice its first argument.\n",
    "environment/Dockerfile": "FROM ubuntu:24.04\nWORKDIR /app\nRUN apt-get update\nCOPY double.sh /app/\n",
    "environment/double.sh": "echo $1\n",
    "solution/oracle.patch": "diff --git a/double.sh b/double.sh\n--- a/double.sh\n+++ b/double.sh\n@@ -1 +1 @@\n-echo $1\n+echo $((2 * $1))\n",
    "tests/test.sh": '#!/bin/bash\nmkdir -p /logs/verifier\nif [ "$(bash /app/double.sh 4)" = "$(cat /tests/expected.txt)" ]; then echo 1 > /logs/verifier/reward.txt; else echo 0 > /logs/verifier/reward.txt; fi\n',
    "tests/expected.txt": "8\n",
}


@pytest.mark.slow
async def test_a_harbor_task_is_graded_by_the_reward_of_its_script_and_the_grade_says_how(tmp_path: Path) -> None:
    write(tmp_path / "double", HARBOR)
    result = await brought("harbor", tmp_path / "double", tmp_path / "suite")
    assert result.kept == ["double-it"]
    said = " ".join(result.not_honoured["double-it"])
    for words in ("RUN apt-get update", "[agent] user", "[environment] cpus", "mode plain"):
        assert words in said
    task = load_suite(str(tmp_path / "suite")).tasks[0]
    assert task.expected.fail_to_pass == (".harbor/test.sh::reward",)
    async with images("bubblewrap", lambda line: None, jobs=1)(task.image) as open_sandbox:
        good = await grade(task, task.patch, open_sandbox)
        bad = await grade(task, task.patch.replace("2 *", "3 *"), open_sandbox)
        edited = (
            task.patch
            + "diff --git a/.harbor/test.sh b/.harbor/test.sh\nnew file mode 100644\n--- /dev/null\n+++ b/.harbor/test.sh\n@@ -0,0 +1 @@\n+echo 1\n"
        )
        stripped = await grade(task, edited, open_sandbox)
    assert (good.resolved, good.mode) == (True, "plain")
    assert not bad.resolved
    assert [part.path for part in stripped.stripped] == [".harbor/test.sh"]


async def test_a_harbor_task_that_needs_its_dockerfile_or_its_script_run_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "tasks/one", {**HARBOR, "environment/Dockerfile": "FROM secret/image\n"})
    write(tmp_path / "tasks/two", {path: text for path, text in HARBOR.items() if path != "solution/oracle.patch"})
    write(tmp_path / "tasks/three", {**HARBOR, "environment/Dockerfile": "FROM x\nCOPY ../../secret /app/\n"})
    found = {str(error) for error in read_foreign("harbor", str(tmp_path / "tasks"))}
    assert len(found) == 3
    text = " ".join(found)
    assert "copies no files" in text
    assert "is a script (solve.sh)" in text
    assert "not a path inside the task" in text


async def test_a_row_without_its_clone_is_told_where_to_put_it(mini: Suite, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(json.dumps(to_swe_bench(mini.tasks[0])) + "\n")
    result = await brought("swe-bench", tmp_path / "rows.jsonl", tmp_path / "suite")
    assert "--clones DIR" in next(iter(result.refused.values()))
    assert not (tmp_path / "suite").exists()
