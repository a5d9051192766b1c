from __future__ import annotations

import random

import pytest

pytest.importorskip("transformers")

from hypothesis import given
from hypothesis import strategies as st

from tests.training.chat_models import FILL, byte_tokenizer
from training.errors import TrainingError
from training.fill_in_the_middle import Marks, find_marks, pieces_apart, take_apart

TOKENIZER = byte_tokenizer(None, [])
MARKS = find_marks(TOKENIZER)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def put_together(ids: list[int]) -> str:
    """What was taken apart; all three marks are there, in one of the two orders."""
    suffix_at, middle_at = ids.index(MARKS.suffix), ids.index(MARKS.middle)
    assert ids[0] == MARKS.prefix
    assert sum(token in (MARKS.prefix, MARKS.suffix, MARKS.middle) for token in ids) == 3
    assert suffix_at < middle_at
    return str(TOKENIZER.decode(ids[1:suffix_at] + ids[middle_at + 1 :] + ids[suffix_at + 1 : middle_at]))


@given(TEXTS, st.integers(0, 99), st.sampled_from([0.0, 1.0]))
def test_the_parts_put_together_are_the_text(text: str, seed: int, suffix_first: float) -> None:
    ids = take_apart(text, TOKENIZER, MARKS, random.Random(seed), suffix_first=suffix_first)
    assert (ids[:2] == [MARKS.prefix, MARKS.suffix]) or not suffix_first
    assert put_together(ids) == text


@given(TEXTS, st.integers(0, 99), st.sampled_from([0.0, 0.5, 1.0]), st.integers(7, 50))
def test_a_long_text_is_split_before_it_is_taken_apart(text: str, seed: int, suffix_first: float, limit: int) -> None:
    pieces = list(pieces_apart(text, TOKENIZER, MARKS, random.Random(seed), suffix_first=suffix_first, limit=limit))
    assert all(len(piece) <= limit for piece in pieces)
    assert "".join(map(put_together, pieces)) == text


def test_a_character_that_has_no_room_with_marks_stays_without() -> None:
    pieces = list(pieces_apart("a漢", TOKENIZER, MARKS, random.Random(0), suffix_first=0.0, limit=4))
    assert [len(piece) for piece in pieces] == [4, 3]
    assert TOKENIZER.decode(pieces[1]) == "漢"


def test_a_long_text_is_split_at_a_line_where_there_is_one() -> None:
    text = "".join(f"const a{number} = {number};\n" for number in range(20))
    pieces = list(pieces_apart(text, TOKENIZER, MARKS, random.Random(0), suffix_first=0.5, limit=100))
    assert len(pieces) > 2
    assert all(put_together(piece).endswith(";\n") for piece in pieces)


def test_marks_are_the_tokenizers_own() -> None:
    assert Marks(*(TOKENIZER.convert_tokens_to_ids(name) for name in (FILL[0], FILL[1], FILL[2]))) == MARKS


def test_a_tokenizer_without_marks_is_told() -> None:
    with pytest.raises(TrainingError, match="no fill-in-the-middle tokens <a>, <b>, <c>: name them"):
        find_marks(TOKENIZER, ("<a>", "<b>", "<c>"))
