"""One run's configuration: a complete TOML, written back resolved into the run directory."""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, field_validator

from sandboxes.sandbox import MIB, Limits
from tasks.toml_file import checked, read_toml


class ConfigError(Exception):
    """The configuration or the command line is wrong; one line that says what to do. Exit code 2."""


def server_url(text: str) -> str:
    """A server's base URL as it is used, without a slash at its end. ConfigError when no request can be sent there."""
    try:
        parts = urlsplit(text)
        sound = parts.scheme in ("http", "https") and parts.hostname and parts.hostname.encode("idna") and parts.port != 0
    except ValueError as error:
        raise ConfigError(f"{text!r} is no URL: {str(error).lower()}") from error
    if not sound or " " in text or not text.isprintable():
        raise ConfigError(f"{text!r}: a URL that begins with http:// or https:// and names a server is needed, as http://localhost:8000/v1")
    return text.rstrip("/")


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Sampling(_Section):
    """Sent with every request; what is None is left to the server."""

    temperature: float | None = Field(default=None, ge=0, le=5)
    top_p: float | None = Field(default=None, gt=0, le=1)
    max_tokens: int = Field(default=4096, gt=0)
    """Of one answer."""
    seed: int | None = None
    """Attempt k is sent seed + k, and a number that depends on the task."""
    extra_body: dict[str, Any] = Field(default_factory=dict)
    chat_template_kwargs: dict[str, Any] = Field(default_factory=dict)

    @field_validator("extra_body", "chat_template_kwargs")
    @classmethod
    def _without_null(cls, value: dict[str, Any]) -> dict[str, Any]:
        if _holds_null(value):
            raise ValueError("null cannot be kept in a run's config.toml; leave the name out")
        return value


class Prices(_Section):
    """Per million tokens, in any currency. Cached input falls back to the price of input."""

    input: float = Field(ge=0)
    output: float = Field(ge=0)
    cached_input: float | None = Field(default=None, ge=0)


ToolFormatName = Literal["native", "hermes", "qwen3_coder", "llama_json", "mistral", "fenced"]
"""How calls are written: as the server's own `tool_calls`, or as text that is read here (harness/tool_formats)."""


class ThinkingSettings(_Section):
    """A model's thinking aloud."""

    mode: Literal["server", "on", "off"] = "server"
    """`server`: as it does by itself."""
    switch: str | None = None
    """The name in `chat_template_kwargs` that turns it on and off."""
    budget_tokens: int | None = Field(default=None, gt=0)
    """Of one answer. Then the thinking is closed and the answer goes on."""
    budget_field: str | None = None
    """What the server calls the budget, where it holds one itself; None: it is held here, in two requests."""
    keep: Literal["all", "since_last_user", "none"] = "none"
    """Which turns' thinking goes back to the model."""
    field: Literal["reasoning", "reasoning_content"] | None = None
    """What the server calls it; None: as its first answer does."""
    open: str = "<think>"
    close: str = "</think>"


