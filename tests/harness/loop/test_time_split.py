"""The clock's seconds, in the proportions of what the rollouts record."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from harness.loop.entry import Split
from harness.loop.time_split import split_of_run
from tests.leaderboard.synthetic import make_trajectory
from trajectories.store import RunStore


def run_of(place: Path, *times: tuple[float, float, float, float], boxes: float | None = None) -> Path:
    """Of each trajectory the seconds of the model, of tools, of grading, and of all."""
    with RunStore(place) as store:
        store.write("config.toml", "")
        for number, (model, tools, grading, whole) in enumerate(times):
            made = make_trajectory(f"t{number}", 0, "resolved", random.Random(0))
            count = len(made.turns)
            turns = tuple(each.model_copy(update={"latency_seconds": model / count, "tools_seconds": tools / count}) for each in made.turns)
            assert made.grade is not None
            grade = made.grade.model_copy(update={"duration_seconds": grading})
            store.save(made.model_copy(update={"turns": turns, "grade": grade, "duration_seconds": whole, "box_seconds": boxes}))
    return place


def test_two_at_once_share_the_clock(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", (6, 1, 2, 10), (2, 3, 4, 10))
    assert split_of_run(run, 10.0).model_dump() == pytest.approx({"model": 4.0, "tests": 5.0, "training": 0.0, "own": 1.0})


def test_boxes_are_of_the_tests_where_the_records_tell_them(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", (4, 1, 2, 10), (4, 1, 2, 10), boxes=2.0)
    assert split_of_run(run, 10.0).model_dump() == pytest.approx({"model": 4.0, "tests": 5.0, "training": 0.0, "own": 1.0})


def test_what_the_records_know_nothing_of_is_the_loops_own(tmp_path: Path) -> None:
    assert split_of_run(run_of(tmp_path / "run"), 3.0) == Split(own=3.0)


def test_records_that_cannot_be_read_count_for_nothing(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", (6, 1, 2, 10), (2, 3, 4, 10))
    (run / "trials/t1/0/trajectory.json").write_text("torn", encoding="utf-8")
    assert split_of_run(run, 10.0).model_dump() == pytest.approx({"model": 6.0, "tests": 3.0, "training": 0.0, "own": 1.0})


def test_splits_add_up() -> None:
    assert Split(model=1, tests=2) + Split(tests=3, training=4, own=5) == Split(model=1, tests=5, training=4, own=5)
    assert (Split(model=1, tests=2) + Split(own=5)).total == 8
