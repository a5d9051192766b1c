"""Batches come back whole, in order, and a failure is not swallowed."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trajectories.parallel import in_order


def squared(numbers: list[int]) -> list[int]:
    return [number * number for number in numbers]


def own_id(numbers: list[int]) -> int:
    return os.getpid()


def fail(numbers: list[int]) -> None:
    raise KeyError(numbers[0])


@settings(deadline=None)
@given(st.lists(st.integers()), st.integers(1, 5))
def test_one_worker_works_in_this_process_and_in_order(numbers: list[int], batch: int) -> None:
    assert [each for done in in_order(squared, numbers, workers=1, batch=batch) for each in done] == squared(numbers)
    assert set(in_order(own_id, [1], workers=1)) == {os.getpid()}


def test_several_workers_are_other_processes_and_keep_the_order() -> None:
    numbers = list(range(500))
    assert [each for done in in_order(squared, numbers, workers=2, batch=7) for each in done] == squared(numbers)
    assert os.getpid() not in set(in_order(own_id, range(20), workers=2, batch=1))


def test_one_batch_is_worth_no_other_process() -> None:
    assert list(in_order(own_id, range(20), workers=2, batch=20)) == [os.getpid()]


def test_items_are_taken_only_as_they_are_needed() -> None:
    taken = []

    def items() -> Iterator[int]:
        for number in range(10_000):
            taken.append(number)
            yield number

    work = in_order(squared, items(), workers=2, batch=10)
    next(work)
    assert len(taken) < 200
    work.close()  # type: ignore[attr-defined]


def test_a_failure_in_a_worker_is_raised_here() -> None:
    with pytest.raises(KeyError):
        list(in_order(fail, [1, 2], workers=2, batch=1))
