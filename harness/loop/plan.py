"""What a loop would do: how many trials, tokens, how much time and money, and what its evaluations can tell. Nothing is started."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import stats

from harness.loop.config import LoopConfig, Started
from harness.loop.entry import Entry
from harness.loop.inputs import suites_of
from harness.loop.ledger import current, read_ledger
from harness.loop.numbers import Evaluated, Tried
from harness.loop.refusals import refuse
from harness.run import source_commit
from leaderboard.compare import ALPHA
from leaderboard.estimates import planned_spread, smallest_detectable
from tasks.suite import Suite


@dataclass(frozen=True, slots=True)
class Plan:
    train: Suite
    held_out: Suite
    trials: int
    """Of one round's sampling, at most."""
    evaluated: int
    """Trials of one evaluation."""
    tokens: float
    """Of the whole loop, read and written."""
    hours: float
    cost: float | None
    smallest: float
    """Difference of two evaluations that shows with 80% power at 5%."""
    chance: float
    """That a model which is as good as the best is promoted."""
    measured: bool
    """Whether tokens and time are from rounds that are done, and not from `expect`."""


def make_plan(config: LoopConfig) -> Plan:
    """ConfigError and TaskError for what would stop the loop before its first round."""
    train, held_out = suites_of(config)
    refuse(config, train, held_out)
    curriculum = config.sample.curriculum
    tasks = min(len(train.tasks), curriculum.tasks or len(train.tasks))
    trials = tasks * sum(mix.attempts for mix in config.sample.mix)
    evaluated = len(held_out.tasks) * config.evaluate.attempts
    evaluations = config.rounds + (2 if config.cold_start is not None else 1)
    whole = config.rounds * trials + evaluations * evaluated
    entries = list(current(read_ledger(config.directory)))
    known = [
        (entry, entry.numbers.trials) for entry in entries if entry.step in _OF_THE_MODEL and isinstance(entry.numbers, Evaluated | Tried)
    ]
    expect = config.expect
    done = sum(trials for _, trials in known)
    if done:
        tokens = sum(entry.tokens for entry, _ in known) / done * whole
        hours = sum(entry.seconds for entry, _ in known) / done * whole / 3600
        costs = [entry.cost for entry, _ in known if entry.cost is not None]
        cost = sum(costs) / done * whole if costs else None
        hours += _training_hours(config, entries)
    else:
        written = whole * expect.turns * expect.output_tokens
        read = whole * expect.turns * expect.input_tokens
        tokens = read + written
        learnt = (
            config.rounds * trials * (expect.input_tokens + expect.turns * expect.output_tokens) / 2
        )  # half of the trials, if all goes well
        hours = (written / expect.tokens_per_second + learnt / expect.training_tokens_per_second) / 3600
        prices = config.rollouts.prices
        cost = (read * prices.input + written * prices.output) / 1e6 if prices is not None else None
    attempts = config.evaluate.attempts
    spread = planned_spread(attempts, attempts)
    return Plan(
        train=train,
        held_out=held_out,
        trials=trials,
        evaluated=evaluated,
        tokens=tokens,
        hours=hours,
        cost=cost,
        smallest=smallest_detectable(len(held_out.tasks), spread),
        chance=_chance(config, len(held_out.tasks), spread),
        measured=bool(done),
    )


def sentences(plan: Plan, config: LoopConfig) -> list[str]:
    train, held_out = plan.train, plan.held_out
    rule = config.promotion
    wanted = f"worse by less than {100 * rule.margin:g} points" if rule.rule == "not_worse" else "better"
    server = config.serve
    served = f"{server.engine}, {_TURNS[server.turns]}" if isinstance(server, Started) else f"{server.base_url}, which others run"
    cost = f", cost {plan.cost:,.2f}" if plan.cost is not None else ""
    start = f", after demonstrations ({config.cold_start.kind})" if config.cold_start is not None else ""
    return [
        f"{config.rounds} rounds of {config.base.model}{start}, in {config.directory}",
        f"served by {served}",
        f"sampled on {train.name}: {len(train.tasks)} tasks, at most {plan.trials} trials a round in {len(config.sample.mix)} kinds",
        f"evaluated on {held_out.name}: {len(held_out.tasks)} tasks, {plan.evaluated} trials each time; the suites share nothing",
        f"about {plan.tokens / 1e6:,.1f} million tokens, {plan.hours:,.1f} hours{cost} ({'by what is done' if plan.measured else 'by the numbers of [expect]'})",
        f"smallest difference that an evaluation shows: {100 * plan.smallest:.1f} points (80% power at 5%)",
        f"promoted when {wanted} with 95% confidence: a model as good as the best has a chance of {100 * plan.chance:.0f}%",
        *([f"harness {source_commit()}"] if source_commit() else []),
    ]


_OF_THE_MODEL = ("base", "sample", "evaluation")
"""Steps whose trials are its own: demonstrations are by others."""
_TURNS = {"stop": "stopped while training runs", "sleep": "asleep while training runs", "together": "beside training"}


def _chance(config: LoopConfig, tasks: int, spread: float) -> float:
    """Power of the one-sided test at a true difference of 0, by the normal approximation."""
    if tasks < 2:
        return 0.0
    margin = config.promotion.margin if config.promotion.rule == "not_worse" else 0.0
    return float(stats.norm.cdf(margin / math.sqrt(spread / tasks) - stats.norm.ppf(1 - ALPHA)))


def _training_hours(config: LoopConfig, entries: Sequence[Entry]) -> float:
    trained = [entry.seconds for entry in entries if entry.step in ("train", "expect", "export")]
    rounds = len({entry.round for entry in entries if entry.step == "train"})
    return sum(trained) / max(rounds, 1) * config.rounds / 3600
