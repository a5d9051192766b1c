"""The processes of one run: one, or as many as `torchrun` or `accelerate launch` start, which say in the environment who they are.

Adapters are small, so each process holds all of them with their optimizer and gradients are summed once a step; the order of rows does not depend on the number
of processes. What is too large for one card is the frozen base: with `LayerShards` its layers are spread over the cards by FSDP2 (`fully_shard`), the adapters
left out of it: as they are read, so that no card holds more than one whole (for DoRA afterwards). Embeddings and head stay whole, since the loss reads them outside
of any module's forward.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import torch
from torch import distributed

from training.errors import TrainingError


@dataclass(frozen=True, slots=True)
class Processes:
    rank: int = 0
    """Which of them this one is."""
    count: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def first(self) -> bool:
        """The one that writes."""
        return self.rank == 0

    def sum_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """In place, over all processes. A parameter without a gradient has one of zeros afterwards, however many processes there are."""
        gradients: dict[torch.dtype, list[torch.Tensor]] = {}
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            gradients.setdefault(parameter.grad.dtype, []).append(parameter.grad)
        if self.count == 1:
            return
        for same in gradients.values():
            flat = torch.cat([each.reshape(-1) for each in same])
            distributed.all_reduce(flat)
            for each, part in zip(same, torch.split(flat, [each.numel() for each in same]), strict=True):
                each.copy_(part.view_as(each))

    def sum(self, numbers: Sequence[float]) -> list[float]:
        """Over all processes."""
        if self.count == 1:
            return list(numbers)
        total = torch.tensor(numbers, dtype=torch.float64, device=self.device)
        distributed.all_reduce(total)
        return [float(each) for each in total]

    def gather(self, thing: Any) -> list[Any]:
        """One from each process."""
        if self.count == 1:
            return [thing]
        found: list[Any] = [None] * self.count
        distributed.all_gather_object(found, thing)
        return found

    def wait(self) -> None:
        if self.count > 1:
            distributed.barrier()


def device_of(wanted: str) -> torch.device:
    """Of auto, cuda or cpu, or as torch names one. TrainingError when there is no such device."""
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(wanted)
    except RuntimeError as error:
        raise TrainingError(f"there is no device {wanted!r}; there are cpu, cuda and cuda:N") from error
    if device.type not in ("cpu", "cuda"):
        raise TrainingError(f"there is no device {wanted!r}; there are cpu, cuda and cuda:N")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise TrainingError(f"the device {wanted} is asked for, and torch finds no such GPU: take cpu")
    return device


def start_processes(device: str) -> Processes:
    """Join the others. `device`: auto, cuda or cpu. TrainingError when there is no such device."""
    on_gpu = device_of(device).type == "cuda"
    count = int(os.environ.get("WORLD_SIZE", "1"))
    local = int(os.environ.get("LOCAL_RANK", "0"))
    where = torch.device("cuda", local) if on_gpu else torch.device("cpu")
    if on_gpu:
        torch.cuda.set_device(where)
    if count == 1:
        return Processes(device=where)
    if not distributed.is_initialized():
        distributed.init_process_group("nccl" if on_gpu else "gloo", timeout=timedelta(minutes=30))
    return Processes(distributed.get_rank(), distributed.get_world_size(), where)


def stop_processes() -> None:
    if distributed.is_initialized():
        distributed.destroy_process_group()


class LayerShards:
    """Spreads the frozen parameters of each layer that it is called with over the processes; those that are trained stay whole in each."""

    def __init__(self, processes: Processes) -> None:
        from torch.distributed.device_mesh import init_device_mesh

        self._mesh = init_device_mesh(processes.device.type, (processes.count,))
        self.here = 0
        """Parameters that this process has of them."""
        self.whole = 0
        """And all of them together."""

    def __call__(self, layer: torch.nn.Module) -> None:
        from torch.distributed.fsdp import fully_shard
        from torch.distributed.tensor import DTensor

        fully_shard(layer, mesh=self._mesh, ignored_params={each for each in layer.parameters() if each.requires_grad})
        for parameter in layer.parameters():
            if not parameter.requires_grad:
                self.whole += parameter.numel()
                self.here += parameter.to_local().numel() if isinstance(parameter, DTensor) else parameter.numel()
