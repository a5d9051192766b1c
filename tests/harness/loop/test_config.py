"""A mistake in a loop's file is named in one line; what is right is made absolute."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.config import ConfigError
from harness.loop.config import Endpoint, LoopConfig, OracleStart, Started, TrajectoryStart, read_loop
from harness.loop.training import training_config
from tests.harness.loop.files import loop_config, loop_file


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"round": 3}, "round: extra inputs are not permitted"),
        ({"rounds": 0}, "rounds: input should be greater than 0"),
        ({"rounds": "many"}, "rounds: input should be a valid integer"),
        ({"base": None}, "base: field required"),
        ({"base__model": None}, "base.model: field required"),
        ({"serve__engine": "ollama"}, "serve.engine: input should be 'vllm'"),
        ({"serve__port": 70000}, "serve.port: input should be less than 65536"),
        ({"serve__turns": "sleep"}, "serve: transformers cannot be put to sleep"),
        ({"serve": {"base_url": "localhost:8000", "name": "m"}}, "serve.base_url: string should match pattern"),
        ({"serve": {"base_url": "http://x/v1"}}, "serve.name: field required"),
        ({"serve": {"base_url": "http://x/v1", "name": "m", "port": 1}}, "serve.port: extra inputs are not permitted"),
        ({"serve": 8000}, "serve: a table is wanted, [serve] (given: 8000)"),
        ({"sample__mix": [{"attempts": 1001}]}, "sample.mix.0.attempts: input should be less than or equal to 1000"),
        ({"seed": -1}, "seed: input should be greater than or equal to 0"),
        ({"sample__mix": []}, "sample.mix: tuple should have at least 1 item"),
        ({"sample__mix": [{"attempts": 1}, {"attempts": 1, "temperature": -1}]}, "sample.mix.1.temperature: input should be greater than"),
        ({"sample__mix": [{"thinking": True}]}, "sample.mix.0.thinking: input should be 'server', 'on' or 'off'"),
        ({"sample__curriculum__revisit": 1.5}, "sample.curriculum.revisit: input should be less than or equal to 1"),
        ({"evaluate__suite": None}, "evaluate.suite: field required"),
        ({"rows__replay": 1.0}, "rows.replay: input should be less than 1"),
        ({"training__preference": {"every": 2}}, "training.preference.config: field required"),
        ({"promotion__rule": "worse"}, "promotion.rule: input should be 'not_worse' or 'better'"),
        ({"promotion__margin": 5}, "promotion.margin: input should be less than 1"),
        ({"budgets__hours": 0}, "budgets.hours: input should be greater than 0"),
        ({"cold_start": {"kind": "magic"}}, "cold_start: input tag 'magic'"),
        ({"cold_start": {"kind": "trajectories", "sources": []}}, "cold_start.trajectories.sources: tuple should have at least 1 item"),
        ({"cold_start": {"kind": "endpoint", "name": "m"}}, "cold_start.endpoint.base_url: field required"),
        ({"rollouts__limits": {"turns": 0}}, "rollouts.limits.turns"),
    ],
    ids=str,
)
def test_a_wrong_setting_is_named_in_one_line(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    file = loop_file(tmp_path, **changes)
    with pytest.raises(ConfigError) as refused:
        read_loop(file)
    assert str(refused.value).startswith(f"{file}: {words}")
    assert "\n" not in str(refused.value)


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing\.toml: No such file"):
        read_loop(tmp_path / "nothing.toml")
    (tmp_path / "bad.toml").write_text("rounds = = 3", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"bad\.toml: not TOML"):
        read_loop(tmp_path / "bad.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"binary\.toml: not TOML"):
        read_loop(tmp_path / "binary.toml")


def test_paths_are_relative_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "there/suite").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    more: dict[str, Any] = {
        "serve__environment": "../venv",
        "training__python": "/usr/bin/python3",
        "training__preference": {"config": "dpo.toml"},
        "rows__filters": "mine.toml",
        "cold_start": {"kind": "trajectories", "sources": ["a.jsonl", "/b"], "filters": "more.toml"},
    }
    loop_file(tmp_path / "there", **more)
    found = read_loop(Path("../there/loop.toml"))
    place = (tmp_path / "there").resolve()
    assert found.directory == place / "loop"
    assert found.base.model == str(place / "model")
    assert found.sample.suite == found.evaluate.suite == str(place / "suite")
    assert found.training.config == place / "sft.toml"
    assert found.training.python == Path("/usr/bin/python3")
    assert found.training.preference is not None
    assert found.training.preference.config == place / "dpo.toml"
    assert isinstance(found.serve, Started)
    assert found.serve.environment == place / "../venv"
    assert isinstance(found.cold_start, TrajectoryStart)
    assert found.cold_start.sources == (place / "a.jsonl", Path("/b"))
    assert (found.rows.filters, found.cold_start.filters, found.rows.pairs) == (str(place / "mine.toml"), str(place / "more.toml"), "pairs")


def test_what_is_no_directory_beside_the_file_is_a_name(tmp_path: Path) -> None:
    found = loop_config(tmp_path, base__model="some/Model-8B", sample__suite="core")
    assert (found.base.model, found.sample.suite, found.base.recipe) == ("some/Model-8B", "core", "qwen3")


def test_both_kinds_of_server(tmp_path: Path) -> None:
    assert isinstance(loop_config(tmp_path, serve=None).serve, Started)
    there = loop_config(tmp_path, serve={"base_url": "http://x:1/v1", "name": "m", "command": ["load", "{adapter}", "{name}"]}).serve
    assert isinstance(there, Endpoint)
    assert there.command == ("load", "{adapter}", "{name}")


def test_what_is_written_back_is_read_as_the_same(tmp_path: Path) -> None:
    found = loop_config(tmp_path, cold_start={"kind": "oracle"}, budgets={"hours": 2.5}, rollouts__prices={"input": 1.0, "output": 2.0})
    assert isinstance(found.cold_start, OracleStart)
    (tmp_path / "again.toml").write_text(found.to_toml(), encoding="utf-8")
    again = read_loop(tmp_path / "again.toml")
    assert again == found
    assert isinstance(again, LoopConfig)


def test_the_example_is_a_whole_loop(tmp_path: Path) -> None:
    example = Path(__file__).parents[3] / "examples" / "loop.toml"
    config = read_loop(example)
    assert config.training.python is not None
    assert config.training.python.parts[-3:] == (".venv-train", "bin", "python")
    trained = training_config(config, "sft", rows=(tmp_path / "rows",), output=tmp_path / "train", seed=1, start=None)
    assert trained.base.path == config.base.model
    assert trained.recipe == config.base.recipe == "nemotron-3-nano"
