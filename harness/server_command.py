"""From a recipe, a checkpoint and a machine to the command that serves the model, in each server's own words, with the reasons for what was chosen.

An option that a server has no words for is refused: what is left out without a word is taken to hold.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from harness.checkpoint import Checkpoint, LoraSettings
from harness.config import ConfigError
from harness.machine import Machine
from harness.server_fit import Choice, Fit, fit
from training.recipe import Engine, Recipe

__all__ = ["Choice", "ServerCommand", "server_command"]

_RANKS: Final = (8, 16, 32, 64, 128, 256, 320, 512)


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

    def argv_at(self, directory: Path) -> list[str]:
        """The command, with its files in `directory`."""
        return [word.replace("{files}", str(directory)) for word in self.argv]


def server_command(
    checkpoint: Checkpoint, recipe: Recipe | None, machine: Machine, choice: Choice, adapters: Sequence[LoraSettings] = ()
) -> ServerCommand:
    """ConfigError for what this server cannot do on this machine: adapters of layers that it does not adapt, a dtype that the GPU has not."""
    _check_adapters(recipe, choice.engine, adapters)
    _check_choice(machine, choice)
    notes = [] if checkpoint.local else [f"{checkpoint.model} is no directory here: it is taken for a hub's name"]
    fitted = fit(checkpoint, recipe, machine, choice, notes, copies=choice.engine in _COPIES, splits=choice.engine != "transformers")
    if fitted.quantize is not None and choice.engine not in _QUANTIZES:
        raise ConfigError(
            f"{choice.engine} makes no {fitted.quantize} of other weights: give a checkpoint that is stored so, or --engine vllm"
        )
    name = choice.served_name or (_short(checkpoint.model) if choice.engine != "transformers" else fitted.model)
    rank = _rank(adapters, choice.max_rank)
    plan = _Plan(fitted, choice, recipe, tuple(adapters), name, rank, gpu=bool(machine.gpus))
    notes += machine.mismatches
    argv, files = _ENGINES[choice.engine](plan)
    flags = recipe.serve.flags.get(choice.engine, ()) if recipe is not None and machine.gpus else ()
    env = dict(recipe.serve.env) if recipe is not None else {}
    if checkpoint.local and fitted.model == checkpoint.model:
        env["HF_HUB_OFFLINE"] = "1"
    if choice.engine == "vllm" and rank is not None:
        env["VLLM_ALLOW_RUNTIME_LORA_UPDATING"] = "True"
    return ServerCommand(
        engine=choice.engine,
        argv=(*argv, *flags, *choice.more),
        env=env,
        base_url=f"http://{_asked_at(choice.host)}:{choice.port}/v1",
        served_name=name,
        adapters=tuple(adapters),
        files=files,
        notes=tuple(notes),
        host=choice.host,
    )


@dataclass(frozen=True, slots=True)
class _Plan:
    fitted: Fit
    choice: Choice
    recipe: Recipe | None
    adapters: tuple[LoraSettings, ...]
    name: str
    rank: int | None
    gpu: bool

    @property
    def dtype(self) -> str | None:
        """As PyTorch calls it, where a person has asked for it; None: as it is stored."""
        return "bfloat16" if self.choice.dtype == "bf16" else None

    @property
    def trusted(self) -> bool:
        return self.recipe is not None and self.recipe.serve.trust_remote_code

    @property
    def named(self) -> list[str]:
        return [f"{adapter.name}={adapter.path}" for adapter in self.adapters]

    def targets(self) -> list[str]:
        """The layers that adapters may be of, by the last part of their names: those of the recipe that the server adapts, and the adapters' own."""
        layers: list[str] = [target for adapter in self.adapters for target in adapter.targets]
        if self.recipe is not None:
            of = self.recipe.adapters.targets
            layers += [name for kind in self.recipe.serve.adapted.get(self.choice.engine, tuple(of)) for name in of[kind]]
        return sorted({name.rpartition(".")[2] for name in layers})


_Made = tuple[list[str], dict[str, str]]
"""The command, and the files that it names."""


def _vllm(plan: _Plan) -> _Made:
    fitted, choice, recipe = plan.fitted, plan.choice, plan.recipe
    argv = [*_program(choice, "python", "-m", "vllm.entrypoints.openai.api_server"), "--model", fitted.model]
    argv += ["--served-model-name", plan.name, "--host", choice.host, "--port", str(choice.port)]
    argv += _given("--max-model-len", fitted.context) + _given("--dtype", plan.dtype)
    if plan.gpu:
        argv += ["--gpu-memory-utilization", f"{fitted.share:g}"]
    argv += _more_than_one("--tensor-parallel-size", fitted.tensor) + _more_than_one("--data-parallel-size", fitted.data)
    argv += _given("--quantization", fitted.quantize)
    if recipe is not None and recipe.serve.tool_parser is not None:
        argv += ["--enable-auto-tool-choice", "--tool-call-parser", recipe.serve.tool_parser]
    argv += _given("--reasoning-parser", recipe.serve.reasoning_parser if recipe is not None else None)
    argv += ["--trust-remote-code"] if plan.trusted else []
    if plan.rank is not None:
        argv += ["--enable-lora", "--max-lora-rank", str(plan.rank), "--max-loras", str(max(1, min(8, len(plan.adapters))))]
        argv += ["--lora-modules", *plan.named] if plan.adapters else []
    return argv, {}


