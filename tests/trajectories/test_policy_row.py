"""One row a rollout: loss on what the model sampled and on nothing else, and no reward where there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.task import Finding
from trajectories.policy_row import PolicyRow, policy_row
from trajectories.segments import token_turns
from trajectories.trajectory import Failure, Trajectory, Turn, TurnTokens, Usage

Make = Callable[..., Trajectory]


def turns_of(*tokens: TurnTokens | None) -> tuple[Turn, ...]:
    return tuple(Turn(message_index=2, finish_reason="", usage=Usage(), latency_seconds=0, tokens=each) for each in tokens)


TWO_TURNS = turns_of(
    TurnTokens(shared=0, prompt=(1, 2, 3), completion=(4, 5), logprobs=(-0.5, -0.25)),
    TurnTokens(shared=5, prompt=(6, 7), completion=(8,), logprobs=(-1.0,)),
)


def without_loss(reward: float | None, reason: Any) -> PolicyRow:
    return PolicyRow((0,), (0,), (0,), (0.0,), reward, reason)


def test_what_tools_said_between_the_turns_is_masked(make_trajectory: Make) -> None:
    assert policy_row(make_trajectory(turns=TWO_TURNS)) == PolicyRow(
        prompt_ids=(1, 2, 3),
        completion_ids=(4, 5, 6, 7, 8),
        mask=(1, 1, 0, 0, 1),
        logprobs=(-0.5, -0.25, 0.0, 0.0, -1.0),
        reward=1.0,
        left_out=None,
    )


def test_a_failed_attempt_at_the_task_has_a_reward_of_0_and_is_learned_from(make_trajectory: Make, make_grade: Callable[..., Any]) -> None:
    row = policy_row(make_trajectory(turns=TWO_TURNS, grade=make_grade(resolved=False, verdict="still_failing")))
    assert (row.reward, row.left_out, row.mask) == (0.0, None, (1, 1, 0, 0, 1))


def test_what_the_infrastructure_failed_has_no_reward(make_trajectory: Make) -> None:
    failure = Failure(kind="server", during="agent", message="gone")
    assert policy_row(make_trajectory(turns=TWO_TURNS, grade=None, stop_reason=None, failure=failure)) == without_loss(None, "failed")


def test_a_flagged_pass_has_no_reward(make_trajectory: Make, make_grade: Callable[..., Any]) -> None:
    finding = Finding(rule="process_exit", weight="flag", path="src/a.ts", line=1, excerpt="process.exit(0)")
    assert policy_row(make_trajectory(turns=TWO_TURNS, grade=make_grade(integrity=(finding,)))) == without_loss(None, "flagged")


REWRITTEN = TurnTokens(shared=2, prompt=(9, 9, 9, 6), completion=(8,), logprobs=(-1.0,))
FIRST = TWO_TURNS[0].tokens
assert FIRST is not None


@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        ((), "silent"),
        (turns_of(FIRST.model_copy(update={"completion": (), "logprobs": ()})), "silent"),
        (turns_of(FIRST, None), "untold"),
        (turns_of(None, FIRST), "untold"),
        (turns_of(FIRST.model_copy(update={"logprobs": None}), TWO_TURNS[1].tokens), "untold"),
        (turns_of(FIRST.model_copy(update={"prompt": ()})), "untold"),
        (turns_of(FIRST, REWRITTEN), "branched"),
    ],
)
def test_tokens_that_are_not_one_sequence_carry_no_loss_but_the_reward_stands(make_trajectory: Make, turns: Any, reason: str) -> None:
    assert policy_row(make_trajectory(turns=turns)) == without_loss(1.0, reason)


def test_a_row_as_long_as_may_be_is_learned_from_and_a_longer_one_is_not(make_trajectory: Make) -> None:
    trajectory = make_trajectory(turns=TWO_TURNS)
    assert policy_row(trajectory, longest=8).left_out is None
    assert policy_row(trajectory, longest=7) == without_loss(1.0, "too_long")


@st.composite
def conversations(draw: st.DrawFn) -> list[TurnTokens]:
    """Turns that mostly go on where the one before ended, with what tools said in between."""
    ids = st.lists(st.integers(0, 9), max_size=4)
    before, turns = 0, []
    for number in range(draw(st.integers(1, 4))):
        prompt, completion = draw(ids) or [1], draw(ids)
        shared = before if number == 0 or draw(st.integers(0, 9)) else before - 1
        turns.append(TurnTokens(shared=shared, prompt=tuple(prompt), completion=tuple(completion), logprobs=(-0.5,) * len(completion)))
        before = shared + len(prompt) + len(completion)
    return turns


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(turns=conversations())
def test_a_row_is_the_last_context_and_its_loss_is_on_every_answer(make_trajectory: Make, turns: list[TurnTokens]) -> None:
    trajectory = make_trajectory(turns=turns_of(*turns))
    told = [turn for turn in token_turns(trajectory) if turn is not None]
    row = policy_row(trajectory)
    if row.left_out is not None:
        assert row == without_loss(1.0, row.left_out)
        assert row.left_out == "branched" or not any(turn.completion for turn in told)
        return
    places = [place for turn in told for place in range(len(turn.prompt), len(turn.prompt) + len(turn.completion))]
    assert row.prompt_ids + row.completion_ids == told[-1].prompt + told[-1].completion
    assert [place - len(row.prompt_ids) for place in places] == [place for place, learned in enumerate(row.mask) if learned]
    assert row.logprobs == tuple(-0.5 if learned else 0.0 for learned in row.mask)
