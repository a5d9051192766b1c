from __future__ import annotations

import pytest

pytest.importorskip("torch")

import torch

from training.config import OptimizerSettings
from training.errors import TrainingError
from training.optimizers import build_optimizer


def parameters() -> dict[str, torch.nn.Parameter]:
    torch.manual_seed(0)
    return {
        "matrix": torch.nn.Parameter(torch.randn(4, 3)),
        "vector": torch.nn.Parameter(torch.randn(3)),
        "stack": torch.nn.Parameter(torch.randn(2, 4, 3)),
    }


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_every_parameter_moves_by_about_the_rate(name: str) -> None:
    made = parameters()
    before = {key: each.detach().clone() for key, each in made.items()}
    optimizer = build_optimizer(OptimizerSettings.model_validate({"name": name, "learning_rate": 0.1}), made)
    sum(each.pow(2).sum() for each in made.values()).backward()  # type: ignore[union-attr]
    assert optimizer.step(0.5) == pytest.approx(0.05)
    for key, each in made.items():
        moved = float((each.detach() - before[key]).pow(2).mean().sqrt())
        assert 0.2 * 0.05 * 0.2 < moved < 0.06, key


def test_a_state_is_the_same_after_it_was_written_and_read() -> None:
    settings = OptimizerSettings(name="muon", learning_rate=0.1)
    one, other = parameters(), parameters()
    first, second = build_optimizer(settings, one), build_optimizer(settings, other)
    for made, optimizer in ((one, first), (other, second)):
        sum(each.pow(2).sum() for each in made.values()).backward()  # type: ignore[union-attr]
        optimizer.step(1.0)
    again = build_optimizer(settings, other)
    again.restore(second.state())
    for made, optimizer in ((one, first), (other, again)):
        optimizer.clear()
        sum(each.pow(3).sum() for each in made.values()).backward()  # type: ignore[union-attr]
        optimizer.step(1.0)
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("name", ["adamw_8bit", "paged_adamw", "paged_adamw_8bit"])
def test_what_needs_a_gpu_says_so(name: str) -> None:
    pytest.importorskip("bitsandbytes")
    with pytest.raises(TrainingError, match="needs a GPU: on a CPU there are adamw and muon"):
        build_optimizer(OptimizerSettings.model_validate({"name": name, "learning_rate": 0.1}), parameters())