def _sglang(plan: _Plan) -> _Made:
    fitted, choice, recipe = plan.fitted, plan.choice, plan.recipe
    argv = [*_program(choice, "python", "-m", "sglang.launch_server"), "--model-path", fitted.model]
    argv += ["--served-model-name", plan.name, "--host", choice.host, "--port", str(choice.port)]
    argv += _given("--context-length", fitted.context) + _given("--dtype", plan.dtype)
    argv += _more_than_one("--tp-size", fitted.tensor) + _more_than_one("--dp-size", fitted.data)
    argv += _given("--quantization", fitted.quantize)
    parsers = recipe.serve.parsers.get("sglang") if recipe is not None else None
    if parsers is not None:
        argv += _given("--tool-call-parser", parsers.tool) + _given("--reasoning-parser", parsers.reasoning)
    argv += ["--trust-remote-code"] if plan.trusted else []
    if plan.rank is not None:  # a batch has one place more than adapters: the base's own
        argv += ["--enable-lora", "--max-lora-rank", str(plan.rank), "--max-loras-per-batch", str(max(2, min(8, len(plan.adapters) + 1)))]
        argv += ["--lora-target-modules", *(plan.targets() if recipe is not None else ["all"])]
        argv += ["--lora-paths", *plan.named] if plan.adapters else []
    return argv, {}


def _tensorrt(plan: _Plan) -> _Made:
    fitted, choice, recipe = plan.fitted, plan.choice, plan.recipe
    argv = [*_program(choice, "trtllm-serve"), fitted.model, "--backend", "pytorch", "--host", choice.host, "--port", str(choice.port)]
    argv += _given("--max_seq_len", fitted.context) + _more_than_one("--tp_size", fitted.tensor)
    parsers = recipe.serve.parsers.get("tensorrt-llm") if recipe is not None else None
    if parsers is not None:
        argv += _given("--tool_parser", parsers.tool) + _given("--reasoning_parser", parsers.reasoning)
    argv += ["--trust_remote_code"] if plan.trusted else []
    settings: dict[str, object] = {"dtype": plan.dtype} if plan.dtype is not None else {}
    if plan.rank is not None:
        layers = [_TENSORRT_NAMES[name] for name in plan.targets() if name in _TENSORRT_NAMES]
        if not layers:
            raise ConfigError("tensorrt-llm wants to know whose layers are adapted: give --recipe, or an --adapter")
        places = [str(each.path) for each in plan.adapters]
        settings["lora_config"] = {"lora_target_modules": layers, "max_lora_rank": plan.rank, "lora_dir": places}
    if not settings:
        return argv, {}
    return [*argv, "--extra_llm_api_options", "{files}/tensorrt-llm.yaml"], {"tensorrt-llm.yaml": json.dumps(settings, indent=1)}


def _transformers(plan: _Plan) -> _Made:
    argv = [*_program(plan.choice, "transformers", "serve"), "--host", plan.choice.host, "--port", str(plan.choice.port)]
    argv += _given("--dtype", plan.dtype)
    argv += ["--trust-remote-code"] if plan.trusted else []
    argv += ["--continuous-batching"] if plan.gpu else []
    return [*argv, plan.fitted.model], {}


_ENGINES: Final = {"vllm": _vllm, "sglang": _sglang, "tensorrt-llm": _tensorrt, "transformers": _transformers}
_COPIES: Final = ("vllm", "sglang")
_QUANTIZES: Final = ("vllm", "sglang")
_TENSORRT_NAMES: Final = {
    "q_proj": "attn_q", "k_proj": "attn_k", "v_proj": "attn_v", "o_proj": "attn_dense",
    "gate_proj": "mlp_h_to_4h", "up_proj": "mlp_gate", "down_proj": "mlp_4h_to_h",
}  # fmt: skip


def _check_choice(machine: Machine, choice: Choice) -> None:
    """ConfigError for what the server cannot be told."""
    if choice.engine == "transformers":
        for option, value in (("--context", choice.context), ("--max-lora-rank", choice.max_rank)):
            if value is not None:
                raise ConfigError(f"transformers serve takes no {option}: serve with --engine vllm")
    if choice.engine in ("transformers", "tensorrt-llm") and choice.served_name is not None:
        raise ConfigError(f"{choice.engine} serves a model under its own name: it takes no --served-name")
    if choice.engine == "tensorrt-llm" and not machine.gpus:
        raise ConfigError("tensorrt-llm needs a GPU, and none is seen here")


def _check_adapters(recipe: Recipe | None, engine: Engine, adapters: Sequence[LoraSettings]) -> None:
    if not adapters:
        return
    names = [adapter.name for adapter in adapters]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ConfigError(f"two adapters are called {twice[0]!r}: give each a name of its own")
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
