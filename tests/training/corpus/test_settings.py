"""Settings: the written defaults are the defaults, and what is wrong is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.corpus.collect_settings import CollectSettings, read_collect_settings
from training.corpus.settings import CorpusSettings, read_settings
from training.errors import TrainingError

CONFIGS = Path(__file__).parents[3] / "configs"


def test_the_written_defaults_are_the_defaults():
    assert read_settings(CONFIGS / "corpus.toml") == CorpusSettings()
    assert read_collect_settings(CONFIGS / "collect.toml") == CollectSettings()


@pytest.mark.parametrize("model", [CorpusSettings, CollectSettings])
def test_every_setting_is_written_out(model: type[CorpusSettings | CollectSettings]):
    text = (CONFIGS / ("corpus.toml" if model is CorpusSettings else "collect.toml")).read_text()
    for name, field in model.model_fields.items():
        assert name in text
        for inner in getattr(field.annotation, "model_fields", {}):
            assert f"{inner} = " in text, inner


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("seeds = 1", "seeds"),
        ("[rows]\ntokens = 2", r"rows\.tokens"),
        ("[files]\nlargest_bytes = 20000000", "part_bytes"),
        ("x = ", "not TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, content: str, words: str):
    (tmp_path / "a.toml").write_text(content)
    with pytest.raises(TrainingError, match=words):
        read_settings(tmp_path / "a.toml")


def test_paths_are_relative_to_the_file(tmp_path: Path):
    (tmp_path / "a.toml").write_text('[contamination]\nbenchmarks = ["b.jsonl"]\n[rows]\ntokenizer = "t.json"\n')
    settings = read_settings(tmp_path / "a.toml")
    assert settings.contamination.benchmarks == (tmp_path / "b.jsonl",)
    assert settings.rows.tokenizer == tmp_path / "t.json"
