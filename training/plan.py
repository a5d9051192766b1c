"""What would be trained, before anything is loaded: the data as they will be, the model on the meta device, and a prediction of memory and time.

Memory is a sum of what is known to be there, and a guess to plan with; what a card shows may differ by a fifth:

    weights         2 bytes each in bf16; 0.5625 in 4 bits (with a magnitude for 64), embeddings, head, norms and routers in 2
    adapters        4 bytes a weight and 4 for its gradient, and the optimizer's states: 8 (AdamW), 4 (Muon), 2 (8 bits);
                    4 more for the reference of DPO that goes on from an adapter
    stream          T · hidden · 2 bytes a layer: what each keeps to be run again
    kept            hidden rows of routed experts, T · k · width · 2 bytes a mixture layer, unless base.keep is `least`; with `most` Mamba's too
    working set     6 · T · 2 bytes · the widest row within a layer
    expanded        one layer's largest 4-bit weight in bf16, twice
    logits          2 · 2,048 rows · vocabulary · 4 bytes

T is packing.tokens. Time is the operations of `training.cost` at 35% of the peak; 40% were measured at full shape and 16k on an H200 (benchmarks/NOTES.md), short rows reach less.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import torch

from training.bins import pack
from training.config import Config, DaptConfig, DpoConfig, Method
from training.cost import Cost, cost_of
from training.data_card import DataCard
from training.dataset import Dataset, PairExample
from training.examples import Example
from training.family import Family
from training.four_bits import FourBits
from training.model import Matched, attach_adapters, begin_from, planned_base
from training.prepared import data_card, read_data, start_sentence
from training.processes import device_of

MFU: Final = 0.35
_STATES: Final = {"adamw": 8, "muon": 4, "adamw_8bit": 2, "paged_adamw": 8, "paged_adamw_8bit": 2}


@dataclass(frozen=True, slots=True)
class Plan:
    card: DataCard
    matched: Mapping[str, Matched]
    base_parameters: int
    trainable: int
    rows: int
    """Packed, in one epoch."""
    fill: float
    """The share of their budget that holds tokens."""
    steps: int
    tokens: int
    """Over all steps."""
    memory: Mapping[str, float]
    """GiB by part."""
    seconds: float | None
    """None: nobody knows what the machine does."""
    operations: float
    start: str | None = None
    """From which adapter training goes on."""

    @property
    def memory_gib(self) -> float:
        return sum(self.memory.values())


def make_plan(method: Method, config: Config) -> Plan:
    """TrainingError for all that training would refuse before its first step, a target that matches nothing among it. Of a base that is no directory here, its
    configuration alone is looked at; of checkpoints that the run would go on from, none."""
    card, lengths, family = _data(method, config)
    device = device_of(config.machine.device)
    model = planned_base(family.config, config.base, family.recipe)
    base_parameters = sum(each.numel() for each in model.parameters())
    base_parameters += sum(each.shape.numel() for each in model.modules() if isinstance(each, FourBits))
    matched = attach_adapters(model, family.recipe, config.adapters, device=device)
    start = config.adapters.start
    if start is not None:
        begin_from(model, start)
    trainable = sum(each.numel() for each in model.parameters() if each.requires_grad)
    rows = pack(lengths, config.packing.tokens, config.length.seed)
    total_rows = math.ceil(config.length.epochs * len(rows))
    steps = config.length.steps if config.length.steps is not None else math.ceil(total_rows / config.length.rows_per_step)
    if config.length.steps is not None:
        total_rows = steps * config.length.rows_per_step
    share = total_rows / len(rows)
    cost = cost_of(model, device, peak_tflops=config.machine.peak_tflops, mean_length=card.train.tokens / max(1, card.train.examples))
    operations = _operations(config, cost, card, share)
    return Plan(
        card=card,
        matched=matched,
        base_parameters=base_parameters,
        trainable=trainable,
        rows=len(rows),
        fill=sum(lengths) / (len(rows) * config.packing.tokens),
        steps=steps,
        tokens=round(share * card.train.tokens),
        memory=_memory(config, model, trainable),
        seconds=None if cost.peak is None else operations / (cost.peak * MFU),
        operations=operations,
        start=start_sentence(start) if start is not None else None,
    )


def sentences(plan: Plan) -> list[str]:
    """The plan for a person, without what the card says."""
    lines = [f"adapters on {kind}: {len(found.modules)} modules, {found.parameters:,} parameters" for kind, found in plan.matched.items()]
    if plan.start is not None:
        lines.append(plan.start)
    lines.append(
        f"{plan.trainable:,} trainable parameters on a base of {plan.base_parameters:,} ({100 * plan.trainable / plan.base_parameters:.3f}%)"
    )
    lines.append(f"{plan.rows:,} packed rows an epoch, {100 * plan.fill:.1f}% full; {plan.steps:,} steps, {plan.tokens:,} tokens")
    parts = ", ".join(f"{name} {value:.2f}" for name, value in plan.memory.items() if value >= 0.005)
    lines.append(f"predicted peak memory: {plan.memory_gib:.2f} GiB ({parts or 'next to nothing'})")
    time = (
        f"{_duration(plan.seconds)} at {100 * MFU:.0f}% of the peak" if plan.seconds is not None else "not known: set machine.peak_tflops"
    )
    lines.append(f"predicted time: {time} ({plan.operations / 1e15:,.3f} PFLOP)")
    return lines


def _data(method: Method, config: Config) -> tuple[DataCard, list[int], Family]:
    family: Family
    train: Dataset[Example] | Dataset[PairExample]
    validation: Dataset[Example] | Dataset[PairExample] | None
    if isinstance(config, DaptConfig):
        middle, seed = config.fill_in_the_middle, config.length.seed
        family, train, validation = read_data(config, lambda made, split: made.texts(split, middle if split == "train" else None, seed))
    elif isinstance(config, DpoConfig):
        family, train, validation = read_data(config, lambda made, split: made.pairs(split))
    else:
        family, train, validation = read_data(config, lambda made, split: made.conversations(split))
    card = data_card(method, config, family, train.card, validation.card if validation else None)
    return card, [len(each) for each in train.items], family


def _operations(config: Config, cost: Cost, card: DataCard, share: float) -> float:
    one = cost.operations(card.train.tokens, card.train.learned_tokens) * share
    # The reference of DPO is one more forward pass, a third of the whole.
    return one * 4 / 3 if isinstance(config, DpoConfig) and config.preference.loss == "dpo" else one


def _memory(config: Config, model: Any, trainable: int) -> dict[str, float]:
    from training.experts import Experts

    shape = model.config.get_text_config()
    tokens = config.packing.tokens
    width = {"fp32": 4.0, "bf16": 2.0}.get(config.base.precision)
    whole = 4.0 if config.base.precision == "fp32" else 2.0
    weights = expanded = 0.0
    widest = hidden = float(shape.hidden_size)
    kept = 0.0
    routed = getattr(shape, "num_experts_per_tok", None) or 1
    for name, module in model.named_modules():
        if isinstance(module, Experts):
            sizes = [each.numel() for each in module.shapes.values()]
            inner = routed * module.shapes["down_proj"][-1]
            kept += inner * tokens * whole if config.base.keep != "least" and shape.model_type == "nemotron_h" else 0.0
            widest = max(widest, inner)
        elif isinstance(module, torch.nn.Linear) and ".lora_" not in name and not name.endswith(("lm_head", "gate", "router")):
            sizes = [module.in_features * module.out_features]
            widest = max(widest, module.in_features, module.out_features)
            layer = name.removesuffix(".base_layer")
            if config.base.keep == "most" and layer.endswith(("in_proj", "out_proj")):
                kept += tokens * whole * (module.out_features if layer.endswith("in_proj") else module.in_features)
        else:
            continue
        weights += sum(sizes) * (0.5625 if width is None else width)
        expanded = max(expanded, 2.0 * 2 * max(sizes) if width is None else 0.0)
    weights += 2 * shape.vocab_size * hidden * whole
    layers = int(shape.num_hidden_layers)
    states = _STATES[config.optimizer.name]
    held = 4.0 if isinstance(config, DpoConfig) and config.adapters.start is not None and config.preference.loss == "dpo" else 0.0
    parts = {
        "weights": weights / (_processes() if config.machine.spread == "shard" else 1),
        "adapters": trainable * (4.0 + 4.0 + states + held),
        "stream": tokens * hidden * whole * layers,
        "kept": kept,
        "working set": 6 * tokens * whole * widest,
        "expanded": expanded,
        "logits": 2 * min(2048, tokens) * shape.vocab_size * 4.0,
    }
    return {name: value / 2**30 for name, value in parts.items()}


def _processes() -> int:
    import os

    return int(os.environ.get("WORLD_SIZE", "1"))


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
