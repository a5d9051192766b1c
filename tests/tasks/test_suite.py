"""Suites on disk: what is loaded, and that every malformed input is named."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.errors import TaskError
from tasks.reports import TYPECHECK
from tasks.suite import Suite, load_quarantine, load_suite, save_expected, save_quarantine, shipped_suites, task_digest
from tasks.task import Expected, Task

SINGLE = "tasks/sums-single"


def replace_in(file: Path, old: str, new: str) -> None:
    content = file.read_text(encoding="utf-8")
    assert old in content
    file.write_text(content.replace(old, new), encoding="utf-8")


def test_a_suite_is_loaded_in_the_order_of_its_ids(mini: Suite) -> None:
    assert [task.instance_id for task in mini.tasks] == ["sums-bigint", "sums-single", "words-spaces"]
    assert (mini.name, mini.version) == ("mini", "1")
    assert mini.splits == {"train": ("sums",), "heldout": ("words",)}
    assert mini.quarantined == {}


def test_a_task_takes_its_testing_from_its_repository(mini: Suite) -> None:
    _, single, words = mini.tasks
    assert (single.runner, words.runner) == ("node:test", "vitest")
    assert single.expected.fail_to_pass == ("test/single.test.ts::of one number is that number",)
    assert single.problem_statement.endswith("`sum([5])` is 5.\n")
    assert "+++ b/test/single.test.ts" in single.test_patch
    assert "test/single.test.ts" not in single.tree.files


def test_tasks_of_one_repository_share_its_tree(mini: Suite) -> None:
    assert mini.tasks[0].tree is mini.tasks[1].tree
    assert mini.tasks[0].base_commit == mini.tasks[1].base_commit != mini.tasks[2].base_commit


def test_a_base_patch_changes_the_tree_of_its_task_alone(suite_directory: Path) -> None:
    patch = "diff --git a/src/more.ts b/src/more.ts\nnew file mode 100644\n--- /dev/null\n+++ b/src/more.ts\n@@ -0,0 +1 @@\n+export {};\n"
    (suite_directory / SINGLE / "base.patch").write_text(patch)
    bigint, single, _ = load_suite(str(suite_directory)).tasks
    assert single.tree.files["src/more.ts"] == b"export {};\n"
    assert "src/more.ts" not in bigint.tree.files


def test_hidden_tests_may_be_a_patch(suite_directory: Path, mini: Suite) -> None:
    (suite_directory / SINGLE / "test.patch").write_text(mini.tasks[1].test_patch)
    shutil.rmtree(suite_directory / SINGLE / "tests")
    assert load_suite(str(suite_directory)).tasks[1] == mini.tasks[1]


def test_a_patch_keeps_its_line_ends(suite_directory: Path) -> None:
    (suite_directory / "repos/sums/src/dos.ts").write_bytes(b"one\r\ntwo\rtwo\r\n")
    patch = b"diff --git a/src/dos.ts b/src/dos.ts\n--- a/src/dos.ts\n+++ b/src/dos.ts\n@@ -1,2 +1,2 @@\n-one\r\n+1\r\n two\rtwo\r\n"
    for name in ("gold.patch", "base.patch"):
        (suite_directory / SINGLE / name).write_bytes(patch)
    task = load_suite(str(suite_directory)).tasks[1]
    assert task.patch.encode() == patch
    assert task.tree.files["src/dos.ts"] == b"1\r\ntwo\rtwo\r\n"


def test_every_shipped_suite_has_a_name_of_its_directory() -> None:
    assert "core" in shipped_suites()


@pytest.mark.parametrize("name", shipped_suites())
def test_every_shipped_suite_says_whence_each_of_its_repositories_is(name: str) -> None:
    suite = load_suite(name)
    said = tomllib.loads((suite.directory / "provenance.toml").read_text(encoding="utf-8"))
    assert said["suite"]["licence"]
    assert {repository for repository, whence in said["repositories"].items() if whence["licence"] and whence["origin"]} == {
        task.repo for task in suite.tasks
    }


def test_core_asks_for_types_as_well_as_behaviour() -> None:
    """A model that never looks at the compiler should fall short on it."""
    suite = load_suite("core")
    assert len({task.repo for task in suite.tasks}) >= 20
    of_types = [task for task in suite.tasks if task.kind == "types"]
    assert len(of_types) >= 15
    for task in of_types:
        assert any(test.endswith(f"::{TYPECHECK}") for test in task.expected.fail_to_pass), task.instance_id


# What is malformed is named


def spoil(path: str, content: str | bytes | None) -> Callable[[Path], object]:
    """Replaces a file, or removes what is there."""

    def change(suite: Path) -> None:
        place = suite / path
        if content is None:
            shutil.rmtree(place) if place.is_dir() else place.unlink()
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content if isinstance(content, bytes) else content.encode())

    return change


def change(path: str, old: str, new: str) -> Callable[[Path], object]:
    return lambda suite: replace_in(suite / path, old, new)


@pytest.mark.parametrize(
    ("malform", "message"),
    [
        (spoil("suite.toml", "name = "), r"/suite\.toml: not TOML"),
        (spoil("suite.toml", 'name = "x"\nversion = "1"\nlicence = "MIT"'), r"/suite\.toml: description: field required"),
        (spoil("suite.toml", b"\xff"), r"/suite\.toml: .*utf-8"),
        (change("suite.toml", 'licence = "MIT"', 'licence = "MIT"\nauthor = "me"'), r"/suite\.toml: author: extra inputs"),
        (change("suite.toml", '["words"]', '["words", "nowhere"]'), r"/suite\.toml: split 'heldout' names unknown repositories: nowhere"),
        (spoil("tasks", None), r"/suite: there is no task in it"),
        (spoil(f"{SINGLE}/task.toml", "[broken"), r"sums-single/task\.toml: not TOML"),
        (spoil(f"{SINGLE}/task.toml", None), r"sums-single/task\.toml: No such file"),
        (change(f"{SINGLE}/task.toml", '"bug"', '"wish"'), r"sums-single/task\.toml: kind: input should be 'bug'"),
        (change(f"{SINGLE}/task.toml", '"easy"', '"hardest"'), r"sums-single/task\.toml: difficulty: "),
        (change(f"{SINGLE}/task.toml", "kind", "sort"), r"sums-single/task\.toml: kind: field required"),
        (
            change(f"{SINGLE}/task.toml", '"sums-single"', '"sums-other"'),
            r"sums-single/task\.toml: instance_id is 'sums-other'.*'sums-single'",
        ),
        (change(f"{SINGLE}/task.toml", '"sums"', '"nowhere"'), r"repos/nowhere\.toml: No such file"),
        (spoil("repos/sums.toml", "runner = 1"), r"repos/sums\.toml: "),
        (change("repos/sums.toml", "node:test", "mocha"), r"repos/sums\.toml: runner: "),
        (spoil("repos/sums", None), r"repos/sums: there is no file in it"),
        (spoil("repos/sums/.git/HEAD", ""), r"repos/sums/\.git: a repository tree has no \.git"),
        (spoil(f"{SINGLE}/gold.patch", None), r"sums-single/gold\.patch: the file is missing"),
        (spoil(f"{SINGLE}/gold.patch", ""), r"sums-single/gold\.patch: it is empty"),
        (spoil(f"{SINGLE}/gold.patch", "nothing of a patch"), r"sums-single/gold\.patch: the patch cannot be read"),
        (spoil(f"{SINGLE}/gold.patch", b"\xff"), r"sums-single/gold\.patch: .*utf-8"),
        (spoil(f"{SINGLE}/base.patch", "nothing of a patch"), r"sums-single/base\.patch: git apply"),
        (spoil(f"{SINGLE}/tests", None), r"sums-single: hidden tests are missing"),
        (spoil(f"{SINGLE}/tests/test/single.test.ts", None), r"sums-single/tests: there is no file in it"),
        (spoil(f"{SINGLE}/tests/test/single.test.ts", b"\xff"), r"sums-single/tests: a test file is not UTF-8"),
        (spoil(f"{SINGLE}/test.patch", "nothing of a patch"), r"sums-single/test\.patch: the patch cannot be read"),
        (spoil(f"{SINGLE}/problem_statement.md", None), r"sums-single/problem_statement\.md: the file is missing"),
        (spoil(f"{SINGLE}/problem_statement.md", "Fix it.\n"), r"sums-single/task\.toml: problem_statement: .*at least 20"),
        (spoil(f"{SINGLE}/expected.json", "{"), r"sums-single/expected\.json: invalid JSON"),
        (spoil(f"{SINGLE}/expected.json", '{"fail_to_pass": "all"}'), r"sums-single/expected\.json: fail_to_pass: "),
        (spoil(f"{SINGLE}/expected.json", '{"fail": []}'), r"sums-single/expected\.json: fail: extra inputs"),
        (spoil("quarantine.toml", "sums-single"), r"/quarantine\.toml: not TOML"),
        (spoil("quarantine.toml", "sums-single = true"), r'/quarantine\.toml: each line is instance_id = "reason"'),
    ],
)
def test_what_is_malformed_is_named(suite_directory: Path, malform: Callable[[Path], object], message: str) -> None:
    malform(suite_directory)
    with pytest.raises(TaskError, match=message) as raised:
        load_suite(str(suite_directory))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("place", ["repos/sums/src/link.ts", f"{SINGLE}/tests/test/link.test.ts"])
def test_a_symbolic_link_in_a_tree_is_named(suite_directory: Path, place: str) -> None:
    (suite_directory / place).symlink_to("/etc/passwd")
    with pytest.raises(TaskError, match=rf"{place}: only regular files"):
        load_suite(str(suite_directory))


def test_an_id_that_no_path_should_hold_is_refused(suite_directory: Path) -> None:
    (suite_directory / SINGLE).rename(suite_directory / "tasks/Sums Single")
    replace_in(suite_directory / "tasks/Sums Single/task.toml", '"sums-single"', '"Sums Single"')
    with pytest.raises(TaskError, match=r"Sums Single/task\.toml: instance_id: "):
        load_suite(str(suite_directory))


@pytest.mark.parametrize("name", ["nothing-of-that-name", "", "/nonexistent"])
def test_a_suite_that_is_not_there_is_said_with_those_that_are(tmp_path: Path, name: str) -> None:
    with pytest.raises(TaskError, match=r"there is no suite .*core"):
        load_suite(name or str(tmp_path))


@pytest.mark.parametrize("content", [None, "{}", '{"pass_to_pass": ["test/sum.test.ts::sum > adds two numbers"]}'])
def test_a_task_without_recorded_tests_is_loaded_only_to_record_them(suite_directory: Path, content: str | None) -> None:
    spoil(f"{SINGLE}/expected.json", content)(suite_directory)
    with pytest.raises(TaskError, match=r"sums-single/expected\.json: .*--record"):
        load_suite(str(suite_directory))
    assert load_suite(str(suite_directory), unrecorded=True).tasks[1].expected.fail_to_pass == ()


# Choosing


def ids(suite: Suite) -> list[str]:
    return [task.instance_id for task in suite.tasks]


def test_tasks_are_chosen_by_split_and_pattern(mini: Suite) -> None:
    assert ids(mini.select()) == ids(mini)
    assert ids(mini.select(split="train")) == ["sums-bigint", "sums-single"]
    assert ids(mini.select(["*-single", "words-*"])) == ["sums-single", "words-spaces"]
    assert ids(mini.select(["*-bigint"], split="train")) == ["sums-bigint"]
    assert ids(mini.select(["words-*", "words-spaces"])) == ["words-spaces"]


def test_an_unknown_split_is_said_with_those_that_are_there(mini: Suite) -> None:
    with pytest.raises(TaskError, match="suite mini has no split 'test'; it has: heldout, train"):
        mini.select(split="test")


@pytest.mark.parametrize("patterns", [["nothing-*"], ["sums-*", "nothing-*"]])
def test_a_pattern_without_match_is_named(mini: Suite, patterns: list[str]) -> None:
    with pytest.raises(TaskError, match=r"no task of mini matches 'nothing-\*'"):
        mini.select(patterns)


def test_a_pattern_must_match_within_the_split(mini: Suite) -> None:
    with pytest.raises(TaskError, match="no task of mini matches 'words-spaces'"):
        mini.select(["words-spaces"], split="train")


def test_a_split_without_tasks_has_nothing_to_run(suite_directory: Path) -> None:
    spoil("tasks/words-spaces", None)(suite_directory)
    with pytest.raises(TaskError, match="suite mini has no task left"):
        load_suite(str(suite_directory)).select(split="heldout")


# Quarantine


def test_a_quarantined_task_is_left_out_unless_asked_for(suite_directory: Path) -> None:
    save_quarantine(suite_directory, {"sums-single": 'it is "flaky"'})
    suite = load_suite(str(suite_directory))
    assert ids(suite) == ["sums-bigint", "words-spaces"]
    assert suite.quarantined == {"sums-single": 'it is "flaky"'}
    with pytest.raises(TaskError, match=r'sums-single is quarantined: it is "flaky"'):
        suite.select(["sums-single"])
    with_all = load_suite(str(suite_directory), quarantined=True)
    assert ids(with_all) == ["sums-bigint", "sums-single", "words-spaces"]
    assert with_all.quarantined == {}


def test_a_quarantine_is_read_as_it_was_saved_and_gone_when_empty(tmp_path: Path) -> None:
    reasons = {"b": "two\nlines", "a": 'a "quote" ä'}
    save_quarantine(tmp_path, reasons)
    assert load_quarantine(tmp_path) == reasons
    save_quarantine(tmp_path, {})
    assert list(tmp_path.iterdir()) == []
    save_quarantine(tmp_path, {})
    assert load_quarantine(tmp_path) == {}


# Digests


def test_the_digest_of_a_copy_is_the_same(mini: Suite, suite_directory: Path) -> None:
    assert load_suite(str(suite_directory)).digest == mini.digest
    assert mini.select(split="train").digest != mini.digest


@pytest.mark.parametrize(
    "alter",
    [
        change(f"{SINGLE}/problem_statement.md", "It should", "It must"),
        change(f"{SINGLE}/gold.patch", "+  return total;", "+  return  total;"),
        change(f"{SINGLE}/tests/test/single.test.ts", "6", "7"),
        change("repos/sums/package.json", "true", "false"),
        change("repos/sums.toml", 'runner = "node:test"', 'runner = "vitest"'),
        change(f"{SINGLE}/expected.json", '"type_errors": []', '"type_errors": ["x"]'),
        lambda suite: (suite / "repos/sums/src/sum.ts").chmod(0o755),
    ],
    ids=["statement", "gold", "hidden test", "tree", "runner", "expected", "mode"],
)
def test_the_digest_changes_with_whatever_an_attempt_depends_on(
    mini: Suite, suite_directory: Path, alter: Callable[[Path], object]
) -> None:
    alter(suite_directory)
    assert task_digest(load_suite(str(suite_directory)).tasks[1]) != task_digest(mini.tasks[1])


def test_the_digest_does_not_change_with_the_suites_description(mini: Suite, suite_directory: Path) -> None:
    replace_in(suite_directory / "suite.toml", "Two tiny", "Some tiny")
    assert load_suite(str(suite_directory)).digest == mini.digest


def test_saved_expectations_are_loaded_again(suite_directory: Path) -> None:
    suite = load_suite(str(suite_directory))
    expected = Expected(fail_to_pass=("test/ä.ts::\u2028",), type_errors=("src/a.ts: TS1: no",))
    save_expected(suite, "sums-single", expected)
    task: Task = load_suite(str(suite_directory)).tasks[1]
    assert task.expected == expected
    assert json.loads((suite_directory / SINGLE / "expected.json").read_bytes())["pass_to_pass"] == []
