"""Rows of tokens: their length, fill-in-the-middle, what is decoded from them."""

from __future__ import annotations

import itertools
from pathlib import Path

import pyarrow.parquet as parquet
import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from tests.training.corpus.repositories import repository, source
from training.corpus.build import build
from training.corpus.settings import CorpusSettings, RowSettings
from training.corpus.tokens import RowMaker, Vocabulary
from training.errors import TrainingError

MARKS = ["<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>"]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=600, special_tokens=["<|endoftext|>", *MARKS], initial_alphabet=alphabet, show_progress=False)
    made.train_from_iterator([source(number) for number in range(10)], trainer)
    file = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    made.save(str(file))
    return file


def rows_of(output: Path) -> list[dict]:
    return [row for file in sorted(output.glob("train-*.parquet")) for row in parquet.read_table(file).to_pylist()]


def build_rows(tmp_path: Path, tokenizer: Path, name: str, **rows: object) -> list[dict]:
    chosen = CorpusSettings().replaced(rows={"tokenizer": tokenizer, "tokens": 512, **rows})
    build([tmp_path / "in"], tmp_path / name, chosen, workers=1, say=lambda line: None)
    return rows_of(tmp_path / name)


def test_rows_hold_whole_repositories_in_order_and_fit(tmp_path: Path, tokenizer: Path):
    files = {"src/b.ts": source("b", 2, imports=("./c",)), "src/c.ts": source("c", 2), "src/long.ts": source("long", 60)}
    repository(tmp_path / "in", "one", files)
    repository(tmp_path / "in", "two", {"x.ts": source("x", 1), "y.ts": source("y", 1)})
    rows = build_rows(tmp_path, tokenizer, "out", fill_in_the_middle=0)
    vocabulary = Tokenizer.from_file(str(tokenizer))
    end = vocabulary.token_to_id("<|endoftext|>")
    assert all(len(row["input_ids"]) <= 512 and row["input_ids"][-1] == end for row in rows)
    assert all(row["loss_mask"] == [1] * len(row["input_ids"]) for row in rows)
    assert all(row["licences"] == ["MIT"] for row in rows)
    decoded = {
        name: [vocabulary.decode([each for each in row["input_ids"] if each != end]) for row in rows if row["repository"] == name]
        for name in ("one", "two")
    }
    assert "".join(decoded["one"]) == files["src/c.ts"] + files["src/b.ts"] + files["src/long.ts"]
    assert len(decoded["two"]) == 1
    assert next(row["paths"] for row in rows if row["repository"] == "two") == ["x.ts", "y.ts"]


def test_half_of_the_files_have_their_middle_moved(tmp_path: Path, tokenizer: Path):
    repository(tmp_path / "in", "many", {f"f{number}.ts": source(number, 1) for number in range(200)})
    rows = build_rows(tmp_path, tokenizer, "out", tokens=1024)
    vocabulary = Tokenizer.from_file(str(tokenizer))
    prefix, middle, suffix = (vocabulary.token_to_id(mark) for mark in MARKS)
    ids = [each for row in rows for each in row["input_ids"]]
    assert 70 <= ids.count(middle) <= 130
    assert ids.count(prefix) == ids.count(middle) == ids.count(suffix)
    suffix_first = sum(one == prefix and other == suffix for one, other in itertools.pairwise(ids))
    assert 25 <= suffix_first <= 75
    assert rows == build_rows(tmp_path, tokenizer, "again", tokens=1024)
    assert rows != build_rows(tmp_path, tokenizer, "other", tokens=1024, suffix_first=0.2)


def test_marks_in_a_text_are_text(tokenizer: Path):
    vocabulary = Vocabulary(tokenizer)
    special = {vocabulary.get_vocab()[each] for each in ("<|endoftext|>", *MARKS)}
    assert not special & set(vocabulary.encode('const end = "<|endoftext|>"; // <|fim_middle|>', add_special_tokens=False))


def test_a_text_of_many_tokens_a_character_is_cut_until_it_fits(tokenizer: Path):
    maker = RowMaker(RowSettings(tokenizer=tokenizer, tokens=64, fill_in_the_middle=0), seed=0)
    content = ("// " + "\U0001f600" * 200 + "\n").encode() * 3
    rows = list(maker.rows("r", [("a.ts", content)]))
    assert all(len(row.ids) <= 64 for row in rows)
    assert sum(row.counts["a.ts"] for row in rows) == sum(len(row.ids) for row in rows)


def test_a_tokenizer_that_does_not_do_is_said_before_any_work(tmp_path: Path, tokenizer: Path):
    repository(tmp_path / "in", "r", {"a.ts": source("a")})
    plain = tmp_path / "plain.json"
    made = Tokenizer(models.BPE())
    made.add_special_tokens(["</s>"])
    made.save(str(plain))
    (tmp_path / "broken.json").write_text("{}")
    for file, words in (
        (plain, "fill-in-the-middle"),
        (tmp_path / "broken.json", "not a tokenizer"),
        (tmp_path / "none.json", "rows.tokenizer"),
    ):
        with pytest.raises(TrainingError, match=words):
            build_rows(tmp_path, file, "out")
    with pytest.raises(TrainingError, match=r"rows\.end_of_text"):
        build_rows(tmp_path, tokenizer, "out", end_of_text="<nothing>")


def test_the_trainer_reads_rows_of_tokens(tmp_path: Path, tokenizer: Path):
    trainer = pytest.importorskip("training.rows")
    repository(tmp_path / "in", "r", {f"f{number}.ts": source(number, 3) for number in range(9)})
    rows = build_rows(tmp_path, tokenizer, "out")
    read = [row for file in trainer.find_files([tmp_path / "out"], "train") for row in trainer.read_rows(file)]
    assert [list(row.input_ids) for row in read] == [row["input_ids"] for row in rows]
    assert all(set(row.loss_mask) == {1} for row in read)
