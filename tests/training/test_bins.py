from __future__ import annotations

import pytest

pytest.importorskip("torch")

from hypothesis import given
from hypothesis import strategies as st

from training.batch import NO_LOSS
from training.bins import pack, to_batch
from training.errors import TrainingError
from training.examples import example


@given(st.lists(st.integers(1, 50), max_size=60), st.integers(50, 80), st.integers(0, 3))
def test_every_document_is_in_one_row_and_no_row_is_over_its_budget(lengths: list[int], budget: int, seed: int) -> None:
    rows = pack(lengths, budget, seed)
    assert sorted(place for row in rows for place in row) == list(range(len(lengths)))
    assert all(0 < sum(lengths[place] for place in row) <= budget for row in rows)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=60), st.integers(50, 80))
def test_no_two_rows_would_fit_into_one(lengths: list[int], budget: int) -> None:
    fills = sorted(sum(lengths[place] for place in row) for row in pack(lengths, budget, 0))
    assert len(fills) < 2 or fills[0] + fills[1] > budget


@given(st.lists(st.integers(1, 50), max_size=40), st.integers(0, 9))
def test_rows_are_the_seeds_and_their_number_is_not(lengths: list[int], seed: int) -> None:
    assert pack(lengths, 60, seed) == pack(lengths, 60, seed)
    assert len(pack(lengths, 60, seed)) == len(pack(lengths, 60, seed + 1))


def test_another_seed_is_another_order() -> None:
    lengths = [10] * 40
    assert pack(lengths, 30, 0) != pack(lengths, 30, 1)


def test_many_trajectories_leave_little_room() -> None:
    lengths = [(number * 7919) % 30000 + 500 for number in range(2000)]
    rows = pack(lengths, 32768, 0)
    assert sum(lengths) / (len(rows) * 32768) > 0.98


def test_a_document_that_fits_nowhere_is_an_error() -> None:
    with pytest.raises(TrainingError, match="a document of 61 tokens does not fit into rows of 60"):
        pack([61, 2], 60, 0)


def test_documents_are_told_apart_by_their_positions_and_their_first_tokens_are_not_learnt() -> None:
    batch = to_batch([example("a", [5, 6, 7], [0, 1, 1]), example("b", [8, 9], [1, 1])])
    assert batch.input_ids.tolist() == [[5, 6, 7, 8, 9]]
    assert batch.position_ids.tolist() == [[0, 1, 2, 0, 1]]
    assert batch.labels.tolist() == [[NO_LOSS, 6, 7, NO_LOSS, 9]]
