from __future__ import annotations

import pytest

pytest.importorskip("numpy")

from hypothesis import given
from hypothesis import strategies as st

from training.examples import Example, example
from training.lengths import cut_between_answers, cut_observations, split_at_turns, split_text
from training.rows import ChatRow

END = 1


def conversation(turns: list[tuple[int, int]], head: int = 5) -> Example:
    """A head, then of each turn an opening of 2 tokens, an answer and an observation of the given lengths. Learned ids are from 1,000 on."""
    ids, mask, answers = [*range(10, 10 + head - 1), END], [0] * head, []
    for number, (answer, observation) in enumerate(turns):
        ids += [2, 3]
        start = len(ids)
        ids += [*range(1000 + 100 * number, 1000 + 100 * number + answer - 1), END]
        answers.append((start, len(ids)))
        ids += [*range(100, 100 + observation - 1), END] if observation else []
        mask += [0, 0, *[1] * answer, *[0] * observation]
    return example("rows:1", ids, mask, answers)


turns = st.lists(st.tuples(st.integers(1, 8), st.integers(0, 8)), min_size=1, max_size=6)


@given(turns, st.integers(8, 60))
def test_pieces_fit_and_every_learned_token_is_in_one_of_them_or_counted(made: list[tuple[int, int]], limit: int) -> None:
    row = conversation(made)
    pieces, lost = split_at_turns(row, limit, {END})
    assert all(len(piece) <= limit for piece in pieces)
    assert sum(piece.targets for piece in pieces) + lost == row.targets
    kept = [int(token) for piece in pieces for token in piece.ids[piece.learned]]
    assert [token for token in row.ids[row.learned].tolist() if token in kept and token != END] == [token for token in kept if token != END]


@given(turns, st.integers(8, 60))
def test_a_piece_begins_with_the_task_and_goes_on_with_whole_turns(made: list[tuple[int, int]], limit: int) -> None:
    row = conversation(made)
    for piece in split_at_turns(row, limit, {END})[0]:
        assert piece.ids[:5].tolist() == row.ids[:5].tolist()
        assert piece.ids[5:7].tolist() == [2, 3], "what opens an answer stays with it"
        assert all(piece.learned[start:end].all() for start, end in piece.answers)


def test_what_fits_is_one_piece_as_it_was() -> None:
    row = conversation([(3, 4), (2, 0)])
    ((piece,), lost) = split_at_turns(row, len(row), {END})
    assert (piece.ids.tolist(), piece.learned.tolist(), piece.answers, lost) == (row.ids.tolist(), row.learned.tolist(), row.answers, 0)


@given(st.integers(1, 50), st.integers(1, 20))
def test_text_is_split_into_pieces_that_are_all_of_it(length: int, limit: int) -> None:
    document = example("a", range(length), [1] * length)
    pieces = split_text(document, limit)
    assert [token for piece in pieces for token in piece.ids.tolist()] == list(range(length))
    assert all(len(piece) <= limit and not piece.learned[0] for piece in pieces)


def test_documents_of_one_row_are_kept_whole_where_they_fit() -> None:
    row = example("a", [5, 5, END, 5, 5, 5, END, 5, END, 5, 5, 5, 5, 5, 5, END], [1] * 16)
    assert [len(piece) for piece in split_text(row, 5, END)] == [3, 4, 2, 5, 2]


def test_the_longest_observations_of_tokens_lose_their_middles_and_no_answer_does() -> None:
    row = conversation([(5, 400), (5, 900), (5, 90), (5, 0)])
    cut = cut_between_answers(row, 800, {END}, [7, 7])
    assert cut is not None
    assert len(cut) == 800
    assert cut.ids[cut.learned].tolist() == row.ids[row.learned].tolist()
    assert [cut.ids[start:end].tolist() for start, end in cut.answers] == [row.ids[start:end].tolist() for start, end in row.answers]
    assert cut.ids.tolist().count(7) == 2, "one observation was enough"


def test_tokens_that_cannot_be_cut_enough_are_not_cut_at_all() -> None:
    row = conversation([(50, 100), (50, 100)])
    assert cut_between_answers(row, 120, {END}, [7]) is None


def test_observations_of_a_conversation_are_shortened_to_one_level_and_say_so() -> None:
    messages = tuple({"role": "tool", "content": letter * length} for letter, length in (("a", 5000), ("b", 3000), ("c", 300)))
    row = ChatRow("x", ({"role": "user", "content": "q" * 900}, *messages), (), None)

    def render(chat: ChatRow) -> list[Example]:
        text = "".join(str(message["content"]) for message in chat.messages)
        return [example("x", map(ord, text), [1] * len(text))]

    made = cut_observations(row, 4000, render)
    assert made is not None
    text = "".join(map(chr, made[0].ids.tolist()))
    assert 3000 < len(text) <= 4000
    assert text.count("characters left out") == 2
    assert text.startswith("q" * 900)
    assert text.endswith("c" * 300)
    assert abs(text.count("a") - text.count("b")) < 20
    assert cut_observations(row, 1000, render) is None
