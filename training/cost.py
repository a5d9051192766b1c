"""What training costs, by stated formulas: operations a token, and a guess of memory and time before anything is loaded.

Operations. A matrix of n weights takes 2n a token forward and 2n backward for the gradient of what goes in; frozen ones need no gradient of their own. Layers
that are run again in the backward pass take the forward once more: 6n in all. The head is paid for learned tokens alone (twice forward, once backward: 6n). Of an
expert only the share of tokens that is routed to it counts. Attention between tokens takes 12 · layers · heads · head size · half the document's length a token.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import torch

from training.experts import Experts

# Dense bf16 with fp32 sums, in TFLOP/s, as the makers' data sheets say.
_PEAKS: Final = {
    "B200": 2250.0, "H200": 989.0, "H100 PCIe": 756.0, "H100": 989.0, "GH200": 989.0, "A100": 312.0, "L40S": 362.0, "L4": 121.0,
    "A10": 125.0, "RTX 5090": 209.5, "RTX 4090": 165.2, "RTX 3090": 71.0, "GB10": 125.0,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one model."""

    active: float
    """Matrix weights that a token meets, without embeddings and head."""
    head: float
    attention: float
    """Layers · heads · head size of the attention layers."""
    peak: float | None
    """FLOP/s of one device; None: not known."""
    mean_length: float = 0.0
    """Of a document, in tokens."""

    def operations(self, tokens: float, learned: float) -> float:
        return tokens * (6 * self.active + 12 * self.attention * self.mean_length / 2) + learned * 6 * self.head

    def mfu(self, tokens: float, learned: float, seconds: float, devices: int) -> float | None:
        """The share of the peak that is used."""
        return None if self.peak is None else self.operations(tokens, learned) / seconds / self.peak / devices


def cost_of(model: Any, device: torch.device, *, peak_tflops: float | None, mean_length: float) -> Cost:
    """Of a model on any device, the meta device too."""
    config = model.config.get_text_config()
    head = model.get_output_embeddings()
    embeddings = {id(model.get_input_embeddings()), id(head)}
    share = _routed_share(config)
    active = 0.0
    for module in model.modules():
        if isinstance(module, Experts):
            active += share * sum(shape.numel() for shape in module.shapes.values())
        elif isinstance(module, torch.nn.Linear) and id(module) not in embeddings:
            active += module.in_features * module.out_features
    peak = peak_tflops if peak_tflops is not None else _peak(device)
    heads = getattr(config, "num_attention_heads", 0) * (getattr(config, "head_dim", None) or 0)
    return Cost(
        active=active,
        head=float(config.vocab_size * config.hidden_size),
        attention=float(_attention_layers(config) * heads),
        peak=None if peak is None else peak * 1e12,
        mean_length=mean_length,
    )


def _routed_share(config: Any) -> float:
    routed = getattr(config, "num_experts_per_tok", None)
    experts = (
        getattr(config, "n_routed_experts", None) or getattr(config, "num_experts", None) or getattr(config, "num_local_experts", None)
    )
    return routed / experts if routed and experts else 1.0


def _attention_layers(config: Any) -> int:
    kinds = getattr(config, "layers_block_type", None) or getattr(config, "layer_types", None) or ()
    counted = sum("attention" in str(kind) and "linear" not in str(kind) for kind in kinds)
    return counted or int(getattr(config, "num_hidden_layers", 0))


def _peak(device: torch.device) -> float | None:
    if device.type != "cuda":
        return None
    name = torch.cuda.get_device_name(device)
    return next((peak for card, peak in _PEAKS.items() if card in name), None)
