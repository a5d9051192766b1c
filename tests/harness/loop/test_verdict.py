"""Promoted is what is shown not to be worse by the margin, or to be better; all else is rolled back."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev

import pytest
from scipy import stats

from harness.loop.config import Promotion
from harness.loop.verdict import Verdict, judge, outcomes_of, rate_of
from leaderboard.compare import lower_bound
from tests.leaderboard.synthetic import write_run

WON, LOST = "resolved", "wrong_fix"


def run_of(place: Path, solved: Sequence[int], attempts: int = 4) -> Path:
    """A run in which of each task's attempts so many are resolved."""
    outcomes = {f"task-{number:02d}": [WON] * passes + [LOST] * (attempts - passes) for number, passes in enumerate(solved)}
    return write_run(place, model=place.name, outcomes=outcomes, kilobytes=1)  # type: ignore[arg-type]


def judged(tmp_path: Path, before: Sequence[int], after: Sequence[int], champion: int | None = None, **rule: object) -> Verdict:
    first, second = run_of(tmp_path / "before", before), run_of(tmp_path / "after", after)
    return judge(first, second, champion_round=champion, round_number=3, rule=Promotion(**rule))  # type: ignore[arg-type]


BEFORE = [0, 1, 2, 3, 4, 2, 1, 0]
BETTER = [2, 3, 3, 4, 4, 3, 3, 1]


def test_the_bound_is_that_of_the_paired_t_test(tmp_path: Path) -> None:
    found = judged(tmp_path, BEFORE, BETTER)
    differences = [(b - a) / 4 for a, b in zip(BEFORE, BETTER, strict=True)]
    by_hand = fmean(differences) - stats.t.ppf(0.95, 7) * stdev(differences) / math.sqrt(8)
    by_scipy = stats.ttest_rel([b / 4 for b in BETTER], [a / 4 for a in BEFORE], alternative="greater").confidence_interval(0.95).low
    assert found.low == pytest.approx(by_hand) == pytest.approx(by_scipy)
    assert (found.champion_rate, found.rate) == (fmean(BEFORE) / 4, fmean(BETTER) / 4)
    assert found.comparison.difference == pytest.approx(fmean(differences))


def test_better_is_promoted_by_both_rules(tmp_path: Path) -> None:
    for number, rule in enumerate(("better", "not_worse")):
        found = judged(tmp_path / str(number), BEFORE, BETTER, rule=rule, margin=0.0)
        assert found.promoted
        assert found.low is not None
        assert found.low > 0


def test_as_good_is_promoted_where_the_margin_is_wider_than_the_doubt_and_never_as_better(tmp_path: Path) -> None:
    after = [1, 0, 3, 2, 4, 2, 1, 0]  # two up, two down
    error = stdev([0.25, -0.25, 0.25, -0.25, 0, 0, 0, 0]) / math.sqrt(8)
    low = -stats.t.ppf(0.95, 7) * error
    assert -0.14 < low < -0.12
    for number, (rule, margin, promoted) in enumerate((("not_worse", 0.14, True), ("not_worse", 0.12, False), ("better", 0.14, False))):
        found = judged(tmp_path / str(number), BEFORE, after, rule=rule, margin=margin)
        assert found.low == pytest.approx(low)
        assert found.promoted is promoted


def test_worse_is_rolled_back_though_nothing_is_separable(tmp_path: Path) -> None:
    """That a difference is not significant shows nothing: it is what was to be excluded that is not."""
    found = judged(tmp_path, BEFORE, [0, 1, 2, 2, 4, 1, 1, 0], rule="not_worse", margin=0.05)
    assert not found.comparison.separable
    assert not found.promoted
    # -0.0625 - 1.895 * 0.1157 / sqrt(8)
    assert found.words == (
        "rolled back: -6.2 points against the base on 8 tasks, -14.0 points or more with 95% confidence, wanted more than -5.0; "
        "0 tasks better, 2 worse"
    )


def test_the_bound_has_to_be_above_and_not_on_the_margin(tmp_path: Path) -> None:
    found = judged(tmp_path / "0", BEFORE, BETTER)
    assert found.low is not None
    worse = judged(tmp_path / "1", BETTER, BEFORE)
    assert worse.low is not None
    assert not judged(tmp_path / "2", BETTER, BEFORE, margin=-worse.low).promoted
    assert judged(tmp_path / "3", BETTER, BEFORE, margin=-worse.low + 1e-9).promoted


def test_one_task_proves_nothing(tmp_path: Path) -> None:
    found = judged(tmp_path, [0], [4], rule="not_worse", margin=0.99)
    assert (found.promoted, found.low) == (False, None)
    assert "not known with one task" in found.words


def test_no_spread_seen_is_not_none_there(tmp_path: Path) -> None:
    """All tasks as before: by the planning values of Miller's, and not by a spread of 0."""
    found = judged(tmp_path / "0", BEFORE, BEFORE, margin=0.05)
    planned = math.sqrt((1 / 9 + 2 * (1 / 6) / 4) / 8)  # between tasks and within, at four attempts each
    assert found.low is not None
    assert found.low < -0.05
    assert found.low == pytest.approx(-stats.t.ppf(0.95, 7) * planned)
    assert not found.promoted
    assert judged(tmp_path / "1", BEFORE, BEFORE, margin=0.5).promoted


def test_which_model_it_was_compared_with_is_said(tmp_path: Path) -> None:
    found = judged(tmp_path, BEFORE, BETTER, champion=2)
    assert (found.champion_round, found.comparison.first, found.comparison.second) == (2, "round 2", "round 3")
    assert "against round 2" in found.words
    assert Verdict.model_validate_json(found.model_dump_json()) == found


def test_attempts_without_a_grade_count_for_nothing_and_flagged_ones_are_not_resolved(tmp_path: Path) -> None:
    outcomes = {"a": [WON, "infrastructure"], "b": ["flagged", WON], "c": ["infrastructure", "infrastructure"]}
    run = write_run(tmp_path / "run", model="m", outcomes=outcomes, kilobytes=1)  # type: ignore[arg-type]
    assert outcomes_of(run) == {"a": (1, 1), "b": (1, 2)}
    assert outcomes_of(run, run) == {"a": (2, 2), "b": (2, 4)}
    assert rate_of(run).value == 0.75


def simulated(chance: random.Random, difference: float, tasks: int, attempts: int) -> tuple[Mapping[str, tuple[int, int]], ...]:
    """Outcomes of two models of which the second solves each task so much more often."""
    found: tuple[dict[str, tuple[int, int]], ...] = ({}, {})
    for number in range(tasks):
        rate = chance.uniform(0.2, 0.8 - difference)
        for outcomes, p in zip(found, (rate, rate + difference), strict=True):
            outcomes[str(number)] = (sum(chance.random() < p for _ in range(attempts)), attempts)
    return found


@pytest.mark.parametrize("difference", [0.0, 0.1])
def test_the_bound_is_below_the_truth_in_95_of_100(difference: float) -> None:
    chance = random.Random(7)
    bounds = [lower_bound(*simulated(chance, difference, 12, 2)) for _ in range(80)]
    below = fmean(low is not None and low < difference for low in bounds)
    # 95% of 80 have a standard error of 2.4 points.
    assert 0.88 <= below < 1
