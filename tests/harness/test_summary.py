"""The numbers at the end of a run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.summary import summarise
from trajectories.store import Result
from trajectories.trajectory import Failure, Usage

EASY_ONE, EASY_TWO, MEDIUM = "sums-single", "words-spaces", "sums-bigint"


def result(instance_id: str, attempt: int = 0, *, resolved: bool | None = True, cost: float | None = None, turns: int = 4) -> Result:
    return Result(
        instance_id=instance_id,
        attempt=attempt,
        resolved=resolved,
        verdict=None if resolved is None else "resolved" if resolved else "still_failing",
        stop_reason=None if resolved is None else "submitted",
        failure=Failure(kind="sandbox", during="agent", message="gone") if resolved is None else None,
        turns=turns,
        usage=Usage(input_tokens=10, output_tokens=1),
        cost=cost,
        duration_seconds=float(turns),
        tries=1,
    )


def test_the_rate_is_the_mean_over_tasks_of_the_share_of_their_attempts(mini):
    results = [
        result(EASY_ONE, 0),
        result(EASY_ONE, 1),
        result(EASY_TWO, 0, resolved=False),
        result(EASY_TWO, 1),
        result(MEDIUM, 0, resolved=False),
        result(MEDIUM, 1, resolved=False),
    ]
    summary = summarise("m", mini, 2, results)
    assert (summary.model, summary.suite) == ("m", "mini")
    assert summary.total.model_dump() == {"name": "all", "tasks": 3, "attempts": 6, "scored": 6, "resolved": 3, "rate": pytest.approx(0.5)}
    assert [(group.name, group.tasks, group.rate) for group in summary.by_difficulty] == [("easy", 2, 0.75), ("medium", 1, 0.0)]
    assert [(group.name, group.tasks, group.rate) for group in summary.by_kind] == [("bug", 2, 0.75), ("types", 1, 0.0)]


def test_attempts_without_a_grade_count_for_nothing(mini):
    results = [
        result(EASY_ONE, 0),
        result(EASY_ONE, 1, resolved=None),
        result(EASY_TWO, 0, resolved=None),
        result(MEDIUM, 0, resolved=False),
    ]
    summary = summarise("m", mini, 2, results)
    assert (summary.total.attempts, summary.total.scored, summary.total.resolved, summary.total.rate) == (6, 2, 1, 0.5)
    assert summary.infrastructure_failures == 2
    easy, medium = summary.by_difficulty
    assert (easy.scored, easy.rate) == (1, 1.0)
    assert (medium.scored, medium.rate) == (1, 0.0)
    assert summary.verdicts == {"resolved": 1, "still_failing": 1}
    assert summary.stop_reasons == {"submitted": 2}


def test_tasks_with_fewer_scored_attempts_weigh_the_same(mini):
    results = [*(result(EASY_ONE, attempt, resolved=False) for attempt in range(4)), result(EASY_TWO, 0)]
    assert summarise("m", mini, 4, results).total.rate == 0.5


def test_nothing_scored_has_no_rate(mini):
    for results in ([], [result(EASY_ONE, resolved=None)]):
        summary = summarise("m", mini, 1, results)
        assert (summary.total.rate, summary.total.scored, summary.median_turns, summary.median_seconds) == (None, 0, None, None)
        assert all(group.rate is None for group in (*summary.by_difficulty, *summary.by_kind))


def test_results_of_other_tasks_or_of_further_attempts_are_left_out(mini):
    kept = [result(EASY_ONE, 0, resolved=False)]
    others = [result("somewhere-else", 0), result(EASY_ONE, 1), result(EASY_TWO, 5, resolved=None)]
    assert summarise("m", mini, 1, kept + others) == summarise("m", mini, 1, kept)
    assert summarise("m", mini.select([EASY_ONE]), 1, [*kept, result(EASY_TWO)]).total.resolved == 0


def test_tokens_and_costs_are_summed_failures_too_and_medians_are_of_the_scored(mini):
    results = [
        result(EASY_ONE, cost=0.5, turns=1),
        result(EASY_TWO, cost=0.25, turns=2),
        result(MEDIUM, cost=1.0, turns=100, resolved=None),
    ]
    summary = summarise("m", mini, 1, results)
    assert summary.usage == Usage(input_tokens=30, output_tokens=3)
    assert summary.cost == 1.75
    assert (summary.median_turns, summary.median_seconds) == (1.5, 1.5)


def test_without_prices_there_is_no_cost(mini):
    assert summarise("m", mini, 1, [result(EASY_ONE)]).cost is None


@given(outcomes=st.dictionaries(st.tuples(st.sampled_from([EASY_ONE, EASY_TWO, MEDIUM]), st.integers(0, 3)), st.none() | st.booleans()))
def test_the_groups_add_up_to_the_whole(mini, outcomes):
    results = [result(name, attempt, resolved=resolved) for (name, attempt), resolved in outcomes.items()]
    summary = summarise("m", mini, 4, results)
    for groups in (summary.by_difficulty, summary.by_kind):
        for column in ("tasks", "attempts", "scored", "resolved"):
            assert sum(getattr(group, column) for group in groups) == getattr(summary.total, column)
    assert summary.total.scored + summary.infrastructure_failures == len(outcomes)
    assert summary.total.rate is None or 0 <= summary.total.rate <= 1
    assert summarise("m", mini, 4, reversed(results)).total == summary.total
