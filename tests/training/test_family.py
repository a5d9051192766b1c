from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from training.base_settings import BaseSettings
from training.errors import TrainingError
from training.family import read_family


def without(base: Path, place: Path, *patterns: str) -> BaseSettings:
    shutil.copytree(base, place, ignore=shutil.ignore_patterns(*patterns))
    return BaseSettings(path=str(place))


def test_a_base_without_a_tokenizer_is_told_whatever_the_class_makes_of_it(qwen3: Path, nemotron_h: Path, tmp_path: Path) -> None:
    for number, base in enumerate((qwen3, nemotron_h)):
        with pytest.raises(TrainingError, match="the tokenizer is missing") as error:
            read_family(without(base, tmp_path / str(number), "tokenizer*", "special_tokens*", "*.jinja"), None)
        assert "\n" not in str(error.value)


def test_generation_stops_where_the_checkpoint_says_too(qwen3: Path, tmp_path: Path) -> None:
    base = without(qwen3, tmp_path / "base", "generation_config.json")
    ends = read_family(base, None).ends
    (tmp_path / "base" / "generation_config.json").write_text(json.dumps({"eos_token_id": [7, ends[0]]}))
    assert read_family(base, None).ends == [*ends, 7]
