"""Numbers and samples of a corpus."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.corpus.repositories import repository, source
from training.corpus.build import build
from training.corpus.inspection import files_like, removals, statistics
from training.corpus.settings import CorpusSettings
from training.errors import TrainingError


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    token = "ghp_q9Zk3vXw7Lr2Tn8Pb5Yc1Md6Hs4Jf0GaQeRu"
    repository(
        tmp_path / "in",
        "acme+big",
        {f"f{number}.ts": source(number, 20) for number in range(4)} | {"leak.ts": f'const a = "{token}";\n' + source("l")},
    )
    repository(
        tmp_path / "in", "acme+small", {"a.js": source("js", 2).replace(": number", ""), "gen.ts": f"// @generated {token}\n" + source("g")}
    )
    build([tmp_path / "in"], tmp_path / "out", CorpusSettings(), workers=1, say=lambda line: None)
    return tmp_path / "out"


def test_numbers_add_up(corpus: Path):
    shown = statistics(corpus, top=1)
    assert [each["name"] for each in shown["repositories"]] == ["acme/big"]
    assert shown["repositories_in_all"] == 2
    for title in ("licences", "languages"):
        assert sum(each["files"] for each in shown[title]) == shown["files"] == 6
        assert sum(each["bytes"] for each in shown[title]) == shown["bytes"]
    assert [(each["stage"], each["reason"], each["files"]) for each in shown["removed"]] == [("filter", "generated, by its own words", 1)]
    assert shown["secrets"] == {"GITHUB_TOKEN": 1}


def test_samples_of_removals_are_shown_without_their_secrets(corpus: Path):
    (sample,) = removals(corpus, reason="GENERATED", samples=2)
    assert sample["path"] == "gen.ts"
    assert sample["excerpt"].startswith("// @generated REDACTED_GITHUB_TOKEN\n")
    assert removals(corpus, reason="licence", samples=2) == []


def test_a_file_is_found_with_what_became_of_it(corpus: Path):
    (row,) = files_like(corpus, "*/leak.ts")
    assert row["kept"]
    assert row["excerpt"].startswith('const a = "REDACTED_GITHUB_TOKEN";')
    assert row["secrets"] == '{"GITHUB_TOKEN": 1}'
    assert [each["path"] for each in files_like(corpus, "acme/small/*")] == ["a.js", "gen.ts"]


def test_what_is_no_corpus_is_said(tmp_path: Path):
    with pytest.raises(TrainingError, match="holds no corpus"):
        statistics(tmp_path, top=1)
