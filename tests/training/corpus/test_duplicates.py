"""Near duplicates: what is similar is found, what is not stays."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet

from tests.training.corpus.repositories import repository, source
from training.corpus.build import build
from training.corpus.fingerprints import bands, runs, signatures, word_hashes
from training.corpus.settings import CorpusSettings


def changed(text: str, share: float, seed: int) -> str:
    chance = random.Random(seed)
    return " ".join(f"w{chance.randrange(10**6)}" if chance.random() < share else word for word in text.split())


def similarity(one: str, other: str) -> float:
    first, second = (set(runs(word_hashes(each.encode()), 5).tolist()) for each in (one, other))
    return len(first & second) / len(first | second)


def test_signatures_estimate_the_similarity_of_the_words():
    errors = []
    for seed in range(60):
        one = source(seed, 20)
        other = changed(one, 0.004 * (seed % 12), seed)
        rows = signatures([runs(word_hashes(each.encode()), 5) for each in (one, other)])
        errors.append(float((rows[0] == rows[1]).mean()) - similarity(one, other))
    assert abs(np.mean(errors)) < 0.02
    assert np.std(errors) < 0.06, "that of 256 permutations is .03 at most"


def test_hashes_do_not_depend_on_the_process():
    words = word_hashes(b"const answer = 42;")
    assert words.tolist()[:1] == word_hashes(b"const")[:1].tolist()
    assert bands(signatures([runs(words, 5)])).shape == (32, 1)


def test_similar_files_are_found_and_others_stay(tmp_path: Path):
    files: dict[str, str | bytes] = {}
    alike, unlike = [], []
    for number in range(120):
        original = source(f"o{number}", 12)
        other = changed(original, 0.01 if number % 2 else 0.12, number)
        files[f"a{number}.ts"] = original
        files[f"b{number}.ts"] = other
        (alike if similarity(original, other) > 0.78 else unlike).append(number) if not 0.62 < similarity(original, other) <= 0.78 else None
    assert len(alike) > 40
    assert len(unlike) > 40
    repository(tmp_path / "in", "r", files)
    chosen = CorpusSettings.model_validate({"files": {"longest_line": 100_000, "mean_line": 100_000}})
    build([tmp_path / "in"], tmp_path / "out", chosen, workers=1, say=lambda line: None)
    kept = {row["path"] for row in parquet.read_table(tmp_path / "out/train-00000.parquet").to_pylist()}
    assert all(f"a{number}.ts" in kept for number in range(120)), "the first of a group is kept"
    found = sum(f"b{number}.ts" not in kept for number in alike)
    assert found / len(alike) > 0.95
    assert all(f"b{number}.ts" in kept for number in unlike)


def test_short_files_are_compared_as_a_whole_only(tmp_path: Path):
    repository(tmp_path / "in", "r", {"a.ts": "export const a = 1;\nexport const b = 2;\n", "b.ts": "export const a = 1;\nexport const b = 3;\n", "c.ts": "export const a = 1;\r\nexport const b = 2;\r\n"})  # fmt: skip
    build([tmp_path / "in"], tmp_path / "out", CorpusSettings(), workers=1, say=lambda line: None)
    assert [row["path"] for row in parquet.read_table(tmp_path / "out/train-00000.parquet").to_pylist()] == ["a.ts", "b.ts"]
