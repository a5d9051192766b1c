"""Where a base's weights come from: a checkpoint's safetensors, one tensor at a time, or a generator for a model of random weights."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, Protocol

import torch

from training.errors import TrainingError
from training.shards import files_of

# Names on the hub that transformers' modules have under another name.
_PREFIXES: Final = (("backbone.", "model."), ("language_model.model.", "model."))
EXPERT: Final = re.compile(r"^(.*\.experts)\.(\d+)\.(gate_proj|up_proj|down_proj)$")
"""One expert's part by itself, as a module's name: of its experts, its number, which part."""


class Weights(Protocol):
    def names(self) -> set[str]:
        """As the model's modules are named; experts fused."""

    def tensor(self, name: str, shape: torch.Size) -> torch.Tensor:
        """One, on any device."""


class Checkpoint:
    """Safetensors in a directory. At most one tensor, or one layer's fused experts, is in memory at a time; the files are mapped."""

    def __init__(self, directory: Path, *, stack: ExitStack, shapes_only: bool = False) -> None:
        """TrainingError when there are none, or one is cut off; `stack` closes the files. `shapes_only`: tensors are on the meta device, and none is read."""
        from safetensors import SafetensorError, safe_open

        self._shapes_only = shapes_only
        self._whole: dict[str, tuple[Any, str]] = {}
        self._experts: dict[str, dict[int, dict[str, tuple[Any, str]]]] = {}
        files = files_of(directory)
        if not files:
            raise TrainingError(f"{directory}: no safetensors in it; convert the checkpoint first")
        for file in files:
            try:
                handle = stack.enter_context(safe_open(file, framework="pt"))
            except (OSError, SafetensorError) as error:
                raise TrainingError(f"{file}: not whole safetensors ({str(error).splitlines()[0]}); fetch it again") from error
            for stored in handle.keys():  # noqa: SIM118 - not a mapping
                self._place(handle, stored)

    def names(self) -> set[str]:
        fused = {f"{prefix}.{kind}" for prefix, experts in self._experts.items() for kind in _fused_kinds(next(iter(experts.values())))}
        return set(self._whole) | fused

    def tensor(self, name: str, shape: torch.Size) -> torch.Tensor:
        """TrainingError when it is not there, or has another shape."""
        prefix, _, kind = name.rpartition(".")
        if name in self._whole:
            tensor = self._read(self._whole[name])
        elif prefix in self._experts:
            tensor = self._fused(prefix, kind)
        else:
            raise TrainingError(f"the checkpoint has no tensor {name!r}; is it complete, and of this architecture?")
        if tensor.shape != shape:
            raise TrainingError(f"the checkpoint's {name!r} is {list(tensor.shape)}, and the model's config.json makes it {list(shape)}")
        return tensor

    def _place(self, handle: Any, stored: str) -> None:
        name = module_name(stored)
        expert = EXPERT.match(name.removesuffix(".weight"))
        if expert and name.endswith(".weight"):
            self._experts.setdefault(expert[1], {}).setdefault(int(expert[2]), {})[expert[3]] = (handle, stored)
        else:
            self._whole[name] = (handle, stored)

    def _fused(self, prefix: str, kind: str) -> torch.Tensor:
        experts = self._experts[prefix]
        parts = _fused_kinds(next(iter(experts.values()))).get(kind)
        if parts is None:
            raise TrainingError(f"the checkpoint has no tensor {prefix}.{kind}")
        fused: torch.Tensor | None = None
        for index in range(len(experts)):
            if not all(part in experts.get(index, ()) for part in parts):
                raise TrainingError(
                    f"the checkpoint has no tensor {prefix}.{index}.{kind} whole; is it complete, and of this architecture?"
                )
            one = torch.cat([self._read(experts[index][part]) for part in parts])
            if fused is None:
                fused = one.new_empty(len(experts), *one.shape)
            if one.shape != fused.shape[1:]:
                raise TrainingError(
                    f"the checkpoint's {prefix}.{index}.{kind} is {list(one.shape)}, and of its other experts {list(fused.shape[1:])}"
                )
            fused[index] = one
        assert fused is not None
        return fused

    def _read(self, place: tuple[Any, str]) -> torch.Tensor:
        handle, stored = place
        if self._shapes_only:
            return torch.empty(handle.get_slice(stored).get_shape(), device="meta")
        tensor: torch.Tensor = handle.get_tensor(stored)
        return tensor


class RandomWeights:
    """Numbers of the spread that initialisation gives, made on the device: for speed and memory at full shape, where no checkpoint can be had."""

    def __init__(self, names: set[str], *, dtype: torch.dtype, device: torch.device, seed: int = 0) -> None:
        self._names, self._dtype, self._device = names, dtype, device
        self._generator = None if device.type == "meta" else torch.Generator(device).manual_seed(seed)

    def names(self) -> set[str]:
        return self._names

    def tensor(self, name: str, shape: torch.Size) -> torch.Tensor:
        last = name.rsplit(".", 1)[-1]
        whole = torch.empty(shape, dtype=self._dtype, device=self._device)
        if last == "A_log":
            return whole.copy_(torch.arange(1, shape[0] + 1, device=self._device).log())
        if last == "dt_bias":
            return whole.uniform_(-6.0, -2.0, generator=self._generator)
        if last == "e_score_correction_bias":
            return whole.zero_()
        if last == "D" or "norm" in name.rsplit(".", 2)[-2]:
            return whole.fill_(1.0)
        # Small outputs of every layer keep the stream of a deep random model in range.
        return whole.normal_(0.0, 0.02, generator=self._generator)


def module_name(stored: str) -> str:
    """How transformers' modules name a checkpoint's tensor."""
    for old, new in _PREFIXES:
        if stored.startswith(old):
            return new + stored.removeprefix(old)
    return stored


def _fused_kinds(expert: Mapping[str, object]) -> dict[str, tuple[str, ...]]:
    """The fused tensors that an expert's separate ones make, each by its parts in order of rows."""
    if "gate_proj" in expert:
        return {"gate_up_proj": ("gate_proj", "up_proj"), "down_proj": ("down_proj",)}
    return {kind: (kind,) for kind in expert}
