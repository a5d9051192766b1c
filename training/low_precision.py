"""Whether this GPU multiplies in MXFP8 or NVFP4 through Transformer Engine, and if not, what is missing. Nothing is trained in here."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Final, Literal

import torch

from training.errors import TrainingError

Format = Literal["mxfp8", "nvfp4"]

# Both are block formats of Blackwell's matrix units (sm_100, sm_120); Hopper has FP8 by tensor only.
_LEAST: Final = (10, 0)
_RECIPES: Final = {"mxfp8": "MXFP8BlockScaling", "nvfp4": "NVFP4BlockScaling"}


def missing_for(wanted: Format, *, capability: tuple[int, int] | None, installed: bool) -> str | None:
    """Why it cannot be had with this compute capability (None: no CUDA GPU), in one line; None when it can."""
    if capability is None:
        return f"{wanted} needs an NVIDIA GPU of compute capability {_LEAST[0]}.{_LEAST[1]} (Blackwell), and torch sees no GPU; use precision = 'bf16' or 'nf4'"
    if capability < _LEAST:
        have = f"{capability[0]}.{capability[1]}"
        return f"{wanted} needs compute capability {_LEAST[0]}.{_LEAST[1]} (Blackwell), and this GPU has {have}; use precision = 'bf16' or 'nf4'"
    if not installed:
        return f"{wanted} needs Transformer Engine: pip install 'transformer-engine[pytorch]'"
    return None


def autocast(wanted: Format) -> AbstractContextManager[None]:
    """Transformer Engine's context, within which its layers multiply in that format. TrainingError with what is missing."""
    capability = torch.cuda.get_device_capability() if torch.cuda.is_available() else None
    missing = missing_for(wanted, capability=capability, installed=importlib.util.find_spec("transformer_engine") is not None)
    if missing is not None:
        raise TrainingError(missing)
    import transformer_engine.pytorch as engine
    from transformer_engine.common import recipe

    make: Callable[[], Any] | None = getattr(recipe, _RECIPES[wanted], None)
    if make is None:
        raise TrainingError(f"this Transformer Engine has no {_RECIPES[wanted]}; install a newer one")
    context: AbstractContextManager[None] = engine.fp8_autocast(enabled=True, fp8_recipe=make())
    return context
