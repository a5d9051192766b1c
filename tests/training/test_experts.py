from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from training.experts import Experts  # noqa: E402

EXPERTS, HIDDEN, INNER, TOKENS, CHOICES, RANK = 4, 64, 32, 19, 2, 3


def make(*, gated: bool, levels: str | None, dtype: torch.dtype = torch.float32) -> Experts:
    torch.manual_seed(0)
    up = torch.randn(EXPERTS, INNER * (2 if gated else 1), HIDDEN, dtype=dtype) / 8
    down = torch.randn(EXPERTS, HIDDEN, INNER, dtype=dtype) / 8
    experts = Experts(up, down, gated=gated, levels=levels)
    for name in experts.names:
        experts.adapt(name, RANK, 0.7)
        experts.lora_b[name].data.normal_(0, 0.3)
    return experts.to(dtype)


def dense(experts: Experts, x, index, weights):
    """W + s BA made whole, one expert and one token after the other."""
    whole = {
        name: experts.dense(name, x.dtype) + experts.scaling[name] * experts.lora_b[name] @ experts.lora_a[name] for name in experts.names
    }
    up, down = (whole[name] for name in experts.names)
    rows = []
    for token in range(x.shape[0]):
        total = 0
        for choice in range(index.shape[1]):
            hidden = up[index[token, choice]] @ x[token]
            if experts.gated:
                gate, value = hidden.chunk(2)
                hidden = torch.nn.functional.silu(gate) * value
            else:
                hidden = torch.relu(hidden) ** 2
            total = total + weights[token, choice] * (down[index[token, choice]] @ hidden)
        rows.append(total)
    return torch.stack(rows)


@pytest.mark.parametrize("gated", [False, True])
@pytest.mark.parametrize("levels", [None, "nf4", "fp4"])
def test_experts_with_adapters_are_the_dense_sum_in_loss_and_all_gradients(gated, levels):
    experts = make(gated=gated, levels=levels)
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(TOKENS, HIDDEN, generator=generator)
    # The last expert is never chosen: its group is empty and its gradients are zero.
    index = torch.stack([torch.randperm(EXPERTS - 1, generator=generator)[:CHOICES] for _ in range(TOKENS)])
    weights = torch.rand(TOKENS, CHOICES, generator=generator)
    results = []
    for function in (experts, lambda *inputs: dense(experts, *inputs)):
        leaves = [x.clone().requires_grad_(), weights.clone().requires_grad_()]
        experts.zero_grad()
        loss = (function(leaves[0], index, leaves[1]) ** 2).mean()
        loss.backward()
        adapters = [parameter.grad.clone() for pair in (experts.lora_a, experts.lora_b) for parameter in pair.values()]
        results.append([loss.detach(), *(leaf.grad for leaf in leaves), *adapters])
    for mine, true in zip(*results, strict=True):
        torch.testing.assert_close(mine, true, rtol=1e-5, atol=1e-6)


def test_frozen_weights_get_no_gradient_and_expanded_ones_are_not_kept():
    experts = make(gated=False, levels="nf4")
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor.numel()) or tensor, lambda tensor: tensor):
        x = torch.randn(TOKENS, HIDDEN, requires_grad=True)
        experts(x, torch.zeros(TOKENS, CHOICES, dtype=torch.long), torch.rand(TOKENS, CHOICES))
    assert max(kept) < EXPERTS * INNER * HIDDEN
    assert all(not parameter.requires_grad for name, parameter in make(gated=False, levels=None).named_parameters() if "lora" not in name)


def test_switched_off_adapters_leave_the_base():
    experts = make(gated=False, levels=None)
    x, index, weights = torch.randn(TOKENS, HIDDEN), torch.zeros(TOKENS, 1, dtype=torch.long), torch.ones(TOKENS, 1)
    up, down = (experts.dense(name, x.dtype)[0] for name in experts.names)
    with_adapters = experts(x, index, weights)
    experts.adapters_on = False
    torch.testing.assert_close(experts(x, index, weights), torch.relu(x @ up.T) ** 2 @ down.T, rtol=1e-5, atol=1e-5)
    assert not torch.allclose(with_adapters, experts(x, index, weights))
