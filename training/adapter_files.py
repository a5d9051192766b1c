"""Adapters as files: PEFT's layout, and vLLM's, which holds each expert's pair by itself. No model is needed to read, write or turn one into the other.

PEFT holds fused experts as A [E * r, in] and B [out, r * E], its experts running fastest in B. vLLM reads two-dimensional pairs for each expert, one scaling for all,
and separate gate and up projections.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import torch

from training.errors import TrainingError
from training.weights import EXPERT

PREFIX: Final = "base_model.model."
WEIGHTS: Final = "adapter_model.safetensors"
CONFIG: Final = "adapter_config.json"

# What adapter_config.json can ask for besides A and B, by the fields of PEFT's LoraConfig.
_MORE: Final = (
    "bias", "lora_bias", "modules_to_save", "trainable_token_indices", "layer_replication", "fan_in_fan_out", "alora_invocation_tokens", "use_qalora",
    "use_bdlora", "arrow_config", "kasa_config", "monteclora_config",
)  # fmt: skip
_OF_THE_BASE: Final = ("pissa", "olora", "corda", "loftq", "lora_ga")
"""Beginnings for which PEFT takes a part out of the base's weights."""

_Alone = dict[tuple[str, str], dict[int, tuple[torch.Tensor, torch.Tensor]]]


@dataclass(frozen=True, slots=True)
class Pair:
    """What is added to a weight: scaling * B A."""

    owner: str
    """The module's name in the model."""
    fused: str | None
    """The name of a fused experts' weight in it; None: it is a linear layer."""
    a: torch.Tensor
    """[r, in], or [E, r, in]."""
    b: torch.Tensor
    """[out, r], or [E, out, r]."""
    scaling: float
    magnitude: torch.Tensor | None = None
    """[out], with DoRA: the norms that the sum's rows are given."""

    @property
    def rank(self) -> int:
        return self.a.shape[-2]

    @property
    def name(self) -> str:
        return self.owner if self.fused is None else f"{self.owner}.{self.fused}"

    def delta(self) -> torch.Tensor:
        """fp32, of the weight's shape."""
        return self.scaling * (self.b.float() @ self.a.float())


@dataclass(frozen=True, slots=True)
class Adapter:
    pairs: tuple[Pair, ...]
    config: Mapping[str, Any]
    """adapter_config.json as it was found."""


def read_adapter(directory: Path) -> Adapter:
    """Of PEFT's layout or of vLLM's. TrainingError when it is neither, or has a part besides LoRA's pairs: what is left out here is left out of whatever the
    adapter is then compared with as well, and no comparison would tell."""
    config, tensors = _stored(directory)
    base_rank = int(config["r"])
    names = sorted({key.removeprefix(PREFIX).rsplit(".lora_", 1)[0] for key in tensors if ".lora_" in key})
    pairs: list[Pair] = []
    alone: _Alone = defaultdict(dict)
    for name in names:
        try:
            a, b = (tensors.pop(f"{PREFIX}{name}.lora_{part}.weight") for part in ("A", "B"))
        except KeyError as error:
            raise TrainingError(f"{directory}: {name} has no {error}; is the adapter whole?") from error
        if expert := EXPERT.match(name):
            alone[expert[1], expert[3]][int(expert[2])] = (a, b)
            continue
        owner = name.removesuffix(".base_layer")
        fused = _fused_name(config, owner, inner=name != owner, both=f"{owner}.base_layer" in names)
        full = owner if fused is None else f"{owner}.{fused}"
        rank = _of_pattern(config.get("rank_pattern"), full, base_rank)
        scaling = _scaling(config, full, rank)
        if fused is not None:
            experts = a.shape[0] // rank
            if a.shape[0] != experts * rank or b.shape[1] != experts * rank:
                raise TrainingError(f"{directory}: {full} is not of rank {rank}, which adapter_config.json has for it")
            a, b = a.view(experts, rank, -1), b.view(b.shape[0], rank, experts).permute(2, 0, 1)
        magnitude = tensors.pop(f"{PREFIX}{name}.lora_magnitude_vector", None)
        if (magnitude is not None) != bool(config.get("use_dora")):
            raise TrainingError(f"{directory}: {full} is {'without' if magnitude is None else 'with'} DoRA, against adapter_config.json")
        pairs.append(Pair(owner, fused, a, b, scaling, magnitude))
    pairs += _fused_pairs(alone, config, directory)
    if tensors:
        raise TrainingError(f"{directory}: {min(tensors)!r} is no part of a LoRA pair, and the adapter is not the same without it")
    if not pairs:
        raise TrainingError(f"{directory}: there is no LoRA pair in {WEIGHTS}")
    return Adapter(tuple(pairs), config)


