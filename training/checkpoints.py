"""Checkpoints: all that a run needs to go on as if it had never stopped. Written beside and renamed, so that one is there whole or not at all."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
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
    best_step: int | None = None
    best_parameters: dict[str, torch.Tensor] = field(default_factory=dict)
    """As they were then, where the best is what the run is for."""
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
    places = _all(directory)
    here = places.index(place)
    for other in (
        *places[: max(0, here + 1 - keep)],
        *places[here + 1 :],
    ):  # what is later could not be read, or it would have been gone on from
        shutil.rmtree(other)
    return place


def load_latest(directory: Path, fingerprint: str, *, say: Callable[[str], None]) -> State | None:
    """None when there is none. One that cannot be read, as a full disk or a machine that went away leaves it, is passed over for the one before.
    TrainingError when it is of other data or settings, or none can be read."""
    places = _all(directory)
    for place in reversed(places):
        try:
            state = State(**torch.load(place / "state.pt", map_location="cpu", weights_only=True))
        except (OSError, EOFError, RuntimeError, TypeError, pickle.UnpicklingError) as error:
            say(f"{place} cannot be read ({(str(error).splitlines() or [type(error).__name__])[0][:120]}): the one before it is taken")
            continue
        if state.fingerprint != fingerprint:
            raise TrainingError(
                f"{place} is of other data or settings: a run goes on with those that it began with; give another output, or remove {directory}"
            )
        return state
    if places:
        raise TrainingError(f"none of the checkpoints in {directory} can be read: remove it to begin anew")
    return None


def _all(directory: Path) -> list[Path]:
    return sorted(directory.glob("step-*")) if directory.is_dir() else []
