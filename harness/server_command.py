"""From a recipe, a checkpoint and a machine to the command that serves the model, with the reasons for what was chosen."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from harness.checkpoint import Checkpoint, LoraSettings
from harness.config import ConfigError
from harness.machine import Machine
from training.recipe import Engine, Recipe

Dtype = Literal["bf16", "fp8", "nvfp4"]

_WIDTH: Final[dict[str, float]] = {"bf16": 2.0, "fp8": 1.05, "nvfp4": 0.6}
"""Bytes a parameter, scales and what stays in bfloat16 among them."""
_CAPABILITY: Final[dict[str, float]] = {"bf16": 8.0, "fp8": 8.9, "nvfp4": 10.0}
_SHARE: Final = 0.9
"""Of a GPU's memory that a server may take."""
_ACTIVATIONS_MIB: Final = 6 * 1024
_RANKS: Final = (8, 16, 32, 64, 128, 256, 320, 512)
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
class ServerCommand:
    engine: Engine
    argv: tuple[str, ...]
    env: dict[str, str]
    """Laid over this process's."""
    base_url: str
    served_name: str
    adapters: tuple[LoraSettings, ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    """Written beside the log before the start; `{files}` in `argv` is where."""
    notes: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    """Where it listens; `base_url` is where it is asked."""


def server_command(
    checkpoint: Checkpoint, recipe: Recipe | None, machine: Machine, choice: Choice, adapters: Sequence[LoraSettings] = ()
) -> ServerCommand:
    """ConfigError for what this server cannot do on this machine: adapters of layers that it does not adapt, a dtype that the GPU has not."""
    _check_adapters(recipe, choice.engine, adapters)
    notes: list[str] = []
    model, dtype = _variant(checkpoint, recipe, machine, choice, notes)
    tensor, data = _parallel(checkpoint, machine, choice, dtype, notes)
    plan = _Plan(
        model=model,
        name=choice.served_name or _short(checkpoint.model),
        quantize=dtype if dtype == "fp8" and model == checkpoint.model and checkpoint.stored_as not in ("fp8", "nvfp4") else None,
        context=_context(checkpoint, recipe, machine, choice, dtype, tensor, notes),
        tensor=tensor,
        data=data,
        rank=_rank(adapters, choice.max_rank),
        gpu=bool(machine.gpus),
    )
    notes += machine.mismatches
    argv, files = _ENGINES[choice.engine](plan, recipe, choice, adapters)
    flags = recipe.serve.flags.get(choice.engine, ()) if recipe is not None and machine.gpus else ()
    env = dict(recipe.serve.env) if recipe is not None else {}
    if checkpoint.local and model == checkpoint.model:
        env["HF_HUB_OFFLINE"] = "1"
    if choice.engine == "vllm" and plan.rank is not None:
        env["VLLM_ALLOW_RUNTIME_LORA_UPDATING"] = "True"
    return ServerCommand(
        engine=choice.engine,
        argv=(*argv, *flags, *choice.more),
        env=env,
        base_url=f"http://{_asked_at(choice.host)}:{choice.port}/v1",
        served_name=model if choice.engine == "transformers" else plan.name,
        adapters=tuple(adapters),
        files=files,
        notes=tuple(notes),
        host=choice.host,
    )


@dataclass(frozen=True, slots=True)
class _Plan:
    model: str
    name: str
    quantize: str | None
    context: int | None
    tensor: int
    data: int
    rank: int | None
    gpu: bool


def _vllm(plan: _Plan, recipe: Recipe | None, choice: Choice, adapters: Sequence[LoraSettings]) -> tuple[list[str], dict[str, str]]:
    argv = [*_program(choice, "python", "-m", "vllm.entrypoints.openai.api_server"), "--model", plan.model]
    argv += ["--served-model-name", plan.name, "--host", choice.host, "--port", str(choice.port)]
    argv += _given("--max-model-len", plan.context)
    if plan.gpu:
        argv += ["--gpu-memory-utilization", str(_SHARE)]
    argv += _more_than_one("--tensor-parallel-size", plan.tensor) + _more_than_one("--data-parallel-size", plan.data)
    argv += _given("--quantization", plan.quantize)
    if recipe is not None:
        if recipe.serve.tool_parser is not None:
            argv += ["--enable-auto-tool-choice", "--tool-call-parser", recipe.serve.tool_parser]
        argv += _given("--reasoning-parser", recipe.serve.reasoning_parser)
        argv += ["--trust-remote-code"] if recipe.serve.trust_remote_code else []
    if plan.rank is not None:
        argv += ["--enable-lora", "--max-lora-rank", str(plan.rank), "--max-loras", str(max(1, min(8, len(adapters))))]
        argv += ["--lora-modules", *(f"{adapter.name}={adapter.path}" for adapter in adapters)] if adapters else []
    return argv, {}


def _sglang(plan: _Plan, recipe: Recipe | None, choice: Choice, adapters: Sequence[LoraSettings]) -> tuple[list[str], dict[str, str]]:
    argv = [*_program(choice, "python", "-m", "sglang.launch_server"), "--model-path", plan.model]
    argv += ["--served-model-name", plan.name, "--host", choice.host, "--port", str(choice.port)]
    argv += _given("--context-length", plan.context) + _more_than_one("--tp-size", plan.tensor) + _more_than_one("--dp-size", plan.data)
    argv += _given("--quantization", plan.quantize)
    if recipe is not None:
        parsers = recipe.serve.parsers.get("sglang")
        if parsers is not None:
            argv += _given("--tool-call-parser", parsers.tool) + _given("--reasoning-parser", parsers.reasoning)
        argv += ["--trust-remote-code"] if recipe.serve.trust_remote_code else []
    if plan.rank is not None:
        argv += ["--enable-lora", "--max-lora-rank", str(plan.rank), "--max-loras-per-batch", str(max(1, min(8, len(adapters))))]
        argv += ["--lora-paths", *(f"{adapter.name}={adapter.path}" for adapter in adapters)] if adapters else []
    return argv, {}


def _tensorrt(plan: _Plan, recipe: Recipe | None, choice: Choice, adapters: Sequence[LoraSettings]) -> tuple[list[str], dict[str, str]]:
    argv = [*_program(choice, "trtllm-serve"), plan.model, "--backend", "pytorch", "--host", choice.host, "--port", str(choice.port)]
    argv += _given("--max_seq_len", plan.context) + _more_than_one("--tp_size", plan.tensor)
    if recipe is not None:
        parsers = recipe.serve.parsers.get("tensorrt-llm")
        if parsers is not None:
            argv += _given("--tool_parser", parsers.tool) + _given("--reasoning_parser", parsers.reasoning)
        argv += ["--trust_remote_code"] if recipe.serve.trust_remote_code else []
    if plan.rank is None:
        return argv, {}
    targets = sorted({_TENSORRT_NAMES.get(target, target) for adapter in adapters for target in adapter.targets})
    settings = {
        "lora_config": {"lora_target_modules": targets, "max_lora_rank": plan.rank, "lora_dir": [str(each.path) for each in adapters]}
    }
    return [*argv, "--extra_llm_api_options", "{files}/tensorrt-llm.yaml"], {"tensorrt-llm.yaml": json.dumps(settings, indent=1)}


def _transformers(plan: _Plan, recipe: Recipe | None, choice: Choice, adapters: Sequence[LoraSettings]) -> tuple[list[str], dict[str, str]]:
    argv = [*_program(choice, "transformers", "serve"), "--host", choice.host, "--port", str(choice.port)]
    argv += ["--trust-remote-code"] if recipe is not None and recipe.serve.trust_remote_code else []
    argv += ["--continuous-batching"] if plan.gpu else []
    return [*argv, plan.model], {}


_ENGINES: Final = {"vllm": _vllm, "sglang": _sglang, "tensorrt-llm": _tensorrt, "transformers": _transformers}
_TENSORRT_NAMES: Final = {"q_proj": "attn_q", "k_proj": "attn_k", "v_proj": "attn_v", "o_proj": "attn_dense"}


def _check_adapters(recipe: Recipe | None, engine: Engine, adapters: Sequence[LoraSettings]) -> None:
    if not adapters:
        return
    if engine == "transformers":
        raise ConfigError("transformers serve takes no adapters: serve with --engine vllm, or merge the adapter into the model")
    if recipe is None or engine not in recipe.serve.adapted:
        return
    for adapter in adapters:
        for target in adapter.targets:
            kinds = _kinds(recipe, target)
            if kinds and not kinds & set(recipe.serve.adapted[engine]):
                able = [name for name, served in recipe.serve.adapted.items() if kinds & set(served)]
                instead = f"serve with --engine {able[0]}" if able else "merge the adapter into the model"
                raise ConfigError(f"{adapter.path}: {engine} cannot serve an adapter of {target} ({', '.join(sorted(kinds))}): {instead}")


def _kinds(recipe: Recipe, target: str) -> set[str]:
    """The kinds of layer that a target module belongs to: those whose names are the longest that it ends in."""
    matches = {
        kind: max((len(name) for name in names if target == name or target.endswith(f".{name}")), default=0)
        for kind, names in recipe.adapters.targets.items()
    }
    longest = max(matches.values(), default=0)
    return {kind for kind, length in matches.items() if length == longest and length}


def _variant(checkpoint: Checkpoint, recipe: Recipe | None, machine: Machine, choice: Choice, notes: list[str]) -> tuple[str, str | None]:
    """Which checkpoint is served, and as what its weights are held: the widest that leaves room, unless a person has chosen."""
    stored = checkpoint.stored_as
    variants = recipe.serve.variants if recipe is not None and not checkpoint.local else {}
    if not machine.gpus:
        return checkpoint.model, None
    capability = float(machine.gpus[0].capability or 0)
    wanted: str | None = choice.dtype
    if wanted is None:
        if stored in ("fp8", "nvfp4") or checkpoint.billions is None:
            return checkpoint.model, stored
        memory = _SHARE * sum(gpu.memory_mib for gpu in machine.gpus) * 2**20
        fits = [kind for kind in ("bf16", "fp8", "nvfp4") if checkpoint.billions * 1e9 * _WIDTH[kind] < 0.8 * memory]
        able = [kind for kind in fits if capability >= _CAPABILITY[kind] and (kind != "nvfp4" or kind in variants)]
        if not able:
            raise ConfigError(
                f"{checkpoint.model}: {checkpoint.billions:g} billion parameters do not fit {len(machine.gpus)} x {machine.gpus[0].name}"
            )
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
    if wanted == "nvfp4" and stored != "nvfp4":
        raise ConfigError(f"{checkpoint.model} is not stored as nvfp4: give such a checkpoint, or --dtype fp8")
    return checkpoint.model, wanted


def _weights(checkpoint: Checkpoint, dtype: str | None) -> float | None:
    """Bytes."""
    if checkpoint.billions is not None and dtype is not None:
        return checkpoint.billions * 1e9 * _WIDTH[dtype]
    return float(checkpoint.bytes) if checkpoint.bytes is not None else None


def _parallel(checkpoint: Checkpoint, machine: Machine, choice: Choice, dtype: str | None, notes: list[str]) -> tuple[int, int]:
    """As few GPUs a copy as hold it, in a number that divides the heads; the others serve copies."""
    number = len(machine.gpus)
    if number == 0:
        return choice.tensor_parallel or 1, choice.data_parallel or 1
    tensor = choice.tensor_parallel
    weights = _weights(checkpoint, dtype)
    if tensor is None:
        tensor = 1
        while weights is not None and 2 * tensor <= number and weights > 0.7 * _SHARE * machine.gpus[0].memory_mib * 2**20 * tensor:
            tensor *= 2
        if checkpoint.heads is not None and checkpoint.heads % tensor:
            raise ConfigError(f"{checkpoint.heads} heads cannot be split over {tensor} GPUs: give --tensor-parallel")
    data = choice.data_parallel or max(1, number // tensor if weights is not None else 1)
    if tensor * data > number:
        raise ConfigError(f"{tensor} x {data} GPUs are asked for, and there are {number}")
    if tensor * data > 1:
        notes.append(f"{data} cop{'y' if data == 1 else 'ies'} over {tensor} GPU{'' if tensor == 1 else 's'} each")
    return tensor, data


def _context(
    checkpoint: Checkpoint, recipe: Recipe | None, machine: Machine, choice: Choice, dtype: str | None, tensor: int, notes: list[str]
) -> int | None:
    """What was asked for; else what the memory beside the weights holds of some conversations at once, at most what the model was made for."""
    if choice.context is not None:
        return choice.context
    weights = _weights(checkpoint, dtype)
    if not machine.gpus or weights is None or checkpoint.bytes_per_token is None:
        return recipe.serve.context if recipe is not None and machine.gpus else None
    left = _SHARE * machine.gpus[0].memory_mib * 2**20 * tensor - weights - _ACTIVATIONS_MIB * 2**20 * tensor
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


def _rank(adapters: Sequence[LoraSettings], wanted: int | None) -> int | None:
    """The least that a server may be told and that all adapters need; None without any."""
    needed = max([wanted or 0, *(adapter.rank for adapter in adapters)])
    if not needed:
        return None
    if needed > _RANKS[-1]:
        raise ConfigError(f"adapters of rank {needed} are served by none: {_RANKS[-1]} is the most")
    return next(rank for rank in _RANKS if rank >= needed)


def _program(choice: Choice, name: str, *words: str) -> list[str]:
    return [str(choice.environment / "bin" / name) if choice.environment is not None else "python3" if name == "python" else name, *words]


def _asked_at(host: str) -> str:
    if host in ("0.0.0.0", "::"):  # noqa: S104 - what listens everywhere listens here
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _given(option: str, value: object) -> list[str]:
    return [] if value is None else [option, str(value)]


def _more_than_one(option: str, number: int) -> list[str]:
    return [option, str(number)] if number > 1 else []


def _short(model: str) -> str:
    return Path(model).name if Path(model).is_dir() else model
