"""Optimizers: torch's AdamW and Muon, bitsandbytes' with 8 bits or paged states. Nothing is written here that they have."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from training.config import OptimizerSettings
from training.errors import TrainingError


class Optimizer:
    """One or two of them that step together."""

    def __init__(self, parts: Sequence[torch.optim.Optimizer], settings: OptimizerSettings) -> None:
        self._parts = tuple(parts)
        self._rate = settings.learning_rate

    def step(self, share: float) -> float:
        """One step at a share of the highest rate; returns the rate."""
        for part in self._parts:
            for group in part.param_groups:
                group["lr"] = self._rate * share
            part.step()
        return self._rate * share

    def clear(self) -> None:
        for part in self._parts:
            part.zero_grad(set_to_none=True)

    def state(self) -> list[dict[str, Any]]:
        return [part.state_dict() for part in self._parts]

    def restore(self, state: Sequence[dict[str, Any]]) -> None:
        for part, saved in zip(self._parts, state, strict=True):
            part.load_state_dict(saved)


def check_optimizer(settings: OptimizerSettings, device: torch.device) -> None:
    """TrainingError when the machine or the installation lacks what the settings ask for."""
    if settings.name in ("adamw", "muon"):
        return
    if importlib.util.find_spec("bitsandbytes") is None:
        raise TrainingError(f"optimizer.name {settings.name!r} needs bitsandbytes: pip install 'typescript-agent-harness[train]', or adamw")
    if device.type == "cpu":
        raise TrainingError(f"optimizer.name {settings.name!r} needs a GPU: on a CPU there are adamw and muon")


def build_optimizer(settings: OptimizerSettings, parameters: Mapping[str, torch.nn.Parameter]) -> Optimizer:
    """Over parameters by name. TrainingError as `check_optimizer`."""
    every = list(parameters.values())
    for device in {each.device for each in every}:
        check_optimizer(settings, device)
    common: dict[str, Any] = {
        "lr": settings.learning_rate,
        "betas": settings.betas,
        "eps": settings.epsilon,
        "weight_decay": settings.weight_decay,
    }
    match settings.name:
        case "adamw":
            return Optimizer([torch.optim.AdamW(every, **common)], settings)
        case "muon":
            matrices = [each for each in every if each.ndim == 2]
            others = [each for each in every if each.ndim != 2]
            parts: list[torch.optim.Optimizer] = []
            if matrices:
                # Steps as large as AdamW's (Liu et al. 2025), so that one rate does for both.
                parts.append(
                    torch.optim.Muon(
                        matrices,
                        lr=settings.learning_rate,
                        momentum=settings.momentum,
                        weight_decay=settings.weight_decay,
                        adjust_lr_fn="match_rms_adamw",
                    )
                )
            if others:
                parts.append(torch.optim.AdamW(others, **common))
            return Optimizer(parts, settings)
        case "adamw_8bit" | "paged_adamw" | "paged_adamw_8bit":
            import bitsandbytes

            library: Any = bitsandbytes.optim
            kinds = {
                "adamw_8bit": library.AdamW8bit,
                "paged_adamw": library.PagedAdamW32bit,
                "paged_adamw_8bit": library.PagedAdamW8bit,
            }
            return Optimizer([kinds[settings.name](every, **common)], settings)
