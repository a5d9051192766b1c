"""What recipes and profiles say is used where a person says nothing, and written into the run."""

from __future__ import annotations

from typing import Any

import pytest

from harness.config import ConfigError, ModelSettings, RunConfig, Sampling, ThinkingSettings, build_config, differences
from harness.presets import of_other_servers, resolve, without_additions
from harness.profile import Profile, read_profile

NANO = "nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16"


def settings(name: str = NANO, **more: Any) -> ModelSettings:
    return ModelSettings(name=name, base_url="http://x/v1", **more)


def profile(model: str = NANO, **what: Any) -> Profile:
    return Profile(written_at="2026-01-01T00:00:00+00:00", base_url="http://x/v1", model=model, **what)


@pytest.mark.parametrize(
    ("given", "temperature", "top_p"),
    [
        ({}, 0.6, 0.95),
        ({"preset": "reasoning"}, 1.0, 1.0),
        ({"thinking": ThinkingSettings(mode="off")}, 0.0, None),
        ({"sampling": Sampling(temperature=0.3)}, 0.3, 0.95),
        ({"sampling": Sampling(temperature=0.0, top_p=0.5)}, 0.0, 0.5),
        ({"recipe": "none"}, None, None),
    ],
)
def test_a_familys_sampling_is_used_name_by_name_where_none_is_given(given, temperature, top_p):
    made = resolve(settings(**given))
    assert (made.sampling.temperature, made.sampling.top_p) == (temperature, top_p)


def test_what_is_more_than_openais_own_goes_into_the_body_and_can_be_left_out():
    given = settings("Qwen/Qwen3-8B", sampling=Sampling(extra_body={"min_p": 0.1}))
    made = resolve(given)
    assert made.sampling.extra_body == {"top_k": 20, "min_p": 0.1}
    assert without_additions(made, given).sampling.extra_body == {"min_p": 0.1}
    assert resolve(given, profile(given.name, more_sampling="refused")).sampling.extra_body == {"min_p": 0.1}


def test_the_thinking_of_a_family_is_kept_as_its_recipe_says_and_sent_under_the_servers_name():
    made = resolve(settings(), profile(reasoning_field="reasoning"))
    assert made.thinking is not None
    assert (made.thinking.keep, made.thinking.field, made.thinking.switch) == ("since_last_user", "reasoning", "enable_thinking")
    told = resolve(settings(thinking=ThinkingSettings(keep="none")))
    assert told.thinking is not None
    assert (told.thinking.keep, told.thinking.switch) == ("none", "enable_thinking")
    assert resolve(settings("other")).thinking is None


def test_a_budget_is_the_servers_where_it_was_seen_to_hold_one_and_refused_where_none_can():
    wanted = settings(thinking=ThinkingSettings(budget_tokens=100))
    held = resolve(wanted, profile(budget_field="thinking_token_budget"))
    assert held.thinking is not None
    assert held.thinking.budget_field == "thinking_token_budget"
    here = resolve(wanted, profile(continues_turn=True))
    assert here.thinking is not None
    assert here.thinking.budget_field is None
    with pytest.raises(ConfigError, match="budget"):
        resolve(wanted, profile())


def test_thinking_that_cannot_be_switched_is_told():
    with pytest.raises(ConfigError, match="switch"):
        resolve(settings("other", thinking=ThinkingSettings(mode="off")))


def test_a_profile_says_how_calls_are_written_unless_a_person_does():
    assert resolve(settings("other"), profile("other", tool_format="fenced")).tool_format == "fenced"
    assert resolve(settings("other", tool_format="native"), profile("other", tool_format="fenced")).tool_format == "native"
    assert resolve(settings(), profile()).rescue_format == "qwen3_coder"


@pytest.mark.parametrize("name", [NANO, "Qwen/Qwen3-8B", "HuggingFaceTB/SmolLM3-3B", "meta-llama/Llama-3.1-8B-Instruct", "other"])
def test_what_was_resolved_is_written_and_taken_again_as_it_is(name: str, tmp_path):
    config = RunConfig(model=resolve(settings(name), profile(name, reasoning_field="reasoning", context_tokens=4096)))
    (tmp_path / "config.toml").write_text(config.to_toml(), encoding="utf-8")
    again = build_config(tmp_path / "config.toml", {})
    assert resolve(again.model) == again.model == config.model
    assert again.identity() == config.identity()
    assert differences(config.to_toml(), again) == []


def test_a_profile_of_another_model_is_refused_and_one_of_another_server_told():
    with pytest.raises(
        ConfigError, match=rf"the profile is of 'm', and '{NANO}' is asked: harness doctor --model {NANO} --base-url http://x/v1"
    ):
        resolve(settings(), profile("m"))
    assert of_other_servers(settings(), profile()) == []
    elsewhere = settings().model_copy(update={"base_url": "http://y/v1", "more_urls": ("http://x/v1", "http://z/v1")})
    assert of_other_servers(elsewhere, profile()) == ["http://y/v1", "http://z/v1"]


def test_a_model_of_no_family_without_a_profile_is_the_run_that_it_was():
    plain = settings("other")
    assert resolve(plain) == plain
    assert RunConfig(model=resolve(plain)).identity() == RunConfig(model=plain).identity()


def test_a_profile_is_read_as_it_was_written(tmp_path):
    written = profile(context_tokens=4096, tool_format="hermes", reasoning_field="reasoning", safe_concurrency=8)
    (tmp_path / "p.toml").write_text(written.to_toml(), encoding="utf-8")
    assert read_profile(tmp_path / "p.toml") == written
    (tmp_path / "p.toml").write_text("zebra = 1\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"p\.toml"):
        read_profile(tmp_path / "p.toml")
    with pytest.raises(ConfigError, match="harness doctor"):
        read_profile(tmp_path / "none.toml")
