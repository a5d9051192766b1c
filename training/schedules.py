"""Learning rates over a run, as shares of the highest."""

from __future__ import annotations

import math

from training.config import ScheduleSettings


def rate_at(step: int, steps: int, settings: ScheduleSettings) -> float:
    """The share for step 0 … steps - 1. The first step of a warm-up is not 0, the last step of a decay is above the floor: neither is wasted."""
    warmup = math.ceil(settings.warmup * steps)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    if settings.name == "constant":
        return 1.0
    if settings.name == "cosine":
        progress = (step - warmup) / max(1, steps - warmup)
        return settings.floor + (1 - settings.floor) * 0.5 * (1 + math.cos(math.pi * progress))
    decay = min(math.ceil(settings.decay * steps), steps - warmup)
    left = steps - step
    return 1.0 if left > decay else settings.floor + (1 - settings.floor) * left / (decay + 1)
