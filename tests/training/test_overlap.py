from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers")
pytest.importorskip("trl")

from tests.training.chat_models import answer, family_tokenizer, user
from tests.training.tiny_models import write_rows
from training.data_card import sentences
from training.data_settings import DataSettings
from training.dataset import Dataset, Preparation
from training.errors import TrainingError
from training.overlap import SeenRows
from training.recipe import find_recipe
from training.rows import ChatRow, ExactRow, PairRow, Row, TextRow

SAID = (user("a"), answer("b"))
OTHER = (user("c"), answer("d"))


@pytest.mark.parametrize(
    ("one", "same", "other"),
    [
        (ChatRow("x:1", SAID, (), None), ChatRow("y:9", SAID, (), frozenset({1})), ChatRow("x:1", OTHER, (), None)),
        (ChatRow("x:1", SAID, (), None, "f00"), ExactRow("y:9", (1, 2), (0, 1), "f00"), ExactRow("y:9", (1, 2), (0, 1), "ba4")),
        (ExactRow("x:1", (1, 2), (0, 1)), ExactRow("y:9", (1, 2), (1, 1)), ExactRow("x:1", (1, 3), (0, 1))),
        (PairRow("x:1", SAID[:1], SAID[1:], OTHER[1:], ()), PairRow("y:9", SAID[:1], SAID[1:], OTHER[1:], ()), PairRow("x:1", OTHER[:1], SAID[1:], OTHER[1:], ())),
        (TextRow("x:1", "a"), TextRow("y:9", "a"), TextRow("x:1", "b")),
    ],
)  # fmt: skip
def test_rows_of_the_same_content_or_record_are_counted(one: Row, same: Row, other: Row) -> None:
    train, validation = SeenRows(), SeenRows()
    train.add(one)
    for row in (same, same, other):
        validation.add(row)
    assert validation.count_in(train) == 2


def prepared(train: Path, validation: Path) -> list[Dataset[Any]]:
    tokenizer = family_tokenizer("qwen3")
    settings = DataSettings(train=(train,), validation=(validation,), max_tokens=1000)
    made = Preparation(tokenizer, find_recipe("qwen3"), settings, len(tokenizer))
    return [made.conversations("train"), made.conversations("validation")]


def test_the_same_file_in_both_splits_is_refused_under_any_name(tmp_path: Path) -> None:
    train = write_rows(tmp_path / "train.jsonl", [{"messages": SAID}])
    copied = write_rows(tmp_path / "elsewhere" / "validation.jsonl", [{"messages": SAID}])
    for validation in (train, copied, copied.parent):
        with pytest.raises(TrainingError, match=r"data.validation has .*\.jsonl, and data.train the same as .*train.jsonl"):
            prepared(train, validation)


def test_a_card_has_its_shares_written_and_says_what_is_in_both_splits(tmp_path: Path) -> None:
    rows = [{"messages": SAID}, {"input_ids": [1, 2, 3], "loss_mask": [0, 0, 1]}]
    train, validation = prepared(
        write_rows(tmp_path / "train.jsonl", rows), write_rows(tmp_path / "new.jsonl", [rows[0], {"messages": OTHER}])
    )
    card = json.loads(train.card.model_dump_json())
    assert card["shares"] == {"learned tokens": card["learned_tokens"] / card["tokens"], "chat rows": 0.5, "tokens rows": 0.5}
    told = validation.card.model_copy(update={"also_in_train": validation.seen.count_in(train.seen)})
    assert "rows that are in the training split too: 1" in sentences(told)