def _stored(directory: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """adapter_config.json and the tensors. TrainingError when they cannot be read, or are of more than LoRA."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        config = json.loads((directory / CONFIG).read_text(encoding="utf-8"))
        int(config["r"]), float(config["lora_alpha"])
        tensors = load_file(directory / WEIGHTS)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise TrainingError(f"{directory}: not an adapter in PEFT's layout: {error}") from error
    if config.get("peft_type") != "LORA":
        raise TrainingError(f"{directory}: the adapter is of the type {config.get('peft_type')}; only LORA is read")
    for name in _MORE:
        if config.get(name) not in (None, False, "none", [], {}):
            raise TrainingError(
                f"{directory}: {CONFIG} sets {name} to {json.dumps(config[name])[:80]}, which is more than LoRA's pairs: it would be lost"
            )
    if str(config.get("init_lora_weights")).startswith(_OF_THE_BASE):
        raise TrainingError(
            f"{directory}: {CONFIG} sets init_lora_weights to {config['init_lora_weights']!r}, with which PEFT changes the base; convert it to plain LoRA with PEFT"
        )
    return config, tensors


def write_peft(adapter: Adapter, directory: Path) -> None:
    """Fused experts as PEFT holds them; the scaling of each pair by its own alpha."""
    tensors: dict[str, torch.Tensor] = {}
    by_owner: dict[str, list[Pair]] = defaultdict(list)
    for pair in adapter.pairs:
        by_owner[pair.owner].append(pair)
    for owner, pairs in by_owner.items():
        # The first weight of a module is the inner of PEFT's wrappers.
        places = [".base_layer", ""][-len(pairs) :]
        for place, pair in zip(places, sorted(pairs, key=lambda one: one.fused == "down_proj"), strict=True):
            key = f"{PREFIX}{owner}{place}"
            if pair.fused is None:
                tensors |= {f"{key}.lora_A.weight": pair.a, f"{key}.lora_B.weight": pair.b}
            else:
                tensors |= {f"{key}.lora_A.weight": pair.a.reshape(-1, pair.a.shape[2])}
                tensors |= {f"{key}.lora_B.weight": pair.b.permute(1, 2, 0).reshape(pair.b.shape[1], -1)}
            if pair.magnitude is not None:
                tensors[f"{key}.lora_magnitude_vector"] = pair.magnitude
    largest = max(pair.rank for pair in adapter.pairs)
    rslora = bool(adapter.config.get("use_rslora"))
    alphas = {pair.name: pair.scaling * (pair.rank**0.5 if rslora else pair.rank) for pair in adapter.pairs}
    config = dict(adapter.config) | {
        "r": largest,
        "lora_alpha": alphas[adapter.pairs[0].name],
        "rank_pattern": {pair.name: pair.rank for pair in adapter.pairs if pair.rank != largest},
        "alpha_pattern": {name: alpha for name, alpha in alphas.items() if alpha != alphas[adapter.pairs[0].name]},
        "target_modules": sorted(pair.owner for pair in adapter.pairs if pair.fused is None) or None,
        "target_parameters": [pair.name for pair in adapter.pairs if pair.fused is not None] or None,
    }
    _write(directory, tensors, config)


def write_vllm(adapter: Adapter, directory: Path) -> None:
    """A pair for each expert, in two dimensions. The scaling goes into B: vLLM knows one for the whole adapter."""
    if any(pair.magnitude is not None for pair in adapter.pairs):
        raise TrainingError("vLLM serves no DoRA; export the merged checkpoint instead")
    tensors: dict[str, torch.Tensor] = {}
    for pair in adapter.pairs:
        for name, a, b in _separate(pair):
            tensors[f"{PREFIX}{name}.lora_A.weight"] = a
            tensors[f"{PREFIX}{name}.lora_B.weight"] = b.float() * pair.scaling
    largest = max(pair.rank for pair in adapter.pairs)
    config = dict(adapter.config) | {
        "r": largest,
        "lora_alpha": largest,
        "use_rslora": False,
        "rank_pattern": {},
        "alpha_pattern": {},
        "target_modules": sorted({key.removesuffix(".lora_A.weight").rsplit(".", 1)[1] for key in tensors if ".lora_A." in key}),
        "target_parameters": None,
    }
    _write(directory, tensors, config)


def digest(directory: Path) -> str:
    """SHA-256 of the adapter's tensors as they lie in the file. TrainingError when there is none."""
    try:
        with (directory / WEIGHTS).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise TrainingError(f"{directory}: not an adapter in PEFT's layout: {error}") from error


def _separate(pair: Pair) -> Iterable[tuple[str, torch.Tensor, torch.Tensor]]:
    if pair.fused is None:
        yield pair.owner, pair.a, pair.b
        return
    for expert, (a, b) in enumerate(zip(pair.a, pair.b, strict=True)):
        if pair.fused == "gate_up_proj":
            for part, rows in zip(("gate_proj", "up_proj"), b.chunk(2), strict=True):
                yield f"{pair.owner}.{expert}.{part}", a, rows
        else:
            yield f"{pair.owner}.{expert}.{pair.fused}", a, b


def _fused_pairs(alone: _Alone, config: Mapping[str, Any], directory: Path) -> list[Pair]:
    """Of the experts' single ones; gate and up, which share an A, become one."""
    pairs = []
    for (owner, part), experts in alone.items():
        if sorted(experts) != list(range(len(experts))):
            raise TrainingError(f"{directory}: {owner} lacks an expert between 0 and {max(experts)}")
        if len({(a.shape, b.shape) for a, b in experts.values()}) > 1:
            raise TrainingError(f"{directory}: the experts' pairs of {owner}.{part} are not of one shape")
        if part == "gate_proj":
            if len(alone.get((owner, "up_proj"), ())) != len(experts):
                raise TrainingError(f"{directory}: {owner} has not as many up_proj as gate_proj; only both together can be read back")
            continue
        a, b = (torch.stack([experts[expert][place] for expert in range(len(experts))]) for place in (0, 1))
        # By the rank that the configuration says, not the pair's own: vLLM knows no other.
        pair = Pair(owner, part, a, b, _scaling(config, f"{owner}.{part}", int(config["r"])))
        if part == "up_proj" and (owner, "gate_proj") in alone:
            gates = alone[owner, "gate_proj"]
            if not all(torch.equal(gates[expert][0], experts[expert][0]) for expert in experts):
                raise TrainingError(f"{directory}: gate and up of {owner} have different A; only a fused pair can be read back")
            pair = replace(
                pair, fused="gate_up_proj", b=torch.cat([torch.stack([gates[expert][1] for expert in range(len(experts))]), b], dim=1)
            )
        pairs.append(pair)
    return sorted(pairs, key=lambda pair: (pair.owner, pair.fused == "down_proj"))


def _fused_name(config: Mapping[str, Any], owner: str, *, inner: bool, both: bool) -> str | None:
    names = [target.rpartition(".")[2] for target in config.get("target_parameters") or () if owner.endswith(target.rpartition(".")[0])]
    if not owner.endswith(".experts"):
        return None
    if not names:
        raise TrainingError(f"adapter_config.json: target_parameters does not name the weights of {owner}")
    ordered = sorted(dict.fromkeys(names), key=lambda name: name == "down_proj")
    return ordered[0] if inner or not both else ordered[-1]


def _scaling(config: Mapping[str, Any], name: str, rank: int) -> float:
    alpha = float(_of_pattern(config.get("alpha_pattern"), name, config["lora_alpha"]))
    return alpha / (rank**0.5 if config.get("use_rslora") else rank)


def _of_pattern(patterns: Mapping[str, Any] | None, name: str, otherwise: Any) -> Any:
    """As PEFT looks them up: the first pattern that is the name, or its end after a dot."""
    for pattern, value in (patterns or {}).items():
        if re.match(rf"(.*\.)?({pattern})$", name):
            return value
    return otherwise


def _write(directory: Path, tensors: Mapping[str, torch.Tensor], config: Mapping[str, Any]) -> None:
    from safetensors.torch import save_file

    directory.mkdir(parents=True, exist_ok=True)
    save_file(
        {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()},
        directory / WEIGHTS,
        metadata={"format": "pt"},
    )
    (directory / CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
