"""Grades: `judge` as a pure function, `observe` in a box that plays a script, and `grade` in live boxes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from sandboxes.sandbox import SandboxError
from tasks.grading import Observation, OpenSandbox, grade, judge, observe, observe_again
from tasks.patches import patch_between, patch_of_files
from tasks.reports import Diagnostic
from tasks.suite import Suite
from tasks.task import Expected, RecordedMode, Stripped, Task
from tasks.tree import RepositoryTree

MakeTask = Callable[..., Task]

NEW, OLD = "test/new.test.ts::new", "test/old.test.ts::old"
CONFIGURATION = {"package.json": b'{"scripts": {"test": "true"}}\n'}


def seen(**fields: Any) -> Observation:
    """What is seen of a patch that solves the task of `make_task`, but for the given fields."""
    given: dict[str, Any] = {
        "mode": "separate",
        "patch_applied": True,
        "patch_is_empty": False,
        "stripped": (),
        "statuses": {NEW: "passed", OLD: "passed"},
        "type_errors": (),
        "compiled": True,
        "lint_findings": (),
        "checks": (),
        "duration_seconds": 1.0,
    }
    return Observation(**(given | fields))


ERROR = (Diagnostic("src/a.ts", "src/a.ts: TS1: no"),)


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({}, "resolved"),
        ({"patch_is_empty": True}, "no_patch"),
        ({"patch_is_empty": True, "patch_applied": False}, "no_patch"),
        ({"patch_applied": False, "statuses": {}}, "patch_rejected"),
        ({"type_errors": ERROR}, "type_errors"),
        ({"type_errors": ERROR, "statuses": {}}, "type_errors"),
        ({"compiled": False}, "type_errors"),
        ({"statuses": {NEW: "failed", OLD: "passed"}}, "still_failing"),
        ({"statuses": {NEW: "failed", OLD: "failed"}}, "still_failing"),
        ({"statuses": {NEW: "passed", OLD: "failed"}}, "regressed"),
        ({"statuses": {}}, "still_failing"),
        ({"lint_findings": ERROR}, "resolved"),
        ({"stripped": (Stripped(path="package.json", reason="protected"),)}, "resolved"),
    ],
)
def test_the_verdict_is_the_first_that_applies(make_task: MakeTask, fields: dict[str, Any], verdict: str) -> None:
    result = judge(make_task(), seen(**fields))
    assert result.verdict == verdict
    assert result.resolved == (verdict == "resolved")


@pytest.mark.parametrize("status", ["failed", "skipped", "todo", "timed_out", "missing", "duplicate", None])
@pytest.mark.parametrize(("test", "verdict"), [(NEW, "still_failing"), (OLD, "regressed")])
def test_only_passed_counts_as_passed(make_task: MakeTask, test: str, status: str | None, verdict: str) -> None:
    statuses = {NEW: "passed", OLD: "passed"} | {test: status}
    result = judge(make_task(), seen(statuses={name: status for name, status in statuses.items() if status is not None}))
    assert result.verdict == verdict
    assert result.tests[test] == (status or "missing")


def test_tests_that_nobody_asked_for_decide_nothing(make_task: MakeTask) -> None:
    result = judge(make_task(), seen(statuses={NEW: "passed", OLD: "passed", "test/other.test.ts::x": "failed"}))
    assert result.resolved
    assert set(result.tests) == {NEW, OLD}


def test_a_task_without_tests_to_pass_is_never_resolved(make_task: MakeTask) -> None:
    task = make_task(expected=Expected(pass_to_pass=(OLD,)))
    assert judge(task, seen()).verdict == "still_failing"
    assert judge(make_task(expected=Expected()), seen()).verdict == "still_failing"


def test_known_type_errors_are_not_the_patchs_doing(make_task: MakeTask) -> None:
    expected = make_task().expected.model_copy(update={"type_errors": (ERROR[0].text,), "lint_findings": ("known",)})
    task = make_task(expected=expected)
    assert judge(task, seen(type_errors=ERROR)).resolved
    twice = judge(task, seen(type_errors=ERROR * 2, lint_findings=(Diagnostic("a", "known"), Diagnostic("a", "new"))))
    assert (twice.verdict, twice.new_type_errors) == ("type_errors", (ERROR[0].text,))
    assert twice.new_lint_findings == ("new",)


# In a box that plays a script


def answers(script: Any, **given: Any) -> dict[str, Any]:
    """Everything passes, but for what is given; `new` and `old` are the test processes."""
    reports = {"test/new.test.ts": script.ended(report=script.report_of({"new": "passed"}))}
    reports["test/old.test.ts"] = script.ended(report=script.report_of({"old": "passed"}))
    names = {"new": "test/new.test.ts", "old": "test/old.test.ts"}
    return reports | {names.get(name, name): answer for name, answer in given.items()}


async def verdict_of(script: Any, task: Task, patch: str | None = None, **given: Any) -> tuple[str, Any]:
    box = script.box(answers(script, **given))
    result = await grade(task, task.patch if patch is None else patch, script.open_in_turn(box))
    return result.verdict, result


async def test_the_patch_is_applied_before_the_hidden_tests_and_both_before_any_check(make_task: MakeTask, script: Any) -> None:
    task = make_task()
    box = script.box(answers(script))
    assert (await grade(task, task.patch, script.open_in_turn(box))).resolved
    assert box.stdins[:2] == [task.patch.encode(), task.test_patch.encode()]
    programs = [command[0] for command in box.commands]
    assert programs[:2] == ["git", "git"]
    assert sorted(program for program in programs[2:] if program != "bash") == ["node", "node", "node", "oxlint", "tsc"]


@pytest.mark.parametrize("given", [{"report": b""}, {"report": b"{"}, {"code": 1}, {"report": b'{"src/sum.ts": ["", "throw 1"]}'}])
async def test_javascript_that_was_not_made_beforehand_changes_nothing(make_task: MakeTask, script: Any, given: dict[str, Any]) -> None:
    verdict, _ = await verdict_of(script, make_task(), strip=script.ended(**given))
    assert verdict == "resolved"


@pytest.mark.parametrize("given", ["report", "code", "signal", "too_long"])
async def test_passes_of_a_process_that_did_not_end_well_are_not_believed(make_task: MakeTask, script: Any, given: str) -> None:
    report = script.report_of({"new": "passed"})
    answer = {
        "report": script.ended(report=script.report_of({"new": "passed"}, end=False)),
        "code": script.ended(1, report=report),
        "signal": script.ended(None, report=report),
        "too_long": script.ended(report=None),
    }[given]
    verdict, _ = await verdict_of(script, make_task(), new=answer)
    assert verdict == "still_failing"


async def test_a_failure_that_the_exit_code_denies_is_still_a_failure(make_task: MakeTask, script: Any) -> None:
    verdict, result = await verdict_of(script, make_task(), old=script.ended(0, report=script.report_of({"old": "failed"})))
    assert (verdict, result.tests[OLD]) == ("regressed", "failed")


async def test_a_process_cannot_report_tests_of_another_file(make_task: MakeTask, script: Any) -> None:
    """Each line of a vitest report names its file; only the files that were run count."""
    line = b'{"file": "test/old.test.ts", "path": ["old"], "status": "passed"}\n'
    forged = b'{"file": "test/never.test.ts", "path": ["x"], "status": "passed"}\n{"end": true, "tests": 2}\n'
    expected = Expected(fail_to_pass=("test/never.test.ts::x",), pass_to_pass=(OLD,))
    verdict, result = await verdict_of(script, make_task(runner="vitest", expected=expected), vitest=script.ended(report=line + forged))
    assert (verdict, result.tests) == ("still_failing", {"test/never.test.ts::x": "missing", OLD: "passed"})


@pytest.mark.parametrize(("broken", "verdict"), [("test/new.test.ts", "still_failing"), ("test/old.test.ts", "regressed")])
async def test_a_test_file_that_broke_takes_its_own_passes_along(make_task: MakeTask, script: Any, broken: str, verdict: str) -> None:
    new = '{"file": "test/new.test.ts", "path": ["new"], "status": "passed"}\n'
    old = '{"file": "test/old.test.ts", "path": ["old"], "status": "passed"}\n'
    report = f'{new}{old}{{"file": "{broken}", "error": "cannot import"}}\n{{"end": true, "tests": 2}}\n'.encode()
    found, result = await verdict_of(script, make_task(runner="vitest"), vitest=script.ended(1, report=report))
    assert found == verdict
    assert sorted(result.tests.values()) == ["failed", "passed"]


async def test_many_files_of_vitest_run_some_at_a_time_and_what_breaks_off_takes_only_its_own_along(
    make_task: MakeTask, script: Any
) -> None:
    names = [f"test/{number:02}.test.ts" for number in range(30)]
    tree = make_task().tree
    tree = RepositoryTree({**tree.files, **dict.fromkeys(names, b"")}, tree.executables)
    asked: list[list[str]] = []

    class Box(script.box):  # type: ignore[misc, name-defined]
        async def exec(self, argv: Sequence[str], **options: Any) -> Any:
            files = [word for word in argv if word in names]
            if argv[0] != "vitest":
                return await super().exec(argv, **options)
            asked.append(files)
            if names[0] in files:
                return script.ended(None, report=b"", timed_out=True)
            lines = [json.dumps({"file": file, "path": ["x"], "status": "passed"}) for file in files]
            return script.ended(report="\n".join([*lines, json.dumps({"end": True, "tests": len(files)})]).encode())

    expected = Expected(fail_to_pass=(f"{names[-1]}::x",), pass_to_pass=tuple(f"{name}::x" for name in names[:-1]))
    task = make_task(runner="vitest", expected=expected, tree=tree)
    seen = await observe(task, task.patch, script.open_in_turn(Box()))
    assert sorted(file for files in asked for file in files) == names
    assert len(asked) == 2
    assert {test.partition("::")[0] for test, status in seen.statuses.items() if status == "passed"} == {
        *min(asked, key=lambda one: names[0] in one)
    }
    assert {run.name for run in seen.checks} >= {"vitest 1 of 2", "vitest 2 of 2"}


async def test_what_is_seen_again_has_new_tests_and_the_compiler_s_first_words(make_task: MakeTask, script: Any) -> None:
    task = make_task()
    task = make_task(tree=RepositoryTree({**task.tree.files, "test/types.test-d.ts": b""}))
    tsc = script.ended(2, "src/sum.ts(1,1): error TS1: no\ntest/types.test-d.ts(1,1): error TS2: no\n")
    first = await observe(task, task.patch, script.open_in_turn(script.box(answers(script, tsc=tsc))))
    box = script.box(answers(script, new=script.ended(1, report=script.report_of({"new": "failed"}))))
    again = await observe_again(first, task, task.patch, script.open_in_turn(box))
    assert not {"tsc", "oxlint"} & {command[0] for command in box.commands}
    assert (first.statuses[NEW], again.statuses[NEW]) == ("passed", "failed")
    assert again.statuses["test/types.test-d.ts::typecheck"] == "failed"
    assert (again.type_errors, again.compiled) == (first.type_errors, True)
    assert [error.file for error in again.type_errors] == ["src/sum.ts"]


async def test_an_error_outside_of_tests_leaves_no_pass_believed(make_task: MakeTask, script: Any) -> None:
    report = script.report_of({"new": "passed"}) + b'{"error": "unhandled"}\n'
    verdict, result = await verdict_of(script, make_task(), new=script.ended(1, report=report))
    assert (verdict, result.tests[NEW]) == ("still_failing", "failed")


async def test_a_test_that_was_running_when_time_was_up_timed_out(make_task: MakeTask, script: Any) -> None:
    report = script.report_of({"new": "missing"}, end=False)
    _, result = await verdict_of(script, make_task(), new=script.ended(None, report=report, timed_out=True))
    assert result.tests[NEW] == "timed_out"


@pytest.mark.parametrize(
    ("code", "printed", "error"),
    [
        (2, "src/sum.ts(1,1): error TS1: no\n", "src/sum.ts: TS1: no"),
        (1, "Out of memory\n", "the compiler did not end by itself"),
        (None, "", "the compiler did not end by itself"),
        (2, "error TS18003: No inputs\n", "TS18003: No inputs"),
    ],
)
async def test_a_compiler_that_is_not_content_is_a_type_error(
    make_task: MakeTask, script: Any, code: int | None, printed: str, error: str
) -> None:
    verdict, result = await verdict_of(script, make_task(), tsc=script.ended(code, printed))
    assert (verdict, result.new_type_errors) == ("type_errors", (error,))


async def test_a_compiler_that_timed_out_is_a_type_error(make_task: MakeTask, script: Any) -> None:
    verdict, _ = await verdict_of(script, make_task(), tsc=script.ended(2, "test/new.test.ts(1,1): error TS1: no\n", timed_out=True))
    assert verdict == "type_errors"


async def test_type_errors_in_hidden_tests_are_left_to_running_them(make_task: MakeTask, script: Any) -> None:
    verdict, _ = await verdict_of(script, make_task(), tsc=script.ended(2, "test/new.test.ts(1,1): error TS1: no\n"))
    assert verdict == "resolved"


READ = "/workspace/repo/src/sum.ts\n/workspace/repo/test/a.test-d.ts\n/workspace/node_modules/a/index.d.ts\n"


@pytest.mark.parametrize(
    ("printed", "status"),
    [
        (READ, "passed"),
        (f"test/a.test-d.ts(1,1): error TS1: no\n{READ}", "failed"),
        (f"error TS1: no\n{READ}", "failed"),
        ("", "failed"),
        (READ.replace("a.test-d.ts", "a.test-d.tsx"), "failed"),
    ],
)
async def test_a_type_test_passes_when_the_compiler_has_nothing_to_say_of_it(
    make_task: MakeTask, script: Any, printed: str, status: str
) -> None:
    test = "test/a.test-d.ts::typecheck"
    task = make_task(
        test_patch=patch_of_files({}, {"test/a.test-d.ts": b"x\n"}), expected=Expected(fail_to_pass=(test,), pass_to_pass=(OLD,))
    )
    _, result = await verdict_of(script, task, tsc=script.ended(2 if "error" in printed else 0, printed))
    assert result.tests == {test: status, OLD: "passed"}
    (compiled,) = [check.output for check in result.checks if check.name == "compile"]
    assert "/workspace" not in compiled
    assert ("TS1" in compiled) == ("TS1" in printed)


async def test_what_the_compiler_says_beyond_what_is_kept_is_no_silence(make_task: MakeTask, script: Any) -> None:
    typed = "test/a.test-d.ts::typecheck"
    task = make_task(
        test_patch=patch_of_files({}, {"test/a.test-d.ts": b"x\n", "test/new.test.ts": b"x\n"}), expected=Expected(fail_to_pass=(typed,))
    )
    told = script.ended(2, "test/new.test.ts(1,1): error TS1: no\n" + READ)
    cut = dataclasses.replace(told, stdout=dataclasses.replace(told.stdout, dropped_bytes=1))
    for result, verdict in ((told, "resolved"), (cut, "type_errors")):
        assert (await verdict_of(script, task, tsc=result))[0] == verdict


@pytest.mark.parametrize("beside", ["types/check.ts", "types/check.tsx"])
async def test_a_type_test_that_another_file_displaces_has_not_passed(make_task: MakeTask, open_sandbox: OpenSandbox, beside: str) -> None:
    """Of files that differ in nothing but their ending the compiler reads one."""
    tree = RepositoryTree({"tsconfig.json": b'{"include": ["src", "types"]}', "src/kind.ts": b"export type Kind = string;\n"})
    hidden = {
        "types/check.d.ts": b"import type { Kind } from '../src/kind.ts';\nexport const right: Kind extends number ? 1 : never & { x: Nowhere };\n"
    }
    typed = "types/check.d.ts::typecheck"
    task = make_task(
        tree=tree, test_patch=patch_of_files({}, hidden), type_test_files=("/types/check.d.ts",), expected=Expected(fail_to_pass=(typed,))
    )
    seen = [await observe(task, patch_of_files(tree.files, {path: b"export {};\n"}), open_sandbox) for path in (beside, "src/more.ts")]
    assert [one.statuses[typed] for one in seen] == ["failed", "failed"]
    assert [one.type_errors for one in seen] == [(), ()]


@pytest.mark.parametrize("printed", ["", "panicked", "[]"])
async def test_a_linter_without_report_is_a_finding_and_decides_nothing(make_task: MakeTask, script: Any, printed: str) -> None:
    verdict, result = await verdict_of(script, make_task(), oxlint=script.ended(101, printed))
    assert (verdict, result.new_lint_findings) == ("resolved", ("the linter gave no report (exit code 101)",))


@pytest.mark.parametrize("program", ["tsc", "oxlint", "new", "git"])
async def test_a_box_that_fails_gives_no_grade(make_task: MakeTask, script: Any, program: str) -> None:
    with pytest.raises(SandboxError, match="the box is gone"):
        await verdict_of(script, make_task(), **{program: SandboxError("the box is gone")})


async def test_a_patch_that_in_truth_changes_a_protected_path_is_rejected(make_task: MakeTask, script: Any) -> None:
    task = make_task()
    box = script.box(answers(script), changed=(task.patch + patch_of_files({}, CONFIGURATION)).encode())
    result = await grade(task, task.patch, script.open_in_turn(box))
    assert (result.verdict, result.checks[0].output) == ("patch_rejected", "it also changes package.json")
    assert all(command[0] == "git" for command in box.commands)


async def test_a_patch_too_large_to_look_at_is_rejected(make_task: MakeTask, script: Any) -> None:
    task = make_task()
    result = await grade(
        task, task.patch, script.open_in_turn(script.box(answers(script), changed=OSError(27, "the patch is larger than that")))
    )
    assert result.verdict == "patch_rejected"


@pytest.mark.parametrize(
    "patch", ["no patch at all", "+++ b/x.ts\n", "diff --git a/src/a.ts b/src/a.ts\n--- a/x\n+++ b/y\n@@ -1,9 +1 @@\n-a\n"]
)
async def test_text_that_is_no_patch_is_rejected(make_task: MakeTask, script: Any, patch: str) -> None:
    verdict, result = await verdict_of(script, make_task(), patch)
    assert (verdict, result.checks[0].ended) == ("patch_rejected", "refused")


async def test_bytes_that_are_not_utf8_reach_git_as_they_are(make_task: MakeTask, script: Any) -> None:
    task = make_task()
    box = script.box(answers(script))
    patch = task.patch.replace("sum = 2", "sum = '\udcff'")
    assert (await observe(task, patch, script.open_in_turn(box))).patch_applied
    assert b"sum = '\xff'" in box.stdins[0]


# In live boxes


@pytest.mark.parametrize("instance_id", ["sums-single", "sums-bigint", "words-spaces"])
async def test_the_gold_patch_resolves(mini: Suite, open_sandbox: OpenSandbox, instance_id: str) -> None:
    (task,) = mini.select([instance_id]).tasks
    result = await grade(task, task.patch, open_sandbox)
    assert result.verdict == "resolved", result.checks
    assert set(result.tests.values()) == {"passed"}
    assert result.new_lint_findings == ()
    assert {check.ended for check in result.checks} == {"exit code 0"}


def edited(task: Task, path: str, old: str, new: str) -> str:
    """A patch that replaces some words in a file of the task's tree."""
    before = task.tree.files[path]
    assert old.encode() in before
    return patch_of_files(task.tree.files, {path: before.replace(old.encode(), new.encode())})


