"""Paired verdicts, against reference values, scipy where it is exact, and what must hold of any pair."""

from __future__ import annotations

from fractions import Fraction

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from leaderboard.compare import Comparison, compare_all, corrected, mcnemar, ranks, sign_flip

FIRST = {"a": (1, 3), "b": (0, 3), "c": (3, 3), "d": (0, 3), "e": (2, 3)}
SECOND = {"a": (2, 3), "b": (0, 3), "c": (3, 3), "d": (1, 3), "e": (2, 3)}


def pair(first: dict[str, tuple[int, int]], second: dict[str, tuple[int, int]]) -> Comparison:
    return compare_all({"first": first, "second": second}, {("first", "second"): sorted(first.keys() & second.keys())})[0]


def test_a_paired_difference_has_its_reference_values():
    found = pair(FIRST, SECOND)
    assert (found.difference, found.standard_error, found.t_p, found.p) == pytest.approx((0.133333, 0.081650, 0.177808, 0.5), abs=1e-6)
    assert found.exact
    assert [each.instance_id for each in found.gains] == ["a", "d"]
    assert found.regressions == ()


def test_the_interval_is_students():
    found = pair(FIRST, SECOND)
    differences = [1 / 3, 0, 0, 1 / 3, 0]
    low, high = stats.t.interval(0.95, 4, loc=numpy.mean(differences), scale=stats.sem(differences))
    assert (found.low, found.high) == pytest.approx((low, high))


def test_mcnemar_has_its_reference_values():
    found = mcnemar(12, 4)
    assert (found.exact_p, found.mid_p, found.chi_square, found.chi_square_p) == pytest.approx(
        (0.0768127, 0.0490417, 4.0, 0.0455003), abs=1e-7
    )
    assert mcnemar(86, 150).chi_square == pytest.approx(17.35593, abs=1e-5)  # Agresti's table 794/86/150/570


def test_agreement_on_everything_has_no_disagreement_to_test():
    assert (mcnemar(0, 0).exact_p, mcnemar(0, 0).mid_p, mcnemar(0, 0).chi_square) == (1.0, 1.0, 0.0)


def test_corrections_have_their_reference_values():
    holm, bh = corrected([0.01, 0.04, 0.03, 0.005])
    assert holm == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert bh == pytest.approx([0.02, 0.04, 0.04, 0.02])
    assert corrected([]) == ([], [])
    assert corrected([0.04]) == ([0.04], [0.04])


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(-4, 4), st.sampled_from([1, 2, 3, 4])), min_size=2, max_size=9))
def test_the_exact_p_is_scipys(steps: list[tuple[int, int]]):
    differences = [Fraction(max(-n, min(n, step)), n) for step, n in steps]
    found = sign_flip(differences)
    # In whole numbers, so that scipy compares sums without rounding.
    whole = numpy.array([float(each * 12) for each in differences])
    expected = stats.permutation_test((whole,), numpy.sum, permutation_type="samples", n_resamples=numpy.inf, vectorized=True).pvalue
    assert found.p == pytest.approx(min(1.0, expected))


@settings(deadline=None)
@given(st.integers(0, 60), st.integers(0, 60))
def test_with_one_attempt_a_task_the_exact_p_is_mcnemars(only_first: int, only_second: int):
    flips = sign_flip([Fraction(1)] * only_second + [Fraction(-1)] * only_first)
    assert flips.p == pytest.approx(mcnemar(only_first, only_second).exact_p)


def test_mcnemar_stands_where_every_task_was_tried_once_and_only_there():
    assert pair({"a": (1, 1), "b": (0, 1)}, {"a": (0, 1), "b": (0, 1)}).mcnemar is not None
    assert pair(FIRST, SECOND).mcnemar is None


def test_five_hundred_tasks_have_an_exact_p():
    differences = [Fraction((7 * task) % 11 - 5, 5) for task in range(500)]
    found = sign_flip(differences)
    assert found.exact
    normal = 2 * stats.norm.sf(abs(float(sum(differences))) / numpy.sqrt(sum(float(each) ** 2 for each in differences)))
    assert found.p == pytest.approx(normal, rel=0.1)


def test_a_lattice_that_is_too_fine_is_drawn_at_random_and_the_same_each_time():
    primes = [Fraction(1, prime) for prime in (101, 103, 107, 109, 113, 127, 131, 137)] * 3
    first, second = sign_flip(primes), sign_flip(primes)
    assert first == second
    assert not first.exact
    assert first.p < 0.001  # all of one sign: 2 of 2^24


outcomes = st.dictionaries(
    st.sampled_from("abcdefghij"), st.integers(1, 4).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=1
)


@settings(deadline=None, max_examples=30)  # its exact p takes a second where attempts are many
@given(outcomes, st.data())
def test_a_pair_turned_round_says_the_opposite(first: dict[str, tuple[int, int]], draw: st.DataObject):
    second = {task: (draw.draw(st.integers(0, n)), n) for task, (_, n) in first.items()}
    there, back = pair(first, second), pair(second, first)
    assert there.difference == pytest.approx(-back.difference)
    assert (there.p, there.smallest_detectable, there.separable) == (back.p, back.smallest_detectable, back.separable)
    assert [each.instance_id for each in there.gains] == [each.instance_id for each in back.regressions]
    if there.low is not None and back.high is not None:
        assert there.low == pytest.approx(-back.high)
    assert 0 < there.p <= 1
    assert there.p_holm >= there.p
    assert len(there.gains) + len(there.regressions) == sum(Fraction(*first[task]) != Fraction(*second[task]) for task in first)


def test_a_run_is_not_separable_from_itself():
    found = pair(FIRST, FIRST)
    assert (found.difference, found.p, found.separable, found.low) == (0, 1.0, False, None)
    assert found.verdict == f"not separable at this n; smallest detectable difference {found.smallest_detectable * 100:.1f} points"
    assert found.smallest_detectable > 0.3  # five tasks: from the planning values, not 0


def test_a_clear_difference_is_separable_and_said_in_points():
    tasks = [f"t{number}" for number in range(10)]
    found = pair(dict.fromkeys(tasks, (0, 1)), dict.fromkeys(tasks, (1, 1)))
    assert found.separable
    assert found.verdict == "better by 100.0 points"


def test_many_pairs_must_be_clearer_than_one():
    tasks = [f"t{number}" for number in range(7)]
    runs = {"good": dict.fromkeys(tasks, (1, 1)), **{f"bad{number}": dict.fromkeys(tasks, (0, 1)) for number in range(4)}}
    shared = {(a, b): tasks for number, a in enumerate(runs) for b in list(runs)[number + 1 :]}
    one = compare_all(runs, {("good", "bad0"): tasks})[0]
    many = compare_all(runs, shared)[0]
    assert (one.p, one.separable) == (2 / 2**7, True)
    assert (many.p, many.p_holm, many.separable) == (2 / 2**7, pytest.approx(10 * 2 / 2**7), False)


def test_ranks_are_tie_groups():
    tasks = [f"t{number}" for number in range(40)]
    runs = {
        "best": dict.fromkeys(tasks, (1, 1)),
        "near": {task: (int(number > 1), 1) for number, task in enumerate(tasks)},
        "worst": dict.fromkeys(tasks, (0, 1)),
    }
    comparisons = compare_all(runs, {("best", "near"): tasks, ("best", "worst"): tasks, ("near", "worst"): tasks})
    assert ranks(runs, comparisons) == {"best": 1, "near": 1, "worst": 3}
    assert ranks(["near", "worst"], comparisons) == {"near": 1, "worst": 2}