class ModelSettings(_Section):
    name: str
    """`oracle` and `noop` are built in: they play the reference solution, and no solution."""
    base_url: str | None = None
    """None for the built-in models."""
    api_key_variable: str = "OPENAI_API_KEY"
    """The environment variable that holds the key; the key itself is never written anywhere."""
    request_timeout_seconds: float = Field(default=600.0, gt=0)
    retry_seconds: float = Field(default=300.0, ge=0)
    """How long a request is tried again while the server is overloaded or away."""
    sampling: Sampling = Field(default_factory=Sampling)
    prices: Prices | None = None
    more_urls: tuple[str, ...] = ()
    """Further servers of the same model."""
    outage_seconds: float = Field(default=3600.0, ge=0)
    """How long a server may be away in the middle of a run, before it is given up."""
    recipe: str | None = None
    """Of the model's family, by name or file; None: by the model's name; `none`: no recipe. Its sampling is used where none is given."""
    preset: Literal["reasoning", "tools", "no_reasoning"] | None = None
    """Which of the recipe's samplings; None: `tools`, or `no_reasoning` where thinking is off."""
    thinking: ThinkingSettings | None = None
    """None: as the recipe says, or as the server does by itself."""
    tool_format: ToolFormatName | None = None
    """None: as the server's profile says, else `native`."""
    rescue_format: ToolFormatName | None = None
    """In which calls are looked for in an answer that has none, for a server whose parser misses some."""
    context_tokens: int | None = Field(default=None, gt=0)
    """What the model takes in all, by the profile: no longer answer is asked for."""

    @field_validator("base_url", "more_urls")
    @classmethod
    def _are_urls(cls, value: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
        for url in (value,) if isinstance(value, str) else value or ():
            try:
                server_url(url)
            except ConfigError as error:
                raise ValueError(str(error)) from error
        return value


class AgentLimits(_Section):
    """Of one rollout. The first that is reached ends it."""

    turns: int = Field(default=50, gt=0)
    seconds: float = Field(default=1800.0, gt=0)
    output_tokens: int | None = Field(default=None, gt=0)
    cost: float | None = Field(default=None, gt=0)
    command_seconds: float = Field(default=120.0, gt=0)
    """The longest that one command may run."""
    output_characters: int = Field(default=16_000, ge=200)
    """Of one tool's output, as the model sees it."""


class ContextSettings(_Section):
    """What becomes of a conversation that grows long."""

    tokens: int = Field(gt=0)
    """By the server's count: from here on room is made before the next turn."""
    policy: Literal["leave_out", "summarise"] = "leave_out"
    """Old tool results are left out; or the model sums up, and goes on from that."""
    keep_results: int = Field(default=4, ge=1)
    """How many of the last tool results are never left out."""


class SandboxSettings(_Section):
    backend: Literal["auto", "docker", "bubblewrap"] = "auto"
    memory_mib: int = Field(default=2048, ge=256)
    cpus: float = Field(default=2.0, gt=0)
    processes: int = Field(default=512, ge=32)
    disk_mib: int = Field(default=512, ge=16)

    def limits(self) -> Limits:
        return Limits(memory_bytes=self.memory_mib * MIB, cpus=self.cpus, processes=self.processes, disk_bytes=self.disk_mib * MIB)


_LATER_MODEL_SETTINGS = ("more_urls", "recipe", "preset", "thinking", "tool_format", "rescue_format", "context_tokens")


class RunConfig(_Section):
    """All that decides a run's results, and `concurrency`, which does not."""

    suite: str = "core"
    split: str | None = None
    tasks: tuple[str, ...] = ()
    """Patterns of instance ids; empty: all."""
    attempts: int = Field(default=1, gt=0, le=1000)
    """At each task."""
    concurrency: int = Field(default=4, gt=0, le=4096)
    infrastructure_tries: int = Field(default=3, gt=0)
    """How often an attempt that the infrastructure fails is begun in one run of the command."""
    model: ModelSettings
    limits: AgentLimits = Field(default_factory=AgentLimits)
    sandbox: SandboxSettings = Field(default_factory=SandboxSettings)
    context: ContextSettings | None = None
    """None: nothing is ever left out, and a conversation that no longer fits ends."""

    def identity(self) -> str:
        """sha256 in hex over what decides the results: runs of the same identity are the same run."""
        content = self.model_dump(mode="json", exclude={"concurrency": True, "infrastructure_tries": True, "model": {"outage_seconds"}})
        if self.context is None:  # runs of before there was such a setting are the same runs
            del content["context"]
        for name in _LATER_MODEL_SETTINGS:
            if content["model"][name] in (None, []):
                del content["model"][name]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def to_toml(self) -> str:
        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True))


def build_config(file: Path | None, overrides: dict[str, Any]) -> RunConfig:
    """The file's settings, with `overrides` (nested like the file) laid over them. ConfigError names the setting that is wrong."""
    settings = read_toml(file, ConfigError) if file is not None else {}
    _lay_over(settings, overrides)
    return checked(settings, RunConfig, ConfigError, file=file)


def differences(old: str, new: RunConfig) -> list[str]:
    """The settings, by dotted name, in which a written config.toml differs from `new`, less those that decide no result."""
    before = {"model.more_urls": [], **_flat(tomllib.loads(old))}
    after = _flat(tomllib.loads(new.to_toml()))
    return sorted(
        name
        for name in before.keys() | after.keys()
        if before.get(name) != after.get(name) and name not in ("concurrency", "infrastructure_tries", "model.outage_seconds")
    )


def _holds_null(value: object) -> bool:
    if isinstance(value, dict | list | tuple):
        return any(_holds_null(entry) for entry in (value.values() if isinstance(value, dict) else value))
    return value is None


def _lay_over(settings: dict[str, Any], overrides: dict[str, Any]) -> None:
    for name, value in overrides.items():
        if isinstance(value, dict) and isinstance(settings.get(name), dict):
            _lay_over(settings[name], value)
        else:
            settings[name] = value


def _flat(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat
