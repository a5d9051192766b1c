"""The plan: what it counts can be counted, and its chance is the share that a simulation promotes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy
import pytest

from benchmarks.small_suite import write_suite
from harness.config import ConfigError
from harness.loop.config import LoopConfig
from harness.loop.plan import make_plan, sentences
from leaderboard.compare import lower_bound
from tasks.errors import TaskError
from tests.harness.loop.files import done, evaluated, loop_config


def small(place: Path, **changes: Any) -> LoopConfig:
    write_suite(place / "suite", train=3, held_out=2, tasks=2)
    return loop_config(place, **changes)


def test_before_anything_is_measured_it_reckons_with_what_is_expected(tmp_path: Path) -> None:
    expect = {"turns": 10, "input_tokens": 1000, "output_tokens": 100, "tokens_per_second": 50, "training_tokens_per_second": 400}
    prices = {"input": 1.0, "output": 4.0}
    mix = [{"attempts": 2}, {"attempts": 1, "thinking": "off"}]
    config = small(tmp_path, expect=expect, rollouts__prices=prices, sample__mix=mix, rounds=3)
    plan = make_plan(config)
    assert (len(plan.train.tasks), len(plan.held_out.tasks), plan.trials, plan.evaluated) == (6, 4, 18, 8)
    trials = 3 * 18 + 4 * 8  # the base's evaluation, and one a round
    assert plan.tokens == trials * 10 * 1100
    assert plan.cost == pytest.approx(trials * 10 * (1000 * 1.0 + 100 * 4.0) / 1e6)
    learnt = 3 * 18 * (1000 + 10 * 100) / 2
    assert plan.hours == pytest.approx((trials * 1000 / 50 + learnt / 400) / 3600)
    assert not plan.measured
    words = "\n".join(sentences(plan, config))
    assert "3 rounds of" in words
    assert "at most 18 trials a round in 2 kinds" in words
    assert "by the numbers of [expect]" in words
    assert f"smallest difference that an evaluation shows: {100 * plan.smallest:.1f} points" in words


async def test_afterwards_it_reckons_with_what_was_measured_of_the_model(tmp_path: Path) -> None:
    config = small(tmp_path, cold_start={"kind": "oracle"})
    await evaluated(config.directory, 0, "base", {"a": ["resolved"] * 4}, tokens=4000, cost=2.0)
    await evaluated(config.directory, 0, "demonstrations", {"a": ["resolved"] * 40})  # by others, and for nothing
    plan = make_plan(config)
    trials = 2 * 12 + 4 * 8  # two rounds' sampling; the base, the warm start and two rounds evaluated
    assert plan.measured
    assert plan.tokens == 1000 * trials
    assert plan.cost == pytest.approx(0.5 * trials)
    before = plan.hours
    await done(config.directory, 1, "train", before=3600.0)
    assert make_plan(config).hours == pytest.approx(before + 2.0, rel=0.01)


@pytest.mark.parametrize(("margin", "attempts"), [(0.0, 4), (0.2, 4), (0.4, 1)])
def test_the_chance_is_the_share_of_equals_that_are_promoted(tmp_path: Path, margin: float, attempts: int) -> None:
    """Equals as Miller's planning values have them: what differs between tasks varies by 1/9, an attempt about its task's rate by 1/6."""
    write_suite(tmp_path / "suite", train=1, held_out=6, tasks=4)
    config = loop_config(tmp_path, promotion={"margin": margin}, evaluate__attempts=attempts)
    plan = make_plan(config)
    tasks = len(plan.held_out.tasks)
    draw = numpy.random.default_rng(0)
    differences = draw.normal(0, math.sqrt(1 / 9 + 2 / 6 / attempts), (4000, tasks))
    error = differences.std(axis=1, ddof=1) / math.sqrt(tasks)
    from scipy import stats

    promoted = (differences.mean(axis=1) - stats.t.ppf(0.95, tasks - 1) * error > -margin).mean()
    assert plan.chance == pytest.approx(promoted, abs=0.04)


def test_with_one_task_nothing_is_ever_promoted(tmp_path: Path) -> None:
    write_suite(tmp_path / "suite", train=1, held_out=1, tasks=1)
    assert make_plan(loop_config(tmp_path)).chance == 0
    assert lower_bound({"a": (1, 4)}, {"a": (4, 4)}) is None


def test_what_would_stop_the_loop_stops_the_plan(tmp_path: Path) -> None:
    with pytest.raises(TaskError):
        make_plan(small(tmp_path / "a", evaluate__split="train"))
    with pytest.raises(TaskError):
        make_plan(small(tmp_path / "b", evaluate__split="no-such"))
    config = small(tmp_path / "c")
    config.training.config.unlink()
    with pytest.raises(ConfigError, match=r"sft\.toml: No such file"):
        make_plan(config)


def test_a_cap_of_the_curriculum_is_a_cap_of_the_trials(tmp_path: Path) -> None:
    assert make_plan(small(tmp_path / "a", sample__curriculum={"tasks": 2})).trials == 4
    assert make_plan(small(tmp_path / "b", sample__curriculum={"tasks": 200})).trials == 12
