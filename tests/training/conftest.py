"""Tiny models of random weights with every kind of layer, on the disk and off, packed rows for them, and configurations that train them in seconds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.training.chat_models import answer, user

if TYPE_CHECKING:
    from collections.abc import Callable

    from training.batch import Batch


@pytest.fixture(scope="session")
def nemotron_config() -> Callable[[], Any]:
    def make() -> Any:
        from transformers import NemotronHConfig

        return NemotronHConfig(
            vocab_size=96,
            hidden_size=64,
            layers_block_type=["linear_attention", "moe", "full_attention", "mlp", "moe", "linear_attention"],
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=16,
            intermediate_size=64,
            mamba_num_heads=8,
            mamba_head_dim=8,
            n_groups=2,
            ssm_state_size=16,
            chunk_size=16,
            n_routed_experts=4,
            num_experts_per_tok=2,
            moe_intermediate_size=32,
            moe_shared_expert_intermediate_size=64,
        )

    return make


@pytest.fixture(scope="session")
def ordinary_config() -> Callable[[str], Any]:
    """Of `qwen3`, `qwen3_moe`, `llama` or `smollm3`."""

    def make(family: str) -> Any:
        import transformers

        shape: dict[str, Any] = {
            "vocab_size": 96,
            "hidden_size": 64,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 16,
            "max_position_embeddings": 256,
            "pad_token_id": 0,
        }
        if family == "qwen3_moe":
            shape |= {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32, "norm_topk_prob": True}
        kind = {"qwen3": "Qwen3Config", "qwen3_moe": "Qwen3MoeConfig", "llama": "LlamaConfig", "smollm3": "SmolLM3Config"}[family]
        return getattr(transformers, kind)(**shape)

    return make


@pytest.fixture(scope="session")
def packed_row() -> Callable[..., Batch]:
    """Of documents of the lengths given; all tokens but the first of each are learnt, or the share that is asked for."""

    def make(*lengths: int, seed: int = 0, share: float = 1.0) -> Batch:
        import torch

        from training.batch import NO_LOSS, Batch

        generator = torch.Generator().manual_seed(seed)
        ids = torch.randint(0, 96, (1, sum(lengths)), generator=generator)
        positions = torch.cat([torch.arange(length) for length in lengths])[None]
        learnt = (positions > 0) & (torch.rand(ids.shape, generator=generator) < share)
        return Batch(ids, torch.where(learnt, ids, NO_LOSS), positions)

    return make


@pytest.fixture(scope="session")
def stir() -> Callable[[Any], None]:
    """Gives adapters numbers that change the function; B starts at zero otherwise."""

    def run(model: Any) -> None:
        import torch

        generator = torch.Generator().manual_seed(7)
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.data.normal_(0, 0.05, generator=generator)

    return run


@pytest.fixture(scope="session")
def qwen3(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dense transformer."""
    return _saved("save_qwen3", tmp_path_factory)


@pytest.fixture(scope="session")
def nemotron_h(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Mamba, attention and experts."""
    return _saved("save_nemotron_h", tmp_path_factory)


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """A configuration for a base and rows, any section of which can be laid over."""

    def make(base: Path, rows: Path, **sections: Any) -> dict[str, Any]:
        made: dict[str, Any] = {
            "output": str(tmp_path / "run"),
            "base": {"path": str(base), "precision": "fp32"},
            "adapters": {"rank": 8, "alpha": 16},
            "data": {"train": [str(rows)], "max_tokens": 1200},
            "packing": {"tokens": 2400},
            "optimizer": {"learning_rate": 0.02},
            "schedule": {"warmup": 0.1},
            "length": {"steps": 6, "rows_per_step": 2},
            "machine": {"device": "cpu", "tensorboard": False},
        }
        for name, section in sections.items():
            made[name] = {**made.get(name, {}), **section} if isinstance(section, dict) else section
        return made

    return make


@pytest.fixture
def questions() -> list[dict[str, Any]]:
    """Fifty conversations of one turn, each with its own answer."""
    return [
        {"messages": [user(f"{number}?"), answer(f"The number {number} is {'odd' if number % 2 else 'even'}.")]} for number in range(50)
    ]


def _saved(name: str, factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    pytest.importorskip("trl")
    from tests.training import tiny_models

    return getattr(tiny_models, name)(factory.mktemp(name))
