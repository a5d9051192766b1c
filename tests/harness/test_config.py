"""A run's configuration: files, what is laid over them, what tells runs apart."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.config import AgentLimits, ConfigError, ModelSettings, Prices, RunConfig, Sampling, SandboxSettings, build_config, differences

MODEL = {"model": {"name": "m"}}


def test_a_model_is_all_that_must_be_given():
    config = build_config(None, {"model": {"name": "m", "base_url": "http://x/v1"}})
    assert config.model.name == "m"
    assert config.suite == "core"
    assert config.limits.turns == 50


def test_what_is_given_is_laid_over_the_file_setting_by_setting(tmp_path):
    file = tmp_path / "run.toml"
    file.write_text('attempts = 2\n[model]\nname = "m"\n[model.sampling]\ntop_p = 0.5\ntemperature = 1.0\n[limits]\nturns = 7\n')
    config = build_config(file, {"attempts": 3, "model": {"sampling": {"temperature": 0.2}}})
    assert config.attempts == 3
    assert config.model.name == "m"
    assert (config.model.sampling.top_p, config.model.sampling.temperature) == (0.5, 0.2)
    assert config.limits.turns == 7


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('[model]\nname = "m"\n[limits]\nturn = 3\n', "limits.turn: "),
        ('attempts = 0\n[model]\nname = "m"\n', "attempts: "),
        ('[model]\nname = "m"\n[model.sampling]\ntemperature = -1.0\n', "model.sampling.temperature: "),
        ('[model]\nname = "m"\n[sandbox]\nbackend = "podman"\n', "sandbox.backend: "),
        ("attempts = 1\n", "model: "),
        ("attempts = \n", "not TOML"),
    ],
)
def test_a_wrong_setting_is_named_with_its_file_in_one_line(tmp_path, content, said):
    file = tmp_path / "run.toml"
    file.write_text(content)
    with pytest.raises(ConfigError) as caught:
        build_config(file, {})
    assert said in str(caught.value)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_wrong_override_is_named_with_what_was_given():
    with pytest.raises(ConfigError, match=r"concurrency: .*\(given: 0\)"):
        build_config(None, {**MODEL, "concurrency": 0})


def test_a_file_that_cannot_be_read_is_said(tmp_path):
    with pytest.raises(ConfigError, match="No such file"):
        build_config(tmp_path / "missing.toml", MODEL)
    (tmp_path / "latin.toml").write_bytes(b'suite = "caf\xe9"\n')
    with pytest.raises(ConfigError, match=r"latin\.toml"):
        build_config(tmp_path / "latin.toml", MODEL)


@pytest.mark.parametrize("name", ["extra_body", "chat_template_kwargs"])
@pytest.mark.parametrize("value", [{"seed": None}, {"a": {"b": [1, None]}}])
def test_a_null_is_refused_because_toml_has_none(name, value):
    with pytest.raises(ConfigError, match=f"model.sampling.{name}: .*null"):
        build_config(None, {"model": {"name": "m", "sampling": {name: value}}})


JSON = st.recursive(
    st.booleans() | st.integers(-(2**31), 2**31) | st.text("ab \"'\\\n", max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab.", min_size=1, max_size=3), inner, max_size=3),
    max_leaves=6,
)
POSITIVE = st.floats(0.001, 1e6)
CONFIGS = st.builds(
    RunConfig,
    split=st.none() | st.text("ab", min_size=1),
    tasks=st.lists(st.text("a*-", min_size=1)).map(tuple),
    attempts=st.integers(1, 1000),
    model=st.builds(
        ModelSettings,
        name=st.text("m/-.", min_size=1),
        base_url=st.none() | st.just("http://localhost:1/v1"),
        sampling=st.builds(
            Sampling,
            temperature=st.none() | st.floats(0, 5),
            seed=st.none() | st.integers(0, 2**31),
            extra_body=st.dictionaries(st.text("ab.", min_size=1, max_size=3), JSON, max_size=3),
        ),
        prices=st.none() | st.builds(Prices, input=POSITIVE, output=POSITIVE, cached_input=st.none() | POSITIVE),
    ),
    limits=st.builds(AgentLimits, turns=st.integers(1, 99), seconds=POSITIVE, cost=st.none() | POSITIVE),
)


@settings(max_examples=40)
@given(config=CONFIGS)
def test_what_is_written_is_read_back_the_same(tmp_path_factory, config):
    file = tmp_path_factory.mktemp("config") / "config.toml"
    file.write_text(config.to_toml(), encoding="utf-8")
    assert build_config(file, {}) == config
    assert build_config(file, {}).identity() == config.identity()
    assert differences(config.to_toml(), config) == []


def test_how_fast_and_how_stubborn_a_run_is_does_not_tell_runs_apart():
    config = build_config(None, MODEL)
    other = config.model_copy(update={"concurrency": 99, "infrastructure_tries": 9})
    assert other.identity() == config.identity()
    assert differences(config.to_toml(), other) == []


@pytest.mark.parametrize(
    ("overrides", "names"),
    [
        ({"attempts": 2}, ["attempts"]),
        ({"split": "train"}, ["split"]),
        ({"tasks": ["a-*"]}, ["tasks"]),
        ({"model": {"sampling": {"seed": 1}}}, ["model.sampling.seed"]),
        ({"model": {"prices": {"input": 1, "output": 2}}}, ["model.prices.input", "model.prices.output"]),
        ({"limits": {"turns": 3}, "suite": "other"}, ["limits.turns", "suite"]),
        ({"sandbox": {"memory_mib": 512}}, ["sandbox.memory_mib"]),
    ],
)
def test_what_decides_results_tells_runs_apart_and_is_named(overrides, names):
    before = build_config(None, {"model": {"name": "m"}})
    after = build_config(None, {**overrides, "model": {"name": "m", **overrides.get("model", {})}})
    assert after.identity() != before.identity()
    assert differences(before.to_toml(), after) == names
    assert differences(after.to_toml(), before) == names


def test_a_key_is_never_written():
    assert "OPENAI_API_KEY" in build_config(None, MODEL).to_toml()
    with pytest.raises(ConfigError, match="api_key"):
        build_config(None, {"model": {"name": "m", "api_key": "secret"}})


def test_the_sandboxs_sizes_are_in_bytes():
    limits = SandboxSettings(memory_mib=512, cpus=1.5, processes=64, disk_mib=32).limits()
    assert (limits.memory_bytes, limits.disk_bytes) == (512 * 2**20, 32 * 2**20)
    assert (limits.cpus, limits.processes) == (1.5, 64)
