"""Checkpoints: all that a run needs to go on as if it had never stopped. Written beside and renamed, so that one is there whole or not at all."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from training.errors import TrainingError


@dataclass(slots=True)
class State:
    """After `step` steps. Chance needs none: what is drawn for a row depends on the seed and the row alone."""

    step: int = 0
    parameters: dict[str, torch.Tensor] = field(default_factory=dict)
    """Those that are trained."""
    optimizer: list[dict[str, Any]] = field(default_factory=list)
    best: float | None = None
    """Loss of the best evaluation."""
    worse: int = 0
    """Evaluations since then."""
    fingerprint: str = ""
    """Of data and settings that decide the curve."""


def save(directory: Path, state: State, *, keep: int) -> Path:
    """`directory/step-000123`; older ones beyond `keep` are removed."""
    place = directory / f"step-{state.step:06d}"
    beside = directory / f".{place.name}.partial"
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    torch.save(asdict(state), beside / "state.pt")
    shutil.rmtree(place, ignore_errors=True)
    beside.rename(place)
    for old in _all(directory)[:-keep]:
        shutil.rmtree(old)
    return place


def load_latest(directory: Path, fingerprint: str) -> State | None:
    """None when there is none. TrainingError when it is of other data or settings."""
    places = _all(directory)
    if not places:
        return None
    state = State(**torch.load(places[-1] / "state.pt", map_location="cpu", weights_only=True))
    if state.fingerprint != fingerprint:
        raise TrainingError(
            f"{places[-1]} is of other data or settings: a run goes on with those that it began with; give another output, or remove {directory}"
        )
    return state


def _all(directory: Path) -> list[Path]:
    return sorted(directory.glob("step-*")) if directory.is_dir() else []
