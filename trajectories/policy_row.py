"""What one rollout is to a trainer that learns on policy: one prompt, one completion with the tools' tokens masked, and a reward.

Such a trainer lays out a group of k attempts as k rows, so every rollout gives exactly one. One that cannot be learned from gives a row without
loss and with the reason; whether it has a reward is another matter:

- no grade, or a flagged pass: no reward. It says nothing about the policy, and must not move the mean that its group is measured against.
- a grade, and tokens that are not one sequence: the reward is the policy's and counts in that mean; only this row's own share of the gradient
  is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from trajectories.rows import token_rows
from trajectories.trajectory import Trajectory

LeftOut = Literal["failed", "flagged", "silent", "untold", "branched", "too_long"]
"""Why a rollout carries no loss. `failed`: the infrastructure, there is no grade; `flagged`: a pass that does not count; `silent`: the model gave
no answer; `untold`: the server did not tell the tokens or the logprobs of a turn; `branched`: a turn's prompt does not begin with what stood
there before; `too_long`: more tokens than the trainer takes."""


@dataclass(frozen=True, slots=True)
class PolicyRow:
    prompt_ids: tuple[int, ...]
    """Up to the model's first token."""
    completion_ids: tuple[int, ...]
    """From there on to its last: what it wrote, and what its tools and the template said in between."""
    mask: tuple[int, ...]
    """1 for each token of the completion that the model sampled."""
    logprobs: tuple[float, ...]
    """As sampled, natural logarithms, one a token of the completion; 0.0 where the mask is 0."""
    reward: float | None
    left_out: LeftOut | None
    """None: it is learned from."""


def policy_row(trajectory: Trajectory, *, longest: int | None = None) -> PolicyRow:
    """The one row of a rollout; `longest` is in tokens, prompt and completion together."""
    reward = trajectory.reward
    if reward is None:
        return _without_loss(None, "failed" if trajectory.grade is None else "flagged")
    if not trajectory.turns:
        return _without_loss(reward, "silent")
    try:
        rows = token_rows(trajectory, {})
    except ValueError:
        return _without_loss(reward, "untold")
    if len(rows) > 1:
        return _without_loss(reward, "branched")
    [row] = rows
    if 1 not in row.loss_mask:
        return _without_loss(reward, "silent")
    start = row.loss_mask.index(1)
    if row.logprobs is None or start == 0:
        return _without_loss(reward, "untold")
    if longest is not None and len(row.input_ids) > longest:
        return _without_loss(reward, "too_long")
    return PolicyRow(
        prompt_ids=row.input_ids[:start],
        completion_ids=row.input_ids[start:],
        mask=row.loss_mask[start:],
        logprobs=tuple(0.0 if logprob is None else logprob for logprob in row.logprobs[start:]),
        reward=reward,
        left_out=None,
    )


def _without_loss(reward: float | None, reason: LeftOut) -> PolicyRow:
    """A row for the place in its group. Trainers take no empty one: it holds token 0, which every vocabulary has."""
    return PolicyRow(prompt_ids=(0,), completion_ids=(0,), mask=(0,), logprobs=(0.0,), reward=reward, left_out=reason)
