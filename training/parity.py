"""The trainer's side of the parity check: an `Expectation` from a base, with an adapter or merged.

python -m training.parity --base DIR [--adapter DIR | --merged DIR] --output FILE.json
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from training.base_settings import BaseSettings
from training.expectation import PROMPTS, TOKENS, Expectation


def expect(
    base: BaseSettings,
    *,
    adapter: Path | None = None,
    merged: Path | None = None,
    recipe: str | None = None,
    device: str = "cpu",
    prompts: Sequence[str] = PROMPTS,
    tokens: int = TOKENS,
) -> Expectation:
    """One model is in memory at a time. TrainingError when the base, or the adapter on it, cannot be loaded."""
    raise NotImplementedError
