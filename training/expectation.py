"""What a server has to answer when it serves what was trained: fixed prompts, the trainer's own continuations of them, and how likely each token is.

Written by `training.parity`, which has the model; read by whoever has the server. No torch in here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from training.base_settings import Precision
from training.errors import TrainingError

PROMPTS: Final = (
    "Say hello.",
    "Write a TypeScript function that reverses a string.",
    "What is the difference between an interface and a type in TypeScript?",
    "Call the tool that lists the files.",
)
TOKENS: Final = 16


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Continuation(_Part):
    """Of one prompt, without sampling, by the model that was trained."""

    prompt: str
    """What the user says."""
    prompt_ids: tuple[int, ...]
    """As the chat template makes of it, up to where the answer begins."""
    ids: tuple[int, ...]
    """Of the answer; the last ends the turn where the model ended it."""
    text: str
    """Of these, without special tokens."""
    logprobs: tuple[float, ...]
    """Of each of `ids` given all before it, in nats."""
    base_logprobs: tuple[float, ...]
    """The same by the base without the adapter."""
    base_text: str
    """What the base goes on with by itself."""


class Expectation(_Part):
    schema_version: Literal[1] = 1
    base: str
    base_sha256: str
    """`training.origin.checkpoint_digest` of it."""
    adapter: str | None
    """None: there is none, and `logprobs` are the base's, or the merged checkpoint's."""
    adapter_sha256: str | None
    merged: str | None
    """The checkpoint that has the adapter in its weights, where that is what was run."""
    recipe: str
    template_kwargs: dict[str, bool | int | str]
    """With which the prompts were rendered."""
    thinking_marks: tuple[str, ...]
    """Between which the family thinks: a server may take them out of the text."""
    precision: Precision
    tokens: int
    """The most of one continuation."""
    continuations: tuple[Continuation, ...]

    @property
    def changed(self) -> bool:
        """Whether what was run is another model than the base."""
        return self.adapter is not None or self.merged is not None

    @property
    def apart(self) -> float:
        """How far what was run is from the bare base: mean absolute difference, nats a token."""
        pairs = [pair for each in self.continuations for pair in zip(each.logprobs, each.base_logprobs, strict=True)]
        return sum(abs(mine - base) for mine, base in pairs) / max(1, len(pairs))


def read_expectation(file: Path) -> Expectation:
    """TrainingError when it is none."""
    try:
        return Expectation.model_validate_json(file.read_bytes())
    except OSError as error:
        raise TrainingError(f"{file}: {error.strerror}") from error
    except ValidationError as error:
        raise TrainingError(f"{file}: what a server has to answer cannot be read from it: write it again with training.parity") from error