async def test_an_empty_patch_does_not_resolve(mini: Suite, open_sandbox: OpenSandbox) -> None:
    task = mini.tasks[1]
    result = await grade(task, "", open_sandbox)
    assert (result.verdict, result.resolved) == ("no_patch", False)
    assert result.tests[task.expected.fail_to_pass[0]] == "failed"
    assert {result.tests[test] for test in task.expected.pass_to_pass} == {"passed"}


async def test_edits_of_tests_and_configuration_are_stripped_and_the_rest_is_judged(mini: Suite, open_sandbox: OpenSandbox) -> None:
    task = mini.tasks[1]
    spoiled = edited(task, "test/sum.test.ts", "equal(sum([1, 2]), 3)", "equal(1, 2)") + patch_of_files(task.tree.files, CONFIGURATION)
    result = await grade(task, spoiled + task.patch, open_sandbox)
    assert result.resolved
    assert result.stripped == (
        Stripped(path="test/sum.test.ts", reason="protected"),
        Stripped(path="package.json", reason="protected"),
    )
    nothing_left = await grade(task, spoiled, open_sandbox)
    assert (nothing_left.verdict, len(nothing_left.stripped)) == ("no_patch", 2)


FORGED_NODE = (
    'console.log(\'{"path":["of one number is that number"],"status":"passed"}\\n{"path":["of three numbers"],"status":"passed"}\\n'
    '{"end":true,"tests":2}\');\n'
)
FORGED_VITEST = (
    'console.log(\'{"file":"test/spaces.test.ts","path":["count","of nothing is zero"],"status":"passed"}\\n'
    '{"file":"test/spaces.test.ts","path":["count","takes a run of spaces as one"],"status":"passed"}\\n{"end":true,"tests":2}\');\n'
)


