from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("trl")

import torch

from tests.training.tiny_models import write_rows
from training.base_settings import AdapterSettings, BaseSettings
from training.config import SftConfig
from training.cost import cost_of
from training.family import read_family
from training.model import attach_adapters, load_base
from training.plan import make_plan
from training.recipe import find_recipe


def test_operations_of_a_dense_model_are_six_for_each_weight_and_the_heads_are_those_of_learned_tokens(qwen3: Path) -> None:
    model = load_base(BaseSettings(path=str(qwen3), precision="fp32"), find_recipe("qwen3"), "cpu")
    shape = json.loads((qwen3 / "config.json").read_text())
    cost = cost_of(model, torch.device("cpu"), peak_tflops=1e-6, mean_length=0)
    hidden, heads = shape["hidden_size"], shape["head_dim"]
    a_layer = hidden * heads * (2 + 1 + 1) + 2 * heads * hidden + 3 * hidden * shape["intermediate_size"]
    assert cost.active == 2 * a_layer
    assert cost.head == shape["vocab_size"] * hidden
    assert cost.operations(10, 4) == 6 * (10 * cost.active + 4 * cost.head)
    assert cost.mfu(10, 4, seconds=2.0, devices=3) == pytest.approx(cost.operations(10, 4) / 2 / 1e6 / 3)
    assert cost_of(model, torch.device("cpu"), peak_tflops=None, mean_length=0).mfu(10, 4, 1.0, 1) is None


@pytest.mark.parametrize("precision", ["fp32", "nf4"])
def test_of_experts_only_the_share_that_is_routed_to_counts_whatever_they_are_held_in(precision: str, nemotron_h: Path) -> None:
    base = BaseSettings.model_validate({"path": str(nemotron_h), "precision": precision})
    model = load_base(base, find_recipe("nemotron-3-nano"), "cpu")
    cost = cost_of(model, torch.device("cpu"), peak_tflops=None, mean_length=100)
    experts = 2 * (2 * 32 * 32 * 4)  # two layers, up and down, of 4 experts
    others = cost.active - experts * 2 / 4
    inner, groups = 32, 2 * 2 * 8
    mamba = 2 * (32 * (2 * inner + groups + 4) + inner * 32)
    attention = 32 * 16 * (2 + 1 + 1) + 32 * 32
    shared = 2 * 2 * 32 * 48
    assert others == mamba + attention + shared, "routers are too small to count"
    assert cost.attention == 1 * 2 * 16, "one layer of the five"


def test_a_plan_is_what_a_run_then_does(
    nemotron_h: Path, settings: Callable[..., dict[str, Any]], questions: list[Any], tmp_path: Path
) -> None:
    rows = write_rows(tmp_path / "rows.jsonl", questions)
    config = SftConfig.model_validate(settings(nemotron_h, rows, length={"epochs": 2, "steps": None, "rows_per_step": 1}))
    plan = make_plan("sft", config)
    model = load_base(config.base, find_recipe("nemotron-3-nano"), "cpu")
    base = sum(each.numel() for each in model.parameters())
    matched = attach_adapters(model, read_family(config.base, None).recipe, AdapterSettings(rank=8, alpha=16))
    assert plan.matched == matched
    assert plan.base_parameters == base
    assert plan.trainable == sum(each.numel() for each in model.parameters() if each.requires_grad)
    assert plan.steps == 2 * plan.rows
    assert plan.tokens == 2 * plan.card.train.tokens
    assert plan.fill * plan.rows * config.packing.tokens == pytest.approx(plan.card.train.tokens)
    assert plan.memory["adapters"] * 2**30 == pytest.approx(plan.trainable * 16)
    weights = sum(each.numel() * each.element_size() for each in load_base(config.base, None, "cpu").parameters())
    assert plan.memory["weights"] * 2**30 == pytest.approx(weights, rel=0.05)
