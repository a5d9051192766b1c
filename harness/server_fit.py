"""What of a model fits a machine: which checkpoint, over how many GPUs, with how long a context. With the reasons, as notes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from harness.checkpoint import Checkpoint
from harness.config import ConfigError
from harness.machine import Gpu, Machine
from training.recipe import Engine, Recipe

Dtype = Literal["bf16", "fp8", "nvfp4"]

_WIDTH: Final[dict[str, float]] = {"bf16": 2.0, "fp8": 1.05, "nvfp4": 0.6}
"""Bytes a parameter, scales and what stays in bfloat16 among them."""
_CAPABILITY: Final[dict[str, float]] = {"bf16": 8.0, "fp8": 8.9, "nvfp4": 10.0}
_SHARE: Final = 0.9
"""Of a GPU's memory that a server may take."""
_DRIVER_MIB: Final = 1024
"""Of what is free, that the server's own context takes before it counts; on a small GPU less."""
_ACTIVATIONS_MIB: Final = 6 * 1024
_LEAST_CONTEXT: Final = 4096
_SEQUENCES: Final = 16
"""That long, whose memory shall be there at once."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person asked for; None: what fits."""

    engine: Engine = "vllm"
    host: str = "127.0.0.1"
    port: int = 8000
    served_name: str | None = None
    dtype: Dtype | None = None
    context: int | None = None
    tensor_parallel: int | None = None
    data_parallel: int | None = None
    max_rank: int | None = None
    """Of adapters that are loaded later: LoRA is on without one."""
    environment: Path | None = None
    """A virtual environment with the server in it."""
    more: tuple[str, ...] = ()
    """Options of the server's own, last of all."""


@dataclass(frozen=True, slots=True)
class Fit:
    model: str
    """The checkpoint that is served: the one that was asked for, or its like in a narrower type."""
    quantize: str | None
    """What its weights are made while they are loaded."""
    share: float
    """Of each GPU's memory."""
    tensor: int
    """GPUs a copy."""
    data: int
    """Copies."""
    context: int | None


def fit(
    checkpoint: Checkpoint, recipe: Recipe | None, machine: Machine, choice: Choice, notes: list[str], *, copies: bool, splits: bool
) -> Fit:
    """ConfigError for what does not fit. `copies`: the server can hold several, `splits`: one over several GPUs."""
    usable = _usable_mib(machine.gpus)
    share = _SHARE
    if machine.gpus and usable < _SHARE * machine.gpus[0].memory_mib:
        share = math.floor(100 * max(usable, 0) / machine.gpus[0].memory_mib) / 100
        notes.append(f"{share:g} of the GPU's memory: the rest is in use already")
    model, dtype = _variant(checkpoint, recipe, machine, choice, usable, notes)
    tensor, data = _parallel(checkpoint, machine, choice, dtype, usable, notes, copies=copies, splits=splits)
    return Fit(
        model=model,
        quantize=dtype if dtype == "fp8" and model == checkpoint.model and checkpoint.stored_as not in ("fp8", "nvfp4") else None,
        share=share,
        tensor=tensor,
        data=data,
        context=_context(checkpoint, recipe, machine, choice, dtype, usable * tensor, tensor, notes),
    )


def _usable_mib(gpus: Sequence[Gpu]) -> float:
    """Of the fullest GPU: no more than a share of it, and no more than is free."""
    return min(
        (min(_SHARE * gpu.memory_mib, gpu.free_mib - min(_DRIVER_MIB, 0.5 * (1 - _SHARE) * gpu.memory_mib)) for gpu in gpus), default=0.0
    )


def _variant(
    checkpoint: Checkpoint, recipe: Recipe | None, machine: Machine, choice: Choice, usable: float, notes: list[str]
) -> tuple[str, str | None]:
    """Which checkpoint is served, and as what its weights are held: the widest that leaves room, unless a person has chosen."""
    stored = checkpoint.stored_as
    variants = recipe.serve.variants if recipe is not None and not checkpoint.local else {}
    wanted: str | None = choice.dtype
    if not machine.gpus:
        if wanted not in (None, "bf16"):
            raise ConfigError(f"no GPU is seen here, and {wanted} needs one")
        return checkpoint.model, None
    capability = float(machine.gpus[0].capability or 0)
    if wanted is None:
        if stored in ("fp8", "nvfp4") or checkpoint.billions is None:
            return checkpoint.model, stored
        memory = len(machine.gpus) * usable * 2**20
        fits = [kind for kind in ("bf16", "fp8", "nvfp4") if checkpoint.billions * 1e9 * _WIDTH[kind] < 0.8 * memory]
        able = [kind for kind in fits if capability >= _CAPABILITY[kind] and (kind != "nvfp4" or kind in variants)]
        if not able:
            raise ConfigError(_why_not(checkpoint, machine.gpus, fits))
        wanted = able[0]
        if wanted != "bf16":
            notes.append(f"served as {wanted}: bf16 does not fit")
    if capability and capability < _CAPABILITY[wanted]:
        raise ConfigError(
            f"{machine.gpus[0].name} has no {wanted}: it needs compute capability {_CAPABILITY[wanted]:g}, this is {capability:g}"
        )
    if wanted in variants and stored != wanted:
        notes.append(f"the checkpoint of {wanted}: {variants[wanted]}")
        return variants[wanted], wanted
    if wanted == "bf16" and stored in ("fp8", "nvfp4"):
        raise ConfigError(f"{checkpoint.model} is stored as {stored}: give the checkpoint of bf16")
    if wanted == "nvfp4" and stored != "nvfp4":
        raise ConfigError(f"{checkpoint.model} is not stored as nvfp4: give such a checkpoint, or --dtype fp8")
    return checkpoint.model, wanted


