"""Paired verdicts: two runs on the tasks that both have scored, and the ranks that follow from all such pairs.

The difference of two runs is over the same tasks, so what a task's difficulty adds to the spread falls out. The test is the exact
sign-flip test: if the runs were alike, each task's difference could as well have the other sign. With one attempt a task it is McNemar's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import fmean, stdev
from typing import Final

import numpy
from pydantic import BaseModel, ConfigDict
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as _mcnemar
from statsmodels.stats.multitest import multipletests

from leaderboard.estimates import CONFIDENCE, planned_spread, smallest_detectable

ALPHA: Final = 1 - CONFIDENCE

_MOST_WORK = 400_000_000
"""Additions that an exact p may take; beyond, signs are drawn at random."""
_DRAWS = 99_999

Outcomes = Mapping[str, tuple[int, int]]
"""(resolved, scored) attempts by task."""


class TaskChange(BaseModel):
    """A task that one run resolves more often than the other."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    instance_id: str
    first: float
    second: float


class McNemar(BaseModel):
    """For one attempt a task: tasks that only one of the runs resolved, and the tests on them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    only_first: int
    only_second: int
    exact_p: float
    mid_p: float
    chi_square: float
    chi_square_p: float


class Comparison(BaseModel):
    """`second` against `first`, by run keys: positive differences are in favour of `second`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: str
    second: str
    tasks: int
    """Shared: scored in both, in the same version."""
    difference: float
    low: float | None = None
    """The 95% interval by Student's t over tasks; None where the differences have no spread, or there is only one."""
    high: float | None = None
    standard_error: float | None = None
    p: float
    exact: bool
    """Whether `p` is from all sign flips; else from random ones."""
    t_p: float | None = None
    """Of the paired t-test; None where it is not defined."""
    p_holm: float
    """`p` corrected for all pairs of the suite's runs."""
    q_bh: float
    """Benjamini and Hochberg's, on the same pairs."""
    mcnemar: McNemar | None = None
    smallest_detectable: float
    """With 80% power at 5%, at this number of tasks and attempts and this spread."""
    separable: bool
    verdict: str
    gains: tuple[TaskChange, ...]
    """Tasks that `second` resolves more often."""
    regressions: tuple[TaskChange, ...]


@dataclass(frozen=True, slots=True)
class SignFlip:
    p: float
    mid_p: float
    exact: bool


def compare(first: Outcomes, second: Outcomes, *, names: tuple[str, str] = ("first", "second")) -> Comparison:
    """One pair, on the tasks that both have scored; ValueError when there is none. Nothing is corrected for other pairs."""
    shared = sorted(task for task in first.keys() & second.keys() if first[task][1] and second[task][1])
    if not shared:
        raise ValueError("no task is scored in both runs")
    return compare_all(dict(zip(names, (first, second), strict=True)), {names: shared})[0]


def lower_bound(first: Outcomes, second: Outcomes, confidence: float = CONFIDENCE) -> float | None:
    """The one-sided bound that the difference of `second` and `first` is above, by Student's t over the tasks that both have scored.

    A non-inferiority test is whether it is above minus the margin (Schuirmann 1987, one of his two one-sided tests). Where no task differs, no
    spread was seen, which does not mean that there is none: then Miller's planning values are used. None with fewer than two tasks.
    """
    shared = [task for task in first.keys() & second.keys() if first[task][1] and second[task][1]]
    if len(shared) < 2:
        return None
    differences = [float(Fraction(*second[task]) - Fraction(*first[task])) for task in shared]
    planned = planned_spread(*(fmean(of[task][1] for task in shared) for of in (first, second)))
    error = (stdev(differences) or math.sqrt(planned)) / math.sqrt(len(shared))
    return max(-1.0, fmean(differences) - error * float(stats.t.ppf(confidence, len(shared) - 1)))


def compare_all(outcomes: Mapping[str, Outcomes], shared: Mapping[tuple[str, str], Sequence[str]]) -> list[Comparison]:
    """The pairs of runs in `shared`, with p-values corrected over all of them.

    `outcomes` is by run key; `shared` gives the tasks that are scored in both runs of a pair, at least one.
    """
    found = [_compare(first, second, outcomes[first], outcomes[second], tasks) for (first, second), tasks in shared.items()]
    holm, bh = corrected([each.p for each in found])
    return [_with_verdict(each, p_holm, q_bh) for each, p_holm, q_bh in zip(found, holm, bh, strict=True)]


def corrected(p_values: Sequence[float]) -> tuple[list[float], list[float]]:
    """The p-values corrected for their number: Holm's, and Benjamini and Hochberg's."""
    if len(p_values) < 2:  # a loop's verdict: its library collects all garbage each time, which takes longer than all else of it
        return list(p_values), list(p_values)
    holm = multipletests(list(p_values), alpha=ALPHA, method="holm")[1]
    bh = multipletests(list(p_values), alpha=ALPHA, method="fdr_bh")[1]
    return [float(p) for p in holm], [float(p) for p in bh]


