"""Whether a round's model takes the place of the best so far: by both on the same held-out tasks, with the same attempts and seeds."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from harness.loop.config import Promotion
from leaderboard.compare import Comparison, compare, lower_bound
from leaderboard.estimates import Estimate, rate_with_interval
from trajectories.store import read_index

VERDICT: Final = "verdict.json"
"""In the place of the step."""


class Verdict(BaseModel):
    """What the file holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    promoted: bool
    rule: Literal["not_worse", "better"]
    margin: float
    low: float | None
    """One-sided 95% bound of the difference; None with fewer than two tasks."""
    champion_round: int | None
    """Whose model the round's was compared with; None: the base."""
    champion_rate: float
    rate: float
    comparison: Comparison
    words: str


def outcomes_of(*runs: Path) -> dict[str, tuple[int, int]]:
    """(resolved, scored) attempts by task, over all the runs."""
    counts: dict[str, tuple[int, int]] = {}
    for run in runs:
        for result in read_index(run)[0]:
            if result.resolved is not None:
                resolved, scored = counts.get(result.instance_id, (0, 0))
                counts[result.instance_id] = (resolved + result.resolved, scored + 1)
    return counts


def rate_of(run: Path) -> Estimate:
    return rate_with_interval(list(outcomes_of(run).values()))


def judge(champion: Path, candidate: Path, *, champion_round: int | None, round_number: int, rule: Promotion) -> Verdict:
    before, after = outcomes_of(champion), outcomes_of(candidate)
    champion_name = "the base" if champion_round is None else f"round {champion_round}"
    found = compare(before, after, names=(champion_name, f"round {round_number}"))
    low = lower_bound(before, after)
    least = -rule.margin if rule.rule == "not_worse" else 0.0
    promoted = low is not None and low > least
    bound = "not known with one task" if low is None else f"{100 * low:+.1f} points or more with 95% confidence"
    wanted = f"more than {100 * least:+.1f}"
    words = (
        f"{'promoted' if promoted else 'rolled back'}: {100 * found.difference:+.1f} points against {champion_name} on {found.tasks} tasks, {bound}, "
        f"wanted {wanted}; {len(found.gains)} tasks better, {len(found.regressions)} worse"
    )
    return Verdict(
        promoted=promoted,
        rule=rule.rule,
        margin=rule.margin,
        low=low,
        champion_round=champion_round,
        champion_rate=rate_of(champion).value,
        rate=rate_of(candidate).value,
        comparison=found,
        words=words,
    )