@pytest.mark.parametrize(
    ("instance_id", "path", "cheat"),
    [
        ("sums-single", "src/sum.ts", FORGED_NODE),
        ("sums-single", "src/sum.ts", FORGED_NODE + "process.exit(0);\n"),
        ("sums-single", "src/sum.ts", "process.on('exit', () => { process.exitCode = 0; });\n"),
        ("words-spaces", "src/count.ts", FORGED_VITEST + "process.exit(0);\n"),
    ],
    ids=["forged report", "forged report and early exit", "exit code", "vitest"],
)
async def test_a_patch_that_cheats_does_not_resolve(
    mini: Suite, open_sandbox: OpenSandbox, instance_id: str, path: str, cheat: str
) -> None:
    (task,) = mini.select([instance_id]).tasks
    patch = edited(task, path, "export function", f"{cheat}export function")
    result = await grade(task, patch, open_sandbox)
    assert result.verdict == "still_failing", result.checks
    assert "passed" not in {result.tests[test] for test in task.expected.fail_to_pass}


async def test_an_early_exit_of_the_tests_own_process_leaves_nothing_passed(mini: Suite, open_sandbox: OpenSandbox) -> None:
    """The first hidden test could pass before the process goes."""
    task = mini.tasks[1]
    task = task.model_copy(update={"expected": task.expected.model_copy(update={"mode": "hardened"})})
    patch = edited(
        task,
        "src/sum.ts",
        "  let total = 0;",
        "  if (values.length !== 1) process.exit(0);\n  else return values[0] ?? 0;\n  let total = 0;",
    )
    result = await grade(task, patch, open_sandbox)
    assert not result.resolved
    assert "passed" not in result.tests.values()