def sign_flip(differences: Sequence[Fraction]) -> SignFlip:
    """Two-sided p of the mean of paired differences, over all 2^T flips of their signs.

    The differences are fractions with few denominators, so all sums lie on a lattice, and their distribution comes from one addition of
    shifted vectors a task instead of 2^T sums. Equal to `scipy.stats.permutation_test(permutation_type="samples")` where that is exact, and
    to McNemar's exact test for differences of -1, 0 and 1. Where the lattice is too fine, scipy draws 99,999 flips with a fixed seed.
    """
    moved = [each for each in differences if each]
    if not moved:
        return SignFlip(1.0, 1.0, exact=True)
    scale = math.lcm(*(each.denominator for each in moved))
    steps = [int(each * scale) for each in moved]
    common = math.gcd(*steps)
    steps = [step // common for step in steps]
    reach = sum(map(abs, steps))
    if reach * len(steps) > _MOST_WORK:
        return _drawn([float(each) for each in moved])
    chances = numpy.zeros(reach + 1)  # of the sum of the steps whose sign is positive
    chances[0] = 1.0
    top = 0
    for step in map(abs, steps):
        chances[: top + step + 1] /= 2
        shifted = chances[: top + 1].copy()
        chances[step : top + step + 1] += shifted
        top += step
    sums = numpy.abs(2 * numpy.arange(reach + 1) - reach)
    observed = abs(sum(steps))
    beyond = float(chances[sums > observed].sum())
    equal = float(chances[sums == observed].sum())
    return SignFlip(min(1.0, beyond + equal), min(1.0, beyond + equal / 2), exact=True)


def mcnemar(only_first: int, only_second: int) -> McNemar:
    """McNemar's test on the tasks that only one of two runs resolved: exact, mid-p, and chi-square without a correction."""
    if not only_first + only_second:
        return McNemar(only_first=0, only_second=0, exact_p=1.0, mid_p=1.0, chi_square=0.0, chi_square_p=1.0)
    table = [[0, only_first], [only_second, 0]]
    chi_square = _mcnemar(table, exact=False, correction=False)
    return McNemar(
        only_first=only_first,
        only_second=only_second,
        exact_p=float(_mcnemar(table, exact=True).pvalue),
        mid_p=sign_flip([Fraction(1)] * only_second + [Fraction(-1)] * only_first).mid_p,
        chi_square=float(chi_square.statistic),
        chi_square_p=float(chi_square.pvalue),
    )


def ranks(runs: Iterable[str], comparisons: Iterable[Comparison]) -> dict[str, int]:
    """1 + how many of the runs are separably better. Runs of the same rank are a tie group."""
    better = dict.fromkeys(runs, 0)
    for each in comparisons:
        if each.separable and each.first in better and each.second in better:
            better[each.first if each.difference > 0 else each.second] += 1
    return {key: 1 + count for key, count in better.items()}


def _compare(first: str, second: str, of_first: Outcomes, of_second: Outcomes, tasks: Sequence[str]) -> Comparison:
    shares = {task: (Fraction(*of_first[task]), Fraction(*of_second[task])) for task in tasks}
    differences = [b - a for a, b in shares.values()]
    mean = float(sum(differences) / len(differences))
    error = stdev(map(float, differences)) / math.sqrt(len(tasks)) if len(tasks) > 1 else None
    margin = None if not error else error * float(stats.t.ppf(0.5 + CONFIDENCE / 2, len(tasks) - 1))
    flips = sign_flip(differences)
    once = all(of_first[task][1] == of_second[task][1] == 1 for task in tasks)
    spread = error**2 * len(tasks) if error else planned_spread(*(fmean(of[task][1] for task in tasks) for of in (of_first, of_second)))
    changes = [TaskChange(instance_id=task, first=float(a), second=float(b)) for task, (a, b) in shares.items() if a != b]
    return Comparison(
        first=first,
        second=second,
        tasks=len(tasks),
        difference=mean,
        low=None if margin is None else max(-1.0, mean - margin),
        high=None if margin is None else min(1.0, mean + margin),
        standard_error=error,
        p=flips.p,
        exact=flips.exact,
        t_p=_paired_t([float(a) for a, _ in shares.values()], [float(b) for _, b in shares.values()]) if error else None,
        p_holm=flips.p,
        q_bh=flips.p,
        mcnemar=mcnemar(differences.count(Fraction(-1)), differences.count(Fraction(1))) if once else None,
        smallest_detectable=smallest_detectable(len(tasks), spread),
        separable=False,
        verdict="",
        gains=tuple(sorted((each for each in changes if each.second > each.first), key=_size)),
        regressions=tuple(sorted((each for each in changes if each.second < each.first), key=_size)),
    )


def _with_verdict(found: Comparison, p_holm: float, q_bh: float) -> Comparison:
    separable = p_holm < ALPHA
    if separable:
        verdict = f"{'better' if found.difference > 0 else 'worse'} by {abs(found.difference) * 100:.1f} points"
    else:
        verdict = f"not separable at this n; smallest detectable difference {found.smallest_detectable * 100:.1f} points"
    return found.model_copy(update={"p_holm": p_holm, "q_bh": q_bh, "separable": separable, "verdict": verdict})


def _paired_t(first: Sequence[float], second: Sequence[float]) -> float:
    return float(stats.ttest_rel(second, first).pvalue)


def _size(change: TaskChange) -> tuple[float, str]:
    return -abs(change.second - change.first), change.instance_id


def _drawn(differences: Sequence[float]) -> SignFlip:
    drawn = stats.permutation_test(
        (numpy.array(differences),),
        numpy.mean,
        permutation_type="samples",
        n_resamples=_DRAWS,
        rng=numpy.random.default_rng(0),
        vectorized=True,
        batch=1000,
    )
    return SignFlip(float(drawn.pvalue), float(drawn.pvalue), exact=False)
