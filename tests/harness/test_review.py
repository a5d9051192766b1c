"""A pass that is flagged: it does not count, a person sees why, and what the person decides is kept and counted."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from harness.agent import ToolAgent
from harness.cli import OK, WRONG_INPUT, main
from harness.config import RunConfig
from harness.console import Screen
from harness.review import FlaggedTrial, decide, flagged_trials
from harness.run import pending, prepare, run
from harness.summary import summarise
from tasks.task import Finding, Grade
from tests.conftest import MINI
from tests.harness.fakes import MemoryEngine, ScriptModel, answer
from trajectories.store import Result, RunStore, read_results, read_reviews, read_trajectory, to_json
from trajectories.trajectory import Provenance, Trajectory, Usage

FLAG = Finding(rule="process_exit", weight="flag", path="src/sum.ts", line=3, excerpt="process.exit(0);")
NOTE = Finding(rule="network_attempt", weight="note", path="messages[2]", line=None, excerpt="curl example.org [red]:smile:")
SOLVES_AND_LEAVES = """\
export function sum(values: readonly number[]): number {
  if (values.length > 1000) process.exit(0);
  return values.reduce((total, value) => total + value, 0);
}
"""


def trial(instance_id: str, attempt: int = 0, *, findings: tuple[Finding, ...] = (), resolved: bool = True) -> Trajectory:
    grade = Grade(
        resolved=resolved,
        verdict="resolved" if resolved else "still_failing",
        tests={},
        new_type_errors=(),
        new_lint_findings=(),
        stripped=(),
        checks=(),
        duration_seconds=1.0,
        integrity=findings,
    )
    return Trajectory(
        instance_id=instance_id,
        attempt=attempt,
        model="script",
        sampling={},
        tools=(),
        messages=(),
        turns=(),
        stop_reason="submitted",
        grade=grade,
        usage=Usage(),
        started_at="2026-11-20T12:00:00Z",
        duration_seconds=1.0,
        provenance=Provenance(task_digest="d", base_commit="c", sandbox="memory", image="i", harness_version="0"),
    )


@pytest.fixture
def config() -> RunConfig:
    return RunConfig.model_validate({"suite": str(MINI), "attempts": 2, "model": {"name": "script"}, "sandbox": {"memory_mib": 512}})


@pytest.fixture
def directory(mini, config, tmp_path) -> Path:
    """A run with a flagged pass, one that is clean, a failure with the same finding, and two flagged attempts at one task."""
    place = tmp_path / "a run"
    with RunStore(place) as store:
        prepare(config, mini, store, MemoryEngine())
        store.save(trial("sums-single", findings=(FLAG, NOTE)))
        store.save(trial("sums-single", 1, findings=(NOTE,)))
        store.save(trial("sums-bigint", findings=(FLAG,), resolved=False))
        store.save(trial("words-spaces", 0, findings=(FLAG,)))
        store.save(trial("words-spaces", 1, findings=(FLAG,)))
        store.write("summary.json", to_json(summarise("script", mini, 2, store.results.values()).model_dump()))
    return place


def outcome(directory: Path, instance_id: str, attempt: int = 0) -> tuple[bool | None, bool]:
    (result,) = [each for each in read_results(directory) if (each.instance_id, each.attempt) == (instance_id, attempt)]
    return result.resolved, result.flagged


def summary_of(directory: Path) -> dict[str, int]:
    content = json.loads((directory / "summary.json").read_text(encoding="utf-8"))
    return {"resolved": content["total"]["resolved"], "scored": content["total"]["scored"], "flagged": content["flagged"]}


def one_line(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["review", *words]) == WRONG_INPUT
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1
    return said.err


async def test_a_solution_that_ends_the_process_is_flagged_not_counted_and_counted_when_cleared(mini, tmp_path, engine, config):
    suite = mini.select(["sums-single"])
    config = config.model_copy(update={"tasks": ("sums-single",), "attempts": 1})
    create = answer(("edit", {"command": "create", "path": "src/sum.ts", "new_text": SOLVES_AND_LEAVES}))
    reported: list[Result] = []
    with RunStore(tmp_path) as store:
        prepare(config, suite, store, engine)
        model = ScriptModel(create, answer(("bash", {"command": "curl https://example.org"})), answer(("submit", {})))
        await run(config, suite, store, engine, ToolAgent(model, config.limits), reported.append)
    assert [(result.verdict, result.resolved, result.flagged) for result in reported] == [("resolved", False, True)]
    record = read_trajectory(tmp_path / "trials/sums-single/0")
    assert record.grade is not None
    assert (record.grade.resolved, record.reward) == (True, None)
    assert [(finding.rule, finding.line) for finding in record.grade.integrity] == [("process_exit", 2), ("network_attempt", None)]
    summary = summarise("script", suite, 1, read_results(tmp_path))
    assert (summary.total.scored, summary.total.resolved, summary.flagged, summary.verdicts) == (1, 0, 1, {"flagged": 1})
    result, summary = decide(tmp_path, "sums-single", "clear", "a limit that was asked for")
    assert (result.resolved, result.flagged) == (True, True)
    assert (summary.total.resolved, summary.flagged, summary.verdicts) == (1, 0, {"resolved": 1})
    assert outcome(tmp_path, "sums-single") == (True, True)
    assert read_trajectory(tmp_path / "trials/sums-single/0").reward is None
    with RunStore(tmp_path) as store:
        assert pending(config, suite, store) == []


def test_only_passes_with_a_flag_are_flagged(directory):
    assert [(each.result.instance_id, each.result.attempt, each.review) for each in flagged_trials(directory)] == [
        ("sums-single", 0, None),
        ("words-spaces", 0, None),
        ("words-spaces", 1, None),
    ]
    assert summary_of(directory) == {"resolved": 1, "scored": 5, "flagged": 3}


def test_the_list_shows_findings_with_excerpts_as_they_are(directory, capsys):
    assert main(["review", str(directory)]) == OK
    said = capsys.readouterr().out
    assert "sums-single#0: flagged, not decided" in said
    assert "flag process_exit at src/sum.ts:3" in said
    assert "curl example.org [red]:smile:" in said
    assert "3 flagged, 3 to decide" in said
    assert main(["review", str(directory), "words-spaces#1"]) == OK
    assert "sums-single" not in capsys.readouterr().out


def test_nothing_that_an_agent_wrote_reaches_the_terminal_raw(directory):
    (trial, *_) = flagged_trials(directory)
    finding = Finding(rule="process_exit", weight="flag", path="src/\x1b[2J\u202e.ts", line=1, excerpt="[bold]\x1b]0;x\x07")
    screen = Screen()
    screen.out.file = io.StringIO()
    screen.flagged([FlaggedTrial(trial.result, trial.directory, (finding,), None)])
    said = screen.out.file.getvalue()
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert "[bold]\\x1b]0;x\\x07" in said


def test_a_cleared_pass_counts_and_a_confirmed_one_does_not(directory, capsys):
    assert main(["review", str(directory), "sums-single#0", "--clear", "--note", "it is a command line tool"]) == OK
    assert "2 of 5 scored attempts are resolved" in capsys.readouterr().out
    assert outcome(directory, "sums-single") == (True, True)
    assert summary_of(directory) == {"resolved": 2, "scored": 5, "flagged": 2}
    assert main(["review", str(directory), "words-spaces#1", "--confirm", "--note", "it leaves"]) == OK
    assert outcome(directory, "words-spaces", 1) == (False, True)
    assert summary_of(directory) == {"resolved": 2, "scored": 5, "flagged": 2}
    capsys.readouterr()
    assert main(["review", str(directory)]) == OK
    said = capsys.readouterr().out
    assert "it is a command line tool" in said
    assert "3 flagged, 1 to decide" in said


def test_a_decision_says_who_when_and_why_and_the_last_one_counts(directory):
    decide(directory, "sums-single", "clear", "fine")
    decide(directory, "sums-single", "confirm", "not fine")
    lines = [json.loads(line) for line in (directory / "reviews.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(line["instance_id"], line["attempt"], line["decision"], line["note"]) for line in lines] == [
        ("sums-single", 0, "clear", "fine"),
        ("sums-single", 0, "confirm", "not fine"),
    ]
    assert all(line["reviewer"] and line["reviewed_at"].endswith("+00:00") for line in lines)
    assert outcome(directory, "sums-single") == (False, True)
    with RunStore(directory) as store:
        assert store.results["sums-single", 0].resolved is False


def test_an_index_that_is_made_again_follows_the_decisions(directory):
    decide(directory, "sums-single", "clear", "fine")
    (directory / "results.jsonl").unlink()
    RunStore(directory).close()
    assert outcome(directory, "sums-single") == (True, True)
    assert outcome(directory, "words-spaces") == (False, True)


def test_a_trial_that_is_run_again_is_to_be_looked_at_again(directory):
    decide(directory, "sums-single", "clear", "fine")
    with RunStore(directory) as store:
        store.save(trial("sums-single", findings=(FLAG, FLAG)))
    assert outcome(directory, "sums-single") == (False, True)
    (again, *_) = flagged_trials(directory)
    assert again.review is None
    RunStore(directory).close()
    assert outcome(directory, "sums-single") == (False, True)


def test_a_torn_decision_decides_nothing_and_does_not_spoil_the_next(directory):
    (directory / "reviews.jsonl").write_bytes(b'{"schema_version":1,"instance_id":"sums-single","attempt":0,"decision":"cl')
    RunStore(directory).close()
    assert outcome(directory, "sums-single") == (False, True)
    decide(directory, "sums-single", "clear", "fine")
    assert read_reviews(directory)["sums-single", 0].note == "fine"
    assert outcome(directory, "sums-single") == (True, True)


@pytest.mark.parametrize("trial", ["zebra", "zebra#0", "sums-single#7", "sums-single#", "#0", ""])
def test_an_unknown_trial_is_told_in_one_line(directory, capsys, trial):
    assert "has no trial" in one_line(capsys, str(directory), trial, "--clear", "--note", "x")


@pytest.mark.parametrize("trial", ["sums-single#1", "sums-bigint", "sums-bigint#0"])
def test_a_trial_that_is_not_flagged_is_told_in_one_line(directory, capsys, trial):
    assert "is not flagged" in one_line(capsys, str(directory), trial, "--confirm", "--note", "x")
    assert "is not flagged" in one_line(capsys, str(directory), trial)
    assert not (directory / "reviews.jsonl").exists()


def test_a_run_that_is_none_is_told_in_one_line_and_not_made(tmp_path, capsys):
    assert "not a run directory" in one_line(capsys, str(tmp_path / "none"))
    assert "not a run directory" in one_line(capsys, str(tmp_path / "none"), "a", "--clear", "--note", "x")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--clear", "--note", "x"], "needs a trial"),
        (["sums-single", "--clear"], "needs a trial and a reason"),
        (["sums-single", "--confirm", "--note", " "], "reason"),
        (["sums-single", "--note", "x"], "--clear or --confirm"),
        (["words-spaces", "--clear", "--note", "x"], "words-spaces#0, words-spaces#1"),
    ],
)
def test_a_decision_that_is_not_whole_is_told_in_one_line(directory, capsys, words, said):
    assert said in one_line(capsys, str(directory), *words)
    assert not (directory / "reviews.jsonl").exists()


def test_a_run_at_which_another_process_works_is_left_alone(directory, capsys):
    with RunStore(directory):
        assert "another process" in one_line(capsys, str(directory), "sums-single", "--clear", "--note", "x")
        assert main(["review", str(directory)]) == OK
    assert not (directory / "reviews.jsonl").exists()


def test_numbers_of_another_suite_are_not_written(directory, capsys):
    about = json.loads((directory / "run.json").read_text(encoding="utf-8"))
    about["suite"]["digest"] = "0"
    (directory / "run.json").write_text(json.dumps(about), encoding="utf-8")
    assert "is not the one any more" in one_line(capsys, str(directory), "sums-single", "--clear", "--note", "x")
    assert not (directory / "reviews.jsonl").exists()


def test_the_table_of_a_run_says_how_many_passes_are_flagged(mini, directory):
    screen = Screen()
    screen.out.file = io.StringIO()
    screen.summary(summarise("script", mini, 2, read_results(directory)), directory)
    assert f"3 passes are flagged and not counted: harness review '{directory}'\n" in screen.out.file.getvalue()
