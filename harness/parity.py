"""Whether a server serves what was trained: what it thinks of the trainer's own continuations is compared with what the trainer thinks of them."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from harness.config import ModelSettings
from training.expectation import Expectation

Verdict = Literal["served", "cannot_be_told", "not_loaded", "too_far"]


class Parity(BaseModel):
    """What was found. Distances are means of absolute differences of log-probabilities, nats a token."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    model: str
    """As the server calls it."""
    prompts: int
    tokens: int
    """Of all continuations."""
    how: Literal["logprobs", "text"]
    tolerance: float
    distance: float | None
    """From what was trained. None when the server tells no log-probabilities, as the three that follow."""
    largest: float | None
    """Of a single token."""
    base_distance: float | None
    """From the bare base."""
    apart: float | None
    """Between what was trained and the base, by the trainer."""
    agreement: float | None
    """The share of the trained model's text that the server's begins with, mean of the prompts. None when log-probabilities were compared."""
    base_agreement: float | None
    """The same with the base's text."""
    verdict: Verdict
    holds: bool
    """Whether a round may go on."""
    words: str
    """One sentence."""


async def check_parity(expected: Expectation, settings: ModelSettings, *, tolerance: float) -> Parity:
    """Ask the server at `settings.base_url` for `settings.name`. ConfigError when it cannot be asked."""
    raise NotImplementedError
