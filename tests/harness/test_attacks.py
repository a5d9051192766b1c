"""The attack suite's command: loading, what is said of an outcome, the matrix, and what a person sees."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.attacks import SHIPPED, Outcome, load_attacks, matrix, shortcomings
from harness.cli import NOT_AS_IT_SHOULD_BE, OK, WRONG_INPUT
from tasks.errors import TaskError
from tasks.task import GradingMode, RecordedMode, Runner, Verdict

HARNESS = [sys.executable, "-m", "harness.cli", "attacks"]
BOX = ["--backend", "bubblewrap"]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*HARNESS, *words], capture_output=True, text=True, timeout=240, check=False)


def outcome(
    slug: str = "a",
    *,
    honest: bool = False,
    runner: Runner = "node:test",
    mode: RecordedMode = "hardened",
    verdict: Verdict = "still_failing",
    flagged: bool = False,
    stripped: tuple[str, ...] = (),
    graded: GradingMode | None = None,
    not_held: str | None = None,
) -> Outcome:
    return Outcome(
        slug=slug,
        kind="honest" if honest else "cheat",
        runner=runner,
        mode=mode,
        graded=graded or mode,
        verdict=verdict,
        flagged=flagged,
        stripped=stripped,
        not_held=not_held,
    )


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    """A copy of the shipped suite with one case."""
    shutil.copytree(SHIPPED / "suite", tmp_path / "suite")
    shutil.copytree(SHIPPED / "cases/package-script", tmp_path / "cases/package-script")
    return tmp_path


@pytest.mark.parametrize(
    ("made", "word", "held"),
    [
        (outcome(), "still_failing", True),
        (outcome(verdict="type_errors"), "type_errors", True),
        (outcome(verdict="patch_rejected"), "patch_rejected", True),
        (outcome(verdict="no_patch", stripped=("package.json",)), "stripped", True),
        (outcome(stripped=("package.json",)), "stripped", True),
        (outcome(verdict="type_errors", stripped=("package.json",)), "type_errors", True),
        (outcome(verdict="resolved", flagged=True), "flagged", True),
        (outcome(verdict="resolved", flagged=True, stripped=(".npmrc",)), "flagged", True),
        (outcome(verdict="resolved"), "RESOLVED", False),
        (outcome(verdict="resolved", not_held="why"), "not held", True),
        (outcome(not_held="why"), "still_failing", True),
        (outcome(honest=True, verdict="resolved"), "resolved", True),
        (outcome(honest=True, verdict="resolved", flagged=True), "FLAGGED", False),
        (outcome(honest=True, verdict="regressed"), "REGRESSED", False),
    ],
)
def test_an_outcome_says_how_a_cheat_was_stopped_and_in_capitals_what_should_not_be(made: Outcome, word: str, held: bool) -> None:
    assert (made.word, made.held) == (word, held)


def test_the_matrix_has_a_row_for_each_case_and_a_column_for_each_runner_and_mode() -> None:
    made = [
        outcome("gold", honest=True, verdict="resolved"),
        outcome("a"),
        outcome("a", mode="separate", verdict="resolved"),
        outcome("b", runner="vitest", mode="separate", verdict="type_errors"),
    ]
    columns, rows = matrix(made)
    assert columns == ["case", "node:test, separate", "node:test, hardened", "vitest, separate"]
    assert rows == [
        ["a", "RESOLVED", "still_failing", "-"],
        ["b", "-", "-", "type_errors"],
        ["honest: gold", "-", "resolved", "-"],
    ]


def test_shortcomings_name_what_got_through_what_only_the_report_stopped_and_honest_solutions_that_do_not_count() -> None:
    made = [
        outcome("a", verdict="resolved"),
        outcome("b", verdict="resolved", flagged=True),
        outcome("c"),
        outcome("gold", honest=True, verdict="regressed"),
    ]
    sentences = shortcomings(made)
    assert "share a process" in sentences[0]
    assert "1 of 3 cheats got through: a." in sentences[1]
    assert "1 of 3 cheats were stopped by the integrity report alone" in sentences[2]
    assert sentences[3].endswith("honest solutions do not count: gold.")
    assert sentences[4].startswith("vitest is not graded hardened: ")
    separate = shortcomings([outcome(mode="separate"), outcome("b", mode="separate", verdict="resolved", not_held="nobody can tell")])
    assert "builds what it expects with the source's classes" in separate[0]
    assert separate[1:] == ["node:test, separate: b is not held: nobody can tell."]
    assert "boxes have one user" in shortcomings([outcome(mode="separate", graded="bridged")])[-1]


def test_a_part_of_a_suite_has_tasks_of_its_own(cases: Path) -> None:
    shutil.copytree(cases / "suite", cases / "part/suite")
    shutil.copytree(cases / "cases/package-script", cases / "part/cases/other")
    attacks = load_attacks(cases)
    assert [case.slug for case in attacks.cheats] == ["package-script", "other"]
    assert [case.slug for case in attacks.honest] == ["gold", "part-gold"]
    assert attacks.cheats[1].tasks is not attacks.tasks


def test_a_suite_is_loaded_with_its_gold_patches_as_honest_solutions(cases: Path) -> None:
    attacks = load_attacks(cases)
    assert set(attacks.tasks) == {"node:test", "vitest"}
    assert [case.slug for case in attacks.cheats] == ["package-script"]
    assert [case.slug for case in attacks.honest] == ["gold"]
    assert attacks.honest[0].patches["vitest"] == attacks.tasks["vitest"].patch


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("case.toml", "title = 1", "case.toml"),
        ("case.toml", "title = ", "case.toml"),
        ("case.toml", 'title = "t"\nhow = "h"\nsource = "s"\nfools = []', "at least 1 item"),
        ("case.toml", None, "case.toml"),
        ("node-test.patch", None, "there is no patch"),
    ],
)
def test_a_case_that_is_not_well_formed_names_its_file(cases: Path, file: str, text: str | None, said: str) -> None:
    place = cases / "cases/package-script"
    (place / "vitest.patch").unlink()
    (place / file).unlink()
    if text is not None:
        (place / file).write_text(text, encoding="utf-8")
    with pytest.raises(TaskError, match=said) as raised:
        load_attacks(cases)
    assert "package-script" in str(raised.value)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--cases", "/nonexistent"], "give --cases DIR, the tests/attacks of a checkout"),
        (["--case", "zebra-*"], "matches 'zebra-*'"),
        (["--mode", "zebra"], "there is no mode 'zebra'; there are: separate, hardened"),
    ],
)
def test_wrong_input_gets_one_clear_line(words: list[str], said: str) -> None:
    done = run(*words)
    assert done.returncode == WRONG_INPUT
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert said in done.stderr


def test_cheats_that_are_stopped_and_honest_solutions_that_count_end_with_0(cases: Path) -> None:
    done = run("--cases", str(cases), *BOX)
    assert done.returncode == OK, done.stdout + done.stderr
    assert "package-script" in done.stdout
    assert done.stdout.count("stripped") == 3
    assert "honest: gold" in done.stdout
    assert "share a process" in done.stdout
    assert "vitest is not graded hardened" in done.stdout
    assert "6 of 6 came out as they should" in done.stdout
    assert "[6/6]" in done.stderr


def test_a_patch_that_counts_and_should_not_ends_with_1(cases: Path) -> None:
    """A solution that stands among the cheats."""
    task = load_attacks(cases).tasks["node:test"]
    (cases / "cases/package-script/vitest.patch").unlink()
    (cases / "cases/package-script/node-test.patch").write_text(task.patch, encoding="utf-8")
    shutil.rmtree(cases / "suite/tasks/turnstile-vitest-burst")
    done = run("--cases", str(cases), "--json", *BOX)
    assert done.returncode == NOT_AS_IT_SHOULD_BE, done.stderr
    report = json.loads(done.stdout)
    assert report["held"] is False
    assert [(one["slug"], one["mode"], one["verdict"], one["held"]) for one in report["outcomes"]] == [
        ("package-script", "hardened", "resolved", False),
        ("package-script", "separate", "resolved", False),
        ("gold", "hardened", "resolved", True),
        ("gold", "separate", "resolved", True),
    ]
    assert any("got through: package-script" in sentence for sentence in report["shortcomings"])
