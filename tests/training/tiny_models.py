"""Models of a few thousand random weights that lie on the disk as real ones do: configuration, safetensors, tokenizer with a chat template."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.training.chat_models import family_tokenizer


def save_qwen3(directory: Path) -> Path:
    from transformers import Qwen3Config, Qwen3ForCausalLM

    return _saved(directory, "qwen3", Qwen3ForCausalLM, lambda size: Qwen3Config(
        vocab_size=size, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1, head_dim=16,
        max_position_embeddings=4096, tie_word_embeddings=False,
    ))  # fmt: skip


def save_nemotron_h(directory: Path) -> Path:
    """Every kind of layer: Mamba, attention, mixture of experts, dense."""
    from transformers import NemotronHConfig, NemotronHForCausalLM

    return _saved(directory, "nemotron-3-nano", NemotronHForCausalLM, lambda size: NemotronHConfig(
        vocab_size=size, hidden_size=32, layers_block_type=["mamba", "moe", "attention", "mamba", "moe"], num_attention_heads=2, num_key_value_heads=1,
        head_dim=16, intermediate_size=48, mamba_num_heads=4, mamba_head_dim=8, ssm_state_size=8, n_groups=2, conv_kernel=4, chunk_size=64,
        n_routed_experts=4, num_experts_per_tok=2, moe_intermediate_size=32, moe_shared_expert_intermediate_size=48, n_shared_experts=1,
        max_position_embeddings=4096,
    ))  # fmt: skip


def _saved(directory: Path, recipe: str, kind: Any, configured: Any) -> Path:
    import torch

    tokenizer = family_tokenizer(recipe)
    torch.manual_seed(0)
    model = kind(configured(len(tokenizer)))
    # A head that is frozen and nearly zero could say nothing whatever its inputs are.
    model.lm_head.weight.data.normal_(0.0, 0.3)
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


def write_rows(file: Path, rows: Sequence[dict[str, Any]]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file