@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        ("values.length > 1 ?", "values.length > 0 ?", "resolved"),
        ("values.length > 1 ?", "values.length > 7 ?", "still_failing"),
        ("  let total = 0;", '  if (values.length < 2) return values[0] ?? 0;\n  let total: number = "0";', "type_errors"),
        ("  let total = 0;", "  if (values.length < 2) return values[0] ?? 1;\n  let total = 0;", "regressed"),
    ],
)
async def test_each_verdict_of_a_patch_that_applies(mini: Suite, open_sandbox: OpenSandbox, old: str, new: str, verdict: str) -> None:
    task = mini.tasks[1]
    assert (await grade(task, edited(task, "src/sum.ts", old, new), open_sandbox)).verdict == verdict


@pytest.mark.parametrize("mode", ["separate", "hardened"])
async def test_hidden_tests_may_take_test_files_away(mini: Suite, open_sandbox: OpenSandbox, mode: RecordedMode) -> None:
    """As the commits of a history do: one is deleted, one has another name."""
    (task,) = mini.select(["sums-single"]).tasks
    content = b"throw new Error();\n"
    tree = RepositoryTree({**task.tree.files, "test/old.test.ts": content, "test/before.test.ts": content}, task.tree.executables)
    removal = patch_between({"test/old.test.ts": content}, {})
    move = "diff --git a/test/before.test.ts b/test/after.ts\nsimilarity index 100%\nrename from test/before.test.ts\nrename to test/after.ts\n"
    changed = {"tree": tree, "test_patch": removal + move + task.test_patch, "expected": task.expected.model_copy(update={"mode": mode})}
    result = await grade(task.model_copy(update=changed), task.patch, open_sandbox)
    assert (result.verdict, result.mode) == ("resolved", mode)


async def test_a_patch_that_does_not_apply_is_rejected(mini: Suite, open_sandbox: OpenSandbox) -> None:
    task = mini.tasks[1]
    other = patch_of_files({"src/sum.ts": b"not what is there\n"}, {"src/sum.ts": b"x\n"})
    result = await grade(task, other, open_sandbox)
    assert (result.verdict, result.resolved) == ("patch_rejected", False)
    assert set(result.tests.values()) == {"missing"}
    assert "src/sum.ts" in result.checks[0].output
