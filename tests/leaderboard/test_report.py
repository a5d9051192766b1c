"""The report as one value: pairs, ranks, warnings, JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from leaderboard.anatomy import CAUSES
from leaderboard.report import Report, build_report, scores_csv, trials_csv
from leaderboard.runs import read_runs
from tests.leaderboard.synthetic import write_run


def report_of(*places: Path) -> Report:
    return build_report(*read_runs(places))


def test_the_json_is_the_report(few_runs: list[Path]):
    report = report_of(*few_runs)
    assert Report.model_validate_json(report.to_json()).to_json() == report.to_json()
    assert list(json.loads(report.to_json())["causes"]) == list(CAUSES)


def test_runs_are_paired_on_what_both_scored_in_the_same_version(tmp_path: Path):
    first = write_run(
        tmp_path / "a", model="a", outcomes={"t": ["resolved"], "u": ["resolved"], "v": ["infrastructure"], "w": ["resolved"]}
    )
    second = write_run(
        tmp_path / "b",
        model="b",
        outcomes={"t": ["wrong_fix"], "u": ["wrong_fix"], "v": ["resolved"], "x": ["resolved"]},
        digests={"u": "other"},
    )
    (pair,) = report_of(first, second).comparisons
    assert (pair.tasks, pair.difference) == (1, -1.0)
    assert [each.instance_id for each in pair.regressions] == ["t"]


def test_runs_that_share_no_task_are_not_paired(tmp_path: Path):
    places = [write_run(tmp_path / name, model=name, outcomes={f"only-{name}": ["resolved"]}) for name in ("a", "b")]
    report = report_of(*places)
    assert report.comparisons == ()
    assert any("cover different tasks" in warning for warning in report.warnings)


def test_pairs_are_corrected_within_their_suite(tmp_path: Path):
    tasks = [f"t{number}" for number in range(7)]
    places = [
        write_run(tmp_path / suite / name, model=name, outcomes={task: [outcome] for task in tasks}, suite=suite)
        for suite, runs in (("one", ("good", "bad")), ("two", ("good", "bad", "worse")))
        for name, outcome in zip(runs, ("resolved", "wrong_fix", "wrong_fix"), strict=False)
    ]
    report = report_of(*places)
    by_pair = {(each.first, each.second): each for each in report.comparisons}
    assert by_pair["good", "bad"].p_holm == by_pair["good", "bad"].p  # one pair in its suite
    assert by_pair["good-2", "bad-2"].p_holm > by_pair["good-2", "bad-2"].p
    assert any("different suites (one, two)" in warning for warning in report.warnings)
    assert list(report.suites) == ["one", "two"]


def test_a_run_of_few_tasks_has_no_rank(tmp_path: Path):
    tasks = [f"t{number}" for number in range(5)]
    whole = write_run(tmp_path / "whole", model="whole", outcomes={task: ["wrong_fix"] for task in tasks})
    part = write_run(tmp_path / "part", model="part", outcomes={"t0": ["resolved"], "t1": ["resolved"]})
    report = report_of(part, whole)
    assert [(run.key, run.rank) for run in report.runs] == [("whole", 1), ("part", None)]


def test_two_runs_of_one_model_are_told_apart(tmp_path: Path):
    places = [write_run(tmp_path / name, model="m", outcomes={"t": ["resolved"]}) for name in ("left", "right")]
    assert sorted(run.label for run in report_of(*places).runs) == ["m (left)", "m (right)"]


def test_the_csvs_hold_every_run_and_every_try(few_runs: list[Path]):
    report = report_of(*few_runs)
    scores = list(csv.DictReader(io.StringIO(scores_csv(report))))
    assert [row["run"] for row in scores] == [run.key for run in report.runs]
    assert [float(row["rate"]) for row in scores] == [round(run.score.rate.value, 9) for run in report.runs if run.score.rate]
    trials = list(csv.DictReader(io.StringIO(trials_csv(report))))
    assert len(trials) == sum(len(run.trials) + len(run.retries) for run in report.runs)
    assert {row["failed_try"] for row in trials} == {"", "1"}


def test_no_cell_is_a_formula(tmp_path: Path):
    place = write_run(tmp_path / "r", model="=HYPERLINK(1)", outcomes={"t": ["resolved"]})
    report = report_of(place)
    for text in (scores_csv(report), trials_csv(report)):
        assert not [cell for row in csv.reader(io.StringIO(text)) for cell in row if cell[:1] in ("=", "+", "-", "@")]


def test_a_model_that_is_called_by_its_directory_is_shown_by_its_end(tmp_path: Path):
    first = write_run(tmp_path / "one", model="/home/someone/loops/round-1/export", outcomes={"t": ["resolved"]})
    assert [run.label for run in report_of(first).runs] == ["round-1/export"]
