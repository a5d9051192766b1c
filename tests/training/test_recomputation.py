"""What the forward pass keeps for the backward pass, by the bytes that autograd saves: a layer that is run again saves what goes in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from training.base_settings import AdapterSettings, BaseSettings  # noqa: E402
from training.loss import loss_of  # noqa: E402
from training.model import attach_adapters, random_base  # noqa: E402
from training.packing import packing_of  # noqa: E402
from training.recipe import find_recipe  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # of transformers and PEFT, which warn about each other


def saved_bytes(model: Any, work: Callable[[], object]) -> int:
    """Without parameters, each storage once."""
    own = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    found: dict[int, Any] = {}

    def keep(tensor: Any) -> Any:
        found[tensor.untyped_storage().data_ptr()] = tensor  # which stays alive, so that no other takes its place
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        work()
    return sum(tensor.untyped_storage().nbytes() for place, tensor in found.items() if place not in own)


@pytest.mark.parametrize(
    ("keep", "saving"),
    [
        ("least", {"full_attention"}),
        ("experts", {"full_attention", "moe"}),
        ("most", {"full_attention", "moe", "mlp", "linear_attention"}),
    ],
)
def test_a_layer_of_nemotron_h_keeps_what_the_setting_says(nemotron_config: Any, packed_row: Any, keep: Any, saving: set[str]) -> None:
    recipe, batch = find_recipe("nemotron-3-nano"), packed_row(60, 100)
    model = random_base(nemotron_config(), BaseSettings(path="random", precision="fp32", keep=keep), "cpu")
    attach_adapters(model, recipe, AdapterSettings(targets=tuple(recipe.adapters.targets), rank=4))
    packing = packing_of(batch.position_ids)
    hidden = torch.randn(160, 64, requires_grad=True)
    found = {layer.block_type: saved_bytes(model, lambda layer=layer: layer(hidden, packing=packing)) for layer in model.model.layers}
    stream = hidden.nbytes
    assert {kind for kind, count in found.items() if count > stream} == saving
    assert all(count in (0, stream) for kind, count in found.items() if kind not in saving), "what goes in"
    if keep == "most":  # the scan of a Mamba layer is run again all the same: its two projections' inputs and what enters it stay
        inner, width = 64, 2 * 64 + 2 * 2 * 16 + 8
        assert found["linear_attention"] <= 4 * 160 * (64 + inner + width + 64)


@pytest.mark.parametrize("family", ["qwen3", "qwen3_moe", "llama", "smollm3"])
def test_layers_of_other_models_are_run_again(ordinary_config: Any, packed_row: Any, family: str) -> None:
    model = random_base(ordinary_config(family), BaseSettings(path="random", precision="fp32"), "cpu")
    attach_adapters(model, find_recipe("qwen3" if "qwen" in family else family), AdapterSettings(rank=4))
    batch, stream = packed_row(60, 100), 4 * 160 * 64
    again = saved_bytes(model, lambda: loss_of(model, batch))
    model.activation_checkpointing_disable()
    whole = saved_bytes(model, lambda: loss_of(model, batch))
    assert again < 6 * stream, "the last norm and the head"
    assert whole > again + 2 * 8 * stream, "two layers"
