"""What an endpoint can and cannot do, as a file: `harness doctor` writes it, `harness eval --profile` goes by it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import tomli_w
from pydantic import BaseModel, ConfigDict, Field

from harness.config import ConfigError, ToolFormatName
from tasks.toml_file import read_as

Heard = Literal["heard", "ignored", "refused", "unknown"]
"""What becomes of a field that not every server knows."""


class Rate(BaseModel):
    """Of requests that were under way together."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at_once: int
    tokens_per_second: float
    """Of all of them together."""
    median_seconds: float
    failed: int = 0


class Profile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    written_at: str
    """UTC, ISO 8601."""
    base_url: str
    model: str
    software: str | None = None
    """As far as the server tells: vllm, sglang, llama.cpp, transformers, …"""
    version: str | None = None
    tool_format: ToolFormatName = "native"
    """`native` where the server parses calls itself; else the format of ours that the model was seen to write."""
    tool_calls_seen: bool = False
    parallel_calls: bool | None = None
    forced_choice: Heard = "unknown"
    malformed_history: Literal["taken", "refused", "unknown"] = "unknown"
    """What becomes of a history with arguments that are no JSON. They are mended before they are sent in any case."""
    streaming: bool = False
    streamed_usage: bool = False
    usage: bool = False
    reasoning_field: Literal["reasoning", "reasoning_content"] | None = None
    reasoning_in_text: bool = False
    """Thinking stands in the content, between tags."""
    reasoning_history: Heard = "unknown"
    """What becomes of thinking that is sent back with its turn."""
    budget_field: str | None = None
    """What the server calls a budget of thinking that it holds."""
    continues_turn: bool = False
    """Whether a turn that was begun can be gone on with: a budget can be held from here."""
    context_tokens: int | None = Field(default=None, gt=0)
    length_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    seeds: bool | None = None
    """The same seed gives the same text, another one another."""
    deterministic: bool | None = None
    """Without sampling, the same prompt gives the same text."""
    token_ids: bool = False
    logprobs: bool = False
    template_kwargs: Heard = "unknown"
    more_sampling: Heard = "unknown"
    """`top_k` and its like, which are not in OpenAI's own API."""
    safe_concurrency: int | None = Field(default=None, gt=0)
    """Where more at once brought no more tokens a second, or the first failures; None: that was not met."""
    rates: tuple[Rate, ...] = ()

    def to_toml(self) -> str:
        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True))


def read_profile(file: Path) -> Profile:
    """ConfigError names the setting that is wrong."""
    return read_as(file, Profile, ConfigError, advice=f"`harness doctor --model URL --profile {file}` writes one")