def _why_not(checkpoint: Checkpoint, gpus: Sequence[Gpu], fits: Sequence[str]) -> str:
    """The memory is too small; or not, and the GPU cannot compute in what fits."""
    cards = f"{len(gpus)} x {gpus[0].name}"
    if not fits:
        full = ", much of which is in use" if gpus[0].free_mib < (2 * _SHARE - 1) * gpus[0].memory_mib else ""
        memory = f"{gpus[0].memory_mib / 1024:.0f} GiB each{full}"
        return f"{checkpoint.model}: {checkpoint.billions:g} billion parameters do not fit {cards} ({memory})"
    needs = " or ".join(f"{kind} (compute capability {_CAPABILITY[kind]:g})" for kind in fits)
    told = f"has {gpus[0].capability}" if gpus[0].capability else "does not tell its own: --dtype DTYPE tries one"
    return f"{checkpoint.model} fits {cards} as {needs}, and the GPU {told}"


def _weights(checkpoint: Checkpoint, dtype: str | None) -> float | None:
    """Bytes."""
    if checkpoint.billions is not None and dtype is not None:
        return checkpoint.billions * 1e9 * _WIDTH[dtype]
    return float(checkpoint.bytes) if checkpoint.bytes is not None else None


def _parallel(
    checkpoint: Checkpoint,
    machine: Machine,
    choice: Choice,
    dtype: str | None,
    usable: float,
    notes: list[str],
    *,
    copies: bool,
    splits: bool,
) -> tuple[int, int]:
    """As few GPUs a copy as hold it, in a number that divides the heads; the others serve copies."""
    number = len(machine.gpus)
    if (choice.tensor_parallel or 1) > 1 and not splits:
        raise ConfigError(f"{choice.engine} spreads a model over GPUs by itself: it takes no --tensor-parallel")
    if (choice.data_parallel or 1) > 1 and not copies:
        raise ConfigError(f"{choice.engine} serves one copy: start several with one GPU each, instead of --data-parallel")
    if number == 0:
        return choice.tensor_parallel or 1, choice.data_parallel or 1
    tensor = choice.tensor_parallel
    weights = _weights(checkpoint, dtype)
    if tensor is None:
        tensor = 1
        while splits and weights is not None and 2 * tensor <= number and weights > 0.7 * usable * 2**20 * tensor:
            tensor *= 2
        if checkpoint.heads is not None and checkpoint.heads % tensor:
            raise ConfigError(f"{checkpoint.heads} heads cannot be split over {tensor} GPUs: give --tensor-parallel")
    data = choice.data_parallel or (max(1, number // tensor) if copies and weights is not None else 1)
    if tensor * data > number:
        raise ConfigError(f"{tensor} x {data} GPUs are asked for, and there are {number}")
    if tensor * data > 1:
        notes.append(f"{data} cop{'y' if data == 1 else 'ies'} over {tensor} GPU{'' if tensor == 1 else 's'} each")
    if tensor * data < number and splits:
        notes.append(f"{number - tensor * data} of {number} GPUs have nothing to do")
    return tensor, data


def _context(
    checkpoint: Checkpoint,
    recipe: Recipe | None,
    machine: Machine,
    choice: Choice,
    dtype: str | None,
    usable: float,
    tensor: int,
    notes: list[str],
) -> int | None:
    """What was asked for; else what the memory of a copy's GPUs beside the weights holds of some conversations at once, at most what the model was made for."""
    if choice.context is not None:
        return choice.context
    weights = _weights(checkpoint, dtype)
    if not machine.gpus or weights is None or checkpoint.bytes_per_token is None:
        return recipe.serve.context if recipe is not None and machine.gpus else None
    left = (usable - _ACTIVATIONS_MIB * tensor) * 2**20 - weights
    fits = int(left / checkpoint.bytes_per_token / _SEQUENCES) // 1024 * 1024
    limit = checkpoint.context or math.inf
    if fits < _LEAST_CONTEXT:
        fits = int(left / checkpoint.bytes_per_token) // 1024 * 1024
        if fits < min(_LEAST_CONTEXT, limit):
            raise ConfigError(
                f"{checkpoint.model}: beside its weights there is room for {max(fits, 0)} tokens: give a smaller --dtype or more GPUs"
            )
    if fits >= limit:
        return None
    notes.append(f"context of {fits} tokens: what the memory beside the weights holds")
    return fits
