"""The files that hold a checkpoint's tensors. No torch in here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from training.errors import TrainingError


def files_of(directory: Path) -> list[Path]:
    """The safetensors of a checkpoint, in order. TrainingError when some that its index names are not there."""
    index = directory / "model.safetensors.index.json"
    if index.is_file():
        try:
            names: Mapping[str, str] = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        except (OSError, ValueError, KeyError) as error:
            raise TrainingError(f"{index}: not an index of safetensors: {error}") from error
        missing = [name for name in sorted(set(names.values())) if not (directory / name).is_file()]
        if missing:
            raise TrainingError(f"{directory}: {missing[0]} is missing; fetch the whole checkpoint")
        return [directory / name for name in sorted(set(names.values()))]
    return sorted(directory.glob("*.safetensors"))
