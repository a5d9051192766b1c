from __future__ import annotations

import random

import pytest

pytest.importorskip("transformers")

from hypothesis import given
from hypothesis import strategies as st

from tests.training.chat_models import FILL, byte_tokenizer
from training.errors import TrainingError
from training.fill_in_the_middle import Marks, find_marks, take_apart

TOKENIZER = byte_tokenizer(None, [])
MARKS = find_marks(TOKENIZER)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), st.integers(0, 99), st.sampled_from([0.0, 1.0]))
def test_the_parts_put_together_are_the_text(text: str, seed: int, suffix_first: float) -> None:
    ids = take_apart(text, TOKENIZER, MARKS, random.Random(seed), suffix_first=suffix_first)
    if suffix_first:
        assert ids[:2] == [MARKS.prefix, MARKS.suffix]
        suffix, rest = ids[2:].copy(), []
        middle_at = suffix.index(MARKS.middle)
        suffix, rest = suffix[:middle_at], suffix[middle_at + 1 :]
        assert TOKENIZER.decode(rest + suffix) == text
    else:
        suffix_at, middle_at = ids.index(MARKS.suffix), ids.index(MARKS.middle)
        assert TOKENIZER.decode(ids[1:suffix_at] + ids[middle_at + 1 :] + ids[suffix_at + 1 : middle_at]) == text


def test_marks_are_the_tokenizers_own() -> None:
    assert Marks(*(TOKENIZER.convert_tokens_to_ids(name) for name in (FILL[0], FILL[1], FILL[2]))) == MARKS


def test_a_tokenizer_without_marks_is_told() -> None:
    with pytest.raises(TrainingError, match="no fill-in-the-middle tokens <a>, <b>, <c>: name them"):
        find_marks(TOKENIZER, ("<a>", "<b>", "<c>"))
